//! Two switches with tunnels between them, and Linux's own VXLAN as the far end.

use std::process::Command;

use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketFlags, AfPacketMode};
use weft_vpp_wire::messages::interface::{SwInterfaceAddDelAddress, SwInterfaceSetMtu};
use weft_vpp_wire::messages::l2::{BdFlags, L2Flags, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::vxlan::VxlanAddDelTunnelV3;
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeAddDelTunnelV2, VxlanGpeProtocol};
use weft_vpp_wire::{Address, BdId, FixedString, Prefix, SwIfIndex};

use super::packets::transfer;
use super::support::{ApiClient, Running, Vm};
use crate::testing::TestNamespace;

/// Of the cable: the machines' 1500 bytes and a tunnel's headers.
const MTU: &str = "1600";

/// Two namespaces joined by a cable.
fn cable(one: &TestNamespace, two: &TestNamespace) {
    let (a, b) = (&one.name, &two.name);
    let link = [
        "link", "add", "up0", "netns", a, "mtu", MTU, "type", "veth", "peer", "name", "up0",
        "netns", b, "mtu", MTU,
    ];
    let status = Command::new("ip").args(link).status().expect("ip");
    assert!(status.success());
    for host in [one, two] {
        host.run(&["ip", "link", "set", "up0", "up"]);
    }
}

/// Which tunnel.
#[derive(Clone, Copy)]
enum Kind {
    Vxlan4,
    Vxlan6,
    Gpe,
}

/// Address of a host's uplink.
fn end(kind: Kind, number: u8) -> Address {
    let text = match kind {
        Kind::Vxlan6 => format!("2001:db8::{number}"),
        _ => format!("192.0.2.{number}"),
    };
    Address(text.parse().expect("address"))
}

/// Makes a host's uplink with its address, and a tunnel to another host in bridge domain 10.
fn join(client: &mut ApiClient, kind: Kind, [own, other]: [u8; 2]) -> SwIfIndex {
    let uplink = client
        .ok(&AfPacketCreateV3 {
            mode: AfPacketMode::ETHERNET,
            use_random_hw_addr: true,
            host_if_name: FixedString::try_from("up0").expect("short"),
            flags: AfPacketFlags::QDISC_BYPASS | AfPacketFlags::CKSUM_GSO,
            num_rx_queues: 1,
            num_tx_queues: 1,
            ..AfPacketCreateV3::default()
        })
        .sw_if_index;
    client.up(uplink);
    client.ok(&SwInterfaceSetMtu {
        sw_if_index: uplink,
        mtu: [1600, 0, 0, 0],
    });
    let (local, remote) = (end(kind, own), end(kind, other));
    client.ok(&SwInterfaceAddDelAddress {
        sw_if_index: uplink,
        is_add: true,
        del_all: false,
        prefix: Prefix {
            address: local.0,
            len: if local.0.is_ipv4() { 24 } else { 64 },
        },
    });
    let none = SwIfIndex::NONE;
    let tunnel = match kind {
        Kind::Vxlan4 | Kind::Vxlan6 => {
            client
                .ok(&VxlanAddDelTunnelV3 {
                    is_add: true,
                    instance: u32::MAX,
                    src_address: local,
                    dst_address: remote,
                    src_port: 0,
                    dst_port: 0,
                    mcast_sw_if_index: none,
                    encap_vrf_id: 0,
                    decap_next_index: u32::MAX,
                    vni: 5,
                    is_l3: false,
                })
                .sw_if_index
        }
        Kind::Gpe => {
            client
                .ok(&VxlanGpeAddDelTunnelV2 {
                    local,
                    remote,
                    local_port: 0,
                    remote_port: 0,
                    mcast_sw_if_index: none,
                    encap_vrf_id: 0,
                    decap_vrf_id: 0,
                    protocol: VxlanGpeProtocol::ETHERNET,
                    vni: 5,
                    is_add: true,
                })
                .sw_if_index
        }
    };
    client.ok(&SwInterfaceSetL2Bridge {
        rx_sw_if_index: tunnel,
        bd_id: BdId(10),
        shg: 1,
        enable: true,
        ..SwInterfaceSetL2Bridge::default()
    });
    client.ok(&L2Flags {
        sw_if_index: tunnel,
        is_set: false,
        feature_bitmap: BdFlags::LEARN,
    });
    uplink
}

#[test]
fn machines_on_two_switches_reach_each_other_through_a_tunnel() {
    for kind in [Kind::Vxlan4, Kind::Vxlan6, Kind::Gpe] {
        let (left, right) = (Running::start(), Running::start());
        cable(&left.host, &right.host);
        let (one, two) = (Vm::new(1), Vm::new(2));
        let (mut first, mut second) = (left.client(), right.client());
        join(&mut first, kind, [1, 2]);
        join(&mut second, kind, [2, 1]);
        first.tap(&one, 10);
        second.tap(&two, 10);
        // The first ping resolves neighbours.
        let _ = one.reaches(&two);
        assert!(one.reaches(&two), "{}", first.cli("show errors"));
        transfer(&one, &two, 4 << 20);
        let errors = second.cli("show errors");
        assert!(errors.contains("good packets decapsulated"), "{errors}");
        let neighbours = first.cli("show ip neighbors");
        assert!(neighbours.contains("host-up0"), "{neighbours}");
    }
}

#[test]
fn a_linux_host_is_reached_through_vxlan() {
    for kind in [Kind::Vxlan4, Kind::Vxlan6] {
        let switch = Running::start();
        let linux = Vm::new(2);
        cable(&switch.host, &linux.namespace);
        let remote = end(kind, 2).0.to_string();
        let local = end(kind, 1).0.to_string();
        let inside = |command: &[&str]| linux.namespace.run(command);
        let len = if matches!(kind, Kind::Vxlan6) {
            inside(&["sysctl", "-qw", "net.ipv6.conf.up0.disable_ipv6=0"]);
            "64"
        } else {
            "24"
        };
        let address = format!("{remote}/{len}");
        let nodad: &[&str] = if len == "64" { &["nodad"] } else { &[] };
        let add = ["ip", "addr", "add", &address, "dev", "up0"];
        inside(&[&add[..], nodad].concat());
        inside(&[
            "ip", "link", "add", "eth0", "type", "vxlan", "id", "5", "local", &remote, "remote",
            &local, "dstport", "4789", "dev", "up0",
        ]);
        inside(&["ip", "addr", "add", "10.0.0.2/24", "dev", "eth0"]);
        inside(&["ip", "link", "set", "eth0", "up"]);
        let mut client = switch.client();
        join(&mut client, kind, [1, 2]);
        let vm = Vm::new(1);
        client.tap(&vm, 10);
        let _ = vm.reaches(&linux);
        assert!(vm.reaches(&linux), "{}", client.cli("show errors"));
        transfer(&vm, &linux, 4 << 20);
        transfer(&linux, &vm, 4 << 20);
    }
}
