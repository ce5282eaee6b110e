//! Watch: from now and from the past, many on one stream, filters, fragments, progress.

use etcd_client::{
    DeleteOptions, EventType, Txn, TxnOp, WatchFilterType, WatchOptions, WatchResponse, WatchStream,
};

use super::{line, put};
use crate::support::{Backend, on_both, soon};

on_both!(
    from_now_and_from_the_past,
    many_on_one_stream,
    what_was_before,
    filtered,
    a_revision_comes_whole,
    large_revisions_in_fragments,
    refused_watches,
    progress_on_request,
    ranges,
);

async fn message(stream: &mut WatchStream) -> WatchResponse {
    soon("a watch answer", stream.message())
        .await
        .unwrap()
        .expect("the stream goes on")
}

/// The next answer with events, as `watch: PUT line` or `watch: DELETE key revision`.
async fn events(stream: &mut WatchStream) -> Vec<String> {
    let answer = loop {
        let answer = message(stream).await;
        if !answer.events().is_empty() {
            break answer;
        }
    };
    answer
        .events()
        .iter()
        .map(|event| {
            let kv = event.kv().unwrap();
            let mut text = match event.event_type() {
                EventType::Put => format!("{}: PUT {}", answer.watch_id(), line(kv)),
                EventType::Delete => {
                    assert_eq!((kv.create_revision(), kv.version()), (0, 0));
                    format!(
                        "{}: DELETE {} {}",
                        answer.watch_id(),
                        kv.key_str().unwrap(),
                        kv.mod_revision()
                    )
                }
            };
            if let Some(before) = event.prev_kv() {
                text = format!("{text} after {}", line(before));
            }
            text
        })
        .collect()
}

/// That many events, in however many answers.
async fn collect(stream: &mut WatchStream, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(events(stream).await);
    }
    all
}

async fn from_now_and_from_the_past(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await;
    put(&mut client, "b", "1").await;
    let mut now = client.watch("a", None).await.unwrap();
    let created = message(&mut now).await;
    assert!(created.created());
    assert_eq!(
        (created.watch_id(), created.header().unwrap().revision()),
        (0, 3)
    );

    put(&mut client, "a", "2").await;
    put(&mut client, "b", "2").await;
    client.delete("a", None).await.unwrap();
    let wanted = ["0: PUT a=2 2/4/2 0", "0: DELETE a 6"];
    assert_eq!(collect(&mut now, 2).await, wanted);

    let options = WatchOptions::new().with_start_revision(2);
    let mut past = client.watch("a", Some(options)).await.unwrap();
    assert_eq!(
        collect(&mut past, 3).await,
        ["0: PUT a=1 2/2/1 0", wanted[0], wanted[1]]
    );
    put(&mut client, "a", "3").await;
    assert_eq!(collect(&mut past, 1).await, ["0: PUT a=3 7/7/1 0"]);

    // A watch may also wait for what is yet to come.
    let options = WatchOptions::new().with_start_revision(9);
    let mut future = client.watch("a", Some(options)).await.unwrap();
    assert!(message(&mut future).await.created());
    put(&mut client, "a", "4").await; // 8
    put(&mut client, "a", "5").await; // 9
    assert_eq!(collect(&mut future, 1).await, ["0: PUT a=5 7/9/3 0"]);
}

async fn many_on_one_stream(backend: Backend) {
    let mut client = backend.client().await;
    let mut stream = client.watch("a", None).await.unwrap();
    assert_eq!(message(&mut stream).await.watch_id(), 0);
    stream
        .watch("b", Some(WatchOptions::new().with_watch_id(7)))
        .await
        .unwrap();
    assert_eq!(message(&mut stream).await.watch_id(), 7);
    stream
        .watch("", Some(WatchOptions::new().with_all_keys()))
        .await
        .unwrap();
    assert_eq!(message(&mut stream).await.watch_id(), 1);

    put(&mut client, "b", "1").await;
    let mut both = collect(&mut stream, 2).await;
    both.sort();
    assert_eq!(both, ["1: PUT b=1 2/2/1 0", "7: PUT b=1 2/2/1 0"]);

    stream.cancel(1).await.unwrap();
    let cancelled = message(&mut stream).await;
    assert!(cancelled.canceled());
    assert_eq!((cancelled.watch_id(), cancelled.compact_revision()), (1, 0));
    // A watch that is not there is cancelled without a word.
    stream.cancel(99).await.unwrap();
    put(&mut client, "c", "1").await;
    put(&mut client, "a", "1").await;
    assert_eq!(collect(&mut stream, 1).await, ["0: PUT a=1 4/4/1 0"]);
}

async fn what_was_before(backend: Backend) {
    let mut client = backend.client().await;
    let options = || WatchOptions::new().with_prefix().with_prev_key();
    let mut now = client.watch("k", Some(options())).await.unwrap();
    assert!(message(&mut now).await.created());
    put(&mut client, "k", "1").await;
    put(&mut client, "k", "2").await;
    client.delete("k", None).await.unwrap();
    put(&mut client, "k", "3").await;
    let wanted = [
        "0: PUT k=1 2/2/1 0",
        "0: PUT k=2 2/3/2 0 after k=1 2/2/1 0",
        "0: DELETE k 4 after k=2 2/3/2 0",
        "0: PUT k=3 5/5/1 0",
    ];
    assert_eq!(collect(&mut now, 4).await, wanted);
    let mut past = client
        .watch("k", Some(options().with_start_revision(1)))
        .await
        .unwrap();
    assert_eq!(collect(&mut past, 4).await, wanted);

    // What was compacted away is no longer known.
    client.compact(3, None).await.unwrap();
    let mut past = client
        .watch("k", Some(options().with_start_revision(3)))
        .await
        .unwrap();
    assert_eq!(
        collect(&mut past, 3).await,
        [
            "0: PUT k=2 2/3/2 0",
            "0: DELETE k 4 after k=2 2/3/2 0",
            "0: PUT k=3 5/5/1 0"
        ]
    );
}

async fn filtered(backend: Backend) {
    let mut client = backend.client().await;
    let with = |filter| Some(WatchOptions::new().with_filters([filter]));
    let mut deletes = client
        .watch("a", with(WatchFilterType::NoPut))
        .await
        .unwrap();
    assert!(message(&mut deletes).await.created());
    let mut puts = client
        .watch("a", with(WatchFilterType::NoDelete))
        .await
        .unwrap();
    assert!(message(&mut puts).await.created());
    put(&mut client, "a", "1").await;
    client.delete("a", None).await.unwrap();
    put(&mut client, "a", "2").await;
    client.delete("a", None).await.unwrap();
    assert_eq!(
        collect(&mut deletes, 2).await,
        ["0: DELETE a 3", "0: DELETE a 5"]
    );
    assert_eq!(
        collect(&mut puts, 2).await,
        ["0: PUT a=1 2/2/1 0", "0: PUT a=2 4/4/1 0"]
    );
}

async fn a_revision_comes_whole(backend: Backend) {
    let mut client = backend.client().await;
    let options = WatchOptions::new().with_prefix();
    let mut stream = client.watch("k/", Some(options)).await.unwrap();
    assert!(message(&mut stream).await.created());
    let puts: Vec<TxnOp> = ["k/b", "x", "k/a"]
        .map(|key| TxnOp::put(key, "1", None))
        .to_vec();
    client.txn(Txn::new().and_then(puts)).await.unwrap();
    // In the order of the operations.
    assert_eq!(
        events(&mut stream).await,
        ["0: PUT k/b=1 2/2/1 0", "0: PUT k/a=1 2/2/1 0"]
    );
    client
        .delete("", Some(DeleteOptions::new().with_all_keys()))
        .await
        .unwrap();
    assert_eq!(
        events(&mut stream).await,
        ["0: DELETE k/a 3", "0: DELETE k/b 3"]
    );
}

async fn large_revisions_in_fragments(backend: Backend) {
    let mut client = backend.client().await;
    for key in 0..8 {
        client
            .put(format!("k/{key}"), vec![b'x'; 600_000], None)
            .await
            .unwrap();
    }
    let options = || WatchOptions::new().with_prefix().with_prev_key();
    let mut stream = client
        .watch("k/", Some(options().with_fragment()))
        .await
        .unwrap();
    assert!(message(&mut stream).await.created());
    client
        .delete("k/", Some(DeleteOptions::new().with_prefix()))
        .await
        .unwrap();
    let mut sizes = Vec::new();
    loop {
        let answer = message(&mut stream).await;
        sizes.push(answer.events().len());
        if !answer.0.fragment {
            break;
        }
    }
    assert!(sizes.len() > 1, "one answer of {sizes:?} events");
    assert_eq!(sizes.iter().sum::<usize>(), 8);
}

async fn refused_watches(backend: Backend) {
    let mut client = backend.client().await;
    let mut stream = client
        .watch("a", Some(WatchOptions::new().with_watch_id(3)))
        .await
        .unwrap();
    assert!(message(&mut stream).await.created());

    stream
        .watch("b", Some(WatchOptions::new().with_watch_id(3)))
        .await
        .unwrap();
    let refused = message(&mut stream).await;
    assert!(refused.created() && refused.canceled());
    assert_eq!(refused.watch_id(), -1);
    assert_eq!(
        refused.cancel_reason(),
        "mvcc: duplicate watch ID provided on the WatchStream"
    );

    stream
        .watch("b", Some(WatchOptions::new().with_range("a")))
        .await
        .unwrap();
    let refused = message(&mut stream).await;
    assert!(refused.created() && refused.canceled());
    assert_eq!(refused.cancel_reason(), "mvcc: watcher range is empty");

    put(&mut client, "a", "1").await;
    assert_eq!(collect(&mut stream, 1).await, ["3: PUT a=1 2/2/1 0"]);
}

async fn progress_on_request(backend: Backend) {
    let mut client = backend.client().await;
    let mut stream = client.watch("a", None).await.unwrap();
    assert!(message(&mut stream).await.created());
    put(&mut client, "b", "1").await;
    stream.request_progress().await.unwrap();
    let progress = message(&mut stream).await;
    assert_eq!((progress.watch_id(), progress.events().len()), (-1, 0));
    assert!(!progress.created() && !progress.canceled());
    assert_eq!(progress.header().unwrap().revision(), 2);
}

async fn ranges(backend: Backend) {
    let mut client = backend.client().await;
    let mut half = client
        .watch("b", Some(WatchOptions::new().with_range("d")))
        .await
        .unwrap();
    assert!(message(&mut half).await.created());
    let mut from = client
        .watch("c", Some(WatchOptions::new().with_from_key()))
        .await
        .unwrap();
    assert!(message(&mut from).await.created());
    for key in ["a", "b", "c", "d"] {
        put(&mut client, key, "").await;
    }
    assert_eq!(
        collect(&mut half, 2).await,
        ["0: PUT b= 3/3/1 0", "0: PUT c= 4/4/1 0"]
    );
    assert_eq!(
        collect(&mut from, 2).await,
        ["0: PUT c= 4/4/1 0", "0: PUT d= 5/5/1 0"]
    );
}
