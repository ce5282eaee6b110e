use proptest::prelude::*;
use weft_packet::{BufferPool, L2Opaque};

use super::*;

fn outer() -> impl Strategy<Value = OuterTag> + Clone {
    prop_oneof![Just(OuterTag::Dot1q), Just(OuterTag::Dot1ad)]
}

fn matched() -> impl Strategy<Value = SubInterfaceMatch> {
    let one = (outer(), 1u16..4095).prop_map(|(outer, vlan)| SubInterfaceMatch::OneTag {
        outer,
        vlan,
        exact: true,
    });
    let two =
        (outer(), 1u16..4095, prop::option::of(1u16..4095)).prop_map(|(outer, vlan, inner)| {
            SubInterfaceMatch::TwoTags {
                outer,
                vlan,
                inner,
                exact: true,
            }
        });
    prop_oneof![one, two]
}

fn rewrite() -> impl Strategy<Value = TagRewrite> {
    let one = (outer(), 0u16..4096);
    let two = (outer(), [0u16..4096, 0u16..4096]);
    prop_oneof![
        Just(TagRewrite::Disabled),
        Just(TagRewrite::Pop1),
        Just(TagRewrite::Pop2),
        one.clone()
            .prop_map(|(outer, tag)| TagRewrite::Push1 { outer, tag }),
        two.clone()
            .prop_map(|(outer, tags)| TagRewrite::Push2 { outer, tags }),
        one.clone()
            .prop_map(|(outer, tag)| TagRewrite::Translate1To1 { outer, tag }),
        two.clone()
            .prop_map(|(outer, tags)| TagRewrite::Translate1To2 { outer, tags }),
        one.prop_map(|(outer, tag)| TagRewrite::Translate2To1 { outer, tag }),
        two.prop_map(|(outer, tags)| TagRewrite::Translate2To2 { outer, tags }),
    ]
}

/// The tags of a frame that the match takes, with `inner` where any will do.
fn tags_of(matched: SubInterfaceMatch, inner_any: u16) -> Vec<(u16, u16)> {
    match matched {
        SubInterfaceMatch::Default => Vec::new(),
        SubInterfaceMatch::OneTag { outer, vlan, .. } => vec![(outer.ethertype().0, vlan)],
        SubInterfaceMatch::TwoTags {
            outer, vlan, inner, ..
        } => {
            vec![
                (outer.ethertype().0, vlan),
                (0x8100, inner.unwrap_or(inner_any)),
            ]
        }
    }
}

fn frame(tags: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (1..13).collect();
    for (tpid, tci) in tags {
        bytes.extend_from_slice(&tpid.to_be_bytes());
        bytes.extend_from_slice(&tci.to_be_bytes());
    }
    bytes.extend_from_slice(&[0x08, 0x00]);
    bytes.extend(100..150);
    bytes
}

proptest! {
    /// Output undoes input: a packet that came in through a rewrite leaves by the same interface as
    /// it was, and passes the filter in between.
    #[test]
    fn output_undoes_input(matched in matched(), rewrite in rewrite(), inner_any in 0u16..4096) {
        let Ok(pair) = RewritePair::new(rewrite, Some(matched)) else {
            prop_assert!(rewrite.pops() > matched.fixed_tags());
            return Ok(());
        };
        let tags = tags_of(matched, inner_any);
        let wire = frame(&tags);
        let mut pool = BufferPool::new(1);
        let packet = pool.alloc_from(&wire).unwrap();
        let l2_len = (14 + 4 * tags.len()) as u8;
        pool.meta_mut(packet).l2 = L2Opaque { l2_len, ..L2Opaque::default() };

        prop_assert!(pair.input.apply(&mut pool.buffers(), packet));
        let (popped, grown) = (usize::from(rewrite.pops()), pool.data(packet).len());
        let kept = &frame(&tags[popped..])[12..];
        prop_assert!(pool.data(packet).ends_with(kept), "what is not popped stays");
        prop_assert_eq!(
            usize::from(pool.meta(packet).l2.l2_len) + wire.len(),
            usize::from(l2_len) + grown
        );
        prop_assert!(pair.input.has_pushed_tags(&pool.buffers(), packet));

        prop_assert!(pair.output.apply(&mut pool.buffers(), packet));
        prop_assert_eq!(pool.data(packet), &wire[..]);
        prop_assert_eq!(pool.meta(packet).l2.l2_len, l2_len);
    }

    /// The table finds what a plain search for the most specific match finds.
    #[test]
    fn classification_agrees_with_a_plain_search(
        matches in prop::collection::vec(
            prop_oneof![
                Just(SubInterfaceMatch::Default),
                (outer(), 1u16..4, any::<bool>()).prop_map(|(outer, vlan, exact)| {
                    SubInterfaceMatch::OneTag { outer, vlan, exact }
                }),
                (outer(), 1u16..4, prop::option::of(1u16..4)).prop_map(|(outer, vlan, inner)| {
                    SubInterfaceMatch::TwoTags { outer, vlan, inner, exact: true }
                }),
            ],
            0..8,
        ),
        outer in outer(),
        vlan in 1u16..5,
        inner in prop::option::of(1u16..5),
    ) {
        use weft_packet::SwIfIndex;
        let mut table = VlanTable::default();
        let mut owners = Vec::new();
        for (number, matched) in matches.into_iter().enumerate() {
            let sub = SwIfIndex(number as u32);
            if table.insert(matched, sub).is_ok() {
                owners.push((matched, sub));
            }
        }
        let rank = |matched: &SubInterfaceMatch| match *matched {
            SubInterfaceMatch::TwoTags { outer: o, vlan: v, inner: i, .. } => {
                (o == outer && v == vlan && inner.is_some() && (i.is_none() || i == inner))
                    .then_some(if i.is_some() { 3 } else { 2 })
            }
            SubInterfaceMatch::OneTag { outer: o, vlan: v, exact } => {
                (o == outer && v == vlan && (inner.is_none() || !exact)).then_some(1)
            }
            SubInterfaceMatch::Default => Some(0),
        };
        let wanted = owners
            .iter()
            .filter_map(|(matched, sub)| Some((rank(matched)?, *sub)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, sub)| sub);
        prop_assert_eq!(table.classify(Tags { outer, vlan, inner }), wanted);

        for (matched, _) in owners {
            table.remove(matched);
        }
        prop_assert_eq!(table.classify(Tags { outer, vlan, inner }), None);
    }
}
