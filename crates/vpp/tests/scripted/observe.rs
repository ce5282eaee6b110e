//! Reading VPP: all or nothing, and events that are only hints.

use weft_plan::{InterfaceKey, Notice, ObjectKey};
use weft_vpp::{CallError, Session};
use weft_vpp_wire::messages::acl::{
    AclDetails, AclDump, AclInterfaceListDetails, AclInterfaceListDump, MacipAclDetails,
    MacipAclDump, MacipAclInterfaceListDetails, MacipAclInterfaceListDump,
};
use weft_vpp_wire::messages::fib::{FibSourceDetails, FibSourceDump};
use weft_vpp_wire::messages::interface::{
    IfStatusFlags, SwInterfaceDetails, SwInterfaceDump, SwInterfaceEvent,
};
use weft_vpp_wire::messages::ip::IpAddressDump;
use weft_vpp_wire::messages::l2::{BridgeDomainDetails, BridgeDomainDump};
use weft_vpp_wire::messages::tapv2::{SwInterfaceTapV2Details, SwInterfaceTapV2Dump};
use weft_vpp_wire::messages::vhost_user::{SwInterfaceVhostUserDetails, SwInterfaceVhostUserDump};
use weft_vpp_wire::messages::vxlan::{VxlanTunnelV2Details, VxlanTunnelV2Dump};
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeTunnelV2Details, VxlanGpeTunnelV2Dump};
use weft_vpp_wire::{BdId, FixedString, SwIfIndex};

use crate::fake::{Fake, Peer, bounded, quick};

fn text(text: &str) -> FixedString<64> {
    FixedString::try_from(text).unwrap()
}

pub(crate) fn interface(index: u32, name: &str, tag: &str) -> SwInterfaceDetails {
    SwInterfaceDetails {
        sw_if_index: SwIfIndex(index),
        interface_name: text(name),
        tag: text(tag),
        flags: IfStatusFlags::ADMIN_UP | IfStatusFlags::LINK_UP,
        mtu: [1500, 0, 0, 0],
        ..SwInterfaceDetails::default()
    }
}

pub(crate) fn tap(index: u32, device: &str) -> SwInterfaceTapV2Details {
    SwInterfaceTapV2Details {
        sw_if_index: SwIfIndex(index),
        host_if_name: text(device),
        ..SwInterfaceTapV2Details::default()
    }
}

pub(crate) fn bridge(id: u32, tag: &str) -> BridgeDomainDetails {
    BridgeDomainDetails {
        bd_id: BdId(id),
        bd_tag: text(tag),
        ..BridgeDomainDetails::default()
    }
}

/// What a VPP has.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) interfaces: Vec<SwInterfaceDetails>,
    pub(crate) taps: Vec<SwInterfaceTapV2Details>,
    pub(crate) vhost_users: Vec<SwInterfaceVhostUserDetails>,
    pub(crate) vxlan_tunnels: Vec<VxlanTunnelV2Details>,
    pub(crate) gpe_tunnels: Vec<VxlanGpeTunnelV2Details>,
    pub(crate) bridges: Vec<BridgeDomainDetails>,
    pub(crate) acls: Vec<AclDetails>,
    pub(crate) acl_lists: Vec<AclInterfaceListDetails>,
    pub(crate) macip_acls: Vec<MacipAclDetails>,
    pub(crate) macip_lists: Vec<MacipAclInterfaceListDetails>,
    pub(crate) fib_sources: Vec<FibSourceDetails>,
}

impl Peer {
    /// Answers a reading of all that there is.
    pub(crate) async fn observed(&mut self, held: &Held) {
        self.dumped::<SwInterfaceDump>(&held.interfaces).await;
        self.dumped::<SwInterfaceTapV2Dump>(&held.taps).await;
        self.dumped::<SwInterfaceVhostUserDump>(&held.vhost_users)
            .await;
        self.dumped::<VxlanTunnelV2Dump>(&held.vxlan_tunnels).await;
        self.dumped::<VxlanGpeTunnelV2Dump>(&held.gpe_tunnels).await;
        self.dumped::<BridgeDomainDump>(&held.bridges).await;
        self.dumped::<AclDump>(&held.acls).await;
        self.dumped::<AclInterfaceListDump>(&held.acl_lists).await;
        self.dumped::<MacipAclDump>(&held.macip_acls).await;
        self.dumped::<MacipAclInterfaceListDump>(&held.macip_lists)
            .await;
        self.dumped::<FibSourceDump>(&held.fib_sources).await;
        let interfaces = held.interfaces.iter();
        for uplink in interfaces.filter(|details| details.tag.to_str().starts_with("weft.uplink")) {
            for is_ipv6 in [false, true] {
                let asked = self.dumped::<IpAddressDump>(&[]).await;
                let expected = (uplink.sw_if_index, is_ipv6);
                assert_eq!((asked.sw_if_index, asked.is_ipv6), expected);
            }
        }
    }
}

/// A client of a VPP that lacks the messages whose name has one of these in it.
pub(crate) async fn connected_without(
    fake: &Fake,
    lacking: &[&str],
) -> (weft_vpp::Connection, weft_vpp::Events, Peer) {
    let serve = async {
        let mut peer = fake.accept().await;
        let entries = peer.table.entries().into_iter();
        let has = |name: &str| !lacking.iter().any(|part| name.contains(part));
        let entries = entries.filter(|entry| has(&entry.name.to_str()));
        peer.shake_hands(entries.collect()).await;
        peer.grant_events().await;
        peer
    };
    let path = fake.path();
    let connect = weft_vpp::Connection::connect(&path, "test", quick());
    let (peer, connected) = bounded(async { tokio::join!(serve, connect) }).await;
    let (connection, events) = connected.unwrap();
    (connection, events, peer)
}

fn port(name: &str) -> InterfaceKey {
    InterfaceKey::Tap(name.parse().unwrap())
}

#[tokio::test]
async fn if_one_dump_is_not_whole_nothing_is_observed() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let serve = async {
        let interfaces = [interface(1, "tap0", "weft.tap.a")];
        peer.dumped::<SwInterfaceDump>(&interfaces).await;
        peer.dumped::<SwInterfaceTapV2Dump>(&[tap(1, "a")]).await;
        drop(peer);
    };
    let (observed, ()) = bounded(async { tokio::join!(session.observe(), serve) }).await;
    let error = observed.unwrap_err();
    assert!(matches!(error, CallError::Disconnected(_)), "{error}");
}

#[tokio::test]
async fn the_state_in_a_notice_is_read_and_not_taken_from_the_event() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let ours = interface(1, "tap0", "weft.tap.a");
    let mut held = Held {
        interfaces: vec![ours.clone()],
        ..Held::default()
    };
    let observe = peer.observed(&held);
    bounded(async { tokio::join!(session.observe(), observe) })
        .await
        .0
        .unwrap();
    held.taps = vec![tap(1, "a")];
    let observe = peer.observed(&held);
    bounded(async { tokio::join!(session.observe(), observe) })
        .await
        .0
        .unwrap();
    // VPP leaves the link out of an event about the administrative state.
    let event = SwInterfaceEvent {
        sw_if_index: SwIfIndex(1),
        flags: IfStatusFlags::ADMIN_UP,
        deleted: false,
    };
    let events = [event.clone(), event];
    let notices = session.notices(&events);
    let serve = peer.dumped::<SwInterfaceDump>(std::slice::from_ref(&ours));
    let (notices, dump) = bounded(async { tokio::join!(notices, serve) }).await;
    assert_eq!(dump.sw_if_index, SwIfIndex(1), "read once for two events");
    assert_eq!(
        notices.unwrap(),
        [Notice::State {
            interface: port("a"),
            admin_up: true,
            link_up: true
        }]
    );
}

#[tokio::test]
async fn gone_is_what_is_not_there_or_is_something_else() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let mut session = Session::new(connection);
    let interfaces = [
        interface(1, "tap0", "weft.tap.a"),
        interface(2, "tap1", "weft.tap.b"),
        interface(3, "tap2", "weft.tap.c"),
    ];
    let held = Held {
        interfaces: interfaces.to_vec(),
        taps: vec![tap(1, "a"), tap(2, "b"), tap(3, "c")],
        ..Held::default()
    };
    let observe = peer.observed(&held);
    bounded(async { tokio::join!(session.observe(), observe) })
        .await
        .0
        .unwrap();
    let event = |index| SwInterfaceEvent {
        sw_if_index: SwIfIndex(index),
        flags: IfStatusFlags::default(),
        deleted: true,
    };
    let events = [event(1), event(2), event(3)];
    let serve = async {
        // Gone; another by now; and a new one of ours, made after the event's deletion.
        let (first, _) = peer.request::<SwInterfaceDump>().await;
        peer.pong().await;
        let (second, _) = peer.request::<SwInterfaceDump>().await;
        peer.details(second, &interface(2, "loop0", "")).await;
        peer.pong().await;
        peer.dumped::<SwInterfaceDump>(&interfaces[2..]).await;
        assert_ne!(first.context, second.context);
    };
    let (notices, ()) = bounded(async { tokio::join!(session.notices(&events), serve) }).await;
    assert_eq!(
        notices.unwrap(),
        [
            Notice::Deleted(port("a")),
            Notice::Deleted(port("b")),
            Notice::State {
                interface: port("c"),
                admin_up: true,
                link_up: true
            }
        ]
    );
    // What is gone is not asked for again.
    let again = bounded(session.notices(&[event(1), event(2)])).await;
    assert_eq!(again.unwrap(), []);
}

#[tokio::test]
async fn without_its_plugins_the_rest_is_observed() {
    let fake = Fake::start();
    let lacking = ["tap_", "acl_", "vhost_user", "vxlan"];
    let (connection, _events, mut peer) = connected_without(&fake, &lacking).await;
    let missing: Vec<_> = Session::missing(&connection)
        .iter()
        .map(|missing| missing.message.name)
        .collect();
    assert_eq!(
        missing,
        [
            "tap_create_v3",
            "tap_delete_v2",
            "sw_interface_tap_v2_dump",
            "vxlan_add_del_tunnel_v3",
            "vxlan_tunnel_v2_dump",
            "vxlan_gpe_add_del_tunnel_v2",
            "vxlan_gpe_tunnel_v2_dump",
            "acl_add_replace",
            "acl_del",
            "acl_dump",
            "acl_interface_set_acl_list",
            "acl_interface_list_dump",
            "macip_acl_add_replace",
            "macip_acl_del",
            "macip_acl_interface_add_del",
            "macip_acl_dump",
            "macip_acl_interface_list_dump",
            "create_vhost_user_if_v2",
            "delete_vhost_user_if",
            "sw_interface_vhost_user_dump",
        ]
    );
    let mut session = Session::new(connection);
    let serve = async {
        peer.dumped::<SwInterfaceDump>(&[]).await;
        let bridges = [bridge(7, "weft.bridge.physnet1.flat")];
        peer.dumped::<BridgeDomainDump>(&bridges).await;
        peer.dumped::<FibSourceDump>(&[]).await;
    };
    let (observed, ()) = bounded(async { tokio::join!(session.observe(), serve) }).await;
    let key = ObjectKey::BridgeDomain("physnet1.flat".parse().unwrap());
    assert!(observed.unwrap().get(&key).is_some());
}
