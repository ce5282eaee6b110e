//! VLAN tag rewrite (VTR): tags popped and pushed on input, and the opposite on output.
//!
//! The operator gives the input operation; the output one is derived (VPP `l2_vtr.c`): it pops what
//! input pushes, and pushes what input pops, with the tags that the sub-interface matches.

use weft_packet::{
    BufferIndex, Buffers,
    header::{EtherType, VLAN_TAG_LEN},
};

use super::{OuterTag, SubInterfaceMatch};

/// Bytes of destination and source address, which stay in front.
const ADDRESSES_LEN: usize = 12;

/// Tag control information to push, as the operator gives it: with VPP, a VLAN ID, priority 0.
pub type VlanTci = u16;

/// The input operation (`vtr_op` 0 to 8 of VPP's API).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TagRewrite {
    /// 0: leave tags alone.
    #[default]
    Disabled,
    /// 1.
    Push1 {
        /// Protocol of the tag.
        outer: OuterTag,
        /// The tag.
        tag: VlanTci,
    },
    /// 2.
    Push2 {
        /// Protocol of the outer tag; the inner one is 802.1Q.
        outer: OuterTag,
        /// Outer and inner tag.
        tags: [VlanTci; 2],
    },
    /// 3.
    Pop1,
    /// 4.
    Pop2,
    /// 5: one tag for one.
    Translate1To1 {
        /// Protocol of the new tag.
        outer: OuterTag,
        /// The new tag.
        tag: VlanTci,
    },
    /// 6: two tags for one.
    Translate1To2 {
        /// Protocol of the new outer tag.
        outer: OuterTag,
        /// New outer and inner tag.
        tags: [VlanTci; 2],
    },
    /// 7: one tag for two.
    Translate2To1 {
        /// Protocol of the new tag.
        outer: OuterTag,
        /// The new tag.
        tag: VlanTci,
    },
    /// 8: two tags for two.
    Translate2To2 {
        /// Protocol of the new outer tag.
        outer: OuterTag,
        /// New outer and inner tag.
        tags: [VlanTci; 2],
    },
}

/// A rewrite pops more tags than the interface's match fixes, so that output could not put them
/// back (VPP: `VNET_API_ERROR_INVALID_VLAN_TAG_COUNT`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the rewrite pops {pops} tags, but the interface matches only {fixed}")]
pub struct TagRewriteError {
    /// Tags that the rewrite pops.
    pub pops: u8,
    /// Tags whose value the interface's match fixes.
    pub fixed: u8,
}

/// One direction of a rewrite, ready to apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rewrite {
    /// Tags to push in the order of the wire; one alone is in the second half.
    tags: [u8; 8],
    pop_bytes: u8,
    push_bytes: u8,
}

/// Both directions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct RewritePair {
    pub(crate) input: Rewrite,
    pub(crate) output: Rewrite,
}

// ===== impl TagRewrite =====

impl TagRewrite {
    /// Tags popped on input.
    pub const fn pops(self) -> u8 {
        match self {
            Self::Disabled | Self::Push1 { .. } | Self::Push2 { .. } => 0,
            Self::Pop1 | Self::Translate1To1 { .. } | Self::Translate1To2 { .. } => 1,
            Self::Pop2 | Self::Translate2To1 { .. } | Self::Translate2To2 { .. } => 2,
        }
    }

    /// The tags pushed on input, in the form of [`Rewrite::tags`], and how many.
    fn pushes(self) -> ([u8; 8], u8) {
        match self {
            Self::Disabled | Self::Pop1 | Self::Pop2 => ([0; 8], 0),
            Self::Push1 { outer, tag }
            | Self::Translate1To1 { outer, tag }
            | Self::Translate2To1 { outer, tag } => (one_tag(outer, tag), 1),
            Self::Push2 { outer, tags }
            | Self::Translate1To2 { outer, tags }
            | Self::Translate2To2 { outer, tags } => (two_tags(outer, tags), 2),
        }
    }
}

fn one_tag(outer: OuterTag, tci: VlanTci) -> [u8; 8] {
    let ([a, b], [c, d]) = (outer.ethertype().0.to_be_bytes(), tci.to_be_bytes());
    [0, 0, 0, 0, a, b, c, d]
}

fn two_tags(outer: OuterTag, [first, second]: [VlanTci; 2]) -> [u8; 8] {
    let ([a, b], [c, d]) = (outer.ethertype().0.to_be_bytes(), first.to_be_bytes());
    let ([e, f], [g, h]) = (EtherType::DOT1Q.0.to_be_bytes(), second.to_be_bytes());
    [a, b, c, d, e, f, g, h]
}

// ===== impl RewritePair =====

impl RewritePair {
    /// Derives both directions; `matched` is `None` for a port.
    pub(crate) fn new(
        rewrite: TagRewrite,
        matched: Option<SubInterfaceMatch>,
    ) -> Result<Self, TagRewriteError> {
        let fixed = matched.map_or(0, SubInterfaceMatch::fixed_tags);
        let pops = rewrite.pops();
        if pops > fixed {
            return Err(TagRewriteError { pops, fixed });
        }
        let (tags, pushes) = rewrite.pushes();
        let own = match (matched, pops) {
            (
                Some(
                    SubInterfaceMatch::OneTag { outer, vlan, .. }
                    | SubInterfaceMatch::TwoTags { outer, vlan, .. },
                ),
                1,
            ) => one_tag(outer, vlan),
            (
                Some(SubInterfaceMatch::TwoTags {
                    outer,
                    vlan,
                    inner: Some(inner),
                    ..
                }),
                2,
            ) => two_tags(outer, [vlan, inner]),
            _ => [0; 8],
        };
        let (pop, push) = (pops * VLAN_TAG_LEN as u8, pushes * VLAN_TAG_LEN as u8);
        Ok(Self {
            input: Rewrite {
                tags,
                pop_bytes: pop,
                push_bytes: push,
            },
            output: Rewrite {
                tags: own,
                pop_bytes: push,
                push_bytes: pop,
            },
        })
    }
}

// ===== impl Rewrite =====

impl Rewrite {
    /// Whether there is nothing to do.
    pub(crate) const fn is_empty(&self) -> bool {
        self.pop_bytes == 0 && self.push_bytes == 0
    }

    /// Rewrites one packet whose `l2_len` in the metadata is right; `false` if it has fewer tags
    /// than are to be popped, or no headroom for those to push.
    #[inline]
    pub(crate) fn apply(&self, buffers: &mut Buffers<'_>, packet: BufferIndex) -> bool {
        let l2_len = buffers.meta(packet).l2.l2_len;
        if usize::from(l2_len) < ADDRESSES_LEN + 2 + usize::from(self.pop_bytes) {
            return false;
        }
        // Loaded before the bounds move: the new header may overlap the old one.
        let addresses = *buffers.head::<ADDRESSES_LEN>(packet);
        let growth = i16::from(self.push_bytes) - i16::from(self.pop_bytes);
        if !buffers.grow_front(packet, growth) {
            return false;
        }
        let [a, b, c, d, e, f, g, h] = self.tags;
        match self.push_bytes {
            0 => {}
            4 => {
                let [.., w, x, y, z] = buffers.head_mut::<{ ADDRESSES_LEN + 4 }>(packet);
                (*w, *x, *y, *z) = (e, f, g, h);
            }
            _ => {
                let [.., s, t, u, v, w, x, y, z] =
                    buffers.head_mut::<{ ADDRESSES_LEN + 8 }>(packet);
                (*s, *t, *u, *v) = (a, b, c, d);
                (*w, *x, *y, *z) = (e, f, g, h);
            }
        }
        *buffers.head_mut::<ADDRESSES_LEN>(packet) = addresses;
        buffers.meta_mut(packet).l2.l2_len = l2_len + self.push_bytes - self.pop_bytes;
        true
    }

    /// The EFP filter's check before the output rewrite (`l2_efp_filter_process` of VPP's
    /// `l2_vtr.h`), to be asked of the input direction: whether the packet's outer tags are those
    /// that input pushes. Priorities are not compared.
    pub(crate) fn has_pushed_tags(&self, buffers: &Buffers<'_>, packet: BufferIndex) -> bool {
        const MASK: [u8; 8] = [0xff, 0xff, 0x0f, 0xff, 0xff, 0xff, 0x0f, 0xff];
        let count = usize::from(self.push_bytes);
        let wanted = &self.tags[8 - count..];
        let found = &buffers.head::<20>(packet)[ADDRESSES_LEN..ADDRESSES_LEN + count];
        found
            .iter()
            .zip(&MASK[8 - count..])
            .zip(wanted)
            .all(|((found, mask), wanted)| found & mask == wanted & mask)
    }
}
