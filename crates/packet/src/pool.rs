//! One worker's packet buffers.
//!
//! A pool has a fixed number of uniform buffers in one contiguous mapping whose pages the kernel
//! provides on first touch. Each has [`HEADROOM`] bytes for headers pushed later and [`DATA_SIZE`]
//! bytes of data. A packet longer than that is a chain.
//!
//! Ownership: who holds the [`BufferIndex`] of a chain's first buffer owns the packet and must hand
//! it on or [`free`](BufferPool::free) it. Every link and every holder counts as one reference, so
//! that copies of a flooded packet share its tail; the first buffer of a packet is never shared and
//! thus always writable.
//!
//! Running out of buffers is a counted condition ([`PoolStats::exhausted`]), never a panic. An index
//! of another pool, or one freed already, reaches a wrong packet but never memory outside the pool.

mod access;
mod chain;
mod memory;
mod replicate;
mod vector;

#[cfg(test)]
mod tests;

use crate::meta::Meta;
use memory::Memory;
pub use vector::Buffers;

/// Bytes in front of the data of a fresh buffer: room for tags and encapsulations.
pub const HEADROOM: usize = 128;

/// Bytes of data of a fresh buffer: an MTU of 1500 with two tags fits in one, 64 KiB in 33.
pub const DATA_SIZE: usize = 2048;

/// Raw index that ends a chain.
pub(crate) const NO_BUFFER: u32 = u32::MAX;

/// Names a buffer of one pool; the first of a chain names the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(transparent)]
pub struct BufferIndex(pub(crate) u32);

/// A worker's buffers: see the module's head.
#[derive(Debug)]
pub struct BufferPool {
    memory: Memory,
    /// Length is a power of two, at least the number of usable buffers; see `mask`.
    metas: Box<[Meta]>,
    /// `metas.len() - 1`: an index masked with it is in range of `metas` and of `memory`.
    mask: u32,
    /// Indices of free buffers; the last freed, whose lines are warm, goes out first.
    free: Vec<BufferIndex>,
    capacity: usize,
    exhausted: u64,
}

/// How full a pool is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct PoolStats {
    /// Buffers in all.
    pub capacity: usize,
    /// Buffers free now.
    pub free: usize,
    /// Buffers asked for in vain since the pool was made.
    pub exhausted: u64,
}

/// A change of a packet's bounds was asked for that the buffer cannot give.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BoundsError {
    /// More header bytes than there is headroom.
    #[error("needs {wanted} bytes of headroom, {available} are left")]
    NoHeadroom {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes there are.
        available: usize,
    },
    /// More bytes than the first buffer of the packet holds.
    #[error("needs {wanted} bytes of packet data, the first buffer has {available}")]
    TooShort {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes there are.
        available: usize,
    },
    /// More bytes than fit into the buffers offered.
    #[error("needs room for {wanted} bytes, the buffers hold {available}")]
    NoRoom {
        /// Bytes asked for.
        wanted: usize,
        /// Bytes there are.
        available: usize,
    },
}

// ===== impl BufferIndex =====

impl BufferIndex {
    /// Any index: fills arrays that are about to be written.
    pub const PLACEHOLDER: Self = Self(0);

    /// The number, for display.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

// ===== impl BufferPool: allocation =====

impl BufferPool {
    /// Makes a pool of `capacity` buffers (at least 1, at most 2^20).
    ///
    /// Takes `capacity` × 64 bytes at once and 2240 more for each buffer that is ever used.
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, 1 << 20);
        let slots = capacity.next_power_of_two();
        let last = u32::try_from(capacity).unwrap_or(1);
        Self {
            memory: Memory::new(slots),
            metas: vec![Meta::FREE; slots].into_boxed_slice(),
            mask: u32::try_from(slots - 1).unwrap_or(0),
            free: (0..last).rev().map(BufferIndex).collect(),
            capacity,
            exhausted: 0,
        }
    }

    /// Takes one empty buffer, or counts that there is none.
    #[inline]
    pub fn alloc(&mut self) -> Option<BufferIndex> {
        let Some(buffer) = self.free.pop() else {
            self.exhausted += 1;
            return None;
        };
        let meta = self.meta_mut(buffer);
        *meta = Meta::FREE;
        meta.refs = 1;
        Some(buffer)
    }

    /// Fills `out` from its start with empty buffers; returns how many there were and counts the
    /// rest as exhausted.
    #[inline]
    pub fn alloc_many(&mut self, out: &mut [BufferIndex]) -> usize {
        let granted = out.len().min(self.free.len());
        for slot in &mut out[..granted] {
            if let Some(buffer) = self.alloc() {
                *slot = buffer;
            }
        }
        self.exhausted += (out.len() - granted) as u64;
        granted
    }

    /// Gives a packet back: all of its chain, except what copies of it still share.
    #[inline]
    pub fn free(&mut self, packet: BufferIndex) {
        let meta = self.meta_mut(packet);
        if meta.refs == 1 && meta.next == NO_BUFFER {
            meta.refs = 0;
            self.free.push(packet);
        } else {
            self.free_chain(packet);
        }
    }

    #[inline(never)]
    fn free_chain(&mut self, packet: BufferIndex) {
        let mut raw = packet.0;
        while raw != NO_BUFFER {
            let buffer = BufferIndex(raw);
            let meta = self.meta_mut(buffer);
            match meta.refs {
                // Freed before: to free it again would hand it to two owners.
                0 => return,
                1 => {
                    meta.refs = 0;
                    raw = meta.next;
                    self.free.push(buffer);
                }
                _ => {
                    meta.refs -= 1;
                    return;
                }
            }
        }
    }

    /// Gives many packets back.
    #[inline]
    pub fn free_many(&mut self, packets: &[BufferIndex]) {
        // No more than were handed out, so this never allocates.
        self.free
            .reserve(packets.len().min(self.capacity - self.free.len()));
        for &packet in packets {
            self.free(packet);
        }
    }

    /// How full the pool is.
    pub fn stats(&self) -> PoolStats {
        PoolStats {
            capacity: self.capacity,
            free: self.free.len(),
            exhausted: self.exhausted,
        }
    }
}
