//! `ip6-input`, `ip6-mfib-forward-lookup` and `ip6-receive` (VPP `src/vnet/ip/ip6_input.h`,
//! `ip6_forward.c`, `src/vnet/mfib/mfib_forward.c`).

use std::net::Ipv6Addr;

use weft_packet::{
    BufferIndex, BufferPool,
    header::{IpProtocol, Ipv6View, UdpView},
};

use super::ip::{AHEAD, is_sum_right};
use crate::{
    error::Error,
    ip::AdjacencyKind,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::IpView,
    trace::IpStep,
};

pub(crate) struct Ip6Input;

/// Multicast: the groups that neighbour discovery needs are this switch's.
pub(crate) struct Ip6MfibForwardLookup;

/// Packets for this switch: checks where they come from and their checksums, and what is inside.
pub(crate) struct Ip6Receive;

impl Node for Ip6Input {
    const ID: NodeId = NodeId::Ip6Input;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Input, packets);
        }
        let mut buffers = cx.pool.buffers();
        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                buffers.prefetch(ahead);
            }
            let meta = buffers.meta(packet);
            let (here, whole) = (usize::from(meta.length()), meta.total_length());
            let head = buffers.head::<40>(packet);
            let length = u32::from(u16::from_be_bytes([head[4], head[5]])) + 40;
            let error = if here < head.len() {
                Error::Ip6TooShort
            } else if length > whole {
                Error::Ip6BadLength
            } else if head[7] == 0 {
                Error::Ip6TimeExpired
            } else if head[0] >> 4 != 6 {
                Error::Ip6Version
            } else {
                *next = if head[24] == 0xff {
                    NodeId::Ip6MfibForwardLookup
                } else {
                    NodeId::Ip6Lookup
                };
                continue;
            };
            *next = drop_for(buffers.meta_mut(packet), error);
        }
    }
}

impl Node for Ip6MfibForwardLookup {
    const ID: NodeId = NodeId::Ip6MfibForwardLookup;

    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Forward, packets);
        }
        cx.decide(packets, nexts, |cx, packet| {
            let view = Ipv6View::parse(cx.pool.data(packet));
            if view.is_some_and(|view| is_own_group(view.destination())) {
                Ok(NodeId::Ip6Receive)
            } else {
                Err(Error::Ip6RpfFailure)
            }
        });
    }
}

/// All nodes, all routers, MLD, and solicited nodes (RFC 4291 §2.7.1).
fn is_own_group(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let link = 0xff02_u128 << 112;
    bits == link | 1
        || bits == link | 2
        || bits == link | 0x16
        || bits >> 24 == (link | 0x01_ff00_0000) >> 24
}

impl Node for Ip6Receive {
    const ID: NodeId = NodeId::Ip6Receive;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Forward, packets);
        }
        let ip = &cx.tables.ip;
        // The source whose route is known to be there.
        let mut known = Ipv6Addr::UNSPECIFIED;
        cx.decide(packets, nexts, |cx, packet| {
            receive(ip, cx.pool, packet, &mut known)
        });
    }
}

#[inline]
fn receive(
    ip: &IpView,
    pool: &BufferPool,
    packet: BufferIndex,
    known: &mut Ipv6Addr,
) -> Result<NodeId, Error> {
    let view = Ipv6View::parse(pool.data(packet)).ok_or(Error::Ip6TooShort)?;
    let protocol = view.next_header();
    match protocol {
        IpProtocol::UDP => {
            // Cut off is for the next node to find.
            let udp = UdpView::parse(view.payload());
            let (length, checksum) = udp.map_or((0, 0), |own| (own.length(), own.checksum()));
            if length > view.payload_len() {
                return Err(Error::Ip6UdpLength);
            }
            // One of zero is taken (RFC 6935 §5), as VPP does.
            if checksum != 0 && !is_sum_right::<true>(pool, packet, Ipv6View::LEN, protocol, length)
            {
                return Err(Error::Ip6UdpChecksum);
            }
        }
        IpProtocol::ICMPV6 => {
            if !is_sum_right::<true>(pool, packet, Ipv6View::LEN, protocol, view.payload_len()) {
                return Err(Error::Ip6IcmpChecksum);
            }
            // Also from addresses that no route leads to: neighbours without one ask, too.
            return Ok(NodeId::Ip6IcmpInput);
        }
        _ => return Err(Error::Ip6UnknownProtocol),
    }
    let source = view.source();
    if source != *known {
        let back = ip.adjacency(ip.fib6.lookup(source.to_bits()));
        match back.kind {
            AdjacencyKind::Receive => return Err(Error::Ip6Spoofed),
            AdjacencyKind::Drop => return Err(Error::Ip6SourceLookupMiss),
            _ => *known = source,
        }
    }
    Ok(NodeId::Ip6UdpLookup)
}
