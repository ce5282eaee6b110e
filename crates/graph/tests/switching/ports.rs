//! Counters of interfaces, and states of ports on output.

use weft_graph::{Error, InterfaceTotals};

use crate::lab::{Lab, Q, frame, outcome, tagged};

#[test]
fn port_and_sub_interface_both_count() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.vlan_member(trunk, 100);
    let access = lab.member(0);
    let up = frame(1, 0);
    let down = tagged(2, 1, &[(Q, 100)]);
    lab.send(access, &[&up]);
    lab.send(trunk, &[&down]);
    let (short, long) = (up.len() as u64, down.len() as u64);
    let both = InterfaceTotals {
        rx_packets: 1,
        rx_bytes: long,
        tx_packets: 1,
        tx_bytes: long,
        ..InterfaceTotals::default()
    };
    assert_eq!(lab.tables.interface_totals(trunk), Ok(both));
    assert_eq!(lab.tables.interface_totals(sub), Ok(both));
    let untagged = InterfaceTotals {
        rx_bytes: short,
        tx_bytes: short,
        ..both
    };
    assert_eq!(lab.tables.interface_totals(access), Ok(untagged));
}

#[test]
fn drops_count_where_the_packet_came_in() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.vlan_member(trunk, 100);
    let lonely = tagged(1, 0, &[(Q, 100)]);
    let found = lab.send(trunk, &[&lonely, &lonely]);
    assert_eq!(
        found.counted,
        [(Error::L2LearnMiss, 1), (Error::L2FloodNoMembers, 2)]
    );
    assert_eq!(lab.tables.interface_totals(sub).unwrap().drops, 2);
    assert_eq!(lab.tables.interface_totals(trunk).unwrap().drops, 2);
}

#[test]
fn a_port_without_link_does_not_send() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables.set_link_up(b, false).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(1, 0)]),
        outcome(&[], &[(Error::L2LearnMiss, 1), (Error::InterfaceDown, 1)])
    );
    assert_eq!(lab.tables.interface_totals(b).unwrap().tx_error, 1);
    assert_eq!(lab.tables.interface_totals(a).unwrap().drops, 1);
    assert_eq!(
        lab.send(b, &[&frame(2, 1)]).sent.len(),
        1,
        "what it hears is still taken, as in VPP"
    );
}

#[test]
fn what_ports_report_is_counted() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.tables.publish();
    lab.graph.refresh();
    lab.graph.count_rx_no_buffer(a, 3);
    lab.graph.count_rx_error(a, 4);
    lab.graph.count_tx_error(a, 5);
    let totals = lab.tables.interface_totals(a).unwrap();
    assert_eq!(
        (totals.rx_no_buffer, totals.rx_error, totals.tx_error),
        (3, 4, 5)
    );
}
