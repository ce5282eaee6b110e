//! Broadcast, split horizon, exhaustion.

use weft_graph::{BdFlags, BdId, Error, PortType};

use crate::lab::{BD, BUFFERS, Lab, frame, outcome};

#[test]
fn broadcast_reaches_all_members_but_the_sender() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    let elsewhere = lab.port();
    lab.tables
        .add_bridge_domain(BdId(11), BdFlags::DEFAULT, 0)
        .unwrap();
    lab.tables
        .set_l2_bridge(elsewhere, BdId(11), PortType::Normal, 0)
        .unwrap();
    let hello = frame(1, 0);
    assert_eq!(
        lab.send(b, &[&hello]),
        outcome(&[(a, &hello), (c, &hello)], &[(Error::L2LearnMiss, 1)])
    );
}

#[test]
fn members_of_one_split_horizon_group_do_not_hear_each_other() {
    let mut lab = Lab::new();
    let [a, b] = [lab.member(1), lab.member(1)];
    let [c, d] = [lab.member(2), lab.member(0)];
    let hello = frame(1, 0);
    assert_eq!(
        lab.send(a, &[&hello]).sent,
        outcome(&[(c, &hello), (d, &hello)], &[]).sent
    );
    let hello = frame(4, 0);
    let all = outcome(&[(a, &hello), (b, &hello), (c, &hello)], &[]);
    assert_eq!(lab.send(d, &[&hello]).sent, all.sent, "group 0 is no group");

    lab.learn(b, 2);
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2OutputShgDrop, 1)])
    );
    let allowed = frame(1, 4);
    assert_eq!(lab.send(a, &[&allowed]), outcome(&[(d, &allowed)], &[]));
}

#[test]
fn alone_in_its_bridge_domain() {
    let (mut lab, [a]) = Lab::with_members();
    assert_eq!(
        lab.send(a, &[&frame(1, 0)]),
        outcome(
            &[],
            &[(Error::L2LearnMiss, 1), (Error::L2FloodNoMembers, 1)]
        )
    );
}

#[test]
fn a_big_bridge_domain_gets_one_copy_each() {
    let mut lab = Lab::new();
    let members: Vec<_> = (0..200).map(|_| lab.member(0)).collect();
    let hello = frame(1, 0);
    let found = lab.send(members[77], &[&hello]);
    let mut ports: Vec<_> = found.sent.iter().map(|(port, _)| *port).collect();
    ports.dedup();
    assert_eq!(ports.len(), 199);
    assert!(!ports.contains(&members[77]));
    assert!(found.sent.iter().all(|(_, bytes)| *bytes == hello));
}

#[test]
fn without_buffers_the_first_members_get_the_packet_and_the_failure_is_counted() {
    let (mut lab, [a, _b, _c, _d]) = Lab::with_members();
    // Two vectors of 256 to three members each need 1,536 buffers of 1,024.
    let hello = frame(1, 0);
    let frames = vec![hello.as_slice(); BUFFERS / 2];
    let found = lab.send(a, &frames);
    let failures = found
        .counted
        .iter()
        .find(|(error, _)| *error == Error::L2FloodReplFail);
    let failures = failures.map_or(0, |(_, count)| *count);
    assert!(failures > 0);
    assert!(
        found.sent.len() >= BUFFERS / 2,
        "every packet reached one member at least"
    );
    assert!(found.sent.len() < 3 * BUFFERS / 2);
}

#[test]
fn a_long_packet_is_flooded_whole() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    let mut long = frame(1, 0);
    long.extend((0..9000_u32).map(|at| (at % 253) as u8));
    assert_eq!(
        lab.send(a, &[&long]),
        outcome(&[(b, &long), (c, &long)], &[(Error::L2LearnMiss, 1)])
    );
}

#[test]
fn a_member_that_leaves_gets_nothing_more() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    lab.learn(b, 2);
    lab.tables.set_l3(b).unwrap();
    let hello = frame(1, 0);
    assert_eq!(
        lab.send(a, &[&hello]).sent,
        outcome(&[(c, &hello)], &[]).sent
    );
    let question = frame(1, 2);
    assert_eq!(
        lab.send(a, &[&question]),
        outcome(&[(c, &question)], &[]),
        "what it taught is stale, so it is flooded"
    );
    lab.tables.delete_interface(c).unwrap();
    assert_eq!(
        lab.send(a, &[&hello]),
        outcome(&[], &[(Error::L2FloodNoMembers, 1)])
    );
    assert_eq!(lab.tables.bridge_domain(BD).unwrap().members.len(), 1);
}
