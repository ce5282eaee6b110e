//! What we hold of one VPP, read and changed over one connection.
//!
//! Objects have names (`weft-plan`), VPP has numbers. A [`Session`] knows which number goes with which
//! name for as long as its connection lives; the numbers come from nowhere but VPP's own dumps and
//! replies, and go nowhere else.
//!
//! What is ours carries our mark in its tag (see [`mark`]); what hangs on something marked and cannot
//! be marked itself (membership in a bridge domain, tag rewriting, which access lists it has) belongs
//! to it: what a bridge domain of an overlay network has of static MAC addresses and of answers to ARP,
//! which addresses an uplink has. Routes are ours by their source. Nothing else is ever changed, but for
//! one setting of the acl plugin, see [`apply`].

mod apply;
mod events;
mod handles;
mod interpret;
mod mark;
mod observe;
mod rule;
mod tunnel;

use weft_plan::{AclKey, InterfaceKey, ObjectKey};
use weft_vpp_wire::capability::Missing;
use weft_vpp_wire::messages::acl::{
    AclAddReplace, AclDel, AclDump, AclInterfaceListDump, AclInterfaceSetAclList,
    MacipAclAddReplace, MacipAclDel, MacipAclDump, MacipAclInterfaceAddDel,
    MacipAclInterfaceListDump,
};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete};
use weft_vpp_wire::messages::fib::{FibSourceAdd, FibSourceDump};
use weft_vpp_wire::messages::interface::{
    CreateSubif, DeleteSubif, SwInterfaceAddDelAddress, SwInterfaceDump, SwInterfaceEvent,
    SwInterfaceSetFlags, SwInterfaceSetMtu, SwInterfaceTagAddDel, WantInterfaceEvents,
};
use weft_vpp_wire::messages::ip::{IpAddressDump, IpRouteAddDelV2, IpRouteV2Dump};
use weft_vpp_wire::messages::l2::{
    BdIpMacAddDel, BdIpMacDump, BridgeDomainAddDelV2, BridgeDomainDump, BridgeDomainSetMacAge,
    BridgeFlags, L2FibTableDump, L2Flags, L2InterfaceVlanTagRewrite, L2fibAddDel,
    SwInterfaceSetL2Bridge,
};
use weft_vpp_wire::messages::tapv2::{SwInterfaceTapV2Dump, TapCreateV3, TapDeleteV2};
use weft_vpp_wire::messages::vhost_user::{
    CreateVhostUserIfV2, DeleteVhostUserIf, SwInterfaceVhostUserDump,
};
use weft_vpp_wire::messages::vxlan::{VxlanAddDelTunnelV3, VxlanTunnelV2Dump};
use weft_vpp_wire::messages::vxlan_gpe::{VxlanGpeAddDelTunnelV2, VxlanGpeTunnelV2Dump};
use weft_vpp_wire::{Declared, SwIfIndex};

use crate::connection::Connection;
use handles::{Handles, Number};

/// The messages without which some object cannot be read or made. Their replies and details go
/// with them, since VPP declares them together.
const NEEDED: [Declared; 47] = [
    Declared::of::<SwInterfaceDump>(),
    Declared::of::<WantInterfaceEvents>(),
    Declared::of::<SwInterfaceEvent>(),
    Declared::of::<SwInterfaceSetFlags>(),
    Declared::of::<SwInterfaceSetMtu>(),
    Declared::of::<SwInterfaceTagAddDel>(),
    Declared::of::<CreateSubif>(),
    Declared::of::<DeleteSubif>(),
    Declared::of::<AfPacketCreateV3>(),
    Declared::of::<AfPacketDelete>(),
    Declared::of::<TapCreateV3>(),
    Declared::of::<TapDeleteV2>(),
    Declared::of::<SwInterfaceTapV2Dump>(),
    Declared::of::<BridgeDomainAddDelV2>(),
    Declared::of::<BridgeDomainDump>(),
    Declared::of::<BridgeDomainSetMacAge>(),
    Declared::of::<BridgeFlags>(),
    Declared::of::<SwInterfaceSetL2Bridge>(),
    Declared::of::<L2InterfaceVlanTagRewrite>(),
    Declared::of::<CreateVhostUserIfV2>(),
    Declared::of::<DeleteVhostUserIf>(),
    Declared::of::<SwInterfaceVhostUserDump>(),
    Declared::of::<AclAddReplace>(),
    Declared::of::<AclDel>(),
    Declared::of::<AclDump>(),
    Declared::of::<AclInterfaceSetAclList>(),
    Declared::of::<AclInterfaceListDump>(),
    Declared::of::<MacipAclAddReplace>(),
    Declared::of::<MacipAclDel>(),
    Declared::of::<MacipAclDump>(),
    Declared::of::<MacipAclInterfaceAddDel>(),
    Declared::of::<MacipAclInterfaceListDump>(),
    Declared::of::<VxlanAddDelTunnelV3>(),
    Declared::of::<VxlanTunnelV2Dump>(),
    Declared::of::<VxlanGpeAddDelTunnelV2>(),
    Declared::of::<VxlanGpeTunnelV2Dump>(),
    Declared::of::<L2Flags>(),
    Declared::of::<L2fibAddDel>(),
    Declared::of::<L2FibTableDump>(),
    Declared::of::<BdIpMacAddDel>(),
    Declared::of::<BdIpMacDump>(),
    Declared::of::<SwInterfaceAddDelAddress>(),
    Declared::of::<IpAddressDump>(),
    Declared::of::<FibSourceAdd>(),
    Declared::of::<FibSourceDump>(),
    Declared::of::<IpRouteAddDelV2>(),
    Declared::of::<IpRouteV2Dump>(),
];

/// The name under which VPP knows whose our routes are.
const FIB_SOURCE: &str = "weft";

/// One VPP as far as it is ours.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    handles: Handles,
    /// Whether VPP was asked to look at sessions again when access lists change.
    reclassifies: bool,
    /// VPP's number of the source of our routes, once it has one. It keeps it for as long as it lives.
    fib_source: Option<u8>,
}

impl Session {
    /// Nothing is known yet: [`Self::observe`] comes first.
    pub fn new(connection: Connection) -> Self {
        let missing = Self::missing(&connection);
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|missing| missing.message.name).collect();
            tracing::warn!(
                "this VPP lacks {}: what needs one of them will fail",
                names.join(", ")
            );
        }
        Self {
            connection,
            handles: Handles::default(),
            reclassifies: false,
            fib_source: None,
        }
    }

    /// The messages that objects need and this VPP lacks. Only operations that need one of them will
    /// be refused; all others work.
    pub fn missing(connection: &Connection) -> Vec<Missing> {
        let mut missing = connection.missing();
        missing.retain(|missing| NEEDED.contains(&missing.message));
        missing
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The number that VPP gave an object, in words: `sw_if_index 7`, `bd_id 3`, `acl_index 5`. For
    /// people; what hangs on an interface or bridge domain (a membership, a static MAC) has none.
    pub fn handle(&self, key: &ObjectKey) -> Option<String> {
        match key {
            ObjectKey::Interface(interface) => {
                let number = self.handles.interface(interface)?;
                Some(format!("sw_if_index {number}"))
            }
            ObjectKey::BridgeDomain(segment) => {
                let number = self.handles.bridge(segment)?;
                Some(format!("bd_id {number}"))
            }
            ObjectKey::BridgeMember(_)
            | ObjectKey::AclBinding(_)
            | ObjectKey::MacIpBinding(_)
            | ObjectKey::Address(..)
            | ObjectKey::Route(_)
            | ObjectKey::StaticMac(..)
            | ObjectKey::Neighbour(..) => None,
            ObjectKey::Acl(key) => Some(format!("acl_index {}", self.handles.acl(key)?)),
            ObjectKey::MacIpAcl(port) => {
                let number = self.handles.macip_acl(port)?;
                Some(format!("MACIP acl_index {number}"))
            }
            ObjectKey::Surplus(..) => Some(match self.handles.surplus(key)? {
                Number::Interface(number) => format!("sw_if_index {number}"),
                Number::Bridge(number) => format!("bd_id {number}"),
                Number::Acl(number) => format!("acl_index {number}"),
                Number::MacIpAcl(number) => format!("MACIP acl_index {number}"),
            }),
        }
    }

    /// The number of an interface of ours, as far as is known: to be named in a command of VPP.
    pub fn sw_if_index(&self, interface: &InterfaceKey) -> Option<SwIfIndex> {
        self.handles.interface(interface)
    }

    /// Which access list of ours has a number that VPP told, as in a trace.
    pub fn acl_at(&self, index: u32) -> Option<&AclKey> {
        self.handles.acl_key(index)
    }
}
