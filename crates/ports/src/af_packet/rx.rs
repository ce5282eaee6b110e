//! The receiving side of a packet socket.

use std::os::fd::{AsFd, BorrowedFd};

use weft_packet::{BufferIndex, BufferPool};

use super::ring::RxRing;
use crate::rx::{RxResult, RxScratch, attach};
use crate::vnet_header::decode;

/// Destination and source address, in front of a tag.
const ADDRESSES: usize = 12;

/// Receives what comes in on a host device. Belongs to one worker.
#[derive(Debug)]
pub struct PacketRx {
    ring: RxRing,
}

impl PacketRx {
    pub(super) fn new(ring: RxRing) -> Self {
        Self { ring }
    }

    /// Appends packets to `out`, after at most `max` frames of the ring.
    pub fn rx(
        &mut self,
        pool: &mut BufferPool,
        scratch: &mut RxScratch,
        out: &mut Vec<BufferIndex>,
        max: usize,
    ) -> RxResult {
        let mut result = RxResult::default();
        for _ in 0..max {
            let Some(frame) = self.ring.head() else {
                result.is_drained = true;
                break;
            };
            let offload = decode(&frame.header, frame.tag.is_some());
            let is_whole = frame.data.len() == frame.length && frame.length >= ADDRESSES;
            let packet = if frame.is_queued {
                scratch.receive_queued(self.ring.socket().as_fd(), pool, frame.tag)
            } else if is_whole {
                let (addresses, rest) = frame.data.split_at(ADDRESSES);
                let tag = frame.tag.as_ref().map_or(&[][..], |tag| &tag[..]);
                scratch.copy_in(pool, [addresses, tag, rest])
            } else {
                None
            };
            match (packet, offload) {
                (Some(packet), Some(offload)) => {
                    attach(pool, packet, offload);
                    out.push(packet);
                    result.packets += 1;
                }
                (Some(packet), None) => {
                    pool.free(packet);
                    result.bad_header += 1;
                }
                (None, _) if frame.is_queued || is_whole => result.no_buffers += 1,
                (None, _) => result.truncated += 1,
            }
            self.ring.release();
        }
        result
    }

    /// Takes the error that the kernel holds for the socket, so that it stops waking the worker.
    /// `ENETDOWN` when the device went down; it comes back by itself.
    pub fn take_error(&self) -> Option<std::io::Error> {
        super::socket::take_error(self.ring.socket())
    }
}

impl AsFd for PacketRx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.socket().as_fd()
    }
}
