//! Reading and writing the pieces of a packet one behind the other, as one row of bytes.

use vm_memory::{ByteValued, VolatileMemory, VolatileSlice};

/// Where the next byte is.
#[derive(Debug)]
pub(super) struct Cursor<'p, 'a> {
    pieces: std::slice::Iter<'p, VolatileSlice<'a>>,
    here: Option<VolatileSlice<'a>>,
}

impl<'p, 'a> Cursor<'p, 'a> {
    /// At the first byte of `pieces`.
    #[inline]
    pub(super) fn new(pieces: &'p [VolatileSlice<'a>]) -> Self {
        let mut pieces = pieces.iter();
        let here = pieces.next().copied();
        Self { pieces, here }
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

    /// Reads the next bytes; zeros from their end on.
    #[inline]
    pub(super) fn read_array<const N: usize>(&mut self) -> [u8; N]
    where
        [u8; N]: ByteValued,
    {
        if let Some(here) = self.here
            && let Ok(place) = here.get_ref::<[u8; N]>(0)
        {
            self.here = here.offset(N).ok();
            return place.load();
        }
        let mut out = [0; N];
        self.read(&mut out);
        out
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

    /// Overwrites the next bytes, as many as there are.
    #[inline]
    pub(super) fn write_array<const N: usize>(&mut self, bytes: [u8; N])
    where
        [u8; N]: ByteValued,
    {
        if let Some(here) = self.here
            && let Ok(place) = here.get_ref::<[u8; N]>(0)
        {
            place.store(bytes);
            self.here = here.offset(N).ok();
        } else {
            self.write(&bytes);
        }
    }

    /// What is left of the current piece, at least a byte; `None` at the end.
    #[inline]
    fn here(&mut self) -> Option<VolatileSlice<'a>> {
        loop {
            match self.here {
                Some(here) if !here.is_empty() => return Some(here),
                _ => self.here = Some(*self.pieces.next()?),
            }
        }
    }
}
