//! Network segments: what a port's frames travel in between hosts.

use std::fmt;
use std::str::FromStr;

use crate::name::PhysnetName;
use crate::overlay::OverlaySegment;
use crate::vlan::VlanId;

/// A layer-2 segment: on a physical network, or an overlay. Two ports are on one network exactly
/// when their segments are equal.
///
/// Its text, `physnet1.flat`, `physnet1.vlan.194` or `gpe.1007`, is part of tags in VPP and goes
/// both ways.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetworkSegment {
    /// The untagged frames of the uplink.
    Flat {
        /// Where.
        physnet: PhysnetName,
    },
    /// The frames with one 802.1Q tag on the uplink.
    Vlan {
        /// Where.
        physnet: PhysnetName,
        /// The tag.
        vlan: VlanId,
    },
    /// The frames with one VNI between hosts.
    Overlay(OverlaySegment),
}

/// Why a text is no segment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network segment: `<physnet>.flat`, `<physnet>.vlan.<id>`, `gpe.<vni>` or `vxlan.<vni>` is wanted"
)]
pub struct InvalidSegment(String);

impl NetworkSegment {
    /// The physical network that carries it; `None` for an overlay, whose underlay is a matter of
    /// each host's configuration.
    pub fn physnet(&self) -> Option<&PhysnetName> {
        match self {
            Self::Flat { physnet } | Self::Vlan { physnet, .. } => Some(physnet),
            Self::Overlay(_) => None,
        }
    }

    /// The VLAN tag on the uplink, if it has one.
    pub fn vlan(&self) -> Option<VlanId> {
        match self {
            Self::Flat { .. } | Self::Overlay(_) => None,
            Self::Vlan { vlan, .. } => Some(*vlan),
        }
    }

    /// The overlay network that it is, if it is one.
    pub fn overlay(&self) -> Option<OverlaySegment> {
        match self {
            Self::Flat { .. } | Self::Vlan { .. } => None,
            Self::Overlay(overlay) => Some(*overlay),
        }
    }

    /// Neutron's name of its type (`provider:network_type`).
    pub fn network_type(&self) -> &'static str {
        match self {
            Self::Flat { .. } => "flat",
            Self::Vlan { .. } => "vlan",
            Self::Overlay(overlay) => overlay.protocol.as_str(),
        }
    }

    /// Neutron's number of it (`provider:segmentation_id`): the VLAN or the VNI.
    pub fn segmentation_id(&self) -> Option<u32> {
        match self {
            Self::Flat { .. } => None,
            Self::Vlan { vlan, .. } => Some(vlan.get().into()),
            Self::Overlay(overlay) => Some(overlay.vni.get()),
        }
    }
}

impl From<OverlaySegment> for NetworkSegment {
    fn from(overlay: OverlaySegment) -> Self {
        Self::Overlay(overlay)
    }
}

impl fmt::Display for NetworkSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flat { physnet } => write!(f, "{physnet}.flat"),
            Self::Vlan { physnet, vlan } => write!(f, "{physnet}.vlan.{vlan}"),
            Self::Overlay(overlay) => overlay.fmt(f),
        }
    }
}

impl FromStr for NetworkSegment {
    type Err = InvalidSegment;

    fn from_str(text: &str) -> Result<Self, InvalidSegment> {
        let invalid = || InvalidSegment(text.to_owned());
        // No physical network's segment looks so: what follows its name is `flat` or `vlan`.
        if let Ok(overlay) = text.parse() {
            return Ok(Self::Overlay(overlay));
        }
        let (physnet, kind) = text.split_once('.').ok_or_else(invalid)?;
        let physnet = PhysnetName::new(physnet).map_err(|_| invalid())?;
        if kind == "flat" {
            return Ok(Self::Flat { physnet });
        }
        let vlan = kind.strip_prefix("vlan.").ok_or_else(invalid)?;
        Ok(Self::Vlan {
            physnet,
            vlan: vlan.parse().map_err(|_| invalid())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_round() {
        for text in [
            "physnet1.flat",
            "p-2.vlan.194",
            "gpe.flat",
            "gpe.7",
            "vxlan.vlan.7",
            "vxlan.7",
        ] {
            assert_eq!(text.parse::<NetworkSegment>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "p",
            "p.",
            "p.vlan",
            "p.vlan.",
            "p.vlan.0",
            "p.vlan.4095",
            "p.gre.1",
            "gpe.0",
            "p.7",
            ".flat",
        ] {
            assert!(text.parse::<NetworkSegment>().is_err(), "{text:?}");
        }
    }
}
