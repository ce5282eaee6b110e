//! Tunnels, arp termination and members that do not learn. Return codes and dumps are those that a running
//! VPP 26.06 gave.

use weft_vpp_wire::messages::interface::{
    IfStatusFlags, SwInterfaceDetails, SwInterfaceDump, SwInterfaceSetFlags, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::l2::{
    BdFlags, BdIpMac, BdIpMacAddDel, BdIpMacDump, BridgeDomainAddDelV2, BridgeDomainDump, L2Flags,
    SwInterfaceSetL2Bridge,
};
use weft_vpp_wire::messages::vxlan::{VxlanAddDelTunnelV3, VxlanTunnelV2Dump};
use weft_vpp_wire::messages::vxlan_gpe::{
    VxlanGpeAddDelTunnelV2, VxlanGpeProtocol, VxlanGpeTunnelV2Dump,
};
use weft_vpp_wire::{Address, BdId, MacAddress, Retval, SwIfIndex};

use super::Client;

fn address(text: &str) -> Address {
    Address(text.parse().expect("address"))
}

fn vxlan(local: &str, remote: &str, vni: u32) -> VxlanAddDelTunnelV3 {
    VxlanAddDelTunnelV3 {
        is_add: true,
        instance: u32::MAX,
        src_address: address(local),
        dst_address: address(remote),
        src_port: 0,
        dst_port: 0,
        mcast_sw_if_index: SwIfIndex::NONE,
        encap_vrf_id: 0,
        decap_next_index: u32::MAX,
        vni,
        is_l3: false,
    }
}

fn gpe(local: &str, remote: &str, vni: u32) -> VxlanGpeAddDelTunnelV2 {
    VxlanGpeAddDelTunnelV2 {
        local: address(local),
        remote: address(remote),
        local_port: 0,
        remote_port: 0,
        mcast_sw_if_index: SwIfIndex::NONE,
        encap_vrf_id: 0,
        decap_vrf_id: 0,
        protocol: VxlanGpeProtocol::ETHERNET,
        vni,
        is_add: true,
    }
}

const ONE: &str = "192.0.2.11";
const TWO: &str = "192.0.2.12";

/// Name, class, flags, link MTU, MTU and tag.
fn shown(details: &SwInterfaceDetails) -> (String, String, u32, u16, u32, String) {
    (
        details.interface_name.to_str().into_owned(),
        details.interface_dev_type.to_str().into_owned(),
        details.flags.0,
        details.link_mtu,
        details.mtu[0],
        details.tag.to_str().into_owned(),
    )
}

fn expected(
    name: &str,
    class: &str,
    flags: u32,
    mtu: u16,
    tag: &str,
) -> (String, String, u32, u16, u32, String) {
    let (name, class, tag) = (name.to_owned(), class.to_owned(), tag.to_owned());
    (name, class, flags, mtu, u32::from(mtu), tag)
}

#[test]
fn vxlan_tunnels_as_in_vpp() {
    let mut client = Client::new();
    let first = client.ok(&vxlan(ONE, TWO, 5)).sw_if_index;
    let details = client.details(first);
    assert_eq!(
        shown(&details),
        expected("vxlan_tunnel0", "VXLAN", 3, 9000, "")
    );
    assert_eq!(details.l2_address.0[..2], [2, 0xfe]);
    let changed = |change: fn(&mut VxlanAddDelTunnelV3)| {
        let mut request = vxlan(ONE, TWO, 5);
        change(&mut request);
        request
    };
    for (request, retval) in [
        (vxlan(ONE, TWO, 5), -75),
        (changed(|own| own.src_port = 4789), -75),
        (changed(|own| own.dst_port = 9999), -75),
        (changed(|own| own.encap_vrf_id = 3), -3),
        (vxlan(ONE, ONE, 5), -82),
        (vxlan(ONE, "2001:db8::12", 5), -7),
        (vxlan(ONE, "239.1.1.1", 5), -2),
        (changed(|own| (own.is_add, own.vni) = (false, 1234)), -6),
    ] {
        let (answer, reply) = client.call(&request);
        assert_eq!(
            (answer, reply.sw_if_index),
            (Retval(retval), SwIfIndex::NONE),
            "{request:?}"
        );
    }
    let mut other = vxlan(ONE, TWO, 8);
    other.decap_next_index = 77;
    assert_eq!(client.refused(&other), Retval::INVALID_DECAP_NEXT);
    let mut seven = vxlan(ONE, TWO, 6);
    seven.instance = 7;
    let second = client.ok(&seven).sw_if_index;
    (seven.vni, seven.src_port) = (7, 4790);
    assert_eq!(client.refused(&seven), Retval::INSTANCE_IN_USE);
    // Of IPv6, the local end does not count.
    let six = client
        .ok(&vxlan("2001:db8::11", "2001:db8::12", 5))
        .sw_if_index;
    let like = vxlan("2001:db8::99", "2001:db8::12", 5);
    assert_eq!(client.refused(&like), Retval::TUNNEL_EXIST);

    let all = client.dump(&VxlanTunnelV2Dump {
        sw_if_index: SwIfIndex::NONE,
    });
    let all: Vec<_> = all
        .iter()
        .map(|own| {
            (
                own.sw_if_index,
                own.instance,
                own.vni,
                own.src_port,
                own.decap_next_index,
            )
        })
        .collect();
    assert_eq!(
        all,
        [
            (first, 0, 5, 4789, 1),
            (second, 7, 6, 4789, 1),
            (six, 2, 5, 4789, 1)
        ]
    );
    let one = client.dump(&VxlanTunnelV2Dump {
        sw_if_index: second,
    });
    assert_eq!(one.len(), 1);
    assert_eq!(
        (one[0].src_address, one[0].dst_address),
        (address(ONE), address(TWO))
    );

    let mut gone = vxlan(ONE, TWO, 5);
    gone.is_add = false;
    assert_eq!(client.ok(&gone).sw_if_index, first);
    let none = client.dump(&VxlanTunnelV2Dump { sw_if_index: first });
    assert!(none.is_empty());
    assert_eq!(client.ok(&vxlan(ONE, TWO, 55)).sw_if_index, first);
    let name = client.details(first).interface_name;
    assert_eq!(name.to_str(), "vxlan_tunnel0", "the place freed last");
}

/// The interface of a tunnel that went is given to the next, with its name and its tag.
#[test]
fn vxlan_gpe_tunnels_as_in_vpp() {
    let mut client = Client::new();
    let first = client.ok(&gpe(ONE, TWO, 5)).sw_if_index;
    let second = client.ok(&gpe(ONE, TWO, 6)).sw_if_index;
    let details = client.details(second);
    assert_eq!(
        shown(&details),
        expected("vxlan_gpe_tunnel1", "VXLAN_GPE", 3, 0, "")
    );
    assert_eq!(details.l2_address, MacAddress::default());
    let changed = |change: fn(&mut VxlanGpeAddDelTunnelV2)| {
        let mut request = gpe(ONE, TWO, 5);
        change(&mut request);
        request
    };
    for (request, retval) in [
        (gpe(ONE, TWO, 5), -75),
        (changed(|own| own.local_port = 4790), -75),
        (changed(|own| own.encap_vrf_id = 3), -3),
        (
            changed(|own| (own.protocol, own.decap_vrf_id) = (VxlanGpeProtocol::IP4, 3)),
            -4,
        ),
        (gpe(ONE, ONE, 5), -82),
        (changed(|own| (own.is_add, own.vni) = (false, 4321)), -6),
    ] {
        let (answer, reply) = client.call(&request);
        assert_eq!(
            (answer, reply.sw_if_index),
            (Retval(retval), SwIfIndex::NONE),
            "{request:?}"
        );
    }
    client.ok(&SwInterfaceTagAddDel {
        is_add: true,
        sw_if_index: first,
        tag: crate::control::cut_to_field(b"mine"),
    });
    client.ok(&SwInterfaceSetL2Bridge {
        rx_sw_if_index: first,
        bd_id: BdId(9),
        enable: true,
        ..SwInterfaceSetL2Bridge::default()
    });
    let mut gone = gpe(ONE, TWO, 5);
    gone.is_add = false;
    assert_eq!(client.ok(&gone).sw_if_index, first);
    let listed = client.dump(&SwInterfaceDump {
        sw_if_index: SwIfIndex::NONE,
        ..SwInterfaceDump::default()
    });
    assert!(listed.iter().all(|own| own.sw_if_index != first), "hidden");
    let flags = SwInterfaceSetFlags {
        sw_if_index: first,
        flags: IfStatusFlags::ADMIN_UP,
    };
    assert_eq!(client.refused(&flags), Retval::INVALID_SW_IF_INDEX);
    let domain = &client.dump(&BridgeDomainDump {
        bd_id: BdId(9),
        sw_if_index: SwIfIndex::NONE,
    })[0];
    assert_eq!(domain.sw_if_details.iter().count(), 0);
    assert_eq!(client.ok(&gpe(ONE, TWO, 500)).sw_if_index, first);
    let details = client.details(first);
    assert_eq!(
        shown(&details),
        expected("vxlan_gpe_tunnel0", "VXLAN_GPE", 3, 0, "mine")
    );
    let all = client.dump(&VxlanGpeTunnelV2Dump {
        sw_if_index: SwIfIndex::NONE,
    });
    let all: Vec<_> = all
        .iter()
        .map(|own| (own.sw_if_index, own.vni, own.local_port))
        .collect();
    assert_eq!(all, [(first, 500, 4790), (second, 6, 4790)]);
}

#[test]
fn members_take_part_in_what_they_are_told_to() {
    let mut client = Client::new();
    let member = client.loopback();
    let flags = |is_set, feature_bitmap| L2Flags {
        sw_if_index: member,
        is_set,
        feature_bitmap,
    };
    let none = BdFlags::default();
    let join = SwInterfaceSetL2Bridge {
        rx_sw_if_index: member,
        bd_id: BdId(9),
        enable: true,
        ..SwInterfaceSetL2Bridge::default()
    };
    let tell =
        |client: &mut Client, request: &L2Flags| client.ok(request).resulting_feature_bitmap.0;
    assert_eq!(tell(&mut client, &flags(true, none)), 1);
    client.ok(&join);
    assert_eq!(tell(&mut client, &flags(true, none)), 765);
    assert_eq!(tell(&mut client, &flags(false, BdFlags::LEARN)), 253);
    // All come back when it joins again.
    client.ok(&join);
    assert_eq!(tell(&mut client, &flags(true, none)), 765);
    assert_eq!(tell(&mut client, &flags(false, BdFlags(u32::MAX))), 73);
    assert_eq!(tell(&mut client, &flags(true, BdFlags(u32::MAX))), 765);
    let absent = L2Flags {
        sw_if_index: SwIfIndex(9999),
        ..flags(true, none)
    };
    assert_eq!(client.refused(&absent), Retval::INVALID_SW_IF_INDEX);
}

#[test]
fn what_arp_is_answered_with_as_in_vpp() {
    let mut client = Client::new();
    client.ok(&BridgeDomainAddDelV2 {
        bd_id: BdId(9),
        is_add: true,
        arp_term: true,
        ..BridgeDomainAddDelV2::default()
    });
    let entry = |is_add, ip: &str, mac: u8, bd_id| BdIpMacAddDel {
        is_add,
        entry: BdIpMac {
            bd_id: BdId(bd_id),
            ip: address(ip),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, mac]),
        },
    };
    for (request, retval) in [
        (entry(true, "10.0.0.5", 5, 9), 0),
        (entry(true, "10.0.0.5", 5, 9), 0),
        (entry(true, "10.0.0.5", 6, 9), 0),
        (entry(false, "10.0.0.5", 5, 9), -1),
        (entry(true, "fd00::5", 5, 9), 0),
        (entry(false, "fd00::5", 6, 9), -1),
        (entry(true, "10.0.0.7", 5, 0), -121),
        (entry(true, "10.0.0.7", 5, 78), -6),
        (entry(false, "10.0.0.99", 5, 9), -1),
    ] {
        assert_eq!(client.call(&request).0, Retval(retval), "{request:?}");
    }
    for (bd_id, count) in [(BdId(9), 2), (BdId::ANY, 2), (BdId(77), 0)] {
        assert_eq!(client.dump(&BdIpMacDump { bd_id }).len(), count);
    }
    client.ok(&entry(false, "10.0.0.5", 6, 9));
    let left = client.dump(&BdIpMacDump { bd_id: BdId::ANY });
    assert_eq!(
        (left[0].entry.ip, left[0].entry.mac.0[5]),
        (address("fd00::5"), 5)
    );
    // They go with the bridge domain.
    client.ok(&BridgeDomainAddDelV2 {
        bd_id: BdId(9),
        is_add: false,
        ..BridgeDomainAddDelV2::default()
    });
    assert!(client.dump(&BdIpMacDump { bd_id: BdId::ANY }).is_empty());
}
