//! A vector whose copies share what is not changed: snapshots of it cost one pointer per 64 elements.

#[cfg(test)]
mod tests;

use std::sync::Arc;

const CHUNK: usize = 64;

/// Elements by index; those never set read as the default.
#[derive(Debug, Clone)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Arc<[T; CHUNK]>>,
    absent: T,
}

impl<T: Clone + Default> Chunked<T> {
    pub(crate) fn new() -> Self {
        Self {
            chunks: Vec::new(),
            absent: T::default(),
        }
    }

    /// The element, or the default one.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> &T {
        match self.chunks.get(index as usize / CHUNK) {
            Some(chunk) => &chunk[index as usize % CHUNK],
            None => &self.absent,
        }
    }

    /// The element to change; copies its chunk if a snapshot has it.
    pub(crate) fn get_mut(&mut self, index: u32) -> &mut T {
        let at = index as usize / CHUNK;
        while self.chunks.len() <= at {
            self.chunks
                .push(Arc::new(std::array::from_fn(|_| T::default())));
        }
        &mut Arc::make_mut(&mut self.chunks[at])[index as usize % CHUNK]
    }
}
