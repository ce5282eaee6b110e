//! `l2-input-acl`: the source addresses that an interface may use (VPP `l2_in_out_acl.c` with the
//! tables that the acl plugin makes of a MACIP list).

use weft_packet::{BufferIndex, SwIfIndex};

use crate::{
    acl::macip::MacIpVerdict,
    error::Error,
    feature::{Bitmap, InputFeature},
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId, drop_for},
    trace::Record,
};

pub(crate) struct L2InputAcl;

impl Node for L2InputAcl {
    const ID: NodeId = NodeId::L2InputAcl;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let tables = cx.tables;
        let mut cached = SwIfIndex::NONE;
        let mut filter = None;
        let mut misses = 0;
        let mut verdicts = [MacIpVerdict::Miss; FRAME_SIZE];
        for ((&packet, next), kept) in packets.iter().zip(nexts.iter_mut()).zip(&mut verdicts) {
            let rx = cx.pool.meta(packet).rx_sw_if_index;
            if rx != cached {
                cached = rx;
                let list = tables.interface(rx).acl.macip;
                filter = list.and_then(|list| tables.macip(list));
            }
            let verdict = filter.map(|filter| filter.verdict(cx.pool.data(packet)));
            let meta = cx.pool.meta_mut(packet);
            let left = Bitmap(meta.l2.feature_bitmap).without(InputFeature::Acl.bit());
            meta.l2.feature_bitmap = left.0;
            *next = match verdict {
                None | Some(MacIpVerdict::Permit(_)) => left.next_node(),
                Some(MacIpVerdict::Deny(_)) => drop_for(meta, Error::L2InputAclDeny),
                Some(MacIpVerdict::Miss) => {
                    misses += 1;
                    drop_for(meta, Error::L2InputAclTableMiss)
                }
            };
            if TRACE {
                *kept = verdict.unwrap_or(MacIpVerdict::Miss);
            }
        }
        cx.count(Error::L2InputAclMiss, misses);
        cx.count(Error::L2InputAclHit, packets.len() - misses);
        if TRACE {
            for (&packet, &verdict) in packets.iter().zip(&verdicts) {
                let rx = cx.pool.meta(packet).rx_sw_if_index;
                let list = tables.interface(rx).acl.macip;
                cx.trace(Self::ID, packet, |_| {
                    Record::l2_input_acl(rx, list, verdict)
                });
            }
        }
    }
}
