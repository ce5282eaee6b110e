//! The values of the store, in the layout of networking-vpp
//! (`/networking-vpp/nodes/{host}/ports/{port}` and what answers it under `state/`).
//!
//! Fields that are not known are ignored, so that a newer writer harms no older reader; a field
//! that is known and wrong is an error with the field's name and the reason.

mod fields;
mod port;
mod port_state;

pub use fields::InvalidRecord;
pub use port::{AddressPair, BindingType, FixedIp, InvalidMtu, Mtu, PortBinding, decode_port};
pub use port_state::{NetData, PortState};

#[cfg(test)]
mod tests;
