//! `interface.api`: sub-interfaces.

use weft_vpp_wire::messages::interface::{
    CreateSubif, CreateVlanSubif, DeleteLoopback, DeleteSubif, IfType, SubIfFlags,
};
use weft_vpp_wire::messages::l2::VtrOp;
use weft_vpp_wire::{MacAddress, Retval, SwIfIndex};

use super::{ABSENT, Client, exact_vlan};

fn sub(parent: SwIfIndex, sub_id: u32, flags: SubIfFlags, outer: u16, inner: u16) -> CreateSubif {
    CreateSubif {
        sw_if_index: parent,
        sub_id,
        sub_if_flags: flags,
        outer_vlan_id: outer,
        inner_vlan_id: inner,
    }
}

#[test]
fn vlan_subinterface_is_as_vpp_shows_it() {
    let mut client = Client::new();
    let parent = client.loopback();
    client.events();
    let index = client.vlan(parent, 100);
    assert_eq!(client.events(), [(index.0, 0, false)]);
    let details = client.details(index);
    assert_eq!(details.interface_name, "loop0.100");
    assert_eq!(
        (details.sup_sw_if_index, details.r#type),
        (parent, IfType::SUB)
    );
    assert_eq!(details.l2_address, MacAddress::default());
    assert_eq!(
        (details.link_mtu, details.mtu),
        (9000, [0; 4]),
        "no MTU of its own, as in VPP"
    );
    assert_eq!((details.sub_id, details.sub_number_of_tags), (100, 1));
    assert_eq!(
        (details.sub_outer_vlan_id, details.sub_inner_vlan_id),
        (100, 0)
    );
    assert_eq!(
        details.sub_if_flags,
        SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH
    );
    assert_eq!(details.vtr_op, VtrOp::DISABLED);
}

#[test]
fn number_and_frames_belong_to_one_subinterface() {
    let mut client = Client::new();
    let parent = client.loopback();
    client.vlan(parent, 100);
    let exact = SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH;
    let same_number = sub(parent, 100, exact, 101, 0);
    assert_eq!(client.refused(&same_number), Retval::VLAN_ALREADY_EXISTS);
    let same_frames = sub(parent, 101, exact, 100, 0);
    assert_eq!(client.refused(&same_frames), Retval::UNSPECIFIED);
    // The refusal changed nothing.
    client.vlan(parent, 101);
    let other = client.loopback();
    client.vlan(other, 100);
}

#[test]
fn flags_that_vpp_takes_and_refuses() {
    let mut client = Client::new();
    let parent = client.loopback();
    let two = SubIfFlags::TWO_TAGS;
    let exact = SubIfFlags::EXACT_MATCH;
    let taken = [
        sub(parent, 1, SubIfFlags::DEFAULT, 0, 0),
        sub(parent, 2, two | exact, 100, 200),
        sub(parent, 3, two | SubIfFlags::INNER_VLAN_ID_ANY, 100, 0),
        sub(parent, 4, SubIfFlags::ONE_TAG | exact, 0, 0),
        sub(
            parent,
            5,
            SubIfFlags::ONE_TAG | exact | SubIfFlags::DOT1AD,
            100,
            0,
        ),
    ];
    for request in &taken {
        client.ok(request);
    }
    let refused = [
        sub(parent, 11, SubIfFlags::NO_TAGS, 0, 0),
        sub(parent, 12, SubIfFlags::default(), 0, 0),
        sub(
            parent,
            13,
            SubIfFlags::ONE_TAG | SubIfFlags::OUTER_VLAN_ID_ANY,
            0,
            0,
        ),
        sub(
            parent,
            14,
            two | exact | SubIfFlags::INNER_VLAN_ID_ANY,
            100,
            0,
        ),
        sub(parent, 15, SubIfFlags::ONE_TAG | exact, 4096, 0),
    ];
    for request in &refused {
        assert_eq!(client.refused(request), Retval::UNSPECIFIED, "{request:?}");
    }
    assert_eq!(
        client.refused(&exact_vlan(ABSENT, 1)),
        Retval::INVALID_SW_IF_INDEX
    );
}

#[test]
fn short_form_has_return_codes_of_its_own() {
    let mut client = Client::new();
    let parent = client.loopback();
    let vlan = |vlan_id| CreateVlanSubif {
        sw_if_index: parent,
        vlan_id,
    };
    client.ok(&vlan(200));
    client.ok(&vlan(4095));
    assert_eq!(client.refused(&vlan(200)), Retval::VLAN_ALREADY_EXISTS);
    assert_eq!(client.refused(&vlan(0)), Retval::INVALID_VLAN);
    assert_eq!(client.refused(&vlan(4096)), Retval::INVALID_VLAN);
    let exact = SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH;
    client.ok(&sub(parent, 7, exact, 300, 0));
    assert_eq!(client.refused(&vlan(300)), Retval::INVALID_REGISTRATION);
}

#[test]
fn subinterface_comes_up_only_under_a_port_that_is_up_and_stays_up() {
    let mut client = Client::new();
    let parent = client.loopback();
    let index = client.vlan(parent, 100);
    assert_eq!(client.admin(index, true), Retval::UNSPECIFIED);
    assert_eq!(client.details(index).flags.0, 0);
    client.admin(parent, true);
    client.events();
    assert_eq!(client.admin(index, true), Retval::OK);
    assert_eq!(
        client.events(),
        [(index.0, 1, false)],
        "no link of its own, as in VPP"
    );
    assert_eq!(client.details(index).flags.0, 3);
    assert_eq!(client.admin(parent, false), Retval::OK);
    assert_eq!(
        client.details(index).flags.0,
        1,
        "stays up, without link, as in VPP"
    );
    assert_eq!(client.admin(index, false), Retval::OK);
}

#[test]
fn deletion_frees_number_frames_and_index() {
    let mut client = Client::new();
    let parent = client.loopback();
    let index = client.vlan(parent, 100);
    client.events();
    client.ok(&DeleteSubif { sw_if_index: index });
    assert_eq!(client.events(), [(index.0, 0, true)]);
    assert_eq!(
        client.refused(&DeleteSubif { sw_if_index: index }),
        Retval::INVALID_SW_IF_INDEX
    );
    let port = DeleteSubif {
        sw_if_index: parent,
    };
    assert_eq!(client.refused(&port), Retval::INVALID_SUB_SW_IF_INDEX);
    assert_eq!(client.vlan(parent, 100), index);
}

#[test]
fn port_takes_its_subinterfaces_with_it() {
    let mut client = Client::new();
    let parent = client.loopback();
    let subs = [client.vlan(parent, 1), client.vlan(parent, 2)];
    client.events();
    client.ok(&DeleteLoopback {
        sw_if_index: parent,
    });
    let gone = [parent, subs[0], subs[1]].map(|index| (index.0, 0, true));
    assert_eq!(client.events(), gone);
    assert_eq!(client.names("loop"), Vec::<String>::new());
    let again = client.loopback();
    client.vlan(again, 1);
}

#[test]
fn deleting_a_loopback_by_its_subinterface_deletes_the_loopback() {
    let mut client = Client::new();
    let parent = client.loopback();
    let index = client.vlan(parent, 1);
    client.ok(&DeleteLoopback { sw_if_index: index });
    assert_eq!(client.names("loop"), Vec::<String>::new(), "as in VPP");
}
