//! Handing packets to the kernel: what TAP and packet sockets have in common.
//!
//! A worker has one [`TxScratch`] for all of its ports. The kernel copies a packet in the call, so
//! its buffers are free again when the call is over, whether it took the packet or not.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use weft_packet::{BufferIndex, BufferPool};

use crate::vhost_user::GuestScratch;
use crate::vnet_header::{VNET_HEADER_LEN, VnetHeader, encode};

/// Packets in one `sendmmsg`.
const BATCH: usize = 64;

/// One call's outcome; the counts add up to the packets given.
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
    pub(crate) guest: GuestScratch,
}

// SAFETY: the raw pointers in `vectors` and `messages` are only meant during a call, which sets
// them anew from what it borrows.
unsafe impl Send for TxScratch {}

impl TxScratch {
    /// Sends `packets` in order and frees them all.
    pub(crate) fn send(
        &mut self,
        to: Transmit<'_>,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
    ) -> TxResult {
        let mut result = TxResult::default();
        for batch in packets.chunks(BATCH) {
            self.describe(pool, batch);
            match to {
                Transmit::Tap(fd) => self.write_each(fd, &mut result),
                Transmit::Socket(fd) => self.send_batch(fd, &mut result),
            }
            self.messages.clear();
            self.vectors.clear();
        }
        pool.free_many(packets);
        result
    }

    /// One message a packet: its header, then its buffers.
    fn describe(&mut self, pool: &BufferPool, packets: &[BufferIndex]) {
        self.headers.clear();
        self.headers
            .extend(packets.iter().map(|&packet| encode(&pool.offload(packet))));
        // First all vectors, as they may move while they are collected; then the messages.
        for (&packet, header) in packets.iter().zip(&mut self.headers) {
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

    fn write_each(&mut self, fd: BorrowedFd<'_>, result: &mut TxResult) {
        for message in &self.messages {
            let (vectors, count) = (message.msg_hdr.msg_iov, message.msg_hdr.msg_iovlen);
            // SAFETY: `describe` pointed `vectors` at `count` vectors of memory that this call's
            // caller borrows: headers of `self` and buffers of the pool.
            let n = unsafe { libc::writev(fd.as_raw_fd(), vectors, count as libc::c_int) };
            if n >= 0 {
                result.sent += 1;
            } else {
                result.count_error(&io::Error::last_os_error());
            }
        }
    }

    fn send_batch(&mut self, fd: BorrowedFd<'_>, result: &mut TxResult) {
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
            let done = match usize::try_from(n) {
                Ok(sent) if sent > 0 => {
                    result.sent += sent;
                    sent
                }
                _ => {
                    result.count_error(&io::Error::last_os_error());
                    1
                }
            };
            rest = rest.get_mut(done..).unwrap_or_default();
        }
    }
}

impl TxResult {
    /// Packets dropped, for whatever reason.
    pub fn dropped(&self) -> usize {
        self.full + self.refused
    }

    fn count_error(&mut self, error: &io::Error) {
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::ENOBUFS | libc::ENOMEM) => self.full += 1,
            _ => self.refused += 1,
        }
    }
}
