//! ARP and neighbour discovery answered from a bridge domain's table.

use std::net::{Ipv4Addr, Ipv6Addr};

use weft_graph::{BdFlags, Encapsulation, Error, SwIfIndex};
use weft_packet::header::{
    ArpOperation, ArpView, EthernetView, IpProtocol, Ipv6View, MacAddr, NeighborMessage,
    NeighborView,
};

use crate::{
    lab::{BD, Lab, mac, outcome},
    underlay::{Underlay, ip4, ip6, ip6_sum, link, station, udp},
};

const KNOWN4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 9);
const KNOWN6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 9);
const ASKS4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);
const ASKS6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 3);

fn on() -> BdFlags {
    BdFlags {
        arp_term: true,
        ..BdFlags::DEFAULT
    }
}

/// Two members of a bridge domain that knows two addresses of station 9.
fn bridge() -> (Lab, [SwIfIndex; 2]) {
    let (mut lab, members) = Lab::with_members();
    lab.tables.set_bd_flags(BD, on()).unwrap();
    for address in [KNOWN4.into(), KNOWN6.into()] {
        lab.tables
            .set_bd_neighbour(BD, address, Some(mac(9)))
            .unwrap();
    }
    (lab, members)
}

fn ethernet(from: MacAddr, to: MacAddr, ethertype: u16, content: &[u8]) -> Vec<u8> {
    [&to.0[..], &from.0, &ethertype.to_be_bytes(), content].concat()
}

fn request(target: Ipv4Addr) -> Vec<u8> {
    let content = ArpView::build(
        ArpOperation::Request,
        (mac(3), ASKS4),
        (MacAddr::default(), target),
    );
    ethernet(mac(3), MacAddr::BROADCAST, 0x0806, &content)
}

fn solicitation(target: Ipv6Addr) -> Vec<u8> {
    let message = NeighborView::build(NeighborMessage::Solicitation, target, mac(3));
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 9);
    let packet = ip6(ASKS6, group, IpProtocol::ICMPV6, 255, &message, 2);
    ethernet(
        mac(3),
        MacAddr([0x33, 0x33, 0xff, 0, 0, 9]),
        0x86dd,
        &packet,
    )
}

#[test]
fn what_is_known_is_answered_to_the_one_who_asks() {
    let (mut lab, [a, _]) = bridge();
    let content = ArpView::build(ArpOperation::Reply, (mac(9), KNOWN4), (mac(3), ASKS4));
    let reply = ethernet(mac(9), mac(3), 0x0806, &content);
    assert_eq!(
        lab.send(a, &[&request(KNOWN4)]),
        outcome(
            &[(a, &reply)],
            &[(Error::L2LearnMiss, 1), (Error::ArpTermReplies, 1)]
        )
    );
    let came = lab.send(a, &[&solicitation(KNOWN6)]);
    assert_eq!(came.counted, [(Error::Icmp6AdvertisementsSent, 1)]);
    let [(port, bytes)] = &came.sent[..] else {
        panic!("one answer: {came:?}");
    };
    assert_eq!(*port, a);
    let frame = EthernetView::parse(bytes).unwrap();
    assert_eq!((frame.source(), frame.destination()), (mac(9), mac(3)));
    assert_eq!(
        ip6_sum(frame.payload(), IpProtocol::ICMPV6).folded(),
        0xffff
    );
    let packet = Ipv6View::parse(frame.payload()).unwrap();
    assert_eq!((packet.source(), packet.destination()), (KNOWN6, ASKS6));
    let message = NeighborView::parse(packet.payload()).unwrap();
    assert_eq!(message.message(), NeighborMessage::Advertisement);
    assert_eq!(message.link_layer_address(), Some(mac(9)));
}

#[test]
fn what_is_not_known_is_flooded() {
    let (mut lab, [a, b]) = bridge();
    let unknown = request(Ipv4Addr::new(10, 0, 0, 77));
    // Announcements and duplicate address detection are for all, too.
    let mut announced = request(KNOWN4);
    announced[14 + 14..14 + 18].copy_from_slice(&KNOWN4.octets());
    let mut detection = solicitation(KNOWN6);
    detection[14 + 8..14 + 24].fill(0);
    for bytes in [unknown, announced, solicitation(ASKS6), detection] {
        assert_eq!(lab.send(a, &[&bytes]).sent, [(b, bytes)]);
    }
    lab.tables
        .set_bd_neighbour(BD, KNOWN4.into(), None)
        .unwrap();
    assert_eq!(
        lab.send(a, &[&request(KNOWN4)]).sent,
        [(b, request(KNOWN4))]
    );
}

#[test]
fn it_is_off_unless_switched_on() {
    let (mut lab, [a, b]) = bridge();
    lab.tables.set_bd_flags(BD, BdFlags::DEFAULT).unwrap();
    assert_eq!(
        lab.send(a, &[&request(KNOWN4)]).sent,
        [(b, request(KNOWN4))]
    );
}

#[test]
fn packets_that_lie_have_their_counters() {
    let (mut lab, [a, _]) = bridge();
    let mut other_mac = request(KNOWN4);
    other_mac[14 + 8] ^= 4;
    let mut group = request(KNOWN4);
    group[14 + 14] = 224;
    let mut hardware = request(KNOWN4);
    hardware[15] = 6;
    let mut protocol = request(KNOWN4);
    protocol[16] = 0x86;
    let mut probe = request(KNOWN4);
    probe[14 + 8] ^= 4;
    probe[14 + 14..14 + 18].fill(0);
    lab.learn(a, 3);
    for (bytes, error) in [
        (other_mac, Error::ArpTermMismatch),
        (group, Error::ArpTermSourceNotLocal),
        (hardware, Error::ArpTermHardware),
        (protocol, Error::ArpTermProtocol),
        (probe, Error::ArpTermGratuitous),
    ] {
        assert_eq!(lab.send(a, &[&bytes]), outcome(&[], &[(error, 1)]));
    }
}

#[test]
fn what_comes_from_a_tunnel_is_not_answered() {
    let mut host = Underlay::new(1);
    let member = host.lab.member(0);
    host.tunnel(Encapsulation::Vxlan, false, [1, 2], 7);
    host.lab.tables.set_bd_flags(BD, on()).unwrap();
    host.lab
        .tables
        .set_bd_neighbour(BD, KNOWN4.into(), Some(mac(9)))
        .unwrap();
    let content = [&[8, 0, 0, 0, 0, 0, 7, 0][..], &request(KNOWN4)].concat();
    let (from, to) = (crate::underlay::four(2), crate::underlay::four(1));
    let packet = ip4(from, to, IpProtocol::UDP, &udp(50_000, 4789, &content));
    let came = host
        .lab
        .send(host.uplink, &[&link(2, station(1), 0x0800, &packet)]);
    assert_eq!(came.sent, [(member, request(KNOWN4))]);
}
