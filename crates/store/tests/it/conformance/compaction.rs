//! Compact: what is forgotten, what stays, what is refused.

use etcd_client::{GetOptions, WatchOptions};
use tonic::Code;

use super::{lines, put, refusal, says};
use crate::support::{Backend, on_both, soon};

on_both!(forgets_the_past_only, watches_from_before_are_cancelled);

async fn forgets_the_past_only(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await; // 2
    put(&mut client, "b", "1").await; // 3
    put(&mut client, "a", "2").await; // 4
    client.delete("b", None).await.unwrap(); // 5
    put(&mut client, "c", "1").await; // 6
    client.compact(4, None).await.unwrap();

    let compacted = says(
        Code::OutOfRange,
        "etcdserver: mvcc: required revision has been compacted",
    );
    let at = |revision| Some(GetOptions::new().with_all_keys().with_revision(revision));
    assert_eq!(refusal(client.get("", at(3)).await), compacted);
    assert_eq!(
        lines(client.get("", at(4)).await.unwrap().kvs()),
        ["a=2 2/4/2 0", "b=1 3/3/1 0"]
    );
    assert_eq!(
        lines(client.get("", at(5)).await.unwrap().kvs()),
        ["a=2 2/4/2 0"]
    );

    // Compacting is no change, and does not go back, nor ahead.
    assert_eq!(
        client
            .get("a", None)
            .await
            .unwrap()
            .header()
            .unwrap()
            .revision(),
        6
    );
    assert_eq!(refusal(client.compact(4, None).await), compacted);
    assert_eq!(refusal(client.compact(3, None).await), compacted);
    assert_eq!(
        refusal(client.compact(7, None).await),
        says(
            Code::OutOfRange,
            "etcdserver: mvcc: required revision is a future revision"
        )
    );
    client.compact(6, None).await.unwrap();
    assert_eq!(
        lines(client.get("", at(6)).await.unwrap().kvs()),
        ["a=2 2/4/2 0", "c=1 6/6/1 0"]
    );
    assert_eq!(refusal(client.get("", at(5)).await), compacted);
    assert_eq!(put(&mut client, "b", "2").await, 7);
    assert_eq!(
        lines(client.get("", at(0)).await.unwrap().kvs()),
        ["a=2 2/4/2 0", "b=2 7/7/1 0", "c=1 6/6/1 0"]
    );
}

async fn watches_from_before_are_cancelled(backend: Backend) {
    let mut client = backend.client().await;
    for value in ["1", "2", "3", "4"] {
        put(&mut client, "a", value).await; // 2 to 5
    }
    client.compact(4, None).await.unwrap();

    let options = WatchOptions::new().with_start_revision(3);
    let mut stream = client.watch("a", Some(options)).await.unwrap();
    let created = soon("creation", stream.message()).await.unwrap().unwrap();
    assert!(created.created() && !created.canceled());
    let cancelled = soon("cancellation", stream.message())
        .await
        .unwrap()
        .unwrap();
    assert!(cancelled.canceled());
    assert_eq!(cancelled.compact_revision(), 4);
    assert_eq!(cancelled.watch_id(), created.watch_id());

    // From the compacted revision itself everything is there.
    let options = WatchOptions::new().with_start_revision(4);
    stream.watch("a", Some(options)).await.unwrap();
    assert!(
        soon("creation", stream.message())
            .await
            .unwrap()
            .unwrap()
            .created()
    );
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let answer = soon("events", stream.message()).await.unwrap().unwrap();
        seen.extend(
            answer
                .events()
                .iter()
                .map(|event| event.kv().unwrap().mod_revision()),
        );
    }
    assert_eq!(seen, [4, 5]);
}
