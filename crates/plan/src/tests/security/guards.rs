//! In which order a port is secured and bridged, and what it is until then.

use std::sync::Arc;

use super::*;

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
        "no machine with a ready card is behind /run/weft/vhost-user/web"
    );
    host.take_news();
    host.notice(&state(true));
    assert!(host.take_news().ports.contains(&port("web")));
    assert_eq!(host.port_status(&port("web")), Some(Status::Effective));
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

#[test]
fn the_lists_that_somebody_gave_an_uplink_are_left_alone() {
    let mut world = World::default();
    let uplink = crate::InterfaceKey::Uplink("physnet1".parse().unwrap());
    world.settle(&mut world.reconciler());
    world.holds.insert(Object::AclBinding(crate::AclBinding {
        interface: uplink.clone(),
        input: vec![None],
        output: Vec::new(),
    }));
    world
        .holds
        .insert(Object::MacIpBinding(crate::MacIpBinding {
            interface: uplink,
            acl: None,
        }));
    let now = world.now();
    assert!(world.reconciler().plan(now).is_empty());
}

#[test]
fn a_list_that_somebody_put_before_those_of_a_port_is_removed() {
    let (mut world, mut host, _) = host_of(&[]);
    world.settle(&mut host);
    let interface = crate::InterfaceKey::VhostUser(port("web"));
    let key = ObjectKey::AclBinding(interface);
    let Some(Object::AclBinding(binding)) = world.holds.get(&key).map(Arc::as_ref) else {
        panic!("no binding");
    };
    let mut binding = binding.clone();
    binding.input.insert(0, None);
    world.holds.insert(Object::AclBinding(binding));
    host.refreshed(world.holds.clone());
    let now = world.now();
    assert_eq!(
        host.plan(now).to_string(),
        "~ acl-binding vhost-user web: input anti-spoofing egress; output anti-spoofing ingress \
         (was input a list that is not ours, anti-spoofing egress; output anti-spoofing ingress)\n"
    );
}
