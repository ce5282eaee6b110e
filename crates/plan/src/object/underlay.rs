//! Layer 3 of an uplink, as tunnels need it.

use std::net::IpAddr;

use weft_model::IpPrefix;

use super::InterfaceKey;

/// An address of an uplink (`sw_interface_add_del_address`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The uplink.
    pub interface: InterfaceKey,
    /// The address.
    pub address: IpAddr,
    /// How many bits of it are the connected network's: 0 to 32 or 128.
    pub prefix_len: u8,
}

/// A route with one next hop in the default table, made by the FIB source of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub prefix: IpPrefix,
    /// The next hop, found through a connected network.
    pub gateway: IpAddr,
}
