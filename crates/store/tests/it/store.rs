//! [`Store`]: snapshots at one revision, transactions, and errors that say what to do.

use weft_store::{Compare, MAX_TXN_OPERATIONS, Op, Store, StoreError, Txn};

use crate::support::{Backend, on_both, soon, store};

on_both!(
    keys_are_read_and_written,
    a_snapshot_is_of_one_revision_however_large,
    transactions_are_whole,
    errors_tell_what_to_do,
    a_store_that_was_restarted_is_found_again,
);

async fn keys_are_read_and_written(backend: Backend) {
    let store = backend.store().await;
    assert_eq!(store.get("a").await.unwrap(), None);
    assert_eq!(store.put("a", "1").await.unwrap(), 2);
    assert_eq!(store.put("a", "2").await.unwrap(), 3);
    let kv = store.get("a").await.unwrap().unwrap();
    assert_eq!((kv.key.as_str(), &kv.value[..]), ("a", &b"2"[..]));
    assert_eq!(
        (kv.create_revision, kv.mod_revision, kv.version, kv.lease),
        (2, 3, 2, 0)
    );
    assert!(store.delete("a").await.unwrap());
    assert!(!store.delete("a").await.unwrap());
    store.put("p/1", "").await.unwrap();
    store.put("p/2", "").await.unwrap();
    store.put("q", "").await.unwrap();
    assert_eq!(store.delete_prefix("p/").await.unwrap(), 2);
    assert_eq!(store.revision().await.unwrap(), 8);
    let all = store.range("").await.unwrap();
    assert_eq!((all.revision, all.kvs.len()), (8, 1));
}

async fn a_snapshot_is_of_one_revision_however_large(backend: Backend) {
    let store = backend.store().await;
    // More than one page of the first prefix, and keys of another client that are no text.
    for txn in Txn::chunks((0..2500).map(|n| Op::put(format!("a/{n:04}"), format!("{n}")))) {
        store.txn(txn).await.unwrap();
    }
    store.put("b/1", "1").await.unwrap();
    store.put("c/1", "1").await.unwrap();
    backend
        .client()
        .await
        .put([b'b', b'/', 0xff], "no text", None)
        .await
        .unwrap();

    write_together(&store, "first").await;
    let writer = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0.. {
                write_together(&store, &format!("{n}")).await;
            }
        }
    });
    for _ in 0..20 {
        let snapshot = store.snapshot(&["a/", "b/", "none/"]).await.unwrap();
        let value = |key: &str| {
            let kv = snapshot.kvs.iter().find(|kv| kv.key == key).unwrap();
            assert!(kv.mod_revision <= snapshot.revision);
            kv.value.clone()
        };
        // The first page and the last, and another prefix, are of the same moment.
        assert_eq!(value("a/0000"), value("a/2499"));
        assert_eq!(value("a/0000"), value("b/1"));
        assert_eq!(snapshot.kvs.len(), 2501);
        assert!(snapshot.kvs.is_sorted_by(|a, b| a.key < b.key));
    }
    writer.abort();
}

async fn write_together(store: &Store, value: &str) {
    let puts = ["a/0000", "a/2499", "b/1"].map(|key| Op::put(key, value.to_owned()));
    store.txn(Txn::unconditional(puts)).await.unwrap();
}

async fn transactions_are_whole(backend: Backend) {
    let store = backend.store().await;
    let create = Txn {
        compares: vec![Compare::absent("a")],
        success: vec![Op::put("a", "1"), Op::put("b", "1")],
        failure: vec![Op::put("lost", "1")],
    };
    let outcome = store.txn(create.clone()).await.unwrap();
    assert!(outcome.succeeded);
    assert_eq!(
        store.get("b").await.unwrap().unwrap().mod_revision,
        outcome.revision
    );
    assert!(!store.txn(create).await.unwrap().succeeded);
    assert!(store.get("lost").await.unwrap().is_some());

    let update = |mod_revision| Txn {
        compares: vec![
            Compare::ModRevision {
                key: "a".into(),
                equals: mod_revision,
            },
            Compare::Value {
                key: "b".into(),
                equals: "1".into(),
            },
        ],
        success: vec![Op::put("a", "2"), Op::delete("b")],
        failure: Vec::new(),
    };
    assert!(
        !store
            .txn(update(outcome.revision + 1))
            .await
            .unwrap()
            .succeeded
    );
    assert!(store.txn(update(outcome.revision)).await.unwrap().succeeded);
    assert_eq!(store.get("b").await.unwrap(), None);

    let clear = Txn::unconditional([Op::DeletePrefix { prefix: "a".into() }]);
    store.txn(clear).await.unwrap();
    assert_eq!(store.get("a").await.unwrap(), None);
}

async fn errors_tell_what_to_do(backend: Backend) {
    let store = backend.store().await;
    let puts = (0..=MAX_TXN_OPERATIONS).map(|n| Op::put(format!("k{n}"), ""));
    let error = store.txn(Txn::unconditional(puts)).await.unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooManyOperations {
                count: 129,
                limit: 128
            }
        ),
        "{error}"
    );
    assert!(!error.is_transient());
    let error = store.put_with_lease("a", "1", 99).await.unwrap_err();
    assert!(
        error.to_string().contains("requested lease not found"),
        "{error}"
    );
    store.put("a", "1").await.unwrap();
    store.put("a", "2").await.unwrap();
    store.compact(3).await.unwrap();
    let error = store.compact(2).await.unwrap_err();
    assert!(
        matches!(error, StoreError::Compacted { requested: 2, .. }),
        "{error}"
    );
}

async fn a_store_that_was_restarted_is_found_again(mut backend: Backend) {
    let store = backend.store().await;
    store.put("a", "1").await.unwrap();
    backend.stop().await;
    let error = store.get("a").await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    assert!(error.is_transient() && !error.may_have_happened());
    assert!(error.to_string().contains("onnection refused"), "{error}");
    let error = store.put("a", "2").await.unwrap_err();
    assert!(
        !error.may_have_happened(),
        "nobody was there to receive it: {error}"
    );
    backend.start_again().await;
    crate::support::eventually("the store answers", || async {
        store
            .get("a")
            .await
            .is_ok_and(|kv| kv.is_some_and(|kv| kv.value == "1"))
    })
    .await;
}

#[tokio::test]
async fn connecting_asks_nothing_of_the_store() {
    let endpoint = format!("http://127.0.0.1:{}", crate::support::free_port())
        .parse()
        .unwrap();
    let store = store(&[endpoint]).await;
    let error = soon("an error", store.get("a")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
}
