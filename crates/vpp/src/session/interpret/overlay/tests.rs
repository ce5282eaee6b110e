use std::net::IpAddr;

use weft_plan::{ObjectKey, Observed, TunnelKey};
use weft_vpp_wire::messages::fib::{FibSource, FibSourceDetails};
use weft_vpp_wire::messages::ip::IpRouteV2;
use weft_vpp_wire::messages::l2::BdIpMac;
use weft_vpp_wire::messages::vxlan::VxlanTunnelV2Details;
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeProtocol, VxlanGpeTunnelV2Details};
use weft_vpp_wire::{Address as WireAddress, List, MacAddress, Prefix};

use super::super::Dumps;
use super::super::tests::{bridge, details, observed_with, text};
use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn vxlan(index: u32, vni: u32, local: &str, remote: &str) -> VxlanTunnelV2Details {
    VxlanTunnelV2Details {
        sw_if_index: SwIfIndex(index),
        src_address: WireAddress(address(local)),
        dst_address: WireAddress(address(remote)),
        src_port: 4789,
        dst_port: 4789,
        decap_next_index: 1,
        vni,
        ..VxlanTunnelV2Details::default()
    }
}

fn gpe(index: u32, vni: u32, local: &str, remote: &str) -> VxlanGpeTunnelV2Details {
    VxlanGpeTunnelV2Details {
        sw_if_index: SwIfIndex(index),
        local: WireAddress(address(local)),
        remote: WireAddress(address(remote)),
        local_port: 4790,
        remote_port: 4790,
        protocol: VxlanGpeProtocol::ETHERNET,
        vni,
        ..VxlanGpeTunnelV2Details::default()
    }
}

fn mac(bd_id: u32, last: u8, sw_if_index: u32) -> L2FibTableDetails {
    L2FibTableDetails {
        bd_id: BdId(bd_id),
        mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, last]),
        sw_if_index: SwIfIndex(sw_if_index),
        static_mac: true,
        ..L2FibTableDetails::default()
    }
}

fn neighbour(bd_id: u32, ip: &str) -> BdIpMacDetails {
    BdIpMacDetails {
        entry: BdIpMac {
            bd_id: BdId(bd_id),
            ip: WireAddress(address(ip)),
            mac: MacAddress([0xfa, 0x16, 0x3e, 0, 0, 5]),
        },
    }
}

fn route(prefix: (&str, u8), paths: Vec<FibPath>) -> IpRouteV2Details {
    IpRouteV2Details {
        route: IpRouteV2 {
            prefix: Prefix {
                address: address(prefix.0),
                len: prefix.1,
            },
            paths: List::try_from(paths).unwrap(),
            ..IpRouteV2::default()
        },
    }
}

/// A host with an uplink (1), a tunnel of each protocol (2 and 3) in networks of their own (10 and
/// 11), and a VLAN network (12).
fn host() -> Dumps {
    Dumps {
        interfaces: vec![
            details(1, "host-eth1", "weft.uplink.underlay"),
            details(2, "vxlan_tunnel0", "weft.vxlan.5.2001:db8::12"),
            details(3, "vxlan_gpe_tunnel0", "weft.gpe.5.192.0.2.12"),
        ],
        vxlan_tunnels: vec![vxlan(2, 5, "2001:db8::11", "2001:db8::12")],
        gpe_tunnels: vec![gpe(3, 5, "192.0.2.11", "192.0.2.12")],
        bridges: vec![
            bridge(10, "weft.bridge.vxlan.5", &[2]),
            bridge(11, "weft.bridge.gpe.5", &[3]),
            bridge(12, "weft.bridge.physnet1.vlan.5", &[]),
        ],
        ..Dumps::default()
    }
}

fn lines(observed: &Observed) -> Vec<String> {
    observed.objects().map(ToString::to_string).collect()
}

#[test]
fn tunnels_and_what_hangs_on_overlays_uplinks_and_our_source_is_ours() {
    let mut dumps = host();
    let source = |id, name: &str| FibSourceDetails {
        src: FibSource {
            priority: 0x70,
            id,
            name: text(name),
        },
    };
    dumps.fib_sources = vec![source(20, "default-route"), source(37, "weft")];
    assert_eq!(super::super::interpret(&dumps).fib_source, Some(37));
    let way = |nh_address, proto| FibPath {
        nh_address,
        proto,
        ..FibPath::default()
    };
    let v4 = way(
        [192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        FibPathNhProto::IP4,
    );
    let v6 = way(
        "2001:db8::1".parse::<Ipv6Addr>().unwrap().octets(),
        FibPathNhProto::IP6,
    );
    let learned = L2FibTableDetails {
        static_mac: false,
        ..mac(10, 7, 2)
    };
    let attached = Attached {
        addresses: vec![IpAddressDetails {
            sw_if_index: SwIfIndex(1),
            prefix: Prefix {
                address: address("192.0.2.11"),
                len: 24,
            },
        }],
        routes: vec![
            route(("0.0.0.0", 0), vec![v4]),
            route(("::", 0), vec![v6]),
            route(("198.51.100.0", 24), vec![v4, v4]),
        ],
        macs: vec![
            mac(10, 1, 2),
            mac(11, 1, 3),
            mac(11, 2, 99),
            mac(12, 1, 2),
            learned,
        ],
        neighbours: vec![
            neighbour(10, "10.0.0.5"),
            neighbour(11, "fd00::5"),
            neighbour(12, "10.0.0.5"),
        ],
        features: vec![
            (SwIfIndex(2), L2InputFeatures::FWD),
            (SwIfIndex(3), L2InputFeatures::LEARN | L2InputFeatures::FWD),
        ],
    };
    let (observed, _) = observed_with(&dumps, &attached);
    assert_eq!(
        lines(&observed),
        [
            "uplink underlay: host-eth1, mtu 1500, up",
            "tunnel gpe.5 to 192.0.2.12: from 192.0.2.11, up",
            "tunnel vxlan.5 to 2001:db8::12: from 2001:db8::11, up",
            "bridge-domain physnet1.vlan.5: learn forward flood uu-flood, mac-age 5 min",
            "bridge-domain gpe.5: learn forward flood uu-flood, mac-age 5 min",
            "bridge-domain vxlan.5: learn forward flood uu-flood, mac-age 5 min",
            "bridge-member tunnel gpe.5 to 192.0.2.12: in gpe.5",
            "bridge-member tunnel vxlan.5 to 2001:db8::12: in vxlan.5, no learning",
            "address 192.0.2.11 of uplink underlay: prefix length 24",
            "route 0.0.0.0/0: via 192.0.2.1",
            "route 198.51.100.0/24: via 0.0.0.0",
            "route ::/0: via 2001:db8::1",
            "static-mac fa:16:3e:00:00:01 in gpe.5: behind tunnel gpe.5 to 192.0.2.12",
            "static-mac fa:16:3e:00:00:02 in gpe.5: behind an interface that is not ours",
            "static-mac fa:16:3e:00:00:01 in vxlan.5: behind tunnel vxlan.5 to 2001:db8::12",
            "neighbour fd00::5 in gpe.5: has fa:16:3e:00:00:05",
            "neighbour 10.0.0.5 in vxlan.5: has fa:16:3e:00:00:05",
        ]
    );
}

/// VPP keeps interface and tag of a VXLAN-GPE tunnel that is deleted for the next one.
#[test]
fn a_tunnel_that_is_not_what_its_tag_says_is_left_alone() {
    let other_vni = gpe(3, 6, "192.0.2.11", "192.0.2.12");
    let other_host = gpe(3, 5, "192.0.2.11", "192.0.2.13");
    let other_port = VxlanGpeTunnelV2Details {
        remote_port: 4789,
        ..gpe(3, 5, "192.0.2.11", "192.0.2.12")
    };
    let no_ethernet = VxlanGpeTunnelV2Details {
        protocol: VxlanGpeProtocol::IP4,
        ..gpe(3, 5, "192.0.2.11", "192.0.2.12")
    };
    for tunnel in [other_vni, other_host, other_port, no_ethernet] {
        let mut dumps = host();
        dumps.gpe_tunnels = vec![tunnel];
        let (observed, handles) = observed_with(&dumps, &Attached::default());
        let key = InterfaceKey::Tunnel(TunnelKey {
            segment: "gpe.5".parse().unwrap(),
            remote: address("192.0.2.12"),
        });
        assert_eq!(handles.interface(&key), None);
        assert!(observed.get(&ObjectKey::Interface(key)).is_none());
    }
}

#[test]
fn what_is_asked_for_by_number_is_that_of_overlays_and_uplinks() {
    let dumps = host();
    let ours = super::super::interpret(&dumps);
    let mut bridges = ours.overlay_bridges();
    bridges.sort_unstable();
    assert_eq!(bridges, [BdId(10), BdId(11)]);
    assert_eq!(
        uplinks(&dumps.interfaces).collect::<Vec<_>>(),
        [SwIfIndex(1)]
    );
    let mut tunnels: Vec<_> = ours.bridged_tunnels().collect();
    tunnels.sort_unstable();
    assert_eq!(tunnels, [SwIfIndex(2), SwIfIndex(3)]);
}
