//! `gso-l2-ip4`: cuts super-packets on their way into a tunnel (VPP `src/vnet/gso/node.c`): what describes
//! the cut would not fit the packet any more once another header is in front.

use weft_packet::{
    BufferIndex,
    gso::{SegmentError, segment},
};

use crate::{error::Error, frame::Pending, node::Context};

pub(crate) fn process(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    segments: &mut Vec<BufferIndex>,
    pending: &mut Pending,
) {
    for &packet in packets {
        segments.clear();
        match segment(cx.pool, packet, segments) {
            Ok(_) => {
                let tx = cx.pool.meta(segments[0]).tx_sw_if_index;
                let node = cx.interface(tx).output_node;
                pending.extend(node, segments);
            }
            Err(error) => {
                let error = match error {
                    SegmentError::NoBuffers(_) => Error::GsoNoBuffers,
                    _ => Error::GsoUnhandled,
                };
                let next = cx.drop(packet, error);
                pending.push(next, packet);
            }
        }
    }
}
