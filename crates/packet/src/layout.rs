//! Where the headers of a TCP segment or a UDP datagram start and end: what cutting super-packets
//! ([`crate::gso`]) and joining segments ([`crate::gro`]) must both know.

use crate::{
    checksum::Sum,
    header::{EtherType, IpProtocol, Ipv4View, Ipv6View, TcpView, UdpView, vlan_tags},
};

/// Most header bytes: Ethernet, two tags, IPv6 with extensions or IPv4 with options, TCP with
/// options.
pub(crate) const HEADERS_MAX: usize = 256;

/// What a packet begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// An Ethernet header with up to two tags.
    Ethernet,
    /// An IP header.
    Ip,
}

/// Positions in bytes from the start of the packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Layout {
    /// First byte of the IP header.
    pub(crate) ip: usize,
    /// Whether that is of version 4.
    pub(crate) is_ipv4: bool,
    /// TCP or UDP.
    pub(crate) protocol: IpProtocol,
    /// First byte of the transport header.
    pub(crate) transport: usize,
    /// First byte of payload.
    pub(crate) payload: usize,
}

impl Layout {
    /// Finds the headers; `None` if they are not all there or of another protocol.
    pub(crate) fn parse(bytes: &[u8], start: Start) -> Option<Self> {
        let (ethertype, ip_packet) = match start {
            Start::Ethernet => vlan_tags(bytes, |_| ())?,
            Start::Ip if bytes.first()? >> 4 == 4 => (EtherType::IPV4, bytes),
            Start::Ip => (EtherType::IPV6, bytes),
        };
        let (is_ipv4, protocol, upper) = match ethertype {
            EtherType::IPV4 => {
                let view = Ipv4View::parse(ip_packet)?;
                (true, view.protocol(), view.payload())
            }
            EtherType::IPV6 => {
                let (protocol, upper) = Ipv6View::parse(ip_packet)?.upper_layer()?;
                (false, protocol, upper)
            }
            _ => return None,
        };
        let header_len = match protocol {
            IpProtocol::TCP => TcpView::parse(upper)?.header_len(),
            IpProtocol::UDP => UdpView::parse(upper).map(|_| UdpView::LEN)?,
            _ => return None,
        };
        let transport = bytes.len() - upper.len();
        Some(Self {
            ip: bytes.len() - ip_packet.len(),
            is_ipv4,
            protocol,
            transport,
            payload: transport + header_len,
        })
    }

    /// Where the transport header has its checksum.
    pub(crate) fn checksum_offset(&self) -> usize {
        if self.protocol == IpProtocol::TCP {
            16
        } else {
            6
        }
    }

    /// The sum of the pseudo-header of a packet with these headers and `length` bytes from the
    /// transport header on.
    pub(crate) fn pseudo_header(&self, headers: &[u8], length: usize) -> Sum {
        let addresses = if self.is_ipv4 {
            self.ip + 12..self.ip + 20
        } else {
            self.ip + 8..self.ip + 40
        };
        let mut sum = Sum::default();
        sum.add_pseudo_header(&headers[addresses], self.protocol, length as u32);
        sum
    }
}

/// Writes a number in the order of the wire.
pub(crate) fn put(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
