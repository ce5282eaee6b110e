//! `ip6-icmp-input`, `icmp6-neighbor-solicitation`, `icmp6-neighbor-advertisement` (VPP
//! `src/vnet/ip/icmp6.c`, `src/vnet/ip6-nd/ip6_nd.c`).

use std::net::{IpAddr, Ipv6Addr};

use weft_packet::{
    BufferIndex, Flags,
    header::{IcmpView, Ipv6View, MacAddr, NeighborMessage, NeighborView},
};

use super::{arp::send_back, icmp_echo::ECHO_LEN, neighbor_probe::ip6_message};
use crate::{
    error::Error,
    node::{Context, Nexts, Node, NodeId},
    trace::IpStep,
};

pub(crate) struct Ip6IcmpInput;

pub(crate) struct Icmp6NeighborSolicitation;

pub(crate) struct Icmp6NeighborAdvertisement;

/// Type "echo request" (RFC 4443 §4.1).
const ECHO_REQUEST: u8 = 128;

impl Node for Ip6IcmpInput {
    const ID: NodeId = NodeId::Ip6IcmpInput;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| sort(cx.pool.data(packet)));
    }
}

fn sort(bytes: &[u8]) -> Result<NodeId, Error> {
    let view = Ipv6View::parse(bytes).ok_or(Error::Icmp6TooSmall)?;
    let icmp = IcmpView::parse(view.payload()).ok_or(Error::Icmp6TooSmall)?;
    let (node, least, needs_neighbour) = match icmp.kind() {
        ECHO_REQUEST => (NodeId::Ip6IcmpEchoRequest, ECHO_LEN, false),
        133 | 134 => return Err(Error::Icmp6RouterDiscovery),
        135 => (
            NodeId::Icmp6NeighborSolicitation,
            NeighborView::MIN_LEN,
            true,
        ),
        136 => (
            NodeId::Icmp6NeighborAdvertisement,
            NeighborView::MIN_LEN,
            true,
        ),
        _ => return Err(Error::Icmp6UnknownType),
    };
    if needs_neighbour && view.hop_limit() != 255 {
        return Err(Error::Icmp6HopLimit);
    }
    if usize::from(view.payload_len()) < least || view.payload().len() < least {
        return Err(Error::Icmp6TooSmall);
    }
    Ok(node)
}

impl Node for Icmp6NeighborSolicitation {
    const ID: NodeId = NodeId::Icmp6NeighborSolicitation;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let mut sent = 0;
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let (source, target, asking) = solicited(cx, packet)?;
            if let Some(mac) = asking {
                cx.learn(packet, source.into(), mac);
            }
            sent += 1;
            advertise(cx, packet, source, target)
        });
        cx.count(Error::Icmp6AdvertisementsSent, sent);
    }
}

/// Who asks, for which address of this switch, and who asks' MAC address if that is to be learned.
fn solicited(
    cx: &Context<'_>,
    packet: BufferIndex,
) -> Result<(Ipv6Addr, Ipv6Addr, Option<MacAddr>), Error> {
    let bytes = cx.pool.data(packet);
    let view = Ipv6View::parse(bytes).ok_or(Error::Icmp6TooSmall)?;
    let message = NeighborView::parse(view.payload()).ok_or(Error::Icmp6TooSmall)?;
    let (source, target) = (view.source(), message.target());
    let rx = cx.pool.meta(packet).rx_sw_if_index;
    let ip = cx.interface(rx).ip.as_deref();
    let ip = ip.ok_or(Error::Icmp6SolicitationUnknown)?;
    let is_near = source.is_unspecified()
        || source.is_unicast_link_local()
        || ip.is_connected(IpAddr::V6(source));
    if !is_near {
        return Err(Error::Icmp6SolicitationNotOnLink);
    }
    let is_own = target == ip.link_local || ip.ip6.iter().any(|(own, _)| *own == target);
    if !is_own {
        return Err(Error::Icmp6SolicitationUnknown);
    }
    let asking = station(&message).filter(|_| !source.is_unspecified());
    Ok((source, target, asking))
}

/// The link-layer address that a message tells, if one station has it.
fn station(message: &NeighborView<'_>) -> Option<MacAddr> {
    let told = message.link_layer_address();
    told.filter(|mac| !mac.is_group())
}

/// Makes the solicitation the advertisement that answers it.
fn advertise(
    cx: &mut Context<'_>,
    packet: BufferIndex,
    source: Ipv6Addr,
    target: Ipv6Addr,
) -> Result<NodeId, Error> {
    let (rx, l2_len) = (
        cx.pool.meta(packet).rx_sw_if_index,
        usize::from(cx.pool.meta(packet).l2.l2_len),
    );
    let mac = cx.interface(rx).mac;
    // Who has no address yet listens to all nodes.
    let destination = if source.is_unspecified() {
        Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)
    } else {
        source
    };
    let message = NeighborView::build(NeighborMessage::Advertisement, target, mac);
    let answer = ip6_message(target, destination, message);
    // The frame's header is still in front of the packet.
    let link = cx.pool.prepend(packet, l2_len);
    let mut bytes = link.map_err(|_| Error::Icmp6TooSmall)?.to_vec();
    send_back(&mut bytes, mac).ok_or(Error::Icmp6TooSmall)?;
    bytes.extend_from_slice(&answer);
    let is_chained = cx.pool.is_chained(packet);
    let space = cx.pool.space_mut(packet).get_mut(..bytes.len());
    let space = space.filter(|_| !is_chained);
    space.ok_or(Error::Icmp6TooSmall)?.copy_from_slice(&bytes);
    let received = cx.pool.set_received(&[packet], bytes.len());
    received.map_err(|_| Error::Icmp6TooSmall)?;
    let meta = cx.pool.meta_mut(packet);
    meta.flags.remove(Flags::NEEDS_CSUM);
    meta.tx_sw_if_index = rx;
    Ok(NodeId::InterfaceOutput)
}

impl Node for Icmp6NeighborAdvertisement {
    const ID: NodeId = NodeId::Icmp6NeighborAdvertisement;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let view = Ipv6View::parse(cx.pool.data(packet));
            let message = view.and_then(|view| NeighborView::parse(view.payload()));
            let told = message.and_then(|own| Some((own.target(), station(&own)?)));
            if let Some((target, mac)) = told {
                cx.learn(packet, target.into(), mac);
            }
            Err(Error::Icmp6AdvertisementsReceived)
        });
    }
}
