//! The task of a [`LeaseSession`](super::LeaseSession): grant, put, keep alive, and again.
//!
//! A store that was away for longer than a lease lives gives its leases their whole time again when it is
//! back (etcd's `lessor.Promote`, and the embedded one). The task tries several times within that, so that
//! its keys hang on a new lease before those of the old one go, and nobody sees them gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::watch::Sender;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{LeaseState, Shared};
use crate::backoff::Backoff;
use crate::client::Store;
use crate::error::StoreError;
use crate::txn::{Op, Txn};

/// One lease from its grant to its loss.
struct Held {
    id: i64,
    /// Until when the lease lives in the store, as far as we know, if it is not renewed.
    lives_until: Instant,
    ttl: Duration,
    /// What hangs on the lease.
    placed: BTreeMap<String, Bytes>,
}

/// Why a lease is no longer held.
enum End {
    /// The session is closed or dropped.
    Closed,
    Lost(String),
}

/// Attempts within the time that a lease lives.
const ATTEMPTS: u32 = 3;

/// Keeps a lease until `cancel`; then revokes it, unless the session is abandoned.
pub(super) async fn run(
    store: Store,
    ttl: Duration,
    shared: Arc<Shared>,
    state: Sender<LeaseState>,
    cancel: CancellationToken,
) {
    let mut backoff = Backoff::within(ttl / ATTEMPTS);
    loop {
        let lost = match grant(&store, ttl, &cancel).await {
            Err(End::Closed) => return,
            Err(End::Lost(reason)) => reason,
            Ok(mut held) => match held
                .keep(&store, &shared, &state, &mut backoff, &cancel)
                .await
            {
                End::Lost(reason) => reason,
                End::Closed if shared.is_abandoned() => return,
                End::Closed => {
                    // The store may be away for good; then the keys vanish when the time is up.
                    if let Err(error) = store.lease_revoke(held.id).await {
                        tracing::warn!(%error, "cannot revoke the lease, it will run out");
                    }
                    return;
                }
            },
        };
        state.send_if_modified(|state| lose(state, lost));
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait()) => {}
            () = cancel.cancelled() => return,
        }
    }
}

/// Enters or refreshes the lost state; `since` stays that of the first loss.
fn lose(state: &mut LeaseState, reason: String) -> bool {
    let since = match state {
        LeaseState::Lost { reason: before, .. } if *before == reason => return false,
        LeaseState::Lost { since, .. } => *since,
        LeaseState::Held { .. } => SystemTime::now(),
    };
    tracing::warn!(reason, "the lease is lost");
    *state = LeaseState::Lost { since, reason };
    true
}

async fn grant(store: &Store, ttl: Duration, cancel: &CancellationToken) -> Result<Held, End> {
    let asked = Instant::now();
    // Rounded up: a session of 1.5 s must not be one of 1 s.
    let seconds = i64::try_from(ttl.as_millis().div_ceil(1000)).unwrap_or(i64::MAX);
    let granted = tokio::select! {
        granted = store.lease_grant(seconds) => granted,
        () = cancel.cancelled() => return Err(End::Closed),
    };
    let granted = granted.map_err(|error| End::Lost(error.to_string()))?;
    let ttl = Duration::from_secs(u64::try_from(granted.ttl_seconds).unwrap_or(1).max(1));
    Ok(Held {
        id: granted.id,
        lives_until: asked + ttl,
        ttl,
        placed: BTreeMap::new(),
    })
}

impl Held {
    async fn keep(
        &mut self,
        store: &Store,
        shared: &Shared,
        state: &Sender<LeaseState>,
        backoff: &mut Backoff,
        cancel: &CancellationToken,
    ) -> End {
        let interval = self.ttl / ATTEMPTS;
        let mut renew_at = self.lives_until - self.ttl + interval;
        let mut retry = Backoff::within(interval);
        // When to try again what could not be placed.
        let mut place_at = Some(Instant::now());
        loop {
            if place_at.is_some_and(|at| at <= Instant::now()) {
                let placed = tokio::select! {
                    placed = self.place(store, shared) => placed,
                    () = cancel.cancelled() => return End::Closed,
                };
                place_at = match placed {
                    Ok(()) => {
                        retry.reset();
                        backoff.reset();
                        let lease_id = self.id;
                        state.send_if_modified(|state| {
                            let held = LeaseState::Held { lease_id };
                            std::mem::replace(state, held.clone()) != held
                        });
                        None
                    }
                    Err(error) if is_lease_gone(&error) => return End::Lost(error.to_string()),
                    Err(error) => {
                        tracing::warn!(%error, "cannot write the keys of the lease");
                        state.send_if_modified(|state| match state {
                            // The keys that hang on the lease are still there.
                            LeaseState::Held { .. } => false,
                            LeaseState::Lost { .. } => lose(state, error.to_string()),
                        });
                        Some(Instant::now() + retry.next_wait())
                    }
                };
            }
            let wake = place_at.map_or(renew_at, |at| at.min(renew_at));
            tokio::select! {
                () = cancel.cancelled() => return End::Closed,
                () = shared.changed.notified() => {
                    place_at = Some(Instant::now());
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            if renew_at <= Instant::now() {
                let renewed = tokio::select! {
                    renewed = self.renew(store) => renewed,
                    () = cancel.cancelled() => return End::Closed,
                };
                match renewed {
                    Ok(Renewed::Whole) => renew_at = self.lives_until - self.ttl + interval,
                    Ok(Renewed::KeysMissing) => {
                        renew_at = self.lives_until - self.ttl + interval;
                        place_at = Some(Instant::now());
                    }
                    Ok(Renewed::Gone) => return End::Lost("it has expired in the store".into()),
                    // Beyond its time the lease is gone, whether the store can say so or not.
                    Err(error) if Instant::now() >= self.lives_until => {
                        return End::Lost(error.to_string());
                    }
                    Err(error) => {
                        tracing::debug!(%error, "cannot renew the lease yet");
                        renew_at = Instant::now() + retry.next_wait().max(interval / 10);
                    }
                }
            }
        }
    }

    /// Makes what hangs on the lease what is wanted.
    async fn place(&mut self, store: &Store, shared: &Shared) -> Result<(), StoreError> {
        let (wanted, changes) = {
            let wanted = shared.wanted();
            (wanted.keys.clone(), wanted.changes)
        };
        let puts = wanted
            .iter()
            .filter(|(key, value)| self.placed.get(*key) != Some(value))
            .map(|(key, value)| Op::Put {
                key: key.clone(),
                value: value.clone(),
                lease: self.id,
            });
        let deletes = self
            .placed
            .keys()
            .filter(|key| !wanted.contains_key(*key))
            .map(Op::delete);
        for txn in Txn::chunks(puts.chain(deletes)) {
            store.txn(txn).await?;
        }
        self.placed = wanted;
        shared.settled.send_replace(changes);
        Ok(())
    }

    async fn renew(&mut self, store: &Store) -> Result<Renewed, StoreError> {
        let asked = Instant::now();
        if !store.lease_keep_alive(self.id).await? {
            return Ok(Renewed::Gone);
        }
        self.lives_until = asked + self.ttl;
        // Somebody may have deleted a key by hand, or hung it on another lease.
        let Some(present) = store.lease_keys(self.id).await? else {
            return Ok(Renewed::Gone);
        };
        let before = self.placed.len();
        let present: std::collections::HashSet<Vec<u8>> = present.into_iter().collect();
        self.placed
            .retain(|key, _| present.contains(key.as_bytes()));
        Ok(if self.placed.len() == before {
            Renewed::Whole
        } else {
            Renewed::KeysMissing
        })
    }
}

/// What renewing found.
enum Renewed {
    /// The lease lives and all keys hang on it.
    Whole,
    /// The lease lives; the keys that are still placed hang on it, the others must be put back.
    KeysMissing,
    /// There is no such lease.
    Gone,
}

/// etcd's `ErrGRPCLeaseNotFound`.
fn is_lease_gone(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Refused {
            code: tonic::Code::NotFound,
            ..
        }
    )
}
