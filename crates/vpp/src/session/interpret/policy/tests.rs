use weft_model::SecurityGroupId;
use weft_plan::Direction;
use weft_vpp_wire::messages::acl::{
    AclDetails, AclInterfaceListDetails, InterfaceAcls, MacipAclDetails,
    MacipAclInterfaceListDetails,
};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceDetails};
use weft_vpp_wire::messages::tapv2::SwInterfaceTapV2Details;
use weft_vpp_wire::{MacAddress, Prefix, SwIfIndex};

use super::super::tests::observed_of;
use super::*;

fn text(text: &str) -> FixedString<64> {
    FixedString::try_from(text).unwrap()
}

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

fn list(acl_index: u32, tag: &str, rules: Vec<acl::AclRule>) -> AclDetails {
    AclDetails {
        acl_index,
        tag: text(tag),
        r: rules.try_into().unwrap(),
    }
}

fn bound(index: u32, input: &[u32], output: &[u32]) -> AclInterfaceListDetails {
    AclInterfaceListDetails {
        sw_if_index: SwIfIndex(index),
        acls: InterfaceAcls::new(input.to_vec(), output.to_vec()).unwrap(),
    }
}

fn macip(acl_index: u32, tag: &str, rules: Vec<acl::MacipAclRule>) -> MacipAclDetails {
    MacipAclDetails {
        acl_index,
        tag: text(tag),
        r: rules.try_into().unwrap(),
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

fn macip_bound(index: u32, acl: u32) -> MacipAclInterfaceListDetails {
    MacipAclInterfaceListDetails {
        sw_if_index: SwIfIndex(index),
        acls: vec![acl].try_into().unwrap(),
    }
}

/// TAPs of the ports p2 and p3, which are interfaces 2 and 3; 4 is somebody's.
fn two_ports() -> Dumps {
    let interface = |index, tag: &str| SwInterfaceDetails {
        sw_if_index: SwIfIndex(index),
        tag: text(tag),
        flags: IfStatusFlags::ADMIN_UP,
        mtu: [1500, 0, 0, 0],
        ..SwInterfaceDetails::default()
    };
    let tap = |index, device: &str| SwInterfaceTapV2Details {
        sw_if_index: SwIfIndex(index),
        host_if_name: text(device),
        ..SwInterfaceTapV2Details::default()
    };
    Dumps {
        interfaces: vec![
            interface(2, "weft.tap.p2"),
            interface(3, "weft.tap.p3"),
            interface(4, ""),
        ],
        taps: vec![tap(2, "vm2"), tap(3, "vm3")],
        ..Dumps::default()
    }
}

/// What a person would be shown of the policy.
fn lines(dumps: &Dumps) -> Vec<String> {
    let (observed, _) = observed_of(dumps);
    let lines = observed.objects().map(ToString::to_string);
    lines.filter(|line| !line.starts_with("tap ")).collect()
}

fn web() -> AclKey {
    let group: SecurityGroupId = "web".parse().unwrap();
    AclKey::SecurityGroup {
        group,
        direction: Direction::Ingress,
    }
}

#[test]
fn lists_with_our_marks_are_ours_and_so_is_what_our_interfaces_have() {
    let any = wire_prefix("0.0.0.0", 0);
    let dumps = Dumps {
        acls: vec![
            list(0, "somebody's", vec![rule(1, any, any)]),
            list(5, "weft.acl.anti-spoofing.egress", vec![]),
            list(7, "weft.acl.web.ingress", vec![rule(2, any, any); 2]),
        ],
        acl_lists: vec![
            bound(0, &[], &[]),
            bound(2, &[5], &[7, 0]),
            bound(3, &[], &[]),
            bound(4, &[5], &[7]),
        ],
        macip_acls: vec![
            macip(0, "", vec![]),
            macip(3, "weft.macip.p2", vec![macip_rule_of(1, any)]),
        ],
        macip_lists: vec![macip_bound(2, 3), macip_bound(3, 0), macip_bound(4, 3)],
        ..two_ports()
    };
    assert_eq!(
        lines(&dumps),
        [
            "acl anti-spoofing egress: 0 rules",
            "acl group web ingress: 2 rules",
            "acl-binding tap p2: input anti-spoofing egress; output group web ingress, a list that \
             is not ours",
            "macip-acl p2: 1 rule",
            "macip-binding tap p2: macip-acl p2",
            "macip-binding tap p3: a list that is not ours",
        ]
    );
    let (_, handles) = observed_of(&dumps);
    assert_eq!(handles.acl(&web()), Some(7));
    assert_eq!(handles.macip_acl(&"p2".parse().unwrap()), Some(3));
}

/// An operator guards his host by lists on what leads out of it; ours are on ports alone.
#[test]
fn lists_on_an_uplink_are_somebodys() {
    let interface = |index, name: &str, tag: &str| SwInterfaceDetails {
        sw_if_index: SwIfIndex(index),
        interface_name: text(name),
        tag: text(tag),
        ..SwInterfaceDetails::default()
    };
    let dumps = Dumps {
        interfaces: vec![
            interface(1, "host-trunk0", "weft.uplink.physnet1"),
            interface(2, "GigabitEthernet0/8/0", "weft.uplink-found.physnet2"),
            interface(3, "host-trunk0.100", "weft.sub-interface.physnet1.100"),
        ],
        acls: vec![list(0, "somebody's", vec![])],
        acl_lists: vec![
            bound(1, &[0], &[0]),
            bound(2, &[], &[0]),
            bound(3, &[0], &[]),
        ],
        macip_acls: vec![macip(0, "", vec![])],
        macip_lists: vec![macip_bound(1, 0), macip_bound(2, 0), macip_bound(3, 0)],
        ..Dumps::default()
    };
    let (observed, handles) = observed_of(&dumps);
    assert!(handles.key(SwIfIndex(2)).is_some() && handles.key(SwIfIndex(3)).is_some());
    let is_binding =
        |key: &ObjectKey| matches!(key, ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_));
    assert!(!observed.keys().any(is_binding), "{:?}", lines(&dumps));
}

#[test]
fn of_several_lists_with_one_mark_the_first_counts_and_the_others_are_surplus() {
    let dumps = Dumps {
        acls: vec![
            list(4, "weft.acl.web.ingress", vec![]),
            list(6, "weft.acl.web.ingress", vec![]),
        ],
        acl_lists: vec![bound(2, &[], &[6])],
        macip_acls: vec![
            macip(1, "weft.macip.p2", vec![]),
            macip(2, "weft.macip.p2", vec![]),
        ],
        macip_lists: vec![macip_bound(2, 2)],
        ..two_ports()
    };
    assert_eq!(
        lines(&dumps),
        [
            "acl group web ingress: 0 rules",
            "acl-binding tap p2: input none; output a list that is not ours",
            "macip-acl p2: 0 rules",
            "macip-binding tap p2: a list that is not ours",
            "surplus acl group web ingress (1): made twice",
            "surplus macip-acl p2 (1): made twice",
        ]
    );
    let (_, handles) = observed_of(&dumps);
    assert_eq!(handles.acl(&web()), Some(4));
    let surplus = |of| handles.surplus(&ObjectKey::Surplus(Box::new(of), 1));
    assert_eq!(surplus(ObjectKey::Acl(web())), Some(Number::Acl(6)));
    let port = "p2".parse().unwrap();
    assert_eq!(
        surplus(ObjectKey::MacIpAcl(port)),
        Some(Number::MacIpAcl(2))
    );
}
