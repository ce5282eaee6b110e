use weft_vpp_wire::FixedString;

use super::*;

fn longest_physnet() -> PhysnetName {
    "p".repeat(32).parse().unwrap()
}

fn marks(physnet: &PhysnetName, port: &str) -> [InterfaceMark; 4] {
    [
        InterfaceMark::UplinkMade(physnet.clone()),
        InterfaceMark::UplinkFound(physnet.clone()),
        InterfaceMark::SubInterface(physnet.clone(), VlanId::new(4094).unwrap()),
        InterfaceMark::Tap(port.parse().unwrap()),
    ]
}

#[test]
fn every_mark_is_read_back_and_fits_into_a_tag() {
    for mark in marks(&longest_physnet(), "0f9c2f5b-3b9e-4f6a-8e7d-1c2b3a4d5e6f") {
        let tag = mark.to_string();
        assert_eq!(tag.parse(), Ok(mark));
        assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
    }
    let physnet = longest_physnet();
    let vlan = VlanId::new(4094).unwrap();
    let mark = BridgeMark(NetworkSegment::Vlan { physnet, vlan });
    let tag = mark.to_string();
    assert_eq!(tag.parse(), Ok(mark));
    assert!(FixedString::<64>::try_from(tag.as_str()).is_ok(), "{tag}");
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
        "networking-vpp.uplink.physnet1",
    ] {
        assert_eq!(tag.parse::<InterfaceMark>(), Err(NotOurs), "{tag}");
    }
    for tag in ["weft.bridge.physnet1", "weft.tap.x", "bridge.physnet1.flat"] {
        assert_eq!(tag.parse::<BridgeMark>(), Err(NotOurs), "{tag}");
    }
}
