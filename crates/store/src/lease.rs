//! Keys that are there as long as we live.
//!
//! A [`LeaseSession`] holds a lease and hangs keys on it. If we die, the store removes them after
//! the time to live. If the lease dies without us (it ran out while the store could not be
//! reached, or the store was wiped), a new one is granted and all keys are put back, for ever and
//! without being asked.
//!
//! Whoever wants the keys to stay for a while after its end, for a successor to take over, abandons the
//! session.
//!
//! Invariants: whenever the state is [`LeaseState::Held`] and nothing is being changed, the keys
//! asked for, and no others of the session, hang on the lease. The one task ends when the session is
//! closed, dropped or abandoned; the first two give the lease up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::Store;

mod keeper;

/// Keys under a lease. Made by [`Store::lease_session`].
#[derive(Debug)]
pub struct LeaseSession {
    shared: Arc<Shared>,
    state: watch::Receiver<LeaseState>,
    task: JoinHandle<()>,
    cancel: DropGuard,
}

/// Whether the keys are in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseState {
    /// The lease is held.
    Held {
        /// Its id.
        lease_id: i64,
    },
    /// There is no lease (any more, or yet); attempts go on.
    Lost {
        /// Since when.
        since: SystemTime,
        /// Why, for people.
        reason: String,
    },
}

/// What the session and its task share.
#[derive(Debug, Default)]
struct Shared {
    wanted: Mutex<Wanted>,
    /// Something was asked for.
    changed: Notify,
    /// How many of the changes asked for are in the store.
    settled: watch::Sender<u64>,
    /// Whether the lease is to run out at the end, rather than be given up.
    abandoned: AtomicBool,
}

/// What the user of the session wants.
#[derive(Debug, Default)]
struct Wanted {
    keys: BTreeMap<String, Bytes>,
    /// Changes asked for so far.
    changes: u64,
}

impl LeaseSession {
    pub(crate) fn start(store: Store, ttl: Duration) -> Self {
        let shared = Arc::new(Shared::default());
        let (sender, state) = watch::channel(LeaseState::Lost {
            since: SystemTime::now(),
            reason: "not granted yet".to_owned(),
        });
        let cancel = CancellationToken::new();
        let task = tokio::spawn(keeper::run(
            store,
            ttl,
            shared.clone(),
            sender,
            cancel.clone(),
        ));
        Self {
            shared,
            state,
            task,
            cancel: cancel.drop_guard(),
        }
    }

    /// Asks for a key to be present with this value. Returns at once; [`Self::settled`] waits.
    pub fn set(&self, key: impl Into<String>, value: impl Into<Bytes>) {
        self.change(|keys| keys.insert(key.into(), value.into()));
    }

    /// Asks for a key to be absent. Returns at once; [`Self::settled`] waits.
    pub fn remove(&self, key: &str) {
        self.change(|keys| keys.remove(key));
    }

    fn change<T>(&self, apply: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T) {
        let mut wanted = self.shared.wanted();
        apply(&mut wanted.keys);
        wanted.changes += 1;
        drop(wanted);
        self.shared.changed.notify_one();
    }

    /// Waits until all that was asked for before this call is in the store. Waits for as long as
    /// the store is away.
    pub async fn settled(&self) {
        let asked = self.shared.wanted().changes;
        // The sender lives in `shared`, so that waiting cannot fail.
        let _ = self
            .shared
            .settled
            .subscribe()
            .wait_for(|settled| *settled >= asked)
            .await;
    }

    /// The state, to look at and to wait for changes of.
    pub fn state(&self) -> watch::Receiver<LeaseState> {
        self.state.clone()
    }

    /// Gives the lease up, so that the keys vanish at once, and waits for it. Where the store
    /// cannot be reached they vanish when their time runs out.
    pub async fn close(self) {
        self.end().await;
    }

    /// Ends the session and leaves the lease to run out, so that what hangs on it stays until then.
    /// Waits until nothing of the session is left.
    pub async fn abandon(self) {
        self.shared.abandoned.store(true, Ordering::Relaxed);
        self.end().await;
    }

    async fn end(self) {
        drop(self.cancel);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the task of a lease session failed");
        }
    }
}

impl Shared {
    fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Relaxed)
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        // Nothing that holds the lock can panic half-way through a change.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
