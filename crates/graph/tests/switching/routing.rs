//! The addresses of a switch: ARP, neighbour discovery and echo on them, and packets between networks.

use std::net::Ipv6Addr;

use weft_graph::{
    Error, FibSource, InterfaceAddress, IpPrefix, PathKind, Route, RoutePath, TableError,
};
use weft_packet::header::{
    ArpOperation, ArpView, EthernetView, IpProtocol, Ipv4View, Ipv6View, MacAddr, NeighborView,
};

use crate::{
    lab::{frame, outcome},
    underlay::{
        Underlay, arp_reply, arp_request, four, ip4, ip6, link, six, solicitation, station, udp,
    },
};

#[test]
fn who_asks_for_an_address_is_answered_and_learned() {
    let mut host = Underlay::new(1);
    let came = host.lab.send(host.uplink, &[&arp_request(2, four(1))]);
    assert_eq!(
        came,
        outcome(
            &[(host.uplink, &arp_reply_to(2))],
            &[(Error::ArpReplySent, 1)]
        )
    );
    let neighbours: Vec<_> = host.lab.tables.neighbours().collect();
    assert_eq!(neighbours.len(), 1);
    let (interface, address, own) = neighbours[0];
    assert_eq!(
        (interface, address, own.mac),
        (host.uplink, four(2).into(), station(2))
    );

    let came = host.lab.send(host.uplink, &[&solicitation(3, six(1))]);
    assert_eq!(came.counted, [(Error::Icmp6AdvertisementsSent, 1)]);
    let (_, bytes) = &came.sent[0];
    let link = EthernetView::parse(bytes).unwrap();
    assert_eq!(
        (link.source(), link.destination()),
        (station(1), station(3))
    );
    let packet = Ipv6View::parse(link.payload()).unwrap();
    assert_eq!((packet.source(), packet.destination()), (six(1), six(3)));
    assert_eq!(
        crate::underlay::ip6_sum(link.payload(), IpProtocol::ICMPV6).folded(),
        0xffff
    );
    let message = NeighborView::parse(packet.payload()).unwrap();
    assert_eq!(message.target(), six(1));
    assert_eq!(message.link_layer_address(), Some(station(1)));
    assert_eq!(host.lab.tables.neighbours().count(), 2);
}

/// What host 1 answers host `to`.
fn arp_reply_to(to: u8) -> Vec<u8> {
    let content = ArpView::build(
        ArpOperation::Reply,
        (station(1), four(1)),
        (station(to), four(to)),
    );
    link(1, station(to), 0x0806, &content)
}

#[test]
fn arp_that_is_not_right_has_its_counter() {
    let mut host = Underlay::new(1);
    let mut foreign = arp_request(2, four(1));
    foreign[14 + 14..14 + 18].copy_from_slice(&[203, 0, 113, 1]);
    let mut unset = arp_request(2, four(1));
    unset[14 + 14..14 + 18].fill(0);
    let mut spoofed = arp_request(2, four(1));
    spoofed[14 + 14..14 + 18].copy_from_slice(&four(1).octets());
    let mut other_mac = arp_request(2, four(1));
    other_mac[14 + 8] ^= 4;
    let mut hardware = arp_request(2, four(1));
    hardware[15] = 6;
    let mut protocol = arp_request(2, four(1));
    protocol[16] = 0x86;
    for (bytes, error) in [
        (foreign, Error::ArpReplySourceNotLocal),
        (unset, Error::ArpInputUnset),
        (spoofed, Error::ArpReplySourceIsLocal),
        (other_mac, Error::ArpReplyMismatch),
        (hardware, Error::ArpInputHardware),
        (protocol, Error::ArpInputProtocol),
        (arp_request(2, four(3)), Error::ArpReplyTargetNotLocal),
        // An announcement of somebody unknown.
        (arp_request(2, four(2)), Error::ArpReplyGratuitous),
    ] {
        assert_eq!(
            host.lab.send(host.uplink, &[&bytes]),
            outcome(&[], &[(error, 1)])
        );
    }
    assert_eq!(host.lab.tables.neighbours().count(), 0);
    // Of somebody known it is learned.
    host.lab.send(host.uplink, &[&arp_reply(2, 1)]);
    let mut announced = arp_request(2, four(2));
    for at in [6 + 5, 14 + 8 + 5] {
        announced[at] = 0x77;
    }
    host.lab.send(host.uplink, &[&announced]);
    let (_, _, own) = host.lab.tables.neighbours().next().unwrap();
    assert_eq!(own.mac, station(0x77));
}

#[test]
fn echo_requests_are_answered() {
    let mut host = Underlay::new(1);
    host.meet(1, 2);
    let mut message = vec![8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7];
    let checksum = weft_packet::checksum::internet_checksum(&message);
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let packet = ip4(four(2), four(1), IpProtocol::ICMP, &message);
    let came = host
        .lab
        .send(host.uplink, &[&link(2, station(1), 0x0800, &packet)]);
    assert_eq!(came.counted, [(Error::Icmp4EchoReplies, 1)]);
    let frame = EthernetView::parse(&came.sent[0].1).unwrap();
    assert_eq!(frame.destination(), station(2));
    let view = Ipv4View::parse(frame.payload()).unwrap();
    assert_eq!(
        weft_packet::checksum::internet_checksum(&frame.payload()[..20]),
        0
    );
    assert_eq!(
        (view.source(), view.destination(), view.ttl()),
        (four(1), four(2), 64)
    );
    assert_eq!(weft_packet::checksum::internet_checksum(view.payload()), 0);
    assert_eq!(view.payload()[0], 0);
    assert_eq!(view.payload()[4..], message[4..]);

    let message = [128, 0, 0, 0, 1, 2, 3, 4, 5];
    let packet = ip6(six(2), six(1), IpProtocol::ICMPV6, 64, &message, 2);
    let came = host
        .lab
        .send(host.uplink, &[&link(2, station(1), 0x86dd, &packet)]);
    assert_eq!(came.counted, [(Error::Icmp6EchoReplies, 1)]);
    let frame = EthernetView::parse(&came.sent[0].1).unwrap();
    let sum = crate::underlay::ip6_sum(frame.payload(), IpProtocol::ICMPV6);
    assert_eq!(sum.folded(), 0xffff);
    let view = Ipv6View::parse(frame.payload()).unwrap();
    assert_eq!((view.source(), view.destination()), (six(1), six(2)));
    assert_eq!(view.payload()[0], 129);
}

#[test]
fn packets_that_are_not_right_have_their_counters() {
    let mut host = Underlay::new(1);
    host.meet(1, 2);
    let good = ip4(four(2), four(1), IpProtocol::UDP, &udp(1, 2, &[]));
    let changed = |place: usize, value: u8, is_summed: bool| {
        let mut packet = good.clone();
        packet[place] = value;
        if is_summed {
            packet[10..12].fill(0);
            let checksum = weft_packet::checksum::internet_checksum(&packet[..20]);
            packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        }
        packet
    };
    let mut bad_udp = good.clone();
    bad_udp[26] = 1;
    let from = |source: [u8; 4]| ip4(source.into(), four(1), IpProtocol::UDP, &udp(1, 2, &[]));
    for (packet, error) in [
        (good.clone(), Error::Udp4NoListener),
        (changed(10, 0xde, false), Error::Ip4BadChecksum),
        (changed(8, 0, true), Error::Ip4TimeExpired),
        (changed(3, 200, true), Error::Ip4BadLength),
        (changed(3, 19, true), Error::Ip4TooShort),
        (changed(0, 0x55, true), Error::Ip4Version),
        (changed(0, 0x44, true), Error::Ip4HeaderTooShort),
        (changed(7, 1, true), Error::Ip4FragmentOffsetOne),
        (changed(9, 89, true), Error::Ip4UnknownProtocol),
        (changed(16, 224, true), Error::Ip4RpfFailure),
        (bad_udp, Error::Ip4UdpChecksum),
        (from([203, 0, 113, 1]), Error::Ip4SourceLookupMiss),
        (from(four(1).octets()), Error::Ip4Spoofed),
        (good[..19].to_vec(), Error::Ip4TooShort),
    ] {
        let bytes = link(2, station(1), 0x0800, &packet);
        assert_eq!(
            host.lab.send(host.uplink, &[&bytes]),
            outcome(&[], &[(error, 1)]),
            "{packet:02x?}"
        );
    }
    let good = ip6(six(2), six(1), IpProtocol::UDP, 64, &udp(1, 2, &[]), 6);
    let changed = |place: usize, value: u8| {
        let mut packet = good.clone();
        packet[place] = value;
        packet
    };
    for (packet, error) in [
        (good.clone(), Error::Udp6NoListener),
        (changed(0, 0x50), Error::Ip6Version),
        (changed(7, 0), Error::Ip6TimeExpired),
        (changed(5, 200), Error::Ip6BadLength),
        (changed(6, 89), Error::Ip6UnknownProtocol),
        (changed(47, good[47] ^ 1), Error::Ip6UdpChecksum),
        (good[..39].to_vec(), Error::Ip6TooShort),
        (
            ip6(
                six(2),
                Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 9),
                IpProtocol::UDP,
                64,
                &udp(1, 2, &[]),
                6,
            ),
            Error::Ip6RpfFailure,
        ),
    ] {
        let bytes = link(2, station(1), 0x86dd, &packet);
        assert_eq!(
            host.lab.send(host.uplink, &[&bytes]),
            outcome(&[], &[(error, 1)]),
            "{packet:02x?}"
        );
    }
    // Not for this station.
    let bytes = link(2, station(3), 0x0800, &good);
    assert_eq!(
        host.lab.send(host.uplink, &[&bytes]),
        outcome(&[], &[(Error::EthernetL3MacMismatch, 1)])
    );
}

/// A second network behind host 1.
#[test]
fn packets_go_from_network_to_network() {
    let mut host = Underlay::new(1);
    let inside = host.lab.port();
    let address = InterfaceAddress {
        address: "198.51.100.1".parse().unwrap(),
        len: 24,
    };
    host.lab.tables.add_address(inside, address).unwrap();
    host.lab.tables.set_mtu(inside, 1500, [600, 0]).unwrap();
    let target = "198.51.100.7".parse().unwrap();
    let packet = ip4(four(2), target, IpProtocol::UDP, &udp(1, 2, b"hello"));
    let bytes = link(2, station(1), 0x0800, &packet);
    let came = host.lab.send(host.uplink, &[&bytes]);
    assert_eq!(came.counted, [(Error::Ip4GleanRequestSent, 1)]);
    assert_eq!(came.sent[0].0, inside);

    host.lab.now += std::time::Duration::from_secs(1);
    let neighbour = MacAddr([2, 0, 0, 0, 0, 0x77]);
    host.lab
        .tables
        .add_neighbour(inside, target.into(), neighbour, host.lab.now)
        .unwrap();
    let came = host.lab.send(host.uplink, &[&bytes]);
    assert!(came.counted.is_empty());
    let frame = EthernetView::parse(&came.sent[0].1).unwrap();
    assert_eq!((came.sent[0].0, frame.destination()), (inside, neighbour));
    let view = Ipv4View::parse(frame.payload()).unwrap();
    assert_eq!(view.ttl(), 63);
    assert_eq!(
        weft_packet::checksum::internet_checksum(&frame.payload()[..20]),
        0
    );

    let mut whole = ip4(four(2), target, IpProtocol::UDP, &udp(1, 2, &[0; 1000]));
    whole[6] = 0x40;
    whole[10..12].fill(0);
    let checksum = weft_packet::checksum::internet_checksum(&whole[..20]);
    whole[10..12].copy_from_slice(&checksum.to_be_bytes());
    assert_eq!(
        host.lab
            .send(host.uplink, &[&link(2, station(1), 0x0800, &whole)]),
        outcome(&[], &[(Error::Ip4MtuExceeded, 1)])
    );
}

#[test]
fn of_several_routes_the_best_source_counts() {
    let mut host = Underlay::new(1);
    let prefix = IpPrefix::new("203.0.113.0".parse().unwrap(), 24).unwrap();
    let source = |priority, id| FibSource { priority, id };
    let via = |number: u8| RoutePath {
        kind: PathKind::Normal,
        interface: Some(host.uplink),
        next_hop: Some(four(number).into()),
    };
    for (own, number) in [(source(0x80, 3), 20), (source(0x40, 4), 21)] {
        let route = Route {
            prefix,
            source: own,
            path: via(number),
        };
        host.lab.tables.set_route(route).unwrap();
    }
    let asked = |host: &mut Underlay| {
        let packet = ip4(
            four(2),
            "203.0.113.5".parse().unwrap(),
            IpProtocol::UDP,
            &udp(1, 2, &[]),
        );
        host.lab.now += std::time::Duration::from_secs(1);
        let came = host
            .lab
            .send(host.uplink, &[&link(2, station(1), 0x0800, &packet)]);
        ArpView::parse(&came.sent[0].1[14..]).unwrap().target_ip()
    };
    assert_eq!(asked(&mut host), four(21));
    assert!(host.lab.tables.delete_route(prefix, source(0x40, 4)));
    assert!(!host.lab.tables.delete_route(prefix, source(0x40, 4)));
    assert_eq!(asked(&mut host), four(20));
}

#[test]
fn an_address_may_be_given_once() {
    let mut host = Underlay::new(1);
    let other = host.lab.port();
    let own = InterfaceAddress {
        address: four(1).into(),
        len: 24,
    };
    let overlapping = InterfaceAddress {
        address: four(9).into(),
        len: 25,
    };
    let tables = &mut host.lab.tables;
    assert_eq!(
        tables.add_address(host.uplink, own),
        Err(TableError::DuplicateAddress(own.address))
    );
    assert_eq!(
        tables.add_address(other, overlapping),
        Err(TableError::AddressInUse(overlapping.address))
    );
    assert_eq!(
        tables.delete_address(other, own),
        Err(TableError::NoAddress(own.address))
    );
    tables.delete_address(host.uplink, own).unwrap();
    tables.add_address(other, overlapping).unwrap();
    assert_eq!(tables.addresses(other), [overlapping]);
    // What is without IPv4 now says so.
    assert_eq!(
        host.lab.send(host.uplink, &[&arp_request(2, four(1))]),
        outcome(&[], &[(Error::ArpDisabled, 1)])
    );
}

#[test]
fn an_interface_that_goes_down_forgets_its_neighbours() {
    let mut host = Underlay::new(1);
    host.meet(1, 2);
    assert_eq!(host.lab.tables.neighbours().count(), 2);
    host.lab.tables.set_admin_up(host.uplink, false).unwrap();
    assert_eq!(host.lab.tables.neighbours().count(), 0);
    host.lab.tables.delete_interface(host.uplink).unwrap();
    assert_eq!(host.lab.tables.fib_entries().len(), 7, "the special ones");
    let member = host.lab.member(0);
    host.lab.send(member, &[&frame(3, 4)]);
}

/// The fragments of a datagram to a closed port, cut so.
fn fragments(sizes: &[usize]) -> Vec<Vec<u8>> {
    let whole = udp(1, 2, &[7; 1000]);
    let mut at = 0;
    let mut all = Vec::new();
    for size in sizes {
        let end = (at + size).min(whole.len());
        let mut packet = ip4(four(2), four(1), IpProtocol::UDP, &whole[at..end]);
        let more = if end == whole.len() { 0 } else { 0x2000 };
        let place = (at / 8) as u16 | more;
        packet[6..8].copy_from_slice(&place.to_be_bytes());
        packet[10..12].fill(0);
        let checksum = weft_packet::checksum::internet_checksum(&packet[..20]);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        all.push(link(2, station(1), 0x0800, &packet));
        at = end;
    }
    all
}

#[test]
fn fragments_that_are_not_right_have_their_counters() {
    let count = |host: &Underlay, error: Error| {
        let errors = host.lab.tables.errors();
        let found = errors.iter().find(|own| own.error == error);
        found.map_or(0, |own| own.count)
    };
    let mut host = Underlay::new(1);
    host.meet(1, 2);
    let all = fragments(&[400, 400, 400]);
    let pieces: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    // With what a short frame is filled up with.
    let mut padded = all[2].clone();
    padded.extend_from_slice(&[0; 9]);
    host.lab
        .send_fragments(host.uplink, &[&padded, pieces[0], pieces[1]]);
    assert_eq!(count(&host, Error::Udp4NoListener), 1);
    assert_eq!(count(&host, Error::Ip4ReassFragments), 3);
    // Twice the same, then nothing more.
    host.lab
        .send_fragments(host.uplink, &[pieces[0], pieces[0]]);
    assert_eq!(count(&host, Error::Ip4ReassDuplicate), 1);
    host.lab.wait(std::time::Duration::from_millis(300));
    assert_eq!(count(&host, Error::Ip4ReassTimeout), 1);
    // Too many.
    let many = fragments(&[200; 6]);
    let many: Vec<&[u8]> = many.iter().map(Vec::as_slice).collect();
    host.lab.send_fragments(host.uplink, &many[..4]);
    assert_eq!(count(&host, Error::Ip4ReassTooLong), 4);
    // Not a multiple of eight, though others follow.
    let odd = fragments(&[401, 400]);
    host.lab.send_fragments(host.uplink, &[&odd[0]]);
    assert_eq!(count(&host, Error::Ip4ReassMalformed), 1);
    host.lab.wait(std::time::Duration::from_millis(300));
    assert_eq!(host.lab.pool.stats().free, crate::lab::BUFFERS);
}
