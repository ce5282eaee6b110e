//! `ip4-local-full-reassembly`: fragments for this switch become packets again, which then go to
//! `ip4-receive` as if they had come whole.

use weft_packet::BufferIndex;

use crate::{
    error::Error,
    frame::Pending,
    ip::{Reassembly, Taken},
    node::{Context, NodeId},
    trace::IpStep,
};

pub(crate) fn process<const TRACE: bool>(
    cx: &mut Context<'_>,
    packets: &[BufferIndex],
    reassembly: &mut Reassembly,
    pending: &mut Pending,
) {
    if TRACE {
        cx.trace_ip(NodeId::Ip4LocalFullReassembly, IpStep::Forward, packets);
    }
    for &packet in packets {
        match reassembly.take(cx.pool, packet, cx.millisecond) {
            Taken::Kept => {}
            Taken::Whole(whole, fragments) => {
                cx.count(Error::Ip4ReassFragments, fragments);
                pending.push(NodeId::Ip4Receive, whole);
            }
            Taken::Dropped(error) => {
                let next = cx.drop(packet, error);
                pending.push(next, packet);
            }
        }
    }
    for (packet, error) in reassembly.take_dropped() {
        let next = cx.drop(packet, error);
        pending.push(next, packet);
    }
}
