//! What a VPP holds for us, as objects with names.
//!
//! A key is made of names alone; numbers that VPP gives out (indices of interfaces, bridge domains
//! and ACLs) never appear here. An [`Object`] is its key and its value in one, so that a value under
//! the wrong key cannot be built. It is never changed once it was built: what is wanted, what is observed
//! and the operations between share it (`Arc<Object>`), so that most of the time the two sides hold the
//! very same.

mod acl;
mod binding;
mod bridge;
mod guard;
mod interface;
mod macip;
mod text;
mod tunnel;
mod underlay;

use std::net::IpAddr;

use weft_model::{IpPrefix, Mac, NetworkSegment, OverlaySegment, PhysnetName, PortId, VlanId};

pub use acl::{Acl, AclAction, AclKey, AclRule, Direction, InvalidAclRule, TcpFlags};
pub use binding::{AclBinding, MacIpBinding};
pub use bridge::{BridgeDomain, BridgeFlags, BridgeMember, TagRewrite};
pub use interface::{
    InterfaceKey, SubInterface, Tap, Uplink, UplinkDevice, VhostUser, VhostUserMode,
};
pub use macip::{MacIpAcl, MacIpRule};
pub use tunnel::{Neighbour, StaticMac, Tunnel, TunnelKey};
pub use underlay::{Address, Route};

/// An object of ours by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKey {
    /// An interface.
    Interface(InterfaceKey),
    /// The bridge domain of a network.
    BridgeDomain(NetworkSegment),
    /// That an interface is bridged, and how. An interface is in one bridge domain at most.
    BridgeMember(InterfaceKey),
    /// An access list.
    Acl(AclKey),
    /// Which access lists an interface has.
    AclBinding(InterfaceKey),
    /// The list of source addresses that a port may use.
    MacIpAcl(PortId),
    /// Which list of source addresses an interface has.
    MacIpBinding(InterfaceKey),
    /// An address of an uplink. There are few, so they shall not make all keys larger.
    Address(Box<InterfaceKey>, IpAddr),
    /// A route of the underlay.
    Route(IpPrefix),
    /// Where a MAC address of an overlay network is.
    StaticMac(OverlaySegment, Mac),
    /// Who has an IP address of an overlay network.
    Neighbour(OverlaySegment, IpAddr),
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
    /// See [`VhostUser`].
    VhostUser(VhostUser),
    /// See [`Tunnel`].
    Tunnel(Tunnel),
    /// See [`BridgeDomain`].
    BridgeDomain(BridgeDomain),
    /// See [`BridgeMember`].
    BridgeMember(BridgeMember),
    /// See [`Acl`].
    Acl(Acl),
    /// See [`AclBinding`].
    AclBinding(AclBinding),
    /// See [`MacIpAcl`].
    MacIpAcl(MacIpAcl),
    /// See [`MacIpBinding`].
    MacIpBinding(MacIpBinding),
    /// See [`Address`].
    Address(Address),
    /// See [`Route`].
    Route(Route),
    /// See [`StaticMac`].
    StaticMac(StaticMac),
    /// See [`Neighbour`].
    Neighbour(Neighbour),
    /// See [`Surplus`].
    Surplus(Surplus),
}

/// An object with a mark that another one has already, which is never wanted.
///
/// An agent that is killed leaves requests behind that VPP still carries out, while the next agent
/// looks at VPP and makes the same itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surplus {
    /// Whose mark it has: an interface, a bridge domain, an ACL or a MACIP ACL.
    pub of: ObjectKey,
    /// Which of several it is, counted from 1.
    pub number: u32,
}

impl Object {
    /// Its key.
    pub fn key(&self) -> ObjectKey {
        match self {
            Self::Uplink(uplink) => ObjectKey::uplink(&uplink.physnet),
            Self::SubInterface(sub) => ObjectKey::sub_interface(&sub.physnet, sub.vlan),
            Self::Tap(tap) => ObjectKey::tap(&tap.port),
            Self::VhostUser(vhost) => ObjectKey::vhost_user(&vhost.port),
            Self::Tunnel(tunnel) => ObjectKey::tunnel(tunnel.key),
            Self::BridgeDomain(bridge) => ObjectKey::BridgeDomain(bridge.segment.clone()),
            Self::BridgeMember(member) => ObjectKey::BridgeMember(member.interface.clone()),
            Self::Acl(acl) => ObjectKey::Acl(acl.key.clone()),
            Self::AclBinding(binding) => ObjectKey::AclBinding(binding.interface.clone()),
            Self::MacIpAcl(acl) => ObjectKey::MacIpAcl(acl.port.clone()),
            Self::MacIpBinding(binding) => ObjectKey::MacIpBinding(binding.interface.clone()),
            Self::Address(address) => {
                ObjectKey::Address(Box::new(address.interface.clone()), address.address)
            }
            Self::Route(route) => ObjectKey::Route(route.prefix),
            Self::StaticMac(entry) => ObjectKey::StaticMac(entry.segment, entry.mac),
            Self::Neighbour(entry) => ObjectKey::Neighbour(entry.segment, entry.address),
            Self::Surplus(surplus) => {
                ObjectKey::Surplus(Box::new(surplus.of.clone()), surplus.number)
            }
        }
    }

    /// What must be there before it can be made, and must not go before it is gone.
    pub fn requires(&self) -> impl Iterator<Item = ObjectKey> {
        let on = self.on().cloned().map(ObjectKey::Interface);
        on.into_iter().chain(self.uses())
    }

    /// The interface that a membership or binding is on, and is named after.
    fn on(&self) -> Option<&InterfaceKey> {
        match self {
            Self::BridgeMember(member) => Some(&member.interface),
            Self::AclBinding(binding) => Some(&binding.interface),
            Self::MacIpBinding(binding) => Some(&binding.interface),
            _ => None,
        }
    }

    /// What it requires, but for the interface that it is named after.
    pub(crate) fn uses(&self) -> impl Iterator<Item = ObjectKey> {
        let used = match self {
            Self::Uplink(_)
            | Self::Tap(_)
            | Self::VhostUser(_)
            | Self::Tunnel(_)
            | Self::BridgeDomain(_)
            | Self::Acl(_)
            | Self::AclBinding(_)
            | Self::MacIpAcl(_)
            | Self::Route(_)
            | Self::Surplus(_) => None,
            Self::Address(address) => Some(ObjectKey::Interface(address.interface.clone())),
            // VPP wants an interface that is bridged (`l2fib_add_del` in its `l2_api.c`). The member
            // of a tunnel requires the bridge domain.
            Self::StaticMac(entry) => entry.interface.clone().map(ObjectKey::BridgeMember),
            Self::Neighbour(entry) => Some(ObjectKey::BridgeDomain(entry.segment.into())),
            Self::SubInterface(sub) => Some(ObjectKey::uplink(&sub.physnet)),
            Self::BridgeMember(member) => member.bridge.clone().map(ObjectKey::BridgeDomain),
            Self::MacIpBinding(binding) => binding.acl.clone().map(ObjectKey::MacIpAcl),
        };
        let lists = match self {
            Self::AclBinding(binding) => Some(binding.acls().cloned().map(ObjectKey::Acl)),
            _ => None,
        };
        used.into_iter().chain(lists.into_iter().flatten())
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
            (Self::VhostUser(now), Self::VhostUser(wanted)) => {
                now.socket == wanted.socket && now.mode == wanted.mode
            }
            (Self::Tunnel(now), Self::Tunnel(wanted)) => now.local == wanted.local,
            (Self::Address(now), Self::Address(wanted)) => now == wanted,
            _ => true,
        }
    }

    /// Whether `self`, observed, is all that `wanted` asks for.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        std::ptr::eq(self, wanted)
            || match (self, wanted) {
                // Whether we made the interface or found it makes no difference to what it does.
                (Self::Uplink(now), Self::Uplink(wanted)) => {
                    now.physnet == wanted.physnet
                        && now.device.vpp_name() == wanted.device.vpp_name()
                        && (wanted.mtu.is_none() || now.mtu == wanted.mtu)
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

    /// The vhost-user interface of a port.
    pub fn vhost_user(port: &PortId) -> Self {
        Self::Interface(InterfaceKey::VhostUser(port.clone()))
    }

    /// The tunnel to a host.
    pub fn tunnel(key: TunnelKey) -> Self {
        Self::Interface(InterfaceKey::Tunnel(key))
    }

    /// The overlay network that it is there for, rather than for a port: tunnels, what is bridged of
    /// them, and what is known of machines on other hosts and of this one's addresses.
    pub fn overlay(&self) -> Option<OverlaySegment> {
        match self {
            Self::Interface(InterfaceKey::Tunnel(tunnel))
            | Self::BridgeMember(InterfaceKey::Tunnel(tunnel)) => Some(tunnel.segment),
            Self::StaticMac(segment, _) | Self::Neighbour(segment, _) => Some(*segment),
            _ => None,
        }
    }

    /// The port that it is there for alone; `None` for what ports share.
    pub fn port(&self) -> Option<&PortId> {
        match self {
            Self::Interface(interface)
            | Self::BridgeMember(interface)
            | Self::AclBinding(interface)
            | Self::MacIpBinding(interface) => interface.port(),
            Self::MacIpAcl(port) => Some(port),
            Self::BridgeDomain(_)
            | Self::Acl(_)
            | Self::Address(..)
            | Self::Route(_)
            | Self::StaticMac(..)
            | Self::Neighbour(..)
            | Self::Surplus(..) => None,
        }
    }
}
