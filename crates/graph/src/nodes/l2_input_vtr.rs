//! `l2-input-vtr`: rewrites VLAN tags on input (VPP `l2_input_vtr.c`).

use weft_packet::{BufferIndex, SwIfIndex};

use super::AHEAD;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    node::{Context, Nexts, Node, NodeId},
    trace::Record,
};

pub(crate) struct L2InputVtr;

impl Node for L2InputVtr {
    const ID: NodeId = NodeId::L2InputVtr;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let mut cached = SwIfIndex::NONE;
        let mut rewrite = cx.interface(cached).rewrite.input;
        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                cx.pool.prefetch(ahead);
            }
            let meta = cx.pool.meta_mut(packet);
            let rx = meta.rx_sw_if_index;
            let left = Bitmap(meta.l2.feature_bitmap).without(InputFeature::Vtr.bit());
            meta.l2.feature_bitmap = left.0;
            if rx != cached {
                cached = rx;
                rewrite = cx.interface(rx).rewrite.input;
            }
            *next = left.next_node();
            if !rewrite.apply(cx.pool, packet) {
                *next = cx.drop(packet, Error::L2InputVtrDrop);
            }
            if TRACE {
                cx.trace(Self::ID, packet, |pool| {
                    Record::l2_raw(Self::ID.name(), rx, pool, packet)
                });
            }
        }
    }
}
