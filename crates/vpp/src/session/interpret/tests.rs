use weft_model::NetworkSegment;
use weft_plan::{InterfaceKey, Observed};
use weft_vpp_wire::messages::l2::BridgeDomainSwIf;
use weft_vpp_wire::{BdId, FixedString, MacAddress};

use super::*;

pub(super) fn text(text: &str) -> FixedString<64> {
    FixedString::try_from(text).unwrap()
}

pub(super) fn details(index: u32, name: &str, tag: &str) -> SwInterfaceDetails {
    SwInterfaceDetails {
        sw_if_index: SwIfIndex(index),
        interface_name: text(name),
        tag: text(tag),
        flags: IfStatusFlags::ADMIN_UP | IfStatusFlags::LINK_UP,
        mtu: [1500, 0, 0, 0],
        ..SwInterfaceDetails::default()
    }
}

fn tap(index: u32, device: &str) -> SwInterfaceTapV2Details {
    SwInterfaceTapV2Details {
        sw_if_index: SwIfIndex(index),
        host_if_name: text(device),
        host_mac_addr: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 1]),
        ..SwInterfaceTapV2Details::default()
    }
}

pub(super) fn bridge(id: u32, tag: &str, members: &[u32]) -> BridgeDomainDetails {
    let members: Vec<_> = members
        .iter()
        .map(|index| BridgeDomainSwIf {
            sw_if_index: SwIfIndex(*index),
            ..BridgeDomainSwIf::default()
        })
        .collect();
    BridgeDomainDetails {
        bd_id: BdId(id),
        learn: true,
        forward: true,
        flood: true,
        uu_flood: true,
        mac_age: 5,
        bd_tag: text(tag),
        sw_if_details: members.try_into().unwrap(),
        ..BridgeDomainDetails::default()
    }
}

/// What was observed, once what hangs on marked things was read, too.
pub(super) fn observed_with(dumps: &Dumps, attached: &Attached) -> (Observed, Handles) {
    let mut ours = interpret(dumps);
    ours.attach(attached);
    (ours.observed, ours.handles)
}

pub(super) fn observed_of(dumps: &Dumps) -> (Observed, Handles) {
    observed_with(dumps, &Attached::default())
}

/// What a person would be shown of the observed objects.
fn lines(dumps: &Dumps) -> Vec<String> {
    let (observed, _) = observed_of(dumps);
    observed.objects().map(ToString::to_string).collect()
}

#[test]
fn marked_things_and_what_hangs_on_them_are_ours() {
    let mut sub = details(3, "host-trunk0.100", "weft.sub-interface.physnet1.100");
    sub.vtr_op = VtrOp::POP_1;
    let dumps = Dumps {
        interfaces: vec![
            details(0, "local0", ""),
            details(1, "host-trunk0", "weft.uplink.physnet1"),
            details(2, "tap0", "weft.tap.p1"),
            sub,
            details(4, "GigabitEthernet0/8/0", "weft.uplink-found.physnet2"),
        ],
        taps: vec![tap(2, "vm1")],
        bridges: vec![bridge(77, "weft.bridge.physnet1.vlan.100", &[2, 3])],
        ..Dumps::default()
    };
    assert_eq!(
        lines(&dumps),
        [
            "uplink physnet1: host-trunk0, mtu 1500, up",
            "uplink physnet2: GigabitEthernet0/8/0, mtu 1500, up",
            "sub-interface physnet1.vlan.100: up",
            "tap p1: device vm1, mac fa:16:3e:00:00:01, mtu 1500, up",
            "bridge-domain physnet1.vlan.100: learn forward flood uu-flood, mac-age 5 min",
            "bridge-member sub-interface physnet1.vlan.100: in physnet1.vlan.100, pop 1 tag",
            "bridge-member tap p1: in physnet1.vlan.100",
        ]
    );
    let (observed, handles) = observed_of(&dumps);
    let key = InterfaceKey::Tap("p1".parse().unwrap());
    assert!(observed.link_up(&key));
    assert_eq!(handles.interface(&key), Some(SwIfIndex(2)));
    let segment: NetworkSegment = "physnet1.vlan.100".parse().unwrap();
    assert_eq!(handles.bridge(&segment), Some(BdId(77)));
}

#[test]
fn a_vhost_user_interface_tells_its_socket_and_which_side_vpp_is() {
    let vhost = |index, is_server| SwInterfaceVhostUserDetails {
        sw_if_index: SwIfIndex(index),
        is_server,
        sock_filename: FixedString::try_from("/run/vhost/p").unwrap(),
        ..SwInterfaceVhostUserDetails::default()
    };
    let mut waiting = details(3, "VirtualEthernet0/0/1", "weft.vhost-user.p2");
    waiting.flags = IfStatusFlags::ADMIN_UP;
    let dumps = Dumps {
        interfaces: vec![
            details(2, "VirtualEthernet0/0/0", "weft.vhost-user.p1"),
            waiting,
            details(4, "VirtualEthernet0/0/2", "weft.vhost-user.p1"),
        ],
        vhost_users: vec![vhost(2, true), vhost(3, false), vhost(4, false)],
        ..Dumps::default()
    };
    assert_eq!(
        lines(&dumps),
        [
            "vhost-user p1: server of socket /run/vhost/p, mtu 1500, up",
            "vhost-user p2: client of socket /run/vhost/p, mtu 1500, up",
            "surplus vhost-user p1 (1): made twice",
        ]
    );
    let (observed, _) = observed_of(&dumps);
    let link = |port: &str| observed.link_up(&InterfaceKey::VhostUser(port.parse().unwrap()));
    assert_eq!([link("p1"), link("p2")], [true, false]);
}

#[test]
fn what_is_not_marked_is_not_ours_but_its_device_is_known() {
    let dumps = Dumps {
        interfaces: vec![
            details(1, "tap0", "somebody's"),
            details(2, "tap1", ""),
            details(3, "host-eth0", ""),
        ],
        taps: vec![tap(1, "vm1"), tap(2, "vm2")],
        bridges: vec![bridge(5, "", &[1, 2]), bridge(6, "other", &[3])],
        ..Dumps::default()
    };
    let (observed, handles) = observed_of(&dumps);
    assert_eq!(observed, Observed::default());
    assert_eq!(handles.foreign_tap("vm2"), Some("tap1"));
    assert_eq!(handles.foreign_tap("vm3"), None);
}

#[test]
fn an_interface_of_ours_in_a_foreign_bridge_domain_is_seen_there() {
    let dumps = Dumps {
        interfaces: vec![details(2, "tap0", "weft.tap.p1")],
        taps: vec![tap(2, "vm1")],
        bridges: vec![bridge(5, "other", &[2])],
        ..Dumps::default()
    };
    assert_eq!(
        lines(&dumps)[1],
        "bridge-member tap p1: in a bridge domain that is not ours"
    );
}

#[test]
fn of_several_with_one_mark_the_first_counts_and_the_others_are_surplus() {
    let dumps = Dumps {
        interfaces: vec![
            details(2, "tap0", "weft.tap.p1"),
            details(3, "tap1", "weft.tap.p1"),
        ],
        taps: vec![tap(2, "vm1"), tap(3, "vm2")],
        bridges: vec![
            bridge(5, "weft.bridge.physnet1.flat", &[2]),
            bridge(6, "weft.bridge.physnet1.flat", &[3]),
            bridge(7, "weft.bridge.physnet1.flat", &[]),
        ],
        ..Dumps::default()
    };
    let (observed, handles) = observed_of(&dumps);
    let keys: Vec<String> = observed.keys().map(ToString::to_string).collect();
    assert_eq!(
        keys,
        [
            "tap p1",
            "bridge-domain physnet1.flat",
            "bridge-member tap p1",
            "surplus tap p1 (1)",
            "surplus bridge-domain physnet1.flat (1)",
            "surplus bridge-domain physnet1.flat (2)",
        ]
    );
    let of = Box::new(ObjectKey::BridgeDomain("physnet1.flat".parse().unwrap()));
    assert_eq!(
        handles.surplus(&ObjectKey::Surplus(of, 2)),
        Some(Number::Bridge(BdId(7)))
    );
    let key = InterfaceKey::Tap("p1".parse().unwrap());
    assert_eq!(handles.interface(&key), Some(SwIfIndex(2)));
    let segment: NetworkSegment = "physnet1.flat".parse().unwrap();
    assert_eq!(handles.bridge(&segment), Some(BdId(5)));
}

#[test]
fn a_mark_on_something_else_is_not_believed() {
    let dumps = Dumps {
        interfaces: vec![
            details(2, "loop0", "weft.tap.p1"),
            details(3, "loop1", "weft.uplink.physnet1"),
            details(4, "loop2", "weft.vhost-user.p1"),
        ],
        ..Dumps::default()
    };
    assert_eq!(lines(&dumps), [""; 0]);
}

#[test]
fn an_mtu_that_is_none_differs_from_every_wanted_one() {
    for l3 in [0, 67, 70_000] {
        assert_eq!(mtu([l3, 0, 0, 0]).get(), u16::MAX);
    }
    assert_eq!(mtu([1450, 1, 2, 3]).get(), 1450);
}

#[test]
fn keys_are_those_of_the_plan() {
    let dumps = Dumps {
        interfaces: vec![details(2, "tap0", "weft.tap.p1")],
        taps: vec![tap(2, "vm1")],
        ..Dumps::default()
    };
    let (observed, _) = observed_of(&dumps);
    let key = ObjectKey::tap(&"p1".parse().unwrap());
    assert!(observed.get(&key).is_some());
}
