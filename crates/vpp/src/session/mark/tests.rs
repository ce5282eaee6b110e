use weft_vpp_wire::FixedString;

use super::*;

fn longest_physnet() -> PhysnetName {
    "p".repeat(32).parse().unwrap()
}

fn marks(physnet: &PhysnetName, port: &str) -> [InterfaceMark; 5] {
    [
        InterfaceMark::UplinkMade(physnet.clone()),
        InterfaceMark::UplinkFound(physnet.clone()),
        InterfaceMark::SubInterface(physnet.clone(), VlanId::new(4094).unwrap()),
        InterfaceMark::Tap(port.parse().unwrap()),
        InterfaceMark::VhostUser(port.parse().unwrap()),
    ]
}

#[test]
fn every_mark_is_read_back_and_fits_into_a_tag() {
    for mark in marks(&longest_physnet(), "0f9c2f5b-3b9e-4f6a-8e7d-1c2b3a4d5e6f") {
        let tag = mark.to_string();
        assert_eq!(tag.parse(), Ok(mark));
        assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
    }
    for segment in ["vxlan.16777215", "gpe.1"] {
        for remote in ["192.0.2.12", "2001:db8:1234:5678:9abc:def0:1234:5678"] {
            let mark = InterfaceMark::Tunnel(TunnelKey {
                segment: segment.parse().unwrap(),
                remote: remote.parse().unwrap(),
            });
            let tag = mark.to_string();
            assert_eq!(tag.parse(), Ok(mark));
            assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
        }
    }
    let physnet = longest_physnet();
    let vlan = VlanId::new(4094).unwrap();
    let mark = BridgeMark(NetworkSegment::Vlan { physnet, vlan });
    let tag = mark.to_string();
    assert_eq!(tag.parse(), Ok(mark));
    assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
}

#[test]
fn the_marks_of_policy_are_read_back_and_fit_into_a_tag() {
    let uuid = "0f9c2f5b-3b9e-4f6a-8e7d-1c2b3a4d5e6f";
    for direction in [Direction::Ingress, Direction::Egress] {
        let group = |name: &str| AclKey::SecurityGroup {
            group: name.parse().unwrap(),
            direction,
        };
        let keys = [uuid, "a.b", "web.ingress"].map(group);
        for key in keys.into_iter().chain([AclKey::AntiSpoofing(direction)]) {
            let mark = AclMark(key);
            let tag = mark.to_string();
            assert_eq!(tag.parse(), Ok(mark));
            assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
        }
    }
    let mark = MacIpMark(uuid.parse().unwrap());
    assert_eq!(mark.to_string(), format!("weft.macip.{uuid}"));
    assert_eq!(mark.to_string().parse(), Ok(mark));
}

#[test]
fn the_two_kinds_of_uplink_are_one_interface_by_name() {
    let [made, found, ..] = marks(&longest_physnet(), "p");
    assert_eq!(made.key(), found.key());
    assert_ne!(made.to_string(), found.to_string());
}

#[test]
fn other_tags_are_not_ours() {
    for tag in [
        "",
        "weft",
        "weft.",
        "weft.tap",
        "weft.tap.",
        "weft.tap.two words",
        "weft.uplink.a.b",
        "weft.sub-interface.physnet1.4095",
        "weft.sub-interface.physnet1",
        "weft.bridge.physnet1.flat",
        "weft.vxlan.5",
        "weft.vxlan.0.192.0.2.1",
        "weft.gpe.5.192.0.2",
        "weft.gre.5.192.0.2.1",
        "networking-vpp.uplink.physnet1",
    ] {
        assert_eq!(tag.parse::<InterfaceMark>(), Err(NotOurs), "{tag}");
    }
    for tag in [
        "weft.acl.web",
        "weft.acl.web.out",
        "weft.acl..ingress",
        "weft.acl.ingress",
        "weft.macip.p1",
        "acl.web.ingress",
    ] {
        assert_eq!(tag.parse::<AclMark>(), Err(NotOurs), "{tag}");
    }
    for tag in ["weft.macip", "weft.macip.", "weft.tap.p1"] {
        assert_eq!(tag.parse::<MacIpMark>(), Err(NotOurs), "{tag}");
    }
    for tag in ["weft.bridge.physnet1", "weft.tap.x", "bridge.physnet1.flat"] {
        assert_eq!(tag.parse::<BridgeMark>(), Err(NotOurs), "{tag}");
    }
}
