//! Copies of one packet, for flooding.
//!
//! Each copy has a first buffer of its own, because headers are rewritten on output; what is long is
//! shared by reference (the scheme of VPP's `vlib_buffer_clone`).

use super::{BufferIndex, BufferPool, NO_BUFFER};

/// Bytes of the packet's head that every copy has for itself: two tags, IPv6 and TCP with options.
const HEAD_SIZE: usize = 256;

/// Up to here a packet's first buffer is copied whole, as the shared rest would be too small to pay.
const COPY_LIMIT: usize = HEAD_SIZE + 128;

impl BufferPool {
    /// Makes `packet` into `out.len()` packets with its data and metadata, the first of which
    /// are written to `out`; returns how many there are, fewer than asked when buffers run out
    /// (which is counted).
    ///
    /// `packet` itself is consumed. At least one copy always succeeds unless `out` is empty, in
    /// which case the packet is freed.
    pub fn replicate(&mut self, packet: BufferIndex, out: &mut [BufferIndex]) -> usize {
        let Some((first, rest)) = out.split_first_mut() else {
            self.free(packet);
            return 0;
        };
        if rest.is_empty() {
            *first = packet;
            return 1;
        }
        let meta = *self.meta(packet);
        if usize::from(meta.length) > COPY_LIMIT {
            return self.replicate_sharing(packet, out);
        }
        let start = usize::from(meta.offset);
        *first = packet;
        let mut made = 1;
        for slot in rest {
            let Some(copy) = self.alloc() else { break };
            self.copy_bytes(packet, start, copy, start, usize::from(meta.length));
            let copied = self.meta_mut(copy);
            *copied = meta;
            copied.refs = 1;
            if meta.next != NO_BUFFER {
                self.meta_mut(BufferIndex(meta.next)).refs += 1;
            }
            *slot = copy;
            made += 1;
        }
        made
    }

    /// Copies the head, makes `packet` without it the tail of all.
    fn replicate_sharing(&mut self, packet: BufferIndex, out: &mut [BufferIndex]) -> usize {
        let meta = *self.meta(packet);
        let start = usize::from(meta.offset);
        let mut made = 0;
        for slot in out.iter_mut() {
            let Some(copy) = self.alloc() else { break };
            self.copy_bytes(packet, start, copy, start, HEAD_SIZE);
            let copied = self.meta_mut(copy);
            *copied = meta;
            copied.refs = 1;
            copied.length = HEAD_SIZE as u16;
            copied.next = packet.0;
            *slot = copy;
            made += 1;
        }
        if made == 0 {
            out[0] = packet;
            return 1;
        }
        let tail = self.meta_mut(packet);
        tail.refs = made as u32;
        tail.offset += HEAD_SIZE as u16;
        tail.length -= HEAD_SIZE as u16;
        tail.total_length = 0;
        made
    }
}
