//! Traces name list and rule, in VPP's words.

use weft_graph::{AclAction::PermitReflect, NodeId};

use super::packets::tcp;
use super::{filtered, port_rule};

#[test]
fn traces_name_list_and_rule() {
    let (mut lab, [a, _]) = filtered(&[port_rule(PermitReflect, 6, 80, 80)], &[]);
    lab.tables.trace_add(NodeId::TapInput, 3);
    lab.send(
        a,
        &[
            &tcp((1, 2), (1000, 80), 2),
            &tcp((1, 2), (1000, 80), 16),
            &tcp((1, 2), (1000, 81), 2),
        ],
    );
    let traces = lab.tables.traces();
    let lines = |at: usize| -> Vec<String> {
        let own = traces[at]
            .records
            .iter()
            .filter(|(node, _)| *node == NodeId::AclInIp4);
        let record = own.map(|(_, record)| record.to_string()).next().unwrap();
        record.lines().map(str::to_owned).collect()
    };
    assert_eq!(
        lines(0),
        [
            "acl-plugin: lc_index: 0, sw_if_index 0, next index 1, action: 2, match: acl 0 rule 0 trace_bits 00000000",
            "  pkt info 0000000000000000 0000000000000000 0000000000000000 0200000a0100000a 00000106005003e8 0302ffff00000000",
            "   lc_index 0 l3 ip4 10.0.0.1 -> 10.0.0.2 l4 lsb_of_sw_if_index 0 proto 6 l4_is_input 1 l4_slow_path 0 l4_flags 0x01 port 1000 -> 80 tcp flags (valid) 02 rsvd 0",
        ]
    );
    assert_eq!(
        lines(1)[0],
        "acl-plugin: lc_index: -1, sw_if_index 0, next index 1, action: 3, match: acl -1 rule 0 trace_bits 80000000"
    );
    // As in VPP, the packet's own words name no context then.
    let words = "pkt info 0000000000000000 0000000000000000 0000000000000000 0200000a0100000a 00000106005003e8";
    assert!(lines(1)[1].contains(words), "{:?}", lines(1));
    assert!(lines(1)[2].starts_with("   lc_index 0 l3 ip4 "));
    assert_eq!(
        lines(2)[0],
        "acl-plugin: lc_index: 0, sw_if_index 0, next index 0, action: 0, match: acl -1 rule -1 trace_bits 00000000"
    );
    let dropped = traces[2].to_string();
    assert!(
        dropped.contains("acl-plugin-in-ip4-l2: ACL deny packets"),
        "{dropped}"
    );
}
