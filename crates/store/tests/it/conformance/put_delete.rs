//! Put and DeleteRange: revisions, versions, what was there before.

use etcd_client::{DeleteOptions, PutOptions};

use super::{everything, line, lines, put};
use crate::support::{Backend, on_both};

on_both!(
    revisions_and_versions_count_as_etcd_counts,
    options_of_put,
    deleting_ranges,
);

async fn revisions_and_versions_count_as_etcd_counts(backend: Backend) {
    let mut client = backend.client().await;
    let empty = client.get("a", None).await.unwrap();
    assert_eq!(empty.header().unwrap().revision(), 1);
    assert_eq!(
        (empty.count(), empty.more(), empty.kvs().len()),
        (0, false, 0)
    );

    assert_eq!(put(&mut client, "a", "1").await, 2);
    assert_eq!(put(&mut client, "b", "1").await, 3);
    assert_eq!(put(&mut client, "a", "2").await, 4);
    // The same value again is a change.
    assert_eq!(put(&mut client, "a", "2").await, 5);
    assert_eq!(
        everything(&mut client).await,
        ["a=2 2/5/3 0", "b=1 3/3/1 0"]
    );

    let deleted = client.delete("a", None).await.unwrap();
    assert_eq!(
        (deleted.deleted(), deleted.header().unwrap().revision()),
        (1, 6)
    );
    // Deleting nothing is no change.
    let deleted = client.delete("a", None).await.unwrap();
    assert_eq!(
        (deleted.deleted(), deleted.header().unwrap().revision()),
        (0, 6)
    );

    // A key that comes back begins anew; an empty value is a value.
    assert_eq!(put(&mut client, "a", "").await, 7);
    assert_eq!(everything(&mut client).await, ["a= 7/7/1 0", "b=1 3/3/1 0"]);
}

async fn options_of_put(backend: Backend) {
    let mut client = backend.client().await;
    let lease = client.lease_grant(600, None).await.unwrap().id();
    let with_lease = PutOptions::new().with_lease(lease);
    client.put("a", "1", Some(with_lease)).await.unwrap();

    let answer = client
        .put("a", "2", Some(PutOptions::new().with_prev_key()))
        .await
        .unwrap();
    assert_eq!(
        line(answer.prev_key().unwrap()),
        format!("a=1 2/2/1 {lease}")
    );
    // The put without a lease took the key off it.
    assert_eq!(everything(&mut client).await, ["a=2 2/3/2 0"]);
    let answer = client
        .put("new", "1", Some(PutOptions::new().with_prev_key()))
        .await
        .unwrap();
    assert!(answer.prev_key().is_none());

    client
        .put(
            "a",
            "",
            Some(PutOptions::new().with_lease(lease).with_ignore_value()),
        )
        .await
        .unwrap();
    client
        .put("a", "3", Some(PutOptions::new().with_ignore_lease()))
        .await
        .unwrap();
    assert_eq!(
        everything(&mut client).await,
        [format!("a=3 2/6/4 {lease}"), "new=1 4/4/1 0".to_owned()]
    );
}

async fn deleting_ranges(backend: Backend) {
    let mut client = backend.client().await;
    for key in ["a", "b", "b/1", "b/2", "c", "d"] {
        put(&mut client, key, key).await;
    }
    let options = DeleteOptions::new().with_prefix().with_prev_key();
    let deleted = client.delete("b/", Some(options)).await.unwrap();
    assert_eq!(
        (deleted.deleted(), deleted.header().unwrap().revision()),
        (2, 8)
    );
    assert_eq!(
        lines(deleted.prev_kvs()),
        ["b/1=b/1 4/4/1 0", "b/2=b/2 5/5/1 0"]
    );

    // An end that is not behind the start names nothing.
    let none = client
        .delete("c", Some(DeleteOptions::new().with_range("a")))
        .await
        .unwrap();
    assert_eq!((none.deleted(), none.header().unwrap().revision()), (0, 8));
    let deleted = client
        .delete("b", Some(DeleteOptions::new().with_range("d")))
        .await
        .unwrap();
    assert_eq!((deleted.deleted(), deleted.prev_kvs().len()), (2, 0));
    let all = client
        .delete("", Some(DeleteOptions::new().with_all_keys()))
        .await
        .unwrap();
    assert_eq!((all.deleted(), all.header().unwrap().revision()), (2, 10));
    assert!(everything(&mut client).await.is_empty());
}
