//! Handing packets to the kernel: what TAP and packet sockets have in common.
//!
//! A worker has one [`TxScratch`] for all of its ports. The kernel copies a packet in the call, so
//! its buffers are free again when the call is over, whether it took the packet or not.
//!
//! What costs is a packet's way through the kernel, whatever its length: neighbours are joined to
//! super-packets where the kernel takes them ([`weft_packet::gro`]). They count as what they were.

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use weft_packet::gro::{Joined, Joins, join};
use weft_packet::{BufferIndex, BufferPool, gso};

use crate::vhost_user::GuestScratch;
use crate::vnet_header::{VNET_HEADER_LEN, VnetHeader, encode};

/// Packets in one `sendmmsg`.
const BATCH: usize = 64;

/// One call's outcome; the counts add up to the packets given, each for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TxResult {
    /// Packets that the kernel took.
    pub sent: usize,
    /// Packets dropped because the kernel had no room for them.
    pub full: usize,
    /// Packets dropped because the kernel refused them: longer than the MTU, or the device is down.
    pub refused: usize,
}

/// How the kernel takes packets on a descriptor.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Transmit<'fd> {
    /// A TAP queue: one `writev` a packet.
    Tap(BorrowedFd<'fd>),
    /// A packet socket: `sendmmsg`.
    Socket(BorrowedFd<'fd>),
}

/// What a worker needs to send, whatever the port.
#[derive(Debug, Default)]
pub struct TxScratch {
    headers: Vec<VnetHeader>,
    vectors: Vec<libc::iovec>,
    messages: Vec<libc::mmsghdr>,
    /// What is to be sent.
    joined: Vec<Joined>,
    /// Joined packets that the kernel does not know how to cut.
    uncut: Vec<BufferIndex>,
    /// What they were joined from.
    segments: Vec<BufferIndex>,
    pub(crate) guest: GuestScratch,
}

// SAFETY: the raw pointers in `vectors` and `messages` are only meant during a call, which sets
// them anew from what it borrows.
unsafe impl Send for TxScratch {}

impl TxScratch {
    /// Sends `packets` in order and frees them all, joined where that is said to be right; whether it
    /// was not, since the kernel does not know how to cut what was joined. That is sent in segments
    /// then, behind the others.
    pub(crate) fn send(
        &mut self,
        to: Transmit<'_>,
        joins: Option<Joins>,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
    ) -> (TxResult, bool) {
        let mut result = TxResult::default();
        let mut joined = std::mem::take(&mut self.joined);
        match joins {
            Some(joins) => join(pool, joins, packets, &mut joined),
            None => joined.extend(packets.iter().copied().map(alone)),
        }
        self.send_all(to, pool, &mut joined, &mut result);
        let is_refused = !self.uncut.is_empty();
        if is_refused {
            self.cut(pool, &mut result);
            joined.extend(self.segments.drain(..).map(alone));
            self.send_all(to, pool, &mut joined, &mut result);
        }
        self.joined = joined;
        (result, is_refused)
    }

    /// Makes segments of what the kernel does not know how to cut.
    #[cold]
    fn cut(&mut self, pool: &mut BufferPool, result: &mut TxResult) {
        for packet in self.uncut.drain(..) {
            let (length, size) = (pool.total_length(packet), pool.offload(packet).gso_size);
            if gso::segment(pool, packet, &mut self.segments).is_err() {
                result.full += length.div_ceil(usize::from(size.max(1)));
                pool.free(packet);
            }
        }
    }

    /// Sends what was joined and frees it, but for what is noted in `uncut`.
    fn send_all(
        &mut self,
        to: Transmit<'_>,
        pool: &mut BufferPool,
        joined: &mut Vec<Joined>,
        result: &mut TxResult,
    ) {
        for batch in joined.chunks(BATCH) {
            self.describe(pool, batch);
            let noted = self.uncut.len();
            match to {
                Transmit::Tap(fd) => self.write_each(fd, batch, result),
                Transmit::Socket(fd) => self.send_batch(fd, batch, result),
            }
            self.messages.clear();
            self.vectors.clear();
            let uncut = self.uncut.get(noted..).unwrap_or_default();
            for &Joined { packet, .. } in batch {
                if uncut.is_empty() || !uncut.contains(&packet) {
                    pool.free(packet);
                }
            }
        }
        joined.clear();
    }

    /// One message a packet: its header, then its buffers.
    fn describe(&mut self, pool: &BufferPool, packets: &[Joined]) {
        self.headers.clear();
        let offloads = packets.iter().map(|joined| pool.offload(joined.packet));
        self.headers
            .extend(offloads.map(|offload| encode(&offload)));
        // First all vectors, as they may move while they are collected; then the messages.
        for (&Joined { packet, .. }, header) in packets.iter().zip(&mut self.headers) {
            let first = self.vectors.len();
            self.vectors.push(libc::iovec {
                iov_base: header.as_mut_ptr().cast(),
                iov_len: VNET_HEADER_LEN,
            });
            self.vectors
                .extend(pool.segments(packet).map(|segment| libc::iovec {
                    iov_base: segment.as_ptr().cast_mut().cast(),
                    iov_len: segment.len(),
                }));
            // SAFETY: all-zero is a valid `mmsghdr`: no name, no vectors, no control data.
            let mut message: libc::mmsghdr = unsafe { std::mem::zeroed() };
            message.msg_hdr.msg_iovlen = self.vectors.len() - first;
            self.messages.push(message);
        }
        let mut rest = self.vectors.as_mut_slice();
        for message in &mut self.messages {
            let (mine, others) = rest.split_at_mut(message.msg_hdr.msg_iovlen);
            message.msg_hdr.msg_iov = mine.as_mut_ptr();
            rest = others;
        }
    }

    fn write_each(&mut self, fd: BorrowedFd<'_>, packets: &[Joined], result: &mut TxResult) {
        for (message, joined) in self.messages.iter().zip(packets) {
            let (vectors, count) = (message.msg_hdr.msg_iov, message.msg_hdr.msg_iovlen);
            // SAFETY: `describe` pointed `vectors` at `count` vectors of memory that this call's
            // caller borrows: headers of `self` and buffers of the pool.
            let n = unsafe { libc::writev(fd.as_raw_fd(), vectors, count as libc::c_int) };
            if n >= 0 {
                result.sent += joined.segments;
            } else {
                result.count_error(&io::Error::last_os_error(), joined.segments);
            }
        }
    }

    fn send_batch(&mut self, fd: BorrowedFd<'_>, mut packets: &[Joined], result: &mut TxResult) {
        let mut rest = self.messages.as_mut_slice();
        while !rest.is_empty() {
            // SAFETY: as in `write_each`, for each of the messages.
            let n = unsafe {
                libc::sendmmsg(
                    fd.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as libc::c_uint,
                    libc::MSG_DONTWAIT,
                )
            };
            // The first message decides: it is what an error is about.
            let sent = usize::try_from(n).unwrap_or_default();
            let (done, behind) = packets.split_at(sent.min(packets.len()));
            result.sent += done.iter().map(|joined| joined.segments).sum::<usize>();
            packets = behind;
            if let (0, Some((refused, behind))) = (sent, packets.split_first()) {
                let error = io::Error::last_os_error();
                if refused.segments > 1 && error.raw_os_error() == Some(libc::EINVAL) {
                    self.uncut.push(refused.packet);
                } else {
                    result.count_error(&error, refused.segments);
                }
                packets = behind;
            }
            rest = rest.get_mut(sent.max(1)..).unwrap_or_default();
        }
    }
}

impl TxResult {
    /// Packets dropped, for whatever reason.
    pub fn dropped(&self) -> usize {
        self.full + self.refused
    }

    fn count_error(&mut self, error: &io::Error, packets: usize) {
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => self.full += packets,
            _ => self.refused += packets,
        }
    }
}

fn alone(packet: BufferIndex) -> Joined {
    Joined {
        packet,
        segments: 1,
    }
}
