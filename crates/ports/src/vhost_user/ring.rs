//! A split virtqueue (VIRTIO 1.2 §2.7), from the device's side.
//!
//! The layout of descriptors is `virtio-queue`'s; its `Queue` was not taken, for reasons that the
//! tests (`tests/virtio_queue.rs`) hold it to:
//! * `Queue::add_used` shows the driver each buffer at once, while the buffers of a merged packet
//!   must become visible together (§5.1.6.4);
//! * `DescriptorChain` ends at a descriptor that cannot be as if the chain ended there, so that what
//!   a guest spoiled would be forwarded as a shorter packet;
//! * `Queue::needs_notification` knows no `VRING_AVAIL_F_NO_INTERRUPT`;
//! * each access looks its address up anew, five times for a packet of one descriptor; here the parts of
//!   a ring are looked up once for a [`Burst`] of packets.
//!
//! Buffers are used in the order in which they became available. So the used index says where a
//! ring stands, whoever served it before: nothing is in flight that a crash could lose track of.
//!
//! Invariants: the three parts of the ring were checked against the memory when it was made, and
//! lie in it while the ring lives; an index read from the guest is reduced by the size or compared
//! with it before use; a chain has at most [`MAX_CHAIN`] descriptors, whatever they say.

mod burst;

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vm_memory::Bytes;

use super::counters::VhostUserFault;
use super::features::Negotiated;
use super::memory::{GuestMemory, Span};
pub(super) use burst::Burst;

/// Most descriptors of a chain. Linux makes at most 19 of a packet of 64 KiB.
const MAX_CHAIN: usize = 256;
/// Longest packet with header.
pub(super) const MAX_PACKET: usize = 66 << 10;

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
    position: Position,
}

/// How far a ring is served.
#[derive(Debug, Clone, Copy)]
struct Position {
    next_available: u16,
    /// How far chains are known to be available. The guest's index is looked at when they are taken,
    /// since its cache line is the guest's for as long as we leave it alone.
    available_end: u16,
    /// How far chains were brought near.
    near_end: u16,
    next_used: u16,
    /// The used index that the guest was last told of.
    published: u16,
    /// Whether we asked the guest not to notify us; at first nobody knows what it was asked before.
    is_muted: Option<bool>,
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
        let used = part(addresses.used, 6 + 8 * entries, 4)?;
        let index = memory.slice(used)?.load(2, Ordering::Acquire).ok()?;
        Some(Self {
            descriptors: part(addresses.descriptors, DESCRIPTOR * entries, 16)?,
            available: part(addresses.available, 6 + 2 * entries, 2)?,
            used,
            memory: Arc::clone(memory),
            features,
            call,
            size,
            position: Position {
                next_available: index,
                available_end: index,
                near_end: index,
                next_used: index,
                published: index,
                is_muted: None,
            },
        })
    }

    /// The ring, to be served.
    ///
    /// # Errors
    /// It does not lie in the memory, which cannot be of one that was made.
    #[inline]
    pub(super) fn burst(&mut self) -> Result<Burst<'_>, VhostUserFault> {
        let part = |span| {
            let slice = self.memory.slice(span);
            slice.ok_or(VhostUserFault::BadAddress)
        };
        Ok(Burst {
            descriptors: part(self.descriptors)?,
            available: part(self.available)?,
            used: part(self.used)?,
            memory: &self.memory,
            features: self.features,
            call: self.call.as_ref(),
            size: self.size,
            at: &mut self.position,
        })
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
        self.position.next_available
    }
}
