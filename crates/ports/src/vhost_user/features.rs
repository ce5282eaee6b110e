//! Feature bits: what a port offers, and what a guest's choice means for its rings.

use weft_packet::{GsoType, Offload};

/// `VIRTIO_NET_F_CSUM`: we take packets whose checksum is partial (VIRTIO 1.2 §5.1.3).
const CSUM: u64 = 1 << 0;
/// `VIRTIO_NET_F_GUEST_CSUM`: the guest takes such packets.
const GUEST_CSUM: u64 = 1 << 1;
/// `VIRTIO_NET_F_GUEST_TSO4`.
const GUEST_TSO4: u64 = 1 << 7;
/// `VIRTIO_NET_F_GUEST_TSO6`.
const GUEST_TSO6: u64 = 1 << 8;
/// `VIRTIO_NET_F_HOST_TSO4`.
const HOST_TSO4: u64 = 1 << 11;
/// `VIRTIO_NET_F_HOST_TSO6`.
const HOST_TSO6: u64 = 1 << 12;
/// `VIRTIO_NET_F_MRG_RXBUF`: a packet may take several of the guest's buffers.
const MRG_RXBUF: u64 = 1 << 15;
/// `VIRTIO_NET_F_CTRL_VQ`: the control queue is the virtual machine monitor's affair; without our
/// consent it does not offer one.
const CTRL_VQ: u64 = 1 << 17;
/// `VIRTIO_NET_F_GUEST_ANNOUNCE`: likewise.
const GUEST_ANNOUNCE: u64 = 1 << 21;
/// `VIRTIO_NET_F_MQ`: several pairs of queues.
const MQ: u64 = 1 << 22;
/// `VIRTIO_F_ANY_LAYOUT`: headers and data may share descriptors.
const ANY_LAYOUT: u64 = 1 << 27;
/// `VIRTIO_F_INDIRECT_DESC`.
const INDIRECT_DESC: u64 = 1 << 28;
/// `VIRTIO_F_EVENT_IDX`: notifications by index (VIRTIO 1.2 §2.7.7, §2.7.10).
const EVENT_IDX: u64 = 1 << 29;
/// `VHOST_USER_F_PROTOCOL_FEATURES` (QEMU `docs/interop/vhost-user.rst`).
const PROTOCOL_FEATURES: u64 = 1 << 30;
/// `VIRTIO_F_VERSION_1`.
const VERSION_1: u64 = 1 << 32;

const OFFLOADS: u64 = CSUM | GUEST_CSUM | GUEST_TSO4 | GUEST_TSO6 | HOST_TSO4 | HOST_TSO6;

/// Most pairs of queues of a port.
pub(super) const MAX_QUEUE_PAIRS: usize = 32;

/// What a port's creator lets it offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VhostUserFeatures {
    /// Mergeable receive buffers.
    pub mergeable: bool,
    /// Indirect descriptors.
    pub indirect: bool,
    /// Partial checksums and TCP segmentation, both ways.
    pub offloads: bool,
    /// Notifications by index.
    pub event_index: bool,
}

/// What a guest has accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Negotiated(pub(super) u64);

impl Default for VhostUserFeatures {
    /// VPP's defaults for interfaces made over its API.
    fn default() -> Self {
        Self {
            mergeable: true,
            indirect: true,
            offloads: false,
            event_index: false,
        }
    }
}

impl VhostUserFeatures {
    /// The answer to `VHOST_USER_GET_FEATURES`.
    pub(super) fn offered(self) -> u64 {
        let choice = |is_on: bool, bits: u64| if is_on { bits } else { 0 };
        CTRL_VQ
            | GUEST_ANNOUNCE
            | MQ
            | ANY_LAYOUT
            | PROTOCOL_FEATURES
            | VERSION_1
            | choice(self.mergeable, MRG_RXBUF)
            | choice(self.indirect, INDIRECT_DESC)
            | choice(self.offloads, OFFLOADS)
            | choice(self.event_index, EVENT_IDX)
    }
}

impl Negotiated {
    fn has(self, bit: u64) -> bool {
        self.0 & bit != 0
    }

    /// Bytes of the header before each packet: `num_buffers` is there with either of two features
    /// (VIRTIO 1.2 §5.1.6.1).
    pub(super) fn header_len(self) -> usize {
        if self.has(MRG_RXBUF | VERSION_1) {
            12
        } else {
            10
        }
    }

    pub(super) fn mergeable(self) -> bool {
        self.has(MRG_RXBUF)
    }

    pub(super) fn indirect(self) -> bool {
        self.has(INDIRECT_DESC)
    }

    pub(super) fn event_index(self) -> bool {
        self.has(EVENT_IDX)
    }

    /// Without it a ring is enabled as soon as it is there.
    pub(super) fn protocol_features(self) -> bool {
        self.has(PROTOCOL_FEATURES)
    }

    /// Whether the guest's headers say anything.
    pub(super) fn takes_offloads(self) -> bool {
        self.has(CSUM)
    }

    /// Whether the guest may send a packet of this kind.
    pub(super) fn accepts_from_guest(self, offload: &Offload) -> bool {
        match offload.gso_type {
            GsoType::None => true,
            GsoType::TcpV4 => self.has(HOST_TSO4),
            GsoType::TcpV6 => self.has(HOST_TSO6),
            GsoType::UdpL4 | GsoType::TcpV4Ecn | GsoType::TcpV6Ecn => false,
        }
    }

    /// Whether the guest cuts this packet itself.
    pub(super) fn guest_segments(self, offload: &Offload) -> bool {
        match offload.gso_type {
            GsoType::None => true,
            GsoType::TcpV4 => self.has(GUEST_CSUM) && self.has(GUEST_TSO4),
            GsoType::TcpV6 => self.has(GUEST_CSUM) && self.has(GUEST_TSO6),
            GsoType::UdpL4 | GsoType::TcpV4Ecn | GsoType::TcpV6Ecn => false,
        }
    }

    /// Whether the guest completes checksums itself.
    pub(super) fn guest_checksums(self) -> bool {
        self.has(GUEST_CSUM)
    }
}
