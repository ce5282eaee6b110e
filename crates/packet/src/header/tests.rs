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
