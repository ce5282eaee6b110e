//! Objects that may differ from what is wanted, kept by port: a plan takes those of a few ports, however
//! many there are, and those come first that have waited longest.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use foldhash::fast::FixedState;
use weft_model::PortId;

use crate::compile::Compiler;
use crate::object::ObjectKey;
use crate::observed::Observed;
use crate::table::Keys;

/// Objects that may differ.
#[derive(Clone, Debug, Default)]
pub(super) struct Dirty {
    /// Of each port alone, as far as there are any; each once.
    ports: HashMap<PortId, Vec<ObjectKey>, FixedState>,
    /// These ports in the order of their coming, and ports that have none any more in between.
    queue: VecDeque<PortId>,
    /// All others.
    others: Keys,
}

impl Dirty {
    /// What is wanted and not there, there and not wanted, or there otherwise.
    pub(super) fn differing(compiler: &Compiler, observed: &Observed) -> Self {
        let mut wanted_and_there = 0;
        let wrong = compiler.unordered().filter(|(key, wanted)| {
            let is = observed.get(key);
            wanted_and_there += usize::from(is.is_some());
            !is.is_some_and(|is| is.satisfies(wanted))
        });
        let mut differing = Self::default();
        differing.extend(wrong.map(|(key, _)| key.clone()));
        if wanted_and_there < observed.len() {
            let unwanted = observed.unordered().map(|(key, _)| key);
            let unwanted = unwanted.filter(|key| compiler.object(key).is_none());
            differing.extend(unwanted.cloned());
        }
        differing
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ports.is_empty() && self.others.is_empty()
    }

    pub(super) fn contains(&self, key: &ObjectKey) -> bool {
        match key.port() {
            Some(port) => self.ports.get(port).is_some_and(|keys| keys.contains(key)),
            None => self.others.contains(key),
        }
    }

    pub(super) fn insert(&mut self, key: ObjectKey) {
        if let Some(port) = key.port() {
            let keys = self.ports.entry(port.clone()).or_default();
            if keys.is_empty() {
                self.queue.push_back(port.clone());
            }
            if !keys.contains(&key) {
                keys.push(key);
            }
        } else {
            self.others.insert(key);
        }
    }

    pub(super) fn remove(&mut self, key: &ObjectKey) {
        let Some(port) = key.port() else {
            self.others.remove(key);
            return;
        };
        if let Entry::Occupied(mut keys) = self.ports.entry(port.clone()) {
            keys.get_mut().retain(|other| other != key);
            if keys.get().is_empty() {
                keys.remove();
            }
        }
    }

    /// Those that are there for no port alone, in no order.
    pub(super) fn others(&self) -> impl Iterator<Item = &ObjectKey> {
        self.others.iter()
    }

    /// Takes those of `most` ports out, and all that are there for no port alone. What is there for one
    /// port comes together.
    pub(super) fn take(&mut self, most: usize) -> Vec<ObjectKey> {
        let others = std::mem::take(&mut self.others);
        let mut taken: Vec<_> = others.into_iter().collect();
        let ports = std::iter::from_fn(|| self.queue.pop_front());
        let ports = ports.filter_map(|port| self.ports.remove(&port));
        for keys in ports.take(most) {
            taken.extend(keys);
        }
        taken
    }
}

impl Extend<ObjectKey> for Dirty {
    fn extend<T: IntoIterator<Item = ObjectKey>>(&mut self, keys: T) {
        for key in keys {
            self.insert(key);
        }
    }
}
