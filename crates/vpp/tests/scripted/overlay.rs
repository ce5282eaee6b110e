//! Overlay networks: what goes out for them, and what is asked for to know them.

use std::net::IpAddr;

use weft_model::Mac;
use weft_plan::{
    Address, BridgeMember, InterfaceKey, Neighbour, Object, ObjectKey, Operation, Outcome, Route,
    StaticMac, TagRewrite, Tunnel, TunnelKey,
};
use weft_vpp::Session;
use weft_vpp_wire::messages::fib::{FibSource, FibSourceAdd, FibSourceAddReply, FibSourceDetails};
use weft_vpp_wire::messages::interface::{
    SwInterfaceAddDelAddress, SwInterfaceDump, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::ip::{IpRouteAddDelV2, IpRouteV2Dump};
use weft_vpp_wire::messages::l2::{
    BdFlags, BdIpMacAddDel, BdIpMacDump, BridgeDomainDump, L2FibTableDump, L2Flags, L2FlagsReply,
    L2InputFeatures, L2fibAddDel, SwInterfaceSetL2Bridge,
};
use weft_vpp_wire::messages::vxlan::{
    VxlanAddDelTunnelV3, VxlanAddDelTunnelV3Reply, VxlanTunnelV2Details, VxlanTunnelV2Dump,
};
use weft_vpp_wire::messages::vxlan_gpe::{
    VxlanGpeAddDelTunnelV2, VxlanGpeAddDelTunnelV2Reply, VxlanGpeProtocol,
};
use weft_vpp_wire::{Address as WireAddress, BdId, Retval, SwIfIndex};

use crate::fake::{Fake, Peer, bounded, quick};
use crate::observe::{Held, bridge, interface};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tunnel(segment: &str) -> Tunnel {
    Tunnel {
        key: TunnelKey {
            segment: segment.parse().unwrap(),
            remote: address("192.0.2.12"),
        },
        local: address("192.0.2.11"),
        admin_up: true,
    }
}

fn key(segment: &str) -> InterfaceKey {
    InterfaceKey::Tunnel(tunnel(segment).key)
}

fn member(segment: &str) -> BridgeMember {
    BridgeMember {
        interface: key(segment),
        bridge: Some(segment.parse().unwrap()),
        tag_rewrite: TagRewrite::Disabled,
        split_horizon_group: BridgeMember::TUNNELS,
        learn: false,
    }
}

fn static_mac(interface: Option<InterfaceKey>) -> StaticMac {
    StaticMac {
        segment: "vxlan.5".parse().unwrap(),
        mac: Mac::new([0xfa, 0x16, 0x3e, 0, 0, 5]),
        interface,
    }
}

fn neighbour() -> Neighbour {
    Neighbour {
        segment: "vxlan.5".parse().unwrap(),
        address: address("fd00::5"),
        mac: Mac::new([0xfa, 0x16, 0x3e, 0, 0, 5]),
    }
}

fn vxlan_details(index: u32) -> VxlanTunnelV2Details {
    VxlanTunnelV2Details {
        sw_if_index: SwIfIndex(index),
        src_address: WireAddress(address("192.0.2.11")),
        dst_address: WireAddress(address("192.0.2.12")),
        src_port: 4789,
        dst_port: 4789,
        decap_next_index: 1,
        vni: 5,
        ..VxlanTunnelV2Details::default()
    }
}

/// A session that knows an uplink (1), the bridge domains of the VNI 5 of both protocols (50 and 51),
/// the former with a tunnel (2).
async fn session(fake: &Fake) -> (Session, weft_vpp::Events, Peer) {
    let (connection, events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let mut vxlan = bridge(50, "weft.bridge.vxlan.5");
    vxlan.sw_if_details = vec![weft_vpp_wire::messages::l2::BridgeDomainSwIf {
        sw_if_index: SwIfIndex(2),
        shg: 1,
        ..Default::default()
    }]
    .try_into()
    .unwrap();
    let held = Held {
        interfaces: vec![
            interface(1, "host-eth1", "weft.uplink.underlay"),
            interface(2, "vxlan_tunnel0", "weft.vxlan.5.192.0.2.12"),
        ],
        vxlan_tunnels: vec![vxlan_details(2)],
        bridges: vec![vxlan, bridge(51, "weft.bridge.gpe.5")],
        ..Held::default()
    };
    let serve = async {
        peer.observed(&held).await;
        // VPP looks at all entries anyway, so they are asked for once.
        assert_eq!(peer.dumped::<L2FibTableDump>(&[]).await.bd_id, BdId::ANY);
        assert_eq!(peer.dumped::<BdIpMacDump>(&[]).await.bd_id, BdId::ANY);
        let resulting_feature_bitmap = L2InputFeatures::FWD;
        let reply = L2FlagsReply {
            resulting_feature_bitmap,
        };
        let asked = peer.answer::<L2Flags>(Retval::OK, reply).await;
        assert_eq!(asked.feature_bitmap, BdFlags::default(), "nothing is set");
    };
    let (observed, ()) = bounded(async { tokio::join!(session.observe(), serve) }).await;
    let observed = observed.unwrap();
    let found = observed.get(&ObjectKey::BridgeMember(key("vxlan.5")));
    assert_eq!(found, Some(&Object::BridgeMember(member("vxlan.5")).into()));
    (session, events, peer)
}

/// Carries out one operation while `serve` answers; gives what became of it.
async fn apply(
    session: &mut Session,
    operation: Operation,
    serve: impl Future<Output = ()>,
) -> Outcome {
    let level = [operation];
    let (outcomes, ()) = bounded(async { tokio::join!(session.apply(&level), serve) }).await;
    outcomes.unwrap().pop().unwrap()
}

#[tokio::test]
async fn a_gpe_tunnel_carries_ethernet_and_loses_its_mark_before_it_is_deleted() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let made = Object::Tunnel(tunnel("gpe.5"));
    let outcome = apply(
        &mut session,
        Operation::Create(made.clone().into()),
        async {
            let reply = VxlanGpeAddDelTunnelV2Reply {
                sw_if_index: SwIfIndex(9),
            };
            let asked = peer
                .answer::<VxlanGpeAddDelTunnelV2>(Retval::OK, reply)
                .await;
            assert_eq!(asked.protocol, VxlanGpeProtocol::ETHERNET);
            assert_eq!((asked.local_port, asked.remote_port), (4790, 4790));
            assert_eq!((asked.vni, asked.is_add), (5, true));
            let marked = peer.grant::<SwInterfaceTagAddDel>().await;
            assert_eq!(marked.sw_if_index, SwIfIndex(9));
            assert_eq!(marked.tag, "weft.gpe.5.192.0.2.12");
        },
    )
    .await;
    assert_eq!(outcome, Outcome::Done);
    let outcome = apply(&mut session, Operation::Delete(made.into()), async {
        let unmarked = peer.grant::<SwInterfaceTagAddDel>().await;
        assert_eq!(
            (unmarked.sw_if_index, unmarked.is_add),
            (SwIfIndex(9), false)
        );
        assert!(!peer.grant::<VxlanGpeAddDelTunnelV2>().await.is_add);
    })
    .await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn a_tunnel_that_was_made_and_never_marked_is_taken_up_and_another_ones_is_not() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let mut wanted = tunnel("vxlan.5");
    wanted.key.remote = address("192.0.2.13");
    let mut details = vxlan_details(7);
    details.dst_address = WireAddress(wanted.key.remote);
    let create = Operation::Create(Object::Tunnel(wanted).into());
    for (tag, taken) in [("somebody's", false), ("", true)] {
        let outcome = apply(&mut session, create.clone(), async {
            let none = VxlanAddDelTunnelV3Reply::default();
            peer.answer::<VxlanAddDelTunnelV3>(Retval::TUNNEL_EXIST, none)
                .await;
            peer.dumped::<VxlanTunnelV2Dump>(&[vxlan_details(2), details.clone()])
                .await;
            let there = [interface(7, "vxlan_tunnel5", tag)];
            let asked = peer.dumped::<SwInterfaceDump>(&there).await;
            assert_eq!(asked.sw_if_index, SwIfIndex(7));
            if taken {
                peer.dumped::<BridgeDomainDump>(&[]).await;
                peer.grant::<SwInterfaceTagAddDel>().await;
            }
        })
        .await;
        match outcome {
            Outcome::Done => assert!(taken),
            Outcome::Refused { reason, left } => {
                assert!(!taken && reason.contains("which is not ours"), "{reason}");
                assert_eq!(left, None);
            }
        }
    }
}

#[tokio::test]
async fn a_tunnel_joins_its_bridge_domain_apart_from_others_and_without_learning() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let mut from = member("vxlan.5");
    from.split_horizon_group = 0;
    for operation in [
        Operation::Create(Object::BridgeMember(member("vxlan.5")).into()),
        // Joining in another group switches learning on, so that it is switched off again.
        Operation::Update {
            from: Object::BridgeMember(from).into(),
            to: Object::BridgeMember(member("vxlan.5")).into(),
        },
    ] {
        let outcome = apply(&mut session, operation, async {
            let joined = peer.grant::<SwInterfaceSetL2Bridge>().await;
            assert_eq!((joined.bd_id, joined.shg), (BdId(50), 1));
            let cleared = peer.grant::<L2Flags>().await;
            assert_eq!(cleared.feature_bitmap, BdFlags::LEARN);
            assert!(!cleared.is_set);
        })
        .await;
        assert_eq!(outcome, Outcome::Done);
    }
    let mut from = member("vxlan.5");
    from.learn = true;
    let update = Operation::Update {
        from: Object::BridgeMember(from).into(),
        to: Object::BridgeMember(member("vxlan.5")).into(),
    };
    let outcome = apply(&mut session, update, async {
        assert!(!peer.grant::<L2Flags>().await.is_set);
    })
    .await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn what_is_known_of_a_remote_machine_is_one_message_for_each_address() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let here = Object::StaticMac(static_mac(Some(key("vxlan.5"))));
    let elsewhere = Object::StaticMac(static_mac(None));
    for operation in [
        Operation::Create(here.clone().into()),
        Operation::Update {
            from: elsewhere.clone().into(),
            to: here.into(),
        },
    ] {
        let outcome = apply(&mut session, operation, async {
            let written = peer.grant::<L2fibAddDel>().await;
            assert_eq!(
                (written.bd_id, written.sw_if_index),
                (BdId(50), SwIfIndex(2))
            );
            assert!(written.is_add && written.static_mac);
        })
        .await;
        assert_eq!(outcome, Outcome::Done);
    }
    let outcome = apply(&mut session, Operation::Delete(elsewhere.into()), async {
        let deleted = peer.refuse::<L2fibAddDel>(Retval::NO_SUCH_ENTRY).await;
        assert_eq!((deleted.is_add, deleted.sw_if_index), (false, SwIfIndex(0)));
    })
    .await;
    assert_eq!(outcome, Outcome::Done);

    let entry = Object::Neighbour(neighbour());
    let outcome = apply(
        &mut session,
        Operation::Create(entry.clone().into()),
        async {
            let written = peer.grant::<BdIpMacAddDel>().await;
            assert_eq!(written.entry.ip, WireAddress(address("fd00::5")));
            assert!(written.is_add);
        },
    )
    .await;
    assert_eq!(outcome, Outcome::Done);
    let outcome = apply(&mut session, Operation::Delete(entry.into()), async {
        peer.refuse::<BdIpMacAddDel>(Retval::UNSPECIFIED).await;
    })
    .await;
    assert_eq!(outcome, Outcome::Done, "what is gone is deleted");
}

#[tokio::test]
async fn an_address_in_use_is_said_to_be() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let wanted = Object::Address(Address {
        interface: InterfaceKey::Uplink("underlay".parse().unwrap()),
        address: address("192.0.2.11"),
        prefix_len: 24,
    });
    let outcome = apply(
        &mut session,
        Operation::Create(wanted.clone().into()),
        async {
            let asked = peer
                .refuse::<SwInterfaceAddDelAddress>(Retval::ADDRESS_IN_USE)
                .await;
            assert_eq!((asked.sw_if_index, asked.prefix.len), (SwIfIndex(1), 24));
        },
    )
    .await;
    let Outcome::Refused { reason, left: None } = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("192.0.2.11/24"), "{reason}");
    let outcome = apply(&mut session, Operation::Delete(wanted.into()), async {
        let gone = Retval::ADDRESS_NOT_FOUND_FOR_INTERFACE;
        let asked = peer.refuse::<SwInterfaceAddDelAddress>(gone).await;
        assert!(!asked.is_add && !asked.del_all);
    })
    .await;
    assert_eq!(outcome, Outcome::Done);
}

#[tokio::test]
async fn routes_have_one_source_which_is_made_once() {
    let fake = Fake::start();
    let (mut session, _events, mut peer) = session(&fake).await;
    let route = Route {
        prefix: "0.0.0.0/0".parse().unwrap(),
        gateway: address("192.0.2.1"),
    };
    let create = Operation::Create(Object::Route(route).into());
    let outcome = apply(&mut session, create.clone(), async {
        let reply = FibSourceAddReply { id: 37 };
        let asked = peer.answer::<FibSourceAdd>(Retval::OK, reply).await;
        assert_eq!(asked.src.name, "weft");
        assert!(asked.src.priority < 0x80, "better than what the API writes");
        let written = peer.grant::<IpRouteAddDelV2>().await;
        assert_eq!((written.is_add, written.route.src), (true, 37));
        assert_eq!(written.route.paths[0].nh_address[..4], [192, 0, 2, 1]);
    })
    .await;
    assert_eq!(outcome, Outcome::Done);
    let outcome = apply(
        &mut session,
        Operation::Delete(Object::Route(route).into()),
        async {
            let deleted = peer.grant::<IpRouteAddDelV2>().await;
            assert_eq!((deleted.is_add, deleted.route.src), (false, 37));
            assert!(deleted.route.paths.is_empty());
        },
    )
    .await;
    assert_eq!(outcome, Outcome::Done);

    // The next session finds the source by its name.
    let held = Held {
        fib_sources: vec![FibSourceDetails {
            src: FibSource {
                priority: 0x70,
                id: 41,
                name: weft_vpp_wire::FixedString::try_from("weft").unwrap(),
            },
        }],
        ..Held::default()
    };
    let serve = async {
        peer.observed(&held).await;
        for is_ip6 in [false, true] {
            let asked = peer.dumped::<IpRouteV2Dump>(&[]).await;
            assert_eq!((asked.src, asked.table.is_ip6), (41, is_ip6));
        }
    };
    bounded(async { tokio::join!(session.observe(), serve) })
        .await
        .0
        .unwrap();
    let outcome = apply(&mut session, create, async {
        assert_eq!(peer.grant::<IpRouteAddDelV2>().await.route.src, 41);
    })
    .await;
    assert_eq!(outcome, Outcome::Done);
}
