//! What is compiled: access lists and lists of source addresses, in words.

use std::sync::Arc;

use super::*;

#[test]
fn anti_spoofing_in_words() {
    let rules = |direction| -> Vec<String> {
        let acl = crate::policy::anti_spoofing(direction);
        acl.rules.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        rules(Direction::Ingress)[..3],
        [
            "permit udp from 0.0.0.0/0 port 67 to 0.0.0.0/0 port 68",
            "permit udp from ::/0 port 547 to ::/0 port 546",
            "permit ipv6-icmp type 130 from ::/0 to ::/0",
        ]
    );
    assert_eq!(
        rules(Direction::Egress),
        [
            "permit udp from 0.0.0.0/0 port 68 to 0.0.0.0/0 port 67",
            "deny udp from 0.0.0.0/0 port 67 to 0.0.0.0/0 port 68",
            "permit udp from ::/0 port 546 to ::/0 port 547",
            "deny udp from ::/0 port 547 to ::/0 port 546",
            "permit ipv6-icmp type 135 from ::/0 to ::/0",
            "permit ipv6-icmp type 136 from ::/0 to ::/0",
            "permit ipv6-icmp type 133 from ::/0 to ::/0",
            "permit ipv6-icmp type 131 from ::/0 to ::/0",
            "permit ipv6-icmp type 132 from ::/0 to ::/0",
            "permit ipv6-icmp type 143 from ::/0 to ::/0",
            "deny ipv6-icmp type 134 from ::/0 to ::/0",
            // Its answers must come in, too, whatever the groups of the port.
            "permit+reflect tcp from 0.0.0.0/0 to 169.254.169.254 port 80",
            "permit+reflect tcp from ::/0 to fe80::a9fe:a9fe port 80",
        ]
    );
}

#[test]
fn source_addresses_are_those_of_the_port_and_its_pairs() {
    let mut host = World::default().reconciler();
    let mut record = secured(0, 1, &[], 1);
    record.binding.as_mut().unwrap().allowed_address_pairs = serde_json::from_value::<Vec<serde_json::Value>>(json!([
        {"ip_address": "10.1.2.3/16"}, {"ip_address": "fd00::7", "mac_address": "00:00:5e:00:01:05"},
    ]))
    .unwrap()
    .iter()
    .map(|pair| weft_model::AddressPair {
        ip_address: pair["ip_address"].as_str().unwrap().parse().unwrap(),
        mac: pair["mac_address"].as_str().map(|mac| mac.parse().unwrap()),
    })
    .collect();
    host.set_port(&port("web"), Some(record));
    let acl = host.compiler().object(&ObjectKey::MacIpAcl(port("web")));
    let Some(Object::MacIpAcl(acl)) = acl.map(Arc::as_ref) else {
        panic!("no list of source addresses");
    };
    let rules: Vec<String> = acl.rules.iter().map(ToString::to_string).collect();
    assert_eq!(
        rules,
        [
            "permit :: from 00:00:5e:00:01:05",
            "permit fd00::7 from 00:00:5e:00:01:05",
            "permit fe80::200:5eff:fe00:105 from 00:00:5e:00:01:05",
            "permit 0.0.0.0 from fa:16:3e:00:00:01",
            "permit 10.0.0.1 from fa:16:3e:00:00:01",
            "permit 10.1.0.0/16 from fa:16:3e:00:00:01",
            "permit :: from fa:16:3e:00:00:01",
            "permit fe80::f816:3eff:fe00:1 from fa:16:3e:00:00:01",
        ]
    );
}

#[test]
fn rules_are_stateful_for_every_protocol_and_type_0_is_a_type() {
    let (_, mut host, mut store) = host_of(&["g"]);
    let rules = json!([
        {"is_ipv6": 0, "protocol": 1, "port_min": 0, "port_max": 0},
        {"is_ipv6": 0, "protocol": 132, "port_min": 0, "port_max": 65535},
        {"is_ipv6": 0, "remote_ip_addr": "10.9.9.9", "ip_prefix_len": 8, "protocol": "gre"},
        {"is_ipv6": 1},
    ]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    store.serve_all(&mut host);
    assert_eq!(
        list(&host, "g", Direction::Ingress),
        [
            "permit+reflect icmp type 0 code 0 from 0.0.0.0/0 to 0.0.0.0/0",
            "permit+reflect sctp from 0.0.0.0/0 to 0.0.0.0/0",
            "permit+reflect gre from 10.0.0.0/8 to 0.0.0.0/0",
            "permit+reflect any from ::/0 to ::/0",
        ]
    );
}

#[test]
fn the_rules_of_a_stateless_group_reflect_nothing() {
    let (_, mut host, mut store) = host_of(&["g"]);
    let mut stateless = group(json!([]), ssh());
    stateless.stateful = false;
    store.groups.insert(group_id("g"), Ok(stateless));
    store.serve_all(&mut host);
    assert_eq!(
        list(&host, "g", Direction::Egress),
        ["permit tcp from 0.0.0.0/0 to 0.0.0.0/0 port 22"]
    );
}

#[test]
fn what_vpp_cannot_tell_apart_allows_nothing_and_is_told() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    let rules = json!([
        {"is_ipv6": 0, "protocol": "sctp", "port_min": 0, "port_max": 80},
        {"is_ipv6": 1, "protocol": "ipv6-route"},
        {"is_ipv6": 0, "protocol": "tcp"},
    ]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    store.serve_all(&mut host);
    assert_eq!(
        list(&host, "g", Direction::Ingress),
        ["permit+reflect tcp from 0.0.0.0/0 to 0.0.0.0/0"]
    );
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
    assert_eq!(
        host.security_group_status(&group_id("g")),
        Some(Status::Failed {
            reason: "ingress rule `sctp port 0-80 with 0.0.0.0/0` allows nothing: VPP does not know the ports of sctp; \
                     ingress rule `ipv6-route with ::/0` allows nothing: VPP takes ipv6-route for a header before the protocol, not for a protocol".to_owned(),
            tries: 0,
            next_try: None,
        })
    );
}

#[test]
fn members_of_both_ip_versions_join_and_leave() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    let rules = json!([
        {"is_ipv6": 0, "remote_group_id": "peers"}, {"is_ipv6": 1, "remote_group_id": "peers"},
        {"is_ipv6": 0, "remote_address_group_id": "offices", "protocol": "udp"},
    ]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    let offices = weft_model::decode_address_group(br#"{"addresses": ["192.0.2.9/24"]}"#);
    store.addresses.insert("offices".parse().unwrap(), offices);
    store.serve_all(&mut host);
    world.settle(&mut host);
    assert_eq!(
        list(&host, "g", Direction::Ingress),
        ["permit+reflect udp from 192.0.2.0/24 to 0.0.0.0/0"]
    );
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));

    let both = member(&["10.0.0.3", "fd00::3"]);
    host.set_remote_group_member(&group_id("peers"), &port("m"), Some(Ok(both)));
    assert_eq!(
        list(&host, "g", Direction::Ingress),
        [
            "permit+reflect any from 10.0.0.3 to 0.0.0.0/0",
            "permit+reflect udp from 192.0.2.0/24 to 0.0.0.0/0",
            "permit+reflect any from fd00::3 to ::/0",
        ]
    );
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "~ acl group g ingress: 3 rules (was 1 rule)\n",
        "one list in place, and nothing else"
    );
    world.settle(&mut host);
    host.set_remote_group_member(&group_id("peers"), &port("m"), None);
    assert_eq!(list(&host, "g", Direction::Ingress).len(), 1);
}

#[test]
fn taps_are_trusted_unless_the_host_says_otherwise() {
    let needs = |secure_taps| {
        let network = crate::HostNetwork {
            secure_taps,
            ..crate::tests::world::network()
        };
        let mut compiler = crate::Compiler::new(network);
        compiler.set_port(&port("dhcp"), Some(record(0, 1, 1)));
        compiler.objects_of(&port("dhcp")).unwrap().unwrap().len()
    };
    assert_eq!(needs(false), 4);
    assert_eq!(needs(true), 9);
}

#[test]
fn a_port_with_more_groups_than_vpp_can_bind_is_told() {
    let groups: Vec<String> = (0..127).map(|at| format!("g{at}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let (_, host, _) = host_of(&groups);
    assert_eq!(
        host.port_status(&port("web")).unwrap().reason().unwrap(),
        "field `security_groups`: 127 groups; VPP gives an interface 126 at most"
    );
}
