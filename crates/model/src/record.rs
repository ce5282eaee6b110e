//! The values of the store, in the layout of networking-vpp: ports, security groups, their members,
//! address groups, overlay networks and the MAC addresses in them, and what answers under `state/`.
//!
//! Fields that are not known are ignored, so that a newer writer harms no older reader; a field
//! that is known and wrong is an error with the field's name and the reason.

mod addresses;
mod alive;
mod fields;
mod json;
mod mac_advertisement;
mod network;
mod port;
mod port_state;
mod security_group;

pub use addresses::{AddressGroup, GroupMember, decode_address_group, decode_group_member};
pub use alive::{Alive, VhostUserSockets, decode_alive};
pub use fields::InvalidRecord;
pub use mac_advertisement::{MacAdvertisement, decode_mac_advertisement};
pub use network::{Network, decode_network};
pub use port::{AddressPair, BindingType, FixedIp, InvalidMtu, Mtu, PortBinding, decode_port};
pub use port_state::{NetData, PortDevice, PortState};
pub use security_group::{
    IcmpMessages, InvalidPortRange, PortProtocol, PortRange, Remote, SecurityGroup, SecurityRule,
    Traffic, decode_security_group,
};

#[cfg(test)]
mod tests;
