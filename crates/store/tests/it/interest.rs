//! [`Subscription::set_interest`]: what is followed beside the prefixes changes at any time.

use std::collections::{BTreeMap, BTreeSet};

use weft_store::{Change, Event, Op, Part, Store, Subscription, Txn};

use crate::support::{Backend, eventually, on_both, soon};

on_both!(
    what_is_new_is_read_and_then_followed,
    what_is_dropped_is_silent_and_read_anew,
    many_parts_are_one_reading,
    a_restart_delivers_the_difference_and_what_is_new,
    compacted_history_is_a_difference,
    under_churn_the_picture_is_that_of_the_store,
);

/// What a reader knows of its interest.
#[derive(Default)]
struct Picture {
    read: BTreeSet<Part>,
    keys: BTreeMap<String, (String, i64)>,
}

impl Picture {
    fn apply(&mut self, event: Event) {
        match event {
            Event::Read { parts, kvs, .. } => {
                for part in parts {
                    assert!(self.read.insert(part.clone()), "{part} is read twice");
                }
                for kv in kvs {
                    self.put(kv.key, &kv.value, kv.mod_revision);
                }
            }
            Event::Changes { changes, .. } => {
                for change in changes {
                    match change {
                        Change::Put(kv) => self.put(kv.key, &kv.value, kv.mod_revision),
                        Change::Delete { key, .. } => {
                            self.keys.remove(&key);
                        }
                    }
                }
            }
            Event::Snapshot { .. } | Event::Connected | Event::Disconnected { .. } => {}
        }
    }

    fn put(&mut self, key: String, value: &[u8], revision: i64) {
        let part = self.read.iter().find(|part| part.contains(&key));
        assert!(part.is_some(), "{key} comes before its part was read");
        let value = String::from_utf8(value.to_vec()).unwrap();
        let before = self.keys.insert(key.clone(), (value, revision));
        assert!(
            before.is_none_or(|(_, before)| before < revision),
            "{key} goes back in time"
        );
    }

    /// The reader is interested in something else.
    fn set(&mut self, subscription: &mut Subscription, parts: &BTreeSet<Part>) {
        subscription.set_interest(parts.iter().cloned());
        self.read.retain(|part| parts.contains(part));
        self.keys
            .retain(|key, _| parts.iter().any(|part| part.contains(key)));
    }

    fn shown(&self) -> Vec<String> {
        let shown = |(key, (value, _)): (&String, &(String, i64))| format!("{key}={value}");
        self.keys.iter().map(shown).collect()
    }
}

fn key(text: &str) -> Part {
    Part::Key(text.to_owned())
}

fn prefix(text: &str) -> Part {
    Part::Prefix(text.to_owned())
}

async fn subscribed(store: &Store) -> Subscription {
    let mut subscription = store.subscribe(vec!["own/".to_owned()]);
    let first = next(&mut subscription).await;
    assert!(matches!(first, Event::Snapshot { .. }), "{first:?}");
    subscription
}

async fn next(subscription: &mut Subscription) -> Event {
    soon("an event", subscription.next()).await.unwrap()
}

fn shown(event: &Event) -> Vec<String> {
    match event {
        Event::Read { kvs, .. } => kvs.iter().map(|kv| kv.key.clone()).collect(),
        Event::Changes { changes, .. } => changes
            .iter()
            .map(|change| match change {
                Change::Put(kv) => format!("+{}", kv.key),
                Change::Delete { key, .. } => format!("-{key}"),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

async fn what_is_new_is_read_and_then_followed(backend: Backend) {
    let store = backend.store().await;
    for present in ["group/a", "member/a/1", "member/a/2", "member/ab/1"] {
        store.put(present, "1").await.unwrap();
    }
    let mut subscription = subscribed(&store).await;
    subscription.set_interest([key("group/a"), prefix("member/a/"), key("group/none")]);
    let event = next(&mut subscription).await;
    let Event::Read {
        parts, revision, ..
    } = &event
    else {
        panic!("{event:?}")
    };
    assert_eq!((parts.len(), *revision), (3, 5));
    assert_eq!(shown(&event), ["group/a", "member/a/1", "member/a/2"]);

    let both = Txn::unconditional([Op::put("own/port", "1"), Op::put("member/a/3", "1")]);
    store.txn(both).await.unwrap();
    let mut together = shown(&next(&mut subscription).await);
    together.sort();
    assert_eq!(together, ["+member/a/3", "+own/port"]);
    // Of what has no part here nothing comes.
    store.put("member/ab/2", "1").await.unwrap();
    store.put("group/ab", "1").await.unwrap();
    store.put("group/none", "1").await.unwrap();
    assert_eq!(shown(&next(&mut subscription).await), ["+group/none"]);
    store.delete_prefix("group/").await.unwrap();
    let mut gone = shown(&next(&mut subscription).await);
    gone.sort();
    assert_eq!(gone, ["-group/a", "-group/none"]);
    soon("the end", subscription.close()).await;
}

async fn what_is_dropped_is_silent_and_read_anew(backend: Backend) {
    let store = backend.store().await;
    store.put("group/a", "1").await.unwrap();
    let mut subscription = subscribed(&store).await;
    subscription.set_interest([key("group/a"), key("group/b")]);
    assert_eq!(shown(&next(&mut subscription).await), ["group/a"]);
    subscription.set_interest([key("group/b")]);
    store.put("group/a", "2").await.unwrap();
    store.put("group/b", "1").await.unwrap();
    assert_eq!(shown(&next(&mut subscription).await), ["+group/b"]);
    // Dropped and asked for again at once, it was asked for anew.
    subscription.set_interest([]);
    subscription.set_interest([key("group/a"), key("group/b")]);
    let event = next(&mut subscription).await;
    assert!(matches!(&event, Event::Read { .. }), "{event:?}");
    assert_eq!(shown(&event), ["group/a", "group/b"]);
}

async fn many_parts_are_one_reading(backend: Backend) {
    const GROUPS: usize = 500;
    let store = backend.store().await;
    let present = (0..GROUPS).flat_map(|n| {
        let member = |m| Op::put(format!("member/{n}/{m}"), "1");
        [Op::put(format!("group/{n}"), "1"), member(1), member(2)]
    });
    for txn in Txn::chunks(present) {
        store.txn(txn).await.unwrap();
    }
    let mut subscription = subscribed(&store).await;
    let parts = |from: usize, to: usize| {
        (from..to).flat_map(|n| [key(&format!("group/{n}")), prefix(&format!("member/{n}/"))])
    };
    subscription.set_interest(parts(0, GROUPS));
    let event = next(&mut subscription).await;
    let Event::Read { parts: read, .. } = &event else {
        panic!("{event:?}")
    };
    assert_eq!(read.len(), GROUPS * 2);
    assert_eq!(shown(&event).len(), GROUPS * 3);
    // What stays is not read again.
    subscription.set_interest(parts(1, GROUPS + 1));
    let event = next(&mut subscription).await;
    assert!(
        matches!(&event, Event::Read { parts, kvs, .. } if parts.len() == 2 && kvs.is_empty()),
        "{event:?}"
    );
    let puts = (0..=100).map(|n| Op::put(format!("member/{n}/3"), "1"));
    store.txn(Txn::unconditional(puts)).await.unwrap();
    assert_eq!(shown(&next(&mut subscription).await).len(), 100);
}

async fn a_restart_delivers_the_difference_and_what_is_new(mut backend: Backend) {
    let store = backend.store().await;
    for present in ["group/kept", "group/dropped", "group/new", "group/deleted"] {
        store.put(present, "1").await.unwrap();
    }
    let mut subscription = subscribed(&store).await;
    let mut picture = Picture::default();
    let first = ["group/kept", "group/dropped", "group/deleted"].map(key);
    picture.set(&mut subscription, &first.into());
    picture.apply(next(&mut subscription).await);
    assert_eq!(picture.keys.len(), 3);

    backend.stop().await;
    let event = next(&mut subscription).await;
    assert!(matches!(event, Event::Disconnected { .. }), "{event:?}");
    let then = ["group/kept", "group/new", "group/none", "group/deleted"].map(key);
    picture.set(&mut subscription, &then.into());
    backend.start_again().await;
    let other = backend.store().await;
    let change = Txn::unconditional([Op::put("group/kept", "2"), Op::delete("group/deleted")]);
    eventually("the store answers", || async {
        other.txn(change.clone()).await.is_ok()
    })
    .await;
    while picture.shown() != ["group/kept=2", "group/new=1"] || picture.read.len() < 4 {
        picture.apply(next(&mut subscription).await);
    }
    store.put("group/none", "1").await.unwrap();
    while !picture.keys.contains_key("group/none") {
        picture.apply(next(&mut subscription).await);
    }
}

async fn compacted_history_is_a_difference(mut backend: Backend) {
    let store = backend.store().await;
    store.put("group/a", "1").await.unwrap();
    let mut subscription = subscribed(&store).await;
    let mut picture = Picture::default();
    picture.set(&mut subscription, &[prefix("group/")].into());
    picture.apply(next(&mut subscription).await);
    backend.stop().await;
    let event = next(&mut subscription).await;
    assert!(matches!(event, Event::Disconnected { .. }), "{event:?}");
    backend.start_again().await;
    let other = backend.store().await;
    eventually("the store answers", || async {
        other.delete("group/a").await.is_ok()
    })
    .await;
    let revision = other.put("group/b", "1").await.unwrap();
    other.compact(revision).await.unwrap();
    while picture.shown() != ["group/b=1"] {
        picture.apply(next(&mut subscription).await);
    }
}

async fn under_churn_the_picture_is_that_of_the_store(backend: Backend) {
    const ROUNDS: usize = 150;
    let store = backend.store().await;
    let mut subscription = subscribed(&store).await;
    let mut picture = Picture::default();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..ROUNDS * 4 {
                let group = n % 7;
                if n % 5 == 0 {
                    store.delete(&format!("group/{group}")).await.unwrap();
                } else {
                    let member = format!("member/{group}/{}", n % 3);
                    let both = [
                        Op::put(format!("group/{group}"), n.to_string()),
                        Op::put(member, n.to_string()),
                    ];
                    store.txn(Txn::unconditional(both)).await.unwrap();
                }
            }
        })
    };
    for round in 0..ROUNDS {
        // Three of seven, others each time, and now and then none.
        let groups = (0..if round % 10 == 9 { 0 } else { 3 }).map(|n| (round * 2 + n) % 7);
        let parts =
            groups.flat_map(|n| [key(&format!("group/{n}")), prefix(&format!("member/{n}/"))]);
        picture.set(&mut subscription, &parts.collect());
        if round % 2 == 0 {
            tokio::select! {
                event = subscription.next() => picture.apply(event.unwrap()),
                () = tokio::task::yield_now() => {}
            }
        }
    }
    let last: BTreeSet<Part> = [prefix("group/"), prefix("member/")].into();
    picture.set(&mut subscription, &last);
    writer.await.unwrap();
    let there = store.read(&[prefix("group/"), prefix("member/")]).await;
    let there: Vec<String> = there
        .unwrap()
        .kvs
        .iter()
        .map(|kv| format!("{}={}", kv.key, String::from_utf8_lossy(&kv.value)))
        .collect();
    while picture.shown() != there || picture.read != last {
        picture.apply(next(&mut subscription).await);
    }
}
