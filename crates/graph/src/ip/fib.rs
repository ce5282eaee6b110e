//! Longest prefix match: one hash table for each length that is in use, the longest first (VPP's way
//! for IPv6, `ip6_fib.c`).
//!
//! Snapshots share the tables of lengths that did not change.

use std::sync::Arc;

use super::AdjIndex;
use crate::acl::address::{Address, fold};

/// Routes of one family.
#[derive(Clone, Debug)]
pub(crate) struct IpFib<A> {
    /// By length, longest first.
    levels: Vec<Arc<Level<A>>>,
}

/// Routes of one length.
#[derive(Clone, Debug)]
struct Level<A> {
    len: u8,
    mask: A,
    /// Open addressing; a power of two, at most half full.
    slots: Box<[(A, AdjIndex)]>,
    used: usize,
}

/// No entry.
const EMPTY: AdjIndex = AdjIndex(u32::MAX);

/// Smallest table of a length.
const MIN_SLOTS: usize = 8;

impl<A: Address> IpFib<A> {
    pub(crate) const fn new() -> Self {
        Self { levels: Vec::new() }
    }

    /// What an address leads to.
    #[inline]
    pub(crate) fn lookup(&self, address: A) -> AdjIndex {
        for level in &self.levels {
            if let Some(found) = level.get(address.and(level.mask)) {
                return found;
            }
        }
        AdjIndex::DROP
    }

    /// Adds a route or replaces it; `prefix` has no host bits.
    pub(crate) fn insert(&mut self, prefix: A, len: u8, adjacency: AdjIndex) {
        let at = match self.levels.binary_search_by(|own| len.cmp(&own.len)) {
            Ok(at) => at,
            Err(at) => {
                self.levels.insert(at, Arc::new(Level::new(len)));
                at
            }
        };
        if let Some(level) = self.levels.get_mut(at) {
            Arc::make_mut(level).insert(prefix, adjacency);
        }
    }
}

impl<A: Address> Level<A> {
    fn new(len: u8) -> Self {
        Self {
            len,
            mask: A::mask(len),
            slots: vec![(A::default(), EMPTY); MIN_SLOTS].into_boxed_slice(),
            used: 0,
        }
    }

    /// Where the search for an address starts.
    #[inline]
    fn home(&self, address: A) -> usize {
        let [a, b, ..] = A::words(address, A::default());
        let hash = fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd1b5_4a32_d192_ed03);
        hash as usize & (self.slots.len() - 1)
    }

    #[inline]
    fn get(&self, address: A) -> Option<AdjIndex> {
        let mut at = self.home(address);
        // Ends at the latest at an empty slot, of which there is at least one in two.
        while let Some(&(key, adjacency)) = self.slots.get(at) {
            if adjacency == EMPTY {
                return None;
            }
            if key == address {
                return Some(adjacency);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }

    fn insert(&mut self, address: A, adjacency: AdjIndex) {
        if (self.used + 1) * 2 > self.slots.len() {
            let size = self.slots.len() * 2;
            let fresh = vec![(A::default(), EMPTY); size].into_boxed_slice();
            let old = std::mem::replace(&mut self.slots, fresh);
            for &(key, adjacency) in old.iter().filter(|(_, adjacency)| *adjacency != EMPTY) {
                self.put(key, adjacency);
            }
        }
        if self.put(address, adjacency) {
            self.used += 1;
        }
    }

    /// Stores an entry where there is room; returns whether it is new.
    fn put(&mut self, address: A, adjacency: AdjIndex) -> bool {
        let mut at = self.home(address);
        let mask = self.slots.len() - 1;
        while let Some(slot) = self.slots.get_mut(at) {
            if slot.1 == EMPTY || slot.0 == address {
                let is_new = slot.1 == EMPTY;
                *slot = (address, adjacency);
                return is_new;
            }
            at = (at + 1) & mask;
        }
        false
    }
}
