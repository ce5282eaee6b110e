//! Taking packets that guests send: one value for each worker, with its share of a port's rings.
//!
//! What is waited for is an epoll instance of its own, in which the main thread exchanges the
//! guest's notifiers as they come and go. They are waited for edge by edge and never read: reading
//! one that its owner has emptied would block.
//!
//! A notification costs the guest a system call, and us the wake-up. So a ring that gave packets is
//! looked at again without one ([`RxResult::is_drained`] is false), and only a look that finds nothing
//! asks the guest to notify us again.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use vm_memory::VolatileSlice;
use weft_packet::{BufferIndex, BufferPool, Offload};

use super::counters::VhostUserFault;
use super::cursor::Cursor;
use super::features::Negotiated;
use super::queue::{Epoll, Event, Queues};
use super::ring::{Burst, Direction, Ring};
use crate::rx::{RxResult, RxScratch, attach};
use crate::vnet_header::{VNET_HEADER_LEN, VnetHeader, decode};

/// Descriptors that one call looks at, however many a guest strings together.
const DESCRIPTORS: usize = 4096;
/// An Ethernet header.
const MIN_PACKET: usize = 14;

/// Token of the event by which the main thread has a worker look at its rings.
pub(super) const AGAIN: u64 = u64::MAX;

/// Where one worker receives from a port.
#[derive(Debug)]
pub struct VhostUserRx {
    queues: Arc<Queues>,
    /// The rings that are this worker's, a bit each.
    share: u64,
    epoll: Epoll,
    again: Event,
}

/// What a ring is left with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// The guest will notify us of more.
    Nothing,
    /// There were packets, and of more the guest will say nothing.
    Unwatched,
}

impl VhostUserRx {
    /// Takes from the rings with a bit in `share`.
    pub(super) fn new(queues: &Arc<Queues>, share: u64) -> std::io::Result<Self> {
        let (epoll, again) = (Epoll::new()?, Event::new()?);
        epoll.add_edge(again.as_fd(), AGAIN)?;
        Ok(Self {
            queues: Arc::clone(queues),
            share,
            epoll,
            again,
        })
    }

    /// Whether a ring is among those received here.
    pub(super) fn has(&self, ring: usize) -> bool {
        self.share & (1 << ring) != 0
    }

    /// Waits for a guest's notifier, too.
    pub(super) fn add(&self, ring: usize, kick: BorrowedFd<'_>) -> std::io::Result<()> {
        self.epoll.add_edge(kick, ring as u64)
    }

    /// No longer does.
    pub(super) fn remove(&self, kick: BorrowedFd<'_>) {
        self.epoll.remove(kick);
    }

    /// Lets the worker look at its rings.
    pub(super) fn poke(&self) {
        self.again.signal();
    }

    /// Takes the news that made the descriptor readable. To be called before [`Self::rx`]: what comes
    /// after this is new again.
    pub fn acknowledge(&self) {
        let _ = self.epoll.ready().count();
    }

    /// Appends packets to `out`, at most `max`. Unless the result is drained it must be called again
    /// without waiting.
    pub fn rx(
        &self,
        pool: &mut BufferPool,
        scratch: &mut RxScratch,
        out: &mut Vec<BufferIndex>,
        max: usize,
    ) -> RxResult {
        let mut result = RxResult {
            is_drained: true,
            ..RxResult::default()
        };
        let mut rings = self.queues.running() & self.share;
        let fair = max.div_ceil(rings.count_ones().max(1) as usize);
        while rings != 0 {
            let number = rings.trailing_zeros() as usize;
            rings &= rings - 1;
            let mut slot = self.queues.lock(number);
            let Some(ring) = slot.as_mut() else {
                continue;
            };
            let mut batch = Batch {
                queues: &self.queues,
                pool,
                scratch,
                out,
                result: &mut result,
            };
            let outcome = batch.receive(ring, fair);
            match outcome {
                _ if ring.is_lost() => {
                    let fault = VhostUserFault::MemoryLost;
                    self.queues.give_up(number, &mut slot, fault);
                }
                Ok(Left::Unwatched) => result.is_drained = false,
                Ok(Left::Nothing) => {}
                Err(fault) => self.queues.give_up(number, &mut slot, fault),
            }
        }
        result
    }
}

impl AsFd for VhostUserRx {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// Where the packets of a call go.
struct Batch<'a> {
    queues: &'a Queues,
    pool: &'a mut BufferPool,
    scratch: &'a mut RxScratch,
    out: &'a mut Vec<BufferIndex>,
    result: &'a mut RxResult,
}

impl Batch<'_> {
    /// Takes at most `max` chains of a ring.
    ///
    /// # Errors
    /// The ring makes no sense any more.
    fn receive(&mut self, ring: &mut Ring, max: usize) -> Result<Left, VhostUserFault> {
        let mut burst = ring.burst()?;
        let outcome = self.take_chains(&mut burst, max);
        // Chains taken until a fault go back, too.
        burst.publish();
        outcome
    }

    /// Takes the chains that are there now: the ring's index, which is the guest's to write, is read once.
    fn take_chains(&mut self, ring: &mut Burst<'_>, max: usize) -> Result<Left, VhostUserFault> {
        let mut waiting = ring.waiting()?;
        if waiting == 0 {
            ring.unmute();
            waiting = ring.waiting()?;
            if waiting == 0 {
                return Ok(Left::Nothing);
            }
        }
        ring.mute();
        let mut budget = DESCRIPTORS;
        let mut pieces = Vec::new();
        for _ in 0..usize::from(waiting).min(max) {
            let head = ring.take()?;
            pieces.clear();
            let walked = ring.walk(head, Direction::FromGuest, &mut pieces, &mut budget);
            let taken =
                walked.and_then(|length| self.take_packet(ring.features(), &pieces, length));
            self.note(taken);
            ring.give_back(head, 0);
            if budget == 0 {
                break;
            }
        }
        Ok(Left::Unwatched)
    }

    /// Counts what became of a chain.
    #[inline]
    fn note(&mut self, taken: Result<Option<BufferIndex>, VhostUserFault>) {
        match taken {
            Ok(Some(packet)) => {
                self.out.push(packet);
                self.result.packets += 1;
            }
            Ok(None) => self.result.no_buffers += 1,
            Err(fault) => {
                self.queues.counters.count(fault, 1);
                self.result.refused += 1;
            }
        }
    }

    /// Copies a packet of `length` bytes, with its header, out of a chain.
    #[inline]
    fn take_packet(
        &mut self,
        features: Negotiated,
        pieces: &[VolatileSlice<'_>],
        length: usize,
    ) -> Result<Option<BufferIndex>, VhostUserFault> {
        let header_len = features.header_len();
        if length < header_len + MIN_PACKET {
            return Err(VhostUserFault::Undersized);
        }
        let mut cursor = Cursor::new(pieces);
        let header = cursor.read_array();
        if header_len > VNET_HEADER_LEN {
            // The number of merged buffers is for the other direction.
            let _merged: [u8; 2] = cursor.read_array();
        }
        let offload = offload(features, &header)?;
        let packet = self
            .scratch
            .copy_from(self.pool, length - header_len, |room| cursor.read(room));
        if let Some(packet) = packet {
            attach(self.pool, packet, offload);
        }
        Ok(packet)
    }
}

/// What a guest's header says; nothing if offloads were not agreed on.
fn offload(features: Negotiated, header: &VnetHeader) -> Result<Offload, VhostUserFault> {
    if !features.takes_offloads() {
        return Ok(Offload::default());
    }
    let offload = decode(header, false).ok_or(VhostUserFault::BadHeader)?;
    if !features.accepts_from_guest(&offload) {
        return Err(VhostUserFault::BadHeader);
    }
    // "Data valid" is what a device says to a driver (VIRTIO 1.2 §5.1.6.2).
    Ok(Offload {
        data_valid: false,
        ..offload
    })
}
