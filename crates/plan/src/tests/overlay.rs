//! Overlay networks: tunnels exist exactly while they are needed, MAC addresses are where the newest
//! word says, and a change costs what it changes.

mod history;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde_json::json;
use weft_model::{HostName, Mac, MacAdvertisement, Network, OverlaySegment, PortBinding, Status};

use super::world::{World, network, port, record};
use crate::{
    Address, HostNetwork, InterfaceKey, NetworkRecord, Object, ObjectKey, Operation, PortRecord,
    Reconciler, RemoteMac, Underlay, UnderlayAddress,
};

const SEGMENT: &str = "gpe.7";

/// A host whose `physnet1` carries the overlay networks, with this address, or one to be found.
fn overlay_network(address: Option<&str>) -> HostNetwork {
    let address = address.map(|address| UnderlayAddress {
        address: address.parse().unwrap(),
        prefix_len: 24,
    });
    HostNetwork {
        underlay: Some(Underlay {
            physnet: "physnet1".parse().unwrap(),
            address,
            gateway: None,
            mtu: weft_model::Mtu::DEFAULT,
        }),
        ..network()
    }
}

fn network_status(host: &Reconciler, segment: OverlaySegment) -> Option<Status> {
    let mut statuses = host.network_statuses(&[segment].into());
    statuses.pop().and_then(|(_, status)| status)
}

fn segment(text: &str) -> OverlaySegment {
    text.parse().unwrap()
}

fn mac(last: u8) -> Mac {
    Mac::new([0xfa, 0x16, 0x3e, 0, 0, last])
}

fn host(name: &str) -> HostName {
    name.parse().unwrap()
}

/// The record of a TAP port on an overlay network, with a MAC that ends in `last` and both addresses
/// of it.
fn overlay_port(on: &str, last: u8, revision: i64) -> PortRecord {
    let segment = segment(on);
    let binding = PortBinding::from_json(&json!({
        "mac_address": mac(last), "network_type": segment.protocol.as_str(), "mtu": 1500,
        "segmentation_id": segment.vni, "binding_type": "tap",
        "fixed_ips": [{"ip_address": format!("10.0.0.{last}")}, {"ip_address": format!("fd00::{last}")}],
    }));
    PortRecord {
        create_revision: revision,
        mod_revision: revision,
        binding,
    }
}

/// What a host with this underlay address says of a MAC address.
fn remote(underlay: &str, ips: &[&str], revision: i64) -> RemoteMac {
    RemoteMac {
        mod_revision: revision,
        advertisement: Ok(MacAdvertisement {
            host: underlay.parse().unwrap(),
            ips: ips.iter().map(|ip| ip.parse::<IpAddr>().unwrap()).collect(),
            revision,
        }),
    }
}

/// A host with one port on the network, of which everything was read and nothing is anywhere else.
fn quiet() -> (World, Reconciler) {
    let mut world = World::default();
    let mut host = world.reconciler_of(overlay_network(Some("192.0.2.1")));
    host.set_port(&port("web"), Some(overlay_port(SEGMENT, 1, 1)));
    host.set_network(segment(SEGMENT), None);
    host.set_remote_macs(segment(SEGMENT), BTreeMap::new());
    world.settle(&mut host);
    host.take_news();
    (world, host)
}

fn operations(host: &mut Reconciler, world: &mut World) -> Vec<String> {
    let now = world.now();
    let plan = host.plan(now);
    plan.levels
        .iter()
        .flat_map(|level| {
            let mut level: Vec<String> = level.iter().map(Operation::to_string).collect();
            level.sort();
            level
        })
        .collect()
}

#[test]
fn a_network_with_one_port_has_a_bridge_that_answers_and_no_tunnel() {
    let (world, host) = quiet();
    assert_eq!(
        world.lines(),
        [
            "uplink physnet1: host-trunk0, mtu 1500, up",
            "tap web: device tapweb, mac fa:16:3e:00:00:01, mtu 1450, up",
            "bridge-domain gpe.7: learn forward flood uu-flood arp-term, mac-age 5 min",
            "bridge-member tap web: in gpe.7",
            "address 192.0.2.1 of uplink physnet1: prefix length 24",
            "neighbour 10.0.0.1 in gpe.7: has fa:16:3e:00:00:01",
            "neighbour fd00::1 in gpe.7: has fa:16:3e:00:00:01",
        ]
    );
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
    assert_eq!(
        network_status(&host, segment(SEGMENT)),
        Some(Status::Effective)
    );
    assert_eq!(host.is_bridged(&port("web")), Some(true));
}

#[test]
fn the_first_mac_of_a_host_makes_a_tunnel_the_next_costs_itself_and_the_last_takes_it_along() {
    let (mut world, mut host_1) = quiet();
    let other = host("host2");
    let set = |reconciler: &mut Reconciler, last, ips: &[&str]| {
        let word = remote("192.0.2.2", ips, i64::from(last));
        reconciler.set_remote_mac(segment(SEGMENT), &other, mac(last), Some(word));
    };
    set(&mut host_1, 20, &["10.0.0.20", "fd00::20"]);
    assert_eq!(
        operations(&mut host_1, &mut world),
        [
            "+ tunnel gpe.7 to 192.0.2.2: from 192.0.2.1, up",
            "+ bridge-member tunnel gpe.7 to 192.0.2.2: in gpe.7, split horizon group 1, no learning",
            "+ neighbour 10.0.0.20 in gpe.7: has fa:16:3e:00:00:14",
            "+ neighbour fd00::20 in gpe.7: has fa:16:3e:00:00:14",
            "+ static-mac fa:16:3e:00:00:14 in gpe.7: behind tunnel gpe.7 to 192.0.2.2",
        ]
    );
    world.settle(&mut host_1);
    set(&mut host_1, 21, &["10.0.0.21"]);
    assert_eq!(
        operations(&mut host_1, &mut world),
        [
            "+ neighbour 10.0.0.21 in gpe.7: has fa:16:3e:00:00:15",
            "+ static-mac fa:16:3e:00:00:15 in gpe.7: behind tunnel gpe.7 to 192.0.2.2",
        ]
    );
    world.settle(&mut host_1);
    host_1.take_news();
    host_1.set_remote_mac(segment(SEGMENT), &other, mac(20), None);
    assert_eq!(
        operations(&mut host_1, &mut world),
        [
            "- neighbour 10.0.0.20 in gpe.7: has fa:16:3e:00:00:14",
            "- neighbour fd00::20 in gpe.7: has fa:16:3e:00:00:14",
            "- static-mac fa:16:3e:00:00:14 in gpe.7: behind tunnel gpe.7 to 192.0.2.2",
        ]
    );
    world.settle(&mut host_1);
    assert!(
        host_1.take_news().ports.is_empty(),
        "it is no port's matter"
    );
    // The host is dead: all that it said is gone.
    host_1.set_remote_macs(segment(SEGMENT), BTreeMap::new());
    assert_eq!(
        operations(&mut host_1, &mut world),
        [
            "- neighbour 10.0.0.21 in gpe.7: has fa:16:3e:00:00:15",
            "- static-mac fa:16:3e:00:00:15 in gpe.7: behind tunnel gpe.7 to 192.0.2.2",
            "- bridge-member tunnel gpe.7 to 192.0.2.2: in gpe.7, split horizon group 1, no learning",
            "- tunnel gpe.7 to 192.0.2.2: from 192.0.2.1, up",
        ]
    );
}

#[test]
fn a_machine_that_moves_is_never_without_an_entry() {
    let (mut world, mut host_1) = quiet();
    let ips = ["10.0.0.20"];
    host_1.set_remote_mac(
        segment(SEGMENT),
        &host("host2"),
        mac(20),
        Some(remote("192.0.2.2", &ips, 5)),
    );
    world.settle(&mut host_1);
    // The new owner's word comes with the end of the old one's, or before it: the newer counts.
    host_1.set_remote_mac(
        segment(SEGMENT),
        &host("host3"),
        mac(20),
        Some(remote("192.0.2.3", &ips, 9)),
    );
    let moved = [
        "+ tunnel gpe.7 to 192.0.2.3: from 192.0.2.1, up",
        "+ bridge-member tunnel gpe.7 to 192.0.2.3: in gpe.7, split horizon group 1, no learning",
        "~ static-mac fa:16:3e:00:00:14 in gpe.7: behind tunnel gpe.7 to 192.0.2.3 (was behind tunnel gpe.7 to 192.0.2.2)",
        "- bridge-member tunnel gpe.7 to 192.0.2.2: in gpe.7, split horizon group 1, no learning",
        "- tunnel gpe.7 to 192.0.2.2: from 192.0.2.1, up",
    ];
    assert_eq!(operations(&mut host_1, &mut world), moved);
    world.settle(&mut host_1);
    host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(20), None);
    assert!(operations(&mut host_1, &mut world).is_empty());

    // It comes to this host: what is here is learned, not told.
    host_1.set_port(&port("came"), Some(overlay_port(SEGMENT, 20, 12)));
    world.settle(&mut host_1);
    let key = ObjectKey::StaticMac(segment(SEGMENT), mac(20));
    assert_eq!(world.holds.get(&key), None);
}

#[test]
fn what_several_have_is_answered_for_by_nobody() {
    let (mut world, mut host_1) = quiet();
    let neighbour = ObjectKey::Neighbour(segment(SEGMENT), "10.0.0.9".parse().unwrap());
    for (last, there) in [(20, true), (21, false)] {
        let word = remote("192.0.2.2", &["10.0.0.9"], 3);
        host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(last), Some(word));
        world.settle(&mut host_1);
        assert_eq!(world.holds.get(&neighbour).is_some(), there, "{last}");
    }
    host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(20), None);
    world.settle(&mut host_1);
    let Some(Object::Neighbour(entry)) = world.holds.get(&neighbour).map(Arc::as_ref) else {
        panic!("nobody answers for the last one");
    };
    assert_eq!(entry.mac, mac(21));
}

#[test]
fn flooding_is_switched_off_per_network() {
    let (mut world, mut host) = quiet();
    let quiet = Network {
        flood: false,
        unknown_unicast_flood: false,
    };
    let record = |network| NetworkRecord {
        mod_revision: 4,
        network,
    };
    host.set_network(segment(SEGMENT), Some(record(Ok(quiet))));
    assert_eq!(
        operations(&mut host, &mut world),
        [
            "~ bridge-domain gpe.7: learn forward arp-term, mac-age 5 min (was learn forward flood uu-flood arp-term, mac-age 5 min)"
        ]
    );
    world.settle(&mut host);
    let unread = weft_model::decode_network(b"{\"flood\": 7}");
    host.set_network(segment(SEGMENT), Some(record(unread)));
    world.settle(&mut host);
    let Some(Status::Failed { reason, .. }) = network_status(&host, segment(SEGMENT)) else {
        panic!("a record that says nothing sensible is told of");
    };
    assert!(reason.starts_with("field `flood`"), "{reason}");
}

#[test]
fn the_last_port_takes_the_network_along() {
    let (mut world, mut host_1) = quiet();
    let word = remote("192.0.2.2", &["10.0.0.20"], 3);
    host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(20), Some(word));
    world.settle(&mut host_1);
    host_1.set_port(&port("web"), None);
    world.settle(&mut host_1);
    assert_eq!(
        world.lines(),
        [
            "uplink physnet1: host-trunk0, mtu 1500, up",
            "address 192.0.2.1 of uplink physnet1: prefix length 24",
        ]
    );
    assert!(host_1.interest().networks.is_empty());
    assert_eq!(network_status(&host_1, segment(SEGMENT)), None);
    assert!(host_1.take_news().networks.contains(&segment(SEGMENT)));
}

#[test]
fn nothing_is_touched_before_the_network_was_read() {
    let (mut world, mut before) = quiet();
    let word = remote("192.0.2.2", &["10.0.0.20"], 3);
    let words = BTreeMap::from([((host("host2"), mac(20)), word)]);
    before.set_remote_macs(segment(SEGMENT), words.clone());
    world.settle(&mut before);
    let held = world.holds.clone();

    let mut again = world.reconciler_of(overlay_network(Some("192.0.2.1")));
    again.set_port(&port("web"), Some(overlay_port(SEGMENT, 1, 1)));
    for _ in 0..2 {
        assert!(operations(&mut again, &mut world).is_empty());
        assert!(matches!(
            again.port_status(&port("web")),
            Some(Status::Pending { .. })
        ));
        again.set_network(segment(SEGMENT), None);
    }
    again.set_remote_macs(segment(SEGMENT), words);
    assert!(operations(&mut again, &mut world).is_empty());
    assert_eq!(again.port_status(&port("web")), Some(Status::Effective));
    assert_eq!(world.holds, held);

    // What is stale goes once it is known to be.
    let mut third = world.reconciler_of(overlay_network(Some("192.0.2.1")));
    third.set_port(&port("web"), Some(overlay_port(SEGMENT, 1, 1)));
    third.set_network(segment(SEGMENT), None);
    world.settle(&mut third);
    assert_eq!(world.holds, held);
    third.set_remote_macs(segment(SEGMENT), BTreeMap::new());
    world.settle(&mut third);
    assert!(!world.lines().iter().any(|line| line.contains("tunnel")));
}

#[test]
fn a_host_without_an_underlay_says_so_and_one_that_has_no_address_yet_waits() {
    let mut world = World::default();
    let mut none = world.reconciler();
    none.set_port(&port("web"), Some(overlay_port(SEGMENT, 1, 1)));
    world.settle(&mut none);
    let Some(Status::Failed {
        reason, tries: 0, ..
    }) = none.port_status(&port("web"))
    else {
        panic!("{:?}", none.port_status(&port("web")));
    };
    assert!(reason.contains("no underlay"), "{reason}");

    let mut found = world.reconciler_of(overlay_network(None));
    found.set_port(&port("web"), Some(overlay_port("vxlan.7", 1, 1)));
    world.settle(&mut found);
    let Some(Status::Pending { reason }) = found.port_status(&port("web")) else {
        panic!("{:?}", found.port_status(&port("web")));
    };
    assert!(reason.contains("no IP address yet"), "{reason}");
    assert!(found.interest().networks.is_empty());

    // Somebody gives it one, and takes it away again: that is none of ours.
    let mut with = world.holds.clone();
    let on_uplink = |address: &str| {
        Object::Address(Address {
            interface: InterfaceKey::Uplink("physnet1".parse().unwrap()),
            address: address.parse().unwrap(),
            prefix_len: 64,
        })
    };
    with.insert(on_uplink("fe80::1"));
    with.insert(on_uplink("2001:db8::1"));
    found.refreshed(with);
    assert_eq!(found.underlay(), "2001:db8::1".parse().ok());
    found.set_network(segment("vxlan.7"), None);
    found.set_remote_macs(segment("vxlan.7"), BTreeMap::new());
    world.settle(&mut found);
    assert_eq!(found.port_status(&port("web")), Some(Status::Effective));
    let tap = ObjectKey::tap(&port("web"));
    let Some(Object::Tap(tap)) = world.holds.get(&tap).map(Arc::as_ref) else {
        panic!("no TAP");
    };
    assert_eq!(tap.mtu.get(), 1430, "IPv6 takes 20 bytes more");
    found.refreshed(world.holds.clone());
    assert!(operations(&mut found, &mut world).is_empty());
    let Some(Status::Pending { reason }) = found.port_status(&port("web")) else {
        panic!("{:?}", found.port_status(&port("web")));
    };
    assert!(reason.contains("no IP address any more"), "{reason}");
}

#[test]
fn the_underlays_uplink_is_no_flat_network() {
    let mut world = World::default();
    let mut host = world.reconciler_of(overlay_network(Some("192.0.2.1")));
    host.set_port(&port("flat"), Some(record(0, 1, 1)));
    host.set_port(&port("vlan"), Some(record(100, 2, 2)));
    world.settle(&mut host);
    let Some(Status::Failed { reason, .. }) = host.port_status(&port("flat")) else {
        panic!("{:?}", host.port_status(&port("flat")));
    };
    assert!(reason.contains("carries the overlay networks"), "{reason}");
    assert_eq!(host.port_status(&port("vlan")), Some(Status::Effective));
}

#[test]
fn an_address_of_another_configuration_is_replaced_and_all_tunnels_with_it() {
    let (mut world, mut host_1) = quiet();
    let word = remote("192.0.2.2", &["10.0.0.20"], 3);
    let words = BTreeMap::from([((host("host2"), mac(20)), word)]);
    host_1.set_remote_macs(segment(SEGMENT), words.clone());
    world.settle(&mut host_1);
    let mut other = world.reconciler_of(overlay_network(Some("192.0.2.9")));
    other.set_port(&port("web"), Some(overlay_port(SEGMENT, 1, 1)));
    other.set_network(segment(SEGMENT), None);
    other.set_remote_macs(segment(SEGMENT), words);
    world.settle(&mut other);
    let lines = world.lines();
    let has = |text: &str| lines.iter().any(|line| line == text);
    assert!(
        has("address 192.0.2.9 of uplink physnet1: prefix length 24"),
        "{lines:#?}"
    );
    assert!(
        !has("address 192.0.2.1 of uplink physnet1: prefix length 24"),
        "{lines:#?}"
    );
    assert!(
        has("tunnel gpe.7 to 192.0.2.2: from 192.0.2.9, up"),
        "{lines:#?}"
    );
    assert!(
        has("static-mac fa:16:3e:00:00:14 in gpe.7: behind tunnel gpe.7 to 192.0.2.2"),
        "{lines:#?}"
    );
}

#[test]
fn what_no_tunnel_reaches_is_told_of_and_harms_nobody_else() {
    let (mut world, mut host_1) = quiet();
    let words = [
        (20, remote("2001:db8::2", &["10.0.0.20"], 3)),
        (21, remote("192.0.2.1", &["10.0.0.21"], 3)),
        (
            22,
            RemoteMac {
                mod_revision: 3,
                advertisement: weft_model::decode_mac_advertisement(b"{"),
            },
        ),
        (23, remote("192.0.2.2", &["10.0.0.23"], 3)),
    ];
    for (last, word) in words {
        host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(last), Some(word));
    }
    world.settle(&mut host_1);
    let tunnels = world.lines();
    let tunnels = tunnels.iter().filter(|line| line.starts_with("tunnel"));
    assert_eq!(tunnels.count(), 1);
    let Some(Status::Failed { reason, .. }) = network_status(&host_1, segment(SEGMENT)) else {
        panic!("{:?}", network_status(&host_1, segment(SEGMENT)));
    };
    assert!(reason.contains("2001:db8::2"), "{reason}");
    assert!(reason.ends_with("; and 2 more"), "{reason}");
    assert_eq!(host_1.port_status(&port("web")), Some(Status::Effective));
}

#[test]
fn a_tunnel_that_is_refused_is_the_networks_fault_and_is_tried_again() {
    let (mut world, mut host_1) = quiet();
    let word = remote("192.0.2.2", &["10.0.0.20"], 3);
    let tunnel = "tunnel gpe.7 to 192.0.2.2";
    host_1.set_remote_mac(segment(SEGMENT), &host("host2"), mac(20), Some(word));
    world.refuses = super::world::keys(&[tunnel], &host_1);
    world.settle(&mut host_1);
    let Some(Status::Failed {
        reason, tries: 1, ..
    }) = network_status(&host_1, segment(SEGMENT))
    else {
        panic!("{:?}", network_status(&host_1, segment(SEGMENT)));
    };
    assert!(reason.starts_with(tunnel), "{reason}");
    assert_eq!(host_1.port_status(&port("web")), Some(Status::Effective));
    world.refuses.clear();
    world.pass(std::time::Duration::from_secs(100));
    world.settle(&mut host_1);
    assert_eq!(
        network_status(&host_1, segment(SEGMENT)),
        Some(Status::Effective)
    );
}

#[test]
fn one_change_costs_the_same_whatever_the_network_holds() {
    let (mut world, mut host_1) = quiet();
    let words = (0..2000_u32).map(|at| {
        let [_, _, high, low] = at.to_be_bytes();
        let address = Mac::new([2, 0, 0, 0, high, low]);
        let name = host(&format!("host{}", at % 50 + 2));
        let word = remote(
            &format!("192.0.2.{}", at % 50 + 2),
            &[&format!("10.1.{high}.{low}")],
            3,
        );
        ((name, address), word)
    });
    host_1.set_remote_macs(segment(SEGMENT), words.collect());
    world.settle(&mut host_1);
    let sent = world.sent;
    let word = remote("192.0.2.3", &["10.0.0.20"], 9);
    host_1.set_remote_mac(segment(SEGMENT), &host("host3"), mac(20), Some(word));
    world.settle(&mut host_1);
    assert_eq!(world.sent - sent, 2);
}

#[test]
fn a_gpe_port_over_ipv6_is_refused_and_a_vxlan_port_is_not() {
    let mut world = World::default();
    let mut host = world.reconciler_of(overlay_network(Some("2001:db8::1")));
    host.set_port(&port("gpe"), Some(overlay_port("gpe.7", 1, 1)));
    host.set_port(&port("vxlan"), Some(overlay_port("vxlan.7", 2, 1)));
    host.set_network(segment("vxlan.7"), None);
    host.set_remote_macs(segment("vxlan.7"), BTreeMap::new());
    world.settle(&mut host);
    let Some(Status::Failed { reason, .. }) = host.port_status(&port("gpe")) else {
        panic!("{:?}", host.port_status(&port("gpe")));
    };
    assert!(
        reason.contains("VPP cannot carry `gpe` over IPv6"),
        "{reason}"
    );
    assert_eq!(host.port_status(&port("vxlan")), Some(Status::Effective));
}
