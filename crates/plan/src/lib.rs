//! Decisions of the agent, without I/O and without a clock of their own.
//!
//! ```text
//! records ──► Compiler ──► objects wanted ─┐
//!                                          ├─► Plan ──► (applied elsewhere) ──► outcomes
//! dumps, events ─────────► Observed ───────┘                                      │
//!        ▲                                                                        │
//!        └────────────────────────── Reconciler ◄─────────────────────────────────┘
//! ```
//!
//! The [`Reconciler`] owns both sides, knows what differs, what was refused and when it is tried
//! again, and says of each port how far it has come. Start, restart, a changed record, a VPP that
//! came back empty and drift are all the same to it: something differs, so there is a plan.
//!
//! Of groups and overlay networks a host needs to know only those of its own ports, and what the
//! rules of those groups name: [`Reconciler::interest`]. Nothing that depends on one of them is planned
//! before it was read.

mod backoff;
mod claim;
mod compile;
mod intent;
mod interest;
mod lint;
mod object;
mod observed;
mod operation;
mod overlay;
mod plan;
mod policy;
mod reconciler;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use backoff::Backoff;
pub use compile::{Compiler, Touched, Unmet};
pub use intent::{
    HostNetwork, NetworkRecord, PortRecord, RemoteMac, SecurityGroupRecord, Underlay,
    UnderlayAddress, VhostUserNetwork,
};
pub use interest::Interest;
pub use lint::{Unsound, check, check_guards};
pub use object::{
    Acl, AclAction, AclBinding, AclKey, AclRule, Address, BridgeDomain, BridgeFlags, BridgeMember,
    Direction, InterfaceKey, InvalidAclRule, MacIpAcl, MacIpBinding, MacIpRule, Neighbour, Object,
    ObjectKey, Route, StaticMac, SubInterface, Surplus, TagRewrite, Tap, TcpFlags, Tunnel,
    TunnelKey, Uplink, UplinkDevice, VhostUser, VhostUserMode,
};
pub use observed::{Notice, Observed};
pub use operation::{Operation, Outcome};
pub use plan::Plan;
pub use reconciler::{News, Now, Reconciler, Standing};

#[cfg(test)]
mod tests;
