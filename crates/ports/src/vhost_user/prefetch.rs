//! Hints to the cache.

use vm_memory::VolatileSlice;

/// Bytes of a line.
const LINE: usize = 64;
/// Bytes that are worth to be brought near: a header that ends a line, and the next line.
pub(super) const LENGTH: usize = 2 * LINE;

/// Brings the first lines of a piece of guest memory near, to be used soon.
#[inline]
pub(super) fn prefetch(piece: &VolatileSlice<'_>) {
    #[cfg(target_arch = "x86_64")]
    for offset in (0..piece.len().min(LENGTH)).step_by(LINE) {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        let place = piece.ptr_guard().as_ptr().wrapping_add(offset);
        // SAFETY: a prefetch has no effect but on the cache; SSE is part of every x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_ET0>(place.cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = piece;
}
