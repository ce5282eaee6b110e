//! The dataplane under test, and the way from wishes to a settled VPP.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};
use weft_plan::{Notice, Object, ObjectKey, Observed, Outcome, Plan, check};
use weft_switch::{StopHandle, Switch, SwitchConfig, SwitchError};
use weft_vpp::{Connection, Event, Events, Session, Timeouts};
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclDetails, AclDump, AclInterfaceListDetails, AclInterfaceListDump, MacipAclDetails,
    MacipAclDump, MacipAclInterfaceListDetails, MacipAclInterfaceListDump,
};
use weft_vpp_wire::messages::interface::{SwInterfaceDetails, SwInterfaceDump};
use weft_vpp_wire::messages::ip::{IpRouteV2Details, IpRouteV2Dump, IpTable};
use weft_vpp_wire::messages::l2::{
    BdIpMacDetails, BdIpMacDump, BridgeDomainDetails, BridgeDomainDump, L2FibTableDetails,
    L2FibTableDump,
};
use weft_vpp_wire::messages::vhost_user::{SwInterfaceVhostUserDetails, SwInterfaceVhostUserDump};
use weft_vpp_wire::messages::vxlan::{VxlanTunnelV2Details, VxlanTunnelV2Dump};
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeTunnelV2Details, VxlanGpeTunnelV2Dump};
use weft_vpp_wire::{BdId, SwIfIndex};

/// No wait is longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// There is one VPP, and each test wants to find in it what it left there.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What is tested: a VPP that runs already, or a switch of our own, which ends with this value.
pub(crate) struct Dataplane {
    pub(crate) socket: PathBuf,
    own: Option<OwnSwitch>,
    _turn: MutexGuard<'static, ()>,
}

struct OwnSwitch {
    stop: StopHandle,
    thread: JoinHandle<Result<(), SwitchError>>,
    _directory: TempDir,
}

impl Dataplane {
    pub(crate) async fn find() -> Self {
        let turn = ONE_AT_A_TIME.lock().await;
        if let Some(socket) = std::env::var_os("WEFT_VPP_API").map(PathBuf::from) {
            return Self {
                socket,
                own: None,
                _turn: turn,
            };
        }
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("api.sock");
        let config = SwitchConfig {
            api_socket: socket.clone(),
            ..SwitchConfig::default()
        };
        let switch = Switch::start(config).unwrap();
        let stop = switch.stop_handle();
        let thread = std::thread::spawn(|| switch.run());
        Self {
            socket,
            own: Some(OwnSwitch {
                stop,
                thread,
                _directory: directory,
            }),
            _turn: turn,
        }
    }
}

impl Drop for Dataplane {
    fn drop(&mut self) {
        if let Some(own) = self.own.take() {
            own.stop.stop();
            let ended = own.thread.join();
            assert!(
                std::thread::panicking() || matches!(ended, Ok(Ok(()))),
                "{ended:?}"
            );
        }
    }
}

pub(crate) async fn connect(path: &std::path::Path) -> (Connection, Events) {
    Connection::connect(path, "weft-test", Timeouts::default())
        .await
        .unwrap()
}

/// Everything in VPP, as far as these tests could change it.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    interfaces: Vec<SwInterfaceDetails>,
    vhost_users: Vec<SwInterfaceVhostUserDetails>,
    bridges: Vec<BridgeDomainDetails>,
    acls: Vec<AclDetails>,
    acl_lists: Vec<AclInterfaceListDetails>,
    macip_acls: Vec<MacipAclDetails>,
    macip_lists: Vec<MacipAclInterfaceListDetails>,
    vxlan_tunnels: Vec<VxlanTunnelV2Details>,
    gpe_tunnels: Vec<VxlanGpeTunnelV2Details>,
    static_macs: Vec<L2FibTableDetails>,
    neighbours: Vec<BdIpMacDetails>,
    routes: Vec<IpRouteV2Details>,
}

pub(crate) async fn everything(connection: &Connection) -> Everything {
    let sw_if_index = SwIfIndex::NONE;
    let acl_index = ACL_NONE;
    let bridges = BridgeDomainDump {
        bd_id: BdId::ANY,
        sw_if_index,
    };
    let bd_id = BdId::ANY;
    let routes = |is_ip6| IpRouteV2Dump {
        src: 0,
        table: IpTable {
            is_ip6,
            ..IpTable::default()
        },
    };
    let (vxlan_tunnels, gpe_tunnels, macs, neighbours, routes4, routes6) = tokio::join!(
        connection.dump(VxlanTunnelV2Dump { sw_if_index }),
        connection.dump(VxlanGpeTunnelV2Dump { sw_if_index }),
        connection.dump(L2FibTableDump { bd_id }),
        connection.dump(BdIpMacDump { bd_id }),
        connection.dump(routes(false)),
        connection.dump(routes(true)),
    );
    let mut static_macs = macs.unwrap();
    static_macs.retain(|details| details.static_mac);
    let mut all_routes = routes4.unwrap();
    all_routes.extend(routes6.unwrap());
    let (interfaces, vhost_users, bridges, acls, acl_lists, macip_acls, macip_lists) = tokio::join!(
        connection.dump(SwInterfaceDump::default()),
        connection.dump(SwInterfaceVhostUserDump { sw_if_index }),
        connection.dump(bridges),
        connection.dump(AclDump { acl_index }),
        connection.dump(AclInterfaceListDump { sw_if_index }),
        connection.dump(MacipAclDump { acl_index }),
        connection.dump(MacipAclInterfaceListDump { sw_if_index }),
    );
    let interfaces = interfaces.unwrap();
    let mut acl_lists = acl_lists.unwrap();
    // VPP keeps the interfaces of deleted VXLAN-GPE tunnels, hidden but for this dump.
    acl_lists.retain(|list| {
        let shown = |details: &SwInterfaceDetails| details.sw_if_index == list.sw_if_index;
        interfaces.iter().any(shown)
    });
    Everything {
        interfaces,
        vhost_users: vhost_users.unwrap(),
        bridges: bridges.unwrap(),
        acls: acls.unwrap(),
        acl_lists,
        macip_acls: macip_acls.unwrap(),
        macip_lists: macip_lists.unwrap(),
        vxlan_tunnels: vxlan_tunnels.unwrap(),
        gpe_tunnels: gpe_tunnels.unwrap(),
        static_macs,
        neighbours: neighbours.unwrap(),
        routes: all_routes,
    }
}

/// What there is to do to have exactly `wanted`.
fn plan(wanted: &[Object], observed: &Observed) -> Plan {
    let wanted = wanted.iter();
    let wanted: BTreeMap<ObjectKey, Arc<Object>> = wanted
        .map(|object| (object.key(), Arc::new(object.clone())))
        .collect();
    let all: Vec<ObjectKey> = wanted.keys().chain(observed.keys()).cloned().collect();
    let plan = Plan::new(|key| wanted.get_key_value(key), observed, &all, |_| false);
    check(&plan, observed).unwrap();
    plan
}

/// Observes, plans and applies; answers what was refused.
pub(crate) async fn reconcile(session: &mut Session, wanted: &[Object]) -> Vec<String> {
    let observed = session.observe().await.unwrap();
    let plan = plan(wanted, &observed);
    let mut refusals = Vec::new();
    for level in &plan.levels {
        let outcomes = session.apply(level).await.unwrap();
        assert_eq!(outcomes.len(), level.len());
        for (operation, outcome) in level.iter().zip(outcomes) {
            if let Outcome::Refused { reason, left } = outcome {
                refusals.push(format!("{operation}: {reason} (left: {left:?})"));
            }
        }
    }
    refusals
}

/// Reconciles, and proves that nothing was refused and nothing is left to do.
pub(crate) async fn settle(session: &mut Session, wanted: &[Object]) -> Observed {
    let refusals = reconcile(session, wanted).await;
    assert_eq!(refusals, [""; 0]);
    let observed = session.observe().await.unwrap();
    let rest = plan(wanted, &observed);
    assert!(rest.is_empty(), "left to do:\n{rest}");
    observed
}

/// Waits for the notice of an interface that `is` true of.
pub(crate) async fn notice(
    session: &mut Session,
    events: &mut Events,
    is: impl Fn(&Notice) -> bool,
) -> Notice {
    let search = async {
        loop {
            let Event::Interface(event) = events.next().await else {
                panic!("no more events");
            };
            let notices = session.notices(&[event]).await.unwrap();
            if let Some(notice) = notices.into_iter().find(&is) {
                return notice;
            }
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap()
}
