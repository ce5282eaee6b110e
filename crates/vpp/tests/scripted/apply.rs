//! Changing VPP: which messages go out, and what is left when one is refused.

use std::sync::Arc;

use weft_model::{Mac, Mtu};
use weft_plan::{
    BridgeDomain, BridgeFlags, BridgeMember, InterfaceKey, Object, Operation, Outcome,
    SubInterface, TagRewrite, Tap, Uplink, UplinkDevice,
};
use weft_vpp::{CallError, Session};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete};
use weft_vpp_wire::messages::interface::{
    CreateSubif, CreateSubifReply, DeleteSubif, IfStatusFlags, SwInterfaceDump,
    SwInterfaceSetFlags, SwInterfaceSetMtu, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::l2::{
    BdFlags, BridgeDomainAddDelV2, BridgeDomainAddDelV2Reply, BridgeDomainDump,
    BridgeDomainSetMacAge, BridgeFlags as SetBridgeFlags, L2InterfaceVlanTagRewrite,
    SwInterfaceSetL2Bridge, VtrOp,
};
use weft_vpp_wire::messages::tapv2::{TapCreateV3, TapCreateV3Reply, TapDeleteV2};
use weft_vpp_wire::{BdId, Message, Retval, SwIfIndex};

use crate::fake::{Fake, Peer, bounded, quick};
use crate::observe::{Held, bridge, interface, tap};

fn tap_object(name: &str, mtu: u32) -> Tap {
    Tap {
        port: name.parse().unwrap(),
        host_if_name: name.parse().unwrap(),
        host_mac: Mac::new([0xfa, 0x16, 0x3e, 0, 0, 1]),
        mtu: Mtu::new(mtu).unwrap(),
        admin_up: true,
    }
}

fn create_tap(name: &str) -> Operation {
    Operation::Create(Object::Tap(tap_object(name, 1450)).into())
}

fn sub_interface() -> SubInterface {
    SubInterface {
        physnet: "physnet1".parse().unwrap(),
        vlan: "100".parse().unwrap(),
        admin_up: true,
    }
}

fn member() -> BridgeMember {
    BridgeMember {
        interface: InterfaceKey::SubInterface("physnet1".parse().unwrap(), "100".parse().unwrap()),
        bridge: Some("physnet1.vlan.100".parse().unwrap()),
        tag_rewrite: TagRewrite::Pop1,
        split_horizon_group: 0,
        learn: true,
    }
}

/// A session that knows an uplink (1), a sub-interface (2), the TAP `known` (3), a foreign TAP with
/// the device `theirs`, and a bridge domain (77).
pub(crate) async fn session(fake: &Fake) -> (Session, weft_vpp::Events, Peer) {
    let (connection, events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let interfaces = vec![
        interface(1, "host-trunk0", "weft.uplink.physnet1"),
        interface(2, "host-trunk0.100", "weft.sub-interface.physnet1.100"),
        interface(3, "tap0", "weft.tap.known"),
        interface(4, "tap1", ""),
    ];
    let held = Held {
        interfaces,
        taps: vec![tap(3, "known"), tap(4, "theirs")],
        bridges: vec![bridge(77, "weft.bridge.physnet1.vlan.100")],
        ..Held::default()
    };
    let serve = peer.observed(&held);
    let observed = bounded(async { tokio::join!(session.observe(), serve) })
        .await
        .0;
    observed.unwrap();
    (session, events, peer)
}

/// Applies one operation while `serve` plays VPP.
pub(crate) async fn apply(
    session: &mut Session,
    operation: Operation,
    serve: impl Future<Output = ()>,
) -> Outcome {
    let level = [operation];
    let (outcomes, ()) = bounded(async { tokio::join!(session.apply(&level), serve) }).await;
    outcomes.unwrap().remove(0)
}

pub(crate) fn left(outcome: Outcome) -> (String, Option<Object>) {
    match outcome {
        Outcome::Refused { reason, left } => (reason, left.map(Arc::unwrap_or_clone)),
        Outcome::Done => panic!("nothing was refused"),
    }
}

#[tokio::test]
async fn the_operations_of_a_level_are_under_way_together() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let level: Vec<_> = (0..100).map(|n| create_tap(&format!("p{n}"))).collect();
    let serve = async {
        let mut requests = Vec::new();
        for _ in 0..100 {
            requests.push(peer.request::<TapCreateV3>().await.0);
        }
        for (n, header) in requests.into_iter().enumerate() {
            let sw_if_index = SwIfIndex(100 + u32::try_from(n).unwrap());
            peer.reply(header, Retval::OK, &TapCreateV3Reply { sw_if_index })
                .await;
            peer.grant::<SwInterfaceSetMtu>().await;
            peer.grant::<SwInterfaceSetFlags>().await;
        }
    };
    let (outcomes, ()) = bounded(async { tokio::join!(session.apply(&level), serve) }).await;
    assert_eq!(outcomes.unwrap(), vec![Outcome::Done; 100]);
}

#[tokio::test]
async fn a_tap_is_made_with_its_mark_and_known_from_then_on() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let reply = TapCreateV3Reply {
            sw_if_index: SwIfIndex(9),
        };
        let made = peer.answer::<TapCreateV3>(Retval::OK, reply).await;
        assert_eq!(made.tag.to_str(), "weft.tap.p1\0");
        assert_eq!(made.host_mtu_size.0, Some(1450));
        let mtu = peer.grant::<SwInterfaceSetMtu>().await;
        assert_eq!((mtu.sw_if_index, mtu.mtu), (SwIfIndex(9), [1450, 0, 0, 0]));
        let up = peer.grant::<SwInterfaceSetFlags>().await;
        assert_eq!(
            (up.sw_if_index, up.flags),
            (SwIfIndex(9), IfStatusFlags::ADMIN_UP)
        );
    };
    assert_eq!(
        apply(&mut session, create_tap("p1"), serve).await,
        Outcome::Done
    );
    let delete = Operation::Delete(Object::Tap(tap_object("p1", 1450)).into());
    let serve = async {
        let deleted = peer.grant::<TapDeleteV2>().await;
        assert_eq!(deleted.sw_if_index, SwIfIndex(9));
    };
    assert_eq!(apply(&mut session, delete, serve).await, Outcome::Done);
}

#[tokio::test]
async fn what_vpp_did_before_it_refused_is_told() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        peer.grant::<TapCreateV3>().await;
        peer.refuse::<SwInterfaceSetMtu>(Retval::INVALID_VALUE)
            .await;
        peer.grant::<SwInterfaceSetFlags>().await;
    };
    let (reason, left) = left(apply(&mut session, create_tap("p1"), serve).await);
    assert!(reason.contains("sw_interface_set_mtu"), "{reason}");
    // VPP's own MTU for a TAP, and up.
    assert_eq!(left, Some(Object::Tap(tap_object("p1", 9000))));
}

#[tokio::test]
async fn a_device_of_a_foreign_tap_is_not_taken() {
    let fake = Fake::start();
    let (mut session, _events, _peer) = session(&fake).await;
    let outcome = apply(&mut session, create_tap("theirs"), async {}).await;
    let (reason, left) = left(outcome);
    assert!(reason.contains("belongs to tap1 of VPP"), "{reason}");
    assert_eq!(left, None);
}

#[tokio::test]
async fn a_lost_connection_leaves_nothing_known() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let level = [create_tap("p1"), create_tap("p2")];
    let serve = async {
        peer.grant::<TapCreateV3>().await;
        drop(peer);
    };
    let (outcomes, ()) = bounded(async { tokio::join!(session.apply(&level), serve) }).await;
    let error = outcomes.unwrap_err();
    assert!(matches!(error, CallError::Disconnected(_)), "{error}");
}

#[tokio::test]
async fn what_cannot_be_marked_is_taken_away_again() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let reply = CreateSubifReply {
            sw_if_index: SwIfIndex(9),
        };
        let made = peer.answer::<CreateSubif>(Retval::OK, reply).await;
        assert_eq!((made.sw_if_index, made.outer_vlan_id), (SwIfIndex(1), 100));
        peer.refuse::<SwInterfaceTagAddDel>(Retval::INVALID_VALUE)
            .await;
        assert_eq!(peer.grant::<DeleteSubif>().await.sw_if_index, SwIfIndex(9));
    };
    let create = Operation::Create(Object::SubInterface(sub_interface()).into());
    let (reason, rest) = left(apply(&mut session, create, serve).await);
    assert!(reason.contains(SwInterfaceTagAddDel::NAME), "{reason}");
    assert_eq!(rest, None);

    let uplink = Uplink {
        physnet: "physnet2".parse().unwrap(),
        device: UplinkDevice::HostInterface("trunk1".parse().unwrap()),
        mtu: None,
        admin_up: true,
    };
    let serve = async {
        peer.grant::<AfPacketCreateV3>().await;
        peer.refuse::<SwInterfaceTagAddDel>(Retval::INVALID_VALUE)
            .await;
        assert_eq!(peer.grant::<AfPacketDelete>().await.host_if_name, "trunk1");
    };
    let create = Operation::Create(Object::Uplink(uplink).into());
    let (_, rest) = left(apply(&mut session, create, serve).await);
    assert_eq!(rest, None);
}

#[tokio::test]
async fn what_was_made_and_never_marked_is_taken_up_only_if_nobody_uses_it() {
    for (flags, bridged) in [
        (IfStatusFlags::default(), false),
        (IfStatusFlags::ADMIN_UP, false),
        (IfStatusFlags::default(), true),
    ] {
        let fake = Fake::start();
        let (mut session, _events, mut peer) = session(&fake).await;
        let mut found = interface(9, "host-trunk1", "");
        found.flags = flags;
        let is_free = flags == IfStatusFlags::default() && !bridged;
        let mut bridges = [bridge(5, "somebody's")];
        if bridged {
            let member = weft_vpp_wire::messages::l2::BridgeDomainSwIf {
                sw_if_index: SwIfIndex(9),
                ..Default::default()
            };
            bridges[0].sw_if_details = vec![member].try_into().unwrap();
        }
        let serve = async {
            peer.refuse::<AfPacketCreateV3>(Retval::IF_ALREADY_EXISTS)
                .await;
            let dump = peer
                .dumped::<SwInterfaceDump>(&[interface(8, "host-trunk11", ""), found])
                .await;
            assert_eq!(dump.name_filter.to_str(), "host-trunk1");
            if flags == IfStatusFlags::default() {
                peer.dumped::<BridgeDomainDump>(&bridges).await;
            }
            if is_free {
                let marked = peer.grant::<SwInterfaceTagAddDel>().await;
                assert_eq!(marked.sw_if_index, SwIfIndex(9));
                peer.grant::<SwInterfaceSetFlags>().await;
            }
        };
        let uplink = Uplink {
            physnet: "physnet2".parse().unwrap(),
            device: UplinkDevice::HostInterface("trunk1".parse().unwrap()),
            mtu: None,
            admin_up: true,
        };
        let create = Operation::Create(Object::Uplink(uplink).into());
        let outcome = apply(&mut session, create, serve).await;
        assert_eq!(outcome == Outcome::Done, is_free, "{outcome:?}");
    }
}

#[tokio::test]
async fn no_frame_is_bridged_with_its_tag() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let serve = async {
        let rewrite = peer.grant::<L2InterfaceVlanTagRewrite>().await;
        assert_eq!(
            (rewrite.sw_if_index, rewrite.vtr_op),
            (SwIfIndex(2), VtrOp::POP_1)
        );
        let join = peer.grant::<SwInterfaceSetL2Bridge>().await;
        assert_eq!((join.bd_id, join.enable), (BdId(77), true));
    };
    let create = Operation::Create(Object::BridgeMember(member()).into());
    assert_eq!(
        apply(&mut session, create.clone(), serve).await,
        Outcome::Done
    );

    let serve = async {
        peer.refuse::<L2InterfaceVlanTagRewrite>(Retval::INVALID_VLAN_TAG_COUNT)
            .await;
        assert!(peer.grant::<SwInterfaceSetL2Bridge>().await.enable);
        assert!(!peer.grant::<SwInterfaceSetL2Bridge>().await.enable);
    };
    let (_, rest) = left(apply(&mut session, create, serve).await);
    assert_eq!(rest, None);
}

#[tokio::test]
async fn a_bridge_domain_has_the_number_that_vpp_chose() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let bridge = |mac_age, learn| {
        Object::BridgeDomain(BridgeDomain {
            segment: "physnet1.flat".parse().unwrap(),
            flags: BridgeFlags {
                learn,
                ..BridgeFlags::LEARNING
            },
            mac_age,
        })
    };
    let serve = async {
        let reply = BridgeDomainAddDelV2Reply { bd_id: BdId(4711) };
        let made = peer.answer::<BridgeDomainAddDelV2>(Retval::OK, reply).await;
        assert_eq!((made.bd_id, made.is_add), (BdId::ANY, true));
        assert_eq!(made.bd_tag, "weft.bridge.physnet1.flat");
    };
    let create = Operation::Create(bridge(5, true).into());
    assert_eq!(apply(&mut session, create, serve).await, Outcome::Done);

    // Only what differs is sent; a refusal tells how far it came.
    let serve = async {
        let flags = peer.grant::<SetBridgeFlags>().await;
        assert_eq!(
            (flags.bd_id, flags.is_set, flags.flags),
            (BdId(4711), false, BdFlags::LEARN)
        );
        peer.refuse::<BridgeDomainSetMacAge>(Retval::UNSPECIFIED)
            .await;
    };
    let update = Operation::Update {
        from: bridge(5, true).into(),
        to: bridge(9, false).into(),
    };
    let (_, rest) = left(apply(&mut session, update, serve).await);
    assert_eq!(rest, Some(bridge(5, false)));
}

#[tokio::test]
async fn deleting_what_is_gone_is_done() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let delete = Operation::Delete(Object::Tap(tap_object("known", 1500)).into());
    let serve = async {
        let deleted = peer
            .refuse::<TapDeleteV2>(Retval::INVALID_SW_IF_INDEX)
            .await;
        assert_eq!(deleted.sw_if_index, SwIfIndex(3));
    };
    assert_eq!(
        apply(&mut session, delete.clone(), serve).await,
        Outcome::Done
    );
    // Its number is forgotten: nothing is sent that could hit another interface.
    assert_eq!(apply(&mut session, delete, async {}).await, Outcome::Done);
}

#[tokio::test]
async fn a_refused_deletion_leaves_the_object() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let object = Object::Tap(tap_object("known", 1500));
    let serve = async {
        peer.refuse::<TapDeleteV2>(Retval::BUSY).await;
    };
    let delete = Operation::Delete(object.clone().into());
    let (reason, rest) = left(apply(&mut session, delete, serve).await);
    assert!(reason.contains("BUSY (-167)"), "{reason}");
    assert_eq!(rest, Some(object));
}
