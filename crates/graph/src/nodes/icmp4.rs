//! `ip4-icmp-input` (VPP `src/vnet/ip/icmp4.c`): echo requests are answered, all else is for nobody here.

use weft_packet::{
    BufferIndex,
    header::{IcmpView, Ipv4View},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    trace::IpStep,
};

pub(crate) struct Ip4IcmpInput;

/// Type "echo request" (RFC 792).
const ECHO_REQUEST: u8 = 8;

impl Node for Ip4IcmpInput {
    const ID: NodeId = NodeId::Ip4IcmpInput;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let view = Ipv4View::parse(cx.pool.data(packet));
            let icmp = view.and_then(|view| IcmpView::parse(view.payload()));
            match icmp.map(|icmp| icmp.kind()) {
                Some(ECHO_REQUEST) => Ok(NodeId::Ip4IcmpEchoRequest),
                Some(_) => Err(Error::Icmp4UnknownType),
                None => Err(Error::Icmp4TooSmall),
            }
        });
    }
}
