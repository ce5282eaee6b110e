//! Frames made by hand, so that a scenario can send what no well-behaved stack sends.
//!
//! Every frame ends in bytes behind its packet that no other frame of this process has: a frame
//! that arrives can be told from all others, whatever it holds.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use weft_model::Mac;
use weft_packet::checksum::internet_checksum;

/// Shortest frame without its check sequence (IEEE 802.3 §3.2.8).
const SHORTEST: usize = 60;

/// Payload of fragments: how many bytes are in all but the last.
const FRAGMENT: u16 = 64;

/// Who sends or receives: a station's address on the link, and one of its addresses of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Party {
    /// On the link.
    pub mac: Mac,
    /// Of IP.
    pub ip: IpAddr,
}

/// A packet of IPv4 or IPv6 before it becomes a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    from: Party,
    to: Party,
    protocol: u8,
    payload: Vec<u8>,
    part: Part,
}

/// How much of a packet is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Whole,
    /// The first fragment, with more to come.
    First,
    /// The last, behind the first.
    Last,
}

/// TCP's control bits (RFC 9293 §3.1).
pub mod tcp {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
}

impl Party {
    /// Somebody with this address on the link, and this one.
    pub fn new(mac: Mac, ip: impl Into<IpAddr>) -> Self {
        Self { mac, ip: ip.into() }
    }

    /// The same with another address of IP.
    #[must_use]
    pub fn at(self, ip: impl Into<IpAddr>) -> Self {
        Self::new(self.mac, ip)
    }

    /// The same with another address on the link.
    #[must_use]
    pub fn with_mac(self, mac: Mac) -> Self {
        Self { mac, ..self }
    }

    /// Everybody on the link, over IPv4.
    pub fn broadcast() -> Self {
        Self::new(Mac::new([0xff; 6]), Ipv4Addr::BROADCAST)
    }

    /// A group of IPv6 (RFC 2464 §7).
    pub fn multicast(group: Ipv6Addr) -> Self {
        let [.., a, b, c, d] = group.octets();
        Self::new(Mac::new([0x33, 0x33, a, b, c, d]), group)
    }
}

impl Packet {
    /// A packet of any protocol; both addresses are of one version.
    pub fn new(from: Party, to: Party, protocol: u8, payload: &[u8]) -> Self {
        Self {
            from,
            to,
            protocol,
            payload: payload.to_vec(),
            part: Part::Whole,
        }
    }

    /// TCP, with these control bits.
    pub fn tcp(from: Party, to: Party, ports: (u16, u16), flags: u8) -> Self {
        let mut segment = ports_of(ports);
        // Sequence and acknowledgment number, five words of header, window.
        segment.extend([
            0,
            0,
            0,
            1,
            0,
            0,
            0,
            1,
            5 << 4,
            flags,
            0xff,
            0xff,
            0,
            0,
            0,
            0,
        ]);
        Self::new(from, to, 6, &segment).checksum_at(16)
    }

    /// UDP.
    pub fn udp(from: Party, to: Party, ports: (u16, u16)) -> Self {
        Self::new(from, to, 17, &datagram(ports)).checksum_at(6)
    }

    /// UDP-Lite, with the checksum over everything (RFC 3828 §3.1).
    pub fn udp_lite(from: Party, to: Party, ports: (u16, u16)) -> Self {
        Self::new(from, to, 136, &datagram(ports)).checksum_at(6)
    }

    /// The header and an INIT chunk's head of SCTP (RFC 9260 §3), without a checksum: nobody
    /// verifies it.
    pub fn sctp(from: Party, to: Party, ports: (u16, u16)) -> Self {
        let mut packet = ports_of(ports);
        packet.extend([0; 8]);
        packet.extend([1, 0, 0, 4]);
        Self::new(from, to, 132, &packet)
    }

    /// A message of ICMP, or ICMPv6 between addresses of IPv6.
    pub fn icmp(from: Party, to: Party, kind: u8, code: u8) -> Self {
        let message = [kind, code, 0, 0, 0, 7, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let protocol = if from.ip.is_ipv6() { 58 } else { 1 };
        Self::new(from, to, protocol, &message).checksum_at(2)
    }

    /// A neighbour solicitation of `from` for `to` (RFC 4861 §4.3), sent to `to`'s own addresses.
    pub fn neighbour_solicitation(from: Party, to: Party) -> Self {
        let mut message = vec![135, 0, 0, 0, 0, 0, 0, 0];
        message.extend(octets(to.ip));
        // The source link-layer address (§4.6.1), without which nobody may answer for another.
        message.extend([1, 1]);
        message.extend(from.mac.octets());
        Self::new(from, to, 58, &message).checksum_at(2)
    }

    /// Only its first fragment.
    #[must_use]
    pub fn first_fragment(mut self) -> Self {
        self.payload.resize(FRAGMENT.into(), 0);
        self.part = Part::First;
        self
    }

    /// Only the fragment behind the first.
    #[must_use]
    pub fn last_fragment(mut self) -> Self {
        self.payload = vec![0x5a; 24];
        self.part = Part::Last;
        self
    }

    /// What the receiver would say: both ends changed over, and the ports, if it has some.
    #[must_use]
    pub fn reply(&self) -> Self {
        let mut reply = self.clone();
        (reply.from, reply.to) = (self.to, self.from);
        if matches!(self.protocol, 6 | 17 | 132 | 136) && self.part != Part::Last {
            reply.payload[..4].rotate_left(2);
        }
        reply
    }

    /// The frame that carries it, unlike any other.
    pub fn frame(&self) -> Vec<u8> {
        let mut frame = Vec::new();
        frame.extend(self.to.mac.octets());
        frame.extend(self.from.mac.octets());
        match (self.from.ip, self.to.ip) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.version_4(&mut frame, from, to),
            (from, to) => self.version_6(&mut frame, &octets(from), &octets(to)),
        }
        mark(frame)
    }

    /// RFC 791 §3.1.
    fn version_4(&self, frame: &mut Vec<u8>, from: Ipv4Addr, to: Ipv4Addr) {
        const MORE: u16 = 0x2000;
        let offset = match self.part {
            Part::Whole => 0,
            Part::First => MORE,
            Part::Last => FRAGMENT / 8,
        };
        frame.extend(0x0800_u16.to_be_bytes());
        let mut header = vec![0x45, 0];
        header.extend(length(20 + self.payload.len()));
        header.extend([0, 9]);
        header.extend(offset.to_be_bytes());
        header.extend([64, self.protocol, 0, 0]);
        header.extend(from.octets());
        header.extend(to.octets());
        let checksum = internet_checksum(&header);
        header[10..12].copy_from_slice(&checksum.to_be_bytes());
        frame.extend(header);
        frame.extend(&self.payload);
    }

    /// RFC 8200 §3, §4.5.
    fn version_6(&self, frame: &mut Vec<u8>, from: &[u8], to: &[u8]) {
        const FRAGMENT_HEADER: u8 = 44;
        let fragment = match self.part {
            Part::Whole => None,
            Part::First => Some(1),
            Part::Last => Some(FRAGMENT),
        };
        let extension = if fragment.is_some() { 8 } else { 0 };
        frame.extend(0x86dd_u16.to_be_bytes());
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(length(extension + self.payload.len()));
        // Messages to neighbours are believed only if no router has passed them on.
        frame.extend([fragment.map_or(self.protocol, |_| FRAGMENT_HEADER), 255]);
        frame.extend(from);
        frame.extend(to);
        if let Some(offset) = fragment {
            frame.extend([self.protocol, 0]);
            frame.extend(offset.to_be_bytes());
            frame.extend([0, 0, 0, 9]);
        }
        frame.extend(&self.payload);
    }

    /// Puts the checksum over pseudo-header and payload at this place (RFC 768; RFC 8200 §8.1;
    /// ICMP has no pseudo-header, RFC 792).
    fn checksum_at(mut self, at: usize) -> Self {
        let mut summed = Vec::new();
        if self.protocol != 1 {
            summed.extend(octets(self.from.ip));
            summed.extend(octets(self.to.ip));
            summed.extend([0, self.protocol]);
            summed.extend(length(self.payload.len()));
        }
        summed.extend(&self.payload);
        let checksum = internet_checksum(&summed);
        self.payload[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
        self
    }
}

/// A question of ARP (RFC 826): who has the address of `to`? `sender` is whom the question says it
/// comes from, `source` the frame.
pub fn arp(source: Mac, sender: Party, to: Ipv4Addr) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend([0xff; 6]);
    frame.extend(source.octets());
    frame.extend([0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1]);
    frame.extend(sender.mac.octets());
    frame.extend(octets(sender.ip));
    frame.extend([0; 6]);
    frame.extend(to.octets());
    mark(frame)
}

/// A frame of any EtherType to everybody.
pub fn raw(source: Mac, ether_type: u16) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.extend([0xff; 6]);
    frame.extend(source.octets());
    frame.extend(ether_type.to_be_bytes());
    mark(frame)
}

fn ports_of((source, destination): (u16, u16)) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}

/// Eight bytes of header, eight of data.
fn datagram(ports: (u16, u16)) -> Vec<u8> {
    let mut datagram = ports_of(ports);
    datagram.extend([0, 16, 0, 0]);
    datagram.extend([0; 8]);
    datagram
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// Fills a frame up and puts a number behind it that no other has.
fn mark(mut frame: Vec<u8>) -> Vec<u8> {
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    frame.resize(frame.len().max(SHORTEST - 8), 0);
    frame.extend(NUMBER.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    frame
}
