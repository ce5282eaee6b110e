use super::parse::{Matched, Packet, SourceStep, packets};

/// Five UDP packets from interface 1 in a bridge domain with interface 2, as VPP 26.06 traced them.
/// The lists of interface 1 permit and reflect port 80 (rule 0) and deny a destination (rule 1); its
/// source address is 10.0.0.1.
const VPP: &str = include_str!("vpp.txt");

/// What decided of a packet at each list, and whether it passed.
fn decisions(packet: &Packet) -> Vec<(u32, Matched, bool)> {
    let acls = packet.steps.iter().filter_map(super::parse::Step::acl);
    acls.map(|acl| (acl.sw_if_index, acl.matched, acl.passed))
        .collect()
}

#[test]
fn a_trace_of_vpp_is_understood() {
    let packets = packets(VPP);
    assert_eq!(packets.len(), 5);
    let rule = |acl, rule| Matched::Rule { acl, rule };
    assert_eq!(
        decisions(&packets[0]),
        [(1, rule(0, 0), true), (2, rule(1, 0), true)]
    );
    assert_eq!(packets[0].dropped(), None);
    assert_eq!(packets[0].steps.last().unwrap().node, "pg1-tx");
    assert_eq!(
        packets[0].summary(),
        "10.0.0.1 -> 10.0.0.2 udp port 1234 -> 80"
    );

    assert_eq!(decisions(&packets[1]), [(1, rule(0, 1), false)]);
    assert_eq!(
        packets[1].dropped().unwrap(),
        "acl-plugin-in-ip4-l2: ACL deny packets"
    );
    assert_eq!(decisions(&packets[2]), [(1, Matched::Nothing, false)]);

    let sources = packets[3]
        .steps
        .iter()
        .filter_map(super::parse::Step::source);
    let sources: Vec<SourceStep> = sources.collect();
    let missed = SourceStep {
        sw_if_index: 1,
        passed: false,
    };
    assert_eq!(sources, [missed]);
    assert_eq!(
        packets[3].dropped().unwrap(),
        "l2-input-acl: input ACL table-miss drops"
    );
    assert_eq!(decisions(&packets[4])[0], (1, Matched::Session, true));
}

#[test]
fn packets_are_those_of_an_interface_by_where_they_came_by() {
    let packets = packets(VPP);
    let of = |number| {
        packets
            .iter()
            .filter(|packet| packet.concerns(number))
            .count()
    };
    assert_eq!((of(1), of(2), of(12)), (5, 2, 0));
    assert!(packets[0].steps.iter().any(|step| step.is_from(1)));
    assert!(!packets[0].steps.iter().any(|step| step.is_from(2)));
}

#[test]
fn what_is_no_trace_has_no_packets() {
    let text = "------------------- Start of thread 0 vpp_main -------------------\nNo packets in trace buffer\n";
    assert_eq!(packets(text), []);
    let unknown = "Packet 1\n\n00:00:01:000000: some-node\n  words\n";
    let packets = packets(unknown);
    assert_eq!((packets.len(), packets[0].concerns(1)), (1, false));
    assert_eq!(packets[0].summary(), "a packet");
}

#[test]
fn a_flow_is_told_by_the_names_of_its_protocol() {
    let packet = |l4: &str| {
        let text = format!(
            "Packet 1\n\n00:00:01:000000: acl-plugin-out-ip6-l2\n  acl-plugin: lc_index: 0, sw_if_index 7, next index 0, action: 0, match: acl -1 rule -1 trace_bits 00000000\n   lc_index 0 l3 ip6 non-initial fragment fe80::1 -> ff02::2 l4 lsb_of_sw_if_index 7 {l4} tcp flags (invalid) 00 rsvd 0\n"
        );
        packets(&text)[0].summary()
    };
    assert_eq!(
        packet("proto 58 l4_is_input 0 l4_slow_path 0 l4_flags 0x00 port 133 -> 0"),
        "non-initial fragment fe80::1 -> ff02::2 ipv6-icmp type 133 code 0"
    );
    assert_eq!(
        packet("proto 6 l4_is_input 0 l4_slow_path 0 l4_flags 0x00 port 1 -> 22"),
        "non-initial fragment fe80::1 -> ff02::2 tcp port 1 -> 22"
    );
}
