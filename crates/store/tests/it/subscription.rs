//! [`weft_store::Subscription`]: whatever happens to the store, its events lead to what is there.

use std::collections::BTreeMap;

use weft_store::{Change, Event, Op, Revision, Store, StoreError, Subscription, Txn};

use crate::support::{Backend, on_both, soon};

on_both!(
    first_all_then_every_change,
    changes_of_a_revision_come_together,
    a_restart_delivers_the_difference,
    nothing_new_is_nothing_delivered,
    compacted_while_away,
    a_wiped_store_is_told_apart,
    a_slow_reader_misses_nothing,
    lease_expiry_is_a_deletion,
    resuming_from_a_revision,
    resuming_from_what_is_gone,
);

/// What a reader has been told so far.
#[derive(Default)]
struct Picture {
    keys: BTreeMap<String, String>,
    revision: Revision,
}

impl Picture {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Snapshot { revision, kvs } => {
                assert!(
                    self.keys.is_empty() && self.revision == 0,
                    "only one snapshot"
                );
                self.revision = *revision;
                for kv in kvs {
                    self.keys.insert(kv.key.clone(), text(&kv.value));
                }
            }
            Event::Changes { revision, changes } => {
                assert!(!changes.is_empty());
                self.revision = *revision;
                for change in changes {
                    match change {
                        Change::Put(kv) => self.keys.insert(kv.key.clone(), text(&kv.value)),
                        Change::Delete { key, .. } => self.keys.remove(key),
                    };
                }
            }
            Event::Connected | Event::Disconnected { .. } => {}
            Event::Read { parts, .. } => panic!("{parts:?} is read, and nobody is interested"),
        }
    }

    fn shown(&self) -> Vec<String> {
        self.keys
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8(value.to_vec()).unwrap()
}

async fn next(subscription: &mut Subscription) -> Event {
    soon("an event", subscription.next()).await.unwrap()
}

/// The next event that is not about the connection.
async fn next_data(subscription: &mut Subscription) -> Event {
    loop {
        match next(subscription).await {
            Event::Connected | Event::Disconnected { .. } => {}
            event => return event,
        }
    }
}

async fn disconnected(subscription: &mut Subscription) -> String {
    match next(subscription).await {
        Event::Disconnected { reason } => reason,
        other => panic!("{other:?}"),
    }
}

fn keys(event: &Event) -> Vec<String> {
    let Event::Changes { changes, .. } = event else {
        panic!("{event:?}")
    };
    changes
        .iter()
        .map(|change| match change {
            Change::Put(kv) => format!("+{}={}", kv.key, text(&kv.value)),
            Change::Delete { key, .. } => format!("-{key}"),
        })
        .collect()
}

fn subscribe(store: &Store, prefixes: &[&str]) -> Subscription {
    store.subscribe(prefixes.iter().map(|prefix| (*prefix).to_owned()).collect())
}

async fn first_all_then_every_change(backend: Backend) {
    let store = backend.store().await;
    store.put("a/1", "1").await.unwrap();
    store.put("b/1", "1").await.unwrap();
    store.put("c/1", "1").await.unwrap();
    let mut subscription = subscribe(&store, &["a/", "b/"]);
    let mut picture = Picture::default();
    let first = next(&mut subscription).await;
    picture.apply(&first);
    assert_eq!(picture.shown(), ["a/1=1", "b/1=1"]);
    assert_eq!(picture.revision, 4);

    store.put("a/2", "1").await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await), ["+a/2=1"]);
    store.put("c/1", "2").await.unwrap();
    store.put("a/1", "2").await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await), ["+a/1=2"]);
    store.delete("b/1").await.unwrap();
    let event = next(&mut subscription).await;
    assert_eq!(
        event,
        Event::Changes {
            revision: 8,
            changes: vec![Change::Delete {
                key: "b/1".into(),
                mod_revision: 8
            }]
        }
    );
    store.delete_prefix("a/").await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await), ["-a/1", "-a/2"]);
    soon("the end", subscription.close()).await;
}

async fn changes_of_a_revision_come_together(backend: Backend) {
    let store = backend.store().await;
    let prefixes: Vec<String> = (0..20).map(|n| format!("p{n:02}/")).collect();
    let mut subscription = store.subscribe(prefixes.clone());
    assert!(matches!(
        next(&mut subscription).await,
        Event::Snapshot { .. }
    ));
    let writer = tokio::spawn(async move {
        for round in 0..50 {
            let puts = prefixes
                .iter()
                .map(|prefix| Op::put(format!("{prefix}k"), round.to_string()));
            store.txn(Txn::unconditional(puts)).await.unwrap();
        }
    });
    let mut before = 1;
    for round in 0..50 {
        let event = next(&mut subscription).await;
        let Event::Changes { revision, changes } = event else {
            panic!("{event:?}")
        };
        assert_eq!(revision, before + 1);
        before = revision;
        assert_eq!(changes.len(), 20, "round {round}");
        assert!(
            changes
                .iter()
                .all(|change| change.mod_revision() == revision)
        );
    }
    writer.await.unwrap();

    // Large enough to be split on its way.
    let store = backend.store().await;
    let mut subscription = subscribe(&store, &["large/", "other/"]);
    assert!(matches!(
        next(&mut subscription).await,
        Event::Snapshot { .. }
    ));
    let large = "x".repeat(10_000);
    let puts = (0..128).map(|n| Op::put(format!("large/{n}"), large.clone()));
    store.txn(Txn::unconditional(puts)).await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await).len(), 128);
    store.delete_prefix("large/").await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await).len(), 128);
}

async fn a_restart_delivers_the_difference(mut backend: Backend) {
    let store = backend.store().await;
    for key in ["a/kept", "a/changed", "a/deleted"] {
        store.put(key, "1").await.unwrap();
    }
    let mut subscription = subscribe(&store, &["a/", "b/"]);
    let mut picture = Picture::default();
    picture.apply(&next(&mut subscription).await);
    store.put("a/live", "1").await.unwrap();
    picture.apply(&next(&mut subscription).await);

    backend.stop().await;
    assert!(!disconnected(&mut subscription).await.is_empty());
    // Changed behind the subscription's back: nobody else is connected while it starts.
    backend.start_again().await;
    let other = backend.store().await;
    let change = Txn::unconditional([
        Op::put("a/changed", "2"),
        Op::delete("a/deleted"),
        Op::delete("a/live"),
        Op::put("b/new", "1"),
    ]);
    crate::support::eventually("the store answers", || async {
        other.txn(change.clone()).await.is_ok()
    })
    .await;
    while !picture.keys.contains_key("b/new") {
        picture.apply(&next(&mut subscription).await);
    }
    assert_eq!(picture.shown(), ["a/changed=2", "a/kept=1", "b/new=1"]);
    store.put("a/after", "1").await.unwrap();
    assert_eq!(keys(&next_data(&mut subscription).await), ["+a/after=1"]);
}

async fn nothing_new_is_nothing_delivered(mut backend: Backend) {
    let store = backend.store().await;
    store.put("a/1", "1").await.unwrap();
    let mut subscription = subscribe(&store, &["a/"]);
    assert!(matches!(
        next(&mut subscription).await,
        Event::Snapshot { .. }
    ));
    backend.stop().await;
    disconnected(&mut subscription).await;
    backend.start_again().await;
    loop {
        match next(&mut subscription).await {
            Event::Connected => break,
            Event::Disconnected { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    store.put("a/2", "1").await.unwrap();
    assert_eq!(keys(&next(&mut subscription).await), ["+a/2=1"]);
}

async fn compacted_while_away(mut backend: Backend) {
    let store = backend.store().await;
    store.put("a/1", "1").await.unwrap();
    store.put("a/2", "1").await.unwrap();
    let mut subscription = subscribe(&store, &["a/"]);
    assert!(matches!(
        next(&mut subscription).await,
        Event::Snapshot { .. }
    ));
    backend.stop().await;
    disconnected(&mut subscription).await;
    // While the subscription cannot reach it, the store moves on and forgets.
    let mut hidden = backend;
    hidden.start_again().await;
    let other = hidden.store().await;
    crate::support::eventually("the store answers", || async {
        other.delete("a/1").await.is_ok()
    })
    .await;
    let revision = other.put("a/2", "2").await.unwrap();
    other.compact(revision).await.unwrap();
    let mut changed = Vec::new();
    while changed.len() < 2 {
        changed.extend(keys(&next_data(&mut subscription).await));
    }
    assert_eq!(changed, ["-a/1", "+a/2=2"]);
}

async fn a_wiped_store_is_told_apart(mut backend: Backend) {
    let store = backend.store().await;
    store.put("a/1", "old").await.unwrap();
    store.put("a/2", "old").await.unwrap();
    let mut subscription = subscribe(&store, &["a/"]);
    let mut picture = Picture::default();
    picture.apply(&next(&mut subscription).await);
    backend.stop().await;
    backend.wipe();
    disconnected(&mut subscription).await;
    backend.start_again().await;
    let other = backend.store().await;
    crate::support::eventually("the store answers", || async {
        other.put("a/1", "new").await.is_ok()
    })
    .await;
    while picture.shown() != ["a/1=new"] {
        picture.apply(&next(&mut subscription).await);
    }
}

async fn a_slow_reader_misses_nothing(backend: Backend) {
    let store = backend.store().await;
    let mut subscription = subscribe(&store, &["a/", "b/"]);
    assert!(matches!(
        next(&mut subscription).await,
        Event::Snapshot { .. }
    ));
    // Far more than any queue on the way holds, before the reader takes the first.
    let large = "x".repeat(20_000);
    for n in 0..600 {
        store
            .put(
                if n % 2 == 0 { "a/k" } else { "b/k" },
                format!("{n} {large}"),
            )
            .await
            .unwrap();
    }
    // Each key in its order. (Over both keys etcd 3.4 keeps it only for readers that keep up.)
    let mut wanted = [("a/k", 0), ("b/k", 1)];
    for _ in 0..600 {
        let event = next(&mut subscription).await;
        let Event::Changes { changes, .. } = &event else {
            panic!("{event:?}")
        };
        let [Change::Put(kv)] = &changes[..] else {
            panic!("{} changes", changes.len())
        };
        let (_, n) = wanted.iter_mut().find(|(key, _)| *key == kv.key).unwrap();
        assert!(
            kv.value.starts_with(format!("{n} ").as_bytes()),
            "change {n} of {}",
            kv.key
        );
        *n += 2;
    }
    assert_eq!(wanted.map(|(_, n)| n), [600, 601]);
}

async fn lease_expiry_is_a_deletion(backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(std::time::Duration::from_secs(2));
    session.set("a/alive", "1");
    soon("the key", session.settled()).await;
    let mut subscription = subscribe(&store, &["a/"]);
    let event = next(&mut subscription).await;
    assert!(
        matches!(&event, Event::Snapshot { kvs, .. } if kvs.len() == 1),
        "{event:?}"
    );
    session.close().await;
    assert_eq!(keys(&next(&mut subscription).await), ["-a/alive"]);
}

async fn resuming_from_a_revision(mut backend: Backend) {
    let store = backend.store().await;
    store.put("a/1", "1").await.unwrap();
    store.put("a/1", "2").await.unwrap();
    store.put("b/1", "1").await.unwrap();
    let mut resumed = store.subscribe_from(vec!["a/".into(), "b/".into()], 3);
    let mut seen = Vec::new();
    for _ in 0..2 {
        seen.extend(keys(
            &soon("history", resumed.next()).await.unwrap().unwrap(),
        ));
    }
    assert_eq!(seen, ["+a/1=2", "+b/1=1"]);
    store.put("a/1", "3").await.unwrap();
    assert_eq!(
        keys(&soon("a change", resumed.next()).await.unwrap().unwrap()),
        ["+a/1=3"]
    );

    backend.stop().await;
    let event = soon("loss", resumed.next()).await.unwrap().unwrap();
    assert!(matches!(event, Event::Disconnected { .. }), "{event:?}");
    backend.start_again().await;
    let other = backend.store().await;
    crate::support::eventually("the store answers", || async {
        other.put("b/1", "2").await.is_ok()
    })
    .await;
    loop {
        match soon("the missed change", resumed.next())
            .await
            .unwrap()
            .unwrap()
        {
            Event::Connected | Event::Disconnected { .. } => {}
            event => break assert_eq!(keys(&event), ["+b/1=2"]),
        }
    }
    soon("the end", resumed.close()).await;
}

async fn resuming_from_what_is_gone(backend: Backend) {
    let store = backend.store().await;
    for value in ["1", "2", "3"] {
        store.put("a/1", value).await.unwrap();
    }
    store.compact(4).await.unwrap();
    let mut resumed = store.subscribe_from(vec!["a/".into()], 2);
    let end = soon("the error", resumed.next()).await.unwrap();
    assert!(
        matches!(
            end,
            Err(StoreError::Compacted {
                requested: 2,
                oldest: Some(4)
            })
        ),
        "{end:?}"
    );
    assert!(soon("the end", resumed.next()).await.is_none());

    let mut resumed = store.subscribe_from(vec!["a/".into()], 99);
    let end = soon("the error", resumed.next()).await.unwrap();
    assert!(
        matches!(
            end,
            Err(StoreError::RevisionLost {
                requested: 99,
                current: 4
            })
        ),
        "{end:?}"
    );
}
