//! Our mark: the tag by which an interface, bridge domain or access list of VPP is known to be ours,
//! and as what.
//!
//! | tag | what carries it |
//! |---|---|
//! | `weft.uplink.<physnet>` | an interface that we made over a device of the kernel |
//! | `weft.uplink-found.<physnet>` | an interface that was there before us |
//! | `weft.sub-interface.<physnet>.<vlan>` | a sub-interface of an uplink |
//! | `weft.tap.<port>` | the TAP of a port |
//! | `weft.vhost-user.<port>` | the vhost-user interface of a port |
//! | `weft.gpe.<vni>.<address>`, `weft.vxlan.…` | the tunnel of an overlay network to the host with that address |
//! | `weft.bridge.<segment>` | the bridge domain of a network |
//! | `weft.acl.<group>.ingress`, `.egress` | an access list of a security group |
//! | `weft.acl.anti-spoofing.ingress`, `.egress` | what holds for every secured port |
//! | `weft.macip.<port>` | the MACIP list of a port |
//!
//! The names in them are so short that every tag fits into VPP's 63 bytes, and have no dots where
//! that would make a tag ambiguous.

#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use weft_model::{
    NetworkSegment, OverlayProtocol, OverlaySegment, PhysnetName, PortId, SecurityGroupId, VlanId,
};
use weft_plan::{AclKey, Direction, InterfaceKey, TunnelKey};

/// Stands where the name of a group stands; no group can have it.
const ANTI_SPOOFING: &str = "anti-spoofing";

/// What an interface of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InterfaceMark {
    /// An uplink that we made.
    UplinkMade(PhysnetName),
    /// An uplink that we found.
    UplinkFound(PhysnetName),
    /// A sub-interface.
    SubInterface(PhysnetName, VlanId),
    /// A TAP.
    Tap(PortId),
    /// A vhost-user interface.
    VhostUser(PortId),
    /// A tunnel.
    Tunnel(TunnelKey),
}

/// What a bridge domain of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BridgeMark(pub(super) NetworkSegment);

/// What an access list of ours is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AclMark(pub(super) AclKey);

/// What a MACIP list of ours is: that of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct MacIpMark(pub(super) PortId);

/// A tag that is not our mark, hence none of our business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotOurs;

impl InterfaceMark {
    /// The name of the interface.
    pub(super) fn key(&self) -> InterfaceKey {
        match self {
            Self::UplinkMade(physnet) | Self::UplinkFound(physnet) => {
                InterfaceKey::Uplink(physnet.clone())
            }
            Self::SubInterface(physnet, vlan) => InterfaceKey::SubInterface(physnet.clone(), *vlan),
            Self::Tap(port) => InterfaceKey::Tap(port.clone()),
            Self::VhostUser(port) => InterfaceKey::VhostUser(port.clone()),
            Self::Tunnel(key) => InterfaceKey::Tunnel(*key),
        }
    }
}

impl fmt::Display for InterfaceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UplinkMade(physnet) => write!(f, "weft.uplink.{physnet}"),
            Self::UplinkFound(physnet) => write!(f, "weft.uplink-found.{physnet}"),
            Self::SubInterface(physnet, vlan) => write!(f, "weft.sub-interface.{physnet}.{vlan}"),
            Self::Tap(port) => write!(f, "weft.tap.{port}"),
            Self::VhostUser(port) => write!(f, "weft.vhost-user.{port}"),
            // Without a word for tunnels in front: the longest address would not fit behind it.
            Self::Tunnel(TunnelKey { segment, remote }) => write!(f, "weft.{segment}.{remote}"),
        }
    }
}

impl FromStr for InterfaceMark {
    type Err = NotOurs;

    fn from_str(tag: &str) -> Result<Self, NotOurs> {
        let (kind, name) = split(tag)?;
        let not_ours = |_| NotOurs;
        Ok(match kind {
            "uplink" => Self::UplinkMade(name.parse().map_err(|_| NotOurs)?),
            "uplink-found" => Self::UplinkFound(name.parse().map_err(|_| NotOurs)?),
            "sub-interface" => {
                let (physnet, vlan) = name.split_once('.').ok_or(NotOurs)?;
                Self::SubInterface(
                    physnet.parse().map_err(|_| NotOurs)?,
                    vlan.parse().map_err(|_| NotOurs)?,
                )
            }
            "tap" => Self::Tap(PortId::new(name).map_err(not_ours)?),
            "vhost-user" => Self::VhostUser(PortId::new(name).map_err(not_ours)?),
            kind => {
                let protocol = OverlayProtocol::parse(kind).ok_or(NotOurs)?;
                let (vni, remote) = name.split_once('.').ok_or(NotOurs)?;
                Self::Tunnel(TunnelKey {
                    segment: OverlaySegment {
                        protocol,
                        vni: vni.parse().map_err(|_| NotOurs)?,
                    },
                    remote: remote.parse().map_err(|_| NotOurs)?,
                })
            }
        })
    }
}

impl fmt::Display for BridgeMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weft.bridge.{}", self.0)
    }
}

impl FromStr for BridgeMark {
    type Err = NotOurs;

    fn from_str(tag: &str) -> Result<Self, NotOurs> {
        match split(tag)? {
            ("bridge", name) => name.parse().map(Self).map_err(|_| NotOurs),
            _ => Err(NotOurs),
        }
    }
}

impl fmt::Display for AclMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            AclKey::AntiSpoofing(direction) => {
                write!(f, "weft.acl.{ANTI_SPOOFING}.{direction}")
            }
            AclKey::SecurityGroup { group, direction } => {
                write!(f, "weft.acl.{group}.{direction}")
            }
        }
    }
}

impl FromStr for AclMark {
    type Err = NotOurs;

    fn from_str(tag: &str) -> Result<Self, NotOurs> {
        let ("acl", name) = split(tag)? else {
            return Err(NotOurs);
        };
        // The name of a group may have dots.
        let (name, direction) = name.rsplit_once('.').ok_or(NotOurs)?;
        let direction = match direction {
            "ingress" => Direction::Ingress,
            "egress" => Direction::Egress,
            _ => return Err(NotOurs),
        };
        Ok(Self(match name {
            ANTI_SPOOFING => AclKey::AntiSpoofing(direction),
            group => AclKey::SecurityGroup {
                group: SecurityGroupId::new(group).map_err(|_| NotOurs)?,
                direction,
            },
        }))
    }
}

impl fmt::Display for MacIpMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "weft.macip.{}", self.0)
    }
}

impl FromStr for MacIpMark {
    type Err = NotOurs;

    fn from_str(tag: &str) -> Result<Self, NotOurs> {
        match split(tag)? {
            ("macip", name) => PortId::new(name).map(Self).map_err(|_| NotOurs),
            _ => Err(NotOurs),
        }
    }
}

fn split(tag: &str) -> Result<(&str, &str), NotOurs> {
    let rest = tag.strip_prefix("weft.").ok_or(NotOurs)?;
    rest.split_once('.').ok_or(NotOurs)
}
