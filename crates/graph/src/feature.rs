//! Layer-2 features and their order.
//!
//! A packet carries a bitmap of the features still to visit; each feature's node clears its own bit
//! and hands the packet to the node of the highest bit left, as in VPP (`feat_bitmap.h`). Here the
//! bits are not chosen by hand: each feature declares what it must run before, the order is computed
//! at compile time, and a cycle does not compile.

use crate::node::NodeId;

/// Features of a packet received on a layer-2 interface (`foreach_l2input_feat` of VPP).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum InputFeature {
    /// Access lists, by EtherType (`INPUT_FEAT_ARC`).
    FeatureArc,
    /// MACIP lists.
    Acl,
    /// Rewrite of VLAN tags.
    Vtr,
    /// Learning of the source address.
    Learn,
    /// Forwarding by destination address.
    Forward,
    /// Flooding of unknown unicast.
    UnknownUnicastFlood,
    /// ARP and neighbour discovery answered from the bridge domain's table.
    ArpTerm,
    /// Flooding of broadcast and multicast.
    Flood,
    /// Cross-connect to another interface.
    Xconnect,
    /// The last resort.
    Drop,
}

/// A set of features, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[repr(transparent)]
pub(crate) struct Bitmap(pub(crate) u32);

const INPUTS: [InputFeature; 10] = [
    InputFeature::FeatureArc,
    InputFeature::Acl,
    InputFeature::Vtr,
    InputFeature::Learn,
    InputFeature::Forward,
    InputFeature::UnknownUnicastFlood,
    InputFeature::ArpTerm,
    InputFeature::Flood,
    InputFeature::Xconnect,
    InputFeature::Drop,
];

impl InputFeature {
    /// What must see the packet later.
    const fn runs_before(self) -> &'static [Self] {
        match self {
            Self::FeatureArc => &[Self::Acl],
            Self::Acl => &[Self::Vtr],
            Self::Vtr => &[Self::Learn],
            Self::Learn => &[Self::Forward],
            Self::Forward => &[Self::UnknownUnicastFlood],
            Self::UnknownUnicastFlood => &[Self::ArpTerm],
            Self::ArpTerm => &[Self::Flood],
            Self::Flood => &[Self::Xconnect],
            Self::Xconnect => &[Self::Drop],
            Self::Drop => &[],
        }
    }

    /// The node that does it.
    const fn node(self) -> NodeId {
        match self {
            Self::FeatureArc => NodeId::L2InputFeatArc,
            Self::Acl => NodeId::L2InputAcl,
            Self::Vtr => NodeId::L2InputVtr,
            Self::Learn => NodeId::L2Learn,
            Self::Forward => NodeId::L2Fwd,
            Self::UnknownUnicastFlood | Self::Flood => NodeId::L2Flood,
            Self::Xconnect => NodeId::L2Output,
            Self::ArpTerm => NodeId::ArpTermL2bd,
            Self::Drop => NodeId::FeatureBitmapDrop,
        }
    }

    /// Its bit: the later it runs, the lower.
    pub(crate) const fn bit(self) -> Bitmap {
        Bitmap(1 << (INPUTS.len() - 1 - position(self as usize)))
    }

    /// The names of a bitmap's features in order, as traces print them: without the last resort.
    pub(crate) fn names(bitmap: Bitmap) -> impl Iterator<Item = &'static str> {
        ORDER.iter().filter_map(move |&index| {
            let feature = INPUTS[index];
            let is_shown = feature as usize != Self::Drop as usize && bitmap.has(feature.bit());
            is_shown.then(|| feature.node().name())
        })
    }
}

/// The features' numbers in the order in which they run: a topological sort of the declarations.
const ORDER: [usize; INPUTS.len()] = {
    let mut order = [usize::MAX; INPUTS.len()];
    let mut placed = [false; INPUTS.len()];
    let mut count = 0;
    while count < INPUTS.len() {
        let mut candidate = 0;
        let mut found = false;
        while candidate < INPUTS.len() && !found {
            if !placed[candidate] && !is_held_back(candidate, placed) {
                found = true;
            } else {
                candidate += 1;
            }
        }
        assert!(found, "the features' declared orders contradict each other");
        placed[candidate] = true;
        order[count] = candidate;
        count += 1;
    }
    order
};

/// Whether a feature not yet placed must run before `candidate`.
const fn is_held_back(candidate: usize, placed: [bool; INPUTS.len()]) -> bool {
    let mut other = 0;
    while other < INPUTS.len() {
        if !placed[other] {
            let later = INPUTS[other].runs_before();
            let mut at = 0;
            while at < later.len() {
                if later[at] as usize == candidate {
                    return true;
                }
                at += 1;
            }
        }
        other += 1;
    }
    false
}

/// Where in the order a feature stands.
const fn position(feature: usize) -> usize {
    let mut at = 0;
    while ORDER[at] != feature {
        at += 1;
    }
    at
}

/// The node of each bit.
const NODES: [NodeId; 32] = {
    let mut nodes = [NodeId::FeatureBitmapDrop; 32];
    let mut at = 0;
    while at < INPUTS.len() {
        nodes[INPUTS.len() - 1 - at] = INPUTS[ORDER[at]].node();
        at += 1;
    }
    nodes
};

// ===== impl Bitmap =====

impl Bitmap {
    #[inline]
    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    #[inline]
    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The node of the first feature left.
    #[inline]
    pub(crate) const fn next_node(self) -> NodeId {
        // `| 1` maps the empty bitmap to the lowest bit, the drop.
        NODES[(self.0 | 1).ilog2() as usize]
    }
}

const _: () = assert!(
    InputFeature::Drop.bit().0 == 1,
    "an empty bitmap must mean drop"
);

#[cfg(test)]
mod tests;
