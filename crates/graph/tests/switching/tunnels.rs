//! VXLAN and VXLAN-GPE between two switches, byte for byte, and what does not get through.

use std::net::IpAddr;

use proptest::prelude::*;
use weft_graph::{Encapsulation, Error, SwIfIndex};
use weft_packet::{
    BufferPool, Flags, GsoType, Offload, PartialChecksum,
    checksum::Sum,
    gro::{Joins, join},
    header::{IpProtocol, VxlanGpeView, VxlanView},
};

use crate::{
    lab::{Lab, frame, outcome},
    underlay::{Underlay, four, ip4, link, outer, six, station, udp},
};

const ALL: [(Encapsulation, bool); 4] = [
    (Encapsulation::Vxlan, false),
    (Encapsulation::Vxlan, true),
    (Encapsulation::VxlanGpe, false),
    (Encapsulation::VxlanGpe, true),
];

/// Host 1 with a member and a tunnel to host 2, which it knows.
fn host(encapsulation: Encapsulation, is_ip6: bool) -> (Underlay, SwIfIndex, SwIfIndex) {
    let mut host = Underlay::new(1);
    let member = host.lab.member(0);
    let tunnel = host.tunnel(encapsulation, is_ip6, [1, 2], 7);
    host.meet(1, 2);
    (host, member, tunnel)
}

/// Counters of a frame that was flooded into the tunnel.
fn encapsulated(encapsulation: Encapsulation, is_ip6: bool) -> Error {
    match (encapsulation, is_ip6) {
        (Encapsulation::Vxlan, false) => Error::Vxlan4Encapsulated,
        (Encapsulation::Vxlan, true) => Error::Vxlan6Encapsulated,
        (Encapsulation::VxlanGpe, _) => Error::VxlanGpeEncapsulated,
    }
}

fn decapsulated(encapsulation: Encapsulation, is_ip6: bool) -> Error {
    match (encapsulation, is_ip6) {
        (Encapsulation::Vxlan, false) => Error::Vxlan4Decapsulated,
        (Encapsulation::Vxlan, true) => Error::Vxlan6Decapsulated,
        (Encapsulation::VxlanGpe, false) => Error::VxlanGpe4Decapsulated,
        (Encapsulation::VxlanGpe, true) => Error::VxlanGpe6Decapsulated,
    }
}

#[test]
fn a_frame_crosses_from_host_to_host() {
    for (encapsulation, is_ip6) in ALL {
        let (mut one, member, tunnel) = host(encapsulation, is_ip6);
        let sent = frame(3, 4);
        let came = one.lab.send(member, &[&sent]);
        assert_eq!(
            came.counted,
            [
                (Error::L2LearnMiss, 1),
                (encapsulated(encapsulation, is_ip6), 1)
            ],
            "{encapsulation:?} {is_ip6}"
        );
        let [(port, bytes)] = &came.sent[..] else {
            panic!("one packet: {came:?}");
        };
        assert_eq!(*port, one.uplink);
        let parts = outer(bytes);
        assert_eq!(parts.link.source(), station(1));
        assert_eq!(parts.link.destination(), station(2));
        let (source, destination, hops): (IpAddr, IpAddr, u8) = if is_ip6 {
            (six(1).into(), six(2).into(), 254)
        } else {
            (four(1).into(), four(2).into(), 253)
        };
        assert_eq!(
            (parts.source, parts.destination, parts.hops),
            (source, destination, hops)
        );
        assert!(parts.udp.source_port() >= 49152, "a dynamic port");
        let header = match encapsulation {
            Encapsulation::Vxlan => {
                assert_eq!(parts.udp.destination_port(), 4789);
                [8, 0, 0, 0, 0, 0, 7, 0]
            }
            Encapsulation::VxlanGpe => {
                assert_eq!(parts.udp.destination_port(), 4790);
                [12, 0, 0, 3, 0, 0, 7, 0]
            }
        };
        assert_eq!(parts.udp.checksum() == 0, !is_ip6);
        assert_eq!(parts.content, [&header[..], &sent[..]].concat());
        let totals = one.lab.tables.interface_totals(tunnel).unwrap();
        assert_eq!(
            (totals.tx_packets, totals.tx_bytes),
            (1, bytes.len() as u64 - 14)
        );

        let mut two = Underlay::new(2);
        let far = two.lab.member(0);
        let tunnel = two.tunnel(encapsulation, is_ip6, [2, 1], 7);
        assert_eq!(
            two.lab.send(two.uplink, &[bytes]),
            outcome(&[(far, &sent)], &[(decapsulated(encapsulation, is_ip6), 1)]),
            "tunnels do not learn"
        );
        let totals = two.lab.tables.interface_totals(tunnel).unwrap();
        assert_eq!((totals.rx_packets, totals.rx_bytes), (1, sent.len() as u64));
    }
}

#[test]
fn an_unknown_host_is_asked_for_first() {
    let mut host = Underlay::new(1);
    let member = host.lab.member(0);
    host.tunnel(Encapsulation::Vxlan, false, [1, 2], 7);
    let came = host.lab.send(member, &[&frame(3, 0), &frame(3, 0)]);
    assert_eq!(
        came.counted,
        [
            (Error::L2LearnMiss, 1),
            (Error::Ip4ArpThrottled, 1),
            (Error::Ip4ArpRequestSent, 1),
            (Error::Vxlan4Encapsulated, 2),
        ]
    );
    assert_eq!(
        came.sent,
        [(host.uplink, crate::underlay::arp_request(1, four(2)))]
    );
    host.meet(1, 2);
    let came = host.lab.send(member, &[&frame(3, 0)]);
    assert_eq!(came.counted, [(Error::Vxlan4Encapsulated, 1)]);
    assert_eq!(outer(&came.sent[0].1).link.destination(), station(2));
}

#[test]
fn a_remote_host_behind_a_gateway_is_reached_by_its_route() {
    use weft_graph::{FibSource, IpPrefix, PathKind, Route, RoutePath};
    let mut host = Underlay::new(1);
    let member = host.lab.member(0);
    let tunnel = weft_graph::Tunnel {
        remote: "203.0.113.9".parse().unwrap(),
        encapsulation: Encapsulation::Vxlan,
        local: four(1).into(),
        local_port: 4789,
        remote_port: 4789,
        vni: weft_packet::header::Vni::new(7).unwrap(),
        instance: 0,
    };
    let index = host
        .lab
        .tables
        .add_tunnel("tunnel", tunnel, station(9), 0)
        .unwrap();
    let normal = weft_graph::PortType::Normal;
    host.lab
        .tables
        .set_l2_bridge(index, crate::lab::BD, normal, 1)
        .unwrap();
    let came = host.lab.send(member, &[&frame(3, 0)]);
    assert!(
        came.counted.contains(&(Error::NullNode, 1)),
        "no route: {came:?}"
    );

    let route = Route {
        prefix: IpPrefix::new("0.0.0.0".parse().unwrap(), 0).unwrap(),
        source: FibSource {
            priority: 0x80,
            id: 9,
        },
        path: RoutePath {
            kind: PathKind::Normal,
            interface: None,
            next_hop: Some(four(254).into()),
        },
    };
    host.lab.tables.set_route(route).unwrap();
    host.meet(1, 254);
    let came = host.lab.send(member, &[&frame(3, 0)]);
    let parts = outer(&came.sent[0].1);
    assert_eq!(parts.link.destination(), station(254));
    assert_eq!(parts.destination, IpAddr::from([203, 0, 113, 9]));
}

#[test]
fn a_flow_keeps_its_port_and_flows_have_different_ones() {
    let (mut host, member, _) = host(Encapsulation::Vxlan, false);
    let flow = |port: u16| {
        let content = udp(port, 53, &[0; 32]);
        let packet = ip4(four(77), four(78), IpProtocol::UDP, &content);
        [&[2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 8, 0][..], &packet].concat()
    };
    let mut port_of = |number: u16| {
        let came = host.lab.send(member, &[&flow(number)]);
        outer(&came.sent[0].1).udp.source_port()
    };
    assert_eq!(port_of(1), port_of(1));
    let ports: std::collections::BTreeSet<_> = (0..200).map(&mut port_of).collect();
    assert!(ports.len() > 190, "{} ports of 200 flows", ports.len());
}

#[test]
fn what_belongs_to_no_tunnel_has_a_named_counter() {
    for (encapsulation, is_ip6) in ALL {
        let (mut one, member, _) = host(encapsulation, is_ip6);
        let came = one.lab.send(member, &[&frame(3, 4)]);
        let (_, good) = &came.sent[0];
        let mut two = Underlay::new(2);
        two.lab.member(0);
        two.tunnel(encapsulation, is_ip6, [2, 1], 7);
        let at = if is_ip6 { 14 + 48 } else { 14 + 28 };
        let (foreign, flags) = match (encapsulation, is_ip6) {
            (Encapsulation::Vxlan, false) => (Error::Vxlan4NoSuchTunnel, Error::Vxlan4BadFlags),
            (Encapsulation::Vxlan, true) => (Error::Vxlan6NoSuchTunnel, Error::Vxlan6BadFlags),
            (Encapsulation::VxlanGpe, false) => {
                (Error::VxlanGpe4NoSuchTunnel, Error::VxlanGpe4BadFlags)
            }
            (Encapsulation::VxlanGpe, true) => {
                (Error::VxlanGpe6NoSuchTunnel, Error::VxlanGpe6BadFlags)
            }
        };
        let changed = |place: usize, value: u8| {
            let mut bytes = good.clone();
            bytes[place] = value;
            if is_ip6 {
                // A sum of zero is not looked at.
                bytes[14 + 46..14 + 48].fill(0);
            }
            bytes
        };
        for (bytes, error) in [
            (changed(at + 6, 8), foreign),
            (changed(at, 0), flags),
            // The reserved byte behind the VNI counts as in VPP.
            (changed(at + 7, 1), foreign),
        ] {
            assert_eq!(
                two.lab.send(two.uplink, &[&bytes]),
                outcome(&[], &[(error, 1)]),
                "{encapsulation:?} {is_ip6}"
            );
        }
        if encapsulation == Encapsulation::VxlanGpe {
            let bytes = changed(at + 3, 1);
            let came = two.lab.send(two.uplink, &[&bytes]);
            assert_eq!(came.counted, [(Error::NullNode, 1)], "IPv4 inside");
        }
    }
}

#[test]
fn a_port_without_tunnels_is_closed() {
    let mut host = Underlay::new(1);
    let datagram = udp(5000, 4789, &[8, 0, 0, 0, 0, 0, 7, 0]);
    let packet = ip4(four(2), four(1), IpProtocol::UDP, &datagram);
    let bytes = link(2, station(1), 0x0800, &packet);
    assert_eq!(
        host.lab.send(host.uplink, &[&bytes]),
        outcome(&[], &[(Error::Udp4NoListener, 1)])
    );
}

#[test]
fn a_flood_reaches_each_host_once_and_does_not_come_back() {
    let mut host = Underlay::new(1);
    let (a, b) = (host.lab.member(0), host.lab.member(0));
    for other in 2..5 {
        host.tunnel(Encapsulation::Vxlan, false, [1, other], 7);
        host.meet(1, other);
    }
    let sent = frame(3, 0);
    let came = host.lab.send(a, &[&sent]);
    let mut hosts: Vec<_> = came
        .sent
        .iter()
        .filter(|(port, _)| *port == host.uplink)
        .map(|(_, bytes)| outer(bytes).destination)
        .collect();
    hosts.sort();
    let expected: Vec<IpAddr> = (2..5).map(|other| four(other).into()).collect();
    assert_eq!(hosts, expected);
    assert_eq!(came.sent.len(), 4, "and the other member");

    // What one of them sends goes to local members alone.
    let header = [8, 0, 0, 0, 0, 0, 7, 0];
    let datagram = udp(50_000, 4789, &[&header[..], &sent].concat());
    let packet = ip4(four(3), four(1), IpProtocol::UDP, &datagram);
    let bytes = link(3, station(1), 0x0800, &packet);
    let came = host.lab.send(host.uplink, &[&bytes]);
    assert_eq!(came.sent, [(a, sent.clone()), (b, sent)]);
}

#[test]
fn a_tunnel_to_this_host_itself_carries_nothing() {
    for encapsulation in [Encapsulation::Vxlan, Encapsulation::VxlanGpe] {
        let mut host = Underlay::new(1);
        let member = host.lab.member(0);
        let other = weft_graph::InterfaceAddress {
            address: four(9).into(),
            len: 24,
        };
        host.lab.tables.add_address(host.uplink, other).unwrap();
        host.tunnel(encapsulation, false, [1, 9], 7);
        host.tunnel(encapsulation, false, [9, 1], 7);
        let came = host.lab.send(member, &[&frame(3, 4)]);
        assert!(came.sent.is_empty());
        assert!(came.counted.contains(&(Error::NullNode, 2)), "{came:?}");
    }
}

#[test]
fn a_tunnel_that_goes_gives_its_place_to_another() {
    let (mut host, member, tunnel) = host(Encapsulation::Vxlan, false);
    host.lab.tables.delete_interface(tunnel).unwrap();
    let came = host.lab.send(member, &[&frame(3, 4)]);
    assert!(came.sent.is_empty());
    host.tunnel(Encapsulation::Vxlan, false, [1, 2], 7);
    let came = host.lab.send(member, &[&frame(3, 4)]);
    assert_eq!(came.sent.len(), 1);
}

/// A partial checksum inside stays, and the outer one is right once it is completed.
#[test]
fn a_partial_checksum_goes_through_a_tunnel() {
    for is_ip6 in [false, true] {
        let (mut host, member, _) = host(Encapsulation::Vxlan, is_ip6);
        let mut content = udp(1000, 53, b"seven..");
        let mut sum = Sum::default();
        let addresses = [four(77).octets(), four(78).octets()].concat();
        sum.add_pseudo_header(&addresses, IpProtocol::UDP, content.len() as u32);
        content[6..8].copy_from_slice(&sum.folded().to_be_bytes());
        let packet = ip4(four(77), four(78), IpProtocol::UDP, &content);
        let inner = [&[2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 8, 0][..], &packet].concat();
        let offload = Offload {
            checksum: Some(PartialChecksum {
                start: 34,
                offset: 6,
            }),
            ..Offload::default()
        };
        let came = host.lab.send_with(member, &[&inner], offload);
        // The lab completes it, as a port would.
        let parts = outer(&came.sent[0].1);
        let datagram = &parts.content[8 + 34..];
        let mut sum = Sum::default();
        sum.add_pseudo_header(&addresses, IpProtocol::UDP, datagram.len() as u32);
        sum.add(datagram);
        assert_eq!(sum.folded(), 0xffff, "the inner checksum");
    }
}

#[test]
fn a_super_packet_is_cut_before_it_goes_into_a_tunnel() {
    let (mut host, member, _) = host(Encapsulation::Vxlan, false);
    let mut segment = vec![0; 20];
    segment[12] = 0x50;
    segment[13] = 0x10;
    segment.extend((0..5000_u32).map(|at| at as u8));
    let packet = ip4(four(77), four(78), IpProtocol::TCP, &segment);
    let inner = [&[2, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 3, 8, 0][..], &packet].concat();
    let offload = Offload {
        checksum: Some(PartialChecksum {
            start: 34,
            offset: 16,
        }),
        gso_type: GsoType::TcpV4,
        gso_size: 1000,
        hdr_len: 54,
        ..Offload::default()
    };
    host.lab.tables.publish();
    let outcome = host.lab.send_with_segments(member, &inner, offload);
    assert_eq!(outcome.len(), 5);
    let mut ports = std::collections::BTreeSet::new();
    for (at, bytes) in outcome.iter().enumerate() {
        let parts = outer(bytes);
        ports.insert(parts.udp.source_port());
        let inner = &parts.content[8..];
        assert_eq!(inner.len(), 54 + 1000);
        assert_eq!(inner[54..], segment[20 + at * 1000..20 + (at + 1) * 1000]);
    }
    assert_eq!(ports.len(), 1, "one flow");
}

#[test]
fn datagrams_that_come_joined_are_frames_of_their_own() {
    for (encapsulation, is_ip6) in ALL {
        let (mut one, member, _) = host(encapsulation, is_ip6);
        let frames: Vec<_> = (0..5).map(|_| frame(3, 4)).collect();
        let frames: Vec<_> = frames.iter().map(Vec::as_slice).collect();
        let came = one.lab.send(member, &frames);
        // As a port sends them.
        let mut pool = BufferPool::new(16);
        let datagrams: Vec<_> = came
            .sent
            .iter()
            .map(|(_, bytes)| {
                let packet = pool.alloc_from(bytes).unwrap();
                pool.meta_mut(packet).flags.insert(Flags::ENCAPSULATED);
                packet
            })
            .collect();
        let mut joined = Vec::new();
        join(&mut pool, Joins::Tunnelled(1500), &datagrams, &mut joined);
        assert_eq!(joined.len(), 1, "{encapsulation:?} {is_ip6}");
        let packet = joined[0].packet;
        let bytes: Vec<u8> = pool.segments(packet).flatten().copied().collect();

        let mut two = Underlay::new(2);
        two.lab.member(0);
        let tunnel = two.tunnel(encapsulation, is_ip6, [2, 1], 7);
        two.lab.tables.publish();
        let seen = two
            .lab
            .send_with_segments(two.uplink, &bytes, pool.offload(packet));
        assert_eq!(seen, frames, "{encapsulation:?} {is_ip6}");
        let totals = two.lab.tables.interface_totals(tunnel).unwrap();
        assert_eq!(totals.rx_packets, 5);
    }
}

#[test]
fn a_packet_too_large_for_the_underlay_is_fragmented() {
    let (mut host, member, _) = host(Encapsulation::Vxlan, false);
    host.lab.tables.set_mtu(host.uplink, 1500, [0; 2]).unwrap();
    let mut large = frame(3, 4);
    large.resize(1500, 0xaa);
    let came = host.lab.send(member, &[&large]);
    assert!(came.counted.contains(&(Error::Ip4FragDone, 1)), "{came:?}");
    assert!(came.counted.contains(&(Error::Ip4FragSent, 2)));
    let mut whole = Vec::new();
    let mut fragments: Vec<_> = came.sent.iter().map(|(_, bytes)| bytes.clone()).collect();
    let place = |bytes: &[u8]| u16::from_be_bytes([bytes[20], bytes[21]]) & 0x1fff;
    fragments.sort_by_key(|bytes| place(bytes));
    for bytes in &fragments {
        assert!(bytes.len() <= 1514);
        assert_eq!(weft_packet::checksum::internet_checksum(&bytes[14..34]), 0);
        assert_eq!(bytes[22], 253, "counted down once");
        assert_eq!(usize::from(place(bytes)) * 8, whole.len());
        whole.extend_from_slice(&bytes[34..]);
    }
    assert_eq!(whole.len(), 16 + 1500);
    assert_eq!(whole[16..], large);

    // The other end puts them together again, in whatever order they come.
    let mut two = Underlay::new(2);
    let far = two.lab.member(0);
    two.tunnel(Encapsulation::Vxlan, false, [2, 1], 7);
    for order in [[0, 1], [1, 0]] {
        let came = two
            .lab
            .send_fragments(two.uplink, &order.map(|at| &fragments[at][..]));
        assert_eq!(came, [(far, large.clone())]);
    }

    let (mut host, member, _) = self::host(Encapsulation::Vxlan, true);
    host.lab.tables.set_mtu(host.uplink, 1500, [0; 2]).unwrap();
    let came = host.lab.send(member, &[&large]);
    assert!(
        came.counted.contains(&(Error::Ip6MtuExceeded, 1)),
        "{came:?}"
    );
}

#[test]
fn traces_read_as_those_of_vpp() {
    use weft_graph::NodeId;
    let (mut host, member, _) = host(Encapsulation::Vxlan, false);
    host.lab.tables.trace_add(NodeId::TapInput, 2);
    let sent = frame(3, 4);
    let came = host.lab.send(member, &[&sent]);
    let mut back = came.sent[0].1.clone();
    // The same from the other host.
    let header = [8, 0, 0, 0, 0, 0, 7, 0];
    let datagram = udp(50_000, 4789, &[&header[..], &sent].concat());
    let packet = ip4(four(2), four(1), IpProtocol::UDP, &datagram);
    back.splice(.., link(2, station(1), 0x0800, &packet));
    host.lab.send(host.uplink, &[&back]);
    let traces = host.lab.tables.traces();
    let [out, back] = &traces[..] else {
        panic!("two packets");
    };
    let names = |trace: &weft_graph::PacketTrace| -> Vec<_> {
        trace.records.iter().map(|(node, _)| node.name()).collect()
    };
    assert_eq!(
        names(out),
        [
            "tap-input",
            "ethernet-input",
            "l2-input",
            "l2-learn",
            "l2-fwd",
            "l2-flood",
            "l2-output",
            "vxlan4-encap",
            "ip4-rewrite",
            "interface-output"
        ]
    );
    assert!(
        out.to_string()
            .contains("VXLAN encap to vxlan_tunnel0 vni 7")
    );
    assert_eq!(
        names(back)[..8],
        [
            "tap-input",
            "ethernet-input",
            "ip4-input",
            "ip4-lookup",
            "ip4-receive",
            "ip4-udp-lookup",
            "vxlan4-input",
            "l2-input"
        ]
    );
    let text = back.to_string();
    for line in [
        "UDP: 192.0.2.2 -> 192.0.2.1",
        "UDP: src-port 50000 dst-port 4789",
        "VXLAN decap from vxlan_tunnel0 vni 7 next 1 error 0",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// Hosts with both kinds of tunnels over both families.
fn all_tunnels() -> (Underlay, Lab) {
    let mut host = Underlay::new(1);
    host.lab.member(0);
    for (encapsulation, is_ip6) in ALL {
        host.tunnel(encapsulation, is_ip6, [1, 2], 7);
    }
    host.meet(1, 2);
    (host, Lab::new())
}

proptest! {
    /// Any bytes behind any part of the headers of a packet to a tunnel: no panic, and what does not come
    /// out is counted, which the lab checks.
    #[test]
    fn any_bytes_from_the_underlay_are_handled(
        packets in prop::collection::vec((0_usize..4, 0_usize..64, prop::collection::vec(any::<u8>(), 0..120), any::<bool>()), 1..20)
    ) {
        let (mut host, _) = all_tunnels();
        for (kind, keep, tail, fix) in packets {
            let inner = frame(3, 0x44);
            let (encapsulation, is_ip6) = ALL[kind];
            let content = [&match encapsulation {
                Encapsulation::Vxlan => VxlanView::build(weft_packet::header::Vni::new(7).unwrap()),
                Encapsulation::VxlanGpe => VxlanGpeView::build(
                    weft_packet::header::Vni::new(7).unwrap(),
                    weft_packet::header::VxlanGpeProtocol::ETHERNET,
                ),
            }[..], &inner].concat();
            let port = if encapsulation == Encapsulation::Vxlan { 4789 } else { 4790 };
            let datagram = udp(50_000, port, &content);
            let mut bytes = if is_ip6 {
                link(2, station(1), 0x86dd, &crate::underlay::ip6(six(2), six(1), IpProtocol::UDP, 64, &datagram, 6))
            } else {
                link(2, station(1), 0x0800, &ip4(four(2), four(1), IpProtocol::UDP, &datagram))
            };
            bytes.truncate(14 + keep);
            bytes.extend_from_slice(&tail);
            if fix && !is_ip6 && bytes.len() >= 34 {
                // A right header, so that what is behind is reached.
                let length = (bytes.len() - 14) as u16;
                bytes[14] = 0x45;
                bytes[16..18].copy_from_slice(&length.to_be_bytes());
                bytes[20..22].fill(0);
                bytes[24..26].fill(0);
                let checksum = weft_packet::checksum::internet_checksum(&bytes[14..34]);
                bytes[24..26].copy_from_slice(&checksum.to_be_bytes());
            }
            host.lab.send(host.uplink, &[&bytes]);
        }
    }
}
