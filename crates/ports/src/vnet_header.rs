//! `struct virtio_net_hdr` (VIRTIO 1.2 §5.1.6, without `num_buffers`): what the kernel and we tell
//! each other about a packet's checksum and segmentation. Fields are in host byte order, as `tun`
//! and packet sockets write them.

use weft_packet::offload::PartialChecksum;
use weft_packet::{GsoType, Offload};

/// Bytes of the header.
pub(crate) const VNET_HEADER_LEN: usize = 10;

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;

/// Bytes of an 802.1Q tag.
const TAG_LEN: u16 = 4;

/// The header as it stands in memory.
pub(crate) type VnetHeader = [u8; VNET_HEADER_LEN];

/// Reads a header. `tag_inserted`: the kernel took a VLAN tag out of the packet and we put it back,
/// so every position behind the addresses is one tag further.
///
/// `None` for a segmentation type that was never offered to the kernel.
#[inline]
pub(crate) fn decode(header: &VnetHeader, tag_inserted: bool) -> Option<Offload> {
    let [flags, gso_type, h0, h1, g0, g1, s0, s1, o0, o1] = *header;
    if flags == 0 && gso_type == 0 {
        return Some(Offload::default());
    }
    let shift = if tag_inserted { TAG_LEN } else { 0 };
    let hdr_len = u16::from_ne_bytes([h0, h1]);
    Some(Offload {
        checksum: (flags & NEEDS_CSUM != 0).then(|| PartialChecksum {
            start: u16::from_ne_bytes([s0, s1]).saturating_add(shift),
            offset: u16::from_ne_bytes([o0, o1]),
        }),
        data_valid: flags & DATA_VALID != 0,
        gso_type: GsoType::from_virtio(gso_type)?,
        gso_size: u16::from_ne_bytes([g0, g1]),
        hdr_len: if hdr_len == 0 {
            0
        } else {
            hdr_len.saturating_add(shift)
        },
    })
}

/// Writes a header.
#[inline]
pub(crate) fn encode(offload: &Offload) -> VnetHeader {
    let mut header = [0; VNET_HEADER_LEN];
    if let Some(partial) = offload.checksum {
        header[0] = NEEDS_CSUM;
        header[6..8].copy_from_slice(&partial.start.to_ne_bytes());
        header[8..10].copy_from_slice(&partial.offset.to_ne_bytes());
    } else if offload.data_valid {
        header[0] = DATA_VALID;
    }
    if offload.gso_type != GsoType::None {
        header[1] = offload.gso_type.to_virtio();
        header[2..4].copy_from_slice(&offload.hdr_len.to_ne_bytes());
        header[4..6].copy_from_slice(&offload.gso_size.to_ne_bytes());
    }
    header
}

#[cfg(test)]
mod tests;
