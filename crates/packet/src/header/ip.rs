//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::front;

/// An Internet protocol number (IANA "Protocol Numbers").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct IpProtocol(pub u8);

/// An IPv4 header and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Ipv4View<'a> {
    header: &'a [u8; Ipv4View::MIN_LEN],
    header_len: usize,
    payload: &'a [u8],
}

/// An IPv6 header and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct Ipv6View<'a> {
    header: &'a [u8; Ipv6View::LEN],
    payload: &'a [u8],
}

// ===== impl IpProtocol =====

impl IpProtocol {
    /// ICMP.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMPv6.
    pub const ICMPV6: Self = Self(58);

    /// Whether this is an IPv6 extension header of the common form: next header, length in units of
    /// 8 bytes without the first (RFC 8200 §4.3, §4.4, §4.6).
    const fn is_ipv6_extension(self) -> bool {
        matches!(self.0, 0 | 43 | 60)
    }
}

impl std::fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::ICMP => f.write_str("ICMP"),
            Self::TCP => f.write_str("TCP"),
            Self::UDP => f.write_str("UDP"),
            Self::ICMPV6 => f.write_str("ICMP6"),
            Self(other) => write!(f, "protocol {other}"),
        }
    }
}

impl std::fmt::Debug for IpProtocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

// ===== impl Ipv4View =====

impl<'a> Ipv4View<'a> {
    /// Bytes of a header without options.
    pub const MIN_LEN: usize = 20;

    /// Views a packet whose version is 4 and whose header, with options, is there.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, _) = front::<{ Ipv4View::MIN_LEN }>(bytes)?;
        let header_len = usize::from(header[0] & 0x0f) * 4;
        if header[0] >> 4 != 4 || header_len < Self::MIN_LEN {
            return None;
        }
        Some(Self {
            header,
            header_len,
            payload: bytes.get(header_len..)?,
        })
    }

    /// Bytes of the header with options, 20 to 60.
    pub fn header_len(&self) -> usize {
        self.header_len
    }

    /// "Total Length": header and payload, as the sender says.
    pub fn total_len(&self) -> u16 {
        u16::from_be_bytes([self.header[2], self.header[3]])
    }

    /// "Identification".
    pub fn identification(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// Whether this is a fragment other than the first, which has no transport header.
    pub fn is_later_fragment(&self) -> bool {
        u16::from_be_bytes([self.header[6], self.header[7]]) & 0x1fff != 0
    }

    /// Whether this is one of several fragments.
    pub fn is_fragment(&self) -> bool {
        u16::from_be_bytes([self.header[6], self.header[7]]) & 0x3fff != 0
    }

    /// Whether nobody may fragment the packet.
    pub fn dont_fragment(&self) -> bool {
        self.header[6] & 0x40 != 0
    }

    /// Units of 8 bytes before this fragment's payload.
    pub fn fragment_offset(&self) -> u16 {
        u16::from_be_bytes([self.header[6], self.header[7]]) & 0x1fff
    }

    /// Whether fragments follow this one.
    pub fn more_fragments(&self) -> bool {
        self.header[6] & 0x20 != 0
    }

    /// "Type of Service": DSCP and ECN.
    pub fn tos(&self) -> u8 {
        self.header[1]
    }

    /// "Time to Live".
    pub fn ttl(&self) -> u8 {
        self.header[8]
    }

    /// "Protocol".
    pub fn protocol(&self) -> IpProtocol {
        IpProtocol(self.header[9])
    }

    /// "Header Checksum".
    pub fn checksum(&self) -> u16 {
        u16::from_be_bytes([self.header[10], self.header[11]])
    }

    /// "Source Address".
    pub fn source(&self) -> Ipv4Addr {
        let [.., a, b, c, d, _, _, _, _] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    /// "Destination Address".
    pub fn destination(&self) -> Ipv4Addr {
        let [.., a, b, c, d] = *self.header;
        Ipv4Addr::new(a, b, c, d)
    }

    /// The bytes behind the header, padding of the frame included.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

// ===== impl Ipv6View =====

impl<'a> Ipv6View<'a> {
    /// Bytes of the fixed header.
    pub const LEN: usize = 40;

    /// Views a packet whose version is 6.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, payload) = front::<{ Ipv6View::LEN }>(bytes)?;
        (header[0] >> 4 == 6).then_some(Self { header, payload })
    }

    /// "Traffic Class": DSCP and ECN.
    pub fn traffic_class(&self) -> u8 {
        self.header[0] << 4 | self.header[1] >> 4
    }

    /// "Flow Label", 20 bits.
    pub fn flow_label(&self) -> u32 {
        u32::from_be_bytes([0, self.header[1] & 0x0f, self.header[2], self.header[3]])
    }

    /// "Payload Length": everything behind the fixed header, as the sender says.
    pub fn payload_len(&self) -> u16 {
        u16::from_be_bytes([self.header[4], self.header[5]])
    }

    /// "Next Header" of the fixed header.
    pub fn next_header(&self) -> IpProtocol {
        IpProtocol(self.header[6])
    }

    /// "Hop Limit".
    pub fn hop_limit(&self) -> u8 {
        self.header[7]
    }

    /// "Source Address".
    pub fn source(&self) -> Ipv6Addr {
        self.address_at(8)
    }

    /// "Destination Address".
    pub fn destination(&self) -> Ipv6Addr {
        self.address_at(24)
    }

    /// The bytes behind the fixed header, padding of the frame included.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The first header that is no extension of the common form, and the bytes from there; `None`
    /// if the packet ends within one.
    pub fn upper_layer(&self) -> Option<(IpProtocol, &'a [u8])> {
        let (mut protocol, mut rest) = (self.next_header(), self.payload);
        while protocol.is_ipv6_extension() {
            let (&[next, length], _) = front::<2>(rest)?;
            rest = rest.get((usize::from(length) + 1) * 8..)?;
            protocol = IpProtocol(next);
        }
        Some((protocol, rest))
    }

    fn address_at(&self, at: usize) -> Ipv6Addr {
        let mut address = [0; 16];
        address.copy_from_slice(&self.header[at..at + 16]);
        Ipv6Addr::from(address)
    }
}
