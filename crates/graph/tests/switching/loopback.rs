//! Loopbacks: not flooded to; what is sent to one comes back as received from it.

use weft_graph::{DeviceClass, Error, MacTarget, PortType};

use crate::lab::{BD, Lab, frame, mac, outcome};

#[test]
fn a_loopback_is_not_flooded_to() {
    let (mut lab, [a]) = Lab::with_members();
    let loopback = lab
        .tables
        .add_port("loop0", DeviceClass::Loopback, mac(0xf0), 9000);
    lab.tables.set_admin_up(loopback, true).unwrap();
    lab.tables.set_link_up(loopback, true).unwrap();
    lab.tables
        .set_l2_bridge(loopback, BD, PortType::Normal, 0)
        .unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 0)]),
        outcome(
            &[],
            &[(Error::L2LearnMiss, 1), (Error::L2FloodNoMembers, 1)]
        )
    );
    lab.tables
        .add_mac(BD, mac(9), MacTarget::StaticInterface(loopback))
        .unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 9)]),
        outcome(
            &[],
            &[(Error::L2LearnMacMove, 1), (Error::L2FwdReflectDrop, 1)]
        ),
        "sent, received again, and its destination is where it came from"
    );
    assert_eq!(lab.tables.interface_totals(loopback).unwrap().tx_packets, 1);
}

#[test]
fn two_cross_connected_loopbacks_do_not_hold_a_worker() {
    let mut lab = Lab::new();
    let [a, b] = ["loop0", "loop1"].map(|name| {
        let own = lab
            .tables
            .add_port(name, DeviceClass::Loopback, mac(0xf0), 9000);
        lab.tables.set_admin_up(own, true).unwrap();
        lab.tables.set_link_up(own, true).unwrap();
        own
    });
    lab.tables.set_l2_xconnect(a, b).unwrap();
    lab.tables.set_l2_xconnect(b, a).unwrap();
    lab.tables.publish();
    let packet = lab.pool.alloc_from(&frame(1, 2)).unwrap();
    lab.graph.input(&mut lab.pool, a, &[packet], lab.now);
    for _ in 0..5 {
        assert!(
            lab.graph.run(&mut lab.pool, lab.now),
            "one turn a run, and more to do"
        );
    }
    lab.tables.set_admin_up(b, false).unwrap();
    lab.tables.publish();
    while lab.graph.run(&mut lab.pool, lab.now) {}
    assert!(lab.graph.is_idle());
    assert_eq!(lab.pool.stats().free, crate::lab::BUFFERS);
}
