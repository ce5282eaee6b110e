//! Interfaces: of physical networks, of their VLANs, of ports, and tunnels.

use weft_model::{IfName, Mac, Mtu, PhysnetName, PortId, SocketPath, VlanId, VppIfName};

use super::{Object, TunnelKey};

/// An interface of ours by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceKey {
    /// The interface that carries a physical network.
    Uplink(PhysnetName),
    /// The sub-interface of an uplink that takes the frames with one VLAN tag.
    SubInterface(PhysnetName, VlanId),
    /// The TAP of a port.
    Tap(PortId),
    /// The vhost-user interface of a port.
    VhostUser(PortId),
    /// The tunnel of an overlay network to another host.
    Tunnel(TunnelKey),
}

/// The interface of VPP that carries a physical network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The physical network.
    pub physnet: PhysnetName,
    /// Which interface.
    pub device: UplinkDevice,
    /// Greatest IP packet that VPP itself sends by it, tunnels' among them; longer ones of IPv4 are
    /// fragmented. `None` is only ever wanted: whatever it is.
    pub mtu: Option<Mtu>,
    /// Whether it is administratively up.
    pub admin_up: bool,
}

/// Where an uplink comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UplinkDevice {
    /// An interface that VPP has anyway; we mark it and let it be when it is no longer needed.
    Existing(VppIfName),
    /// An AF_PACKET interface over a device of the kernel, made and removed by us.
    HostInterface(IfName),
}

/// A sub-interface that takes the frames with exactly one tag, this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubInterface {
    /// The physical network whose uplink is its parent.
    pub physnet: PhysnetName,
    /// The tag.
    pub vlan: VlanId,
    /// Whether it is administratively up.
    pub admin_up: bool,
}

/// A TAP: an interface of VPP whose other end is a network device of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tap {
    /// The port that it plays.
    pub port: PortId,
    /// The device in the kernel.
    pub host_if_name: IfName,
    /// The MAC address of the device in the kernel: that of the port.
    pub host_mac: Mac,
    /// The MTU. It is offered to the kernel's device when that is made, and followed by VPP's side
    /// afterwards, too; VPP cannot change the kernel's later.
    pub mtu: Mtu,
    /// Whether it is administratively up.
    pub admin_up: bool,
}

/// A vhost-user interface: its other end is a virtual machine's virtio device. Its link is up while
/// the peer is connected and its rings are ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhostUser {
    /// The port that it plays.
    pub port: PortId,
    /// Where the two meet.
    pub socket: SocketPath,
    /// Which of the two VPP is.
    pub mode: VhostUserMode,
    /// The MTU of VPP's side.
    pub mtu: Mtu,
    /// Whether it is administratively up.
    pub admin_up: bool,
}

/// Who makes the socket of a vhost-user interface and listens on it, seen from VPP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VhostUserMode {
    /// The peer listens; VPP connects, and does so again after the peer was away. What Nova makes of
    /// a port whose `vhostuser_mode` is `server`, which is QEMU's side.
    #[default]
    Client,
    /// VPP listens.
    Server,
}

impl InterfaceKey {
    /// The port that it plays, if it plays one.
    pub fn port(&self) -> Option<&PortId> {
        match self {
            Self::Tap(port) | Self::VhostUser(port) => Some(port),
            Self::Uplink(_) | Self::SubInterface(..) | Self::Tunnel(_) => None,
        }
    }
}

impl Object {
    /// Whether it is administratively up, if it is an interface.
    pub(crate) fn admin_up(&self) -> Option<bool> {
        match self {
            Self::Uplink(uplink) => Some(uplink.admin_up),
            Self::SubInterface(sub) => Some(sub.admin_up),
            Self::Tap(tap) => Some(tap.admin_up),
            Self::VhostUser(vhost) => Some(vhost.admin_up),
            Self::Tunnel(tunnel) => Some(tunnel.admin_up),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn admin_up_mut(&mut self) -> Option<&mut bool> {
        match self {
            Self::Uplink(uplink) => Some(&mut uplink.admin_up),
            Self::SubInterface(sub) => Some(&mut sub.admin_up),
            Self::Tap(tap) => Some(&mut tap.admin_up),
            Self::VhostUser(vhost) => Some(&mut vhost.admin_up),
            Self::Tunnel(tunnel) => Some(&mut tunnel.admin_up),
            _ => None,
        }
    }
}

impl UplinkDevice {
    /// The interface's name in VPP. Those over a device of the kernel are called `host-` and the
    /// device's name (`af_packet_create_if` in VPP's `af_packet.c`).
    pub fn vpp_name(&self) -> String {
        match self {
            Self::Existing(name) => name.to_string(),
            Self::HostInterface(device) => format!("host-{device}"),
        }
    }
}
