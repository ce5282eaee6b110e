//! Interfaces: ports, sub-interfaces, their states and layer-2 modes.
//!
//! The record ([`Interface`]) is what was configured; the view is what nodes read, made from it.

mod configure;
mod lifecycle;
mod mode;
mod view;

use std::sync::Arc;

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{BdId, BdIndex};
use crate::{
    counters::InterfaceCounters,
    vlan::{SubInterfaceMatch, TagRewrite},
};

pub(crate) use view::{InterfaceView, ViewMode};

/// What drives a port: decides the name of its input node and how packets leave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum DeviceClass {
    /// VPP's `local0`: carries nothing.
    Local,
    /// A loopback: what is sent to it comes back as received from it; never flooded to.
    #[default]
    Loopback,
    /// A TAP (`tap-input`).
    Tap,
    /// An AF_PACKET socket on a host interface (`af-packet-input`).
    AfPacket,
    /// A virtual machine's rings (`vhost-user-input`).
    VhostUser,
    /// The packet generator (`pg-input`).
    PacketGenerator,
    /// A VXLAN tunnel.
    Vxlan,
    /// A VXLAN-GPE tunnel.
    VxlanGpe,
}

/// Port or sub-interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceKind {
    /// A hardware interface in VPP's sense.
    Port(DeviceClass),
    /// Some of the tagged frames of a port.
    Sub {
        /// The port.
        parent: SwIfIndex,
        /// Which frames.
        matched: SubInterfaceMatch,
    },
}

/// Role of a bridge domain's member (`L2_API_PORT_TYPE_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PortType {
    /// A member like others.
    #[default]
    Normal,
    /// Bridged virtual interface: the bridge domain's own. Kept and dumped; nothing is routed.
    Bvi,
    /// Unknown unicast goes there. Kept and dumped; the member is not flooded to.
    UnknownUnicastForward,
}

/// What becomes of a received packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum L2Mode {
    /// Layer 3: routed, where the interface has addresses.
    #[default]
    L3,
    /// Member of a bridge domain.
    Bridge {
        /// The bridge domain.
        bd: BdId,
        /// Its index.
        bd_index: BdIndex,
        /// Split-horizon group: members of one group other than 0 do not hear each other.
        shg: u8,
        /// Role.
        port_type: PortType,
    },
    /// All packets go to another interface.
    Xconnect {
        /// That interface.
        tx: SwIfIndex,
    },
}

/// Features that may be switched off on one member (`l2_flags` of VPP's API); all start on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct L2Flags {
    /// Learn source addresses.
    pub learn: bool,
    /// Forward by destination address.
    pub forward: bool,
    /// Flood broadcast and multicast.
    pub flood: bool,
    /// Flood unknown unicast.
    pub uu_flood: bool,
    /// ARP termination.
    pub arp_term: bool,
}

/// An interface as configured.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Name as VPP shows it, `tap0` or `host-eth0.100`.
    pub name: String,
    /// Port or sub-interface.
    pub kind: InterfaceKind,
    /// The port's address; a sub-interface has its port's.
    pub mac: MacAddr,
    /// Layer-3 MTU, bytes. Not looked at in layer 2, as in VPP.
    pub mtu: u32,
    /// MTU of IPv4 and IPv6, bytes; 0 is `mtu`.
    pub ip_mtu: [u32; 2],
    /// Administratively up.
    pub admin_up: bool,
    /// The port has a link. A sub-interface shows its port's.
    pub link_up: bool,
    /// What becomes of received packets.
    pub mode: L2Mode,
    /// Features of a bridged interface.
    pub flags: L2Flags,
    /// Tag rewrite on input.
    pub rewrite: TagRewrite,
    /// Whether packets sent must look like packets received (VPP's `l2_interface_efp_filter`).
    pub efp_filter: bool,
    /// How many sub-interfaces the port has.
    pub subs: usize,
    /// Bumped to flush what was learned.
    pub(super) seq: u8,
    pub(super) was_l2: bool,
    pub(super) counters: Arc<InterfaceCounters>,
}

// ===== impl L2Mode, L2Flags =====

impl L2Mode {
    /// Whether the interface is in layer-2 mode.
    pub const fn is_l2(self) -> bool {
        !matches!(self, Self::L3)
    }
}

impl L2Flags {
    /// What a new member has.
    pub const ALL: Self = Self {
        learn: true,
        forward: true,
        flood: true,
        uu_flood: true,
        arp_term: true,
    };
}

// ===== impl Interface =====

impl Interface {
    fn new(name: &str, kind: InterfaceKind, mac: MacAddr, mtu: u32, workers: usize) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            mac,
            mtu,
            ip_mtu: [0; 2],
            admin_up: false,
            link_up: false,
            mode: L2Mode::L3,
            flags: L2Flags::ALL,
            rewrite: TagRewrite::Disabled,
            efp_filter: false,
            subs: 0,
            seq: 0,
            was_l2: false,
            counters: Arc::new(InterfaceCounters::new(workers)),
        }
    }

    /// The device class of a port; `None` for a sub-interface.
    pub const fn class(&self) -> Option<DeviceClass> {
        match self.kind {
            InterfaceKind::Port(class) => Some(class),
            InterfaceKind::Sub { .. } => None,
        }
    }

    /// The match of a sub-interface; `None` for a port.
    pub const fn matched(&self) -> Option<SubInterfaceMatch> {
        match self.kind {
            InterfaceKind::Port(_) => None,
            InterfaceKind::Sub { matched, .. } => Some(matched),
        }
    }

    /// The port of a sub-interface, or `own` for a port.
    pub const fn port(&self, own: SwIfIndex) -> SwIfIndex {
        match self.kind {
            InterfaceKind::Port(_) => own,
            InterfaceKind::Sub { parent, .. } => parent,
        }
    }
}
