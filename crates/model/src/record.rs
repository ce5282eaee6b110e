//! The values of the store, in the layout of networking-vpp: ports, security groups, their members,
//! address groups, and what answers a port under `state/`.
//!
//! Fields that are not known are ignored, so that a newer writer harms no older reader; a field
//! that is known and wrong is an error with the field's name and the reason.

mod addresses;
mod fields;
mod port;
mod port_state;
mod security_group;

pub use addresses::{AddressGroup, GroupMember, decode_address_group, decode_group_member};
pub use fields::InvalidRecord;
pub use port::{AddressPair, BindingType, FixedIp, InvalidMtu, Mtu, PortBinding, decode_port};
pub use port_state::{NetData, PortDevice, PortState};
pub use security_group::{
    IcmpMessages, InvalidPortRange, PortProtocol, PortRange, Remote, SecurityGroup, SecurityRule,
    Traffic, decode_security_group,
};

#[cfg(test)]
mod tests;
