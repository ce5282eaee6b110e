//! `ip4-input` and `ip4-receive` (VPP `src/vnet/ip/ip4_input.h`, `ip4_forward.c`).

use std::net::Ipv4Addr;

use weft_packet::{
    BufferIndex, BufferPool,
    checksum::Sum,
    header::{IpProtocol, Ipv4View, UdpView},
};

use super::ip::{AHEAD, is_sum_right};
use crate::{
    error::Error,
    ip::AdjacencyKind,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::IpView,
    trace::IpStep,
};

pub(crate) struct Ip4Input;

/// Packets for this switch: checks where they come from and their checksums, and what is inside.
pub(crate) struct Ip4Receive;

impl Node for Ip4Input {
    const ID: NodeId = NodeId::Ip4Input;

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
            let head = buffers.head::<20>(packet);
            let length = u32::from(u16::from_be_bytes([head[2], head[3]]));
            let is_plain = head[0] == 0x45
                && here >= head.len()
                && sum(head) == 0xffff
                && head[8] > 0
                && length >= 20
                && length <= whole
                && u16::from_be_bytes([head[6], head[7]]) & 0x1fff != 1
                && head[16] >> 4 < 0xe;
            *next = if is_plain {
                NodeId::Ip4Lookup
            } else {
                match odd(buffers.data(packet), whole) {
                    None => NodeId::Ip4Lookup,
                    Some(error) => drop_for(buffers.meta_mut(packet), error),
                }
            };
        }
    }
}

/// Sum of a header's words, folded.
#[inline]
fn sum(head: &[u8; 20]) -> u16 {
    let (words, _) = head.as_chunks::<4>();
    let sum: u64 = words
        .iter()
        .map(|word| u64::from(u32::from_be_bytes(*word)))
        .sum();
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    ((sum >> 16) + (sum & 0xffff)) as u16
}

/// What is wrong with a packet that is not as most are: of several faults the one that VPP tells.
#[cold]
fn odd(bytes: &[u8], whole: u32) -> Option<Error> {
    let Some(head) = bytes.first_chunk::<20>() else {
        return Some(Error::Ip4TooShort);
    };
    let header_len = usize::from(head[0] & 0x0f) * 4;
    let length = u32::from(u16::from_be_bytes([head[2], head[3]]));
    if length > whole {
        return Some(Error::Ip4BadLength);
    }
    if length < 20 {
        return Some(Error::Ip4TooShort);
    }
    if u16::from_be_bytes([head[6], head[7]]) & 0x1fff == 1 {
        return Some(Error::Ip4FragmentOffsetOne);
    }
    if head[8] == 0 {
        return Some(Error::Ip4TimeExpired);
    }
    if head[0] >> 4 != 4 {
        return Some(Error::Ip4Version);
    }
    if header_len < 20 {
        return Some(Error::Ip4HeaderTooShort);
    }
    let Some(header) = bytes.get(..header_len) else {
        return Some(Error::Ip4BadLength);
    };
    let mut sum = Sum::default();
    sum.add(header);
    if sum.folded() != 0xffff {
        return Some(Error::Ip4BadChecksum);
    }
    // Nobody here listens to multicast.
    (head[16] >> 4 == 0xe).then_some(Error::Ip4RpfFailure)
}

impl Node for Ip4Receive {
    const ID: NodeId = NodeId::Ip4Receive;

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
        let mut known = Ipv4Addr::UNSPECIFIED;
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
    known: &mut Ipv4Addr,
) -> Result<NodeId, Error> {
    let view = Ipv4View::parse(pool.data(packet)).ok_or(Error::Ip4TooShort)?;
    let node = match view.protocol() {
        _ if view.is_fragment() => return Ok(NodeId::Ip4LocalFullReassembly),
        IpProtocol::UDP => {
            check_udp(pool, packet, &view)?;
            NodeId::Ip4UdpLookup
        }
        IpProtocol::ICMP => NodeId::Ip4IcmpInput,
        _ => return Err(Error::Ip4UnknownProtocol),
    };
    let source = view.source();
    if source != *known {
        let back = ip.adjacency(ip.fib4.lookup(source.to_bits()));
        match back.kind {
            AdjacencyKind::Receive => return Err(Error::Ip4Spoofed),
            AdjacencyKind::Drop => return Err(Error::Ip4SourceLookupMiss),
            _ => *known = source,
        }
    }
    Ok(node)
}

/// A UDP datagram must be within its packet, and its checksum right if it has one that nobody checked.
#[inline]
fn check_udp(pool: &BufferPool, packet: BufferIndex, view: &Ipv4View<'_>) -> Result<(), Error> {
    // Cut off is for the next node to find.
    let Some(udp) = UdpView::parse(view.payload()) else {
        return Ok(());
    };
    if usize::from(udp.length()) + view.header_len() > usize::from(view.total_len()) {
        return Err(Error::Ip4UdpLength);
    }
    let (header_len, protocol) = (view.header_len(), IpProtocol::UDP);
    let is_right = udp.checksum() == 0
        || is_sum_right::<false>(pool, packet, header_len, protocol, udp.length());
    is_right.then_some(()).ok_or(Error::Ip4UdpChecksum)
}
