//! Overlay networks: layer 2 in UDP between hosts, told apart by a VNI.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ip_prefix::IpVersion;
use crate::vni::Vni;

/// How the frames of an overlay network are encapsulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OverlayProtocol {
    /// VXLAN-GPE with the next protocol Ethernet (draft-ietf-nvo3-vxlan-gpe), UDP port 4790.
    Gpe,
    /// VXLAN (RFC 7348), UDP port 4789.
    Vxlan,
}

/// The segment of an overlay network. The same VNI under the other protocol is another network.
///
/// Its text is `gpe.1007` or `vxlan.1007`, which goes both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OverlaySegment {
    /// The encapsulation.
    pub protocol: OverlayProtocol,
    /// The network identifier.
    pub vni: Vni,
}

/// Why a text is no segment of an overlay network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no overlay segment: `gpe.<vni>` or `vxlan.<vni>` is wanted")]
pub struct InvalidOverlaySegment(String);

impl OverlayProtocol {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Gpe, Self::Vxlan];

    /// Neutron's name of the network type, and the word in keys.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gpe => "gpe",
            Self::Vxlan => "vxlan",
        }
    }

    /// Whether a VPP can carry it over an underlay of this version of IP. None from 23.10 to 26.06 can
    /// carry VXLAN-GPE over IPv6: it sends the first 36 octets of the headers, as many as they have over
    /// IPv4 (`vxlan6_gpe_rewrite` in `src/plugins/vxlan-gpe/vxlan_gpe.c`).
    pub const fn runs_over(self, underlay: IpVersion) -> bool {
        match (self, underlay) {
            (Self::Gpe, IpVersion::V6) => false,
            (Self::Gpe, IpVersion::V4) | (Self::Vxlan, _) => true,
        }
    }

    /// The protocol of a network type.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == text)
    }
}

impl fmt::Display for OverlayProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for OverlaySegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.protocol, self.vni)
    }
}

impl FromStr for OverlaySegment {
    type Err = InvalidOverlaySegment;

    fn from_str(text: &str) -> Result<Self, InvalidOverlaySegment> {
        let parsed = text.split_once('.').and_then(|(protocol, vni)| {
            Some(Self {
                protocol: OverlayProtocol::parse(protocol)?,
                vni: vni.parse().ok()?,
            })
        });
        parsed.ok_or_else(|| InvalidOverlaySegment(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_round() {
        for text in ["gpe.1007", "vxlan.16777215"] {
            assert_eq!(text.parse::<OverlaySegment>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "gpe",
            "gpe.",
            "gpe.0",
            "gpe.16777216",
            "gpe.+7",
            "gpe.07",
            "gre.7",
            "GPE.7",
        ] {
            assert!(text.parse::<OverlaySegment>().is_err(), "{text:?}");
        }
    }
}
