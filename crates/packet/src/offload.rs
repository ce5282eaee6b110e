//! Work left undone on a packet, in the shape of `struct virtio_net_hdr` (VIRTIO 1.2 §5.1.6).
//!
//! A TAP with offloads hands out packets whose checksum is partial and which may be up to 64 KiB
//! long. The description goes with the buffer; the output port either passes it on or has the work
//! done ([`crate::complete_checksum`], [`crate::gso::segment`]).

use crate::{
    meta::{Flags, Meta},
    pool::{BufferIndex, BufferPool},
};

/// How a super-packet is cut (`gso_type` of `struct virtio_net_hdr`, without the ECN bit).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum GsoType {
    /// Not to be cut.
    #[default]
    None = 0,
    /// TCP over IPv4 (`VIRTIO_NET_HDR_GSO_TCPV4`).
    TcpV4 = 1,
    /// TCP over IPv6 (`VIRTIO_NET_HDR_GSO_TCPV6`).
    TcpV6 = 4,
    /// UDP, one datagram a segment (`VIRTIO_NET_HDR_GSO_UDP_L4`).
    UdpL4 = 5,
    /// TCP over IPv4 with ECN (`VIRTIO_NET_HDR_GSO_ECN`): CWR only in the first segment.
    TcpV4Ecn = 0x81,
    /// TCP over IPv6 with ECN.
    TcpV6Ecn = 0x84,
}

/// What a packet's receiver still has to do. All offsets in bytes from the start of the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Offload {
    /// `Some` if the checksum of the transport header is partial.
    pub checksum: Option<PartialChecksum>,
    /// Checksums are known to be right (`VIRTIO_NET_HDR_F_DATA_VALID`).
    pub data_valid: bool,
    /// How to cut the packet.
    pub gso_type: GsoType,
    /// Payload bytes of each segment; 0 if `gso_type` is none.
    pub gso_size: u16,
    /// Length of all headers, Ethernet included; a hint, 0 if unknown.
    pub hdr_len: u16,
}

/// A checksum field that holds the folded, not complemented, sum of the pseudo-header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartialChecksum {
    /// First byte to sum, from the start of the packet.
    pub start: u16,
    /// Where the result goes, from `start`.
    pub offset: u16,
}

// ===== impl GsoType =====

impl GsoType {
    /// Decodes `gso_type` of a `virtio_net_hdr`; `None` for values that this switch never offers.
    pub const fn from_virtio(value: u8) -> Option<Self> {
        match value {
            0 | 0x80 => Some(Self::None),
            1 => Some(Self::TcpV4),
            4 => Some(Self::TcpV6),
            5 => Some(Self::UdpL4),
            0x81 => Some(Self::TcpV4Ecn),
            0x84 => Some(Self::TcpV6Ecn),
            _ => None,
        }
    }

    /// The byte of a `virtio_net_hdr`.
    pub const fn to_virtio(self) -> u8 {
        self as u8
    }
}

// ===== access =====

impl BufferPool {
    /// The packet's offload description, relative to where its data starts now.
    #[inline]
    pub fn offload(&self, buffer: BufferIndex) -> Offload {
        let meta = self.meta(buffer);
        let checksum = meta
            .flags
            .intersects(Flags::NEEDS_CSUM)
            .then(|| PartialChecksum {
                start: meta.csum_start.wrapping_sub(meta.offset),
                offset: meta.csum_offset,
            });
        Offload {
            checksum,
            data_valid: meta.flags.intersects(Flags::DATA_VALID),
            gso_type: meta.gso_type,
            gso_size: meta.gso_size,
            hdr_len: match meta.payload_start {
                0 => 0,
                start => start.saturating_sub(meta.offset),
            },
        }
    }

    /// Attaches `offload` to the packet, relative to where its data starts now.
    ///
    /// Positions outside the packet are kept as they are and refused by whoever does the work, so
    /// that a lying sender costs its own packet only.
    #[inline]
    pub fn set_offload(&mut self, buffer: BufferIndex, offload: Offload) {
        let meta: &mut Meta = self.meta_mut(buffer);
        meta.flags.remove(Flags::NEEDS_CSUM);
        meta.flags.remove(Flags::DATA_VALID);
        if let Some(partial) = offload.checksum {
            meta.flags.insert(Flags::NEEDS_CSUM);
            meta.csum_start = partial.start.wrapping_add(meta.offset);
            meta.csum_offset = partial.offset;
        }
        if offload.data_valid {
            meta.flags.insert(Flags::DATA_VALID);
        }
        meta.gso_type = offload.gso_type;
        meta.gso_size = offload.gso_size;
        meta.payload_start = match offload.hdr_len {
            0 => 0,
            hdr_len => hdr_len.wrapping_add(meta.offset),
        };
    }
}
