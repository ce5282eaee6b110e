//! Ports in layer-3 mode: everything is dropped, under the name that VPP would use.

use weft_graph::Error;

use crate::lab::{Lab, Q, frame, outcome, tagged};

fn with_type(mut packet: Vec<u8>, ethertype: u16) -> Vec<u8> {
    packet[12..14].copy_from_slice(&ethertype.to_be_bytes());
    packet
}

#[test]
fn each_kind_of_packet_has_its_counter() {
    let mut lab = Lab::new();
    let port = lab.port();
    // The port's own address ends in 0xff.
    let own = frame(1, 0xff);
    for (packet, error) in [
        (own.clone(), Error::Ip4NotEnabled),
        (with_type(own.clone(), 0x86dd), Error::Ip6NotEnabled),
        (with_type(frame(1, 0), 0x0806), Error::ArpDisabled),
        (with_type(own.clone(), 0x9999), Error::EthernetUnknownType),
        (frame(1, 2), Error::EthernetL3MacMismatch),
        (tagged(1, 0xff, &[(Q, 5)]), Error::EthernetUnknownVlan),
        (tagged(1, 0xff, &[(Q, 0)]), Error::Ip4NotEnabled),
        (vec![0; 13], Error::EthernetTooShort),
        (
            tagged(1, 0xff, &[(Q, 5)])[..17].to_vec(),
            Error::EthernetTooShort,
        ),
        (
            tagged(1, 0xff, &[(Q, 5), (Q, 6)])[..21].to_vec(),
            Error::EthernetTooShort,
        ),
    ] {
        assert_eq!(
            lab.send(port, &[&packet]),
            outcome(&[], &[(error, 1)]),
            "{packet:02x?}"
        );
    }
    let totals = lab.tables.interface_totals(port).unwrap();
    assert_eq!((totals.rx_packets, totals.drops, totals.punts), (10, 8, 2));
}

#[test]
fn a_port_that_is_down_receives_nothing() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.tables.set_admin_up(a, false).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 0)]),
        outcome(&[], &[(Error::EthernetDown, 1)])
    );
}

#[test]
fn a_trunk_with_layer_2_users_does_not_filter_addresses() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.vlan_member(trunk, 100);
    assert_eq!(
        lab.send(trunk, &[&frame(1, 2)]),
        outcome(&[], &[(Error::Ip4NotEnabled, 1)])
    );
}
