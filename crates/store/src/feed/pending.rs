//! Changes that have arrived, until it is known that their revision is whole.
//!
//! With one watch a revision is whole when an answer ends that is not a fragment. With several it
//! takes an answer to a progress request. Where it is given in turn (see [`turn`](super::turn)), that is
//! all. Older releases of etcd answer while reports still wait to be sent, though these are in the order
//! of revisions. There a revision counts as whole when it is answered for and, besides, something newer
//! has arrived, or nothing at all since the answer before.
//!
//! Known limit: such an old etcd also leaves the order of revisions, for a reader so slow that its
//! buffer overflows. Then a revision may come in parts; each key's changes still come in order,
//! and none is lost.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::EventType;
use etcd_client::proto::PbWatchResponse;
use tokio::time::Instant;

use crate::kv::{Change, KeyValue, Revision, utf8_key};

/// All changes of one revision in the parts that are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) revision: Revision,
    pub(crate) changes: Vec<Change>,
}

#[derive(Debug)]
pub(super) struct Pending {
    /// Whether progress requests are answered in turn.
    in_turn: bool,
    /// Changes, each with the number of the watch that has reported it.
    revisions: BTreeMap<Revision, Vec<(i64, Change)>>,
    /// The watch of which an answer is in the middle of its fragments.
    in_fragments: Option<i64>,
    /// Something has arrived since the last answer to a progress request.
    busy: bool,
    /// Since when something has been held, without anything being handed out.
    since: Option<Instant>,
}

impl Pending {
    pub(super) fn new(in_turn: bool) -> Self {
        Self {
            in_turn,
            revisions: BTreeMap::new(),
            in_fragments: None,
            busy: false,
            since: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.revisions.is_empty()
    }

    /// For how long something has been held without anything being handed out.
    pub(super) fn held_for(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Takes in what a watch reports.
    pub(super) fn take(&mut self, message: PbWatchResponse) {
        let watch = message.watch_id;
        self.in_fragments = message.fragment.then_some(watch);
        // Those of one revision come together: its place is looked up once.
        let mut place: Option<(Revision, &mut Vec<(i64, Change)>)> = None;
        for event in message.events {
            let Some(kv) = event.kv else { continue };
            let revision = kv.mod_revision;
            let change = if event.r#type == EventType::Delete as i32 {
                utf8_key(kv.key).map(|key| Change::Delete {
                    key,
                    mod_revision: revision,
                })
            } else {
                KeyValue::from_wire(kv).map(Change::Put)
            };
            if place.as_ref().is_none_or(|(at, _)| *at != revision) {
                place = Some((revision, self.revisions.entry(revision).or_default()));
                self.since.get_or_insert_with(Instant::now);
                self.busy = true;
            }
            if let Some((_, changes)) = &mut place {
                changes.extend(change.map(|change| (watch, change)));
            }
        }
    }

    /// Drops what a watch has reported that is no longer wanted.
    pub(super) fn forget(&mut self, watch: i64) {
        for changes in self.revisions.values_mut() {
            changes.retain(|(reporter, _)| *reporter != watch);
        }
        // The rest of its fragments will not be taken in.
        if self.in_fragments == Some(watch) {
            self.in_fragments = None;
        }
    }

    /// Takes in the answer to a progress request; gives what is whole, if anything is.
    pub(super) fn answered(&mut self, revision: Revision) -> Option<Vec<Batch>> {
        let quiet = !std::mem::take(&mut self.busy);
        if self.in_turn || quiet {
            return self.release(revision);
        }
        let (newest, _) = self.revisions.last_key_value()?;
        self.release(revision.min(newest - 1))
    }

    /// Gives all there is, unless it ends within fragments.
    pub(super) fn release_all(&mut self) -> Option<Vec<Batch>> {
        self.release(Revision::MAX)
    }

    fn release(&mut self, to: Revision) -> Option<Vec<Batch>> {
        if self.in_fragments.is_some() {
            return None;
        }
        let rest = to
            .checked_add(1)
            .map_or_else(BTreeMap::new, |after| self.revisions.split_off(&after));
        let whole = std::mem::replace(&mut self.revisions, rest);
        if !whole.is_empty() {
            self.since = (!self.revisions.is_empty()).then(Instant::now);
        }
        let batches: Vec<Batch> = whole
            .into_iter()
            .filter(|(_, changes)| !changes.is_empty())
            .map(|(revision, changes)| Batch {
                revision,
                changes: changes.into_iter().map(|(_, change)| change).collect(),
            })
            .collect();
        (!batches.is_empty()).then_some(batches)
    }
}

#[cfg(test)]
mod tests;
