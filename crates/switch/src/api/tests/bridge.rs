//! `l2.api`: bridge domains, members, tag rewriting.

use weft_vpp_wire::messages::interface::DeleteSubif;
use weft_vpp_wire::messages::l2::{
    BdFlags, BridgeDomainAddDelV2, BridgeDomainDetails, BridgeDomainDump, BridgeDomainSetMacAge,
    BridgeFlags, L2InterfaceVlanTagRewrite, L2PortType, SwInterfaceSetL2Bridge, VtrOp,
};
use weft_vpp_wire::{BdId, FixedString, Retval, SwIfIndex};

use super::{ABSENT, Client};

pub(super) fn add(bd_id: u32) -> BridgeDomainAddDelV2 {
    BridgeDomainAddDelV2 {
        bd_id: BdId(bd_id),
        flood: true,
        uu_flood: true,
        forward: true,
        learn: true,
        is_add: true,
        ..BridgeDomainAddDelV2::default()
    }
}

fn delete(bd_id: u32) -> BridgeDomainAddDelV2 {
    BridgeDomainAddDelV2 {
        is_add: false,
        ..add(bd_id)
    }
}

pub(super) fn member(index: SwIfIndex, bd_id: u32) -> SwInterfaceSetL2Bridge {
    SwInterfaceSetL2Bridge {
        rx_sw_if_index: index,
        bd_id: BdId(bd_id),
        enable: true,
        ..SwInterfaceSetL2Bridge::default()
    }
}

fn all(client: &mut Client) -> Vec<BridgeDomainDetails> {
    client.dump(&BridgeDomainDump {
        bd_id: BdId::ANY,
        sw_if_index: SwIfIndex::NONE,
    })
}

/// Bridge domains with their members and split horizon groups.
fn membership(client: &mut Client) -> Vec<(u32, Vec<(u32, u8)>)> {
    let members = |details: &BridgeDomainDetails| {
        details
            .sw_if_details
            .iter()
            .map(|own| (own.sw_if_index.0, own.shg))
            .collect()
    };
    all(client)
        .iter()
        .map(|details| (details.bd_id.0, members(details)))
        .collect()
}

#[test]
fn bridge_domain_is_dumped_as_created() {
    let mut client = Client::new();
    let request = BridgeDomainAddDelV2 {
        mac_age: 5,
        arp_ufwd: true,
        bd_tag: FixedString::try_from("weft:net").expect("short"),
        learn: false,
        ..add(10)
    };
    assert_eq!(client.ok(&request).bd_id, BdId(10));
    let dumped = all(&mut client);
    assert_eq!(dumped.len(), 1);
    let seen = &dumped[0];
    assert_eq!(
        (seen.flood, seen.uu_flood, seen.forward, seen.learn),
        (true, true, true, false)
    );
    assert_eq!(
        (seen.arp_term, seen.arp_ufwd, seen.mac_age),
        (false, true, 5)
    );
    assert_eq!(seen.bd_tag, "weft:net");
    assert_eq!(
        (seen.bvi_sw_if_index, seen.uu_fwd_sw_if_index),
        (SwIfIndex::NONE, SwIfIndex::NONE)
    );
    client.ok(&delete(10));
    client.ok(&add(10));
    assert!(
        all(&mut client)[0].bd_tag.is_empty(),
        "the tag went with the old one"
    );
}

#[test]
fn numbers_that_vpp_takes_and_refuses() {
    let mut client = Client::new();
    client.ok(&add(10));
    assert_eq!(client.refused(&add(10)), Retval::BD_ALREADY_EXISTS);
    assert_eq!(client.refused(&add(0)), Retval::BD_ALREADY_EXISTS);
    client.ok(&add((1 << 24) - 1));
    assert_eq!(client.refused(&add(1 << 24)), Retval::BD_ID_EXCEED_MAX);
    let chosen = client.ok(&add(u32::MAX)).bd_id;
    assert!(chosen > BdId(0) && chosen <= BdId::MAX, "{chosen}");
    assert_eq!(all(&mut client).len(), 3);
    assert_eq!(client.refused(&delete(0)), Retval::BD_NOT_MODIFIABLE);
    assert_eq!(client.refused(&delete(77)), Retval::NO_SUCH_ENTRY);
    assert_eq!(client.refused(&delete(u32::MAX)), Retval::NO_SUCH_ENTRY);
}

#[test]
fn dump_by_number_and_member() {
    let mut client = Client::new();
    client.ok(&add(10));
    client.ok(&add(20));
    let mut dump = |bd_id, sw_if_index| {
        let details = client.dump(&BridgeDomainDump {
            bd_id: BdId(bd_id),
            sw_if_index,
        });
        details.iter().map(|own| own.bd_id.0).collect::<Vec<_>>()
    };
    assert_eq!(dump(20, SwIfIndex::NONE), [20]);
    assert_eq!(dump(77, SwIfIndex::NONE), [0_u32; 0]);
    assert_eq!(dump(0, SwIfIndex::NONE), [0_u32; 0]);
    assert_eq!(
        dump(u32::MAX, SwIfIndex(1)),
        [0_u32; 0],
        "as in VPP, which has no such filter"
    );
}

#[test]
fn member_keeps_its_bridge_domain_alive() {
    let mut client = Client::new();
    let index = client.loopback();
    client.ok(&add(10));
    client.ok(&SwInterfaceSetL2Bridge {
        shg: 3,
        ..member(index, 10)
    });
    assert_eq!(membership(&mut client), [(10, vec![(index.0, 3)])]);
    assert_eq!(client.refused(&delete(10)), Retval::BD_IN_USE);
    client.ok(&SwInterfaceSetL2Bridge {
        enable: false,
        ..member(index, 0)
    });
    assert_eq!(membership(&mut client), [(10, vec![])]);
    client.ok(&delete(10));
    assert_eq!(membership(&mut client), []);
}

#[test]
fn member_moves_and_absent_bridge_domain_is_made() {
    let mut client = Client::new();
    let index = client.loopback();
    client.ok(&add(10));
    client.ok(&member(index, 10));
    client.ok(&member(index, 20));
    assert_eq!(
        membership(&mut client),
        [(10, vec![]), (20, vec![(index.0, 0)])]
    );
    let made = &all(&mut client)[1];
    let on = [made.flood, made.uu_flood, made.forward, made.learn];
    assert_eq!((on, made.arp_term), ([true; 4], false));
}

#[test]
fn deleted_interface_leaves_its_bridge_domain() {
    let mut client = Client::new();
    let parent = client.loopback();
    let sub = client.vlan(parent, 100);
    client.ok(&member(sub, 10));
    client.ok(&DeleteSubif { sw_if_index: sub });
    assert_eq!(membership(&mut client), [(10, vec![])]);
}

#[test]
fn membership_that_vpp_refuses() {
    let mut client = Client::new();
    let (first, second) = (client.loopback(), client.loopback());
    assert_eq!(
        client.refused(&member(ABSENT, 10)),
        Retval::INVALID_SW_IF_INDEX
    );
    assert_eq!(
        client.refused(&member(first, 1 << 24)),
        Retval::BD_ID_EXCEED_MAX
    );
    let odd = SwInterfaceSetL2Bridge {
        port_type: L2PortType(7),
        ..member(first, 10)
    };
    assert_eq!(client.refused(&odd), Retval::INVALID_VALUE);
    let bvi = |index| SwInterfaceSetL2Bridge {
        port_type: L2PortType::BVI,
        ..member(index, 10)
    };
    client.ok(&bvi(first));
    assert_eq!(all(&mut client)[0].bvi_sw_if_index, first);
    assert_eq!(client.refused(&bvi(second)), Retval::BD_ALREADY_HAS_BVI);
}

#[test]
fn bvi_comes_first_and_loopbacks_last() {
    let mut client = Client::new();
    let (bvi, quiet) = (client.loopback(), client.loopback());
    let parent = client.loopback();
    let subs = [client.vlan(parent, 1), client.vlan(parent, 2)];
    for index in [quiet, subs[0], subs[1]] {
        client.ok(&member(index, 10));
    }
    client.ok(&SwInterfaceSetL2Bridge {
        port_type: L2PortType::BVI,
        ..member(bvi, 10)
    });
    let order: Vec<_> = membership(&mut client)[0]
        .1
        .iter()
        .map(|(index, _)| *index)
        .collect();
    assert_eq!(
        order,
        [bvi, subs[0], subs[1], quiet].map(|index| index.0),
        "as in VPP"
    );
}

#[test]
fn flags_answer_with_vpps_bitmap() {
    let mut client = Client::new();
    client.ok(&add(10));
    let set = |bd_id, is_set, flags| BridgeFlags {
        bd_id: BdId(bd_id),
        is_set,
        flags,
    };
    let everything = BdFlags(0x3f);
    let reply = client.ok(&set(10, false, everything));
    assert_eq!(reply.resulting_feature_bitmap, 0xffff_fd03, "as in VPP");
    let reply = client.ok(&set(10, true, BdFlags(0x1f)));
    assert_eq!(reply.resulting_feature_bitmap, 0xffff_ffb7, "as in VPP");
    let seen = &all(&mut client)[0];
    let on = [
        seen.flood,
        seen.uu_flood,
        seen.forward,
        seen.learn,
        seen.arp_term,
    ];
    assert_eq!((on, seen.arp_ufwd), ([true; 5], false));
    assert_eq!(
        client.refused(&set(0, true, everything)),
        Retval::BD_NOT_MODIFIABLE
    );
    assert_eq!(
        client.refused(&set(77, true, everything)),
        Retval::NO_SUCH_ENTRY
    );
}

#[test]
fn mac_age_is_set() {
    let mut client = Client::new();
    client.ok(&add(10));
    let set = |bd_id| BridgeDomainSetMacAge {
        bd_id: BdId(bd_id),
        mac_age: 7,
    };
    client.ok(&set(10));
    assert_eq!(all(&mut client)[0].mac_age, 7);
    assert_eq!(client.refused(&set(0)), Retval::BD_NOT_MODIFIABLE);
    assert_eq!(client.refused(&set(77)), Retval::NO_SUCH_ENTRY);
}

fn rewrite(index: SwIfIndex, vtr_op: VtrOp, tag1: u32) -> L2InterfaceVlanTagRewrite {
    L2InterfaceVlanTagRewrite {
        sw_if_index: index,
        vtr_op,
        push_dot1q: 1,
        tag1,
        tag2: 0,
    }
}

#[test]
fn rewrite_is_told_as_vpp_tells_it() {
    let mut client = Client::new();
    let parent = client.loopback();
    let sub = client.vlan(parent, 100);
    client.ok(&rewrite(sub, VtrOp::POP_1, 5));
    let seen = client.details(sub);
    let fields = (seen.vtr_op, seen.vtr_push_dot1q, seen.vtr_tag1);
    assert_eq!(
        fields,
        (VtrOp::POP_1, 0, 0),
        "what is not pushed is not kept"
    );
    client.ok(&rewrite(sub, VtrOp::TRANSLATE_1_1, 7));
    let seen = client.details(sub);
    let fields = (seen.vtr_op, seen.vtr_push_dot1q, seen.vtr_tag1);
    assert_eq!(fields, (VtrOp::TRANSLATE_1_1, 1, 7));
    client.ok(&rewrite(sub, VtrOp::DISABLED, 0));
    assert_eq!(client.details(sub).vtr_op, VtrOp::DISABLED);
}

#[test]
fn rewrite_that_vpp_refuses() {
    let mut client = Client::new();
    let parent = client.loopback();
    let sub = client.vlan(parent, 100);
    let count = Retval::INVALID_VLAN_TAG_COUNT;
    assert_eq!(client.refused(&rewrite(sub, VtrOp::POP_2, 0)), count);
    assert_eq!(client.refused(&rewrite(parent, VtrOp::POP_1, 0)), count);
    assert_eq!(
        client.refused(&rewrite(sub, VtrOp(9), 0)),
        Retval::INVALID_VALUE
    );
    let local0 = rewrite(SwIfIndex(0), VtrOp::PUSH_1, 7);
    assert_eq!(client.refused(&local0), Retval::INVALID_INTERFACE);
    let absent = rewrite(ABSENT, VtrOp::POP_1, 0);
    assert_eq!(client.refused(&absent), Retval::INVALID_SW_IF_INDEX);
    client.ok(&rewrite(parent, VtrOp::PUSH_1, 7));
}

#[test]
fn leaving_layer_2_takes_the_rewrite_off() {
    let mut client = Client::new();
    let index = client.loopback();
    client.ok(&member(index, 10));
    client.ok(&rewrite(index, VtrOp::PUSH_1, 7));
    client.ok(&SwInterfaceSetL2Bridge {
        enable: false,
        ..member(index, 0)
    });
    assert_eq!(client.details(index).vtr_op, VtrOp::DISABLED, "as in VPP");
}
