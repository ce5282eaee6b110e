//! Three members of etcd: when one dies or falls silent, the next is taken.

use std::time::{Duration, Instant};

use weft_store::{Change, Endpoint, Event, Store, Subscription};

use crate::support::{Etcd, eventually, free_port, patiently, soon, store};

/// A cluster of three, in which every member has elected.
async fn three() -> Vec<Etcd> {
    let ports: Vec<(u16, u16)> = (0..3).map(|_| (free_port(), free_port())).collect();
    let cluster = ports
        .iter()
        .enumerate()
        .map(|(n, (_, peer))| format!("m{n}=http://127.0.0.1:{peer}"))
        .collect::<Vec<_>>()
        .join(",");
    let mut members: Vec<Etcd> = ports
        .iter()
        .enumerate()
        .map(|(n, (client, peer))| {
            let (client, peer) = (
                format!("http://127.0.0.1:{client}"),
                format!("http://127.0.0.1:{peer}"),
            );
            let arguments = vec![
                format!("--name=m{n}"),
                format!("--listen-client-urls={client}"),
                format!("--advertise-client-urls={client}"),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={cluster}"),
            ];
            Etcd::unstarted(client, arguments)
        })
        .collect();
    for member in &mut members {
        member.spawn();
    }
    for member in &members {
        let store = store(&[member.endpoint()]).await;
        eventually("the member serves", || async {
            store.get("x").await.is_ok()
        })
        .await;
    }
    members
}

fn endpoints(members: &[Etcd]) -> Vec<Endpoint> {
    members.iter().map(Etcd::endpoint).collect()
}

async fn change(subscription: &mut Subscription) -> (Vec<String>, bool) {
    let mut disconnected = false;
    loop {
        match soon("a change", subscription.next()).await.unwrap() {
            Event::Changes { changes, .. } => {
                return (
                    changes
                        .iter()
                        .map(|c: &Change| c.key().to_owned())
                        .collect(),
                    disconnected,
                );
            }
            Event::Disconnected { .. } => disconnected = true,
            Event::Connected => {}
            Event::Snapshot { .. } | Event::Read { .. } => panic!("a second reading"),
        }
    }
}

async fn put(store: &Store, key: &str) {
    // A write may meet the election; it is repeated by whoever wants it.
    eventually("the write is taken", || async {
        store.put(key, "1").await.is_ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_member_is_left_for_the_next() {
    patiently(async {
        let mut members = three().await;
        let ours = store(&endpoints(&members)).await;
        let other = store(&endpoints(&members[1..])).await;
        put(&ours, "a/0").await;
        let mut subscription = ours.subscribe(vec!["a/".into()]);
        let first = soon("a snapshot", subscription.next()).await.unwrap();
        assert!(matches!(first, Event::Snapshot { .. }));
        let session = ours.lease_session(Duration::from_secs(20));
        session.set("b/alive", "1");
        soon("the key", session.settled()).await;
        let lease = other.get("b/alive").await.unwrap().unwrap().lease;

        // The first member is the one in use.
        members[0].kill();
        put(&other, "a/1").await;
        assert_eq!(
            change(&mut subscription).await,
            (vec!["a/1".to_owned()], true)
        );
        put(&ours, "a/2").await;
        assert_eq!(
            change(&mut subscription).await,
            (vec!["a/2".to_owned()], false)
        );
        session.set("b/more", "1");
        soon("the other key", session.settled()).await;
        assert_eq!(
            ours.get("b/more").await.unwrap().unwrap().lease,
            lease,
            "still the same lease"
        );
        assert!(ours.range("a/").await.unwrap().kvs.len() == 3);

        // And from there to the third, with the first back to have a quorum.
        members[0].start_again().await;
        members[1].kill();
        put(&ours, "a/3").await;
        assert_eq!(change(&mut subscription).await.0, ["a/3"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_falls_silent_is_noticed() {
    patiently(async {
        let members = three().await;
        let ours = store(&endpoints(&members)).await;
        let other = store(&endpoints(&members[1..])).await;
        let mut subscription = ours.subscribe(vec!["a/".into()]);
        let first = soon("a snapshot", subscription.next()).await.unwrap();
        assert!(matches!(first, Event::Snapshot { .. }));

        // Its connections stay open, and nothing comes any more.
        members[0].signal("-STOP");
        let silent = Instant::now();
        put(&other, "a/1").await;
        let seen = change(&mut subscription).await;
        let noticed = silent.elapsed();
        assert_eq!(seen, (vec!["a/1".to_owned()], true));
        assert!(
            noticed < Duration::from_secs(20),
            "noticed after {noticed:?}"
        );
    })
    .await;
}
