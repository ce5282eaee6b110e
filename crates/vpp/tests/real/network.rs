//! Networks: uplinks, sub-interfaces, TAPs, bridge domains.

use std::process::Command;

use weft_model::{IfName, Mac, Mtu, NetworkSegment, PhysnetName, PortId, VlanId};
use weft_plan::{
    BridgeDomain, BridgeFlags, BridgeMember, InterfaceKey, Notice, Object, SubInterface,
    TagRewrite, Tap, Uplink, UplinkDevice,
};
use weft_vpp::{Connection, Events, Session};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete, AfPacketMode};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateSubif, DeleteLoopback, IfStatusFlags, SubIfFlags, SwInterfaceDump,
    SwInterfaceEvent, SwInterfaceSetFlags,
};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::tapv2::{TapCreateV3, TapDeleteV2};
use weft_vpp_wire::messages::vpe::ShowVersion;
use weft_vpp_wire::{BdId, FixedString, SwIfIndex, VarString};

use crate::support::{Dataplane, connect, everything, notice, reconcile, settle};

/// A pair of devices of the kernel that goes with this value.
pub(crate) struct Veth {
    name: String,
}

impl Veth {
    pub(crate) fn new(prefix: &str) -> Self {
        let name = format!("{prefix}{}", std::process::id() % 100_000);
        let peer = format!("{name}p");
        ip(&["link", "add", &name, "type", "veth", "peer", "name", &peer]);
        ip(&["link", "set", &name, "up"]);
        ip(&["link", "set", &peer, "up"]);
        Self { name }
    }

    pub(crate) fn device(&self) -> IfName {
        IfName::new(self.name.clone()).unwrap()
    }
}

impl Drop for Veth {
    fn drop(&mut self) {
        ip(&["link", "del", &self.name]);
    }
}

fn ip(arguments: &[&str]) {
    let status = Command::new("ip").args(arguments).status().unwrap();
    assert!(status.success(), "ip {arguments:?}");
}

fn physnet() -> PhysnetName {
    "physnet1".parse().unwrap()
}

fn vlan() -> VlanId {
    VlanId::new(100).unwrap()
}

pub(crate) fn segment() -> NetworkSegment {
    NetworkSegment::Vlan {
        physnet: physnet(),
        vlan: vlan(),
    }
}

pub(crate) fn port() -> PortId {
    "port-a".parse().unwrap()
}

fn uplink(device: UplinkDevice) -> Object {
    Object::Uplink(Uplink {
        physnet: physnet(),
        device,
        mtu: None,
        admin_up: true,
    })
}

pub(crate) fn tap(port: PortId, device: &str, mtu: u32) -> Object {
    Object::Tap(Tap {
        port,
        host_if_name: IfName::new(device).unwrap(),
        host_mac: Mac::new([0xfa, 0x16, 0x3e, 0, 0, 1]),
        mtu: Mtu::new(mtu).unwrap(),
        admin_up: true,
    })
}

pub(crate) fn member(interface: InterfaceKey, tag_rewrite: TagRewrite) -> Object {
    Object::BridgeMember(BridgeMember {
        interface,
        bridge: Some(segment()),
        tag_rewrite,
        split_horizon_group: 0,
        learn: true,
    })
}

pub(crate) fn bridge(mac_age: u8, learn: bool) -> Object {
    Object::BridgeDomain(BridgeDomain {
        segment: segment(),
        flags: BridgeFlags {
            learn,
            ..BridgeFlags::LEARNING
        },
        mac_age,
    })
}

fn sub_interface() -> Object {
    Object::SubInterface(SubInterface {
        physnet: physnet(),
        vlan: vlan(),
        admin_up: true,
    })
}

/// One VLAN network with an uplink and a port.
fn network(uplink_device: UplinkDevice, tap_device: &str) -> Vec<Object> {
    vec![
        uplink(uplink_device),
        sub_interface(),
        tap(port(), tap_device, 1450),
        bridge(5, true),
        member(InterfaceKey::Tap(port()), TagRewrite::Disabled),
        member(
            InterfaceKey::SubInterface(physnet(), vlan()),
            TagRewrite::Pop1,
        ),
    ]
}

#[tokio::test]
async fn what_is_wanted_is_made_kept_and_removed() {
    let dataplane = Dataplane::find().await;
    let (connection, mut events) = connect(&dataplane.socket).await;
    let (other, _other_events) = connect(&dataplane.socket).await;
    let version = connection.request(ShowVersion {}).await.unwrap();
    eprintln!("{} {}", version.program, version.version);
    assert_eq!(Session::missing(&connection), []);

    let veth = Veth::new("wu");
    let tap_device = format!("wt{}", std::process::id() % 100_000);
    let mut session = Session::new(connection.clone());
    let foreign = foreign_things(&other).await;
    let before = everything(&other).await;

    let made = network(UplinkDevice::HostInterface(veth.device()), &tap_device);
    let observed = settle(&mut session, &made).await;
    for interface in [
        InterfaceKey::Uplink(physnet()),
        InterfaceKey::SubInterface(physnet(), vlan()),
        InterfaceKey::Tap(port()),
    ] {
        assert!(observed.link_up(&interface), "{interface}");
    }

    // Values that change in place.
    let mut changed = made.clone();
    changed[2] = tap(port(), &tap_device, 1400);
    changed[3] = bridge(9, false);
    changed[4] = member(InterfaceKey::Tap(port()), TagRewrite::Disabled);
    settle(&mut session, &changed).await;

    // A value that does not: the TAP is made anew, with its membership.
    let renamed = format!("{tap_device}x");
    changed[2] = tap(port(), &renamed, 1400);
    settle(&mut session, &changed).await;

    drift_is_told(&mut session, &mut events, &other, &renamed).await;
    settle(&mut session, &changed).await;
    refusals_leave_the_rest_alone(&mut session, &changed, &veth, &foreign.tap_device).await;

    settle(&mut session, &[]).await;
    assert_eq!(everything(&other).await, before);

    half_made_things_are_taken_up(&mut session, &other, &veth).await;
    found_uplinks_are_left_as_they_were(&mut session, &other, &veth, &tap_device).await;
    settle(&mut session, &[]).await;
    assert_eq!(everything(&other).await, before);
    foreign.remove(&other).await;
}

/// Things of somebody else, which must be there at the end as they were.
struct Foreign {
    tap: SwIfIndex,
    tap_device: String,
    loopback: SwIfIndex,
    bridge: BdId,
}

async fn foreign_things(other: &Connection) -> Foreign {
    let tap_device = format!("wf{}", std::process::id() % 100_000);
    let request = TapCreateV3 {
        id: u32::MAX,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        host_if_name: FixedString::try_from(tap_device.as_str()).unwrap().into(),
        tag: VarString::from("somebody's"),
        ..TapCreateV3::default()
    };
    let tap = other.request(request).await.unwrap().sw_if_index;
    let loopback = other.request(CreateLoopback::default()).await.unwrap();
    let loopback = loopback.sw_if_index;
    let request = BridgeDomainAddDelV2 {
        bd_id: BdId::ANY,
        flood: true,
        is_add: true,
        ..BridgeDomainAddDelV2::default()
    };
    let bridge = other.request(request).await.unwrap().bd_id;
    let join = SwInterfaceSetL2Bridge {
        rx_sw_if_index: loopback,
        bd_id: bridge,
        enable: true,
        ..SwInterfaceSetL2Bridge::default()
    };
    other.request(join).await.unwrap();
    Foreign {
        tap,
        tap_device,
        loopback,
        bridge,
    }
}

impl Foreign {
    async fn remove(self, other: &Connection) {
        let tap = TapDeleteV2 {
            sw_if_index: self.tap,
        };
        other.request(tap).await.unwrap();
        let loopback = DeleteLoopback {
            sw_if_index: self.loopback,
        };
        other.request(loopback).await.unwrap();
        let bridge = BridgeDomainAddDelV2 {
            bd_id: self.bridge,
            is_add: false,
            ..BridgeDomainAddDelV2::default()
        };
        other.request(bridge).await.unwrap();
    }
}

async fn index_of_tag(connection: &Connection, tag: &str) -> SwIfIndex {
    let interfaces = connection.dump(SwInterfaceDump::default()).await.unwrap();
    let found = interfaces.into_iter().find(|details| details.tag == tag);
    found.unwrap().sw_if_index
}

async fn drift_is_told(
    session: &mut Session,
    events: &mut Events,
    other: &Connection,
    tap_device: &str,
) {
    let key = InterfaceKey::Tap(port());
    let sw_if_index = index_of_tag(other, "weft.tap.port-a").await;
    let down = SwInterfaceSetFlags {
        sw_if_index,
        flags: IfStatusFlags::default(),
    };
    other.request(down).await.unwrap();
    let told = notice(session, events, |notice| {
        matches!(notice, Notice::State { interface, admin_up: false, .. } if *interface == key)
    })
    .await;
    assert_eq!(
        told,
        Notice::State {
            interface: key.clone(),
            admin_up: false,
            link_up: false
        }
    );
    other.request(TapDeleteV2 { sw_if_index }).await.unwrap();
    // Its number is at once somebody else's.
    let loopback = other.request(CreateLoopback::default()).await.unwrap();
    let told = notice(session, events, |notice| {
        matches!(notice, Notice::Deleted(_))
    })
    .await;
    assert_eq!(told, Notice::Deleted(key.clone()), "{tap_device}");
    let loopback = DeleteLoopback {
        sw_if_index: loopback.sw_if_index,
    };
    other.request(loopback).await.unwrap();
    let strange = SwInterfaceEvent {
        sw_if_index: SwIfIndex(4711),
        ..SwInterfaceEvent::default()
    };
    assert_eq!(session.notices(&[strange]).await.unwrap(), []);
}

async fn refusals_leave_the_rest_alone(
    session: &mut Session,
    wanted: &[Object],
    veth: &Veth,
    foreign_device: &str,
) {
    let mut more = wanted.to_vec();
    more.push(tap("port-b".parse().unwrap(), &veth.name, 1500));
    more.push(tap("port-c".parse().unwrap(), foreign_device, 1500));
    more.push(Object::Uplink(Uplink {
        physnet: "physnet2".parse().unwrap(),
        device: UplinkDevice::HostInterface(IfName::new("nonesuch0").unwrap()),
        mtu: None,
        admin_up: true,
    }));
    more.push(Object::Uplink(Uplink {
        physnet: "physnet3".parse().unwrap(),
        device: UplinkDevice::Existing("GigabitEthernet9/9/9".parse().unwrap()),
        mtu: None,
        admin_up: true,
    }));
    let mut refusals = reconcile(session, &more).await;
    refusals.sort();
    eprintln!("{}", refusals.join("\n"));
    assert_eq!(refusals.len(), 4, "{refusals:#?}");
    assert!(
        refusals[0].contains("SYSCALL_ERROR_3 (-13)"),
        "{}",
        refusals[0]
    );
    assert!(refusals[1].contains("which is not ours"), "{}", refusals[1]);
    assert!(
        refusals[2].contains("INVALID_INTERFACE (-71)"),
        "{}",
        refusals[2]
    );
    assert!(
        refusals[3].contains("VPP has no interface"),
        "{}",
        refusals[3]
    );
    assert!(
        refusals
            .iter()
            .all(|refusal| refusal.ends_with("(left: None)"))
    );
    settle(session, wanted).await;
}

/// What a client that dies between two messages leaves behind.
async fn half_made_things_are_taken_up(session: &mut Session, other: &Connection, veth: &Veth) {
    let uplink_made = AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name: FixedString::try_from(veth.name.as_str()).unwrap(),
        num_rx_queues: 1,
        num_tx_queues: 1,
        ..AfPacketCreateV3::default()
    };
    let parent = other.request(uplink_made).await.unwrap().sw_if_index;
    let sub = |vlan: u16| CreateSubif {
        sw_if_index: parent,
        sub_id: vlan.into(),
        sub_if_flags: SubIfFlags::ONE_TAG | SubIfFlags::EXACT_MATCH,
        outer_vlan_id: vlan,
        inner_vlan_id: 0,
    };
    other.request(sub(100)).await.unwrap();
    let used = other.request(sub(200)).await.unwrap().sw_if_index;
    let uplink = uplink(UplinkDevice::HostInterface(veth.device()));
    let wanted = vec![uplink, sub_interface()];
    settle(session, &wanted).await;

    // One that somebody uses is not taken.
    let up = SwInterfaceSetFlags {
        sw_if_index: used,
        flags: IfStatusFlags::ADMIN_UP,
    };
    other.request(up).await.unwrap();
    let mut more = wanted.clone();
    more.push(Object::SubInterface(SubInterface {
        physnet: physnet(),
        vlan: VlanId::new(200).unwrap(),
        admin_up: true,
    }));
    let refusals = reconcile(session, &more).await;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    assert!(
        refusals[0].contains("already, which is not ours"),
        "{}",
        refusals[0]
    );
    settle(session, &[]).await;
}

async fn found_uplinks_are_left_as_they_were(
    session: &mut Session,
    other: &Connection,
    veth: &Veth,
    tap_device: &str,
) {
    let host_if_name = FixedString::try_from(veth.name.as_str()).unwrap();
    let make = AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name,
        num_rx_queues: 1,
        num_tx_queues: 1,
        ..AfPacketCreateV3::default()
    };
    let sw_if_index = other.request(make).await.unwrap().sw_if_index;
    let up = SwInterfaceSetFlags {
        sw_if_index,
        flags: IfStatusFlags::ADMIN_UP,
    };
    other.request(up).await.unwrap();
    let before = everything(other).await;
    // It is up and without a tag: somebody's, so that it must be named as it is called in VPP.
    let made = network(UplinkDevice::HostInterface(veth.device()), tap_device);
    let refusals = reconcile(session, &made[..1]).await;
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let name = format!("host-{}", veth.name).parse().unwrap();
    let found = network(UplinkDevice::Existing(name), tap_device);
    settle(session, &found).await;
    settle(session, &[]).await;
    assert_eq!(everything(other).await, before);
    other
        .request(AfPacketDelete { host_if_name })
        .await
        .unwrap();
}
