//! Reading and writing the spans of a packet one behind the other, as one row of bytes.

use vm_memory::{Bytes, VolatileSlice};

use super::memory::{GuestMemory, Span};

/// Where the next byte is.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    memory: &'a GuestMemory,
    spans: std::slice::Iter<'a, Span>,
    here: Option<VolatileSlice<'a>>,
}

impl<'a> Cursor<'a> {
    /// At the first byte of `spans`, which are of `memory`.
    pub(super) fn new(memory: &'a GuestMemory, spans: &'a [Span]) -> Self {
        Self {
            memory,
            spans: spans.iter(),
            here: None,
        }
    }

    /// Copies the next bytes out, as many as `out` has or as there are.
    #[inline]
    pub(super) fn read(&mut self, mut out: &mut [u8]) {
        while !out.is_empty() {
            let Some(done) = self.step(|here| here.read(out, 0).unwrap_or(0)) else {
                return;
            };
            out = out.get_mut(done..).unwrap_or_default();
        }
    }

    /// Overwrites the next bytes, as many as there are.
    #[inline]
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(done) = self.step(|here| here.write(bytes, 0).unwrap_or(0)) else {
                return;
            };
            bytes = bytes.get(done..).unwrap_or_default();
        }
    }

    /// Lets `copy` do what it can with the current piece; returns how many bytes that were, `None`
    /// at the end.
    #[inline]
    fn step(&mut self, copy: impl FnOnce(&VolatileSlice<'a>) -> usize) -> Option<usize> {
        let here = loop {
            match self.here.filter(|here| !here.is_empty()) {
                Some(here) => break here,
                None => self.here = Some(self.memory.slice(*self.spans.next()?)?),
            }
        };
        let done = copy(&here);
        self.here = here.offset(done).ok();
        (done > 0).then_some(done)
    }
}
