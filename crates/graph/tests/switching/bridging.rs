//! Learning and forwarding.

use std::time::Duration;

use weft_graph::{BdFlags, DeviceClass, Error, FibFlags, MacTarget, PortType, SwIfIndex};

use crate::lab::{BD, Lab, frame, mac, outcome};

#[test]
fn a_learned_address_is_forwarded_to_its_port_only() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    let question = frame(1, 2);
    assert_eq!(
        lab.send(a, &[&question]),
        outcome(
            &[(b, &question), (c, &question)],
            &[(Error::L2LearnMiss, 1)]
        ),
        "unknown unicast is flooded"
    );
    let answer = frame(2, 1);
    assert_eq!(
        lab.send(b, &[&answer]),
        outcome(&[(a, &answer)], &[(Error::L2LearnMiss, 1)])
    );
    assert_eq!(lab.send(a, &[&question]), outcome(&[(b, &question)], &[]));
    let entry = lab.tables.mac(BD, mac(1)).unwrap();
    assert_eq!((entry.sw_if_index, entry.flags), (a, FibFlags::LEARNED));
    assert_eq!(lab.tables.learned(BD).unwrap(), 2);
}

#[test]
fn an_address_that_moves_is_followed() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(c, 3);
    let moved = frame(1, 3);
    assert_eq!(
        lab.send(b, &[&moved]),
        outcome(&[(c, &moved)], &[(Error::L2LearnMacMove, 1)])
    );
    let answer = frame(3, 1);
    assert_eq!(lab.send(c, &[&answer]), outcome(&[(b, &answer)], &[]));
    assert_eq!(lab.tables.learned(BD).unwrap(), 2);
}

#[test]
fn a_static_address_does_not_move() {
    let (mut lab, [a, b, _]) = Lab::with_members();
    lab.tables
        .add_mac(BD, mac(1), MacTarget::StaticInterface(a))
        .unwrap();
    assert_eq!(
        lab.send(b, &[&frame(1, 3)]),
        outcome(&[], &[(Error::L2LearnMacMoveViolate, 1)])
    );
    let entry = lab.tables.mac(BD, mac(1)).unwrap();
    assert_eq!(entry.sw_if_index, a);
    assert!(entry.flags.intersects(FibFlags::STATIC));
    assert_eq!(lab.tables.learned(BD).unwrap(), 0);
}

#[test]
fn a_provisioned_address_that_is_not_static_moves_and_is_learned_then() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables
        .add_mac(BD, mac(1), MacTarget::Interface(a))
        .unwrap();
    let moved = frame(1, 9);
    assert_eq!(
        lab.send(b, &[&moved]),
        outcome(&[(a, &moved)], &[(Error::L2LearnMacMove, 1)])
    );
    let entry = lab.tables.mac(BD, mac(1)).unwrap();
    assert_eq!((entry.sw_if_index, entry.flags), (b, FibFlags::LEARNED));
    assert_eq!(lab.tables.learned(BD).unwrap(), 1);
}

#[test]
fn a_filter_drops_packets_from_and_to_it() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.learn(a, 1);
    lab.tables.add_mac(BD, mac(7), MacTarget::Filter).unwrap();
    assert_eq!(
        lab.send(a, &[&frame(7, 9)]),
        outcome(&[], &[(Error::L2LearnFilterDrop, 1)])
    );
    assert_eq!(
        lab.send(a, &[&frame(1, 7)]),
        outcome(&[], &[(Error::L2FwdFilterDrop, 1)])
    );
    assert_eq!(
        lab.tables.mac(BD, mac(7)).unwrap().sw_if_index,
        SwIfIndex::NONE
    );
}

#[test]
fn a_packet_to_where_it_came_from_is_dropped() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(a, 2);
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2FwdReflectDrop, 1)])
    );
}

#[test]
fn address_zero_is_not_learned() {
    let (mut lab, [a, b]) = Lab::with_members();
    let mut zero = frame(1, 0);
    zero[6..12].fill(0);
    assert_eq!(
        lab.send(a, &[&zero]),
        outcome(&[(b, &zero)], &[(Error::L2LearnMiss, 1)])
    );
    assert_eq!(lab.tables.macs(None), []);
}

#[test]
fn the_bridge_domains_own_address_is_not_routed() {
    let (mut lab, [a, _]) = Lab::with_members();
    let bvi = lab
        .tables
        .add_port("bvi0", DeviceClass::Loopback, mac(0xf0), 9000);
    lab.tables.set_admin_up(bvi, true).unwrap();
    lab.tables.set_l2_bridge(bvi, BD, PortType::Bvi, 0).unwrap();
    lab.learn(a, 1);
    let found = lab.send(a, &[&frame(1, 0xf0)]);
    assert_eq!(found, outcome(&[], &[(Error::L2FwdBviEthertype, 1)]));
}

#[test]
fn packets_of_a_flow_keep_their_order_over_many_frames() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    let packets: Vec<_> = (0..1000_u32)
        .map(|number| {
            let mut packet = frame(1, 2);
            packet.extend_from_slice(&number.to_be_bytes());
            lab.pool.alloc_from(&packet).unwrap()
        })
        .collect();
    lab.graph.input(&mut lab.pool, a, &packets, lab.now);
    lab.graph.run(&mut lab.pool, lab.now);
    let mut numbers = Vec::new();
    let pool = &mut lab.pool;
    lab.graph.drain_tx(|_, packets| {
        for &packet in packets {
            let data = pool.data(packet);
            let (_, number) = data.split_last_chunk::<4>().unwrap();
            numbers.push(u32::from_be_bytes(*number));
            pool.free(packet);
        }
    });
    assert_eq!(numbers, (0..1000).collect::<Vec<_>>());
}

#[test]
fn an_old_entry_ages_out_and_a_used_one_stays() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables.set_bd_mac_age(BD, 5).unwrap();
    lab.learn(a, 1);
    lab.learn(b, 2);
    lab.now += Duration::from_secs(4 * 60);
    assert_eq!(
        lab.send(a, &[&frame(1, 2)]).counted,
        [(Error::L2LearnHitUpdate, 1)],
        "seen again in another minute"
    );
    while !lab.tables.age_scan(lab.now, 1000) {}
    assert_eq!(lab.tables.macs(None).len(), 2, "four minutes are not five");
    lab.now += Duration::from_secs(60);
    while !lab.tables.age_scan(lab.now, 1000) {}
    assert_eq!(lab.tables.mac(BD, mac(2)), None);
    assert_eq!(
        lab.tables.mac(BD, mac(1)).map(|entry| entry.sw_if_index),
        Some(a)
    );
    assert_eq!(lab.tables.learned(BD).unwrap(), 1);
}

#[test]
fn ageing_is_right_across_the_wrap_of_the_minute() {
    let (mut lab, [a, _]) = Lab::with_members();
    lab.tables.set_bd_mac_age(BD, 10).unwrap();
    lab.now = Duration::from_secs(255 * 60);
    lab.learn(a, 1);
    lab.now += Duration::from_secs(9 * 60);
    while !lab.tables.age_scan(lab.now, usize::MAX) {}
    assert_eq!(lab.tables.macs(None).len(), 1);
    lab.now += Duration::from_secs(60);
    while !lab.tables.age_scan(lab.now, usize::MAX) {}
    assert_eq!(lab.tables.macs(None).len(), 0);
}

#[test]
fn a_flushed_entry_is_not_used_and_learned_again() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    for flush in [0, 1, 2] {
        lab.learn(a, 1);
        lab.learn(b, 2);
        match flush {
            0 => lab.tables.flush_interface(a).unwrap(),
            1 => lab.tables.flush_bridge_domain(BD).unwrap(),
            _ => lab.tables.flush_all(),
        }
        let question = frame(2, 1);
        let found = lab.send(b, &[&question]);
        assert_eq!(found.sent.len(), 2, "flooded to {a} and {c}, flush {flush}");
        let answer = frame(1, 2);
        let found = lab.send(a, &[&answer]);
        assert_eq!(
            found.counted,
            [(Error::L2LearnHitUpdate, 1)],
            "flush {flush}"
        );
        assert_eq!(lab.send(b, &[&question]), outcome(&[(a, &question)], &[]));
    }
}

#[test]
fn a_flushed_entry_is_removed_by_the_next_scan() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    lab.tables
        .add_mac(BD, mac(3), MacTarget::StaticInterface(a))
        .unwrap();
    lab.tables.flush_interface(a).unwrap();
    while !lab.tables.age_scan(lab.now, usize::MAX) {}
    let mut left: Vec<_> = lab
        .tables
        .macs(None)
        .iter()
        .map(|entry| entry.mac)
        .collect();
    left.sort();
    assert_eq!(left, [mac(2), mac(3)], "the static entry stays");
    assert_eq!(lab.tables.learned(BD).unwrap(), 1);
}

#[test]
fn a_stale_entry_is_dropped_where_unknown_unicast_is_not_flooded() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    let flags = BdFlags {
        uu_flood: false,
        ..BdFlags::DEFAULT
    };
    lab.tables.set_bd_flags(BD, flags).unwrap();
    lab.tables.flush_interface(a).unwrap();
    assert_eq!(
        lab.send(b, &[&frame(2, 1)]),
        outcome(&[], &[(Error::L2FwdStaleDrop, 1)])
    );
    assert_eq!(
        lab.send(b, &[&frame(2, 9)]),
        outcome(&[], &[(Error::L2FwdFlood, 1)])
    );
}

#[test]
fn beyond_the_learn_limit_packets_are_forwarded_and_not_learned() {
    let (mut lab, [a, b]) = Lab::with_members();
    lab.tables.set_bd_learn_limit(BD, 1).unwrap();
    lab.learn(a, 1);
    let other = frame(3, 9);
    assert_eq!(
        lab.send(a, &[&other]),
        outcome(
            &[(b, &other)],
            &[(Error::L2LearnMiss, 1), (Error::L2LearnLimit, 1)]
        )
    );
    assert_eq!(lab.tables.macs(None).len(), 1);
    lab.tables.delete_mac(BD, mac(1), Some(a)).unwrap();
    assert_eq!(lab.send(a, &[&other]).counted, [(Error::L2LearnMiss, 1)]);
}

#[test]
fn a_port_that_goes_down_forgets_its_addresses() {
    let (mut lab, [a, b, c]) = Lab::with_members();
    lab.learn(a, 1);
    lab.learn(b, 2);
    lab.tables.set_admin_up(a, false).unwrap();
    let question = frame(2, 1);
    assert_eq!(
        lab.send(b, &[&question]),
        outcome(&[(c, &question)], &[(Error::InterfaceDown, 1)]),
        "flooded; the copy for the port that is down is dropped there"
    );
}
