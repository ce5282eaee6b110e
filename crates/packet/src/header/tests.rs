use proptest::prelude::*;

use super::*;

#[test]
fn tags_are_read_outer_first() {
    let mut frame = vec![0; 12];
    frame.extend_from_slice(&[
        0x88, 0xa8, 0x60, 0x0a, 0x81, 0x00, 0x00, 0x14, 0x08, 0x06, 1, 2,
    ]);
    let mut tags = Vec::new();
    let (ethertype, payload) = vlan_tags(&frame, |tag| tags.push(tag)).unwrap();
    assert_eq!(ethertype, EtherType::ARP);
    assert_eq!(payload, [1, 2]);
    assert_eq!(tags.len(), 2);
    assert_eq!(
        (tags[0].tpid, tags[0].vlan_id(), tags[0].priority()),
        (EtherType::DOT1AD, 10, 3)
    );
    assert_eq!(
        (tags[1].tpid, tags[1].vlan_id(), tags[1].priority()),
        (EtherType::DOT1Q, 20, 0)
    );
    assert!(
        vlan_tags(&frame[..19], |_| ()).is_none(),
        "ends within the inner tag"
    );
}

#[test]
fn arp_request() {
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, 1];
    packet.extend_from_slice(&[2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2]);
    let view = ArpView::parse(&packet).unwrap();
    assert_eq!(view.operation(), ArpOperation::Request);
    assert_eq!(view.sender_mac(), MacAddr([2, 0, 0, 0, 0, 1]));
    assert_eq!(view.sender_ip().to_string(), "10.0.0.1");
    assert_eq!(view.target_ip().to_string(), "10.0.0.2");
    packet[4] = 8;
    assert!(
        ArpView::parse(&packet).is_none(),
        "hardware addresses of another length"
    );
}

#[test]
fn ipv6_extension_headers_are_passed_over() {
    let mut packet = vec![0x60, 0, 0, 0, 0, 28, 0, 64];
    packet.extend_from_slice(&[0; 32]);
    packet.extend_from_slice(&[43, 0, 0, 0, 0, 0, 0, 0]); // hop-by-hop, then routing
    packet.extend_from_slice(&[17, 0, 0, 0, 0, 0, 0, 0]); // routing, then UDP
    packet.extend_from_slice(&[0, 53, 0, 54, 0, 8, 0, 0]);
    let (protocol, rest) = Ipv6View::parse(&packet).unwrap().upper_layer().unwrap();
    assert_eq!(protocol, IpProtocol::UDP);
    let udp = UdpView::parse(rest).unwrap();
    assert_eq!((udp.source_port(), udp.destination_port()), (53, 54));
}

#[test]
fn a_header_longer_than_its_packet_is_none() {
    let mut packet = [0; 24];
    packet[0] = 0x46;
    assert!(Ipv4View::parse(&packet).is_some());
    packet[0] = 0x47;
    assert!(
        Ipv4View::parse(&packet).is_none(),
        "28 bytes of header in 24"
    );
    packet[0] = 0x44;
    assert!(Ipv4View::parse(&packet).is_none(), "a header of 16 bytes");
}

proptest! {
    /// No view reads outside its bytes, whatever they are.
    #[test]
    fn any_bytes_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = vlan_tags(&bytes, |_| ());
        let _ = ArpView::parse(&bytes).map(|view| (view.operation(), view.target_ip()));
        let _ = Ipv4View::parse(&bytes).map(|view| view.payload().len());
        let _ = Ipv6View::parse(&bytes).map(|view| view.upper_layer());
        let _ = TcpView::parse(&bytes).map(|view| view.header_len());
        let _ = UdpView::parse(&bytes);
        let _ = IcmpView::parse(&bytes);
    }
}

#[test]
fn built_headers_read_back() {
    let (a, b) = (MacAddr([2, 0, 0, 0, 0, 1]), MacAddr([2, 0, 0, 0, 0, 2]));
    let (ip, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
    let arp = ArpView::build(ArpOperation::Reply, (a, ip), (b, other));
    let view = ArpView::parse(&arp).unwrap();
    assert_eq!(view.operation(), ArpOperation::Reply);
    assert_eq!((view.sender_mac(), view.sender_ip()), (a, ip));
    assert_eq!((view.target_mac(), view.target_ip()), (b, other));

    let target = "2001:db8::1".parse().unwrap();
    for message in [
        NeighborMessage::Solicitation,
        NeighborMessage::Advertisement,
    ] {
        let bytes = NeighborView::build(message, target, a);
        let view = NeighborView::parse(&bytes).unwrap();
        assert_eq!((view.message(), view.target()), (message, target));
        assert_eq!(view.link_layer_address(), Some(a));
        // Without the option, and with that of the other message.
        assert_eq!(
            NeighborView::parse(&bytes[..24])
                .unwrap()
                .link_layer_address(),
            None
        );
        let mut foreign = bytes;
        foreign[24] ^= 3;
        assert_eq!(
            NeighborView::parse(&foreign).unwrap().link_layer_address(),
            None
        );
    }

    let vni = Vni::new(0x12_3456).unwrap();
    assert_eq!(VxlanView::build(vni), [8, 0, 0, 0, 0x12, 0x34, 0x56, 0]);
    assert_eq!(
        VxlanGpeView::build(vni, VxlanGpeProtocol::ETHERNET),
        [0x0c, 0, 0, 3, 0x12, 0x34, 0x56, 0]
    );
    assert_eq!(Vni::new(1 << 24), None);
}

/// RFC 7348 §5 and draft-ietf-nvo3-vxlan-gpe-12 §3: which flags are taken.
#[test]
fn flags_of_tunnel_headers() {
    let header = |flags: u8, protocol: u8| [flags, 0, 0, protocol, 0, 0, 5, 0];
    for (flags, vxlan, gpe) in [
        (0x08, true, true),
        (0x0c, false, true),
        (0x0d, false, true),
        (0x00, false, false),
        (0x04, false, false),
        (0x1c, false, false),
        (0x88, false, true),
    ] {
        let bytes = header(flags, 3);
        let view = VxlanView::parse(&bytes).unwrap();
        assert_eq!(view.has_valid_flags(), vxlan, "{flags:#x}");
        assert_eq!(view.vni().get(), 5);
        let view = VxlanGpeView::parse(&bytes).unwrap();
        assert_eq!(view.has_valid_flags(), gpe, "{flags:#x}");
    }
    let plain = header(0x08, 1);
    let view = VxlanGpeView::parse(&plain).unwrap();
    assert_eq!(view.protocol(), VxlanGpeProtocol::ETHERNET);
    let with_protocol = header(0x0c, 1);
    let view = VxlanGpeView::parse(&with_protocol).unwrap();
    assert_eq!(view.protocol(), VxlanGpeProtocol(1));
    assert!(VxlanView::parse(&[0; 7]).is_none());
}
