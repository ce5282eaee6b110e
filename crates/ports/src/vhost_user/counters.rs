//! What goes wrong at a port, counted by name.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something that a guest did wrong, or a packet that could not be moved. The words of those that
/// VPP knows are VPP's (`foreach_vhost_user_input_func_error`, `foreach_vhost_user_tx_func_error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum VhostUserFault {
    /// A packet without room for an Ethernet header.
    Undersized,
    /// A packet longer than segmentation offload makes.
    Oversized,
    /// A chain with more descriptors than a packet can need; loops end so.
    ChainTooLong,
    /// A descriptor whose memory the guest does not have.
    BadAddress,
    /// A descriptor that the table does not have, or an indirect table that is none.
    BadDescriptor,
    /// A descriptor to be read where one to be written is due, or the other way round.
    WrongDirection,
    /// A `virtio_net_hdr` that asks for what was not agreed.
    BadHeader,
    /// An available ring that is further ahead than it is long.
    BadIndex,
    /// Memory that the peer took away while it was in use.
    MemoryLost,
    /// No ring to send on: no guest, or not ready.
    NotReady,
    /// The guest offers no buffers.
    NoDescriptors,
    /// The packet needs more than one of the guest's buffers, and the guest merges none.
    NoMerge,
    /// A packet whose marks for checksum or segmentation make no sense.
    BadOffload,
    /// A message of the peer that is no vhost-user message, or not allowed now.
    BadMessage,
}

/// Every fault, in the order of its number.
const ALL: [VhostUserFault; 14] = [
    VhostUserFault::Undersized,
    VhostUserFault::Oversized,
    VhostUserFault::ChainTooLong,
    VhostUserFault::BadAddress,
    VhostUserFault::BadDescriptor,
    VhostUserFault::WrongDirection,
    VhostUserFault::BadHeader,
    VhostUserFault::BadIndex,
    VhostUserFault::MemoryLost,
    VhostUserFault::NotReady,
    VhostUserFault::NoDescriptors,
    VhostUserFault::NoMerge,
    VhostUserFault::BadOffload,
    VhostUserFault::BadMessage,
];

/// How often each happened.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; ALL.len()]);

impl VhostUserFault {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Undersized => "undersized ethernet frame received (< 14 bytes)",
            Self::Oversized => "oversized frame received",
            Self::ChainTooLong => "descriptor chain too long",
            Self::BadAddress => "mmap failure",
            Self::BadDescriptor => "indirect descriptor overflows table",
            Self::WrongDirection => "descriptor of the wrong direction",
            Self::BadHeader => "offload not negotiated",
            Self::BadIndex => "available ring index out of range",
            Self::MemoryLost => "guest memory taken away",
            Self::NotReady => "vhost vring not ready",
            Self::NoDescriptors => "tx packet drops (no available descriptors)",
            Self::NoMerge => "tx packet drops (cannot merge descriptors)",
            Self::BadOffload => "tx packet drops (bad offload)",
            Self::BadMessage => "bad vhost-user message",
        }
    }
}

impl Counters {
    pub(super) fn count(&self, fault: VhostUserFault, times: u64) {
        if let Some(counter) = self.0.get(fault as usize) {
            counter.fetch_add(times, Ordering::Relaxed);
        }
    }

    /// Those that happened.
    pub(super) fn all(&self) -> Vec<(VhostUserFault, u64)> {
        let counts = self.0.iter().map(|counter| counter.load(Ordering::Relaxed));
        ALL.into_iter()
            .zip(counts)
            .filter(|(_, n)| *n > 0)
            .collect()
    }
}
