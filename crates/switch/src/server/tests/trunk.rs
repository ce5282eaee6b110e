//! Two switches joined by a veth pair that carries VLANs.

use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketFlags, AfPacketMode};
use weft_vpp_wire::messages::interface::{CreateSubif, SubIfFlags};
use weft_vpp_wire::messages::l2::{L2InterfaceVlanTagRewrite, VtrOp};
use weft_vpp_wire::{FixedString, SwIfIndex};

use super::packets::transfer;
use super::support::{ApiClient, Running, Vm};

/// Makes the host device a port and returns it.
fn uplink(client: &mut ApiClient, name: &str) -> SwIfIndex {
    let request = AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name: FixedString::try_from(name).expect("short"),
        flags: AfPacketFlags::QDISC_BYPASS | AfPacketFlags::CKSUM_GSO,
        ..AfPacketCreateV3::default()
    };
    let index = client.ok(&request).sw_if_index;
    client.up(index);
    index
}

/// A VLAN of the uplink, bridged, its tag taken off on the way in.
fn vlan(client: &mut ApiClient, uplink: SwIfIndex, vlan: u16, bd_id: u32) {
    let sub = client.ok(&CreateSubif {
        sw_if_index: uplink,
        sub_id: u32::from(vlan),
        sub_if_flags: SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH,
        outer_vlan_id: vlan,
        inner_vlan_id: 0,
    });
    let index = sub.sw_if_index;
    client.up(index);
    client.bridge(index, bd_id);
    client.ok(&L2InterfaceVlanTagRewrite {
        sw_if_index: index,
        vtr_op: VtrOp::POP_1,
        push_dot1q: 1,
        ..L2InterfaceVlanTagRewrite::default()
    });
}

/// Two hosts joined by `trunk` in each.
fn joined() -> [Running; 2] {
    let hosts = [Running::start(), Running::start()];
    let (a, b) = (&hosts[0].host, &hosts[1].host);
    let peer = ["peer", "name", "trunk", "netns", &b.name];
    a.run(
        &[
            &["ip", "link", "add", "trunk", "type", "veth"][..],
            &peer[..],
        ]
        .concat(),
    );
    a.run(&["ip", "link", "set", "trunk", "up"]);
    b.run(&["ip", "link", "set", "trunk", "up"]);
    hosts
}

#[test]
fn vlans_cross_the_trunk_tagged_and_apart() {
    let hosts = joined();
    let vms = [Vm::new(1), Vm::new(2), Vm::new(3), Vm::new(4)];
    // The bridge domains have other numbers on the other host: only the VLAN joins them.
    for (host, (first, second), domains) in [
        (&hosts[0], (&vms[0], &vms[1]), (10, 20)),
        (&hosts[1], (&vms[2], &vms[3]), (20, 30)),
    ] {
        let mut client = host.client();
        let trunk = uplink(&mut client, "trunk");
        vlan(&mut client, trunk, 100, domains.0);
        vlan(&mut client, trunk, 200, domains.1);
        client.tap(first, domains.0);
        client.tap(second, domains.1);
    }
    assert!(
        vms[0].reaches(&vms[2]) && vms[2].reaches(&vms[0]),
        "VLAN 100"
    );
    assert!(
        vms[1].reaches(&vms[3]) && vms[3].reaches(&vms[1]),
        "VLAN 200"
    );
    assert!(!vms[0].reaches(&vms[3]), "VLAN 100 from 200");
    transfer(&vms[0], &vms[2], 8 << 20);
    let errors = hosts[1].client().cli("show interface");
    assert!(!errors.contains("rx-error"), "{errors}");
}

#[test]
fn untagged_network_shares_the_trunk_with_vlans() {
    let hosts = joined();
    let vms = [Vm::new(1), Vm::new(2)];
    for (host, vm) in hosts.iter().zip(&vms) {
        let mut client = host.client();
        let trunk = uplink(&mut client, "trunk");
        vlan(&mut client, trunk, 100, 100);
        client.bridge(trunk, 1);
        client.tap(vm, 1);
    }
    assert!(vms[0].reaches(&vms[1]));
}
