//! ARP for IPv4 over Ethernet (RFC 826).

use std::net::Ipv4Addr;

use super::{EtherType, MacAddr, front};

/// Bytes of an ARP packet for Ethernet and IPv4.
const ARP_LEN: usize = 28;

/// What an ARP packet for Ethernet and IPv4 begins with: both types and both lengths.
const ARP_START: [u8; 6] = [0, 1, 0x08, 0x00, 6, 4];

/// `ar$op`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ArpOperation {
    /// 1: who has the target's protocol address?
    Request,
    /// 2: the sender has.
    Reply,
    /// Any other.
    Other(u16),
}

/// An ARP packet for Ethernet and IPv4.
#[derive(Clone, Copy, Debug)]
pub struct ArpView<'a>(&'a [u8; ARP_LEN]);

impl<'a> ArpView<'a> {
    /// Bytes of an ARP packet for Ethernet and IPv4.
    pub const LEN: usize = ARP_LEN;

    /// The bytes of a packet.
    pub fn build(
        operation: ArpOperation,
        sender: (MacAddr, Ipv4Addr),
        target: (MacAddr, Ipv4Addr),
    ) -> [u8; ArpView::LEN] {
        let mut packet = [0; ArpView::LEN];
        packet[..6].copy_from_slice(&ARP_START);
        let operation = match operation {
            ArpOperation::Request => 1,
            ArpOperation::Reply => 2,
            ArpOperation::Other(other) => other,
        };
        packet[6..8].copy_from_slice(&operation.to_be_bytes());
        for (at, (mac, ip)) in [(8, sender), (18, target)] {
            packet[at..at + 6].copy_from_slice(&mac.0);
            packet[at + 6..at + 10].copy_from_slice(&ip.octets());
        }
        packet
    }

    /// Views the payload of an Ethernet frame; `None` for other hardware or protocols.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (packet, _) = front::<ARP_LEN>(bytes)?;
        let [h0, h1, p0, p1, hlen, plen, ..] = *packet;
        let hardware = u16::from_be_bytes([h0, h1]);
        let protocol = u16::from_be_bytes([p0, p1]);
        (hardware == 1 && EtherType(protocol) == EtherType::IPV4 && hlen == 6 && plen == 4)
            .then_some(Self(packet))
    }

    /// `ar$op`.
    pub fn operation(&self) -> ArpOperation {
        match u16::from_be_bytes([self.0[6], self.0[7]]) {
            1 => ArpOperation::Request,
            2 => ArpOperation::Reply,
            other => ArpOperation::Other(other),
        }
    }

    /// `ar$sha`.
    pub fn sender_mac(&self) -> MacAddr {
        self.mac_at(8)
    }

    /// `ar$spa`.
    pub fn sender_ip(&self) -> Ipv4Addr {
        self.ip_at(14)
    }

    /// `ar$tha`.
    pub fn target_mac(&self) -> MacAddr {
        self.mac_at(18)
    }

    /// `ar$tpa`.
    pub fn target_ip(&self) -> Ipv4Addr {
        self.ip_at(24)
    }

    fn mac_at(self, at: usize) -> MacAddr {
        let mut mac = [0; 6];
        mac.copy_from_slice(&self.0[at..at + 6]);
        MacAddr(mac)
    }

    fn ip_at(self, at: usize) -> Ipv4Addr {
        let mut ip = [0; 4];
        ip.copy_from_slice(&self.0[at..at + 4]);
        Ipv4Addr::from(ip)
    }
}
