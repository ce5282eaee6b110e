//! `ip4-arp`, `ip4-glean`, `ip6-discover-neighbor`, `ip6-glean`: asks for a next hop that is not known (VPP
//! `src/vnet/ip-neighbor/ip4_neighbor.c`, `ip6_neighbor.c`). The packet that needs it is lost; its sender
//! repeats it. Of one next hop, no more is asked than once in a millisecond.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_packet::{
    BufferIndex, Flags,
    checksum::Sum,
    header::{
        ArpOperation, ArpView, EtherType, IpProtocol, Ipv4View, Ipv6View, MacAddr, NeighborMessage,
        NeighborView,
    },
};

use crate::{
    acl::address::fold,
    error::Error,
    frame::Pending,
    ip::{AdjIndex, Adjacency},
    node::{Context, NodeId},
    tables::InterfaceView,
    trace::IpStep,
};

/// What the four nodes count.
struct Errors {
    throttled: Error,
    sent: Error,
    no_source: Error,
    no_buffers: Error,
}

const fn errors(node: NodeId) -> Errors {
    match node {
        NodeId::Ip4Arp => Errors {
            throttled: Error::Ip4ArpThrottled,
            sent: Error::Ip4ArpRequestSent,
            no_source: Error::Ip4ArpNoSource,
            no_buffers: Error::Ip4ArpNoBuffers,
        },
        NodeId::Ip4Glean => Errors {
            throttled: Error::Ip4GleanThrottled,
            sent: Error::Ip4GleanRequestSent,
            no_source: Error::Ip4GleanNoSource,
            no_buffers: Error::Ip4GleanNoBuffers,
        },
        NodeId::Ip6DiscoverNeighbor => Errors {
            throttled: Error::Ip6NeighborThrottled,
            sent: Error::Ip6NeighborRequestSent,
            no_source: Error::Ip6NeighborNoSource,
            no_buffers: Error::Ip6NeighborNoBuffers,
        },
        _ => Errors {
            throttled: Error::Ip6GleanThrottled,
            sent: Error::Ip6GleanRequestSent,
            no_source: Error::Ip6GleanNoSource,
            no_buffers: Error::Ip6GleanNoBuffers,
        },
    }
}

pub(crate) fn process<const TRACE: bool>(
    cx: &mut Context<'_>,
    node: NodeId,
    packets: &[BufferIndex],
    pending: &mut Pending,
) {
    let errors = errors(node);
    let is_glean = matches!(node, NodeId::Ip4Glean | NodeId::Ip6Glean);
    if TRACE {
        cx.trace_ip(node, IpStep::Forward, packets);
    }
    for &packet in packets {
        let adjacency = cx
            .tables
            .ip
            .adjacency(AdjIndex(cx.pool.meta(packet).adjacency));
        let wanted = if is_glean {
            destination(cx.pool.data(packet))
        } else {
            Some(adjacency.next_hop)
        };
        let error = match wanted {
            None => errors.no_source,
            Some(wanted) => ask(cx, adjacency, wanted, &errors, pending),
        };
        let next = cx.drop(packet, error);
        pending.push(next, packet);
    }
}

fn destination(bytes: &[u8]) -> Option<IpAddr> {
    let four = || Ipv4View::parse(bytes).map(|view| view.destination().into());
    let six = || Ipv6View::parse(bytes).map(|view| view.destination().into());
    four().or_else(six)
}

/// Asks for an address; returns what the packet is counted as.
fn ask(
    cx: &mut Context<'_>,
    adjacency: &Adjacency,
    wanted: IpAddr,
    errors: &Errors,
    pending: &mut Pending,
) -> Error {
    let interface = adjacency.sw_if_index;
    let view = cx.interface(interface);
    let question = match wanted {
        IpAddr::V4(wanted) => arp_request(view, adjacency, wanted),
        IpAddr::V6(wanted) => solicitation(view, adjacency, wanted),
    };
    let Some(question) = question else {
        return errors.no_source;
    };
    let [a, b] = match wanted {
        IpAddr::V4(own) => [u64::from(own.to_bits()), 1],
        IpAddr::V6(own) => [(own.to_bits() >> 64) as u64, own.to_bits() as u64],
    };
    let hash = fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ u64::from(interface.0) << 32);
    if cx.throttle.check(hash, cx.millisecond) {
        return errors.throttled;
    }
    let Some(packet) = cx.pool.alloc_from(&question) else {
        return errors.no_buffers;
    };
    let meta = cx.pool.meta_mut(packet);
    meta.rx_sw_if_index = interface;
    meta.tx_sw_if_index = interface;
    meta.flags.insert(Flags::LOCALLY_ORIGINATED);
    pending.push(NodeId::InterfaceOutput, packet);
    errors.sent
}

fn arp_request(view: &InterfaceView, adjacency: &Adjacency, wanted: Ipv4Addr) -> Option<Vec<u8>> {
    let own = view.ip.as_ref()?.source4(wanted)?;
    let link = adjacency.link.to(MacAddr::BROADCAST, EtherType::ARP);
    let sender = (link.source(), own);
    let target = (MacAddr::default(), wanted);
    let mut bytes = link.as_bytes().to_vec();
    bytes.extend_from_slice(&ArpView::build(ArpOperation::Request, sender, target));
    Some(bytes)
}

/// From the interface's link-local address to the solicited-node group (RFC 4861 §7.2.2).
fn solicitation(view: &InterfaceView, adjacency: &Adjacency, wanted: Ipv6Addr) -> Option<Vec<u8>> {
    let ip = view.ip.as_ref().filter(|own| !own.ip6.is_empty())?;
    let [.., a, b, c] = wanted.octets();
    let group = Ipv6Addr::from_bits(
        0xff02_u128 << 112 | 0x0001_ff00_0000 | u128::from(u32::from_be_bytes([0, a, b, c])),
    );
    let mac = MacAddr([0x33, 0x33, 0xff, a, b, c]);
    let link = adjacency.link.to(mac, EtherType::IPV6);
    let message = NeighborView::build(NeighborMessage::Solicitation, wanted, link.source());
    let mut bytes = link.as_bytes().to_vec();
    bytes.extend_from_slice(&ip6_message(ip.link_local, group, message));
    Some(bytes)
}

/// An IPv6 packet with a message of neighbour discovery and its checksum.
pub(super) fn ip6_message(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    message: [u8; NeighborView::LEN],
) -> [u8; Ipv6View::LEN + NeighborView::LEN] {
    let mut bytes = [0; Ipv6View::LEN + NeighborView::LEN];
    bytes[0] = 6 << 4;
    bytes[4..6].copy_from_slice(&(NeighborView::LEN as u16).to_be_bytes());
    bytes[6] = IpProtocol::ICMPV6.0;
    bytes[7] = 255;
    bytes[8..24].copy_from_slice(&source.octets());
    bytes[24..40].copy_from_slice(&destination.octets());
    bytes[40..].copy_from_slice(&message);
    let mut sum = Sum::default();
    let length = NeighborView::LEN as u32;
    sum.add_pseudo_header(&bytes[8..40], IpProtocol::ICMPV6, length);
    sum.add(&message);
    bytes[42..44].copy_from_slice(&sum.checksum().to_be_bytes());
    bytes
}
