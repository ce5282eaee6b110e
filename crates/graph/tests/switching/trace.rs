//! Packet trace and runtime figures.

use weft_graph::{DeviceClass, Error, NodeId, StreamConfig};

use crate::lab::{Lab, Q, frame, mac, tagged};

fn nodes(lab: &Lab, at: usize) -> Vec<&'static str> {
    lab.tables.traces()[at]
        .records
        .iter()
        .map(|(node, _)| node.name())
        .collect()
}

#[test]
fn as_many_packets_as_asked_for_are_traced_through_all_nodes() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.vlan_member(trunk, 100);
    let access = lab.member(0);
    lab.tables.trace_add(NodeId::TapInput, 2);
    let wire = tagged(1, 2, &[(Q, 100)]);
    lab.send(trunk, &[&wire]);
    lab.send(access, &[&frame(2, 1), &frame(2, 1)]);
    assert_eq!(lab.tables.traces().len(), 2);
    assert_eq!(
        nodes(&lab, 0),
        [
            "tap-input",
            "ethernet-input",
            "l2-input",
            "l2-input-vtr",
            "l2-learn",
            "l2-fwd",
            "l2-flood",
            "l2-output",
            "interface-output"
        ]
    );
    assert_eq!(
        nodes(&lab, 1),
        [
            "tap-input",
            "ethernet-input",
            "l2-input",
            "l2-learn",
            "l2-fwd",
            "l2-output",
            "interface-output"
        ]
    );
    let text = lab.tables.traces()[0].to_string();
    assert!(
        text.contains("IP4: 02:00:00:00:00:01 -> 02:00:00:00:00:02 802.1q vlan 100"),
        "{text}"
    );
    assert!(
        text.contains("l2-fwd:   sw_if_index 1 dst 02:00:00:00:00:02"),
        "{text}"
    );
    assert!(
        text.contains("[l2-input-vtr l2-learn l2-fwd l2-flood l2-flood ]"),
        "{text}"
    );
    lab.tables.clear_traces();
    lab.send(trunk, &[&wire]);
    assert!(lab.tables.traces().is_empty());
}

#[test]
fn the_trace_of_a_dropped_packet_ends_with_the_reason() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.tables.trace_add(NodeId::TapInput, 1);
    lab.send(trunk, &[&tagged(1, 2, &[(Q, 100)])]);
    let traces = lab.tables.traces();
    let (node, record) = traces[0].records.last().unwrap();
    assert_eq!(*node, NodeId::ErrorDrop);
    assert_eq!(
        record.to_string(),
        "rx: sw_if_index 0\nethernet-input: unknown vlan"
    );
}

#[test]
fn the_generator_sends_its_limit() {
    let mut lab = Lab::new();
    let source = lab
        .tables
        .add_port("pg0", DeviceClass::PacketGenerator, mac(0xf0), 9000);
    lab.tables.set_admin_up(source, true).unwrap();
    lab.tables.set_link_up(source, true).unwrap();
    lab.tables
        .set_l2_bridge(source, crate::lab::BD, weft_graph::PortType::Normal, 0)
        .unwrap();
    let sink = lab.member(0);
    lab.learn(sink, 2);
    let config = StreamConfig {
        name: "s".to_owned(),
        rx: source,
        packets: vec![frame(1, 2), frame(3, 2)],
        limit: Some(1000),
        worker: 0,
    };
    lab.tables.set_stream(config).unwrap();
    lab.tables.publish();
    assert!(!lab.graph.run(&mut lab.pool, lab.now), "not enabled");
    lab.tables.enable_stream(Some("s"), true);
    let mut sent = 0;
    while lab.graph.run(&mut lab.pool, lab.now) {
        let pool = &mut lab.pool;
        lab.graph.drain_tx(|port, packets| {
            assert_eq!(port, sink);
            sent += packets.len();
            pool.free_many(packets);
        });
    }
    assert_eq!(sent, 1000);
    assert_eq!(lab.tables.stream_sent("s"), Some(1000));
    assert_eq!(
        lab.tables.interface_totals(source).unwrap().rx_packets,
        1000
    );
    let runtime = lab.tables.runtime();
    let input = runtime
        .iter()
        .find(|own| own.node == NodeId::PgInput)
        .unwrap();
    assert_eq!((input.calls, input.vectors), (4, 1000));
    let fwd = runtime
        .iter()
        .find(|own| own.node == NodeId::L2Fwd)
        .unwrap();
    assert_eq!(fwd.vectors, 1001);
    assert!(fwd.vectors_per_call() > 200.0);
}

#[test]
fn counters_are_named_as_in_vpp() {
    let named: Vec<_> = Error::ALL
        .iter()
        .map(|error| (error.node(), error.name()))
        .collect();
    let mut unique = named.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), named.len(), "a name twice in one node");
    assert_eq!(Error::L2LearnMiss.description(), "L2 learn misses");
    assert_eq!(NodeId::from_name("l2-fwd"), Some(NodeId::L2Fwd));
    assert_eq!(NodeId::from_name("l2-forward"), None);
}
