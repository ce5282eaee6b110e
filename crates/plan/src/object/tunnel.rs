//! Tunnels of overlay networks, and what is known of the machines at and behind their far ends.

use std::net::IpAddr;

use weft_model::{Mac, OverlaySegment};

use super::InterfaceKey;

/// A tunnel by name: there is one for each network and remote host that share a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelKey {
    /// The network.
    pub segment: OverlaySegment,
    /// The underlay address of the other host.
    pub remote: IpAddr,
}

/// A VXLAN or VXLAN-GPE tunnel that carries Ethernet frames (`vxlan_add_del_tunnel_v3`,
/// `vxlan_gpe_add_del_tunnel_v2` with the protocol Ethernet).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// The network and the far end.
    pub key: TunnelKey,
    /// Our underlay address; of the same version as the far end's.
    pub local: IpAddr,
    /// Whether it is administratively up, as VPP makes it.
    pub admin_up: bool,
}

/// A MAC address of a bridge domain that is not learned and does not age (`l2fib_add_del` with
/// `static_mac`). All of an overlay's bridge domain are ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticMac {
    /// The network.
    pub segment: OverlaySegment,
    /// The address.
    pub mac: Mac,
    /// Where frames to it go. `None` is only ever observed: an interface that is not ours.
    pub interface: Option<InterfaceKey>,
}

/// An answer of a bridge domain to ARP requests and neighbour solicitations (`bd_ip_mac_add_del`).
/// All of an overlay's bridge domain are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The network.
    pub segment: OverlaySegment,
    /// The address that is asked for.
    pub address: IpAddr,
    /// Who has it.
    pub mac: Mac,
}
