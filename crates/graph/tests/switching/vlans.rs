//! Sub-interfaces and tag rewrites.

use weft_graph::{
    Error, OuterTag, PortType, SubInterfaceMatch, TableError, TagRewrite, TagRewriteError,
};
use weft_packet::{GsoType, Offload, PartialChecksum};

use crate::lab::{AD, BD, Lab, Q, frame, one_tag, outcome, tagged, two_tags};

#[test]
fn an_access_port_and_a_trunk() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.vlan_member(trunk, 100);
    let access = lab.member(0);
    let plain = frame(1, 2);
    let wire = tagged(1, 2, &[(Q, 100)]);
    assert_eq!(
        lab.send(access, &[&plain]),
        outcome(&[(trunk, &wire)], &[(Error::L2LearnMiss, 1)])
    );
    let (plain, wire) = (frame(2, 1), tagged(2, 1, &[(Q, 100)]));
    assert_eq!(
        lab.send(trunk, &[&wire]),
        outcome(&[(access, &plain)], &[(Error::L2LearnMiss, 1)])
    );
    assert_eq!(
        lab.send(trunk, &[&tagged(2, 1, &[(Q, 101)])]),
        outcome(&[], &[(Error::EthernetUnknownVlan, 1)])
    );
}

#[test]
fn two_vlans_of_one_trunk_are_apart() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.vlan_member(trunk, 100);
    lab.vlan_member(trunk, 200);
    let wire = tagged(1, 0, &[(Q, 100)]);
    let other = tagged(1, 0, &[(Q, 200)]);
    assert_eq!(
        lab.send(trunk, &[&wire]).sent,
        outcome(&[(trunk, &other)], &[]).sent,
        "members of one bridge domain: tag 100 goes out with tag 200"
    );
}

#[test]
fn a_sub_interface_that_is_down_drops() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.vlan_member(trunk, 100);
    lab.tables.set_admin_up(sub, false).unwrap();
    let wire = tagged(1, 0, &[(Q, 100)]);
    assert_eq!(
        lab.send(trunk, &[&wire]),
        outcome(&[], &[(Error::EthernetDown, 1)])
    );
    assert_eq!(lab.tables.interface_totals(sub).unwrap().rx_packets, 0);
}

#[test]
fn the_most_specific_match_wins() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let any = SubInterfaceMatch::TwoTags {
        outer: OuterTag::Dot1q,
        vlan: 10,
        inner: None,
        exact: true,
    };
    let ad = SubInterfaceMatch::OneTag {
        outer: OuterTag::Dot1ad,
        vlan: 10,
        exact: true,
    };
    let loose = SubInterfaceMatch::OneTag {
        outer: OuterTag::Dot1q,
        vlan: 30,
        exact: false,
    };
    let matches = [
        two_tags(10, Some(20)),
        any,
        one_tag(10),
        ad,
        loose,
        SubInterfaceMatch::Default,
    ];
    let subs = matches.map(|matched| {
        let sub = lab.sub(trunk, matched);
        lab.tables.set_l2_xconnect(sub, trunk).unwrap();
        sub
    });
    let [exact, any, single, ad, loose, default] = subs;
    let mut seen = vec![0; subs.len()];
    for (tags, wanted) in [
        (vec![(Q, 10), (Q, 20)], exact),
        (vec![(Q, 10), (Q, 21)], any),
        (vec![(Q, 10)], single),
        (vec![(AD, 10)], ad),
        (vec![(AD, 10), (Q, 20)], default),
        (vec![(Q, 30)], loose),
        (vec![(Q, 30), (Q, 20)], loose),
        (vec![(Q, 40)], default),
        (vec![(Q, 40), (Q, 20)], default),
        (vec![(Q, 0x600a)], single), // priority 3
        (vec![(Q, 10), (AD, 20)], single),
    ] {
        lab.send(trunk, &[&tagged(1, 2, &tags)]);
        let now: Vec<u64> = subs
            .iter()
            .map(|&sub| lab.tables.interface_totals(sub).unwrap().rx_packets)
            .collect();
        let moved: Vec<_> = subs
            .iter()
            .zip(now.iter().zip(&seen))
            .filter(|(_, (a, b))| a != b)
            .collect();
        assert_eq!(moved.len(), 1, "{tags:x?}");
        assert_eq!(*moved[0].0, wanted, "{tags:x?}");
        seen = now;
    }
}

#[test]
fn a_port_in_layer_2_takes_all_tags_that_no_sub_interface_takes() {
    let mut lab = Lab::new();
    let (port, other) = (lab.member(0), lab.member(0));
    lab.vlan_member(port, 100);
    let wire = tagged(1, 2, &[(Q, 7)]);
    let found = lab.send(port, &[&wire]);
    assert!(found.sent.contains(&(other, wire)), "tag and all");
}

/// Tags as protocol and tag control information, outer first.
type Tags = &'static [(u16, u16)];

#[test]
fn every_rewrite_and_its_opposite() {
    const OWN_ONE: Tags = &[(Q, 10)];
    const OWN_TWO: Tags = &[(Q, 10), (Q, 20)];
    const FIRST: (u16, u16) = (Q, 5);
    const SECOND: (u16, u16) = (Q, 6);
    let q = OuterTag::Dot1q;
    let one = one_tag(10);
    let two = two_tags(10, Some(20));
    let cases: [(SubInterfaceMatch, Tags, TagRewrite, Tags); 11] = [
        (one, OWN_ONE, TagRewrite::Disabled, OWN_ONE),
        (
            one,
            OWN_ONE,
            TagRewrite::Push1 { outer: q, tag: 5 },
            &[FIRST, (Q, 10)],
        ),
        (
            one,
            OWN_ONE,
            TagRewrite::Push2 {
                outer: q,
                tags: [5, 6],
            },
            &[FIRST, SECOND, (Q, 10)],
        ),
        (one, OWN_ONE, TagRewrite::Pop1, &[]),
        (two, OWN_TWO, TagRewrite::Pop1, &[(Q, 20)]),
        (two, OWN_TWO, TagRewrite::Pop2, &[]),
        (
            one,
            OWN_ONE,
            TagRewrite::Translate1To1 { outer: q, tag: 5 },
            &[FIRST],
        ),
        (
            one,
            OWN_ONE,
            TagRewrite::Translate1To2 {
                outer: OuterTag::Dot1ad,
                tags: [5, 6],
            },
            &[(AD, 5), SECOND],
        ),
        (
            two,
            OWN_TWO,
            TagRewrite::Translate2To1 { outer: q, tag: 5 },
            &[FIRST],
        ),
        (
            two,
            OWN_TWO,
            TagRewrite::Translate2To2 {
                outer: q,
                tags: [5, 6],
            },
            &[FIRST, SECOND],
        ),
        (
            two,
            OWN_TWO,
            TagRewrite::Translate1To1 { outer: q, tag: 5 },
            &[FIRST, (Q, 20)],
        ),
    ];
    for (matched, outside, rewrite, inside) in cases {
        let mut lab = Lab::new();
        let trunk = lab.port();
        let sub = lab.sub(trunk, matched);
        lab.tables
            .set_l2_bridge(sub, BD, PortType::Normal, 0)
            .unwrap();
        lab.tables.set_tag_rewrite(sub, rewrite).unwrap();
        let access = lab.member(0);
        let (wire, bridged) = (tagged(1, 2, outside), tagged(1, 2, inside));
        assert_eq!(
            lab.send(trunk, &[&wire]).sent,
            outcome(&[(access, &bridged)], &[]).sent,
            "{rewrite:?} on input"
        );
        let (wire, bridged) = (tagged(2, 1, outside), tagged(2, 1, inside));
        assert_eq!(
            lab.send(access, &[&bridged]).sent,
            outcome(&[(trunk, &wire)], &[]).sent,
            "{rewrite:?} on output"
        );
    }
}

#[test]
fn a_rewrite_that_output_could_not_undo_is_refused() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.sub(trunk, one_tag(10));
    assert_eq!(
        lab.tables.set_tag_rewrite(sub, TagRewrite::Pop2),
        Err(TableError::TagRewrite {
            interface: sub,
            source: TagRewriteError { pops: 2, fixed: 1 }
        })
    );
    assert!(
        lab.tables.set_tag_rewrite(trunk, TagRewrite::Pop1).is_err(),
        "a port has no tags"
    );
    assert!(
        lab.tables
            .set_tag_rewrite(
                trunk,
                TagRewrite::Push1 {
                    outer: OuterTag::Dot1q,
                    tag: 4
                }
            )
            .is_ok()
    );
}

#[test]
fn a_packet_with_too_few_tags_is_not_popped() {
    let mut lab = Lab::new();
    let port = lab.member(0);
    lab.tables
        .set_tag_rewrite(
            port,
            TagRewrite::Push1 {
                outer: OuterTag::Dot1q,
                tag: 4,
            },
        )
        .unwrap();
    let other = lab.member(0);
    assert_eq!(
        lab.send(other, &[&frame(1, 2)]),
        outcome(&[], &[(Error::L2LearnMiss, 1), (Error::L2OutputVtrDrop, 1)]),
        "output pops what input pushes, and there is none"
    );
}

#[test]
fn the_filter_lets_only_packets_out_that_could_come_in() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    let sub = lab.sub(trunk, one_tag(10));
    lab.tables
        .set_l2_bridge(sub, BD, PortType::Normal, 0)
        .unwrap();
    lab.tables.set_efp_filter(sub, true).unwrap();
    let access = lab.member(0);
    lab.learn(access, 1);
    assert_eq!(
        lab.send(access, &[&tagged(1, 2, &[(Q, 11)])]),
        outcome(&[], &[(Error::L2EfpFilterDrop, 1)])
    );
    let own = tagged(1, 2, &[(Q, 10)]);
    assert_eq!(lab.send(access, &[&own]), outcome(&[(trunk, &own)], &[]));

    let rewrite = TagRewrite::Translate1To1 {
        outer: OuterTag::Dot1q,
        tag: 5,
    };
    lab.tables.set_tag_rewrite(sub, rewrite).unwrap();
    assert_eq!(
        lab.send(access, &[&tagged(1, 2, &[(Q, 6)])]),
        outcome(&[], &[(Error::L2OutputEfpDrop, 1)])
    );
    assert_eq!(
        lab.send(access, &[&tagged(1, 2, &[(Q, 5)])]),
        outcome(&[(trunk, &own)], &[])
    );
}

#[test]
fn a_pending_checksum_moves_with_the_tags() {
    let mut lab = Lab::new();
    let trunk = lab.port();
    lab.vlan_member(trunk, 100);
    let access = lab.member(0);
    lab.tables.publish();
    let offload = Offload {
        checksum: Some(PartialChecksum {
            start: 34,
            offset: 16,
        }),
        data_valid: false,
        gso_type: GsoType::TcpV4,
        gso_size: 1000,
        hdr_len: 54,
    };
    let packet = lab.pool.alloc_from(&frame(1, 2)).unwrap();
    lab.pool.set_offload(packet, offload);
    lab.graph.input(&mut lab.pool, access, &[packet], lab.now);
    lab.graph.run(&mut lab.pool, lab.now);
    let mut found = Vec::new();
    lab.graph
        .drain_tx(|port, packets| found.extend(packets.iter().map(|&own| (port, own))));
    let [(port, sent)] = found[..] else {
        panic!("one packet")
    };
    assert_eq!(port, trunk);
    let moved = Some(PartialChecksum {
        start: 38,
        offset: 16,
    });
    assert_eq!(
        lab.pool.offload(sent),
        Offload {
            checksum: moved,
            hdr_len: 58,
            ..offload
        }
    );

    lab.graph.input(&mut lab.pool, trunk, &[sent], lab.now);
    lab.graph.run(&mut lab.pool, lab.now);
    let mut back = None;
    lab.graph
        .drain_tx(|_, packets| back = packets.first().copied());
    // Its own address was learned on the access port, so it is a move to the trunk.
    let back = back.unwrap();
    assert_eq!(lab.pool.offload(back), offload);
}
