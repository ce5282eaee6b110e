//! One queue of a TAP device: where packets come in and go out.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use weft_packet::gro::Joins;
use weft_packet::{BufferIndex, BufferPool};

use crate::rx::{Read, RxResult, RxScratch};
use crate::tx::{Transmit, TxResult, TxScratch};

/// A descriptor of the device. Any thread may send on it; to receive, the queue should belong to
/// one worker, or packets of one flow may overtake each other.
#[derive(Debug)]
pub struct TapQueue {
    fd: OwnedFd,
}

impl TapQueue {
    pub(super) fn new(fd: OwnedFd) -> Self {
        Self { fd }
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Appends packets to `out`, after at most `max` reads.
    pub fn rx(
        &self,
        pool: &mut BufferPool,
        scratch: &mut RxScratch,
        out: &mut Vec<BufferIndex>,
        max: usize,
    ) -> RxResult {
        let mut result = RxResult::default();
        for _ in 0..max {
            match scratch.read_packet(self.fd.as_fd(), pool, &mut result) {
                Read::Packet(packet) => {
                    out.push(packet);
                    result.packets += 1;
                }
                Read::Dropped => {}
                Read::Nothing => {
                    result.is_drained = true;
                    break;
                }
            }
        }
        result
    }

    /// Sends the packets of `packets` in order and frees them all. Segments of TCP are joined, as a
    /// card's driver would do for the stack behind the device.
    pub fn tx(
        &self,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
        scratch: &mut TxScratch,
    ) -> TxResult {
        let to = Transmit::Tap(self.fd.as_fd());
        let (result, _) = scratch.send(to, Some(Joins::Tcp), pool, packets);
        result
    }
}

impl AsFd for TapQueue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
