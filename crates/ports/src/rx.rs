//! Taking packets from the kernel into buffers: what TAP and packet sockets have in common.
//!
//! A worker has one [`RxScratch`] for all of its ports. It keeps a few empty buffers in advance, so
//! that `readv` can place a packet where it will stay, and a spill area for what is longer than
//! expected: nothing that the kernel has is ever cut short or left lying, which would wake us for
//! ever.

use std::os::fd::{AsRawFd, BorrowedFd};

use weft_packet::pool::DATA_SIZE;
use weft_packet::{BufferIndex, BufferPool, Offload};

use crate::vnet_header::{VNET_HEADER_LEN, VnetHeader, decode};

/// Longest packet that segmentation offload makes, with room for tags.
const MAX_PACKET: usize = 66 << 10;
/// Buffers of the longest packet.
const MAX_CHAIN: usize = MAX_PACKET.div_ceil(DATA_SIZE);
/// Buffers offered while packets are short: with header and spill area at most eight vectors, which
/// the kernel takes without allocating.
const SHORT_CHAIN: usize = 3;
/// After so many short packets in a row a long one is no longer expected.
const SHORT_RUN: u32 = 16;

/// One call's outcome. Every packet that the kernel had is in exactly one of the counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RxResult {
    /// Packets put into the vector.
    pub packets: usize,
    /// Packets thrown away because the buffer pool had no room for them.
    pub no_buffers: usize,
    /// Packets thrown away because the kernel had kept only a part of them.
    pub truncated: usize,
    /// Packets thrown away because their `virtio_net_hdr` makes no sense.
    pub bad_header: usize,
    /// Packets thrown away because a guest did something with them that is not allowed; the port
    /// has counted what.
    pub refused: usize,
    /// The kernel has no more for now; otherwise the limit ended the call.
    pub is_drained: bool,
}

/// What one read of a TAP queue gave.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Read {
    /// A packet.
    Packet(BufferIndex),
    /// There was a packet, which is counted as dropped.
    Dropped,
    /// The queue is empty.
    Nothing,
}

/// What a worker needs to receive, whatever the port.
#[derive(Debug)]
pub struct RxScratch {
    /// Empty buffers of the worker's pool.
    stash: Vec<BufferIndex>,
    spill: Box<[u8]>,
    expects_long: bool,
    short_run: u32,
}

// ===== impl RxResult =====

impl RxResult {
    /// Packets thrown away because of what they were.
    pub fn broken(&self) -> usize {
        self.truncated + self.bad_header + self.refused
    }

    /// Packets thrown away, for whatever reason.
    pub fn dropped(&self) -> usize {
        self.no_buffers + self.broken()
    }
}

// ===== impl RxScratch =====

impl Default for RxScratch {
    fn default() -> Self {
        Self {
            stash: Vec::with_capacity(MAX_CHAIN),
            spill: vec![0; MAX_PACKET].into_boxed_slice(),
            expects_long: false,
            short_run: 0,
        }
    }
}

impl RxScratch {
    /// Reads one packet with its header from a TAP queue.
    pub(crate) fn read_packet(
        &mut self,
        fd: BorrowedFd<'_>,
        pool: &mut BufferPool,
        result: &mut RxResult,
    ) -> Read {
        let wanted = if self.expects_long {
            MAX_CHAIN
        } else {
            SHORT_CHAIN
        };
        self.fill_stash(pool, wanted);
        let offered = self.stash.len().min(wanted);
        let mut header: VnetHeader = [0; VNET_HEADER_LEN];
        let mut vectors = [EMPTY; MAX_CHAIN + 2];
        vectors[0] = vector(header.as_mut_ptr(), header.len());
        for (slot, &buffer) in vectors[1..].iter_mut().zip(&self.stash[..offered]) {
            let (start, size) = pool.space_ptr(buffer);
            *slot = vector(start, size);
        }
        vectors[1 + offered] = vector(self.spill.as_mut_ptr(), self.spill.len());
        // SAFETY: the vectors describe `header`, empty buffers that only this value holds (their
        // addresses stay valid while `pool` lives) and the spill area; all outlive the call.
        let n = unsafe {
            libc::readv(
                fd.as_raw_fd(),
                vectors.as_ptr(),
                (offered + 2) as libc::c_int,
            )
        };
        // EAGAIN: nothing more. Anything else (the device is gone) also ends the round; the owner
        // of the port hears of it by `EPOLLERR`.
        let Ok(n) = usize::try_from(n) else {
            return Read::Nothing;
        };
        let Some(length) = n.checked_sub(VNET_HEADER_LEN) else {
            result.bad_header += 1;
            return Read::Dropped;
        };
        self.note_length(length);
        let Some(packet) = self.accept(pool, length, offered) else {
            result.no_buffers += 1;
            return Read::Dropped;
        };
        let Some(offload) = decode(&header, false) else {
            pool.free(packet);
            result.bad_header += 1;
            return Read::Dropped;
        };
        attach(pool, packet, offload);
        Read::Packet(packet)
    }

    fn note_length(&mut self, length: usize) {
        if length > SHORT_CHAIN * DATA_SIZE {
            (self.expects_long, self.short_run) = (true, 0);
        } else {
            self.short_run += 1;
            if self.short_run > SHORT_RUN {
                self.expects_long = false;
            }
        }
    }

    /// Makes a packet of `length` bytes that were read into the first `offered` buffers of the
    /// stash and the spill area behind them.
    fn accept(
        &mut self,
        pool: &mut BufferPool,
        length: usize,
        offered: usize,
    ) -> Option<BufferIndex> {
        let needed = length.div_ceil(DATA_SIZE).max(1);
        if needed > offered {
            self.fill_stash(pool, needed);
            let spilled = length - offered * DATA_SIZE;
            let chunks = self.spill.get(..spilled)?.chunks(DATA_SIZE);
            for (&buffer, chunk) in self.stash.get(offered..needed)?.iter().zip(chunks) {
                pool.space_mut(buffer)[..chunk.len()].copy_from_slice(chunk);
            }
        }
        self.take(pool, length)
    }

    /// Makes a packet of the bytes `parts`, one behind the other.
    pub(crate) fn copy_in(
        &mut self,
        pool: &mut BufferPool,
        parts: [&[u8]; 3],
    ) -> Option<BufferIndex> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        self.fill_stash(pool, length.div_ceil(DATA_SIZE).max(1));
        let mut at = 0;
        for mut part in parts {
            while !part.is_empty() {
                let buffer = *self.stash.get(at / DATA_SIZE)?;
                let room = &mut pool.space_mut(buffer)[at % DATA_SIZE..];
                let here = part.len().min(room.len());
                room[..here].copy_from_slice(&part[..here]);
                part = &part[here..];
                at += here;
            }
        }
        self.take(pool, length)
    }

    /// Receives the packet at the head of the socket's queue, putting `tag` behind its addresses.
    pub(crate) fn receive_queued(
        &mut self,
        fd: BorrowedFd<'_>,
        pool: &mut BufferPool,
        tag: Option<[u8; 4]>,
    ) -> Option<BufferIndex> {
        const ADDRESSES: usize = 12;
        let mut header: VnetHeader = [0; VNET_HEADER_LEN];
        let mut spare = [0_u8; 4];
        self.fill_stash(pool, MAX_CHAIN);
        let mut vectors = [EMPTY; MAX_CHAIN + 2];
        vectors[0] = vector(header.as_mut_ptr(), header.len());
        let (mut used, mut room) = (1, 0);
        for (i, &buffer) in self.stash.iter().take(MAX_CHAIN).enumerate() {
            let (start, size) = pool.space_ptr(buffer);
            room += size;
            if let (0, Some(_)) = (i, tag) {
                let gap = ADDRESSES + spare.len();
                vectors[used] = vector(start, ADDRESSES);
                vectors[used + 1] = vector(start.wrapping_add(gap), size - gap);
                used += 2;
                room -= spare.len();
            } else if let Some(slot) = vectors.get_mut(used) {
                *slot = vector(start, size);
                used += 1;
            }
        }
        if room == 0 {
            // The packet must leave the queue all the same.
            vectors[1] = vector(spare.as_mut_ptr(), spare.len());
            used = 2;
        }
        // SAFETY: all-zero is a valid `msghdr`: no name, no control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = vectors.as_mut_ptr();
        message.msg_iovlen = used;
        // SAFETY: the vectors describe `header`, `spare` and empty buffers that only this value
        // holds; all outlive the call.
        let n = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        let length = usize::try_from(n).ok()?.checked_sub(VNET_HEADER_LEN)?;
        if message.msg_flags & libc::MSG_TRUNC != 0 || length < ADDRESSES {
            return None;
        }
        let Some(tag) = tag else {
            return self.take(pool, length);
        };
        let first = *self.stash.first()?;
        pool.space_mut(first)[ADDRESSES..ADDRESSES + tag.len()].copy_from_slice(&tag);
        self.take(pool, length + tag.len())
    }

    /// Makes a packet of `length` bytes, with which `read` fills one buffer after the other.
    #[inline]
    pub(crate) fn copy_from(
        &mut self,
        pool: &mut BufferPool,
        length: usize,
        mut read: impl FnMut(&mut [u8]),
    ) -> Option<BufferIndex> {
        if length <= DATA_SIZE {
            let buffer = self.stash.pop().or_else(|| pool.alloc())?;
            read(pool.space_mut(buffer).get_mut(..length)?);
            pool.set_received(&[buffer], length).ok()?;
            return Some(buffer);
        }
        self.fill_stash(pool, length.div_ceil(DATA_SIZE));
        let (mut buffers, mut left) = (self.stash.iter(), length);
        while left > 0 {
            let room = pool.space_mut(*buffers.next()?);
            let here = room.len().min(left);
            read(room.get_mut(..here)?);
            left -= here;
        }
        self.take(pool, length)
    }

    fn fill_stash(&mut self, pool: &mut BufferPool, wanted: usize) {
        while self.stash.len() < wanted.min(MAX_CHAIN) {
            match pool.alloc() {
                Some(buffer) => self.stash.push(buffer),
                None => break,
            }
        }
    }

    /// The first buffers of the stash become a packet of `length` bytes.
    fn take(&mut self, pool: &mut BufferPool, length: usize) -> Option<BufferIndex> {
        let used = pool.set_received(&self.stash, length).ok()?;
        let packet = *self.stash.first()?;
        self.stash.drain(..used);
        Some(packet)
    }
}

/// Attaches what is to be done on the packet; most often nothing.
#[inline]
pub(crate) fn attach(pool: &mut BufferPool, packet: BufferIndex, offload: Offload) {
    if offload != Offload::default() {
        pool.set_offload(packet, offload);
    }
}

const EMPTY: libc::iovec = libc::iovec {
    iov_base: std::ptr::null_mut(),
    iov_len: 0,
};

fn vector(start: *mut u8, length: usize) -> libc::iovec {
    libc::iovec {
        iov_base: start.cast(),
        iov_len: length,
    }
}
