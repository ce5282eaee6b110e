//! The hash table; see the parent module for its rules.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::{Key, Value};

/// Smallest table: 2^16 slots of 16 bytes.
const MIN_SLOTS: usize = 1 << 16;

/// Bridge domain indices that a key can hold.
const BD_COUNT: usize = 1 << 16;

/// One entry. The value is stored complemented, so that fresh zeroed memory reads as absent.
#[derive(Debug, Default)]
#[repr(C, align(16))]
struct Slot {
    key: AtomicU64,
    complement: AtomicU64,
}

/// An open-addressing table with linear probing.
#[derive(Debug)]
pub(crate) struct FibTable {
    slots: Box<[Slot]>,
    /// 64 − log2(slots): a hash shifted right by it is a slot number.
    shift: u32,
    /// Slots whose key is taken, dead ones included.
    used: AtomicUsize,
    /// Entries that were learned, over all bridge domains.
    learned: AtomicU32,
    /// Entries that were learned, by bridge domain.
    learned_in: Box<[AtomicU32]>,
}

/// What became of an attempt to change a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Update {
    /// Done.
    Done,
    /// The value was no longer what the caller had seen.
    Raced,
    /// No slot is left for a new key.
    Full,
}

impl FibTable {
    /// A table that holds `entries` at a load of at most one half.
    pub(crate) fn new(entries: usize) -> Self {
        let count = (entries * 2).next_power_of_two().max(MIN_SLOTS);
        let slots = std::iter::repeat_with(Slot::default).take(count).collect();
        Self {
            slots,
            shift: 64 - count.trailing_zeros(),
            used: AtomicUsize::new(0),
            learned: AtomicU32::new(0),
            learned_in: std::iter::repeat_with(AtomicU32::default)
                .take(BD_COUNT)
                .collect(),
        }
    }

    /// Where the search for `key` starts.
    #[inline]
    fn home(&self, key: Key) -> usize {
        (key.hash() >> self.shift) as usize
    }

    #[inline]
    fn slot(&self, at: usize) -> &Slot {
        // SAFETY: the number of slots is a power of two, at least one; the masked number is below.
        unsafe { self.slots.get_unchecked(at & (self.slots.len() - 1)) }
    }

    /// Brings the key's first slot near.
    #[inline]
    pub(crate) fn prefetch(&self, key: Key) {
        crate::prefetch::read(self.slot(self.home(key)));
    }

    /// The value of `key`, or absent.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Value {
        let mut at = self.home(key);
        loop {
            let slot = self.slot(at);
            // Acquire: a key seen is followed by whatever value was stored after it.
            let found = slot.key.load(Ordering::Acquire);
            if found == key.0 {
                return Value(!slot.complement.load(Ordering::Acquire));
            }
            if found == 0 {
                return Value::ABSENT;
            }
            at += 1;
        }
    }

    /// Replaces the value of `key` if it still is `old`; adds the key if `old` is absent.
    pub(crate) fn compare_exchange(&self, key: Key, old: Value, new: Value) -> Update {
        let Some(slot) = self.slot_for(key, !old.is_absent()) else {
            return if old.is_absent() {
                Update::Full
            } else {
                Update::Raced
            };
        };
        let (was_learned, is_learned) = (old.is_learned(), new.is_learned());
        // Counted before, so that whoever removes the entry finds it counted.
        if is_learned && !was_learned {
            self.count_learned(key, 1);
        }
        let swapped =
            slot.complement
                .compare_exchange(!old.0, !new.0, Ordering::AcqRel, Ordering::Relaxed);
        let counts_less = match swapped {
            Ok(_) => was_learned && !is_learned,
            Err(_) => is_learned && !was_learned,
        };
        if counts_less {
            self.count_learned(key, u32::MAX);
        }
        if swapped.is_ok() {
            Update::Done
        } else {
            Update::Raced
        }
    }

    /// Adds to the counts of learned entries, modulo 2^32.
    fn count_learned(&self, key: Key, change: u32) {
        self.learned.fetch_add(change, Ordering::Relaxed);
        if let Some(count) = self.learned_in.get(usize::from(key.bd_index())) {
            count.fetch_add(change, Ordering::Relaxed);
        }
    }

    /// Sets the value of `key` whatever it was, and returns that; `None` if no slot is left.
    pub(crate) fn set(&self, key: Key, new: Value) -> Option<Value> {
        loop {
            let old = self.get(key);
            if old.is_absent() && new.is_absent() {
                return Some(old);
            }
            match self.compare_exchange(key, old, new) {
                Update::Done => return Some(old),
                Update::Raced => {}
                Update::Full => return None,
            }
        }
    }

    /// The slot of `key`; takes an empty one for it unless `existing`.
    fn slot_for(&self, key: Key, existing: bool) -> Option<&Slot> {
        let mut at = self.home(key);
        loop {
            let slot = self.slot(at);
            let mut found = slot.key.load(Ordering::Acquire);
            if found == 0 {
                if existing || !self.reserve() {
                    return None;
                }
                match slot
                    .key
                    .compare_exchange(0, key.0, Ordering::AcqRel, Ordering::Acquire)
                {
                    Ok(_) => return Some(slot),
                    Err(other) => {
                        self.used.fetch_sub(1, Ordering::Relaxed);
                        found = other;
                    }
                }
            }
            if found == key.0 {
                return Some(slot);
            }
            at += 1;
        }
    }

    /// Counts one more slot as used, unless that leaves fewer than one in eight free: searches must
    /// meet an empty slot soon.
    fn reserve(&self) -> bool {
        let limit = self.slots.len() / 8 * 7;
        let before = self.used.fetch_add(1, Ordering::Relaxed);
        if before >= limit {
            self.used.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// How many slots there are, for scans.
    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Learned entries now.
    #[inline]
    pub(crate) fn learned(&self) -> u32 {
        self.learned.load(Ordering::Relaxed)
    }

    /// Learned entries of a bridge domain now.
    #[inline]
    pub(crate) fn learned_in(&self, bd_index: u16) -> u32 {
        let count = self.learned_in.get(usize::from(bd_index));
        count.map_or(0, |count| count.load(Ordering::Relaxed))
    }

    /// The entry at a slot, if there is one.
    pub(crate) fn entry_at(&self, at: usize) -> Option<(Key, Value)> {
        let slot = self.slots.get(at)?;
        let key = slot.key.load(Ordering::Acquire);
        let value = Value(!slot.complement.load(Ordering::Acquire));
        (key != 0 && !value.is_absent()).then_some((Key(key), value))
    }

    /// All entries, in no order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Key, Value)> {
        (0..self.slots.len()).filter_map(|at| self.entry_at(at))
    }

    /// A table to take this one's place if it is time: more than half of the slots are used up.
    pub(crate) fn successor(&self) -> Option<Self> {
        if self.used.load(Ordering::Relaxed) <= self.slots.len() / 2 {
            return None;
        }
        Some(self.copy())
    }

    /// A table with the entries that are alive and room for half as many again.
    pub(super) fn copy(&self) -> Self {
        let alive = self.entries().count();
        let next = Self::new(alive + alive / 2);
        for (key, value) in self.entries() {
            next.set(key, value);
        }
        next
    }
}
