//! Access to buffers in loops over many packets.
//!
//! The same as the pool's own methods, but with the pool's addresses held by value: the compiler
//! keeps them in registers, where through `&mut BufferPool` it reloads them after every store to a
//! packet. Worth a fifth of the graph's time (layer-2 unicast: 38 clocks a packet before, 31 after).

use std::{marker::PhantomData, ptr::NonNull};

use super::{BufferIndex, BufferPool, HEADROOM, access::HEAD_MAX, memory::STRIDE};
use crate::meta::Meta;

/// All buffers of a pool, borrowed.
#[derive(Debug)]
pub struct Buffers<'pool> {
    metas: NonNull<Meta>,
    memory: NonNull<u8>,
    mask: u32,
    pool: PhantomData<&'pool mut BufferPool>,
}

impl BufferPool {
    /// Borrows all buffers.
    #[inline]
    pub fn buffers(&mut self) -> Buffers<'_> {
        Buffers {
            memory: self.memory.base(),
            metas: NonNull::from(&mut *self.metas).cast(),
            mask: self.mask,
            pool: PhantomData,
        }
    }
}

impl Buffers<'_> {
    #[inline]
    fn slot(&self, buffer: BufferIndex) -> usize {
        (buffer.0 & self.mask) as usize
    }

    /// Where the packet's data starts.
    #[inline]
    fn start(&self, buffer: BufferIndex) -> NonNull<u8> {
        let offset = usize::from(self.meta(buffer).offset);
        // SAFETY: a masked index is below the number of slots, and an offset inside its slot.
        unsafe { self.memory.add(self.slot(buffer) * STRIDE + offset) }
    }

    /// See [`BufferPool::meta`].
    #[inline]
    pub fn meta(&self, buffer: BufferIndex) -> &Meta {
        // SAFETY: a masked index is below the number of metadata; `&self` borrows all of it.
        unsafe { self.metas.add(self.slot(buffer)).as_ref() }
    }

    /// See [`BufferPool::meta_mut`].
    #[inline]
    pub fn meta_mut(&mut self, buffer: BufferIndex) -> &mut Meta {
        // SAFETY: as in `meta`; `&mut self` makes the reference the only one.
        unsafe { self.metas.add(self.slot(buffer)).as_mut() }
    }

    /// See [`BufferPool::data`].
    #[inline]
    pub fn data(&self, buffer: BufferIndex) -> &[u8] {
        let length = usize::from(self.meta(buffer).length);
        // SAFETY: offset + length lie inside the slot (invariant of `Meta`); `&self` borrows all.
        unsafe { std::slice::from_raw_parts(self.start(buffer).as_ptr(), length) }
    }

    /// See [`BufferPool::head`].
    #[inline]
    pub fn head<const N: usize>(&self, buffer: BufferIndex) -> &[u8; N] {
        const { assert!(N <= HEAD_MAX) };
        // SAFETY: data starts at least `HEAD_MAX` bytes before its slot ends (invariant of `Meta`).
        unsafe { self.start(buffer).cast::<[u8; N]>().as_ref() }
    }

    /// As [`Buffers::head`], to change.
    #[inline]
    pub fn head_mut<const N: usize>(&mut self, packet: BufferIndex) -> &mut [u8; N] {
        const { assert!(N <= HEAD_MAX) };
        // SAFETY: as in `head`; `&mut self` makes the reference the only one.
        unsafe { self.start(packet).cast::<[u8; N]>().as_mut() }
    }

    /// Lets the packet start `bytes` earlier (negative: later) within its first buffer; `false`,
    /// and nothing changed, if that has not enough headroom or data.
    #[inline]
    pub fn grow_front(&mut self, packet: BufferIndex, bytes: i16) -> bool {
        let meta = self.meta_mut(packet);
        let (offset, length) = (
            meta.offset.checked_sub_signed(bytes),
            meta.length.checked_add_signed(bytes),
        );
        let (Some(offset), Some(length)) = (offset, length) else {
            return false;
        };
        meta.offset = offset;
        meta.length = length;
        meta.total_length = meta.total_length.wrapping_add_signed(i32::from(bytes));
        true
    }

    /// Lets the packet start `bytes` earlier; `false`, and nothing changed, if there is not so much
    /// headroom.
    #[inline]
    pub fn prepend(&mut self, packet: BufferIndex, bytes: usize) -> bool {
        i16::try_from(bytes).is_ok_and(|bytes| self.grow_front(packet, bytes))
    }

    /// Lets the packet start `bytes` later; `false`, and nothing changed, if its first buffer has fewer.
    #[inline]
    pub fn advance(&mut self, packet: BufferIndex, bytes: usize) -> bool {
        i16::try_from(bytes).is_ok_and(|bytes| self.grow_front(packet, -bytes))
    }

    /// Brings the cache lines of a packet's metadata and header near.
    #[inline]
    pub fn prefetch(&self, buffer: BufferIndex) {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a prefetch has no effect but on the cache, whatever the address, and these are
        // within the arrays; SSE is part of every x86-64.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let slot = self.slot(buffer);
            _mm_prefetch::<_MM_HINT_T0>(self.metas.add(slot).as_ptr().cast());
            _mm_prefetch::<_MM_HINT_T0>(self.memory.add(slot * STRIDE + HEADROOM).as_ptr().cast());
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = buffer;
    }
}
