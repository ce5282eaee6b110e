//! Bridge domains and their members.

use weft_model::NetworkSegment;

use super::InterfaceKey;

/// A bridge domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeDomain {
    /// The network.
    pub segment: NetworkSegment,
    /// What it does with frames.
    pub flags: BridgeFlags,
    /// After how many minutes without a frame a learned address is forgotten; 0 never.
    pub mac_age: u8,
}

/// What a bridge domain does with frames (`bd_flags` in VPP's `l2.api`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BridgeFlags {
    /// Learns source addresses.
    pub learn: bool,
    /// Forwards at all.
    pub forward: bool,
    /// Floods broadcast and multicast.
    pub flood: bool,
    /// Floods unknown unicast.
    pub uu_flood: bool,
    /// Answers ARP and ND itself.
    pub arp_term: bool,
}

/// The membership of an interface in a bridge domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BridgeMember {
    /// The interface.
    pub interface: InterfaceKey,
    /// The network of the bridge domain. `None` is only ever observed: a bridge domain that is not
    /// ours.
    pub bridge: Option<NetworkSegment>,
    /// What is done to its tags.
    pub tag_rewrite: TagRewrite,
    /// What comes from a member is not flooded to members of the same group, but for group 0, which
    /// is none (`shg` of `sw_interface_set_l2_bridge`): frames of tunnels stay out of tunnels.
    pub split_horizon_group: u8,
    /// Whether the sources of its frames are learned, where the bridge domain does so at all
    /// (`l2_flags`). VPP forgets this when an interface joins a bridge domain.
    pub learn: bool,
}

/// What is done to the VLAN tags of a member's frames (`l2_interface_vlan_tag_rewrite`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagRewrite {
    /// Nothing.
    Disabled,
    /// One tag is removed on the way in and put back on the way out.
    Pop1,
    /// Something that we never ask for; only ever observed.
    Other(u32),
}

impl BridgeFlags {
    /// A learning bridge: what networks without an overlay want.
    pub const LEARNING: Self = Self {
        learn: true,
        forward: true,
        flood: true,
        uu_flood: true,
        arp_term: false,
    };
}

impl BridgeMember {
    /// The split horizon group of tunnels.
    pub const TUNNELS: u8 = 1;
}
