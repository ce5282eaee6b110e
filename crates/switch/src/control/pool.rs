//! The two allocators of VPP whose order shows through the API: which number comes next.

/// Numbered slots; the one freed last is used first (`pool_get` of VPP `src/vppinfra/pool.h`).
#[derive(Debug)]
pub(crate) struct Pool<T> {
    slots: Vec<Option<T>>,
    free: Vec<usize>,
}

/// Numbers in use below a limit; the lowest free one is used first (`clib_bitmap_first_clear`).
#[derive(Debug)]
pub(crate) struct IdSet {
    words: Vec<u64>,
    limit: u32,
}

// ===== impl Pool =====

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Pool<T> {
    /// Adds an element and returns its number.
    pub(crate) fn insert(&mut self, element: T) -> usize {
        if let Some(at) = self.free.pop()
            && let Some(slot) = self.slots.get_mut(at)
        {
            *slot = Some(element);
            return at;
        }
        self.slots.push(Some(element));
        self.slots.len() - 1
    }

    /// The number that the next element will get.
    pub(crate) fn next(&self) -> usize {
        self.free.last().copied().unwrap_or(self.slots.len())
    }

    /// Takes an element out.
    pub(crate) fn remove(&mut self, at: usize) -> Option<T> {
        let element = self.slots.get_mut(at)?.take()?;
        self.free.push(at);
        Some(element)
    }

    pub(crate) fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.slots.get_mut(at)?.as_mut()
    }

    /// All elements by number.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &T)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(at, slot)| Some((at, slot.as_ref()?)))
    }
}

// ===== impl IdSet =====

impl IdSet {
    /// No number in use; numbers are below `limit`.
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            words: vec![0; limit.div_ceil(64) as usize],
            limit,
        }
    }

    /// The lowest number that is free; the set is not changed.
    pub(crate) fn first_free(&self) -> Option<u32> {
        let (at, word) = self
            .words
            .iter()
            .enumerate()
            .find(|(_, word)| **word != u64::MAX)?;
        let id = u32::try_from(at).ok()? * 64 + word.trailing_ones();
        (id < self.limit).then_some(id)
    }

    /// Takes a number; `false` if it is in use or out of range.
    pub(crate) fn take(&mut self, id: u32) -> bool {
        match self.word(id) {
            Some((word, bit)) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }

    /// Gives a number back.
    pub(crate) fn release(&mut self, id: u32) {
        if let Some((word, bit)) = self.word(id) {
            *word &= !bit;
        }
    }

    fn word(&mut self, id: u32) -> Option<(&mut u64, u64)> {
        if id >= self.limit {
            return None;
        }
        self.words
            .get_mut(id as usize / 64)
            .map(|word| (word, 1 << (id % 64)))
    }
}

#[cfg(test)]
mod tests;
