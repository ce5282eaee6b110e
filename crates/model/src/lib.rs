//! The words of Weft: what a cloud wants of a host's network, what is true of it, and where both
//! stand in the store, as types that cannot hold anything illegal.
//!
//! | module | what |
//! |---|---|
//! | [`mac`], [`vlan`], [`vni`], [`name`], [`port_id`], [`group_id`], [`socket_path`] | checked newtypes |
//! | [`ip_prefix`], [`ip_protocol`] | prefixes without host bits; protocols by name and number |
//! | [`segment`], [`overlay`] | a network segment: flat or a VLAN on a physical network, or an overlay |
//! | [`record`] | the values of the store, decoded field by field with errors that name the field |
//! | [`key`] | the keys of the store, built and parsed under one lead-in |
//! | [`resource`] | what a cloud writes, and the numbers that order its states |
//! | [`status`] | what is said of each desired object: accepted, programmed, effective, pending, failed |
//!
//! Nothing here does I/O or reads a clock.

mod group_id;
mod inline_text;
mod ip_prefix;
mod ip_protocol;
mod key;
mod mac;
mod name;
mod overlay;
mod port_id;
mod record;
mod resource;
mod segment;
mod socket_path;
mod status;
mod text;
mod vlan;
mod vni;

pub use group_id::{AddressGroupId, InvalidGroupId, SecurityGroupId};
pub use ip_prefix::{InvalidIpPrefix, IpPrefix, IpVersion};
pub use ip_protocol::{InvalidIpProtocol, IpProtocol};
pub use key::{InvalidKey, InvalidLeadIn, Key, Keyspace};
pub use mac::{InvalidMac, Mac};
pub use name::{HostName, IfName, InvalidName, PhysnetName, VppIfName};
pub use overlay::{InvalidOverlaySegment, OverlayProtocol, OverlaySegment};
pub use port_id::{InvalidPortId, PortId};
pub use record::{
    AddressGroup, AddressPair, Alive, BindingType, FixedIp, GroupMember, IcmpMessages, InvalidMtu,
    InvalidPortRange, InvalidRecord, MacAdvertisement, Mtu, NetData, Network, PortBinding,
    PortDevice, PortProtocol, PortRange, PortState, Remote, SecurityGroup, SecurityRule, Traffic,
    VhostUserSockets, decode_address_group, decode_alive, decode_group_member,
    decode_mac_advertisement, decode_network, decode_port, decode_security_group,
};
pub use resource::{LastWritten, Resource, RevisionNumber};
pub use segment::{InvalidSegment, NetworkSegment};
pub use socket_path::{InvalidSocketPath, SocketDirectory, SocketPath};
pub use status::{Condition, ConditionKind, Status, Timestamp};
pub use vlan::{InvalidVlanId, VlanId};
pub use vni::{InvalidVni, Vni};
