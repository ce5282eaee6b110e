//! What a route leads to.

use std::net::{IpAddr, Ipv4Addr};

use weft_packet::{
    SwIfIndex,
    header::{ETHERNET_HEADER_LEN, EtherType, MacAddr, VLAN_TAG_LEN},
};

use crate::node::NodeId;

/// Number of an adjacency. [`AdjIndex::DROP`] is always there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
#[repr(transparent)]
pub(crate) struct AdjIndex(pub(crate) u32);

/// What becomes of packets (VPP's data-path objects).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum AdjacencyKind {
    /// They end here.
    #[default]
    Drop,
    /// They are for this switch.
    Receive,
    /// Their destination is on a connected network, and not known yet.
    Glean,
    /// Their next hop is not known yet.
    Arp,
    /// They go to the next hop.
    Rewrite,
}

/// What a route leads to.
#[derive(Clone, Debug)]
pub(crate) struct Adjacency {
    pub(crate) kind: AdjacencyKind,
    /// The interface to which packets go, or which has the address that they are for.
    pub(crate) sw_if_index: SwIfIndex,
    /// Greatest IP packet, bytes.
    pub(crate) mtu: u32,
    /// What is put in front; of a glean or incomplete one, with the broadcast address.
    pub(crate) link: LinkHeader,
    /// The next hop, or the network's own address.
    pub(crate) next_hop: IpAddr,
}

/// An Ethernet header with up to two tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct LinkHeader {
    bytes: [u8; LinkHeader::MAX_LEN],
    len: u8,
}

impl AdjIndex {
    /// What an address without route leads to.
    pub(crate) const DROP: Self = Self(0);
}

impl Default for Adjacency {
    fn default() -> Self {
        Self {
            kind: AdjacencyKind::Drop,
            sw_if_index: SwIfIndex::NONE,
            mtu: 0,
            link: LinkHeader::default(),
            next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        }
    }
}

impl AdjacencyKind {
    /// The node for IPv4 packets.
    #[inline]
    pub(crate) const fn ip4_node(self) -> NodeId {
        match self {
            Self::Drop => NodeId::ErrorDrop,
            Self::Receive => NodeId::Ip4Receive,
            Self::Glean => NodeId::Ip4Glean,
            Self::Arp => NodeId::Ip4Arp,
            Self::Rewrite => NodeId::Ip4Rewrite,
        }
    }

    /// The node for IPv6 packets.
    #[inline]
    pub(crate) const fn ip6_node(self) -> NodeId {
        match self {
            Self::Drop => NodeId::ErrorDrop,
            Self::Receive => NodeId::Ip6Receive,
            Self::Glean => NodeId::Ip6Glean,
            Self::Arp => NodeId::Ip6DiscoverNeighbor,
            Self::Rewrite => NodeId::Ip6Rewrite,
        }
    }
}

impl LinkHeader {
    pub(crate) const MAX_LEN: usize = ETHERNET_HEADER_LEN + 2 * VLAN_TAG_LEN;

    /// A header with these tags, outer first.
    pub(crate) fn new(
        destination: MacAddr,
        source: MacAddr,
        tags: &[(EtherType, u16)],
        ethertype: EtherType,
    ) -> Self {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[..6].copy_from_slice(&destination.0);
        bytes[6..12].copy_from_slice(&source.0);
        let mut at = 12;
        for (tpid, tci) in tags.iter().take(2) {
            bytes[at..at + 2].copy_from_slice(&tpid.0.to_be_bytes());
            bytes[at + 2..at + 4].copy_from_slice(&tci.to_be_bytes());
            at += VLAN_TAG_LEN;
        }
        bytes[at..at + 2].copy_from_slice(&ethertype.0.to_be_bytes());
        Self {
            bytes,
            len: (at + 2) as u8,
        }
    }

    /// The header's bytes.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len).min(Self::MAX_LEN)]
    }

    /// The same towards another station, with another type.
    pub(crate) fn to(self, destination: MacAddr, ethertype: EtherType) -> Self {
        let mut header = self;
        header.bytes[..6].copy_from_slice(&destination.0);
        let end = usize::from(self.len).clamp(2, Self::MAX_LEN);
        header.bytes[end - 2..end].copy_from_slice(&ethertype.0.to_be_bytes());
        header
    }

    /// Address of the interface that sends it.
    pub(crate) fn source(&self) -> MacAddr {
        let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = self.bytes;
        MacAddr([a, b, c, d, e, f])
    }

    /// Address to which it goes.
    pub(crate) fn destination(&self) -> MacAddr {
        let [a, b, c, d, e, f, ..] = self.bytes;
        MacAddr([a, b, c, d, e, f])
    }
}
