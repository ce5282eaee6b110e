//! What the API knows of an interface beyond what the packet graph needs.

use std::sync::Arc;

use weft_graph::OuterTag;
use weft_packet::SwIfIndex;
use weft_ports::{PacketPort, VhostUser, VhostUserRx, VhostUserTx};
use weft_vpp_wire::messages::interface::SubIfFlags;
use weft_vpp_wire::messages::tapv2::SwInterfaceTapV2Details;
use weft_vpp_wire::{FixedString, Reader, Wire};

/// What VPP gives Ethernet interfaces at first, bytes.
pub(crate) const DEFAULT_MTU: u16 = 9000;

/// An interface's record.
#[derive(Debug)]
pub(crate) struct Record {
    /// What its owner wrote on it.
    pub(crate) tag: FixedString<64>,
    /// Greatest packet: all protocols, IPv4, IPv6, MPLS.
    pub(crate) mtu: [u32; 4],
    /// What it is.
    pub(crate) device: Device,
}

/// What kind of interface it is.
#[derive(Debug)]
pub(crate) enum Device {
    /// VPP's `local0`.
    Local,
    /// A loopback.
    Loopback(Loopback),
    /// A TAP.
    Tap(Box<TapDevice>),
    /// A device of the host.
    AfPacket(Box<AfPacketDevice>),
    /// A virtual machine's network card.
    VhostUser(Box<VhostUserDevice>),
    /// A VXLAN tunnel, with its place in the pool of such, which is the order of their dump.
    Vxlan(usize),
    /// A VXLAN-GPE tunnel, with its place in the pool of such; `None` while its interface waits for another.
    VxlanGpe(Option<usize>),
    /// A sub-interface.
    Sub(SubInterface),
}

/// A loopback.
#[derive(Debug)]
pub(crate) struct Loopback {
    /// The N in `loopN`.
    pub(crate) instance: u32,
    /// Greatest frame without header, bytes.
    pub(crate) link_mtu: u16,
}

/// A TAP.
#[derive(Debug)]
pub(crate) struct TapDevice {
    /// Its place in the pool of TAPs, which is the order of their dump.
    pub(crate) instance: usize,
    /// What its dump says; `sw_if_index` included.
    pub(crate) details: SwInterfaceTapV2Details,
    /// Greatest frame without header, bytes.
    pub(crate) link_mtu: u16,
    /// The device; its queues are also held by the workers.
    pub(crate) tap: weft_ports::Tap,
}

/// A device of the host.
#[derive(Debug)]
pub(crate) struct AfPacketDevice {
    /// Its place in the pool of such interfaces, which is the order of their dump.
    pub(crate) instance: usize,
    /// Greatest frame without header, bytes.
    pub(crate) link_mtu: u16,
    /// The device; its receiving side is held by a worker.
    pub(crate) port: PacketPort,
}

/// A virtual machine's network card.
#[derive(Debug)]
pub(crate) struct VhostUserDevice {
    /// Its place in the pool of such interfaces, which is the order of their dump.
    pub(crate) instance: usize,
    /// Greatest frame without header, bytes.
    pub(crate) link_mtu: u16,
    /// The device; its rings are also used by the workers.
    pub(crate) port: VhostUser,
}

/// A sub-interface, as its creator described it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubInterface {
    /// The interface of which it is a part.
    pub(crate) parent: SwIfIndex,
    /// The N in `eth0.N`.
    pub(crate) id: u32,
    /// Flags as given.
    pub(crate) flags: SubIfFlags,
    /// Outer VLAN as given.
    pub(crate) outer_vlan: u16,
    /// Inner VLAN as given.
    pub(crate) inner_vlan: u16,
}

impl Record {
    pub(crate) fn new(device: Device, l3_mtu: u32) -> Self {
        Self {
            tag: FixedString::EMPTY,
            mtu: [l3_mtu, 0, 0, 0],
            device,
        }
    }
}

impl Device {
    /// Name of the device class (`interface_dev_type`); of a sub-interface its parent has it.
    pub(crate) fn class_name(&self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Loopback(_) => "Loopback",
            Self::Tap(_) => "tap",
            Self::AfPacket(_) => "af-packet",
            Self::VhostUser(_) => "vhost-user",
            Self::Vxlan(_) => "VXLAN",
            Self::VxlanGpe(_) => "VXLAN_GPE",
            Self::Sub(_) => "",
        }
    }

    /// Greatest frame of the device without header, bytes.
    pub(crate) fn link_mtu(&self) -> u16 {
        match self {
            Self::Loopback(loopback) => loopback.link_mtu,
            Self::Tap(tap) => tap.link_mtu,
            Self::AfPacket(port) => port.link_mtu,
            Self::VhostUser(device) => device.link_mtu,
            // VPP's tunnels keep the MTU that all interfaces have at first, and tell no other.
            Self::Vxlan(_) => DEFAULT_MTU,
            Self::Local | Self::VxlanGpe(_) | Self::Sub(_) => 0,
        }
    }
}

impl SubInterface {
    /// Number of tags as VPP's dump counts them.
    pub(crate) fn number_of_tags(&self) -> u8 {
        u8::from(self.flags.contains(SubIfFlags::ONE_TAG))
            + 2 * u8::from(self.flags.contains(SubIfFlags::TWO_TAGS))
    }

    /// Protocol of the outer tag.
    pub(crate) fn outer_tag(&self) -> OuterTag {
        if self.flags.contains(SubIfFlags::DOT1AD) {
            OuterTag::Dot1ad
        } else {
            OuterTag::Dot1q
        }
    }
}

/// The bytes as VPP would show them in a field of `N`: cut after `N - 1`.
pub(crate) fn cut_to_field<const N: usize>(bytes: &[u8]) -> FixedString<N> {
    let mut padded = [0; N];
    for (to, from) in padded.iter_mut().take(N - 1).zip(bytes) {
        *to = *from;
    }
    FixedString::decode(&mut Reader::new(&padded)).unwrap_or_default()
}

/// What the workers send on.
#[derive(Debug, Clone)]
pub(crate) enum PortTx {
    /// A queue of a TAP.
    Tap(Arc<weft_ports::TapQueue>),
    /// A packet socket.
    Packet(Arc<weft_ports::PacketTx>),
    /// A virtual machine's rings, and the number of the worker, by which it chooses one.
    VhostUser(Arc<VhostUserTx>, usize),
}

/// What one worker receives from.
#[derive(Debug)]
pub(crate) enum PortRx {
    /// A queue of a TAP.
    Tap(Arc<weft_ports::TapQueue>),
    /// A packet socket.
    Packet(weft_ports::PacketRx),
    /// A worker's share of a virtual machine's rings.
    VhostUser(Arc<VhostUserRx>),
}
