//! Security groups, anti-spoofing and vhost-user ports: what is compiled, planned and said.

use std::time::Duration;

use serde_json::json;
use weft_model::Status;

use super::store::{Item, Store, group, group_id, member};
use super::world::{World, keys, port, record, secured};
use crate::{
    AclKey, Direction, Object, ObjectKey, Operation, PortRecord, Reconciler, SecurityGroupRecord,
};

/// A world with one port `web` in the group `g`, of which nothing was read yet.
fn host_of(groups: &[&str]) -> (World, Reconciler, Store) {
    let world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("web"), Some(secured(100, 1, groups, 1)));
    (world, host, Store::default())
}

fn list(host: &Reconciler, group: &str, direction: Direction) -> Vec<String> {
    let key = AclKey::SecurityGroup {
        group: group_id(group),
        direction,
    };
    match host.compiler().object(&ObjectKey::Acl(key)) {
        Some(Object::Acl(acl)) => acl.rules.iter().map(ToString::to_string).collect(),
        _ => panic!("the group is not decided"),
    }
}

fn ssh() -> serde_json::Value {
    json!([{"is_ipv6": 0, "protocol": "tcp", "port_min": 22, "port_max": 22}])
}

fn pending(status: Option<Status>) -> String {
    match status {
        Some(Status::Pending { reason }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_secured_port_is_bridged_behind_its_lists() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    store
        .groups
        .insert(group_id("g"), Ok(group(ssh(), json!([]))));
    store.serve_all(&mut host);
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "+ uplink physnet1: host-trunk0, up\n\
         + vhost-user web: client of socket /run/weft/vhost-user/web, mtu 1500, up\n\
         + bridge-domain physnet1.vlan.100: learn forward flood uu-flood, mac-age 5 min\n\
         + acl anti-spoofing ingress: 9 rules\n\
         + acl anti-spoofing egress: 13 rules\n\
         + acl group g ingress: 1 rule\n\
         + acl group g egress: 0 rules\n\
         + macip-acl web: 4 rules\n\
         + sub-interface physnet1.vlan.100: up\n\
         + acl-binding vhost-user web: input anti-spoofing egress, group g egress; output anti-spoofing ingress, group g ingress\n\
         + macip-binding vhost-user web: macip-acl web\n\
         + bridge-member sub-interface physnet1.vlan.100: in physnet1.vlan.100, pop 1 tag\n\
         + bridge-member vhost-user web: in physnet1.vlan.100\n"
    );
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
    assert_eq!(
        host.security_group_status(&group_id("g")),
        Some(Status::Effective)
    );
    assert_eq!(host.security_group_status(&group_id("h")), None);
}

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
    let Some(Object::MacIpAcl(acl)) = host.compiler().object(&ObjectKey::MacIpAcl(port("web")))
    else {
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
fn one_rule_of_a_group_of_many_ports_is_one_operation_and_no_news_of_the_ports() {
    let mut world = World::default();
    let mut host = world.reconciler();
    let mut store = Store::default();
    for at in 0..200_u8 {
        let record = secured(100, at, &["g", "h"], i64::from(at));
        host.set_port(&port(&format!("p{at}")), Some(record));
    }
    store
        .groups
        .insert(group_id("g"), Ok(group(ssh(), json!([]))));
    store
        .groups
        .insert(group_id("h"), Ok(group(ssh(), json!([]))));
    store.serve_all(&mut host);
    for _ in 0..5 {
        world.settle_by(&mut host, usize::MAX);
    }
    host.take_news();
    let sent = world.sent;
    store
        .groups
        .insert(group_id("g"), Ok(group(json!([]), json!([]))));
    store.changed(&mut host, &Item::Rules(group_id("g")));
    let told = host.take_news();
    assert!(told.ports.is_empty() && told.security_groups.len() == 1);
    let accepted = host.security_group_status(&group_id("g"));
    assert_eq!(accepted, Some(Status::Accepted));
    assert_eq!(host.port_status(&port("p7")), Some(Status::Effective));
    world.settle_by(&mut host, usize::MAX);
    assert_eq!(world.sent - sent, 1);
    let told = host.take_news();
    assert!(told.ports.is_empty() && told.security_groups.len() == 1);
    assert_eq!(
        host.security_group_status(&group_id("g")),
        Some(Status::Effective)
    );

    // But a list that VPP refuses is news of all that have it.
    store.groups.insert(group_id("g"), Ok(group(ssh(), ssh())));
    store.changed(&mut host, &Item::Rules(group_id("g")));
    world.refuses = keys(&["acl group g egress"], &host);
    world.settle_by(&mut host, usize::MAX);
    assert_eq!(host.take_news().ports.len(), 200);
    assert!(matches!(
        host.port_status(&port("p7")),
        Some(Status::Failed { .. })
    ));
    world.refuses.clear();
    world.pass(Duration::from_secs(1));
    world.settle_by(&mut host, usize::MAX);
    assert_eq!(host.take_news().ports.len(), 200);
    assert_eq!(host.port_status(&port("p7")), Some(Status::Effective));
}

#[test]
fn a_port_waits_for_a_group_by_name_and_recovers_by_its_arrival_alone() {
    let (mut world, mut host, mut store) = host_of(&["here", "later"]);
    store
        .groups
        .insert(group_id("here"), Ok(group(ssh(), json!([]))));
    assert_eq!(
        pending(host.port_status(&port("web"))),
        "security group here: not read yet"
    );
    store.serve_all(&mut host);
    world.settle(&mut host);
    assert_eq!(list(&host, "here", Direction::Ingress).len(), 1);
    let waits = "security group later is not in the store";
    assert_eq!(pending(host.port_status(&port("web"))), waits);
    assert_eq!(
        pending(host.security_group_status(&group_id("later"))),
        waits
    );
    assert_eq!(host.next_try(), None, "nothing is tried again and again");

    host.take_news();
    let sent = world.sent;
    store
        .groups
        .insert(group_id("later"), Ok(group(ssh(), json!([]))));
    store.changed(&mut host, &Item::Rules(group_id("later")));
    world.settle(&mut host);
    assert_eq!(world.sent - sent, 1, "its list alone");
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
    assert!(host.take_news().ports.contains(&port("web")));
}

#[test]
fn a_malformed_group_allows_nothing_and_the_others_work() {
    let (mut world, mut host, mut store) = host_of(&["bad", "good"]);
    store
        .groups
        .insert(group_id("bad"), weft_model::decode_security_group(b"[]"));
    store
        .groups
        .insert(group_id("good"), Ok(group(ssh(), json!([]))));
    store.serve_all(&mut host);
    world.settle(&mut host);
    assert_eq!(list(&host, "bad", Direction::Ingress), Vec::<String>::new());
    assert_eq!(list(&host, "good", Direction::Ingress).len(), 1);
    assert_eq!(
        pending(host.port_status(&port("web"))),
        "security group bad: the record is no JSON object but a list"
    );
    assert!(matches!(
        host.security_group_status(&group_id("bad")),
        Some(Status::Failed { .. })
    ));
}

#[test]
fn a_restarted_agent_writes_no_list_before_it_knows_all_of_it() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    let rules = json!([{"is_ipv6": 0, "remote_group_id": "peers"}]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    let members = [(port("m"), Ok(member(&["10.0.0.3"])))].into();
    store.members.insert(group_id("peers"), members);
    store.serve_all(&mut host);
    world.settle(&mut host);

    let mut again = world.reconciler();
    again.set_port(&port("web"), Some(secured(100, 1, &["g"], 1)));
    let sent = world.sent;
    // First the group, then the members that it names.
    for _ in 0..3 {
        world.settle(&mut again);
        assert_eq!(world.sent, sent);
        store.serve(&mut again, 1);
    }
    world.settle(&mut again);
    assert_eq!(world.sent, sent, "all is as it was");
    assert_eq!(again.port_status(&port("web")), Some(Status::Effective));
}

#[test]
fn a_group_that_names_another_keeps_its_rules_until_the_other_was_read() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    store
        .groups
        .insert(group_id("g"), Ok(group(ssh(), json!([]))));
    store.serve_all(&mut host);
    world.settle(&mut host);

    let rules = json!([{"is_ipv6": 0, "remote_group_id": "peers"}]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    host.take_news();
    store.changed(&mut host, &Item::Rules(group_id("g")));
    assert!(host.take_news().interest);
    assert_eq!(
        list(&host, "g", Direction::Ingress).len(),
        1,
        "the old ones"
    );
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
    assert_eq!(
        pending(host.security_group_status(&group_id("g"))),
        "the members of security group peers: not read yet"
    );
    store.serve_all(&mut host);
    assert_eq!(list(&host, "g", Direction::Ingress), Vec::<String>::new());
}

#[test]
fn port_security_is_switched_on_a_live_port_in_both_directions() {
    let (mut world, mut host, mut store) = host_of(&["g"]);
    store
        .groups
        .insert(group_id("g"), Ok(group(ssh(), json!([]))));
    store.serve_all(&mut host);
    world.settle(&mut host);

    let mut open = secured(100, 1, &["g"], 1);
    open.binding.as_mut().unwrap().port_security_enabled = false;
    host.set_port(&port("web"), Some(open));
    let now = world.now();
    let signs = |host: &mut Reconciler| -> Vec<String> {
        let plan = host.plan(now);
        let operations = plan.operations().map(ToString::to_string);
        operations
            .map(|text| text.split(": ").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        signs(&mut host),
        [
            "- acl-binding vhost-user web",
            "- macip-binding vhost-user web",
            "- acl anti-spoofing ingress",
            "- acl anti-spoofing egress",
            "- acl group g ingress",
            "- acl group g egress",
            "- macip-acl web",
        ],
        "and it stays bridged"
    );
    world.settle(&mut host);
    assert!(host.interest().security_groups.is_empty());
    store.serve_all(&mut host);

    host.set_port(&port("web"), Some(secured(100, 1, &["g"], 1)));
    assert_eq!(
        signs(&mut host),
        [
            "+ acl anti-spoofing ingress",
            "+ acl anti-spoofing egress",
            "+ macip-acl web",
            "+ macip-binding vhost-user web",
        ],
        "and the rest when the group was read"
    );
    store.serve_all(&mut host);
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
}

#[test]
fn a_binding_that_is_refused_keeps_the_port_out_of_its_network() {
    let (mut world, mut host, store) = host_of(&[]);
    store.serve_all(&mut host);
    world.refuses = keys(&["macip-binding vhost-user web"], &host);
    world.settle(&mut host);
    let bridged = |world: &World| {
        world
            .lines()
            .iter()
            .any(|line| line.starts_with("bridge-member vhost-user"))
    };
    assert!(!bridged(&world));
    assert!(matches!(
        host.port_status(&port("web")),
        Some(Status::Failed { .. })
    ));
    world.refuses.clear();
    world.pass(Duration::from_secs(1));
    world.settle(&mut host);
    assert!(bridged(&world));

    // Somebody takes the guard away, and it cannot be put back.
    world.refuses = keys(&["acl-binding vhost-user web"], &host);
    world.holds.remove(&world.refuses[0].clone());
    host.refreshed(world.holds.clone());
    world.settle(&mut host);
    assert!(
        !bridged(&world),
        "better without a network than without a guard"
    );
    world.refuses.clear();
    world.pass(Duration::from_secs(60));
    world.settle(&mut host);
    assert!(bridged(&world));
}

#[test]
fn a_vhost_user_port_is_effective_once_its_peer_is_there() {
    let (mut world, mut host, _) = host_of(&[]);
    world.settle(&mut host);
    let interface = crate::InterfaceKey::VhostUser(port("web"));
    let state = |link_up| crate::Notice::State {
        interface: interface.clone(),
        admin_up: true,
        link_up,
    };
    host.notice(&state(false));
    assert_eq!(
        pending(host.port_status(&port("web"))),
        "the peer is not connected to /run/weft/vhost-user/web"
    );
    host.take_news();
    host.notice(&state(true));
    assert!(host.take_news().ports.contains(&port("web")));
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
}

#[test]
fn taps_are_trusted_unless_the_host_says_otherwise() {
    let needs = |secure_taps| {
        let network = crate::HostNetwork {
            secure_taps,
            ..super::world::network()
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

#[test]
fn what_no_port_needs_any_more_is_forgotten() {
    let (_, mut host, mut store) = host_of(&["g"]);
    let rules = json!([{"is_ipv6": 0, "remote_group_id": "peers"}]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    store.serve_all(&mut host);
    assert_eq!(host.interest().remote_groups.len(), 1);
    host.set_port(&port("web"), None);
    assert_eq!(*host.interest(), crate::Interest::default());
    host.set_port(&port("web"), Some(secured(100, 1, &["g"], 1)));
    assert_eq!(
        pending(host.port_status(&port("web"))),
        "security group g: not read yet",
        "what was read before may be out of date"
    );
    let record = SecurityGroupRecord {
        mod_revision: 7,
        group: Ok(group(ssh(), ssh())),
    };
    host.set_security_group(&group_id("g"), Some(record));
    assert_eq!(host.security_group_revision(&group_id("g")), Some(7));
}

#[test]
fn a_changed_group_list_of_a_port_is_bound_before_old_lists_go() {
    let (mut world, mut host, store) = host_of(&["a"]);
    store.serve_all(&mut host);
    world.settle(&mut host);
    let record: PortRecord = secured(100, 1, &["b"], 1);
    host.set_port(&port("web"), Some(record));
    store.serve_all(&mut host);
    let now = world.now();
    let plan = host.plan(now);
    let operations: Vec<String> = plan
        .operations()
        .map(|o: &Operation| o.key().to_string())
        .collect();
    assert_eq!(
        operations,
        [
            "acl group b ingress",
            "acl group b egress",
            "acl-binding vhost-user web",
            "acl group a ingress",
            "acl group a egress",
        ]
    );
}
