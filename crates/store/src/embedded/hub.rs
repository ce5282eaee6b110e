//! From the writer to the watchers: which revision is committed, and what the last ones were.
//!
//! A watcher that is up to date is served from memory; one that is behind reads the history from
//! the file, as far back as it has to. So a slow watcher costs no memory, however slow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use etcd_client::proto::PbEvent;
use tokio::sync::watch;

/// Changes kept in memory, in bytes of keys and values.
const RECENT_BYTES: usize = 4 << 20;

/// One committed revision.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) revision: i64,
    pub(super) events: Vec<PbEvent>,
}

#[derive(Debug)]
pub(super) struct Hub {
    state: watch::Sender<State>,
    recent: Mutex<Recent>,
}

/// How far the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub(super) revision: i64,
    pub(super) compacted: i64,
    /// Why the file can no longer be written, once that is so.
    pub(super) failed: Option<String>,
}

#[derive(Debug, Default)]
struct Recent {
    revisions: VecDeque<Arc<Committed>>,
    bytes: usize,
}

impl Hub {
    pub(super) fn new(revision: i64, compacted: i64) -> Self {
        let state = State {
            revision,
            compacted,
            failed: None,
        };
        Self {
            state: watch::Sender::new(state),
            recent: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    pub(super) fn revision(&self) -> i64 {
        self.state.borrow().revision
    }

    /// Announces what has been committed.
    pub(super) fn publish(&self, committed: Vec<Committed>, revision: i64, compacted: i64) {
        if !committed.is_empty() {
            let mut recent = self.recent();
            for revision in committed {
                recent.push(revision);
            }
        }
        self.state.send_if_modified(|state| {
            let changed = state.revision != revision || state.compacted != compacted;
            state.revision = revision;
            state.compacted = compacted;
            changed
        });
    }

    /// Announces that nothing more will be committed.
    pub(super) fn fail(&self, reason: String) {
        self.state.send_modify(|state| state.failed = Some(reason));
    }

    /// The committed revisions from `from` on, until they are `bytes` together or all, as far as they
    /// are in memory: `None` if the first of them no longer is.
    pub(super) fn recent_from(&self, from: i64, bytes: usize) -> Option<Vec<Arc<Committed>>> {
        let recent = self.recent();
        let oldest = recent.revisions.front()?.revision;
        if from < oldest {
            return None;
        }
        let start = recent
            .revisions
            .partition_point(|revision| revision.revision < from);
        let mut taken = 0;
        let fitting = recent.revisions.range(start..).take_while(|revision| {
            let fits = taken < bytes;
            taken += revision.bytes();
            fits
        });
        Some(fitting.cloned().collect())
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        // Nothing that holds the lock can panic half-way through a change.
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn push(&mut self, revision: Committed) {
        self.bytes += revision.bytes();
        self.revisions.push_back(Arc::new(revision));
        while self.bytes > RECENT_BYTES {
            let Some(oldest) = self.revisions.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
        }
    }
}

impl Committed {
    /// What the events take, roughly.
    pub(super) fn bytes(&self) -> usize {
        self.events.iter().map(event_bytes).sum()
    }
}

/// What an event takes, roughly.
pub(super) fn event_bytes(event: &PbEvent) -> usize {
    let kv = |kv: &etcd_client::proto::PbKeyValue| kv.key.len() + kv.value.len();
    128 + event.kv.as_ref().map_or(0, kv) + event.prev_kv.as_ref().map_or(0, kv)
}
