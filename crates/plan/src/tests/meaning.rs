//! Random groups, members and packets: what is compiled lets pass what Neutron's rules allow.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use weft_model::{
    AddressGroup, GroupMember, IcmpMessages, IpPrefix, IpProtocol, IpVersion, PortBinding,
    PortProtocol, PortRange, Remote, SecurityGroup, SecurityRule, Traffic,
};

use super::world::{network, port};
use crate::testing::{Cloud, Packet, Transport, first_match, fragment_match, may_send, passes};
use crate::{Acl, Compiler, Direction, Object, ObjectKey, PortRecord, SecurityGroupRecord};

const GROUPS: [&str; 4] = ["a", "b", "c", "absent"];
const PORT_PROTOCOLS: [PortProtocol; 5] = [
    PortProtocol::Tcp,
    PortProtocol::Udp,
    PortProtocol::UdpLite,
    PortProtocol::Sctp,
    PortProtocol::Dccp,
];
/// Of each pair a rule's or packet's is likely to be the same as another's.
const PORTS: [u16; 7] = [0, 22, 67, 68, 80, 546, 547];
const KINDS: [u8; 7] = [0, 8, 128, 129, 134, 135, 255];

const ADDRESSES: [&str; 6] = [
    "10.0.0.1",
    "10.0.0.2",
    "10.0.1.1",
    "192.168.0.1",
    "169.254.169.254",
    "0.0.0.0",
];
const ADDRESSES_V6: [&str; 6] = [
    "fd00::1",
    "fd00::2",
    "fd00:0:0:1::1",
    "fe80::a9fe:a9fe",
    "fe80::f816:3eff:fe00:1",
    "::",
];

fn address_of(addresses: [&'static str; 6]) -> impl Strategy<Value = IpAddr> {
    prop::sample::select(addresses.to_vec()).prop_map(|text| text.parse().unwrap())
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![address_of(ADDRESSES), address_of(ADDRESSES_V6)]
}

fn prefix() -> impl Strategy<Value = IpPrefix> {
    (address(), 0..=8_u8).prop_map(|(address, eighths)| {
        let bits = u16::from(IpVersion::of(address).address_bits());
        let length = u8::try_from(bits * u16::from(eighths) / 8).unwrap();
        IpPrefix::new(address, length).unwrap()
    })
}

fn version() -> impl Strategy<Value = IpVersion> {
    prop::sample::select(vec![IpVersion::V4, IpVersion::V6])
}

fn remote() -> impl Strategy<Value = Remote> {
    let group = prop::sample::select(&GROUPS[..]);
    prop_oneof![
        prefix().prop_map(Remote::Prefix),
        (group.clone(), version())
            .prop_map(|(group, version)| Remote::Group(group.parse().unwrap(), version)),
        (group, version())
            .prop_map(|(group, version)| Remote::AddressGroup(group.parse().unwrap(), version)),
    ]
}

fn traffic() -> impl Strategy<Value = Traffic> {
    let number = || prop::sample::select(&PORTS[..]);
    let kind = || prop::sample::select(&KINDS[..]);
    let range = (number(), number()).prop_map(|(a, b)| PortRange::new(a.min(b), a.max(b)).unwrap());
    let range = prop_oneof![Just(PortRange::ALL), range];
    prop_oneof![
        Just(Traffic::Any),
        (prop::sample::select(&PORT_PROTOCOLS[..]), range)
            .prop_map(|(protocol, range)| Traffic::Ports(protocol, range)),
        Just(Traffic::Icmp(IcmpMessages::All)),
        kind().prop_map(|kind| Traffic::Icmp(IcmpMessages::Type(kind))),
        (kind(), 0..2_u8)
            .prop_map(|(kind, code)| Traffic::Icmp(IcmpMessages::TypeCode(kind, code))),
        prop::sample::select(vec![4, 47, 112, 253])
            .prop_map(|number| Traffic::Protocol(IpProtocol::new(number))),
    ]
}

fn rules() -> impl Strategy<Value = Vec<SecurityRule>> {
    let rule = (remote(), traffic()).prop_map(|(remote, traffic)| SecurityRule { remote, traffic });
    prop::collection::vec(rule, 0..5)
}

fn cloud() -> impl Strategy<Value = Cloud> {
    let group =
        (rules(), rules(), any::<bool>()).prop_map(|(ingress, egress, stateful)| SecurityGroup {
            ingress_rules: ingress,
            egress_rules: egress,
            stateful,
        });
    let addresses = || prop::collection::vec(prefix(), 0..3);
    let member = addresses().prop_map(|addresses| GroupMember { addresses });
    let members =
        prop::collection::btree_map((0..3_u8).prop_map(|n| port(&format!("m{n}"))), member, 0..3);
    let addresses = addresses().prop_map(|addresses| AddressGroup { addresses });
    let three = |n: usize| GROUPS[n].parse().unwrap();
    (
        prop::collection::vec(group, 3),
        prop::collection::vec(members, 3),
        prop::collection::vec(addresses, 3),
    )
        .prop_map(move |(groups, members, addresses)| Cloud {
            security_groups: groups
                .into_iter()
                .enumerate()
                .map(|(n, it)| (three(n), it))
                .collect(),
            members: members
                .into_iter()
                .enumerate()
                .map(|(n, it)| (three(n), it))
                .collect(),
            address_groups: addresses
                .into_iter()
                .enumerate()
                .map(|(n, it)| (GROUPS[n].parse().unwrap(), it))
                .collect(),
        })
}

fn packet() -> impl Strategy<Value = Packet> {
    let number = || prop::sample::select(&PORTS[..]);
    let transport = prop_oneof![
        3 => (prop::sample::select(&PORT_PROTOCOLS[..]), number(), number()).prop_map(
            |(protocol, source, destination)| Transport::Ports { protocol, source, destination }
        ),
        2 => (prop::sample::select(&KINDS[..]), 0..2_u8)
            .prop_map(|(kind, code)| Transport::Icmp { kind, code }),
        1 => prop::sample::select(vec![4, 47, 112]).prop_map(|n| Transport::Other(IpProtocol::new(n))),
    ];
    let both = |addresses| (address_of(addresses), address_of(addresses));
    let addresses = prop_oneof![both(ADDRESSES), both(ADDRESSES_V6)];
    (addresses, transport).prop_map(|((source, destination), transport)| Packet {
        source,
        destination,
        transport,
    })
}

fn vhost_user_port() -> impl Strategy<Value = PortBinding> {
    let pair = (prefix(), prop::option::of(1..4_u8)).prop_map(|(prefix, mac)| {
        serde_json::json!({
            "ip_address": prefix, "mac_address": mac.map(|mac| format!("fa:16:3e:00:00:{mac:02x}")),
        })
    });
    (
        prop::sample::subsequence(GROUPS.to_vec(), 0..=4),
        prop::collection::vec(address(), 0..3),
        prop::collection::vec(pair, 0..3),
    )
        .prop_map(|(groups, fixed, pairs)| {
            PortBinding::from_json(&serde_json::json!({
                "mac_address": "fa:16:3e:00:00:01", "physnet": "physnet1", "network_type": "flat",
                "binding_type": "vhostuser", "security_groups": groups,
                "fixed_ips": fixed.iter().map(|ip| serde_json::json!({"ip_address": ip})).collect::<Vec<_>>(),
                "allowed_address_pairs": pairs,
            }))
            .unwrap()
        })
}

/// A host that has read all it needs of the cloud.
fn compiled(cloud: &Cloud, binding: &PortBinding) -> Compiler {
    let mut compiler = Compiler::new(network());
    let record = PortRecord {
        create_revision: 1,
        mod_revision: 1,
        binding: Ok(binding.clone()),
    };
    compiler.set_port(&port("web"), Some(record));
    // What the groups name comes to be of interest once they are read.
    for _ in 0..2 {
        let interest = compiler.interest().clone();
        for id in &interest.security_groups {
            let group = cloud.security_groups.get(id).cloned();
            let record = group.map(|group| SecurityGroupRecord {
                mod_revision: 1,
                group: Ok(group),
            });
            compiler.set_security_group(id, record);
        }
        for id in &interest.remote_groups {
            let members = cloud.members.get(id).cloned().unwrap_or_default();
            let members = members.into_iter().map(|(port, member)| (port, Ok(member)));
            compiler.set_remote_group(id, members.collect::<BTreeMap<_, _>>());
        }
        for id in &interest.address_groups {
            let group = cloud.address_groups.get(id).cloned();
            compiler.set_address_group(id, group.map(Ok));
        }
    }
    compiler
}

/// The lists of the port in the order in which VPP goes through them.
fn lists(compiler: &Compiler, direction: Direction) -> Vec<&Acl> {
    let binding = compiler.entries().find_map(|(_, object)| match object {
        Object::AclBinding(binding) => Some(binding),
        _ => None,
    });
    let binding = binding.unwrap();
    let keys = match direction {
        Direction::Egress => &binding.input,
        Direction::Ingress => &binding.output,
    };
    let list = |key: &Option<crate::AclKey>| match compiler
        .object(&ObjectKey::Acl(key.clone().unwrap()))
        .map(Arc::as_ref)
    {
        Some(Object::Acl(acl)) => acl,
        other => panic!("{other:?}"),
    };
    keys.iter().map(list).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_compiled_means_what_neutron_means(
        cloud in cloud(),
        binding in vhost_user_port(),
        packets in prop::collection::vec(packet(), 1..20),
        senders in prop::collection::vec((1..4_u8, address()), 1..10),
    ) {
        let compiler = compiled(&cloud, &binding);
        for direction in [Direction::Ingress, Direction::Egress] {
            let lists = lists(&compiler, direction);
            for packet in &packets {
                let allowed = cloud.allows(&binding, direction, packet);
                let passed = passes(first_match(&lists, packet));
                // Where VPP cannot tell, it drops, and the group's status says so.
                let told_apart = !matches!(packet.transport, Transport::Ports {
                    protocol: PortProtocol::UdpLite | PortProtocol::Sctp | PortProtocol::Dccp, ..
                });
                let faulty = binding.security_groups.iter().any(|group| !compiler.faults_of(group).is_empty());
                prop_assert!(
                    passed == allowed || (allowed && !told_apart && faulty),
                    "{direction} {packet:?}: allowed {allowed}, passed {passed}"
                );
                if passed {
                    prop_assert!(passes(fragment_match(&lists, packet)), "fragments of {packet:?}");
                }
            }
        }
        let list = compiler.object(&ObjectKey::MacIpAcl(port("web")));
        let Some(Object::MacIpAcl(list)) = list.map(Arc::as_ref) else {
            panic!("no list of source addresses");
        };
        for (mac, source) in senders {
            let mac = format!("fa:16:3e:00:00:{mac:02x}").parse().unwrap();
            prop_assert_eq!(may_send(list, mac, source), Cloud::may_send(&binding, mac, source));
        }
    }
}
