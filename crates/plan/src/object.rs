//! What a VPP holds for us, as objects with names.
//!
//! A key is made of names alone; numbers that VPP gives out (interface and bridge domain indices)
//! never appear here. An [`Object`] is its key and its value in one, so that a value under the
//! wrong key cannot be built.

use std::fmt;

use weft_model::{IfName, Mac, Mtu, NetworkSegment, PhysnetName, PortId, VlanId, VppIfName};

/// An interface of ours by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceKey {
    /// The interface that carries a physical network.
    Uplink(PhysnetName),
    /// The sub-interface of an uplink that takes the frames with one VLAN tag.
    SubInterface(PhysnetName, VlanId),
    /// The TAP of a port.
    Tap(PortId),
}

/// An object of ours by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// An interface.
    Interface(InterfaceKey),
    /// The bridge domain of a network.
    BridgeDomain(NetworkSegment),
    /// That an interface is bridged, and how. An interface is in one bridge domain at most.
    BridgeMember(InterfaceKey),
    /// One more object with the mark of another, counted from 1. Only ever observed.
    Surplus(Box<ObjectKey>, u32),
}

/// An object: a key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// See [`Uplink`].
    Uplink(Uplink),
    /// See [`SubInterface`].
    SubInterface(SubInterface),
    /// See [`Tap`].
    Tap(Tap),
    /// See [`BridgeDomain`].
    BridgeDomain(BridgeDomain),
    /// See [`BridgeMember`].
    BridgeMember(BridgeMember),
    /// See [`Surplus`].
    Surplus(Surplus),
}

/// The interface of VPP that carries a physical network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The physical network.
    pub physnet: PhysnetName,
    /// Which interface.
    pub device: UplinkDevice,
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
}

/// An object with a mark that another one has already, which is never wanted.
///
/// An agent that is killed leaves requests behind that VPP still carries out, while the next agent
/// looks at VPP and makes the same itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// Whose mark it has: an interface or a bridge domain.
    pub of: ObjectKey,
    /// Which of several it is, counted from 1.
    pub number: u32,
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

impl Object {
    /// Its key.
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Uplink(uplink) => ObjectKey::uplink(&uplink.physnet),
            Self::SubInterface(sub) => ObjectKey::sub_interface(&sub.physnet, sub.vlan),
            Self::Tap(tap) => ObjectKey::tap(&tap.port),
            Self::BridgeDomain(bridge) => ObjectKey::BridgeDomain(bridge.segment.clone()),
            Self::BridgeMember(member) => ObjectKey::BridgeMember(member.interface.clone()),
            Self::Surplus(surplus) => {
                ObjectKey::Surplus(Box::new(surplus.of.clone()), surplus.number)
            }
        }
    }

    /// What must be there before it can be made, and must not go before it is gone.
    pub fn requires(&self) -> Vec<ObjectKey> {
        match self {
            Self::Uplink(_) | Self::Tap(_) | Self::BridgeDomain(_) | Self::Surplus(_) => Vec::new(),
            Self::SubInterface(sub) => vec![ObjectKey::uplink(&sub.physnet)],
            Self::BridgeMember(member) => {
                let mut keys = vec![ObjectKey::Interface(member.interface.clone())];
                keys.extend(member.bridge.clone().map(ObjectKey::BridgeDomain));
                keys
            }
        }
    }

    /// Whether VPP can make `self` into `wanted`, which has the same key, without taking it away
    /// in between.
    pub fn can_become(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Uplink(now), Self::Uplink(wanted)) => {
                now.device.vpp_name() == wanted.device.vpp_name()
            }
            (Self::Tap(now), Self::Tap(wanted)) => {
                now.host_if_name == wanted.host_if_name && now.host_mac == wanted.host_mac
            }
            _ => true,
        }
    }

    /// Whether `self`, observed, is all that `wanted` asks for.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            // Whether we made the interface or found it makes no difference to what it does.
            (Self::Uplink(now), Self::Uplink(wanted)) => {
                now.physnet == wanted.physnet
                    && now.device.vpp_name() == wanted.device.vpp_name()
                    && now.admin_up == wanted.admin_up
            }
            _ => self == wanted,
        }
    }
}

impl ObjectKey {
    /// The uplink of a physical network.
    pub fn uplink(physnet: &PhysnetName) -> Self {
        Self::Interface(InterfaceKey::Uplink(physnet.clone()))
    }

    /// The sub-interface of a VLAN.
    pub fn sub_interface(physnet: &PhysnetName, vlan: VlanId) -> Self {
        Self::Interface(InterfaceKey::SubInterface(physnet.clone(), vlan))
    }

    /// The TAP of a port.
    pub fn tap(port: &PortId) -> Self {
        Self::Interface(InterfaceKey::Tap(port.clone()))
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

impl fmt::Display for InterfaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uplink(physnet) => write!(f, "uplink {physnet}"),
            Self::SubInterface(physnet, vlan) => write!(f, "sub-interface {physnet}.vlan.{vlan}"),
            Self::Tap(port) => write!(f, "tap {port}"),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(key) => key.fmt(f),
            Self::BridgeDomain(segment) => write!(f, "bridge-domain {segment}"),
            Self::BridgeMember(key) => write!(f, "bridge-member {key}"),
            Self::Surplus(key, number) => write!(f, "surplus {key} ({number})"),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = |up: bool| if up { "up" } else { "down" };
        write!(f, "{}: ", self.key())?;
        match self {
            Self::Uplink(uplink) => {
                write!(
                    f,
                    "{}, {}",
                    uplink.device.vpp_name(),
                    state(uplink.admin_up)
                )
            }
            Self::SubInterface(sub) => f.write_str(state(sub.admin_up)),
            Self::Tap(tap) => write!(
                f,
                "device {}, mac {}, mtu {}, {}",
                tap.host_if_name,
                tap.host_mac,
                tap.mtu,
                state(tap.admin_up)
            ),
            Self::BridgeDomain(bridge) => {
                write!(f, "{}, mac-age {} min", bridge.flags, bridge.mac_age)
            }
            Self::Surplus(_) => f.write_str("made twice"),
            Self::BridgeMember(member) => {
                match &member.bridge {
                    Some(segment) => write!(f, "in {segment}")?,
                    None => f.write_str("in a bridge domain that is not ours")?,
                }
                match member.tag_rewrite {
                    TagRewrite::Disabled => Ok(()),
                    TagRewrite::Pop1 => f.write_str(", pop 1 tag"),
                    TagRewrite::Other(operation) => write!(f, ", tag rewrite {operation}"),
                }
            }
        }
    }
}

impl fmt::Display for BridgeFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [
            (self.learn, "learn"),
            (self.forward, "forward"),
            (self.flood, "flood"),
            (self.uu_flood, "uu-flood"),
            (self.arp_term, "arp-term"),
        ];
        let set: Vec<&str> = flags
            .iter()
            .filter(|(on, _)| *on)
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&if set.is_empty() {
            "no flags".to_owned()
        } else {
            set.join(" ")
        })
    }
}
