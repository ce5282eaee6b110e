//! A split virtqueue (VIRTIO 1.2 §2.7), from the device's side.
//!
//! The rust-vmm queue was not taken: it publishes used buffers one by one, while the buffers of a
//! merged packet must become visible together (§5.1.6.4), and it looks up every address anew.
//!
//! Buffers are used in the order in which they became available. So the used index says where a
//! ring stands, whoever served it before: nothing is in flight that a crash could lose track of.
//!
//! Invariants: the three parts of the ring were checked against the memory when it was made, and
//! lie in it while the ring lives; an index read from the guest is reduced by the size or compared
//! with it before use; a chain has at most [`MAX_CHAIN`] descriptors, whatever they say.

use std::fs::File;
use std::io::Write;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering, fence};

use super::counters::VhostUserFault;
use super::features::Negotiated;
use super::memory::GuestMemory;
use crate::rx::Piece;

/// Most descriptors of a chain. Linux makes at most 19 of a packet of 64 KiB.
const MAX_CHAIN: usize = 256;
/// Longest packet with header.
pub(super) const MAX_PACKET: usize = 66 << 10;

const DESC_NEXT: u16 = 1;
const DESC_WRITE: u16 = 2;
const DESC_INDIRECT: u16 = 4;
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
    descriptors: *const u8,
    available: *const u8,
    used: *mut u8,
    next_available: u16,
    next_used: u16,
    /// The used index that the guest was last told of.
    published: u16,
}

/// `struct virtq_desc`.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
struct Descriptor {
    address: u64,
    length: u32,
    flags: u16,
    next: u16,
}

// SAFETY: the pointers lead into `memory`, which the ring owns a share of and which belongs to no
// thread; one thread has the ring at a time.
unsafe impl Send for Ring {}

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
        let part = |address, length, alignment| {
            let start = memory.at_user(address, length)?;
            start.addr().is_multiple_of(alignment).then_some(start)
        };
        let mut ring = Self {
            descriptors: part(addresses.descriptors, DESCRIPTOR * entries, 16)?.cast_const(),
            available: part(addresses.available, 6 + 2 * entries, 2)?.cast_const(),
            used: part(addresses.used, 6 + 8 * entries, 4)?,
            memory: Arc::clone(memory),
            features,
            call,
            size,
            next_available: 0,
            next_used: 0,
            published: 0,
        };
        let used = ring.used_field(2).load(Ordering::Acquire);
        (ring.next_available, ring.next_used, ring.published) = (used, used, used);
        Some(ring)
    }

    pub(super) fn features(&self) -> Negotiated {
        self.features
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

    /// Chains that wait.
    ///
    /// # Errors
    /// The guest claims more than the ring has.
    pub(super) fn waiting(&self) -> Result<u16, VhostUserFault> {
        let end = self.available_field(2).load(Ordering::Acquire);
        let waiting = end.wrapping_sub(self.next_available);
        if waiting > self.size {
            return Err(VhostUserFault::BadIndex);
        }
        Ok(waiting)
    }

    /// Takes the next chain, which must be waiting: the number of its first descriptor.
    ///
    /// # Errors
    /// A number that the ring does not have; there is no way to give such a chain back.
    pub(super) fn take(&mut self) -> Result<u16, VhostUserFault> {
        let slot = usize::from(self.next_available & (self.size - 1));
        let head = self.available_field(4 + 2 * slot).load(Ordering::Relaxed);
        if head >= self.size {
            return Err(VhostUserFault::BadIndex);
        }
        self.next_available = self.next_available.wrapping_add(1);
        Ok(head)
    }

    /// Appends the memory of a chain to `pieces` and returns its length. `budget` is what the caller
    /// still wants to spend on descriptors, and is reduced by what this took.
    ///
    /// # Errors
    /// What is wrong with the chain.
    pub(super) fn walk(
        &self,
        head: u16,
        direction: Direction,
        pieces: &mut Vec<Piece>,
        budget: &mut usize,
    ) -> Result<usize, VhostUserFault> {
        let mut length = 0;
        let mut index = head;
        // Guest address and number of entries, once the chain goes on in a table of its own.
        let mut indirect: Option<(u64, u32)> = None;
        for _ in 0..MAX_CHAIN {
            *budget = budget.saturating_sub(1);
            let descriptor = match indirect {
                None => self.descriptor(index),
                Some((table, _)) => self.indirect_descriptor(table, index)?,
            };
            if descriptor.flags & DESC_INDIRECT != 0 {
                let entries = descriptor.length / DESCRIPTOR as u32;
                let is_table = descriptor.length.is_multiple_of(DESCRIPTOR as u32) && entries > 0;
                if indirect.is_some() || !is_table || !self.features.indirect() {
                    return Err(VhostUserFault::BadDescriptor);
                }
                (indirect, index) = (Some((descriptor.address, entries)), 0);
                continue;
            }
            let is_to_guest = descriptor.flags & DESC_WRITE != 0;
            if is_to_guest != (direction == Direction::ToGuest) {
                return Err(VhostUserFault::WrongDirection);
            }
            length += self.pieces(descriptor.address, descriptor.length, pieces)?;
            if length > MAX_PACKET && direction == Direction::FromGuest {
                return Err(VhostUserFault::Oversized);
            }
            if descriptor.flags & DESC_NEXT == 0 {
                return Ok(length);
            }
            index = descriptor.next;
            let entries = indirect.map_or(u32::from(self.size), |(_, entries)| entries);
            if u32::from(index) >= entries {
                return Err(VhostUserFault::BadDescriptor);
            }
        }
        Err(VhostUserFault::ChainTooLong)
    }

    fn pieces(
        &self,
        address: u64,
        length: u32,
        pieces: &mut Vec<Piece>,
    ) -> Result<usize, VhostUserFault> {
        // A buffer for us to fill may be of any length; more than a packet is not looked at.
        let length = (length as usize).min(MAX_PACKET + 1);
        let (mut at, mut left) = (address, length);
        while left > 0 {
            let found = self.memory.at_guest(at, left);
            let (start, here) = found.ok_or(VhostUserFault::BadAddress)?;
            pieces.push(Piece {
                start,
                length: here,
            });
            at = at.wrapping_add(here as u64);
            left -= here;
        }
        Ok(length)
    }

    /// Gives a chain back, of which `written` bytes were filled. The guest sees it after
    /// [`Self::publish`].
    #[allow(clippy::cast_ptr_alignment, reason = "checked when the ring was made")]
    pub(super) fn give_back(&mut self, head: u16, written: u32) {
        let slot = usize::from(self.next_used & (self.size - 1));
        let element = [u32::from(head), written];
        // SAFETY: the slot is below the size, and the used ring with all of its slots lies in the
        // memory; it is aligned to 4.
        unsafe { ptr::write_volatile(self.used.add(4 + 8 * slot).cast::<[u32; 2]>(), element) };
        self.next_used = self.next_used.wrapping_add(1);
    }

    /// Shows the guest what was given back, and interrupts it if it wants that.
    pub(super) fn publish(&mut self) {
        if self.next_used == self.published {
            return;
        }
        let before = std::mem::replace(&mut self.published, self.next_used);
        self.used_field(2).store(self.next_used, Ordering::Release);
        // The guest's wish must not be read before it can see the index (§2.7.7.1).
        fence(Ordering::SeqCst);
        let wants = if self.features.event_index() {
            let used_event = self.available_field(4 + 2 * usize::from(self.size));
            let event = used_event.load(Ordering::Relaxed);
            let passed = self.next_used.wrapping_sub(event).wrapping_sub(1);
            passed < self.next_used.wrapping_sub(before)
        } else {
            self.available_field(0).load(Ordering::Relaxed) & AVAIL_NO_INTERRUPT == 0
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
            self.used_field(0).store(USED_NO_NOTIFY, Ordering::Relaxed);
        }
    }

    /// Asks the guest to notify us of further chains. Look at the ring once more after it.
    pub(super) fn unmute(&mut self) {
        if self.features.event_index() {
            let available_event = self.used_field(4 + 8 * usize::from(self.size));
            available_event.store(self.next_available, Ordering::Relaxed);
        } else {
            self.used_field(0).store(0, Ordering::Relaxed);
        }
        // The wish must be seen before the index is read again (§2.7.10.1).
        fence(Ordering::SeqCst);
    }

    /// A descriptor of the ring itself; `index` is below the size.
    fn descriptor(&self, index: u16) -> Descriptor {
        let offset = DESCRIPTOR * usize::from(index & (self.size - 1));
        // SAFETY: the index is below the size, the table lies in the memory and is aligned to 16;
        // any bits make a descriptor.
        unsafe { ptr::read_volatile(self.descriptors.add(offset).cast()) }
    }

    fn indirect_descriptor(&self, table: u64, index: u16) -> Result<Descriptor, VhostUserFault> {
        let offset = DESCRIPTOR as u64 * u64::from(index);
        let address = table.checked_add(offset);
        let found = address.and_then(|address| self.memory.at_guest(address, DESCRIPTOR));
        match found {
            Some((start, DESCRIPTOR)) => {
                let mut bytes = [0_u8; DESCRIPTOR];
                // SAFETY: that many bytes lie in the memory; they are copied once and then judged.
                unsafe { ptr::copy_nonoverlapping(start, bytes.as_mut_ptr(), DESCRIPTOR) };
                // SAFETY: of one size, and any bits make a descriptor.
                Ok(unsafe { std::mem::transmute::<[u8; DESCRIPTOR], Descriptor>(bytes) })
            }
            _ => Err(VhostUserFault::BadAddress),
        }
    }

    /// A field of the available ring; `offset` is even and within it.
    fn available_field(&self, offset: usize) -> &AtomicU16 {
        // SAFETY: all callers' offsets are within `6 + 2 * size`; aligned to 2; only ever used as an
        // atomic on this side.
        unsafe { AtomicU16::from_ptr(self.available.add(offset).cast_mut().cast()) }
    }

    /// A field of the used ring; `offset` is even and within it.
    fn used_field(&self, offset: usize) -> &AtomicU16 {
        // SAFETY: all callers' offsets are within `6 + 8 * size`; aligned to 2; only ever used as an
        // atomic on this side.
        unsafe { AtomicU16::from_ptr(self.used.add(offset).cast()) }
    }
}
