//! Packets of one or more buffers: filled by a port, read by a port.

use super::{BoundsError, BufferIndex, BufferPool, DATA_SIZE, HEADROOM, NO_BUFFER};

/// The pieces of a packet, first to last.
#[derive(Debug, Clone)]
pub struct Segments<'pool> {
    pool: &'pool BufferPool,
    next: Option<BufferIndex>,
}

impl BufferPool {
    /// Makes packets' data of what a port wrote into the [space](Self::space_mut) of fresh
    /// `buffers`: `length` bytes, each buffer filled before the next, as `readv` does.
    ///
    /// Returns how many of the buffers the packet took, at least one; the others stay the caller's
    /// and empty. `buffers[0]` names the packet.
    #[inline]
    pub fn set_received(
        &mut self,
        buffers: &[BufferIndex],
        length: usize,
    ) -> Result<usize, BoundsError> {
        let used = length.div_ceil(DATA_SIZE).max(1);
        let Some(chain) = buffers.get(..used) else {
            let available = buffers.len() * DATA_SIZE;
            return Err(BoundsError::NoRoom {
                wanted: length,
                available,
            });
        };
        let mut left = length;
        let mut following = chain.iter().skip(1);
        for &buffer in chain {
            let here = left.min(DATA_SIZE);
            left -= here;
            let meta = self.meta_mut(buffer);
            meta.offset = HEADROOM as u16;
            meta.length = here as u16;
            meta.next = following.next().map_or(NO_BUFFER, |next| next.0);
        }
        // 2^20 buffers of 2 KiB stay below 2^32 bytes.
        self.meta_mut(chain[0]).total_length = length as u32;
        Ok(used)
    }

    /// A packet with these bytes, or `None` (counted) if the pool has not enough buffers.
    pub fn alloc_from(&mut self, bytes: &[u8]) -> Option<BufferIndex> {
        let mut buffers = vec![BufferIndex::PLACEHOLDER; bytes.len().div_ceil(DATA_SIZE).max(1)];
        let granted = self.alloc_many(&mut buffers);
        if granted < buffers.len() {
            self.free_many(&buffers[..granted]);
            return None;
        }
        for (&buffer, chunk) in buffers.iter().zip(bytes.chunks(DATA_SIZE)) {
            self.space_mut(buffer)[..chunk.len()].copy_from_slice(chunk);
        }
        self.set_received(&buffers, bytes.len()).ok()?;
        Some(buffers[0])
    }

    /// The packet's bytes, buffer by buffer: for the vectors of `writev`.
    pub fn segments(&self, packet: BufferIndex) -> Segments<'_> {
        Segments {
            pool: self,
            next: Some(packet),
        }
    }

    /// Puts all of `tail` behind `packet`, of which it is a part from then on.
    pub fn append(&mut self, packet: BufferIndex, tail: BufferIndex) {
        let mut last = packet;
        while let Some(next) = self.next(last) {
            last = next;
        }
        self.link(packet, last, tail);
    }

    /// As [`append`](Self::append), where the packet's last buffer is known.
    pub(crate) fn link(&mut self, packet: BufferIndex, last: BufferIndex, tail: BufferIndex) {
        self.meta_mut(last).next = tail.0;
        let more = self.meta(tail).total_length;
        self.meta_mut(packet).total_length += more;
    }

    /// Cuts off what a packet has behind `length` bytes in its first buffer; `false`, and nothing changed,
    /// if it has fewer, or more than one buffer of which others would go.
    pub fn truncate(&mut self, packet: BufferIndex, length: usize) -> bool {
        let meta = self.meta_mut(packet);
        if meta.total_length as usize == length {
            return true;
        }
        let fits = meta.next == NO_BUFFER && length <= usize::from(meta.length);
        if fits {
            // Not more than the length before.
            meta.length = length as u16;
            meta.total_length = length as u32;
        }
        fits
    }

    /// Copies as much of the packet as fits into `out`; returns how much.
    pub fn copy_to(&self, packet: BufferIndex, out: &mut [u8]) -> usize {
        let mut done = 0;
        for segment in self.segments(packet) {
            let here = segment.len().min(out.len() - done);
            out[done..done + here].copy_from_slice(&segment[..here]);
            done += here;
        }
        done
    }

    /// Bytes of the whole packet.
    #[inline]
    pub fn total_length(&self, packet: BufferIndex) -> usize {
        self.meta(packet).total_length as usize
    }

    /// Whether the packet takes more than one buffer.
    #[inline]
    pub fn is_chained(&self, packet: BufferIndex) -> bool {
        self.meta(packet).next != NO_BUFFER
    }
}

impl<'pool> Iterator for Segments<'pool> {
    type Item = &'pool [u8];

    fn next(&mut self) -> Option<&'pool [u8]> {
        let buffer = self.next?;
        self.next = self.pool.next(buffer);
        Some(self.pool.data(buffer))
    }
}
