//! Putting packets into guests' receive buffers.

use std::sync::Arc;

use vm_memory::VolatileSlice;
use weft_packet::{BufferIndex, BufferPool, GsoType, Offload, complete_checksum, gso};

use super::counters::VhostUserFault;
use super::cursor::Cursor;
use super::features::Negotiated;
use super::queue::Queues;
use super::ring::{Burst, Direction, Ring};
use crate::tx::{TxResult, TxScratch};
use crate::vnet_header::{VNET_HEADER_LEN, encode};

/// Where the workers send on a port. Any number of them may.
#[derive(Debug)]
pub struct VhostUserTx {
    queues: Arc<Queues>,
}

/// What a worker needs to send to guests.
#[derive(Debug, Default)]
pub(crate) struct GuestScratch {
    /// Chains of the packet, with their lengths.
    chains: Vec<(u16, usize)>,
    /// What a packet was cut into.
    segments: Vec<BufferIndex>,
}

impl VhostUserTx {
    pub(super) fn new(queues: &Arc<Queues>) -> Self {
        Self {
            queues: Arc::clone(queues),
        }
    }

    /// Sends the packets of `packets` in order and frees them all. Workers are spread over the
    /// guest's rings by their number, as VPP's threads are.
    pub fn tx(
        &self,
        worker: usize,
        pool: &mut BufferPool,
        packets: &[BufferIndex],
        scratch: &mut TxScratch,
    ) -> TxResult {
        let mut result = TxResult::default();
        let number = self.ring_of(worker);
        let mut slot = number.map(|number| self.queues.lock(number));
        let ring = slot.as_deref_mut().and_then(Option::as_mut);
        let (Some(number), Some(ring)) = (number, ring) else {
            self.count(VhostUserFault::NotReady, packets.len() as u64);
            result.refused = packets.len();
            pool.free_many(packets);
            return result;
        };
        let (outcome, counts) = send(ring, pool, packets, &mut scratch.guest);
        let [sent, full, no_merge, bad_offload, refused] = counts;
        let unsent = packets.len() - counts.iter().sum::<usize>();
        let broken = if ring.is_lost() {
            Some(VhostUserFault::MemoryLost)
        } else {
            outcome.err()
        };
        if let (Some(fault), Some(slot)) = (broken, slot.as_deref_mut()) {
            self.queues.give_up(number, slot, fault);
        }
        self.count(VhostUserFault::NoDescriptors, full as u64);
        self.count(VhostUserFault::NoMerge, no_merge as u64);
        self.count(VhostUserFault::BadOffload, bad_offload as u64);
        TxResult {
            sent,
            full,
            refused: no_merge + bad_offload + refused + unsent,
        }
    }

    fn count(&self, fault: VhostUserFault, times: u64) {
        if times > 0 {
            self.queues.counters.count(fault, times);
        }
    }

    /// The ring that a worker sends on.
    fn ring_of(&self, worker: usize) -> Option<usize> {
        // Guests receive on the even ones.
        const RECEIVING: u64 = 0x5555_5555_5555_5555;
        let mut rings = self.queues.running() & RECEIVING;
        let count = rings.count_ones() as usize;
        for _ in 0..worker.checked_rem(count)? {
            rings &= rings - 1;
        }
        Some(rings.trailing_zeros() as usize)
    }
}

/// Sends packets until the ring makes no sense any more, and frees them all. The counts are by
/// [`Outcome`]; a packet with which nothing was tried is in none of them.
fn send(
    ring: &mut Ring,
    pool: &mut BufferPool,
    packets: &[BufferIndex],
    scratch: &mut GuestScratch,
) -> (Result<(), VhostUserFault>, [usize; 5]) {
    let burst = match ring.burst() {
        Ok(burst) => burst,
        Err(fault) => {
            pool.free_many(packets);
            return (Err(fault), [0; 5]);
        }
    };
    let mut batch = Batch {
        ring: burst,
        pool,
        scratch,
        pieces: Vec::new(),
        counts: [0; 5],
    };
    let mut rest = packets.iter();
    let outcome = rest.try_for_each(|&packet| batch.send(packet));
    batch.ring.publish();
    batch.pool.free_many(rest.as_slice());
    (outcome, batch.counts)
}

/// One call's state.
struct Batch<'a, 'r> {
    ring: Burst<'r>,
    pool: &'a mut BufferPool,
    scratch: &'a mut GuestScratch,
    /// Where the packet goes.
    pieces: Vec<VolatileSlice<'r>>,
    /// By [`Outcome`].
    counts: [usize; 5],
}

/// What became of a packet.
#[derive(Debug, Clone, Copy)]
enum Outcome {
    Sent = 0,
    Full = 1,
    NoMerge = 2,
    BadOffload = 3,
    Refused = 4,
}

impl Batch<'_, '_> {
    /// Sends a packet, whole or in segments, and frees it.
    ///
    /// # Errors
    /// The ring makes no sense any more.
    fn send(&mut self, packet: BufferIndex) -> Result<(), VhostUserFault> {
        let offload = self.pool.offload(packet);
        if self.ring.features().guest_segments(&offload) {
            let sent = self.send_whole(packet);
            self.pool.free(packet);
            return self.note(sent);
        }
        let mut segments = std::mem::take(&mut self.scratch.segments);
        segments.clear();
        let mut outcome = Ok(());
        if gso::segment(self.pool, packet, &mut segments).is_err() {
            self.pool.free(packet);
            self.counts[Outcome::BadOffload as usize] += 1;
        } else {
            // Counted as the one packet it was; what follows a lost segment is still of use.
            let mut worst = Outcome::Sent;
            for &segment in &segments {
                match self.send_whole(segment) {
                    Ok(Outcome::Sent) => {}
                    Ok(other) => worst = other,
                    Err(fault) => outcome = Err(fault),
                }
                if outcome.is_err() {
                    worst = Outcome::Refused;
                    break;
                }
            }
            self.counts[worst as usize] += 1;
            self.pool.free_many(&segments);
        }
        self.scratch.segments = segments;
        outcome
    }

    fn note(&mut self, sent: Result<Outcome, VhostUserFault>) -> Result<(), VhostUserFault> {
        let outcome = *sent.as_ref().unwrap_or(&Outcome::Refused);
        self.counts[outcome as usize] += 1;
        sent.map(|_| ())
    }

    fn send_whole(&mut self, packet: BufferIndex) -> Result<Outcome, VhostUserFault> {
        let features = self.ring.features();
        if !features.guest_checksums() && complete_checksum(self.pool, packet).is_err() {
            return Ok(Outcome::BadOffload);
        }
        let offload = said_to_guest(features, self.pool.offload(packet));
        let length = features.header_len() + self.pool.total_length(packet);
        if let Some(outcome) = self.reserve(length)? {
            return Ok(outcome);
        }
        self.fill(packet, &offload, features.header_len());
        let mut left = length;
        for &(head, room) in &self.scratch.chains {
            let here = room.min(left);
            left -= here;
            // At most a packet's length.
            self.ring.give_back(head, here as u32);
        }
        Ok(Outcome::Sent)
    }

    /// Takes chains with room for `length` bytes into the scratch, or none and says why.
    fn reserve(&mut self, length: usize) -> Result<Option<Outcome>, VhostUserFault> {
        let start = self.ring.position();
        let mergeable = self.ring.features().mergeable();
        let mut room = 0;
        self.pieces.clear();
        self.scratch.chains.clear();
        while room < length {
            let refused = if self.ring.waiting()? == 0 {
                Outcome::Full
            } else if !mergeable && !self.scratch.chains.is_empty() {
                Outcome::NoMerge
            } else {
                let head = self.ring.take()?;
                let mut budget = usize::MAX;
                let (ring, pieces) = (&self.ring, &mut self.pieces);
                let here = ring.walk(head, Direction::ToGuest, pieces, &mut budget)?;
                self.scratch.chains.push((head, here));
                room += here;
                continue;
            };
            self.ring.rewind(start);
            return Ok(Some(refused));
        }
        Ok(None)
    }

    /// Writes header and packet into the pieces, which have room for them.
    fn fill(&mut self, packet: BufferIndex, offload: &Offload, header_len: usize) {
        let mut cursor = Cursor::new(&self.pieces);
        cursor.write_array(encode(offload));
        if header_len > VNET_HEADER_LEN {
            // A ring has at most 32768.
            let buffers = self.scratch.chains.len() as u16;
            cursor.write_array(buffers.to_le_bytes());
        }
        for segment in self.pool.segments(packet) {
            cursor.write(segment);
        }
    }
}

/// What a guest may be told of a packet.
fn said_to_guest(features: Negotiated, offload: Offload) -> Offload {
    if features.guest_checksums() {
        offload
    } else {
        // Nothing is left to be done.
        Offload {
            gso_type: GsoType::None,
            ..Offload::default()
        }
    }
}
