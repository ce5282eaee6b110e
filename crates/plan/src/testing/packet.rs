//! A packet as far as rules look at it.

use std::net::IpAddr;

use weft_model::{IpProtocol, IpVersion, PortProtocol};

/// A packet. Source and destination are of one IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// From where.
    pub source: IpAddr,
    /// To where.
    pub destination: IpAddr,
    /// What is in it.
    pub transport: Transport,
}

/// What is in a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A segment or datagram of a protocol with ports.
    Ports {
        /// Which.
        protocol: PortProtocol,
        /// The source port.
        source: u16,
        /// The destination port.
        destination: u16,
    },
    /// A message of ICMP, or of ICMPv6 in IPv6.
    Icmp {
        /// The type.
        kind: u8,
        /// The code.
        code: u8,
    },
    /// Something of another protocol.
    Other(IpProtocol),
}

impl Packet {
    /// Its IP version.
    pub fn version(&self) -> IpVersion {
        IpVersion::of(self.source)
    }

    /// Its protocol.
    pub fn protocol(&self) -> IpProtocol {
        match (self.transport, self.version()) {
            (Transport::Ports { protocol, .. }, _) => protocol.number(),
            (Transport::Icmp { .. }, IpVersion::V4) => IpProtocol::ICMP,
            (Transport::Icmp { .. }, IpVersion::V6) => IpProtocol::ICMPV6,
            (Transport::Other(protocol), _) => protocol,
        }
    }
}
