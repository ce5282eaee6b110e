//! A ring while a worker serves it: its parts looked up once for all packets of a call.

use std::fs::File;
use std::io::Write;
use std::sync::atomic::{Ordering, fence};

use virtio_queue::desc::split::Descriptor;
use vm_memory::{Address, Bytes, Le64, VolatileMemory, VolatileMemoryResult, VolatileSlice};

use super::{DESCRIPTOR, Direction, MAX_CHAIN, MAX_PACKET, Position};
use crate::vhost_user::counters::VhostUserFault;
use crate::vhost_user::features::Negotiated;
use crate::vhost_user::memory::GuestMemory;
use crate::vhost_user::prefetch;

const AVAIL_NO_INTERRUPT: u16 = 1;
const USED_NO_NOTIFY: u16 = 1;

/// Chains whose buffers are brought near together, so that the waits for them overlap: each is on a page
/// of its own, and in the cache of the guest's core.
const TOGETHER: u16 = 8;

/// A ring that is being served.
#[derive(Debug)]
pub(in crate::vhost_user) struct Burst<'a> {
    pub(super) memory: &'a GuestMemory,
    pub(super) features: Negotiated,
    /// Written to interrupt the guest.
    pub(super) call: Option<&'a File>,
    pub(super) size: u16,
    pub(super) descriptors: VolatileSlice<'a>,
    pub(super) available: VolatileSlice<'a>,
    pub(super) used: VolatileSlice<'a>,
    pub(super) at: &'a mut Position,
}

impl<'a> Burst<'a> {
    pub(in crate::vhost_user) fn features(&self) -> Negotiated {
        self.features
    }

    /// The next chain that is to be looked at.
    pub(in crate::vhost_user) fn position(&self) -> u16 {
        self.at.next_available
    }

    /// Goes back to a position, so that the chains taken since are available again. Only before
    /// they are used.
    pub(in crate::vhost_user) fn rewind(&mut self, position: u16) {
        self.at.next_available = position;
    }

    /// Chains that wait, at least one if there are any.
    ///
    /// # Errors
    /// The guest claims more than the ring has.
    #[inline]
    pub(in crate::vhost_user) fn waiting(&mut self) -> Result<u16, VhostUserFault> {
        if self.at.available_end == self.at.next_available {
            let end = load(&self.available, 2, Ordering::Acquire);
            if end.wrapping_sub(self.at.next_available) > self.size {
                return Err(VhostUserFault::BadIndex);
            }
            self.at.available_end = end;
        }
        Ok(self.at.available_end.wrapping_sub(self.at.next_available))
    }

    /// Takes the next chain, which must be waiting: the number of its first descriptor.
    ///
    /// # Errors
    /// A number that the ring does not have; there is no way to give such a chain back.
    #[inline]
    pub(in crate::vhost_user) fn take(&mut self) -> Result<u16, VhostUserFault> {
        let head = self.head(self.at.next_available);
        if head >= self.size {
            return Err(VhostUserFault::BadIndex);
        }
        self.at.next_available = self.at.next_available.wrapping_add(1);
        self.bring_near();
        Ok(head)
    }

    /// The number of the first descriptor of a chain, as the guest says.
    #[inline]
    fn head(&self, position: u16) -> u16 {
        let slot = usize::from(position & (self.size - 1));
        self.available_field(4 + 2 * slot)
    }

    /// Brings near where the next chains begin, as far as they are known to be available.
    #[inline]
    fn bring_near(&mut self) {
        let known = self.at.available_end.wrapping_sub(self.at.next_available);
        let near = self.at.near_end.wrapping_sub(self.at.next_available);
        // Beyond what is known it is behind the next chain.
        let near = if near > known { 0 } else { near };
        if near >= TOGETHER {
            return;
        }
        let end = known.min(2 * TOGETHER);
        for ahead in near..end {
            self.prefetch(self.at.next_available.wrapping_add(ahead));
        }
        self.at.near_end = self.at.next_available.wrapping_add(end);
    }

    /// Brings near where a chain begins.
    #[inline]
    fn prefetch(&self, position: u16) {
        if let Ok(descriptor) = self.descriptor(self.head(position)) {
            let address = descriptor.addr().raw_value();
            if let Some(place) = self.memory.at_guest(address, prefetch::LENGTH) {
                prefetch::prefetch(&place);
            }
        }
    }

    /// Appends the memory of a chain to `pieces` and returns its length. `budget` is what the caller
    /// still wants to spend on descriptors, and is reduced by what this took.
    ///
    /// # Errors
    /// What is wrong with the chain.
    #[inline]
    pub(in crate::vhost_user) fn walk(
        &self,
        head: u16,
        direction: Direction,
        pieces: &mut Vec<VolatileSlice<'a>>,
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
            length += self.pieces(address, length_here, pieces)?;
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

    #[inline]
    fn pieces(
        &self,
        address: u64,
        length: u32,
        pieces: &mut Vec<VolatileSlice<'a>>,
    ) -> Result<usize, VhostUserFault> {
        // A buffer for us to fill may be of any length; more than a packet is not looked at.
        let length = (length as usize).min(MAX_PACKET + 1);
        let (mut at, mut left) = (address, length);
        while left > 0 {
            let found = self.memory.at_guest(at, left);
            let piece = found.ok_or(VhostUserFault::BadAddress)?;
            pieces.push(piece);
            at = at.wrapping_add(piece.len() as u64);
            left -= piece.len();
        }
        Ok(length)
    }

    /// Gives a chain back, of which `written` bytes were filled. The guest sees it after
    /// [`Self::publish`].
    #[inline]
    pub(in crate::vhost_user) fn give_back(&mut self, head: u16, written: u32) {
        let slot = usize::from(self.at.next_used & (self.size - 1));
        // `struct virtq_used_elem`: the head, then the length.
        let element = Le64::from(u64::from(written) << 32 | u64::from(head));
        // The slot is below the size, and the ring was checked to hold so many.
        if let Ok(place) = self.used.get_ref(4 + 8 * slot) {
            place.store(element);
        }
        self.at.next_used = self.at.next_used.wrapping_add(1);
    }

    /// Shows the guest what was given back, and interrupts it if it wants that.
    pub(in crate::vhost_user) fn publish(&mut self) {
        if self.at.next_used == self.at.published {
            return;
        }
        let before = std::mem::replace(&mut self.at.published, self.at.next_used);
        store(&self.used, 2, self.at.next_used, Ordering::Release);
        // The guest's wish must not be read before it can see the index (§2.7.7.1).
        fence(Ordering::SeqCst);
        let wants = if self.features.event_index() {
            let event = self.available_field(4 + 2 * usize::from(self.size));
            let passed = self.at.next_used.wrapping_sub(event).wrapping_sub(1);
            passed < self.at.next_used.wrapping_sub(before)
        } else {
            self.available_field(0) & AVAIL_NO_INTERRUPT == 0
        };
        if wants && let Some(mut call) = self.call {
            // Full: it is interrupted already.
            let _ = call.write(&1_u64.to_ne_bytes());
        }
    }

    /// Asks the guest not to notify us.
    pub(in crate::vhost_user) fn mute(&mut self) {
        // With event indices it is quiet until it is asked to speak.
        if self.at.is_muted != Some(true) && !self.features.event_index() {
            self.set_used_field(0, USED_NO_NOTIFY);
        }
        self.at.is_muted = Some(true);
    }

    /// Asks the guest to notify us of further chains. Look at the ring once more after it.
    pub(in crate::vhost_user) fn unmute(&mut self) {
        if self.at.is_muted.replace(false) == Some(false) {
            return;
        }
        if self.features.event_index() {
            self.set_used_field(4 + 8 * usize::from(self.size), self.at.next_available);
        } else {
            self.set_used_field(0, 0);
        }
        // The wish must be seen before the index is read again (§2.7.10.1).
        fence(Ordering::SeqCst);
    }

    /// A descriptor of the ring itself.
    #[inline]
    fn descriptor(&self, index: u16) -> Result<Descriptor, VhostUserFault> {
        let found = self.descriptors.get_ref(DESCRIPTOR * usize::from(index));
        found
            .map(|place| place.load())
            .map_err(|_| VhostUserFault::BadDescriptor)
    }

    fn indirect_descriptor(&self, table: u64, index: u16) -> Result<Descriptor, VhostUserFault> {
        let offset = DESCRIPTOR as u64 * u64::from(index);
        let address = table.checked_add(offset);
        let piece = address.and_then(|address| self.memory.at_guest(address, DESCRIPTOR));
        let piece = piece.ok_or(VhostUserFault::BadAddress)?;
        let found = piece.get_ref(0);
        found
            .map(|place| place.load())
            .map_err(|_| VhostUserFault::BadAddress)
    }

    /// A field of the available ring; `offset` is even and within it.
    #[inline]
    fn available_field(&self, offset: usize) -> u16 {
        load(&self.available, offset, Ordering::Relaxed)
    }

    /// A field of the used ring; `offset` is even and within it.
    fn set_used_field(&self, offset: usize, value: u16) {
        store(&self.used, offset, value, Ordering::Relaxed);
    }
}

/// Reads a field that both sides use at the same time; 0 if it is not within the part.
#[inline]
fn load(part: &VolatileSlice<'_>, offset: usize, order: Ordering) -> u16 {
    part.load(offset, order).unwrap_or(0)
}

/// Writes a field that both sides use at the same time; nothing if it is not within the part.
#[inline]
fn store(part: &VolatileSlice<'_>, offset: usize, value: u16, order: Ordering) {
    let _: VolatileMemoryResult<()> = part.store(value, offset, order);
}
