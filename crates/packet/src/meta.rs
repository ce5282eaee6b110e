//! What travels with a packet through the graph: one cache line, apart from the data.
//!
//! Invariant kept by [`crate::BufferPool`], which alone writes the private fields: `offset` and
//! `offset + length` lie inside the buffer, so header access needs no further check.

use crate::offload::GsoType;

/// VPP's software interface index: a handle of this switch's life, never stored or put in names.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct SwIfIndex(pub u32);

/// Packet flags.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(transparent)]
pub struct Flags(u16);

/// Metadata of one buffer; of a chain, that of the first buffer describes the packet.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Meta {
    /// First byte of packet data, counted from the start of the buffer (headroom included).
    pub(crate) offset: u16,
    /// Bytes of packet data in this buffer.
    pub(crate) length: u16,
    /// Raw index of the next buffer of the chain, [`crate::pool::NO_BUFFER`] if none.
    pub(crate) next: u32,
    /// Bytes of the whole chain, in its first buffer only.
    pub(crate) total_length: u32,
    /// Links and holders that point at this buffer; 0 when it is free.
    pub(crate) refs: u32,
    /// Interface on which the packet came in; a sub-interface once `ethernet-input` classified it.
    pub rx_sw_if_index: SwIfIndex,
    /// Interface to which the packet goes.
    pub tx_sw_if_index: SwIfIndex,
    /// Handle of the packet's trace, valid if [`Flags::TRACED`].
    pub trace: u32,
    /// Layer-2 state of the graph.
    pub l2: L2Opaque,
    /// What happens to the packet is decided; valid on the way to `error-drop`.
    pub error: u16,
    /// Boolean properties.
    pub flags: Flags,
    /// See [`crate::Offload`]. Counted from the start of the buffer, not of the packet, so that a
    /// VLAN tag pushed or popped in front leaves it right.
    pub(crate) csum_start: u16,
    /// Where the checksum is stored, counted from `csum_start`.
    pub(crate) csum_offset: u16,
    /// First byte of payload, counted from the start of the buffer; 0 if unknown.
    pub(crate) payload_start: u16,
    /// Payload bytes of each segment.
    pub(crate) gso_size: u16,
    /// How to cut the packet.
    pub(crate) gso_type: GsoType,
    /// Number of the adjacency to which routing sends the packet (VPP's `ip.adj_index`).
    pub adjacency: u32,
}

/// Layer-2 part of the metadata, written by `l2-input` and read by the nodes behind it.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(C)]
pub struct L2Opaque {
    /// Features still to visit, one bit each.
    pub feature_bitmap: u32,
    /// Bridge domain index.
    pub bd_index: u16,
    /// Sequence numbers of bridge domain (high byte) and input interface (low byte).
    pub fib_sn: u16,
    /// Split-horizon group of the input interface; 0 is none.
    pub shg: u8,
    /// Bytes from the destination address to the payload: 14, 18 or 22.
    pub l2_len: u8,
    /// MAC age of the bridge domain, minutes; 0 means entries do not age.
    pub mac_age: u8,
}

const _: () = assert!(size_of::<Meta>() == 64, "metadata is one cache line");

// ===== impl SwIfIndex =====

impl SwIfIndex {
    /// "No interface", as VPP's API writes it (all ones).
    pub const NONE: Self = Self(u32::MAX);
}

impl Default for SwIfIndex {
    fn default() -> Self {
        Self::NONE
    }
}

impl std::fmt::Display for SwIfIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::NONE {
            f.write_str("-1")
        } else {
            self.0.fmt(f)
        }
    }
}

impl std::fmt::Debug for SwIfIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "sw_if_index {self}")
    }
}

// ===== impl Flags =====

impl Flags {
    /// The packet is traced: every node adds a record.
    pub const TRACED: Self = Self(1);
    /// The checksum at `csum_start` + `csum_offset` holds only the pseudo-header's sum
    /// (`VIRTIO_NET_HDR_F_NEEDS_CSUM`).
    pub const NEEDS_CSUM: Self = Self(1 << 1);
    /// Checksums were verified on receive (`VIRTIO_NET_HDR_F_DATA_VALID`).
    pub const DATA_VALID: Self = Self(1 << 2);
    /// The packet was made here, not received: its time to live is not counted down
    /// (`VNET_BUFFER_F_LOCALLY_ORIGINATED`).
    pub const LOCALLY_ORIGINATED: Self = Self(1 << 3);
    /// A tunnel put its header in front.
    pub const ENCAPSULATED: Self = Self(1 << 4);

    /// Whether any bit of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Sets the bits of `other`.
    #[inline]
    pub const fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Clears the bits of `other`.
    #[inline]
    pub const fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    /// No flag set.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

// ===== impl Meta =====

impl Meta {
    /// Metadata of a free buffer.
    pub(crate) const FREE: Self = Self {
        offset: crate::pool::HEADROOM as u16,
        length: 0,
        next: crate::pool::NO_BUFFER,
        total_length: 0,
        refs: 0,
        rx_sw_if_index: SwIfIndex::NONE,
        tx_sw_if_index: SwIfIndex::NONE,
        trace: 0,
        l2: L2Opaque {
            feature_bitmap: 0,
            bd_index: 0,
            fib_sn: 0,
            shg: 0,
            l2_len: 0,
            mac_age: 0,
        },
        error: 0,
        flags: Flags(0),
        csum_start: 0,
        csum_offset: 0,
        payload_start: 0,
        gso_size: 0,
        gso_type: GsoType::None,
        adjacency: 0,
    };

    /// Bytes of the whole packet.
    #[inline]
    pub const fn total_length(&self) -> u32 {
        self.total_length
    }

    /// Bytes of the packet in its first buffer.
    #[inline]
    pub const fn length(&self) -> u16 {
        self.length
    }

    /// Forgets what was said of the checksums of headers that are gone: those in front of the data.
    #[inline]
    pub const fn forget_outer_offload(&mut self) {
        self.flags.remove(Flags::DATA_VALID);
        if self.csum_start < self.offset {
            self.flags.remove(Flags::NEEDS_CSUM);
        }
        if self.payload_start < self.offset {
            self.payload_start = 0;
        }
    }

    /// How the packet is to be cut.
    #[inline]
    pub const fn gso_type(&self) -> GsoType {
        self.gso_type
    }
}
