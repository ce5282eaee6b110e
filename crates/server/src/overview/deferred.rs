//! The overview, and the changes that are not worked into it yet.
//!
//! To work a change in costs many times what it costs to keep it, and nobody may look for long: a cloud
//! that is written past the REST interface of this server is only counted here. So changes are kept as
//! they came, and worked in when somebody looks, or when they are too many. A record that has changed
//! several times by then is decoded once.
//!
//! Invariants: whoever looks sees all changes that were taken before. What waits is bounded, and with it
//! the time for which one who looks is held up. Changes leave the queue only under the write lock of
//! the overview, so that one who finds the queue empty finds them in the overview.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::fast::RandomState;
use weft_model::Keyspace;
use weft_store::{Change, KeyValue};

use super::Overview;

/// Changes that wait at most: what is written at once of a host with a thousand ports and what its
/// agent says of them; ten to twenty milliseconds of work.
const MOST_CHANGES: usize = 4096;
/// Bytes of keys and values that wait at most, the last change excepted.
const MOST_BYTES: usize = 8 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Deferred {
    keys: Keyspace,
    overview: RwLock<Overview>,
    waiting: Mutex<Waiting>,
}

/// Changes in the order in which they came.
#[derive(Debug, Default)]
struct Waiting {
    changes: Vec<Change>,
    bytes: usize,
}

impl Deferred {
    pub(super) fn new(keys: Keyspace) -> Self {
        Self {
            keys,
            overview: RwLock::default(),
            waiting: Mutex::default(),
        }
    }

    /// Takes over all that the store holds; what was known before counts no longer.
    pub(super) fn replace(&self, kvs: Vec<KeyValue>) {
        let mut fresh = Overview::default();
        for kv in kvs {
            if let Ok(key) = self.keys.parse(&kv.key) {
                fresh.apply(key, Some(&kv.value));
            }
        }
        let mut overview = self.write();
        *self.waiting() = Waiting::default();
        *overview = fresh;
    }

    /// Takes changes over. When it returns they are in what [`read`](Self::read) shows; some of them may be
    /// before. More than may wait are worked in part by part, between which others get their turn.
    pub(super) async fn take(&self, changes: Vec<Change>) {
        let mut changes = changes.into_iter();
        while self.waiting().fill(&mut changes) {
            self.settle();
            tokio::task::yield_now().await;
        }
    }

    /// Works in whatever waits.
    pub(super) fn settle(&self) {
        drop(self.settled());
    }

    /// Looks at the overview with everything in it that was taken over.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Overview) -> T) -> T {
        look(&self.settled())
    }

    /// How many changes wait.
    #[cfg(test)]
    pub(super) fn waits(&self) -> usize {
        self.waiting().changes.len()
    }

    fn settled(&self) -> RwLockReadGuard<'_, Overview> {
        if self.waiting().changes.is_empty() {
            return self.overview.read().unwrap_or_else(PoisonError::into_inner);
        }
        let mut overview = self.write();
        let Waiting { changes, .. } = std::mem::take(&mut *self.waiting());
        for change in newest_by_key(&changes) {
            if let Ok(key) = self.keys.parse(change.key()) {
                match change {
                    Change::Put(kv) => overview.apply(key, Some(&kv.value)),
                    Change::Delete { .. } => overview.apply(key, None),
                }
            }
        }
        RwLockWriteGuard::downgrade(overview)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Overview> {
        // A panic while it was written would leave nothing worse than a wrong count.
        self.overview
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing that holds the lock can panic half-way through a change.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes in changes until there are no more or it is full; gives whether it is full.
    fn fill(&mut self, changes: &mut impl Iterator<Item = Change>) -> bool {
        while !self.is_full() {
            let Some(change) = changes.next() else {
                return false;
            };
            self.bytes += bytes(&change);
            self.changes.push(change);
        }
        true
    }

    fn is_full(&self) -> bool {
        self.changes.len() >= MOST_CHANGES || self.bytes >= MOST_BYTES
    }
}

fn bytes(change: &Change) -> usize {
    match change {
        Change::Put(kv) => kv.key.len() + kv.value.len(),
        Change::Delete { key, .. } => key.len(),
    }
}

/// The last change of each key. Different keys may be worked in in any order.
fn newest_by_key(changes: &[Change]) -> impl Iterator<Item = &Change> {
    let mut seen = HashSet::with_capacity_and_hasher(changes.len(), RandomState::default());
    let newest_first = changes.iter().rev();
    newest_first.filter(move |change| seen.insert(change.key()))
}

#[cfg(test)]
mod tests;
