//! `show acl-plugin …` against the lines of a running VPP 26.06.

use std::net::Ipv4Addr;

use weft_graph::{
    AclAction, AclDirection, AclPrefixes, AclRule, Ipv4Prefix, MacIpRule, PortRange, SessionTimeout,
};
use weft_packet::header::MacAddr;

use super::{loopback, switch};
use crate::cli::run;
use crate::control::Control;

fn filtered() -> Control {
    let mut control = switch();
    let own = loopback(&mut control, 0);
    let prefix =
        |address: [u8; 4], len| Ipv4Prefix::new(Ipv4Addr::from(address), len).expect("prefix");
    let rule = AclRule {
        action: AclAction::PermitReflect,
        prefixes: AclPrefixes::V4 {
            source: prefix([10, 0, 0, 0], 8),
            destination: prefix([0; 4], 0),
        },
        protocol: 6,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::new(80, 80).expect("one port"),
        tcp_flags_mask: 18,
        tcp_flags_value: 2,
    };
    let tables = &mut control.tables;
    let acl = tables.set_acl(None, b"one", vec![rule]).expect("new");
    let other = tables.set_acl(None, b"", Vec::new()).expect("new");
    for (direction, list) in [
        (AclDirection::Output, vec![acl]),
        (AclDirection::Input, vec![other, acl]),
    ] {
        tables.set_acl_list(own, direction, &list).expect("lists");
    }
    let rule = MacIpRule {
        permit: true,
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        mac_mask: MacAddr([0xff; 6]),
        address: Ipv4Addr::new(10, 0, 0, 1).into(),
        prefix_len: 32,
    };
    let macip = tables.set_macip(None, b"m", vec![rule]).expect("new");
    tables.set_interface_macip(own, Some(macip)).expect("given");
    control
}

#[test]
fn lists_are_shown_as_vpp_shows_them() {
    let mut control = filtered();
    let first = "acl-index 0 count 1 tag {one}\n          \
                 0: ipv4 permit+reflect src 10.0.0.0/8 dst 0.0.0.0/0 proto 6 sport 0-65535 dport 80 tcpflags 2 mask 18\n";
    let applied = "  applied inbound on sw_if_index: 1\n  applied outbound on sw_if_index: 1\n  \
                   used in lookup context index: 0, 1\n";
    assert_eq!(
        run(&mut control, "show acl-plugin acl index 0"),
        Ok([first, applied].concat())
    );
    assert_eq!(
        run(&mut control, "show acl-plugin interface sw_if_index 1 acl"),
        Ok(format!(
            "sw_if_index 1:\n  input acl(s): 1, 0\n\nacl-index 1 count 0 tag {{}}\n{first}\n  output acl(s): 0\n\n{first}\n"
        ))
    );
    assert_eq!(
        run(&mut control, "show acl-plugin lookup context"),
        Ok(
            "index 0:interface ACL sw_if_index: 1 is_input: 0, acl_indices: 0\n\
            index 1:interface ACL sw_if_index: 1 is_input: 1, acl_indices: 1, 0\n"
                .to_owned()
        )
    );
    assert_eq!(
        run(&mut control, "show acl-plugin tables acl index 0").map(|text| text.lines().nth(3).map(str::to_owned)),
        Ok(Some(
            "          0: hitcount 0 bytes 0 ipv4 permit+reflect src 10.0.0.0/8 dst 0.0.0.0/0 proto 6 sport 0-65535 dport 80 tcpflags 2 mask 18".to_owned()
        ))
    );
}

#[test]
fn macip_lists_are_shown_as_vpp_shows_them() {
    let mut control = filtered();
    assert_eq!(
        run(&mut control, "show acl-plugin macip acl"),
        Ok(
            "MACIP acl_index: 0, count: 1 (true len 1) tag {m} is free pool slot: 0\n    \
            rule 0: ipv4 action 1 ip 10.0.0.1/32 mac 02:00:00:00:00:01 mask ff:ff:ff:ff:ff:ff\n  \
            applied on sw_if_index(s): 1\n"
                .to_owned()
        )
    );
    assert_eq!(
        run(&mut control, "show acl-plugin macip interface"),
        Ok("  sw_if_index 0: -1\n  sw_if_index 1: 0\n".to_owned())
    );
}

#[test]
fn settings_take_effect() {
    let mut control = filtered();
    assert_eq!(
        run(
            &mut control,
            "set acl-plugin session timeout tcp transient 7"
        ),
        Ok(String::new())
    );
    assert_eq!(
        control.tables.session_timeout(SessionTimeout::TcpTransient),
        7
    );
    assert_eq!(
        run(&mut control, "set acl-plugin session table max-entries 9"),
        Ok(String::new())
    );
    assert_eq!(control.tables.session_limit(), 9);
    assert_eq!(
        run(&mut control, "set acl-plugin reclassify-sessions 1"),
        Ok(String::new())
    );
    let text = run(&mut control, "show acl-plugin sessions").expect("text");
    assert!(
        text.starts_with("Sessions total: add 0 - del 0 = 0\n"),
        "{text}"
    );
    assert!(text.ends_with("Reclassify sessions: 1\n"), "{text}");
    assert!(
        text.contains("    sw_if_index 1: add 0 - del 0 = 0; epoch chg: 0\n"),
        "{text}"
    );
    assert_eq!(
        run(&mut control, "clear acl-plugin sessions"),
        Ok(String::new())
    );
    assert!(run(&mut control, "set acl-plugin nonsense 1").is_err());
}
