//! [`weft_store::LeaseSession`]: its keys are there as long as it is, whatever the store does.

use std::time::Duration;

use weft_store::{LeaseSession, LeaseState, Store};

use crate::support::{Backend, eventually, on_both, soon};

on_both!(
    keys_are_present_until_closed,
    an_abandoned_lease_runs_out,
    keys_come_back_after_the_lease_was_lost,
    a_key_deleted_by_hand_comes_back,
    a_short_outage_loses_nothing,
    a_wiped_store_is_filled_again,
);

const TTL: Duration = Duration::from_secs(2);

async fn held(session: &LeaseSession) -> i64 {
    let mut state = session.state();
    let held = |state: &LeaseState| matches!(state, LeaseState::Held { .. });
    match &*soon("the lease", state.wait_for(held)).await.unwrap() {
        LeaseState::Held { lease_id } => *lease_id,
        LeaseState::Lost { .. } => unreachable!("waited for the other"),
    }
}

async fn value(store: &Store, key: &str) -> Option<String> {
    let kv = store.get(key).await.unwrap()?;
    Some(String::from_utf8(kv.value.to_vec()).unwrap())
}

async fn an_abandoned_lease_runs_out(backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(TTL);
    session.set("alive", "1");
    soon("the key", session.settled()).await;
    soon("the end", session.abandon()).await;
    assert_eq!(value(&store, "alive").await.as_deref(), Some("1"));
    eventually("that the key is gone", || async {
        value(&store, "alive").await.is_none()
    })
    .await;
}

async fn keys_are_present_until_closed(backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(TTL);
    session.set("alive", "1");
    session.set("physnets/a", "1");
    soon("the keys", session.settled()).await;
    let lease = held(&session).await;
    assert_eq!(store.get("alive").await.unwrap().unwrap().lease, lease);

    session.set("alive", "2");
    session.remove("physnets/a");
    session.set("physnets/b", "1");
    soon("the changes", session.settled()).await;
    assert_eq!(value(&store, "alive").await.as_deref(), Some("2"));
    assert_eq!(value(&store, "physnets/a").await, None);
    assert_eq!(value(&store, "physnets/b").await.as_deref(), Some("1"));
    // More than fits one transaction.
    for n in 0..300 {
        session.set(format!("many/{n}"), "1");
    }
    soon("the many", session.settled()).await;
    assert_eq!(store.range("many/").await.unwrap().kvs.len(), 300);

    // Kept for longer than it would live by itself.
    tokio::time::sleep(TTL * 2).await;
    assert_eq!(store.get("alive").await.unwrap().unwrap().lease, lease);
    soon("the end", session.close()).await;
    assert_eq!(store.range("").await.unwrap().kvs, []);
}

async fn keys_come_back_after_the_lease_was_lost(backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(TTL);
    session.set("alive", "1");
    soon("the key", session.settled()).await;
    let first = held(&session).await;
    backend.client().await.lease_revoke(first).await.unwrap();
    assert_eq!(value(&store, "alive").await, None);
    let mut state = session.state();
    soon(
        "another lease",
        state
            .wait_for(|state| matches!(state, LeaseState::Held { lease_id } if *lease_id != first)),
    )
    .await
    .unwrap();
    assert_eq!(value(&store, "alive").await.as_deref(), Some("1"));
}

async fn a_key_deleted_by_hand_comes_back(backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(TTL);
    session.set("alive", "1");
    soon("the key", session.settled()).await;
    let lease = held(&session).await;
    store.delete("alive").await.unwrap();
    eventually("the key is back", || async {
        value(&store, "alive").await.is_some()
    })
    .await;
    assert_eq!(held(&session).await, lease);
}

async fn a_short_outage_loses_nothing(mut backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(Duration::from_secs(60));
    session.set("alive", "1");
    soon("the key", session.settled()).await;
    let lease = held(&session).await;
    backend.stop().await;
    session.set("during", "1");
    backend.start_again().await;
    soon("the change made during the outage", session.settled()).await;
    assert_eq!(held(&session).await, lease);
    let store = backend.store().await;
    assert_eq!(store.get("alive").await.unwrap().unwrap().lease, lease);
    assert_eq!(value(&store, "during").await.as_deref(), Some("1"));
}

async fn a_wiped_store_is_filled_again(mut backend: Backend) {
    let store = backend.store().await;
    let session = store.lease_session(TTL);
    session.set("alive", "1");
    soon("the key", session.settled()).await;
    backend.stop().await;
    backend.wipe();
    let mut state = session.state();
    let lost = |state: &LeaseState| matches!(state, LeaseState::Lost { .. });
    let reason = match &*soon("the loss", state.wait_for(lost)).await.unwrap() {
        LeaseState::Lost { reason, .. } => reason.clone(),
        LeaseState::Held { .. } => unreachable!("waited for the other"),
    };
    assert!(reason.contains("unreachable"), "{reason}");
    backend.start_again().await;
    held(&session).await;
    let store = backend.store().await;
    assert_eq!(value(&store, "alive").await.as_deref(), Some("1"));
}
