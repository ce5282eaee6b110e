//! Range: intervals, limits, orders, filters, and the past.

use etcd_client::SortOrder::{Ascend, Descend};
use etcd_client::{Client, GetOptions, SortTarget};
use tonic::Code;

use super::{keys, lines, put, refusal, says};
use crate::support::{Backend, on_both};

on_both!(intervals, limits_and_counts, orders, filters, the_past);

async fn found(client: &mut Client, key: &str, options: GetOptions) -> Vec<String> {
    keys(client.get(key, Some(options)).await.unwrap().kvs())
}

async fn intervals(backend: Backend) {
    let mut client = backend.client().await;
    for key in ["a", "b", "b/", "b/1", "b/2", "b0", "c"] {
        put(&mut client, key, "").await;
    }
    let new = GetOptions::new;
    assert_eq!(found(&mut client, "b", new()).await, ["b"]);
    assert_eq!(found(&mut client, "b1", new()).await, [""; 0]);
    assert_eq!(
        found(&mut client, "b/", new().with_prefix()).await,
        ["b/", "b/1", "b/2"]
    );
    assert_eq!(
        found(&mut client, "b/", new().with_range("b/2")).await,
        ["b/", "b/1"]
    );
    assert_eq!(
        found(&mut client, "b/2", new().with_from_key()).await,
        ["b/2", "b0", "c"]
    );
    assert_eq!(
        found(&mut client, "c", new().with_range("b")).await,
        [""; 0]
    );
    assert_eq!(
        found(&mut client, "b", new().with_range("b")).await,
        [""; 0]
    );
    assert_eq!(found(&mut client, "", new().with_all_keys()).await.len(), 7);
}

async fn limits_and_counts(backend: Backend) {
    let mut client = backend.client().await;
    for key in ["k/1", "k/2", "k/3", "l"] {
        put(&mut client, key, "value").await;
    }
    for (limit, wanted, more) in [
        (0, 3, false),
        (1, 1, true),
        (2, 2, true),
        (3, 3, false),
        (4, 3, false),
    ] {
        let options = GetOptions::new().with_prefix().with_limit(limit);
        let answer = client.get("k/", Some(options)).await.unwrap();
        assert_eq!(
            (answer.kvs().len(), answer.more(), answer.count()),
            (wanted, more, 3),
            "{limit}"
        );
    }
    let answer = client
        .get("k/", Some(GetOptions::new().with_prefix().with_keys_only()))
        .await
        .unwrap();
    assert_eq!(
        lines(answer.kvs()),
        ["k/1= 2/2/1 0", "k/2= 3/3/1 0", "k/3= 4/4/1 0"]
    );
    let answer = client
        .get(
            "k/",
            Some(GetOptions::new().with_prefix().with_count_only()),
        )
        .await
        .unwrap();
    assert_eq!(
        (answer.kvs().len(), answer.more(), answer.count()),
        (0, false, 3)
    );
}

async fn orders(backend: Backend) {
    let mut client = backend.client().await;
    // By key a b c; by creation c a b; by change a c b (after the second put); by version; by value.
    for (key, value) in [
        ("c", "2"),
        ("a", "3"),
        ("b", "9"),
        ("c", "2"),
        ("b", "9"),
        ("b", "1"),
    ] {
        put(&mut client, key, value).await;
    }
    for (target, order, wanted) in [
        (SortTarget::Key, Ascend, "abc"),
        (SortTarget::Key, Descend, "cba"),
        (SortTarget::Create, Ascend, "cab"),
        (SortTarget::Create, Descend, "bac"),
        (SortTarget::Mod, Ascend, "acb"),
        (SortTarget::Mod, Descend, "bca"),
        (SortTarget::Version, Ascend, "acb"),
        (SortTarget::Version, Descend, "bca"),
        (SortTarget::Value, Ascend, "bca"),
        (SortTarget::Value, Descend, "acb"),
    ] {
        let options = GetOptions::new().with_all_keys().with_sort(target, order);
        let all = found(&mut client, "", options.clone()).await.concat();
        assert_eq!(all, wanted, "{target:?} {order:?}");
        // A limit is applied after the sorting.
        let answer = client.get("", Some(options.with_limit(2))).await.unwrap();
        assert_eq!(
            keys(answer.kvs()).concat(),
            wanted[..2],
            "{target:?} {order:?}"
        );
        assert!(answer.more());
    }
}

async fn filters(backend: Backend) {
    let mut client = backend.client().await;
    // a 2/5, b 3/3, c 4/4
    for key in ["a", "b", "c", "a"] {
        put(&mut client, key, "").await;
    }
    let all = || GetOptions::new().with_all_keys();
    assert_eq!(
        found(&mut client, "", all().with_min_mod_revision(4)).await,
        ["a", "c"]
    );
    assert_eq!(
        found(&mut client, "", all().with_max_mod_revision(4)).await,
        ["b", "c"]
    );
    assert_eq!(
        found(&mut client, "", all().with_min_create_revision(3)).await,
        ["b", "c"]
    );
    assert_eq!(
        found(&mut client, "", all().with_max_create_revision(3)).await,
        ["a", "b"]
    );
    let both = all().with_min_mod_revision(4).with_max_create_revision(3);
    assert_eq!(found(&mut client, "", both).await, ["a"]);
    let limited = all().with_min_mod_revision(4).with_limit(1);
    let answer = client.get("", Some(limited)).await.unwrap();
    assert_eq!(
        (keys(answer.kvs()), answer.more(), answer.count()),
        (vec!["a".to_owned()], true, 3)
    );
}

async fn the_past(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await; // 2
    put(&mut client, "b", "1").await; // 3
    put(&mut client, "a", "2").await; // 4
    client.delete("b", None).await.unwrap(); // 5
    put(&mut client, "b", "2").await; // 6

    let wanted: [&[&str]; 6] = [
        &[],
        &["a=1 2/2/1 0"],
        &["a=1 2/2/1 0", "b=1 3/3/1 0"],
        &["a=2 2/4/2 0", "b=1 3/3/1 0"],
        &["a=2 2/4/2 0"],
        &["a=2 2/4/2 0", "b=2 6/6/1 0"],
    ];
    for (revision, wanted) in (1..).zip(wanted) {
        let options = GetOptions::new().with_all_keys().with_revision(revision);
        let answer = client.get("", Some(options.clone())).await.unwrap();
        assert_eq!(lines(answer.kvs()), wanted, "at {revision}");
        // The header tells the present.
        assert_eq!(answer.header().unwrap().revision(), 6);
        assert_eq!(answer.count(), i64::try_from(wanted.len()).unwrap());
        let answer = client.get("", Some(options.with_limit(1))).await.unwrap();
        assert_eq!(answer.more(), wanted.len() > 1);
    }
    assert_eq!(
        refusal(
            client
                .get("a", Some(GetOptions::new().with_revision(7)))
                .await
        ),
        says(
            Code::OutOfRange,
            "etcdserver: mvcc: required revision is a future revision"
        )
    );
}
