//! Lease: times, keys that hang on one, and their end.

use etcd_client::{
    GetOptions, LeaseGrantOptions, LeaseTimeToLiveOptions, PutOptions, Txn, TxnOp, WatchOptions,
};

use super::{everything, lines, put};
use crate::support::{Backend, on_both, soon};

on_both!(
    granting_and_asking,
    keys_hang_on_the_last_lease_named,
    revoking_deletes_at_one_revision,
    running_out_deletes_at_one_revision,
    leases_survive_a_restart,
);

async fn granting_and_asking(backend: Backend) {
    let mut client = backend.client().await;
    let lease = client.lease_grant(600, None).await.unwrap();
    assert!(lease.id() > 0);
    assert_eq!(lease.ttl(), 600);
    // Granting is no change.
    assert_eq!(lease.header().unwrap().revision(), 1);
    let chosen = client
        .lease_grant(700, Some(LeaseGrantOptions::new().with_id(77)))
        .await
        .unwrap();
    assert_eq!(chosen.id(), 77);
    // Less than the smallest becomes the smallest.
    assert_eq!(client.lease_grant(1, None).await.unwrap().ttl(), 2);

    let (mut keeper, mut answers) = client.lease_keep_alive(77).await.unwrap();
    keeper.keep_alive().await.unwrap();
    let answer = soon("answer", answers.message()).await.unwrap().unwrap();
    assert_eq!((answer.id(), answer.ttl()), (77, 700));
    assert!(
        client.lease_keep_alive(78).await.is_err(),
        "there is no lease 78"
    );

    let asked = client.lease_time_to_live(77, None).await.unwrap();
    assert!((698..=700).contains(&asked.ttl()), "{}", asked.ttl());
    assert_eq!((asked.granted_ttl(), asked.keys().len()), (700, 0));
    let asked = client.lease_time_to_live(78, None).await.unwrap();
    assert_eq!((asked.ttl(), asked.granted_ttl()), (-1, 0));

    let leases = client.leases().await.unwrap();
    let ids: Vec<i64> = leases
        .leases()
        .iter()
        .map(etcd_client::LeaseStatus::id)
        .collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.contains(&77) && ids.contains(&lease.id()));
}

async fn keys_hang_on_the_last_lease_named(backend: Backend) {
    let mut client = backend.client().await;
    for id in [1, 2] {
        client
            .lease_grant(600, Some(LeaseGrantOptions::new().with_id(id)))
            .await
            .unwrap();
    }
    let on = |id| Some(PutOptions::new().with_lease(id));
    client.put("a", "", on(1)).await.unwrap();
    client.put("b", "", on(1)).await.unwrap();
    client.put("c", "", on(1)).await.unwrap();
    client.put("d", "", on(1)).await.unwrap();
    client.put("b", "", on(2)).await.unwrap();
    client.put("c", "", None).await.unwrap();
    client.delete("d", None).await.unwrap();
    for (id, wanted) in [(1, vec![b"a".to_vec()]), (2, vec![b"b".to_vec()])] {
        let options = LeaseTimeToLiveOptions::new().with_keys();
        let answer = client.lease_time_to_live(id, Some(options)).await.unwrap();
        assert_eq!(answer.keys(), wanted, "lease {id}");
    }
    client.lease_revoke(1).await.unwrap();
    assert_eq!(everything(&mut client).await, ["b= 3/6/2 2", "c= 4/7/2 0"]);
}

async fn revoking_deletes_at_one_revision(backend: Backend) {
    let mut client = backend.client().await;
    let lease = client.lease_grant(600, None).await.unwrap().id();
    let on = || Some(PutOptions::new().with_lease(lease));
    let txn = Txn::new().and_then([TxnOp::put("b", "", on()), TxnOp::put("a", "", on())]);
    client.txn(txn).await.unwrap(); // 2
    put(&mut client, "other", "").await; // 3
    let revoked = client.lease_revoke(lease).await.unwrap();
    assert_eq!(revoked.header().unwrap().revision(), 4);
    assert_eq!(everything(&mut client).await, ["other= 3/3/1 0"]);
    // An empty lease goes without a change.
    let lease = client.lease_grant(600, None).await.unwrap().id();
    assert_eq!(
        client
            .lease_revoke(lease)
            .await
            .unwrap()
            .header()
            .unwrap()
            .revision(),
        4
    );
}

async fn running_out_deletes_at_one_revision(backend: Backend) {
    let mut client = backend.client().await;
    let lease = client.lease_grant(2, None).await.unwrap().id();
    for key in ["k/b", "k/a", "k/c"] {
        client
            .put(key, "", Some(PutOptions::new().with_lease(lease)))
            .await
            .unwrap();
    }
    let options = WatchOptions::new().with_prefix().with_start_revision(5);
    let mut stream = client.watch("k/", Some(options)).await.unwrap();
    let mut events = Vec::new();
    while events.len() < 3 {
        let answer = soon("expiry", stream.message()).await.unwrap().unwrap();
        for event in answer.events() {
            let kv = event.kv().unwrap();
            events.push((kv.key_str().unwrap().to_owned(), kv.mod_revision()));
        }
    }
    assert_eq!(
        events,
        [
            ("k/a".to_owned(), 5),
            ("k/b".to_owned(), 5),
            ("k/c".to_owned(), 5)
        ]
    );
    assert!(client.lease_keep_alive(lease).await.is_err());
    assert_eq!(
        client.lease_time_to_live(lease, None).await.unwrap().ttl(),
        -1
    );
    assert_eq!(client.leases().await.unwrap().leases().len(), 0);
}

async fn leases_survive_a_restart(mut backend: Backend) {
    let mut client = backend.client().await;
    let options = || LeaseTimeToLiveOptions::new().with_keys();
    client
        .lease_grant(600, Some(LeaseGrantOptions::new().with_id(5)))
        .await
        .unwrap();
    client
        .put("a", "1", Some(PutOptions::new().with_lease(5)))
        .await
        .unwrap();
    backend.stop().await;
    backend.start_again().await;
    let mut client = backend.client().await;
    let kvs = client
        .get("", Some(GetOptions::new().with_all_keys()))
        .await
        .unwrap();
    assert_eq!(lines(kvs.kvs()), ["a=1 2/2/1 5"]);
    let lease = client.lease_time_to_live(5, Some(options())).await.unwrap();
    assert_eq!(
        (lease.granted_ttl(), lease.keys()),
        (600, &[b"a".to_vec()][..])
    );
    client.lease_revoke(5).await.unwrap();
    assert!(everything(&mut client).await.is_empty());
}
