use super::*;

fn wire_prefix(address: &str, len: u8) -> Prefix {
    let address = address.parse().unwrap();
    Prefix { address, len }
}

fn rule(action: u8, source: Prefix, destination: Prefix) -> acl::AclRule {
    acl::AclRule {
        is_permit: acl::AclAction(action),
        src_prefix: source,
        dst_prefix: destination,
        proto: 6,
        srcport_or_icmptype_first: 0,
        srcport_or_icmptype_last: 65_535,
        dstport_or_icmpcode_first: 80,
        dstport_or_icmpcode_last: 81,
        tcp_flags_mask: 0,
        tcp_flags_value: 0,
    }
}

fn macip_rule_of(action: u8, prefix: Prefix) -> acl::MacipAclRule {
    acl::MacipAclRule {
        is_permit: acl::AclAction(action),
        src_mac: MacAddress([2, 0, 0, 0, 0, 1]),
        src_mac_mask: MacAddress([0xff; 6]),
        src_prefix: prefix,
    }
}

#[test]
fn rules_are_read_whole() {
    let mut whole = rule(1, wire_prefix("10.0.0.0", 8), wire_prefix("10.1.0.0", 16));
    whole.srcport_or_icmptype_first = 1;
    whole.srcport_or_icmptype_last = 2;
    whole.tcp_flags_mask = 3;
    whole.tcp_flags_value = 1;
    let expected = AclRule::new(
        AclAction::Permit,
        "10.0.0.0/8".parse().unwrap(),
        "10.1.0.0/16".parse().unwrap(),
    );
    let range = |first, last| PortRange::new(first, last).unwrap();
    let expected = expected
        .unwrap()
        .protocol(IpProtocol::new(6))
        .ranges(range(1, 2), range(80, 81))
        .tcp_flags(TcpFlags { mask: 3, value: 1 });
    assert_eq!(read_acl(&whole), expected);
}

#[test]
fn what_is_written_is_read_back() {
    let syn = TcpFlags {
        mask: 0x12,
        value: 2,
    };
    let range = |first, last| PortRange::new(first, last).unwrap();
    for action in [AclAction::Deny, AclAction::Permit, AclAction::PermitReflect] {
        for (source, destination) in [("10.0.0.0/8", "0.0.0.0/0"), ("fd00::1/128", "::/0")] {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            let plain = AclRule::new(action, source, destination).unwrap();
            let full = plain
                .clone()
                .protocol(IpProtocol::new(6))
                .ranges(range(1, 2), range(80, 443))
                .tcp_flags(syn);
            for rule in [plain, full] {
                assert_eq!(read_acl(&write_acl(&rule)), rule);
            }
            for permit in [true, false] {
                let rule = MacIpRule {
                    permit,
                    mac: Mac::new([2, 0, 0, 0, 0, 1]),
                    mac_mask: Mac::new([0xff, 0xff, 0xff, 0, 0, 0]),
                    prefix: source,
                };
                assert_eq!(read_macip(&write_macip(&rule)), rule);
            }
        }
    }
}

#[test]
fn a_rule_that_cannot_be_said_is_one_that_is_never_wanted() {
    let any = wire_prefix("0.0.0.0", 0);
    let mut backwards = rule(1, any, any);
    backwards.dstport_or_icmpcode_last = 79;
    for odd in [
        rule(3, any, any),
        rule(1, any, wire_prefix("::", 0)),
        rule(1, wire_prefix("10.0.0.0", 33), any),
        rule(1, any, wire_prefix("10.0.0.1", 24)),
        backwards,
    ] {
        assert!(
            matches!(read_acl(&odd).action(), AclAction::Other(_)),
            "{odd:?}"
        );
    }
    for odd in [
        macip_rule_of(0, any),
        macip_rule_of(3, any),
        macip_rule_of(1, wire_prefix("10.0.0.1", 24)),
        macip_rule_of(1, wire_prefix("fd00::", 200)),
    ] {
        assert!(!read_macip(&odd).permit, "{odd:?}");
    }
    assert!(read_macip(&macip_rule_of(1, wire_prefix("fd00::", 64))).permit);
}
