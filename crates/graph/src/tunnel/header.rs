//! What a tunnel puts in front of a frame: IP, UDP and its own header, made once, with only the lengths,
//! the source port and the checksums left to each packet (VPP `vxlan_rewrite`).

use std::net::IpAddr;

use weft_packet::{
    checksum::Sum,
    header::{
        IpProtocol, Ipv4View, Ipv6View, UdpView, Vni, VxlanGpeProtocol, VxlanGpeView, VxlanView,
    },
};

use super::Encapsulation;

/// Bytes of UDP and VXLAN.
const UDP_VXLAN_LEN: usize = UdpView::LEN + VxlanView::LEN;

/// Time to live of the outer header: 253 on the wire, after `ip4-rewrite`.
const TTL: u8 = 254;

/// Hop limit of the outer header: 254 on the wire, after `ip6-rewrite`.
const HOP_LIMIT: u8 = 255;

/// A header, complete but for what differs from packet to packet.
#[derive(Clone, Debug)]
pub(crate) enum TunnelHeader {
    /// IPv4.
    Ip4 {
        /// The bytes; lengths, source port and checksums are zero.
        bytes: [u8; TunnelHeader::IP4_LEN],
        /// Sum of the IPv4 header's words, folded.
        sum: u16,
    },
    /// IPv6.
    Ip6 {
        /// The bytes; lengths, source port and checksum are zero.
        bytes: [u8; TunnelHeader::IP6_LEN],
    },
}

impl TunnelHeader {
    /// Bytes over IPv4.
    pub(crate) const IP4_LEN: usize = Ipv4View::MIN_LEN + UDP_VXLAN_LEN;
    /// Bytes over IPv6.
    pub(crate) const IP6_LEN: usize = Ipv6View::LEN + UDP_VXLAN_LEN;

    /// The header of a tunnel; `None` if its ends are of different families.
    pub(crate) fn new(
        encapsulation: Encapsulation,
        local: IpAddr,
        remote: IpAddr,
        port: u16,
        vni: Vni,
    ) -> Option<Self> {
        let vxlan = match encapsulation {
            Encapsulation::Vxlan => VxlanView::build(vni),
            Encapsulation::VxlanGpe => VxlanGpeView::build(vni, VxlanGpeProtocol::ETHERNET),
        };
        match (local, remote) {
            (IpAddr::V4(local), IpAddr::V4(remote)) => {
                let mut bytes = [0; Self::IP4_LEN];
                bytes[0] = 0x45;
                bytes[8] = TTL;
                bytes[9] = IpProtocol::UDP.0;
                bytes[12..16].copy_from_slice(&local.octets());
                bytes[16..20].copy_from_slice(&remote.octets());
                let mut sum = Sum::default();
                sum.add(&bytes[..Ipv4View::MIN_LEN]);
                bytes[22..24].copy_from_slice(&port.to_be_bytes());
                bytes[28..].copy_from_slice(&vxlan);
                let sum = sum.folded();
                Some(Self::Ip4 { bytes, sum })
            }
            (IpAddr::V6(local), IpAddr::V6(remote)) => {
                let mut bytes = [0; Self::IP6_LEN];
                bytes[0] = 6 << 4;
                bytes[6] = IpProtocol::UDP.0;
                bytes[7] = HOP_LIMIT;
                bytes[8..24].copy_from_slice(&local.octets());
                bytes[24..40].copy_from_slice(&remote.octets());
                bytes[42..44].copy_from_slice(&port.to_be_bytes());
                bytes[48..].copy_from_slice(&vxlan);
                Some(Self::Ip6 { bytes })
            }
            _ => None,
        }
    }

    /// Whether the outer header is IPv6.
    pub(crate) const fn is_ip6(&self) -> bool {
        matches!(self, Self::Ip6 { .. })
    }
}

/// The checksum of an outer IPv4 header: the sum of the template and the length.
#[inline]
pub(crate) const fn ip4_checksum(sum: u16, total_len: u16) -> u16 {
    let sum = sum as u32 + total_len as u32;
    !((sum >> 16) as u16).wrapping_add(sum as u16)
}
