//! The pool's raw bytes: the only place that does pointer arithmetic on them.

use std::{
    alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error},
    ptr::NonNull,
};

use super::{DATA_SIZE, HEADROOM};

/// Bytes that may be read behind the data, so that a header can be loaded whole wherever it starts.
const TAIL: usize = 64;

/// Bytes from one buffer to the next. An odd number of cache lines, so that the same header of
/// consecutive buffers falls into different sets of the cache.
pub(super) const STRIDE: usize = HEADROOM + DATA_SIZE + TAIL;

/// Cache line; also the alignment of every buffer.
const LINE: usize = 64;

const _: () = assert!(STRIDE.is_multiple_of(LINE) && (STRIDE / LINE) % 2 == 1);

/// `slots` × [`STRIDE`] zeroed bytes.
#[derive(Debug)]
pub(super) struct Memory {
    /// Start of the first buffer, aligned to [`LINE`].
    base: NonNull<u8>,
    /// What was allocated, for `drop`.
    raw: NonNull<u8>,
    layout: Layout,
}

// SAFETY: `Memory` owns its allocation alone, like a `Box<[u8]>`.
unsafe impl Send for Memory {}
// SAFETY: a shared `Memory` only hands out shared views.
unsafe impl Sync for Memory {}

impl Memory {
    /// Reserves room for `slots` (at least one) buffers.
    pub(super) fn new(slots: usize) -> Self {
        // Alignment of a plain `calloc`: only that is served from fresh pages without being
        // written, which keeps unused buffers free of cost. Cache-line alignment is made by hand.
        let Ok(layout) = Layout::array::<u8>(slots.max(1) * STRIDE + LINE) else {
            handle_alloc_error(Layout::new::<u8>())
        };
        // SAFETY: the layout's size is not zero.
        let raw = unsafe { alloc_zeroed(layout) };
        let Some(raw) = NonNull::new(raw) else {
            handle_alloc_error(layout)
        };
        let pad = raw.as_ptr().align_offset(LINE).min(LINE);
        // SAFETY: `pad` ≤ LINE bytes were added to the allocation for this.
        let base = unsafe { raw.add(pad) };
        Self { base, raw, layout }
    }

    /// Start of the first buffer.
    #[inline]
    pub(super) const fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// Start of a buffer, headroom included.
    ///
    /// # Safety
    /// `slot` is below the number of slots that the memory was made with.
    #[inline]
    pub(super) unsafe fn slot(&self, slot: u32) -> NonNull<u8> {
        // SAFETY: the caller's promise keeps the offset inside the allocation.
        unsafe { self.base.add(slot as usize * STRIDE) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout, freed only here.
        unsafe { dealloc(self.raw.as_ptr(), self.layout) }
    }
}
