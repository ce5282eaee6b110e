//! `interface.api` without sub-interfaces.

use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackInstance, DeleteLoopback, HwInterfaceSetMtu, IfType,
    SwInterfaceDump, SwInterfaceSetMacAddress, SwInterfaceSetMtu, SwInterfaceTagAddDel,
    WantInterfaceEvents,
};
use weft_vpp_wire::{FixedString, MacAddress, Retval, SwIfIndex};

use super::{ABSENT, Client};

const LOCAL0: SwIfIndex = SwIfIndex(0);

#[test]
fn empty_switch_has_local0_as_vpp_shows_it() {
    let mut client = Client::new();
    let all = client.dump(&SwInterfaceDump {
        sw_if_index: LOCAL0,
        ..SwInterfaceDump::default()
    });
    assert_eq!(all.len(), 1);
    let local0 = &all[0];
    assert_eq!(
        (local0.sw_if_index, local0.sup_sw_if_index),
        (LOCAL0, LOCAL0)
    );
    assert_eq!((local0.link_mtu, local0.mtu), (0, [0; 4]));
    assert_eq!(local0.interface_name, "local0");
    assert_eq!(local0.interface_dev_type, "local");
}

#[test]
fn loopback_is_as_vpp_makes_it() {
    let mut client = Client::new();
    let first = client.loopback();
    assert_eq!(client.events(), [(1, 0, false)]);
    let details = client.details(first);
    assert_eq!(details.interface_name, "loop0");
    assert_eq!(details.interface_dev_type, "Loopback");
    assert_eq!(details.l2_address, MacAddress([0xde, 0xad, 0, 0, 0, 0]));
    assert_eq!((details.link_mtu, details.mtu), (9000, [9000, 0, 0, 0]));
    assert_eq!((details.flags.0, details.r#type), (0, IfType::HARDWARE));
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let second = client.ok(&CreateLoopback { mac_address: mac }).sw_if_index;
    assert_eq!(client.details(second).l2_address, mac);
}

#[test]
fn loopback_numbers_are_the_callers_or_the_lowest_free() {
    let mut client = Client::new();
    let with = |user_instance| CreateLoopbackInstance {
        is_specified: true,
        user_instance,
        ..CreateLoopbackInstance::default()
    };
    client.ok(&with(1));
    assert_eq!(client.refused(&with(1)), Retval::INVALID_REGISTRATION);
    assert_eq!(client.refused(&with(16_384)), Retval::INVALID_REGISTRATION);
    client.loopback();
    client.loopback();
    assert_eq!(client.names("loop"), ["loop1", "loop0", "loop2"]);
}

#[test]
fn deleted_loopback_frees_number_and_index() {
    let mut client = Client::new();
    let (first, second) = (client.loopback(), client.loopback());
    assert_eq!(
        client.refused(&DeleteLoopback {
            sw_if_index: ABSENT
        }),
        Retval::INVALID_SW_IF_INDEX
    );
    assert_eq!(
        client.refused(&DeleteLoopback {
            sw_if_index: LOCAL0
        }),
        Retval::INVALID_SW_IF_INDEX
    );
    client.events();
    client.ok(&DeleteLoopback { sw_if_index: first });
    assert_eq!(client.events(), [(first.0, 0, true)]);
    assert_eq!(
        client.refused(&DeleteLoopback { sw_if_index: first }),
        Retval::INVALID_SW_IF_INDEX
    );
    assert_eq!(client.loopback(), first);
    assert_eq!(client.details(first).interface_name, "loop0");
    assert_eq!(client.details(second).interface_name, "loop1");
}

#[test]
fn dump_filters_by_index_and_name() {
    let mut client = Client::new();
    let first = client.loopback();
    client.loopback();
    assert_eq!(client.names(""), ["local0", "loop0", "loop1"]);
    assert_eq!(
        client.names("LOOP"),
        ["loop0", "loop1"],
        "without regard to case"
    );
    assert_eq!(client.names("nonesuch"), Vec::<String>::new());
    assert_eq!(client.details(first).interface_name, "loop0");
    let absent = SwInterfaceDump {
        sw_if_index: ABSENT,
        ..SwInterfaceDump::default()
    };
    assert_eq!(client.dump(&absent), []);
}

#[test]
fn link_of_a_port_follows_its_administrative_state() {
    let mut client = Client::new();
    let index = client.loopback();
    client.events();
    assert_eq!(client.admin(index, true), Retval::OK);
    assert_eq!(client.details(index).flags.0, 3);
    assert_eq!(client.events(), [(index.0, 3, false)]);
    assert_eq!(client.admin(index, true), Retval::OK);
    assert_eq!(client.events(), [], "nothing changed");
    assert_eq!(client.admin(index, false), Retval::OK);
    assert_eq!(client.events(), [(index.0, 0, false)]);
    assert_eq!(client.details(index).flags.0, 0);
    assert_eq!(client.admin(ABSENT, true), Retval::INVALID_SW_IF_INDEX);
}

#[test]
fn events_are_asked_for_once() {
    let mut client = Client::new();
    let want = |enable_disable| WantInterfaceEvents {
        enable_disable,
        pid: 42,
    };
    assert_eq!(client.refused(&want(0)), Retval::INVALID_REGISTRATION);
    client.ok(&want(1));
    assert_eq!(client.session.events, Some(42));
    assert_eq!(client.refused(&want(1)), Retval::INVALID_REGISTRATION);
    client.ok(&want(0));
    assert_eq!(client.session.events, None);
}

#[test]
fn mtu_of_packets_is_whatever_is_set() {
    let mut client = Client::new();
    let index = client.loopback();
    let mtu = [1400, 1300, 0, 70_000];
    client.ok(&SwInterfaceSetMtu {
        sw_if_index: index,
        mtu,
    });
    assert_eq!(client.details(index).mtu, mtu);
    let absent = SwInterfaceSetMtu {
        sw_if_index: ABSENT,
        mtu,
    };
    assert_eq!(client.refused(&absent), Retval::INVALID_SW_IF_INDEX);
}

#[test]
fn mtu_of_the_device_is_refused_where_there_is_none() {
    let mut client = Client::new();
    let index = client.loopback();
    let sub = client.vlan(index, 100);
    let set = |sw_if_index, mtu| HwInterfaceSetMtu { sw_if_index, mtu };
    assert_eq!(client.refused(&set(index, 1500)), Retval::UNSUPPORTED);
    client.ok(&set(index, 9000)); // nothing changes
    assert_eq!(client.refused(&set(sub, 1500)), Retval::INVALID_VALUE);
    assert_eq!(client.refused(&set(LOCAL0, 1500)), Retval(-30));
    assert_eq!(
        client.refused(&set(ABSENT, 1500)),
        Retval::INVALID_SW_IF_INDEX
    );
}

#[test]
fn tag_is_written_replaced_and_taken_off() {
    let mut client = Client::new();
    let index = client.loopback();
    let tag = |is_add, sw_if_index, text| SwInterfaceTagAddDel {
        is_add,
        sw_if_index,
        tag: FixedString::try_from(text).expect("short"),
    };
    for text in ["weft:port", "weft:other"] {
        client.ok(&tag(true, index, text));
        assert_eq!(client.details(index).tag, text);
    }
    assert_eq!(client.refused(&tag(true, index, "")), Retval::INVALID_VALUE);
    assert_eq!(
        client.refused(&tag(true, ABSENT, "x")),
        Retval::INVALID_SW_IF_INDEX
    );
    client.ok(&tag(false, index, ""));
    client.ok(&tag(false, index, ""));
    assert!(client.details(index).tag.is_empty());
}

#[test]
fn address_of_a_port_can_be_changed_but_not_of_others() {
    let mut client = Client::new();
    let index = client.loopback();
    let sub = client.vlan(index, 100);
    let mac_address = MacAddress([2, 0, 0, 0, 0, 9]);
    let set = |sw_if_index| SwInterfaceSetMacAddress {
        sw_if_index,
        mac_address,
    };
    client.ok(&set(index));
    assert_eq!(client.details(index).l2_address, mac_address);
    assert_eq!(client.refused(&set(sub)), Retval::UNIMPLEMENTED);
    assert_eq!(client.refused(&set(LOCAL0)), Retval::UNIMPLEMENTED);
    assert_eq!(client.refused(&set(ABSENT)), Retval::INVALID_SW_IF_INDEX);
}
