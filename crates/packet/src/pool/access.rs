//! Metadata and data of single buffers.
//!
//! All of it works on the masked index, see [`BufferPool`]: in range for any value whatever.

use super::{BoundsError, BufferIndex, BufferPool, DATA_SIZE, HEADROOM, NO_BUFFER, memory::STRIDE};
use crate::meta::Meta;

/// Most bytes that [`BufferPool::head`] may load.
pub(super) const HEAD_MAX: usize = 64;

/// A header starts at most here, which leaves [`HEAD_MAX`] bytes of the buffer behind it.
const OFFSET_MAX: usize = STRIDE - HEAD_MAX;

impl BufferPool {
    #[inline]
    pub(super) const fn slot(&self, buffer: BufferIndex) -> usize {
        (buffer.0 & self.mask) as usize
    }

    #[inline]
    fn start(&self, buffer: BufferIndex) -> std::ptr::NonNull<u8> {
        // SAFETY: `mask` is the number of slots minus one, so a masked index is below that number.
        unsafe { self.memory.slot(buffer.0 & self.mask) }
    }

    /// The buffer's metadata.
    #[inline]
    pub fn meta(&self, buffer: BufferIndex) -> &Meta {
        // SAFETY: `mask` is `metas.len() - 1` and the length a power of two.
        unsafe { self.metas.get_unchecked(self.slot(buffer)) }
    }

    /// The buffer's metadata, to change.
    #[inline]
    pub fn meta_mut(&mut self, buffer: BufferIndex) -> &mut Meta {
        let slot = self.slot(buffer);
        // SAFETY: as in `meta`.
        unsafe { self.metas.get_unchecked_mut(slot) }
    }

    /// The packet's bytes in its first buffer.
    #[inline]
    pub fn data(&self, buffer: BufferIndex) -> &[u8] {
        let meta = self.meta(buffer);
        // SAFETY: offset + length ≤ STRIDE (invariant of `Meta`), the slot is in range, and `&self`
        // forbids writers.
        unsafe {
            let start = self.start(buffer).add(usize::from(meta.offset));
            std::slice::from_raw_parts(start.as_ptr(), usize::from(meta.length))
        }
    }

    /// The packet's bytes in its first buffer, to change.
    ///
    /// `packet` must be the first buffer of a packet; the others may be shared with copies.
    #[inline]
    pub fn data_mut(&mut self, packet: BufferIndex) -> &mut [u8] {
        let meta = self.meta(packet);
        let (offset, length) = (usize::from(meta.offset), usize::from(meta.length));
        // SAFETY: as in `data`; `&mut self` makes the view the only one.
        unsafe {
            let start = self.start(packet).add(offset);
            std::slice::from_raw_parts_mut(start.as_ptr(), length)
        }
    }

    /// The first `N` ≤ 64 bytes from where the packet's data starts, for header loads of known size.
    ///
    /// Bytes beyond the packet's length are of no meaning; the caller has checked the length.
    #[inline]
    pub fn head<const N: usize>(&self, buffer: BufferIndex) -> &[u8; N] {
        const { assert!(N <= HEAD_MAX) };
        let offset = usize::from(self.meta(buffer).offset);
        // SAFETY: offset ≤ OFFSET_MAX (invariant of `Meta`), so `N` bytes from it lie in the slot.
        unsafe { self.start(buffer).add(offset).cast::<[u8; N]>().as_ref() }
    }

    /// Lets the packet start `bytes` earlier, in the headroom, and returns the new bytes, whose
    /// content is unspecified.
    #[inline]
    pub fn prepend(&mut self, packet: BufferIndex, bytes: usize) -> Result<&mut [u8], BoundsError> {
        let meta = self.meta_mut(packet);
        let available = usize::from(meta.offset);
        if bytes > available {
            return Err(BoundsError::NoHeadroom {
                wanted: bytes,
                available,
            });
        }
        // `bytes` ≤ offset < 2^16.
        let step = bytes as u16;
        meta.offset -= step;
        meta.length += step;
        meta.total_length += u32::from(step);
        Ok(&mut self.data_mut(packet)[..bytes])
    }

    /// Lets the packet start `bytes` later, all of them in its first buffer.
    #[inline]
    pub fn advance(&mut self, packet: BufferIndex, bytes: usize) -> Result<(), BoundsError> {
        let meta = self.meta_mut(packet);
        let available = usize::from(meta.length);
        if bytes > available {
            return Err(BoundsError::TooShort {
                wanted: bytes,
                available,
            });
        }
        // `bytes` ≤ length < 2^16.
        let step = bytes as u16;
        meta.offset += step;
        meta.length -= step;
        meta.total_length -= u32::from(step);
        Ok(())
    }

    /// Room for data of an empty buffer: [`DATA_SIZE`] bytes behind the [`HEADROOM`].
    ///
    /// After writing, tell how much there is with [`BufferPool::set_received`].
    #[inline]
    pub fn space_mut(&mut self, buffer: BufferIndex) -> &mut [u8] {
        // SAFETY: headroom and data lie within the slot; `&mut self` makes the view the only one.
        unsafe {
            let start = self.start(buffer).add(HEADROOM);
            std::slice::from_raw_parts_mut(start.as_ptr(), DATA_SIZE)
        }
    }

    /// Address and size of [`BufferPool::space_mut`], for a vector of `readv`.
    ///
    /// The address stays valid for writing as long as the pool lives and the buffer is not handed
    /// on; buffers do not move.
    #[inline]
    pub fn space_ptr(&mut self, buffer: BufferIndex) -> (*mut u8, usize) {
        // SAFETY: headroom lies within the slot.
        let start = unsafe { self.start(buffer).add(HEADROOM) };
        (start.as_ptr(), DATA_SIZE)
    }

    /// Copies `length` bytes from place `from_at` of one buffer to place `to_at` of another, both
    /// counted from the start of the buffer, headroom included, and cut off at its end.
    pub(crate) fn copy_bytes(
        &mut self,
        from: BufferIndex,
        from_at: usize,
        to: BufferIndex,
        to_at: usize,
        length: usize,
    ) {
        let (from_at, to_at) = (from_at.min(STRIDE), to_at.min(STRIDE));
        let length = length.min(STRIDE - from_at).min(STRIDE - to_at);
        // SAFETY: both ranges lie within their slots by the two lines above; `copy` allows that
        // they overlap, and `&mut self` excludes other references to either.
        unsafe {
            let source = self.start(from).add(from_at);
            let target = self.start(to).add(to_at);
            source.copy_to(target, length);
        }
    }

    /// The next buffer of a chain.
    #[inline]
    pub fn next(&self, buffer: BufferIndex) -> Option<BufferIndex> {
        match self.meta(buffer).next {
            NO_BUFFER => None,
            raw => Some(BufferIndex(raw)),
        }
    }
}

const _: () = assert!(HEADROOM + DATA_SIZE <= OFFSET_MAX);
const _: () = assert!(STRIDE <= u16::MAX as usize);
