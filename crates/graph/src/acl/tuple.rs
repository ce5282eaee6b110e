//! What of a packet rules and sessions look at (VPP `acl_fill_5tuple`, `public_inlines.h`).
//!
//! Ports are read of TCP and UDP, type and code of ICMP in IPv4 and of ICMPv6 in IPv6; all else has
//! ports 0. A transport header is only looked at where 8 bytes of it are in the packet's first
//! buffer.

use super::address::Address;

/// Addresses, protocol, ports of a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct FiveTuple<A> {
    pub(crate) source: A,
    pub(crate) destination: A,
    /// Source and destination port, or ICMP type and code.
    pub(crate) ports: [u16; 2],
    pub(crate) protocol: u8,
    /// Flags of a TCP header.
    pub(crate) tcp_flags: Option<u8>,
    /// The transport header is there.
    pub(crate) l4_valid: bool,
    /// A fragment other than the first.
    pub(crate) is_later_fragment: bool,
    /// The transport header is there and has no ports (VPP `FA_SK_L4_FLAG_IS_SLOWPATH`).
    pub(crate) is_slow_path: bool,
}

/// A family whose packets can be taken apart.
pub(crate) trait Family: Address {
    const IS_IP6: bool;

    /// The protocol number of its ICMP.
    const ICMP: u8;

    /// Reads a packet whose first buffer is `frame`, which the network header is `l3` bytes into;
    /// `None` if that header is not whole.
    fn tuple(frame: &[u8], l3: usize) -> Option<FiveTuple<Self>>;
}

const TCP: u8 = 6;
const UDP: u8 = 17;

/// Bytes of a transport header that must be there (VPP `offset_within_packet`).
const L4_LEN: usize = 8;

/// IPv6 extension headers that are skipped (VPP `foreach_acl_eh`).
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;
const EXPERIMENTS: [u8; 2] = [253, 254];

const fn is_extension(protocol: u8) -> bool {
    matches!(
        protocol,
        HOP_BY_HOP | ROUTING | FRAGMENT | DESTINATION_OPTIONS | MOBILITY | HIP | SHIM6
    ) || protocol == EXPERIMENTS[0]
        || protocol == EXPERIMENTS[1]
}

fn word(bytes: &[u8], at: usize) -> u16 {
    match bytes.get(at..at + 2) {
        Some(&[high, low]) => u16::from_be_bytes([high, low]),
        _ => 0,
    }
}

impl<A> FiveTuple<A> {
    /// As a fragment is looked at, whose ports nobody knows.
    pub(crate) fn into_fragment(self) -> Self {
        Self {
            ports: [0, 0],
            tcp_flags: None,
            l4_valid: true,
            ..self
        }
    }
}

impl<A: Family> FiveTuple<A> {
    /// Adds what the transport header says.
    #[inline]
    fn with_transport(mut self, l4: Option<&[u8]>) -> Self {
        // 14 bytes where there are as many, as TCP's flags are the fourteenth.
        let Some(header) = l4.filter(|header| header.len() >= L4_LEN) else {
            return self;
        };
        self.l4_valid = true;
        if self.protocol == TCP || self.protocol == UDP {
            self.ports = [word(header, 0), word(header, 2)];
            if self.protocol == TCP {
                self.tcp_flags = Some(header.get(13).copied().unwrap_or(0));
            }
        } else {
            self.is_slow_path = true;
            if self.protocol == A::ICMP {
                self.ports = [u16::from(header[0]), u16::from(header[1])];
            }
        }
        self
    }
}

impl Family for u32 {
    const IS_IP6: bool = false;
    const ICMP: u8 = 1;

    #[inline]
    fn tuple(frame: &[u8], l3: usize) -> Option<FiveTuple<Self>> {
        let header: &[u8; 20] = frame.get(l3..)?.first_chunk()?;
        let [vihl, .., p, q, r, s, t, u, v, w] = *header;
        let tuple = FiveTuple {
            source: Self::from_be_bytes([p, q, r, s]),
            destination: Self::from_be_bytes([t, u, v, w]),
            protocol: header[9],
            is_later_fragment: u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0,
            ..FiveTuple::default()
        };
        if tuple.is_later_fragment {
            return Some(tuple);
        }
        let l4 = l3 + usize::from(vihl & 0x0f) * 4;
        Some(tuple.with_transport(frame.get(l4..)))
    }
}

impl Family for u128 {
    const IS_IP6: bool = true;
    const ICMP: u8 = 58;

    #[inline]
    fn tuple(frame: &[u8], l3: usize) -> Option<FiveTuple<Self>> {
        let header: &[u8; 40] = frame.get(l3..)?.first_chunk()?;
        let mut tuple = FiveTuple {
            source: Self::from_be_bytes(*header[8..].first_chunk()?),
            destination: Self::from_be_bytes(*header[24..].first_chunk()?),
            protocol: header[6],
            ..FiveTuple::default()
        };
        let mut at = l3 + 40;
        // Each turn goes on by 8 bytes or more of a packet of bounded length.
        while is_extension(tuple.protocol) {
            let Some(extension) = frame.get(at..).and_then(<[u8]>::first_chunk::<L4_LEN>) else {
                return Some(tuple);
            };
            let kind = tuple.protocol;
            tuple.protocol = extension[0];
            if kind != FRAGMENT {
                at += 8 * (1 + usize::from(extension[1]));
                continue;
            }
            if u16::from_be_bytes([extension[2], extension[3]]) >> 3 != 0 {
                tuple.is_later_fragment = true;
                return Some(tuple);
            }
            at += L4_LEN;
        }
        Some(tuple.with_transport(frame.get(at..)))
    }
}
