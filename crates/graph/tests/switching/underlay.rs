//! A switch with an uplink that has addresses, and the packets that its neighbours send.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_graph::{Encapsulation, InterfaceAddress, PortType, SwIfIndex, Tunnel};
use weft_packet::{
    checksum::{Sum, internet_checksum},
    header::{
        ArpOperation, ArpView, EthernetView, IpProtocol, Ipv4View, Ipv6View, MacAddr,
        NeighborMessage, NeighborView, UdpView, Vni,
    },
};

use crate::lab::{BD, Lab, mac};

/// A lab with an uplink.
pub(crate) struct Underlay {
    pub(crate) lab: Lab,
    pub(crate) uplink: SwIfIndex,
}

/// What is in a packet that a tunnel sent.
pub(crate) struct Outer<'a> {
    pub(crate) link: EthernetView<'a>,
    pub(crate) hops: u8,
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) udp: UdpView<'a>,
    /// Behind UDP.
    pub(crate) content: &'a [u8],
}

/// The uplink's address with this number, and that of the host with another.
pub(crate) fn four(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(192, 0, 2, number)
}

/// As [`four`], IPv6.
pub(crate) fn six(number: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number))
}

/// MAC address of a host's uplink.
pub(crate) fn station(number: u8) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0xff, number])
}

impl Underlay {
    /// Host `number` on the networks of [`four`] and [`six`].
    pub(crate) fn new(number: u8) -> Self {
        let mut lab = Lab::new();
        let uplink = lab.port();
        lab.tables.set_mac(uplink, station(number)).unwrap();
        for (address, len) in [(four(number).into(), 24), (six(number).into(), 64)] {
            let address = InterfaceAddress { address, len };
            lab.tables.add_address(uplink, address).unwrap();
        }
        Self { lab, uplink }
    }

    /// A tunnel from host `own` to host `other` in [`BD`], in split-horizon group 1, that does not learn.
    pub(crate) fn tunnel(
        &mut self,
        encapsulation: Encapsulation,
        is_ip6: bool,
        [own, other]: [u8; 2],
        vni: u32,
    ) -> SwIfIndex {
        let end = |number: u8| -> IpAddr {
            if is_ip6 {
                six(number).into()
            } else {
                four(number).into()
            }
        };
        let port = match encapsulation {
            Encapsulation::Vxlan => 4789,
            Encapsulation::VxlanGpe => 4790,
        };
        let tunnel = Tunnel {
            encapsulation,
            local: end(own),
            remote: end(other),
            local_port: port,
            remote_port: port,
            vni: Vni::new(vni).unwrap(),
            instance: 0,
        };
        let tables = &mut self.lab.tables;
        let index = tables
            .add_tunnel("tunnel", tunnel, mac(0xfd), 9000)
            .unwrap();
        tables
            .set_l2_bridge(index, BD, PortType::Normal, 1)
            .unwrap();
        let flags = weft_graph::L2Flags {
            learn: false,
            ..weft_graph::L2Flags::ALL
        };
        tables.set_l2_flags(index, flags).unwrap();
        index
    }

    /// Lets the switch hear of host `other` by ARP and neighbour discovery.
    pub(crate) fn meet(&mut self, own: u8, other: u8) {
        self.lab.send(self.uplink, &[&arp_reply(other, own)]);
        self.lab.send(self.uplink, &[&advertisement(other, own)]);
    }
}

/// An Ethernet frame from one host's uplink to another's.
pub(crate) fn link(from: u8, to: MacAddr, ethertype: u16, content: &[u8]) -> Vec<u8> {
    let mut frame = to.0.to_vec();
    frame.extend_from_slice(&station(from).0);
    frame.extend_from_slice(&ethertype.to_be_bytes());
    frame.extend_from_slice(content);
    frame
}

/// Host `from` tells host `to` its address.
pub(crate) fn arp_reply(from: u8, to: u8) -> Vec<u8> {
    let content = ArpView::build(
        ArpOperation::Reply,
        (station(from), four(from)),
        (station(to), four(to)),
    );
    link(from, station(to), 0x0806, &content)
}

/// Host `from` asks all who has an address.
pub(crate) fn arp_request(from: u8, target: Ipv4Addr) -> Vec<u8> {
    let content = ArpView::build(
        ArpOperation::Request,
        (station(from), four(from)),
        (MacAddr::default(), target),
    );
    link(from, MacAddr::BROADCAST, 0x0806, &content)
}

/// Host `from` tells host `to` its IPv6 address.
pub(crate) fn advertisement(from: u8, to: u8) -> Vec<u8> {
    let message = NeighborView::build(NeighborMessage::Advertisement, six(from), station(from));
    let packet = ip6(six(from), six(to), IpProtocol::ICMPV6, 255, &message, 2);
    link(from, station(to), 0x86dd, &packet)
}

/// Host `from` asks its neighbours who has an address.
pub(crate) fn solicitation(from: u8, target: Ipv6Addr) -> Vec<u8> {
    let [.., a, b, c] = target.octets();
    let group = Ipv6Addr::new(
        0xff02,
        0,
        0,
        0,
        0,
        1,
        0xff00 | u16::from(a),
        u16::from_be_bytes([b, c]),
    );
    let message = NeighborView::build(NeighborMessage::Solicitation, target, station(from));
    let packet = ip6(six(from), group, IpProtocol::ICMPV6, 255, &message, 2);
    link(from, MacAddr([0x33, 0x33, 0xff, a, b, c]), 0x86dd, &packet)
}

/// An IPv4 packet with these bytes inside.
pub(crate) fn ip4(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: IpProtocol,
    content: &[u8],
) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0x12, 0x34, 0, 0, 64, protocol.0, 0, 0];
    packet.extend_from_slice(&source.octets());
    packet.extend_from_slice(&destination.octets());
    packet.extend_from_slice(content);
    let length = packet.len() as u16;
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    let checksum = internet_checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// An IPv6 packet with these bytes inside, and their checksum at `field`.
pub(crate) fn ip6(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    protocol: IpProtocol,
    hops: u8,
    content: &[u8],
    field: usize,
) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend_from_slice(&(content.len() as u16).to_be_bytes());
    packet.extend_from_slice(&[protocol.0, hops]);
    packet.extend_from_slice(&source.octets());
    packet.extend_from_slice(&destination.octets());
    packet.extend_from_slice(content);
    let checksum = ip6_sum(&packet, protocol).checksum();
    packet[40 + field..42 + field].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// The sum of an IPv6 packet's content with its pseudo-header.
pub(crate) fn ip6_sum(packet: &[u8], protocol: IpProtocol) -> Sum {
    let mut sum = Sum::default();
    sum.add_pseudo_header(&packet[8..40], protocol, (packet.len() - 40) as u32);
    sum.add(&packet[40..]);
    sum
}

/// A UDP datagram.
pub(crate) fn udp(source: u16, destination: u16, content: &[u8]) -> Vec<u8> {
    let mut datagram = source.to_be_bytes().to_vec();
    datagram.extend_from_slice(&destination.to_be_bytes());
    datagram.extend_from_slice(&((content.len() + 8) as u16).to_be_bytes());
    datagram.extend_from_slice(&[0, 0]);
    datagram.extend_from_slice(content);
    datagram
}

/// Takes a packet apart whose lengths and checksums are right.
pub(crate) fn outer(frame: &[u8]) -> Outer<'_> {
    let link = EthernetView::parse(frame).unwrap();
    let packet = link.payload();
    let (hops, source, destination, datagram) = if let Some(view) = Ipv4View::parse(packet) {
        assert_eq!(internet_checksum(&packet[..20]), 0);
        assert_eq!(usize::from(view.total_len()), packet.len());
        assert_eq!(view.protocol(), IpProtocol::UDP);
        (
            view.ttl(),
            view.source().into(),
            view.destination().into(),
            view.payload(),
        )
    } else {
        let view = Ipv6View::parse(packet).unwrap();
        assert_eq!(usize::from(view.payload_len()), packet.len() - 40);
        assert_eq!(view.next_header(), IpProtocol::UDP);
        assert_eq!(
            ip6_sum(packet, IpProtocol::UDP).folded(),
            0xffff,
            "checksum"
        );
        (
            view.hop_limit(),
            view.source().into(),
            view.destination().into(),
            view.payload(),
        )
    };
    let udp = UdpView::parse(datagram).unwrap();
    assert_eq!(usize::from(udp.length()), datagram.len());
    Outer {
        link,
        hops,
        source,
        destination,
        udp,
        content: &datagram[8..],
    }
}
