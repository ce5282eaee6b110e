//! What we hold of one VPP, read and changed over one connection.
//!
//! Objects have names (`weft-plan`), VPP has numbers. A [`Session`] knows which number goes with which
//! name for as long as its connection lives; the numbers come from nowhere but VPP's own dumps and
//! replies, and go nowhere else.
//!
//! What is ours carries our mark in its tag (see [`mark`]); what hangs on something marked and cannot
//! be marked itself (membership in a bridge domain, tag rewriting) belongs to it. Nothing else is
//! ever changed.

mod apply;
mod events;
mod handles;
mod interpret;
mod mark;

use weft_plan::{ObjectKey, Observed};
use weft_vpp_wire::capability::Missing;
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete};
use weft_vpp_wire::messages::interface::{
    CreateSubif, DeleteSubif, SwInterfaceDump, SwInterfaceEvent, SwInterfaceSetFlags,
    SwInterfaceSetMtu, SwInterfaceTagAddDel, WantInterfaceEvents,
};
use weft_vpp_wire::messages::l2::{
    BridgeDomainAddDelV2, BridgeDomainDump, BridgeDomainSetMacAge, BridgeFlags,
    L2InterfaceVlanTagRewrite, SwInterfaceSetL2Bridge,
};
use weft_vpp_wire::messages::tapv2::{SwInterfaceTapV2Dump, TapCreateV3, TapDeleteV2};
use weft_vpp_wire::{BdId, Declared, SwIfIndex};

use crate::connection::Connection;
use crate::error::CallError;
use handles::{Handles, Number};
use interpret::Dumps;

/// The messages without which some object cannot be read or made. Their replies and details go
/// with them, since VPP declares them together.
const NEEDED: [Declared; 19] = [
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
];

/// One VPP as far as it is ours.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    handles: Handles,
}

impl Session {
    /// Nothing is known yet: [`Self::observe`] comes first.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            handles: Handles::default(),
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

    /// The number that VPP gave an object, in words: `sw_if_index 7`, `bd_id 3`. For people; a
    /// membership has none.
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
            ObjectKey::BridgeMember(_) => None,
            ObjectKey::Surplus(..) => Some(match self.handles.surplus(key)? {
                Number::Interface(number) => format!("sw_if_index {number}"),
                Number::Bridge(number) => format!("bd_id {number}"),
            }),
        }
    }

    /// Reads all that is ours. The dumps travel together; if one of them is not whole, there is no
    /// answer at all.
    pub async fn observe(&mut self) -> Result<Observed, CallError> {
        let connection = &self.connection;
        let interfaces = SwInterfaceDump::default();
        let taps = SwInterfaceTapV2Dump {
            sw_if_index: SwIfIndex::NONE,
        };
        let bridges = BridgeDomainDump {
            bd_id: BdId::ANY,
            sw_if_index: SwIfIndex::NONE,
        };
        let (interfaces, taps, bridges) = tokio::join!(
            connection.dump(interfaces),
            connection.dump(taps),
            connection.dump(bridges),
        );
        let taps = match taps {
            // Without its plugin, there are none.
            Err(CallError::Unsupported(missing)) => {
                tracing::warn!(%missing, "no TAPs can be made");
                Vec::new()
            }
            taps => taps?,
        };
        let dumps = Dumps {
            interfaces: interfaces?,
            taps,
            bridges: bridges?,
        };
        let (observed, handles) = interpret::interpret(&dumps);
        self.handles = handles;
        Ok(observed)
    }
}
