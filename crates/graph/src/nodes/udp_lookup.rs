//! `ip4-udp-lookup` and `ip6-udp-lookup`: destination port → who listens (VPP `src/vnet/udp/udp_local.c`).
//!
//! The packet goes on with its IP header, which tunnels want to see. All that listens here are tunnels.
//! Datagrams that came joined are cut first, and come here again.

use weft_packet::{
    BufferIndex, GsoType,
    header::{Ipv4View, Ipv6View, UdpView, VxlanView},
};

use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    trace::Record,
};

pub(crate) struct UdpLookup<const IP6: bool>;

impl<const IP6: bool> Node for UdpLookup<IP6> {
    const ID: NodeId = if IP6 {
        NodeId::Ip6UdpLookup
    } else {
        NodeId::Ip4UdpLookup
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let (no_listener, bad_length) = if IP6 {
            (Error::Udp6NoListener, Error::Udp6Length)
        } else {
            (Error::Udp4NoListener, Error::Udp4Length)
        };
        let ports = &*cx.tables.tunnels.ports[usize::from(IP6)];
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            let bytes = cx.pool.data(packet);
            let header_len = if IP6 {
                Ipv6View::LEN
            } else {
                Ipv4View::parse(bytes).map_or(0, |view| view.header_len())
            };
            let rest = bytes.get(header_len..).unwrap_or_default();
            let udp = UdpView::parse(rest);
            let behind = cx.pool.total_length(packet).saturating_sub(header_len);
            let port = udp.map(|udp| udp.destination_port());
            let has_header = rest
                .len()
                .min(udp.map_or(0, |udp| usize::from(udp.length())))
                >= UdpView::LEN + VxlanView::LEN;
            let is_cut = udp.is_none_or(|udp| usize::from(udp.length()) > behind);
            let listener = ports.iter().find(|(own, _)| Some(*own) == port);
            if TRACE {
                let ports = udp.map(|udp| (udp.source_port(), udp.destination_port()));
                let record = Record::udp(ports.unwrap_or_default(), listener.is_some());
                cx.trace(Self::ID, packet, |_| record);
            }
            *next = match listener {
                _ if is_cut => cx.drop(packet, bad_length),
                None => cx.drop(packet, no_listener),
                // What follows UDP must be there, and in the first buffer.
                Some(_) if !has_header => cx.drop(packet, bad_length),
                // Of TCP it is what is inside that is to be cut, as Linux's tunnels leave it to cards.
                Some(_) if cx.pool.meta(packet).gso_type() == GsoType::UdpL4 => NodeId::GsoUdpLocal,
                Some((_, node)) => *node,
            };
        }
    }
}
