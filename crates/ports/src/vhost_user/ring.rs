//! A split virtqueue (VIRTIO 1.2 §2.7), from the device's side.
//!
//! The layout of descriptors is `virtio-queue`'s; its `Queue` was not taken, for reasons that the
//! tests (`tests/virtio_queue.rs`) hold it to:
//! * `Queue::add_used` shows the driver each buffer at once, while the buffers of a merged packet
//!   must become visible together (§5.1.6.4);
//! * `DescriptorChain` ends at a descriptor that cannot be as if the chain ended there, so that what
//!   a guest spoiled would be forwarded as a shorter packet;
//! * `Queue::needs_notification` knows no `VRING_AVAIL_F_NO_INTERRUPT`;
//! * each access looks its address up anew, five times for a packet of one descriptor.
//!
//! Buffers are used in the order in which they became available. So the used index says where a
//! ring stands, whoever served it before: nothing is in flight that a crash could lose track of.
//!
//! Invariants: the three parts of the ring were checked against the memory when it was made, and
//! lie in it while the ring lives; an index read from the guest is reduced by the size or compared
//! with it before use; a chain has at most [`MAX_CHAIN`] descriptors, whatever they say.

use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};

use virtio_queue::desc::split::Descriptor;
use vm_memory::{Address, Le64};

use super::counters::VhostUserFault;
use super::features::Negotiated;
use super::memory::{GuestMemory, Span};

/// Most descriptors of a chain. Linux makes at most 19 of a packet of 64 KiB.
const MAX_CHAIN: usize = 256;
/// Longest packet with header.
pub(super) const MAX_PACKET: usize = 66 << 10;

const AVAIL_NO_INTERRUPT: u16 = 1;
const USED_NO_NOTIFY: u16 = 1;

/// Bytes of a descriptor.
const DESCRIPTOR: usize = 16;

/// Where a ring is in the peer's address space (`struct vhost_vring_addr`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RingAddresses {
    pub(super) descriptors: u64,
    pub(super) used: u64,
    pub(super) available: u64,
}

/// What a chain is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The guest wrote it.
    FromGuest,
    /// The guest waits for it to be written.
    ToGuest,
}

/// A ring that runs.
#[derive(Debug)]
pub(super) struct Ring {
    memory: Arc<GuestMemory>,
    features: Negotiated,
    /// Written to interrupt the guest.
    call: Option<File>,
    /// A power of two, at most 32768.
    size: u16,
    descriptors: Span,
    available: Span,
    used: Span,
    next_available: u16,
    /// How far chains are known to be available. The guest's index is looked at when they are taken,
    /// since its cache line is the guest's for as long as we leave it alone.
    available_end: u16,
    next_used: u16,
    /// The used index that the guest was last told of.
    published: u16,
}

impl Ring {
    /// A ring of `size` descriptors, to go on where its used index stands; `None` if it does not lie
    /// in the memory or is not aligned (§2.7).
    pub(super) fn new(
        memory: &Arc<GuestMemory>,
        addresses: RingAddresses,
        size: u16,
        features: Negotiated,
        call: Option<File>,
    ) -> Option<Self> {
        if !size.is_power_of_two() || size > 32_768 {
            return None;
        }
        let entries = usize::from(size);
        let part = |address, length, alignment: usize| {
            let span = memory.at_user(address, length)?;
            let start = memory.slice(span)?.ptr_guard().as_ptr();
            start.addr().is_multiple_of(alignment).then_some(span)
        };
        let mut ring = Self {
            descriptors: part(addresses.descriptors, DESCRIPTOR * entries, 16)?,
            available: part(addresses.available, 6 + 2 * entries, 2)?,
            used: part(addresses.used, 6 + 8 * entries, 4)?,
            memory: Arc::clone(memory),
            features,
            call,
            size,
            next_available: 0,
            available_end: 0,
            next_used: 0,
            published: 0,
        };
        let used = ring.memory.load(ring.used, 2, Ordering::Acquire);
        (ring.next_available, ring.available_end) = (used, used);
        (ring.next_used, ring.published) = (used, used);
        Some(ring)
    }

    pub(super) fn features(&self) -> Negotiated {
        self.features
    }

    pub(super) fn memory(&self) -> &GuestMemory {
        &self.memory
    }

    pub(super) fn size(&self) -> u16 {
        self.size
    }

    /// Whether its memory was taken away.
    pub(super) fn is_lost(&self) -> bool {
        self.memory.is_lost()
    }

    pub(super) fn set_call(&mut self, call: Option<File>) {
        self.call = call;
    }

    /// The next chain that is to be looked at.
    pub(super) fn position(&self) -> u16 {
        self.next_available
    }

    /// Goes back to a position, so that the chains taken since are available again. Only before
    /// they are used.
    pub(super) fn rewind(&mut self, position: u16) {
        self.next_available = position;
    }

    /// Chains that wait, at least one if there are any.
    ///
    /// # Errors
    /// The guest claims more than the ring has.
    pub(super) fn waiting(&mut self) -> Result<u16, VhostUserFault> {
        if self.available_end == self.next_available {
            let end = self.memory.load(self.available, 2, Ordering::Acquire);
            if end.wrapping_sub(self.next_available) > self.size {
                return Err(VhostUserFault::BadIndex);
            }
            self.available_end = end;
        }
        Ok(self.available_end.wrapping_sub(self.next_available))
    }

    /// Takes the next chain, which must be waiting: the number of its first descriptor.
    ///
    /// # Errors
    /// A number that the ring does not have; there is no way to give such a chain back.
    pub(super) fn take(&mut self) -> Result<u16, VhostUserFault> {
        let slot = usize::from(self.next_available & (self.size - 1));
        let head = self.available_field(4 + 2 * slot);
        if head >= self.size {
            return Err(VhostUserFault::BadIndex);
        }
        self.next_available = self.next_available.wrapping_add(1);
        Ok(head)
    }

    /// Appends the memory of a chain to `spans` and returns its length. `budget` is what the caller
    /// still wants to spend on descriptors, and is reduced by what this took.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub(super) fn walk(
        &self,
        head: u16,
        direction: Direction,
        spans: &mut Vec<Span>,
        budget: &mut usize,
    ) -> Result<usize, VhostUserFault> {
        let mut length = 0;
        let mut index = head;
        // Guest address and number of entries, once the chain goes on in a table of its own.
        let mut indirect: Option<(u64, u32)> = None;
        for _ in 0..MAX_CHAIN {
            *budget = budget.saturating_sub(1);
            let descriptor = match indirect {
                None => self.descriptor(index)?,
                Some((table, _)) => self.indirect_descriptor(table, index)?,
            };
            let (address, length_here) = (descriptor.addr().raw_value(), descriptor.len());
            if descriptor.refers_to_indirect_table() {
                let entries = length_here / DESCRIPTOR as u32;
                let is_table = length_here.is_multiple_of(DESCRIPTOR as u32) && entries > 0;
                if indirect.is_some() || !is_table || !self.features.indirect() {
                    return Err(VhostUserFault::BadDescriptor);
                }
                (indirect, index) = (Some((address, entries)), 0);
                continue;
            }
            if descriptor.is_write_only() != (direction == Direction::ToGuest) {
                return Err(VhostUserFault::WrongDirection);
            }
            length += self.spans(address, length_here, spans)?;
            if length > MAX_PACKET && direction == Direction::FromGuest {
                return Err(VhostUserFault::Oversized);
            }
            if !descriptor.has_next() {
                return Ok(length);
            }
            index = descriptor.next();
            let entries = indirect.map_or(u32::from(self.size), |(_, entries)| entries);
            if u32::from(index) >= entries {
                return Err(VhostUserFault::BadDescriptor);
            }
        }
        Err(VhostUserFault::ChainTooLong)
    }

    fn spans(
        &self,
        address: u64,
        length: u32,
        spans: &mut Vec<Span>,
    ) -> Result<usize, VhostUserFault> {
        // A buffer for us to fill may be of any length; more than a packet is not looked at.
        let length = (length as usize).min(MAX_PACKET + 1);
        let (mut at, mut left) = (address, length);
        while left > 0 {
            let found = self.memory.at_guest(at, left);
            let span = found.ok_or(VhostUserFault::BadAddress)?;
            spans.push(span);
            at = at.wrapping_add(span.len() as u64);
            left -= span.len();
        }
        Ok(length)
    }

    /// Gives a chain back, of which `written` bytes were filled. The guest sees it after
    /// [`Self::publish`].
    pub(super) fn give_back(&mut self, head: u16, written: u32) {
        let slot = usize::from(self.next_used & (self.size - 1));
        // `struct virtq_used_elem`: the head, then the length.
        let element = Le64::from(u64::from(written) << 32 | u64::from(head));
        self.memory.put(self.used, 4 + 8 * slot, element);
        self.next_used = self.next_used.wrapping_add(1);
    }

    /// Shows the guest what was given back, and interrupts it if it wants that.
    pub(super) fn publish(&mut self) {
        if self.next_used == self.published {
            return;
        }
        let before = std::mem::replace(&mut self.published, self.next_used);
        self.memory
            .store(self.used, 2, self.next_used, Ordering::Release);
        // The guest's wish must not be read before it can see the index (§2.7.7.1).
        fence(Ordering::SeqCst);
        let wants = if self.features.event_index() {
            let event = self.available_field(4 + 2 * usize::from(self.size));
            let passed = self.next_used.wrapping_sub(event).wrapping_sub(1);
            passed < self.next_used.wrapping_sub(before)
        } else {
            self.available_field(0) & AVAIL_NO_INTERRUPT == 0
        };
        if wants && let Some(call) = &mut self.call {
            // Full: it is interrupted already.
            let _ = call.write(&1_u64.to_ne_bytes());
        }
    }

    /// Asks the guest not to notify us.
    pub(super) fn mute(&mut self) {
        // With event indices it is quiet until it is asked to speak.
        if !self.features.event_index() {
            self.set_used_field(0, USED_NO_NOTIFY);
        }
    }

    /// Asks the guest to notify us of further chains. Look at the ring once more after it.
    pub(super) fn unmute(&mut self) {
        if self.features.event_index() {
            self.set_used_field(4 + 8 * usize::from(self.size), self.next_available);
        } else {
            self.set_used_field(0, 0);
        }
        // The wish must be seen before the index is read again (§2.7.10.1).
        fence(Ordering::SeqCst);
    }

    /// A descriptor of the ring itself.
    fn descriptor(&self, index: u16) -> Result<Descriptor, VhostUserFault> {
        let offset = DESCRIPTOR * usize::from(index);
        let found = self.memory.get(self.descriptors, offset);
        found.ok_or(VhostUserFault::BadDescriptor)
    }

    fn indirect_descriptor(&self, table: u64, index: u16) -> Result<Descriptor, VhostUserFault> {
        let offset = DESCRIPTOR as u64 * u64::from(index);
        let address = table.checked_add(offset);
        let span = address.and_then(|address| self.memory.at_guest(address, DESCRIPTOR));
        let found = span.and_then(|span| self.memory.get(span, 0));
        found.ok_or(VhostUserFault::BadAddress)
    }

    /// A field of the available ring; `offset` is even and within it.
    fn available_field(&self, offset: usize) -> u16 {
        self.memory.load(self.available, offset, Ordering::Relaxed)
    }

    /// A field of the used ring; `offset` is even and within it.
    fn set_used_field(&self, offset: usize, value: u16) {
        self.memory
            .store(self.used, offset, value, Ordering::Relaxed);
    }
}
