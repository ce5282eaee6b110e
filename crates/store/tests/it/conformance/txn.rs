//! Txn: conditions of all kinds, nesting, and what operations see of each other.

use etcd_client::CompareOp::{Equal, Greater, Less, NotEqual};
use etcd_client::{
    Client, Compare, CompareOp, DeleteOptions, GetOptions, PutOptions, Txn, TxnOp, TxnOpResponse,
};

use super::{everything, lines, put};
use crate::support::{Backend, on_both};

on_both!(
    conditions,
    conditions_over_ranges,
    operations_see_those_before,
    nesting,
    reading_only
);

/// A condition on a number of the key `a`.
type Make = fn(CompareOp, i64) -> Compare;

async fn holds(client: &mut Client, compare: Compare) -> bool {
    client
        .txn(Txn::new().when([compare]))
        .await
        .unwrap()
        .succeeded()
}

async fn conditions(backend: Backend) {
    let mut client = backend.client().await;
    let lease = client.lease_grant(600, None).await.unwrap().id();
    put(&mut client, "a", "m").await;
    client
        .put("a", "m", Some(PutOptions::new().with_lease(lease)))
        .await
        .unwrap();
    let numbers: [(Make, i64); 4] = [
        (|op, n| Compare::version("a", op, n), 2),
        (|op, n| Compare::create_revision("a", op, n), 2),
        (|op, n| Compare::mod_revision("a", op, n), 3),
        (|op, n| Compare::lease("a", op, n), lease),
    ];
    for (compare, is) in numbers {
        for (op, number, wanted) in [
            (Equal, is, true),
            (Equal, is - 1, false),
            (NotEqual, is, false),
            (NotEqual, is + 1, true),
            (Greater, is - 1, true),
            (Greater, is, false),
            (Less, is + 1, true),
            (Less, is, false),
        ] {
            let compare = compare(op, number);
            assert_eq!(
                holds(&mut client, compare.clone()).await,
                wanted,
                "{compare:?}"
            );
        }
    }
    for (op, value, wanted) in [
        (Equal, "m", true),
        (Equal, "n", false),
        (NotEqual, "n", true),
        (NotEqual, "m", false),
        (Greater, "l", true),
        (Greater, "m", false),
        (Less, "mm", true),
        (Less, "m", false),
    ] {
        assert_eq!(
            holds(&mut client, Compare::value("a", op, value)).await,
            wanted,
            "{op:?} {value}"
        );
    }
    // A key that is not there is at 0 and has no value at all, not even another one.
    assert!(holds(&mut client, Compare::version("x", Equal, 0)).await);
    assert!(holds(&mut client, Compare::create_revision("x", Equal, 0)).await);
    assert!(holds(&mut client, Compare::mod_revision("x", Less, 1)).await);
    assert!(holds(&mut client, Compare::lease("x", Equal, 0)).await);
    assert!(!holds(&mut client, Compare::value("x", NotEqual, "m")).await);
    assert!(!holds(&mut client, Compare::value("x", Equal, "")).await);
}

async fn conditions_over_ranges(backend: Backend) {
    let mut client = backend.client().await;
    for key in ["r/1", "r/2", "s"] {
        put(&mut client, key, "v").await;
    }
    let value = |op, value: &str| Compare::value("r/", op, value);
    assert!(holds(&mut client, value(CompareOp::Equal, "v").with_prefix()).await);
    put(&mut client, "r/2", "w").await;
    assert!(!holds(&mut client, value(CompareOp::Equal, "v").with_prefix()).await);
    assert!(holds(&mut client, value(CompareOp::Equal, "v").with_range("r/2")).await);
    let version = Compare::version("r/", CompareOp::Greater, 0);
    assert!(holds(&mut client, version.with_prefix()).await);
    // Nothing in the range is like a key that is not there.
    let none = Compare::version("t/", CompareOp::Equal, 0);
    assert!(holds(&mut client, none.with_prefix()).await);
    assert!(
        !holds(
            &mut client,
            Compare::value("t/", CompareOp::NotEqual, "").with_prefix()
        )
        .await
    );
}

async fn operations_see_those_before(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await;
    put(&mut client, "b", "1").await;
    let all = || TxnOp::get("", Some(GetOptions::new().with_all_keys()));
    let txn = Txn::new()
        .when([Compare::version("a", CompareOp::Equal, 1)])
        .and_then([
            all(),
            TxnOp::put("c", "1", Some(PutOptions::new().with_prev_key())),
            all(),
            TxnOp::delete("b", Some(DeleteOptions::new().with_prev_key())),
            TxnOp::put("a", "2", Some(PutOptions::new().with_prev_key())),
            all(),
        ]);
    let answer = client.txn(txn).await.unwrap();
    assert!(answer.succeeded());
    assert_eq!(answer.header().unwrap().revision(), 4);
    let said: Vec<Vec<String>> = answer
        .op_responses()
        .iter()
        .map(|response| match response {
            TxnOpResponse::Get(get) => lines(get.kvs()),
            TxnOpResponse::Put(put) => lines(put.prev_key().map_or(&[], std::slice::from_ref)),
            TxnOpResponse::Delete(delete) => lines(delete.prev_kvs()),
            TxnOpResponse::Txn(_) => panic!("no nested transaction was asked for"),
        })
        .collect();
    assert_eq!(
        said,
        [
            vec!["a=1 2/2/1 0", "b=1 3/3/1 0"],
            vec![],
            vec!["a=1 2/2/1 0", "b=1 3/3/1 0", "c=1 4/4/1 0"],
            vec!["b=1 3/3/1 0"],
            vec!["a=1 2/2/1 0"],
            vec!["a=2 2/4/2 0", "c=1 4/4/1 0"],
        ]
    );
    // Nothing to change, no revision.
    let txn = Txn::new().and_then([TxnOp::delete("none", None)]);
    assert_eq!(
        client.txn(txn).await.unwrap().header().unwrap().revision(),
        4
    );
}

async fn nesting(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await;
    // The inner condition is judged before the outer put is done.
    let inner = Txn::new()
        .when([Compare::value("a", CompareOp::Equal, "1")])
        .and_then([TxnOp::put("then", "1", None)])
        .or_else([TxnOp::put("else", "1", None)]);
    let outer = Txn::new().and_then([TxnOp::put("a", "2", None), TxnOp::txn(inner)]);
    let answer = client.txn(outer).await.unwrap();
    assert_eq!(answer.header().unwrap().revision(), 3);
    let responses = answer.op_responses();
    let TxnOpResponse::Txn(nested) = &responses[1] else {
        panic!("{responses:?}")
    };
    assert!(nested.succeeded());
    assert_eq!(nested.op_responses().len(), 1);
    assert_eq!(
        everything(&mut client).await,
        ["a=2 2/3/2 0", "then=1 3/3/1 0"]
    );

    // Both sides of one nested transaction may put the same key.
    let inner = Txn::new()
        .when([Compare::version("a", CompareOp::Equal, 99)])
        .and_then([TxnOp::put("x", "then", None)])
        .or_else([TxnOp::put("x", "else", None)]);
    let answer = client
        .txn(Txn::new().and_then([TxnOp::txn(inner)]))
        .await
        .unwrap();
    let responses = answer.op_responses();
    let TxnOpResponse::Txn(nested) = &responses[0] else {
        panic!("{responses:?}")
    };
    assert!(!nested.succeeded());
    assert_eq!(
        client.get("x", None).await.unwrap().kvs()[0].value(),
        b"else"
    );
}

async fn reading_only(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await;
    put(&mut client, "a", "2").await;
    let txn = Txn::new()
        .when([Compare::version("a", CompareOp::Equal, 7)])
        .or_else([
            TxnOp::get("a", None),
            TxnOp::get("a", Some(GetOptions::new().with_revision(2))),
            TxnOp::txn(Txn::new().and_then([TxnOp::get("b", None)])),
        ]);
    let answer = client.txn(txn).await.unwrap();
    assert!(!answer.succeeded());
    assert_eq!(answer.header().unwrap().revision(), 3);
    let responses = answer.op_responses();
    let [
        TxnOpResponse::Get(now),
        TxnOpResponse::Get(then),
        TxnOpResponse::Txn(nested),
    ] = &responses[..]
    else {
        panic!("{responses:?}")
    };
    assert_eq!(lines(now.kvs()), ["a=2 2/3/2 0"]);
    assert_eq!(lines(then.kvs()), ["a=1 2/2/1 0"]);
    assert!(nested.succeeded());
}
