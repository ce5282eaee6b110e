//! The words of Weft: what a cloud wants of a host's network, what is true of it, and where both
//! stand in the store, as types that cannot hold anything illegal.
//!
//! | module | what |
//! |---|---|
//! | [`mac`], [`vlan`], [`vni`], [`name`], [`port_id`] | checked newtypes |
//! | [`segment`] | a network segment: flat, or a VLAN on a physical network |
//! | [`record`] | the values of the store, decoded field by field with errors that name the field |
//! | [`key`] | the keys of the store, built and parsed under one lead-in |
//! | [`status`] | what is said of each desired object: accepted, programmed, effective, pending, failed |
//!
//! Nothing here does I/O or reads a clock.

mod key;
mod mac;
mod name;
mod port_id;
mod record;
mod segment;
mod status;
mod vlan;
mod vni;

pub use key::{InvalidKey, InvalidLeadIn, Key, Keyspace};
pub use mac::{InvalidMac, Mac};
pub use name::{HostName, IfName, InvalidName, PhysnetName, VppIfName};
pub use port_id::{InvalidPortId, PortId};
pub use record::{
    AddressPair, BindingType, FixedIp, InvalidMtu, InvalidRecord, Mtu, NetData, PortBinding,
    PortState, decode_port,
};
pub use segment::{InvalidSegment, NetworkSegment};
pub use status::{Condition, ConditionKind, Status, Timestamp};
pub use vlan::{InvalidVlanId, VlanId};
pub use vni::{InvalidVni, Vni};
