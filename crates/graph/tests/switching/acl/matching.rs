//! Which rule matches which packet.

use std::net::Ipv4Addr;

use weft_graph::{
    AclAction::{Deny, Permit},
    AclDirection, AclError, AclPrefixes, AclRule, AclRuleError, Error, Ipv4Prefix, PortRange,
    RuleMatches,
};

use super::packets::{icmp, ip4, ip6, tcp, transport, udp};
use super::{filtered, passes, port_rule, rule4, rule6};
use crate::lab::{Lab, Q, outcome, tagged};

const AHEAD: (u8, u8) = (1, 2);
const BACK: (u8, u8) = (2, 1);

#[test]
fn without_lists_all_passes_and_with_an_empty_one_nothing_of_ip() {
    let (mut lab, [a, b]) = filtered(&[], &[]);
    let packet = udp(AHEAD, (1, 2));
    assert_eq!(lab.send(a, &[&packet]), outcome(&[(b, &packet)], &[]));
    let empty = lab.tables.set_acl(None, b"", Vec::new()).unwrap();
    lab.tables
        .set_acl_list(a, AclDirection::Input, &[empty])
        .unwrap();
    assert_eq!(
        lab.send(a, &[&packet]),
        outcome(&[], &[(Error::AclInIp4Drop, 1), (Error::AclInIp4Check, 1)])
    );
    let mut arp = packet.clone();
    arp[12..14].copy_from_slice(&[0x08, 0x06]);
    assert_eq!(lab.send(a, &[&arp]), outcome(&[(b, &arp)], &[]));
    let back = udp(BACK, (1, 2));
    assert_eq!(lab.send(b, &[&back]), outcome(&[(a, &back)], &[]));
}

#[test]
fn the_first_rule_that_matches_decides_and_is_counted() {
    let rules = [
        port_rule(Permit, 17, 10, 20),
        port_rule(Deny, 17, 15, 30),
        port_rule(Permit, 17, 30, 30),
        port_rule(Permit, 6, 0, 65535),
    ];
    let (mut lab, [a, b]) = filtered(&rules, &[]);
    for (port, is_let) in [
        (9, false),
        (10, true),
        (15, true),
        (20, true),
        (21, false),
        (30, false),
    ] {
        assert_eq!(
            passes(&mut lab, a, &udp(AHEAD, (1, port))),
            is_let,
            "{port}"
        );
    }
    let packet = tcp(AHEAD, (1, 2), 0);
    assert_eq!(
        lab.send(a, &[&packet]),
        outcome(
            &[(b, &packet)],
            &[(Error::AclInIp4Permit, 1), (Error::AclInIp4Check, 1)]
        )
    );
    let (index, _) = lab.tables.acls().next().unwrap();
    let bytes = packet.len() as u64;
    let counted = |packets| RuleMatches {
        packets,
        bytes: bytes * packets,
    };
    assert_eq!(
        lab.tables.acl_matches(index).unwrap(),
        [counted(3), counted(2), counted(0), counted(1)]
    );
}

#[test]
fn lists_are_looked_at_in_their_order() {
    let (mut lab, [a, _]) = filtered(&[], &[]);
    let deny = lab
        .tables
        .set_acl(None, b"", vec![port_rule(Deny, 17, 5, 5)])
        .unwrap();
    let permit = lab.tables.set_acl(None, b"", vec![rule4(Permit)]).unwrap();
    for (list, is_let) in [([deny, permit], false), ([permit, deny], true)] {
        lab.tables
            .set_acl_list(a, AclDirection::Input, &list)
            .unwrap();
        assert_eq!(passes(&mut lab, a, &udp(AHEAD, (1, 5))), is_let);
        assert!(passes(&mut lab, a, &udp(AHEAD, (1, 6))));
    }
}

#[test]
fn output_lists_are_for_what_is_sent() {
    let (mut lab, [a, b]) = filtered(&[], &[port_rule(Permit, 17, 5, 5)]);
    let (good, bad) = (udp(BACK, (1, 5)), udp(BACK, (1, 6)));
    assert_eq!(
        lab.send(b, &[&good, &bad]),
        outcome(
            &[(a, &good)],
            &[
                (Error::AclOutIp4Drop, 1),
                (Error::AclOutIp4Permit, 1),
                (Error::AclOutIp4Check, 2)
            ]
        )
    );
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 6))));
}

#[test]
fn prefixes_of_both_ends_and_families_are_told_apart() {
    let prefix = |end, len| Ipv4Prefix::new(Ipv4Addr::new(10, 0, 0, end), len).unwrap();
    let rule = AclRule {
        prefixes: AclPrefixes::V4 {
            source: prefix(0, 31),
            destination: prefix(2, 32),
        },
        ..rule4(Permit)
    };
    let (mut lab, [a, b]) = filtered(&[rule], &[rule6(Deny), rule4(Permit)]);
    assert!(passes(&mut lab, a, &udp((1, 2), (0, 0))));
    assert!(!passes(&mut lab, a, &udp((1, 3), (0, 0))));
    assert!(!passes(&mut lab, a, &udp((2, 2), (0, 0))));
    assert!(!passes(&mut lab, a, &ip6(AHEAD, 17, &transport(0, 0, 0))));
    assert!(passes(&mut lab, b, &udp(BACK, (0, 0))));
    assert!(!passes(&mut lab, b, &ip6(BACK, 17, &transport(0, 0, 0))));
}

#[test]
fn ports_are_those_of_tcp_and_udp_alone() {
    for (protocol, has_ports) in [
        (6, true),
        (17, true),
        (132, false),
        (136, false),
        (33, false),
    ] {
        let (mut lab, [a, _]) = filtered(&[port_rule(Permit, protocol, 80, 80)], &[]);
        let packet = ip4(AHEAD, protocol, 0, &transport(1, 80, 0));
        assert_eq!(
            passes(&mut lab, a, &packet),
            has_ports,
            "protocol {protocol}"
        );
        let (mut lab, [a, _]) = filtered(&[port_rule(Permit, protocol, 0, 80)], &[]);
        assert!(passes(&mut lab, a, &packet), "protocol {protocol}");
    }
}

#[test]
fn icmp_types_and_codes_are_of_their_own_family() {
    let rule = |rule: AclRule, protocol, kind, code| AclRule {
        protocol,
        source_ports: PortRange::new(kind, kind).unwrap(),
        destination_ports: PortRange::new(code, code).unwrap(),
        ..rule
    };
    let rules = [
        rule(rule4(Permit), 1, 3, 4),
        rule(rule6(Permit), 58, 135, 0),
    ];
    let (mut lab, [a, _]) = filtered(&rules, &[]);
    assert!(passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(3, 4))));
    assert!(!passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(3, 3))));
    assert!(!passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(8, 4))));
    assert!(passes(&mut lab, a, &ip6(AHEAD, 58, &icmp(135, 0))));
    assert!(!passes(&mut lab, a, &ip6(AHEAD, 58, &icmp(136, 0))));
    assert!(
        !passes(&mut lab, a, &ip6(AHEAD, 1, &icmp(3, 4))),
        "no ICMP in IPv6"
    );
}

#[test]
fn tcp_flags_count_for_tcp_only() {
    let rule = AclRule {
        tcp_flags_mask: 0x12,
        tcp_flags_value: 0x02,
        ..port_rule(Permit, 6, 0, 65535)
    };
    let (mut lab, [a, _]) = filtered(&[rule], &[]);
    assert!(passes(&mut lab, a, &tcp(AHEAD, (1, 2), 0x02)));
    assert!(passes(&mut lab, a, &tcp(AHEAD, (1, 2), 0x03)));
    assert!(!passes(&mut lab, a, &tcp(AHEAD, (1, 2), 0x12)));
    let udp_rule = AclRule {
        protocol: 17,
        ..rule
    };
    let (mut lab, [a, _]) = filtered(&[udp_rule], &[]);
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
}

#[test]
fn later_fragments_match_whatever_the_ports() {
    let rules = [
        port_rule(Deny, 17, 53, 53),
        port_rule(Permit, 17, 0, 65535),
        port_rule(Permit, 6, 80, 80),
    ];
    let (mut lab, [a, _]) = filtered(&rules, &[]);
    let payload = transport(1, 80, 0);
    assert!(
        passes(&mut lab, a, &ip4(AHEAD, 17, 0x2000, &payload)),
        "a first fragment"
    );
    assert!(
        !passes(&mut lab, a, &ip4(AHEAD, 17, 0x0001, &payload)),
        "the deny of port 53"
    );
    assert!(passes(&mut lab, a, &ip4(AHEAD, 6, 0x2001, &payload)));
    assert!(!passes(&mut lab, a, &ip4(AHEAD, 1, 0x0001, &payload)));
}

#[test]
fn what_is_cut_off_matches_rules_without_protocol_only() {
    let short = ip4(AHEAD, 17, 0, &[0, 1, 0, 2, 0, 0, 0]);
    let (mut lab, [a, _]) = filtered(&[port_rule(Permit, 17, 0, 65535)], &[]);
    assert!(!passes(&mut lab, a, &short));
    let (mut lab, [a, _]) = filtered(&[rule4(Permit)], &[]);
    assert!(passes(&mut lab, a, &short));
    assert!(
        !passes(&mut lab, a, &short[..30]),
        "no whole network header"
    );
}

#[test]
fn extension_headers_are_skipped_and_others_are_protocols() {
    let rule = AclRule {
        prefixes: rule6(Permit).prefixes,
        ..port_rule(Permit, 17, 80, 80)
    };
    let (mut lab, [a, _]) = filtered(&[rule], &[]);
    let udp = transport(1, 80, 0);
    let chain = |headers: &[(u8, usize)], last: u8| {
        let mut bytes = Vec::new();
        for (at, (_, length)) in headers.iter().enumerate() {
            let next = headers.get(at + 1).map_or(last, |header| header.0);
            let mut header = vec![0; 8 * (length + 1)];
            header[..2].copy_from_slice(&[next, u8::try_from(*length).unwrap()]);
            bytes.extend(header);
        }
        bytes.extend(&udp);
        bytes
    };
    for kind in [0, 43, 44, 60, 135, 139, 140, 253, 254] {
        // Of the fragment header the second byte is reserved.
        let length = if kind == 44 { 0 } else { 2 };
        assert!(
            passes(
                &mut lab,
                a,
                &ip6(AHEAD, kind, &chain(&[(kind, length)], 17))
            ),
            "{kind}"
        );
    }
    assert!(passes(
        &mut lab,
        a,
        &ip6(AHEAD, 0, &chain(&[(0, 0), (60, 1), (44, 0)], 17))
    ));
    for kind in [50, 51, 59] {
        assert!(
            !passes(&mut lab, a, &ip6(AHEAD, kind, &chain(&[(kind, 0)], 17))),
            "{kind}"
        );
    }
    let later = |next: u8| [&[next, 0, 0, 8, 0, 0, 0, 1][..], &udp].concat();
    assert!(
        passes(&mut lab, a, &ip6(AHEAD, 44, &later(17))),
        "a later fragment"
    );
    assert!(!passes(&mut lab, a, &ip6(AHEAD, 44, &later(6))));
    let endless = [[0u8, 0, 0, 0, 0, 0, 0, 0]; 5].concat();
    assert!(
        !passes(&mut lab, a, &ip6(AHEAD, 0, &endless)),
        "headers to the end"
    );
}

#[test]
fn lists_of_a_sub_interface_see_through_its_tag() {
    let (mut lab, [b]) = Lab::with_members();
    let trunk = lab.port();
    let sub = lab.vlan_member(trunk, 7);
    lab.send(trunk, &[&tagged(1, 0xfe, &[(Q, 7)])]);
    lab.learn(b, 2);
    super::apply(
        &mut lab,
        sub,
        AclDirection::Input,
        &[port_rule(Permit, 17, 5, 5)],
    );
    super::apply(
        &mut lab,
        sub,
        AclDirection::Output,
        &[port_rule(Permit, 17, 6, 6)],
    );
    let with_tag = |packet: Vec<u8>| [&packet[..12], &[0x81, 0, 0, 7], &packet[12..]].concat();
    let packet = udp(AHEAD, (1, 5));
    let permitted = [(Error::AclInIp4Permit, 1), (Error::AclInIp4Check, 1)];
    assert_eq!(
        lab.send(trunk, &[&with_tag(packet.clone())]),
        outcome(&[(b, &packet)], &permitted)
    );
    assert!(!passes(&mut lab, trunk, &with_tag(udp(AHEAD, (1, 6)))));
    let back = udp(BACK, (1, 6));
    let permitted = [(Error::AclOutIp4Permit, 1), (Error::AclOutIp4Check, 1)];
    assert_eq!(
        lab.send(b, &[&back]),
        outcome(&[(trunk, &with_tag(back.clone()))], &permitted)
    );
    assert!(!passes(&mut lab, b, &udp(BACK, (1, 5))));
}

#[test]
fn a_list_is_replaced_for_all_its_interfaces_at_once() {
    let (mut lab, [a, b]) = filtered(&[port_rule(Permit, 17, 5, 5)], &[]);
    let (acl, _) = lab.tables.acls().next().unwrap();
    lab.tables
        .set_acl_list(b, AclDirection::Input, &[acl])
        .unwrap();
    let replaced = lab
        .tables
        .set_acl(Some(acl), b"new", vec![port_rule(Permit, 17, 6, 6)]);
    assert_eq!(replaced, Ok(acl));
    assert_eq!(lab.tables.acl(acl).unwrap().tag, b"new");
    for (port, ends) in [(a, AHEAD), (b, BACK)] {
        assert!(!passes(&mut lab, port, &udp(ends, (1, 5))));
        assert!(passes(&mut lab, port, &udp(ends, (1, 6))));
    }
    let matches = lab.tables.acl_matches(acl).unwrap();
    assert_eq!(matches[0].packets, 2, "counters started anew");
}

#[test]
fn a_list_in_use_stays_and_goes_with_its_interfaces() {
    let (mut lab, [a, b]) = filtered(&[rule4(Permit)], &[]);
    let (acl, _) = lab.tables.acls().next().unwrap();
    lab.tables
        .set_acl_list(b, AclDirection::Output, &[acl])
        .unwrap();
    assert_eq!(lab.tables.delete_acl(acl), Err(AclError::InUseInbound(0)));
    lab.tables.delete_interface(a).unwrap();
    assert_eq!(lab.tables.delete_acl(acl), Err(AclError::InUseOutbound(0)));
    lab.tables
        .set_acl_list(b, AclDirection::Output, &[])
        .unwrap();
    assert_eq!(lab.tables.delete_acl(acl), Ok(()));
    assert_eq!(lab.tables.delete_acl(acl), Err(AclError::NoSuchAcl(0)));
    let twice = lab.tables.set_acl(None, b"", Vec::new()).unwrap();
    assert_eq!(twice, acl, "the index is used again");
    assert_eq!(
        lab.tables
            .set_acl_list(b, AclDirection::Input, &[twice, twice]),
        Err(AclError::NamedTwice(0))
    );
    lab.member(0);
    assert!(
        passes(&mut lab, b, &udp(BACK, (1, 2))),
        "the refused list is not applied"
    );
}

#[test]
fn what_is_no_rule_cannot_be_made() {
    let address = Ipv4Addr::new(10, 0, 0, 1);
    assert_eq!(
        Ipv4Prefix::new(address, 31),
        Err(AclRuleError::Prefix { len: 31 })
    );
    assert_eq!(
        Ipv4Prefix::new(address, 33),
        Err(AclRuleError::Prefix { len: 33 })
    );
    assert!(Ipv4Prefix::new(address, 32).is_ok());
    let turned = AclRuleError::Ports { first: 2, last: 1 };
    assert_eq!(PortRange::new(2, 1), Err(turned));
}
