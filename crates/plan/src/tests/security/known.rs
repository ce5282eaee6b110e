//! What is known of groups, what is not yet, and what is said of it.

use super::*;

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
    assert!(host.take_interest_changed());
    assert!(!host.take_interest_changed());
    store.changed(&mut host, &Item::Rules(group_id("g")));
    assert!(host.take_interest_changed());
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
fn what_no_port_needs_any_more_is_forgotten() {
    let (_, mut host, mut store) = host_of(&["g"]);
    let rules = json!([{"is_ipv6": 0, "remote_group_id": "peers"}]);
    store
        .groups
        .insert(group_id("g"), Ok(group(rules, json!([]))));
    store.serve_all(&mut host);
    assert_eq!(host.interest().remote_groups.len(), 1);
    host.set_port(&port("web"), None);
    assert_eq!(host.interest(), crate::Interest::default());
    host.take_interest_changed();
    host.set_port(&port("web"), Some(secured(100, 1, &["g"], 1)));
    host.set_port(&port("web"), None);
    assert!(
        host.take_interest_changed(),
        "what is needed again was forgotten"
    );
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
