//! Overlay networks: addresses, routes, tunnels, and what bridge domains know.

use std::net::IpAddr;

use weft_model::{Mac, Mtu};
use weft_plan::{
    Address, BridgeDomain, BridgeFlags, BridgeMember, InterfaceKey, Neighbour, Notice, Object,
    Route, StaticMac, TagRewrite, Tunnel, TunnelKey, Uplink, UplinkDevice,
};
use weft_vpp::{Connection, Events, Session};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceDump, SwInterfaceSetFlags};
use weft_vpp_wire::messages::ip::{IpRouteAddDelV2, IpRouteV2};
use weft_vpp_wire::messages::l2::{
    BdFlags, BdIpMac, BdIpMacAddDel, BridgeDomainDump, L2Flags, L2fibAddDel,
};
use weft_vpp_wire::messages::vxlan::VxlanAddDelTunnelV3;
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeAddDelTunnelV2, VxlanGpeProtocol};
use weft_vpp_wire::{Address as WireAddress, BdId, MacAddress, SwIfIndex};

use crate::network::{Veth, port, tap};
use crate::support::{Dataplane, connect, everything, notice, reconcile, settle};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::new([0xfa, 0x16, 0x3e, 0, 0, last])
}

fn underlay() -> InterfaceKey {
    InterfaceKey::Uplink("underlay".parse().unwrap())
}

fn tunnel_key(segment: &str, remote: &str) -> TunnelKey {
    TunnelKey {
        segment: segment.parse().unwrap(),
        remote: address(remote),
    }
}

fn tunnel(segment: &str, local: &str, remote: &str) -> Object {
    Object::Tunnel(Tunnel {
        key: tunnel_key(segment, remote),
        local: address(local),
        admin_up: true,
    })
}

fn behind(segment: &str, remote: &str) -> InterfaceKey {
    InterfaceKey::Tunnel(tunnel_key(segment, remote))
}

fn bridge(segment: &str, flood: bool) -> Object {
    Object::BridgeDomain(BridgeDomain {
        segment: segment.parse().unwrap(),
        flags: BridgeFlags {
            flood,
            uu_flood: flood,
            arp_term: true,
            ..BridgeFlags::LEARNING
        },
        mac_age: 5,
    })
}

fn member(segment: &str, interface: InterfaceKey) -> Object {
    let is_tunnel = matches!(interface, InterfaceKey::Tunnel(_));
    Object::BridgeMember(BridgeMember {
        interface,
        bridge: Some(segment.parse().unwrap()),
        tag_rewrite: TagRewrite::Disabled,
        split_horizon_group: if is_tunnel { BridgeMember::TUNNELS } else { 0 },
        learn: !is_tunnel,
    })
}

fn static_mac(segment: &str, last: u8, remote: &str) -> Object {
    Object::StaticMac(StaticMac {
        segment: segment.parse().unwrap(),
        mac: mac(last),
        interface: Some(behind(segment, remote)),
    })
}

fn neighbour(segment: &str, ip: &str, last: u8) -> Object {
    Object::Neighbour(Neighbour {
        segment: segment.parse().unwrap(),
        address: address(ip),
        mac: mac(last),
    })
}

fn uplink_address(text: &str, prefix_len: u8) -> Object {
    Object::Address(Address {
        interface: underlay(),
        address: address(text),
        prefix_len,
    })
}

fn route(prefix: &str, gateway: &str) -> Object {
    Object::Route(Route {
        prefix: prefix.parse().unwrap(),
        gateway: address(gateway),
    })
}

/// The underlay, and a network of each kind: with a port and two remote hosts, with one of IPv6, and
/// with one by VXLAN-GPE.
fn networks(veth: &Veth, tap_device: &str) -> Vec<Object> {
    vec![
        Object::Uplink(Uplink {
            physnet: "underlay".parse().unwrap(),
            device: UplinkDevice::HostInterface(veth.device()),
            mtu: Some(Mtu::new(1500).unwrap()),
            admin_up: true,
        }),
        uplink_address("192.0.2.11", 24),
        uplink_address("2001:db8::11", 64),
        route("0.0.0.0/0", "192.0.2.1"),
        route("::/0", "2001:db8::1"),
        tap(port(), tap_device, 1450),
        bridge("vxlan.5", true),
        bridge("vxlan.6", true),
        bridge("gpe.5", false),
        member("vxlan.5", InterfaceKey::Tap(port())),
        tunnel("vxlan.5", "192.0.2.11", "192.0.2.12"),
        tunnel("vxlan.5", "192.0.2.11", "192.0.2.13"),
        tunnel("vxlan.6", "2001:db8::11", "2001:db8::12"),
        tunnel("gpe.5", "192.0.2.11", "192.0.2.12"),
        member("vxlan.5", behind("vxlan.5", "192.0.2.12")),
        member("vxlan.5", behind("vxlan.5", "192.0.2.13")),
        member("vxlan.6", behind("vxlan.6", "2001:db8::12")),
        member("gpe.5", behind("gpe.5", "192.0.2.12")),
        static_mac("vxlan.5", 12, "192.0.2.12"),
        static_mac("vxlan.6", 12, "2001:db8::12"),
        static_mac("gpe.5", 12, "192.0.2.12"),
        neighbour("vxlan.5", "10.0.0.12", 12),
        neighbour("vxlan.5", "fd00::c", 12),
        neighbour("gpe.5", "10.0.0.12", 12),
    ]
}

#[tokio::test]
async fn overlays_are_made_kept_and_removed() {
    let dataplane = Dataplane::find().await;
    let (connection, mut events) = connect(&dataplane.socket).await;
    let (other, _other_events) = connect(&dataplane.socket).await;
    let veth = Veth::new("wo");
    let tap_device = format!("wq{}", std::process::id() % 100_000);
    let mut session = Session::new(connection.clone());
    // So that VPP has our source of routes from here on.
    settle(&mut session, &[route("198.18.0.0/15", "192.0.2.1")]).await;
    settle(&mut session, &[]).await;
    let before = everything(&other).await;

    let mut wanted = networks(&veth, &tap_device);
    let observed = settle(&mut session, &wanted).await;
    assert!(observed.link_up(&behind("gpe.5", "192.0.2.12")));
    // A session that knows nothing finds all of it.
    let (again, _again_events) = connect(&dataplane.socket).await;
    settle(&mut Session::new(again), &wanted).await;

    // A machine moves from one host to the other, which changes its entry in place; it gets another
    // address; the network is flooded no longer; the way out changes.
    for object in &mut wanted {
        match object {
            Object::StaticMac(entry) if entry.segment.to_string() == "vxlan.5" => {
                entry.interface = Some(behind("vxlan.5", "192.0.2.13"));
            }
            Object::Neighbour(entry) if entry.address == address("10.0.0.12") => {
                entry.mac = mac(13);
            }
            Object::BridgeDomain(domain) => domain.flags.flood = false,
            Object::Route(route) if route.gateway.is_ipv4() => {
                route.gateway = address("192.0.2.2");
            }
            _ => {}
        }
    }
    settle(&mut session, &wanted).await;

    drift_is_mended(&mut session, &mut events, &other, &wanted).await;
    deleted_tunnels_leave_nothing(&mut session, &other, &wanted).await;
    half_made_tunnels_are_taken_up(&mut session, &other, &wanted).await;

    // The underlay address changes, and with it every tunnel.
    for object in &mut wanted {
        match object {
            Object::Address(found) if found.address == address("192.0.2.11") => {
                found.address = address("192.0.2.21");
            }
            Object::Tunnel(tunnel) if tunnel.local.is_ipv4() => {
                tunnel.local = address("192.0.2.21");
            }
            _ => {}
        }
    }
    settle(&mut session, &wanted).await;

    settle(&mut session, &[]).await;
    assert_eq!(everything(&other).await, before);
}

async fn index_of(other: &Connection, tag: &str) -> SwIfIndex {
    let interfaces = other.dump(SwInterfaceDump::default()).await.unwrap();
    let found = interfaces.into_iter().find(|details| details.tag == tag);
    found.unwrap().sw_if_index
}

async fn bridge_of(other: &Connection, tag: &str) -> BdId {
    let all = BridgeDomainDump {
        bd_id: BdId::ANY,
        sw_if_index: SwIfIndex::NONE,
    };
    let bridges = other.dump(all).await.unwrap();
    let found = bridges.into_iter().find(|details| details.bd_tag == tag);
    found.unwrap().bd_id
}

/// Somebody else puts a tunnel down, has it learn, and writes into a network of ours.
async fn drift_is_mended(
    session: &mut Session,
    events: &mut Events,
    other: &Connection,
    wanted: &[Object],
) {
    let sw_if_index = index_of(other, "weft.vxlan.5.192.0.2.12").await;
    let bd_id = bridge_of(other, "weft.bridge.vxlan.5").await;
    let down = SwInterfaceSetFlags {
        sw_if_index,
        flags: IfStatusFlags::default(),
    };
    other.request(down).await.unwrap();
    let key = behind("vxlan.5", "192.0.2.12");
    let told = notice(
        session,
        events,
        |notice| matches!(notice, Notice::State { interface, .. } if *interface == key),
    );
    assert!(matches!(
        told.await,
        Notice::State {
            admin_up: false,
            ..
        }
    ));
    let learn = L2Flags {
        sw_if_index,
        is_set: true,
        feature_bitmap: BdFlags::LEARN,
    };
    other.request(learn).await.unwrap();
    let strange_mac = L2fibAddDel {
        mac: MacAddress([2, 0, 0, 0, 0, 1]),
        bd_id,
        sw_if_index,
        is_add: true,
        static_mac: true,
        ..L2fibAddDel::default()
    };
    other.request(strange_mac).await.unwrap();
    let strange_ip = BdIpMacAddDel {
        is_add: true,
        entry: BdIpMac {
            bd_id,
            ip: WireAddress(address("10.0.0.99")),
            mac: MacAddress([2, 0, 0, 0, 0, 1]),
        },
    };
    other.request(strange_ip).await.unwrap();
    // A route of VPP's own command line or API does not stand above ours, nor is it touched.
    let theirs = IpRouteAddDelV2 {
        is_add: true,
        route: IpRouteV2 {
            paths: vec![weft_vpp_wire::messages::fib::FibPath::default()]
                .try_into()
                .unwrap(),
            ..IpRouteV2::default()
        },
        ..IpRouteAddDelV2::default()
    };
    other.request(theirs).await.unwrap();
    settle(session, wanted).await;
    let remove = IpRouteAddDelV2::default();
    other.request(remove).await.unwrap();
    settle(session, wanted).await;
}

/// The interface of a deleted VXLAN-GPE tunnel is used for the next one, whosever it is.
async fn deleted_tunnels_leave_nothing(
    session: &mut Session,
    other: &Connection,
    wanted: &[Object],
) {
    let without: Vec<Object> = wanted
        .iter()
        .filter(|object| !object.to_string().contains("gpe.5"))
        .cloned()
        .collect();
    settle(session, &without).await;
    let theirs = |is_add| VxlanGpeAddDelTunnelV2 {
        local: WireAddress(address("192.0.2.11")),
        remote: WireAddress(address("192.0.2.77")),
        protocol: VxlanGpeProtocol::ETHERNET,
        vni: 77,
        is_add,
        ..VxlanGpeAddDelTunnelV2::default()
    };
    let made = other.request(theirs(true)).await.unwrap().sw_if_index;
    let one = SwInterfaceDump {
        sw_if_index: made,
        ..SwInterfaceDump::default()
    };
    let details = other.dump(one).await.unwrap();
    assert_eq!(details[0].tag.to_str(), "");
    settle(session, wanted).await;
    other.request(theirs(false)).await.unwrap();
    settle(session, wanted).await;
}

/// What a client that dies between two messages leaves behind is taken; what somebody made is not.
async fn half_made_tunnels_are_taken_up(
    session: &mut Session,
    other: &Connection,
    wanted: &[Object],
) {
    let make = |vni, is_add| VxlanAddDelTunnelV3 {
        is_add,
        instance: u32::MAX,
        src_address: WireAddress(address("192.0.2.11")),
        dst_address: WireAddress(address("192.0.2.14")),
        decap_next_index: u32::MAX,
        vni,
        ..VxlanAddDelTunnelV3::default()
    };
    other.request(make(5, true)).await.unwrap();
    let mut more = wanted.to_vec();
    more.push(tunnel("vxlan.5", "192.0.2.11", "192.0.2.14"));
    settle(session, &more).await;
    settle(session, wanted).await;

    let used = other.request(make(6, true)).await.unwrap().sw_if_index;
    let mark = weft_vpp_wire::messages::interface::SwInterfaceTagAddDel {
        is_add: true,
        sw_if_index: used,
        tag: weft_vpp_wire::FixedString::try_from("somebody's").unwrap(),
    };
    other.request(mark).await.unwrap();
    let mut more = wanted.to_vec();
    more.push(tunnel("vxlan.6", "192.0.2.11", "192.0.2.14"));
    more.push(tunnel("vxlan.6", "192.0.2.11", "192.0.2.11"));
    let mut refusals = reconcile(session, &more).await;
    refusals.sort();
    assert_eq!(refusals.len(), 2, "{refusals:#?}");
    assert!(
        refusals[0].contains("underlay address of this one"),
        "{}",
        refusals[0]
    );
    assert!(refusals[1].contains("which is not ours"), "{}", refusals[1]);
    other.request(make(6, false)).await.unwrap();
    settle(session, wanted).await;
}
