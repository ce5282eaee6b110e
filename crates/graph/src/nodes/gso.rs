//! Super-packets cut where tunnels begin and end.
//!
//! * `gso-l2-ip4`: on their way into a tunnel (VPP `src/vnet/gso/node.c`): what describes the cut would
//!   not fit the packet any more once another header is in front.
//! * `gso-udp-local`: datagrams that a sender on this machine, or a card, has joined, on their way out
//!   of a tunnel; each is a packet of its own inside. (VPP's devices take in none of these.)

use weft_packet::{
    BufferIndex, BufferPool,
    gso::{SegmentError, segment, segment_received},
};

use crate::{
    error::Error,
    frame::Pending,
    node::{Context, NodeId},
};

/// `gso-l2-ip4`.
pub(crate) fn into_tunnel(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    segments: &mut Vec<BufferIndex>,
    pending: &mut Pending,
) {
    for &packet in packets {
        let tx = cx.pool.meta(packet).tx_sw_if_index;
        let node = cx.interface(tx).output_node;
        let errors = (Error::GsoNoBuffers, Error::GsoUnhandled);
        cut(cx, packet, segment, node, errors, segments, pending);
    }
}

/// `gso-udp-local`.
pub(crate) fn out_of_tunnel(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    segments: &mut Vec<BufferIndex>,
    pending: &mut Pending,
) {
    for &packet in packets {
        let node = if cx.pool.head::<1>(packet)[0] >> 4 == 4 {
            NodeId::Ip4UdpLookup
        } else {
            NodeId::Ip6UdpLookup
        };
        let errors = (Error::GsoUdpNoBuffers, Error::GsoUdpUnhandled);
        cut(
            cx,
            packet,
            segment_received,
            node,
            errors,
            segments,
            pending,
        );
    }
}

type Segment =
    fn(&mut BufferPool, BufferIndex, &mut Vec<BufferIndex>) -> Result<usize, SegmentError>;

/// Cuts one packet, whose segments go to `node`; `errors` if buffers are missing, or it cannot be cut.
fn cut(
    cx: &mut Context<'_>,
    packet: BufferIndex,
    segment: Segment,
    node: NodeId,
    errors: (Error, Error),
    segments: &mut Vec<BufferIndex>,
    pending: &mut Pending,
) {
    segments.clear();
    match segment(cx.pool, packet, segments) {
        Ok(_) => pending.extend(node, segments),
        Err(error) => {
            let error = match error {
                SegmentError::NoBuffers(_) => errors.0,
                _ => errors.1,
            };
            let next = cx.drop(packet, error);
            pending.push(next, packet);
        }
    }
}
