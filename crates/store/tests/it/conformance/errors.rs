//! Refusals: the code and every letter of the text.

use etcd_client::{Compare, CompareOp, DeleteOptions, LeaseGrantOptions, PutOptions, Txn, TxnOp};
use tonic::Code;

use super::{everything, put, refusal, says};
use crate::support::{Backend, on_both};

on_both!(refused_requests_change_nothing);

async fn refused_requests_change_nothing(backend: Backend) {
    let mut client = backend.client().await;
    put(&mut client, "a", "1").await;

    let no_key = says(Code::InvalidArgument, "etcdserver: key is not provided");
    assert_eq!(refusal(client.get("", None).await), no_key);
    assert_eq!(refusal(client.put("", "1", None).await), no_key);
    assert_eq!(refusal(client.delete("", None).await), no_key);

    let not_found = says(Code::InvalidArgument, "etcdserver: key not found");
    let ignore_value = PutOptions::new().with_ignore_value();
    let ignore_lease = PutOptions::new().with_ignore_lease();
    assert_eq!(
        refusal(client.put("x", "", Some(ignore_value.clone())).await),
        not_found
    );
    assert_eq!(
        refusal(client.put("x", "1", Some(ignore_lease.clone())).await),
        not_found
    );
    assert_eq!(
        refusal(client.put("a", "1", Some(ignore_value)).await),
        says(Code::InvalidArgument, "etcdserver: value is provided")
    );
    assert_eq!(
        refusal(client.put("a", "1", Some(ignore_lease.with_lease(7))).await),
        says(Code::InvalidArgument, "etcdserver: lease is provided")
    );

    let no_lease = says(Code::NotFound, "etcdserver: requested lease not found");
    assert_eq!(
        refusal(
            client
                .put("a", "2", Some(PutOptions::new().with_lease(7)))
                .await
        ),
        no_lease
    );
    assert_eq!(refusal(client.lease_revoke(7).await), no_lease);
    client
        .lease_grant(100, Some(LeaseGrantOptions::new().with_id(8)))
        .await
        .unwrap();
    assert_eq!(
        refusal(
            client
                .lease_grant(100, Some(LeaseGrantOptions::new().with_id(8)))
                .await
        ),
        says(Code::FailedPrecondition, "etcdserver: lease already exists")
    );
    assert_eq!(
        refusal(client.lease_grant(9_000_000_001, None).await),
        says(Code::OutOfRange, "etcdserver: too large lease TTL")
    );

    let put_a = || TxnOp::put("a", "2", None);
    let duplicate = says(
        Code::InvalidArgument,
        "etcdserver: duplicate key given in txn request",
    );
    for operations in [
        vec![put_a(), put_a()],
        vec![put_a(), TxnOp::delete("a", None)],
        vec![TxnOp::delete("a", None), put_a()],
        vec![
            TxnOp::delete("A", Some(DeleteOptions::new().with_range("b"))),
            put_a(),
        ],
        vec![put_a(), TxnOp::txn(Txn::new().and_then([put_a()]))],
        vec![
            TxnOp::txn(Txn::new().and_then([put_a()])),
            TxnOp::txn(Txn::new().or_else([put_a()])),
        ],
        vec![
            TxnOp::txn(Txn::new().and_then([TxnOp::delete("a", None)])),
            TxnOp::txn(Txn::new().or_else([put_a()])),
        ],
    ] {
        let txn = Txn::new().and_then(operations.clone());
        assert_eq!(refusal(client.txn(txn).await), duplicate, "{operations:?}");
        let txn = Txn::new().or_else(operations.clone());
        assert_eq!(refusal(client.txn(txn).await), duplicate, "{operations:?}");
    }

    let too_many = says(
        Code::InvalidArgument,
        "etcdserver: too many operations in txn request",
    );
    let puts = |count: usize| {
        (0..count)
            .map(|n| TxnOp::put(format!("p{n}"), "", None))
            .collect::<Vec<_>>()
    };
    let compares = vec![Compare::version("a", CompareOp::Equal, 9); 129];
    assert_eq!(
        refusal(client.txn(Txn::new().and_then(puts(129))).await),
        too_many
    );
    assert_eq!(
        refusal(client.txn(Txn::new().when(compares)).await),
        too_many
    );
    let empty = TxnOp::put("", "", None);
    assert_eq!(
        refusal(client.txn(Txn::new().and_then([empty])).await),
        no_key
    );

    // What comes before the operation that is refused is not done either.
    let leased = TxnOp::put("c", "1", Some(PutOptions::new().with_lease(7)));
    let txn = Txn::new().and_then([TxnOp::put("b", "1", None), leased]);
    assert_eq!(refusal(client.txn(txn).await), no_lease);
    let future = TxnOp::get("a", Some(etcd_client::GetOptions::new().with_revision(9)));
    let txn = Txn::new().and_then([TxnOp::put("b", "1", None), future]);
    assert_eq!(
        refusal(client.txn(txn).await),
        says(
            Code::OutOfRange,
            "etcdserver: mvcc: required revision is a future revision"
        )
    );

    assert_eq!(
        refusal(client.put("big", vec![0; 1_600_000], None).await),
        says(Code::InvalidArgument, "etcdserver: request is too large")
    );
    let large = vec![b'x'; 1_500_000];
    client.put("large", large.clone(), None).await.unwrap();
    assert_eq!(
        client.get("large", None).await.unwrap().kvs()[0].value(),
        large
    );
    client.delete("large", None).await.unwrap();

    assert_eq!(everything(&mut client).await, ["a=1 2/2/1 0"]);
}
