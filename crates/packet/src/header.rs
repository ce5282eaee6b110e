//! Bounds-checked, zero-copy views of protocol headers.
//!
//! A view is made by `parse` from the bytes that start with the header, and is `None` when they are
//! too short or contradict themselves; its getters then cannot fail. Numbers are in host order.

mod arp;
mod ethernet;
mod icmp;
mod ip;
mod nd;
mod transport;
mod vxlan;

#[cfg(test)]
mod tests;

pub use arp::{ArpOperation, ArpView};
pub use ethernet::{
    ETHERNET_HEADER_LEN, EtherType, EthernetView, MacAddr, VLAN_TAG_LEN, VlanTag, vlan_tags,
};
pub use icmp::IcmpView;
pub use ip::{IpProtocol, Ipv4View, Ipv6View};
pub use nd::{NeighborMessage, NeighborView};
pub use transport::{TcpView, UdpView};
pub use vxlan::{VXLAN_GPE_PORT, VXLAN_PORT, Vni, VxlanGpeProtocol, VxlanGpeView, VxlanView};

/// Splits `N` bytes off the front; `None` if there are fewer.
fn front<const N: usize>(bytes: &[u8]) -> Option<(&[u8; N], &[u8])> {
    bytes.split_first_chunk::<N>()
}
