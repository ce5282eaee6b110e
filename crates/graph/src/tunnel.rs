//! VXLAN and VXLAN-GPE tunnels, as the nodes read them: which tunnel a packet belongs to, and the header
//! that a tunnel puts in front.

mod header;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use header::{TunnelHeader, ip4_checksum};
pub(crate) use table::{Key4, Key6, TunnelTable};

use crate::{ip::AdjIndex, node::NodeId};

/// How frames are put into UDP.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Encapsulation {
    /// VXLAN (RFC 7348).
    Vxlan,
    /// VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe) with Ethernet inside.
    VxlanGpe,
}

/// What the nodes read of a tunnel.
#[derive(Clone, Debug)]
pub(crate) struct TunnelView {
    pub(crate) header: TunnelHeader,
    /// The N in `vxlan_tunnelN`, for traces.
    pub(crate) instance: u32,
    pub(crate) vni: u32,
    /// What the remote address leads to.
    pub(crate) adjacency: AdjIndex,
}

impl Encapsulation {
    /// The node that takes frames out.
    pub(crate) const fn input_node(self, is_ip6: bool) -> NodeId {
        match (self, is_ip6) {
            (Self::Vxlan, false) => NodeId::Vxlan4Input,
            (Self::Vxlan, true) => NodeId::Vxlan6Input,
            (Self::VxlanGpe, false) => NodeId::VxlanGpe4Input,
            (Self::VxlanGpe, true) => NodeId::VxlanGpe6Input,
        }
    }

    /// The node that puts frames in.
    pub(crate) const fn encap_node(self, is_ip6: bool) -> NodeId {
        match (self, is_ip6) {
            (Self::Vxlan, false) => NodeId::Vxlan4Encap,
            (Self::Vxlan, true) => NodeId::Vxlan6Encap,
            (Self::VxlanGpe, _) => NodeId::VxlanGpeEncap,
        }
    }
}
