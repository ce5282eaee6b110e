//! `l2.api`: the MAC table.

use weft_vpp_wire::messages::l2::{
    L2FibTableDetails, L2FibTableDump, L2fibAddDel, L2fibFlushAll, L2fibFlushBd, L2fibFlushInt,
};
use weft_vpp_wire::{BdId, MacAddress, Retval, SwIfIndex};

use super::bridge::{add, member};
use super::{ABSENT, Client};

const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

fn entry(bd_id: u32, sw_if_index: SwIfIndex) -> L2fibAddDel {
    L2fibAddDel {
        mac: MAC,
        bd_id: BdId(bd_id),
        sw_if_index,
        is_add: true,
        static_mac: true,
        filter_mac: false,
        bvi_mac: false,
    }
}

fn dump(client: &mut Client, bd_id: BdId) -> Vec<L2FibTableDetails> {
    client.dump(&L2FibTableDump { bd_id })
}

/// A switch with bridge domain 10 and its member.
fn bridged() -> (Client, SwIfIndex) {
    let mut client = Client::new();
    let index = client.loopback();
    client.ok(&add(10));
    client.ok(&member(index, 10));
    (client, index)
}

#[test]
fn entries_are_written_replaced_and_deleted() {
    let (mut client, index) = bridged();
    client.ok(&entry(10, index));
    client.ok(&entry(10, index));
    let expected = L2FibTableDetails {
        bd_id: BdId(10),
        mac: MAC,
        sw_if_index: index,
        static_mac: true,
        filter_mac: false,
        bvi_mac: false,
    };
    assert_eq!(dump(&mut client, BdId(10)), std::slice::from_ref(&expected));
    assert_eq!(dump(&mut client, BdId::ANY), [expected]);
    assert_eq!(dump(&mut client, BdId(77)), []);
    let delete = |own| L2fibAddDel {
        is_add: false,
        ..entry(10, own)
    };
    assert_eq!(
        client.refused(&delete(SwIfIndex(5))),
        Retval::NO_SUCH_ENTRY,
        "another's"
    );
    client.ok(&delete(index));
    assert_eq!(client.refused(&delete(index)), Retval::NO_SUCH_ENTRY);
    assert_eq!(dump(&mut client, BdId::ANY), []);
}

#[test]
fn interface_0_deletes_whosever_entry_it_is() {
    let (mut client, index) = bridged();
    client.ok(&L2fibAddDel {
        static_mac: false,
        ..entry(10, index)
    });
    client.ok(&L2fibAddDel {
        is_add: false,
        ..entry(10, SwIfIndex(0))
    });
    assert_eq!(dump(&mut client, BdId(10)), []);
}

#[test]
fn filter_needs_no_interface() {
    let (mut client, _) = bridged();
    client.ok(&L2fibAddDel {
        filter_mac: true,
        ..entry(10, ABSENT)
    });
    let seen = &dump(&mut client, BdId(10))[0];
    assert_eq!(
        (seen.sw_if_index, seen.static_mac, seen.filter_mac),
        (SwIfIndex::NONE, true, true)
    );
}

#[test]
fn entries_that_vpp_refuses() {
    let (mut client, index) = bridged();
    assert_eq!(client.refused(&entry(77, index)), Retval::NO_SUCH_ENTRY);
    assert_eq!(
        client.refused(&entry(10, ABSENT)),
        Retval::INVALID_SW_IF_INDEX
    );
    let routed = client.loopback();
    assert_eq!(
        client.refused(&entry(10, routed)),
        Retval::INVALID_SW_IF_INDEX
    );
}

#[test]
fn flushes_spare_what_was_written() {
    let (mut client, index) = bridged();
    client.ok(&entry(10, index));
    client.ok(&L2fibFlushAll {});
    client.ok(&L2fibFlushBd { bd_id: BdId(10) });
    client.ok(&L2fibFlushInt { sw_if_index: index });
    assert_eq!(dump(&mut client, BdId(10)).len(), 1);
    assert!(client.control.scan_is_due);
    assert_eq!(
        client.refused(&L2fibFlushBd { bd_id: BdId(77) }),
        Retval::NO_SUCH_ENTRY
    );
    let absent = L2fibFlushInt {
        sw_if_index: ABSENT,
    };
    assert_eq!(client.refused(&absent), Retval::INVALID_SW_IF_INDEX);
}
