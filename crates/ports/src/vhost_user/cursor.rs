//! Reading and writing the spans of a packet one behind the other, as one row of bytes.

use vm_memory::VolatileSlice;

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
            let Some(here) = self.here() else {
                return;
            };
            let done = here.copy_to(out);
            self.here = here.offset(done).ok();
            out = out.get_mut(done..).unwrap_or_default();
        }
    }

    /// Overwrites the next bytes, as many as there are.
    #[inline]
    pub(super) fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let Some(here) = self.here() else {
                return;
            };
            let done = bytes.len().min(here.len());
            here.copy_from(bytes);
            self.here = here.offset(done).ok();
            bytes = bytes.get(done..).unwrap_or_default();
        }
    }

    /// What is left of the current piece, at least a byte; `None` at the end.
    #[inline]
    fn here(&mut self) -> Option<VolatileSlice<'a>> {
        loop {
            match self.here {
                Some(here) if !here.is_empty() => return Some(here),
                _ => self.here = Some(self.memory.slice(*self.spans.next()?)?),
            }
        }
    }
}
