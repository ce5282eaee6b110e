//! `l2-flood`: a copy of the packet to every other member of the bridge domain (VPP `l2_flood.c`).
//!
//! Left out are the interface that it came from, members of its split-horizon group, and members
//! that are never flooded to (loopbacks, the BVI). When buffers run out, the first members still get
//! the packet and the failure is counted.

use weft_packet::BufferIndex;

use crate::{
    error::Error,
    frame::Pending,
    node::{Context, NodeId},
    tables::BdIndex,
    trace::Record,
};

/// Copies made at a time: a big bridge domain is served in portions.
const PORTION: usize = 64;

pub(crate) fn process<const TRACE: bool>(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    pending: &mut Pending,
) {
    cx.count(Error::L2Flood, packets.len());
    for &packet in packets {
        let meta = cx.pool.meta(packet);
        let (rx, shg) = (meta.rx_sw_if_index, meta.l2.shg);
        let bd = cx.tables.bridge_domain(BdIndex(meta.l2.bd_index));
        let targets = bd.flood.as_deref().unwrap_or_default();
        let mut targets = targets
            .iter()
            .filter(|target| target.sw_if_index != rx && (shg == 0 || target.shg != shg))
            .map(|target| target.sw_if_index)
            .peekable();
        if targets.peek().is_none() {
            let next = cx.drop(packet, Error::L2FloodNoMembers);
            pending.push(next, packet);
            continue;
        }
        let mut original = packet;
        loop {
            let mut portion = [weft_packet::SwIfIndex::NONE; PORTION];
            let mut wanted = 0;
            for (slot, target) in portion.iter_mut().zip(targets.by_ref()) {
                *slot = target;
                wanted += 1;
            }
            // One more copy as the original of the next portion.
            let is_last = targets.peek().is_none();
            let asked = wanted + usize::from(!is_last);
            let mut copies = [BufferIndex::PLACEHOLDER; PORTION + 1];
            let made = cx.pool.replicate(original, &mut copies[..asked]);
            for (&copy, &target) in copies[..made.min(wanted)].iter().zip(&portion) {
                cx.pool.meta_mut(copy).tx_sw_if_index = target;
                if TRACE {
                    let name = NodeId::L2Flood.name();
                    cx.trace(NodeId::L2Flood, copy, |pool| {
                        Record::l2_domain(name, pool, copy)
                    });
                }
                pending.push(NodeId::L2Output, copy);
            }
            if made < asked {
                cx.count(Error::L2FloodReplFail, 1);
                break;
            }
            if is_last {
                break;
            }
            original = copies[wanted];
        }
    }
}
