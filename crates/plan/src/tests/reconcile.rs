use std::time::Duration;

use weft_model::Status;

use super::world::{World, keys, port, record};
use crate::{InterfaceKey, Notice, Object, ObjectKey, Operation, Outcome};

#[test]
fn a_restart_that_finds_all_as_wanted_plans_nothing() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    host.set_port(&port("b"), Some(record(0, 2, 2)));
    world.settle(&mut host);

    let mut again = world.reconciler();
    again.set_port(&port("a"), Some(record(100, 1, 1)));
    again.set_port(&port("b"), Some(record(0, 2, 2)));
    let now = world.now();
    assert!(again.plan(now).is_empty());
    assert_eq!(again.port_status(&port("a")), Some(Status::Effective));
}

#[test]
fn what_was_deleted_while_the_agent_was_away_is_removed() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("stays"), Some(record(100, 1, 1)));
    host.set_port(&port("goes"), Some(record(200, 2, 2)));
    world.settle(&mut host);

    let mut again = world.reconciler();
    again.set_port(&port("stays"), Some(record(100, 1, 1)));
    let before = world.sent;
    world.settle(&mut again);
    assert_eq!(
        world.sent - before,
        5,
        "what hung on the port that went, and nothing of the other"
    );
    assert!(
        !world
            .lines()
            .iter()
            .any(|line| line.contains("goes") || line.contains("200"))
    );
}

#[test]
fn a_refused_object_fails_alone_and_is_tried_again_later() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("good"), Some(record(100, 1, 1)));
    host.set_port(&port("bad"), Some(record(100, 2, 2)));
    world.refuses = keys(&["tap bad"], &host);
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("good")), Some(Status::Effective));
    let Some(Status::Failed {
        reason,
        tries: 1,
        next_try: Some(next),
    }) = host.port_status(&port("bad"))
    else {
        panic!("{:?}", host.port_status(&port("bad")));
    };
    assert_eq!(reason, "tap bad: made to refuse");
    assert_eq!(next.as_secs(), 1);

    let sent = world.sent;
    world.settle(&mut host);
    assert_eq!(world.sent, sent, "not before its time");
    world.pass(Duration::from_secs(1));
    world.settle(&mut host);
    assert_eq!(world.sent, sent + 1, "the TAP, and not what needs it");
    world.refuses.clear();
    world.pass(Duration::from_secs(2));
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("bad")), Some(Status::Effective));
    assert_eq!(host.next_try(), None);
}

#[test]
fn a_network_that_is_refused_fails_its_ports_and_no_others() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    host.set_port(&port("b"), Some(record(200, 2, 2)));
    world.refuses = keys(&["sub-interface physnet1.vlan.100"], &host);
    world.settle(&mut host);
    assert!(matches!(
        host.port_status(&port("a")),
        Some(Status::Failed { .. })
    ));
    assert_eq!(host.port_status(&port("b")), Some(Status::Effective));
}

#[test]
fn a_changed_record_is_tried_at_once() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    world.refuses = keys(&["tap a"], &host);
    world.settle(&mut host);
    world.refuses.clear();
    host.set_port(&port("a"), Some(record(100, 9, 1)));
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("a")), Some(Status::Effective));
}

#[test]
fn an_empty_vpp_that_comes_back_is_filled_again() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    world.settle(&mut host);
    let full = world.lines();

    host.disconnected("the socket was closed");
    assert_eq!(
        host.port_status(&port("a")),
        Some(Status::Pending {
            reason: "the socket was closed".to_owned()
        })
    );
    world.holds = crate::Observed::default();
    host.connected(world.holds.clone());
    world.settle(&mut host);
    assert_eq!(world.lines(), full);
}

#[test]
fn drift_that_vpp_tells_of_is_mended() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    world.settle(&mut host);
    let full = world.lines();

    let uplink = InterfaceKey::Uplink("physnet1".parse().unwrap());
    host.notice(&world.lose(uplink));
    world.settle(&mut host);
    assert_eq!(
        world.lines(),
        full,
        "the uplink, its sub-interface and the membership are back"
    );

    host.take_news();
    let tap = InterfaceKey::Tap(port("a"));
    host.notice(&Notice::State {
        interface: tap.clone(),
        admin_up: true,
        link_up: false,
    });
    assert!(matches!(
        host.port_status(&port("a")),
        Some(Status::Programmed { .. })
    ));
    assert!(host.take_news().ports.contains(&port("a")));
    host.notice(&Notice::State {
        interface: tap.clone(),
        admin_up: false,
        link_up: true,
    });
    let now = world.now();
    let plan = host.plan(now);
    assert_eq!(
        plan.operations()
            .map(crate::Operation::key)
            .collect::<Vec<_>>(),
        [ObjectKey::Interface(tap)]
    );
}

#[test]
fn many_ports_are_made_a_few_at_a_time_and_all_in_the_end() {
    let mut world = World::default();
    let mut host = world.reconciler();
    for at in 0..10 {
        host.set_port(
            &port(&format!("p{at}")),
            Some(record(100, at, i64::from(at))),
        );
    }
    let now = world.now();
    // A group of which none can be made does not keep the next one waiting.
    world.refuses = keys(&["tap p0", "tap p1", "tap p2"], &host);
    let mut bridged = Vec::new();
    loop {
        let plan = host.plan_for(now, 3);
        crate::check(&plan, host.observed().unwrap()).unwrap();
        if plan.is_empty() {
            break;
        }
        for operation in plan.operations() {
            if host.possible(operation) {
                let outcome = world.apply(operation);
                host.settle(operation, outcome, now);
            }
        }
        bridged.push(
            world
                .lines()
                .iter()
                .filter(|line| line.starts_with("bridge-member tap"))
                .count(),
        );
    }
    assert_eq!(bridged, [0, 3, 6, 7]);
    assert_eq!(
        host.plan(now).blocked.len(),
        3,
        "the memberships of the TAPs that were refused"
    );
}

#[test]
fn a_port_that_waits_is_not_overtaken_by_a_later_one() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("first"), Some(record(100, 1, 1)));
    world.settle(&mut host);
    let now = world.now();
    let mut planned = Vec::new();
    for names in [[("d", 2), ("c", 3)], [("b", 4), ("a", 5)]] {
        for (name, mac) in names {
            host.set_port(&port(name), Some(record(100, mac, 2)));
        }
        let plan = host.plan_for(now, 1);
        for operation in plan.operations() {
            planned.extend(operation.key().port().cloned());
            let outcome = world.apply(operation);
            host.settle(operation, outcome, now);
        }
    }
    planned.dedup();
    assert_eq!(planned, [port("d"), port("c")]);
}

#[test]
fn what_is_wanted_otherwise_by_now_is_not_made_but_planned_anew() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("changes"), Some(record(100, 1, 1)));
    host.set_port(&port("goes"), Some(record(100, 2, 2)));
    host.set_port(&port("stays"), Some(record(100, 3, 3)));
    let now = world.now();
    let plan = host.plan(now);
    host.set_port(&port("changes"), Some(record(100, 9, 1)));
    host.set_port(&port("goes"), None);
    let (possible, overtaken): (Vec<_>, Vec<_>) = plan
        .operations()
        .filter(|operation| matches!(operation.object(), Object::Tap(_)))
        .partition(|operation| host.possible(operation));
    let keys = |operations: Vec<&Operation>| -> Vec<String> {
        let keys = operations.iter().map(|operation| operation.key());
        keys.map(|key| key.to_string()).collect()
    };
    assert_eq!(keys(possible), ["tap stays"]);
    assert_eq!(keys(overtaken), ["tap changes", "tap goes"]);
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("changes")), Some(Status::Effective));
    assert!(!world.lines().iter().any(|line| line.contains("goes")));
    assert!(world.lines().iter().any(|line| line.contains("00:00:09")));
}

#[test]
fn a_refusal_of_what_is_wanted_otherwise_by_now_is_no_failure() {
    let mut world = World::default();
    let mut host = world.reconciler();
    host.set_port(&port("a"), Some(record(100, 1, 1)));
    world.settle(&mut host);
    host.set_port(&port("changes"), Some(record(100, 2, 2)));
    host.set_port(&port("goes"), Some(record(100, 3, 3)));
    let now = world.now();
    let plan = host.plan(now);
    host.set_port(&port("changes"), Some(record(100, 9, 2)));
    host.set_port(&port("goes"), None);
    for operation in plan.operations() {
        let refused = Outcome::Refused {
            reason: "the one that is wanted no longer".to_owned(),
            left: None,
        };
        host.settle(operation, refused, now);
    }
    assert_eq!(
        host.next_try(),
        Some(now.monotonic + Duration::from_secs(1)),
        "the membership that is wanted as it was"
    );
    assert_eq!(host.port_status(&port("goes")), None);
    let again = host.plan(now);
    assert_eq!(
        again.to_string(),
        "+ tap changes: device tapchanges, mac fa:16:3e:00:00:09, mtu 1500, up\n"
    );
    world.pass(Duration::from_secs(1));
    world.settle(&mut host);
    assert_eq!(host.port_status(&port("changes")), Some(Status::Effective));
    assert_eq!(host.next_try(), None);
}
