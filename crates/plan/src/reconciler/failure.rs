//! What VPP refused, and when it is tried again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Instant, SystemTime};

use super::Now;
use crate::backoff::Backoff;
use crate::object::ObjectKey;

/// A refusal that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Why, in words for a person.
    pub(super) reason: String,
    /// How often it was tried.
    pub(super) tries: u32,
    /// When it is tried again.
    pub(super) next_try: Instant,
    /// The same, for people.
    pub(super) next_try_wall: SystemTime,
}

/// The refusals that stand, by object and by time.
#[derive(Clone, Debug)]
pub(super) struct Failures {
    backoff: Backoff,
    by_key: BTreeMap<ObjectKey, Failure>,
    by_time: BTreeSet<(Instant, ObjectKey)>,
}

impl Failures {
    pub(super) fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            by_key: BTreeMap::new(),
            by_time: BTreeSet::new(),
        }
    }

    pub(super) fn get(&self, key: &ObjectKey) -> Option<&Failure> {
        self.by_key.get(key)
    }

    /// The first object between these keys that was refused.
    pub(super) fn first_in(&self, first: &ObjectKey, last: &ObjectKey) -> Option<&ObjectKey> {
        let mut range = self.by_key.range(first.clone()..=last.clone());
        range.next().map(|(key, _)| key)
    }

    /// Records one more refusal.
    pub(super) fn record(&mut self, key: ObjectKey, reason: String, now: Now) {
        let tries = self
            .by_key
            .get(&key)
            .map_or(0, |failure| failure.tries)
            .saturating_add(1);
        self.forget(&key);
        let delay = self.backoff.delay(tries);
        let next_try = now.monotonic + delay;
        self.by_time.insert((next_try, key.clone()));
        self.by_key.insert(
            key,
            Failure {
                reason,
                tries,
                next_try,
                next_try_wall: now.wall + delay,
            },
        );
    }

    /// Forgets the refusal of an object; answers whether there was one.
    pub(super) fn forget(&mut self, key: &ObjectKey) -> bool {
        let Some(failure) = self.by_key.remove(key) else {
            return false;
        };
        self.by_time.remove(&(failure.next_try, key.clone()))
    }

    /// Forgets the refusals of all objects but those for which `keep` is true.
    pub(super) fn retain(&mut self, keep: impl Fn(&ObjectKey) -> bool) {
        self.by_key.retain(|key, _| keep(key));
        self.by_time.retain(|(_, key)| keep(key));
    }

    pub(super) fn clear(&mut self) {
        self.by_key.clear();
        self.by_time.clear();
    }

    /// Whether the object was refused and its time has not come.
    pub(super) fn holds(&self, key: &ObjectKey, now: Instant) -> bool {
        self.get(key).is_some_and(|failure| failure.next_try > now)
    }

    /// What is to be tried again by now.
    pub(super) fn due(&self, now: Instant) -> Vec<ObjectKey> {
        let due = self.by_time.iter().take_while(|(time, _)| *time <= now);
        due.map(|(_, key)| key.clone()).collect()
    }

    pub(super) fn next_try(&self) -> Option<Instant> {
        self.by_time.first().map(|(time, _)| *time)
    }
}
