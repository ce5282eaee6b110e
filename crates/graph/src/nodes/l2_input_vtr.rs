//! `l2-input-vtr`: rewrites VLAN tags on input (VPP `l2_input_vtr.c`).

use weft_packet::{BufferIndex, SwIfIndex};

use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    node::{Context, Nexts, Node, NodeId, drop_for},
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
        let tables = cx.tables;
        let mut buffers = cx.pool.buffers();
        let mut cached = SwIfIndex::NONE;
        let mut rewrite = tables.interface(cached).rewrite.input;
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            let meta = buffers.meta_mut(packet);
            let rx = meta.rx_sw_if_index;
            let left = Bitmap(meta.l2.feature_bitmap).without(InputFeature::Vtr.bit());
            meta.l2.feature_bitmap = left.0;
            if rx != cached {
                cached = rx;
                rewrite = tables.interface(rx).rewrite.input;
            }
            *next = left.next_node();
            if !rewrite.apply(&mut buffers, packet) {
                *next = drop_for(buffers.meta_mut(packet), Error::L2InputVtrDrop);
            }
        }
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| {
                    let rx = pool.meta(packet).rx_sw_if_index;
                    Record::l2_raw(Self::ID.name(), rx, pool, packet)
                });
            }
        }
    }
}
