//! `l2-efp-filter`: a packet sent must be one that the same interface would receive (VPP
//! `l2_efp_filter.c`): its tags, classified on the port, must give the interface that it goes to.

use weft_packet::{
    BufferIndex,
    header::{ETHERNET_HEADER_LEN, EtherType, VLAN_TAG_LEN},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    tables::ViewMode,
    trace::Record,
    vlan::{OuterTag, Tags},
};

pub(crate) struct L2EfpFilter;

impl Node for L2EfpFilter {
    const ID: NodeId = NodeId::L2EfpFilter;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        cx.count(Error::L2EfpFilter, packets.len());
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            *next = if is_own(cx, packet) {
                cx.interface(cx.pool.meta(packet).tx_sw_if_index)
                    .output_node
            } else {
                cx.drop(packet, Error::L2EfpFilterDrop)
            };
            if TRACE {
                cx.trace(Self::ID, packet, |pool| {
                    let tx = pool.meta(packet).tx_sw_if_index;
                    Record::l2_raw(Self::ID.name(), tx, pool, packet)
                });
            }
        }
    }
}

fn is_own(cx: &Context<'_>, packet: BufferIndex) -> bool {
    let meta = cx.pool.meta(packet);
    let tx = meta.tx_sw_if_index;
    let interface = cx.interface(tx);
    let port = cx.interface(interface.port);
    let count = (usize::from(meta.l2.l2_len).saturating_sub(ETHERNET_HEADER_LEN)) / VLAN_TAG_LEN;
    let head = cx.pool.head::<22>(packet);
    let word = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    let is_dot1ad = EtherType(word(12)) == EtherType::DOT1AD;
    let tags = Tags {
        outer: if is_dot1ad {
            OuterTag::Dot1ad
        } else {
            OuterTag::Dot1q
        },
        vlan: word(14) & 0x0fff,
        inner: (count >= 2).then(|| word(18) & 0x0fff),
    };
    let sub = match &port.vlans {
        Some(vlans) if count > 0 => vlans.classify(tags),
        _ => None,
    };
    let takes_rest = count == 0 || port.mode != ViewMode::L3;
    let owner = sub.or(takes_rest.then_some(interface.port));
    // An interface that is down is not found, as it would receive nothing.
    owner == Some(tx) && interface.admin_up
}
