//! From a frame's tags to the sub-interface (`eth_identify_subint` of VPP's `ethernet.h`).
//!
//! The most specific match wins: both tags, outer tag with any inner one, outer tag alone, the
//! default sub-interface. What matches none belongs to the port itself if that is in layer-2 mode,
//! and is dropped as unknown VLAN if not.

use std::collections::BTreeMap;

use weft_packet::SwIfIndex;
use weft_packet::header::EtherType;

/// Inner key of "any inner tag": no VLAN ID.
const ANY: u16 = u16::MAX;

/// The protocol of a sub-interface's outer tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum OuterTag {
    /// IEEE 802.1Q, 0x8100.
    #[default]
    Dot1q,
    /// IEEE 802.1ad, 0x88a8.
    Dot1ad,
}

/// Which frames of its port a sub-interface receives (`VNET_API_SUB_IF_FLAG_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum SubInterfaceMatch {
    /// All tagged frames that no other sub-interface takes.
    Default,
    /// Frames whose outer tag is this one.
    OneTag {
        /// Protocol of the tag.
        outer: OuterTag,
        /// VLAN ID, 1 to 4094.
        vlan: u16,
        /// Frames with further tags are not for this sub-interface.
        exact: bool,
    },
    /// Frames whose two outer tags are these.
    TwoTags {
        /// Protocol of the outer tag; the inner one is always 802.1Q.
        outer: OuterTag,
        /// Outer VLAN ID, 1 to 4094.
        vlan: u16,
        /// Inner VLAN ID, or any.
        inner: Option<u16>,
        /// Whether exact match was asked for. Makes no difference to the frames, as VPP's input
        /// path does not look at a third tag.
        exact: bool,
    },
}

/// What `ethernet-input` reads of a tagged frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Tags {
    pub(crate) outer: OuterTag,
    /// Outer VLAN ID; 0 is a priority tag (IEEE 802.1Q §6.9.1).
    pub(crate) vlan: u16,
    /// VLAN ID of a second tag of type 0x8100.
    pub(crate) inner: Option<u16>,
}

/// The sub-interfaces of one port.
#[derive(Clone, Debug, Default)]
pub(crate) struct VlanTable {
    /// By outer protocol, then by VLAN ID; as long as the highest ID asks for.
    one_tag: [Vec<Option<OneTag>>; 2],
    two_tags: [BTreeMap<(u16, u16), SwIfIndex>; 2],
    default: Option<SwIfIndex>,
}

#[derive(Clone, Copy, Debug)]
struct OneTag {
    sub: SwIfIndex,
    exact: bool,
}

// ===== impl OuterTag =====

impl OuterTag {
    /// Its EtherType.
    pub const fn ethertype(self) -> EtherType {
        match self {
            Self::Dot1q => EtherType::DOT1Q,
            Self::Dot1ad => EtherType::DOT1AD,
        }
    }
}

// ===== impl SubInterfaceMatch =====

impl SubInterfaceMatch {
    /// Tags whose value the match fixes: how many a rewrite may pop.
    pub const fn fixed_tags(self) -> u8 {
        match self {
            Self::Default => 0,
            Self::OneTag { .. } | Self::TwoTags { inner: None, .. } => 1,
            Self::TwoTags { inner: Some(_), .. } => 2,
        }
    }
}

// ===== impl VlanTable =====

impl VlanTable {
    /// Adds a sub-interface; gives back the one whose frames these are already.
    pub(crate) fn insert(
        &mut self,
        matched: SubInterfaceMatch,
        sub: SwIfIndex,
    ) -> Result<(), SwIfIndex> {
        if let Some(other) = self.find(matched) {
            return Err(other);
        }
        match matched {
            SubInterfaceMatch::Default => self.default = Some(sub),
            SubInterfaceMatch::OneTag { outer, vlan, exact } => {
                let table = &mut self.one_tag[outer as usize];
                let slot = usize::from(vlan);
                if table.len() <= slot {
                    table.resize(slot + 1, None);
                }
                table[slot] = Some(OneTag { sub, exact });
            }
            SubInterfaceMatch::TwoTags {
                outer, vlan, inner, ..
            } => {
                self.two_tags[outer as usize].insert((vlan, inner.unwrap_or(ANY)), sub);
            }
        }
        Ok(())
    }

    /// Removes a sub-interface.
    pub(crate) fn remove(&mut self, matched: SubInterfaceMatch) {
        match matched {
            SubInterfaceMatch::Default => self.default = None,
            SubInterfaceMatch::OneTag { outer, vlan, .. } => {
                if let Some(slot) = self.one_tag[outer as usize].get_mut(usize::from(vlan)) {
                    *slot = None;
                }
            }
            SubInterfaceMatch::TwoTags {
                outer, vlan, inner, ..
            } => {
                self.two_tags[outer as usize].remove(&(vlan, inner.unwrap_or(ANY)));
            }
        }
    }

    /// The sub-interface of a frame; `None` if there is none and the port itself is asked.
    pub(crate) fn classify(&self, tags: Tags) -> Option<SwIfIndex> {
        let outer = tags.outer as usize;
        if let Some(inner) = tags.inner {
            let table = &self.two_tags[outer];
            if let Some(&sub) = table
                .get(&(tags.vlan, inner))
                .or_else(|| table.get(&(tags.vlan, ANY)))
            {
                return Some(sub);
            }
        }
        match self.one_tag(tags.outer, tags.vlan) {
            Some(one) if tags.inner.is_none() || !one.exact => Some(one.sub),
            _ => self.default,
        }
    }

    fn one_tag(&self, outer: OuterTag, vlan: u16) -> Option<OneTag> {
        self.one_tag[outer as usize]
            .get(usize::from(vlan))
            .copied()
            .flatten()
    }

    fn find(&self, matched: SubInterfaceMatch) -> Option<SwIfIndex> {
        match matched {
            SubInterfaceMatch::Default => self.default,
            SubInterfaceMatch::OneTag { outer, vlan, .. } => {
                self.one_tag(outer, vlan).map(|one| one.sub)
            }
            SubInterfaceMatch::TwoTags {
                outer, vlan, inner, ..
            } => self.two_tags[outer as usize]
                .get(&(vlan, inner.unwrap_or(ANY)))
                .copied(),
        }
    }
}
