//! Flags of bridge domains and members, cross-connects.

use weft_graph::{BdFlags, Error, L2Flags, MacTarget, PortType};

use crate::lab::{BD, Lab, frame, mac, outcome};

#[test]
fn without_flood_broadcast_is_dropped() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.learn(a, 1);
    let flags = BdFlags {
        flood: false,
        ..BdFlags::DEFAULT
    };
    lab.tables.set_bd_flags(BD, flags).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 0)]),
        outcome(&[], &[(Error::FeatureBitmapDrop, 1)])
    );
}

#[test]
fn without_learn_nothing_is_learned_and_all_is_flooded() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables
        .set_bd_flags(
            BD,
            BdFlags {
                learn: false,
                ..BdFlags::DEFAULT
            },
        )
        .unwrap();
    let question = frame(1, 2);
    assert_eq!(lab.send(a, &[&question]), outcome(&[(b, &question)], &[]));
    assert_eq!(lab.tables.macs(None), []);
}

#[test]
fn without_forward_unicast_goes_to_the_unknown_unicast_flood() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    lab.tables
        .set_bd_flags(
            BD,
            BdFlags {
                forward: false,
                ..BdFlags::DEFAULT
            },
        )
        .unwrap();
    let question = frame(1, 2);
    assert_eq!(
        lab.send(a, &[&question]),
        outcome(&[(b, &question), (c, &question)], &[]),
        "with no forwarding the next feature floods"
    );
}

#[test]
fn a_member_without_learn_teaches_nothing() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables
        .set_l2_flags(
            a,
            L2Flags {
                learn: false,
                ..L2Flags::ALL
            },
        )
        .unwrap();
    let question = frame(1, 9);
    assert_eq!(lab.send(a, &[&question]), outcome(&[(b, &question)], &[]));
    let other = frame(2, 9);
    assert_eq!(
        lab.send(b, &[&other]),
        outcome(&[(a, &other)], &[(Error::L2LearnMiss, 1)])
    );
}

#[test]
fn arp_termination_lets_packets_pass() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.learn(a, 1);
    lab.tables
        .set_bd_flags(
            BD,
            BdFlags {
                arp_term: true,
                ..BdFlags::DEFAULT
            },
        )
        .unwrap();
    let mut arp = frame(1, 0);
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(lab.send(a, &[&arp]), outcome(&[(b, &arp)], &[]));
}

#[test]
fn a_cross_connect_sends_everything_to_its_peer() {
    let mut lab = Lab::new();
    let [a, b] = [lab.port(), lab.port()];
    lab.tables.set_l2_xconnect(a, b).unwrap();
    lab.tables.set_l2_xconnect(b, a).unwrap();
    for packet in [frame(1, 2), frame(1, 0), frame(1, 1)] {
        assert_eq!(lab.send(a, &[&packet]), outcome(&[(b, &packet)], &[]));
        assert_eq!(lab.send(b, &[&packet]), outcome(&[(a, &packet)], &[]));
    }
    assert_eq!(lab.tables.macs(None), []);
    lab.tables.delete_interface(b).unwrap();
    assert!(
        !lab.tables.interface(a).unwrap().mode.is_l2(),
        "the peer goes back to layer 3"
    );
}

#[test]
fn a_cross_connect_to_a_port_not_in_layer_2_drops() {
    let mut lab = Lab::new();
    let [a, b] = [lab.port(), lab.port()];
    lab.tables.set_l2_xconnect(a, b).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2OutputMappingDrop, 1)])
    );
}

#[test]
fn a_static_address_on_a_port_that_left_layer_2_is_told_apart() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.learn(a, 1);
    lab.tables
        .add_mac(BD, mac(2), MacTarget::StaticInterface(b))
        .unwrap();
    lab.tables.set_l3(b).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2OutputBadInterface, 1)])
    );
    lab.tables.delete_interface(b).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2OutputBadInterface, 1)])
    );
}

#[test]
fn flags_of_a_member_start_anew_with_its_bridge_domain() {
    let (mut lab, [a]) = Lab::with_members();
    lab.tables
        .set_l2_flags(
            a,
            L2Flags {
                flood: false,
                ..L2Flags::ALL
            },
        )
        .unwrap();
    lab.tables
        .set_l2_bridge(a, BD, PortType::Normal, 3)
        .unwrap();
    assert_eq!(lab.tables.interface(a).unwrap().flags, L2Flags::ALL);
}
