//! What IPv4 and IPv6 do alike: `ip4-lookup`, `ip6-lookup`, `ip4-rewrite`, `ip6-rewrite` (VPP
//! `src/vnet/ip/ip4_forward.c`, `ip6_forward.c`), and the checksums of what is for this switch.

use weft_packet::{
    BufferIndex, BufferPool, Buffers, Flags, GsoType,
    checksum::{Sum, update_checksum},
    header::{ETHERNET_HEADER_LEN, IpProtocol},
};

use crate::{
    error::Error,
    ip::{AdjIndex, Adjacency, AdjacencyKind, LinkHeader},
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{IpView, Snapshot},
    trace::{IpStep, Record},
};

/// Packets ahead of the current one whose lines are fetched.
pub(super) const AHEAD: usize = 8;

/// `ip6-lookup`, or with `IP6` false `ip4-lookup`: destination → adjacency.
pub(crate) struct IpLookup<const IP6: bool>;

/// `ip6-rewrite`, or with `IP6` false `ip4-rewrite`: counts down the time to live, checks the MTU and
/// puts the next hop's header in front.
pub(crate) struct IpRewrite<const IP6: bool>;

/// What the destination of the packet, which is whole as far as its IP header, leads to.
#[inline]
fn destination<const IP6: bool>(
    ip: &IpView,
    buffers: &Buffers<'_>,
    packet: BufferIndex,
) -> AdjIndex {
    if IP6 {
        let [.., a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *buffers.head::<40>(packet);
        let address = [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p];
        ip.fib6.lookup(u128::from_be_bytes(address))
    } else {
        let [.., a, b, c, d] = *buffers.head::<20>(packet);
        ip.fib4.lookup(u32::from_be_bytes([a, b, c, d]))
    }
}

impl<const IP6: bool> Node for IpLookup<IP6> {
    const ID: NodeId = if IP6 {
        NodeId::Ip6Lookup
    } else {
        NodeId::Ip4Lookup
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let ip = &cx.tables.ip;
        let mut buffers = cx.pool.buffers();
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            let adjacency = destination::<IP6>(ip, &buffers, packet);
            let kind = ip.adjacency(adjacency).kind;
            let meta = buffers.meta_mut(packet);
            meta.adjacency = adjacency.0;
            // What a tunnel sends to this switch itself would go round for ever.
            let goes_round =
                kind == AdjacencyKind::Receive && meta.flags.intersects(Flags::ENCAPSULATED);
            *next = if kind == AdjacencyKind::Drop || goes_round {
                drop_for(meta, Error::NullNode)
            } else if IP6 {
                kind.ip6_node()
            } else {
                kind.ip4_node()
            };
        }
        if TRACE {
            cx.trace_ip(Self::ID, IpStep::Lookup, packets);
        }
    }
}

impl<const IP6: bool> Node for IpRewrite<IP6> {
    const ID: NodeId = if IP6 {
        NodeId::Ip6Rewrite
    } else {
        NodeId::Ip4Rewrite
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let tables = cx.tables;
        let mut buffers = cx.pool.buffers();
        let mut cached = AdjIndex::DROP;
        let mut adjacency = tables.ip.adjacency(cached);
        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                buffers.prefetch(ahead);
            }
            let index = AdjIndex(buffers.meta(packet).adjacency);
            if index != cached {
                cached = index;
                adjacency = tables.ip.adjacency(index);
            }
            *next = rewrite::<IP6>(&mut buffers, packet, adjacency);
        }
        if TRACE {
            trace::<IP6>(cx, tables, packets);
        }
    }
}

#[cold]
fn trace<const IP6: bool>(cx: &mut Context<'_>, tables: &Snapshot, packets: &[BufferIndex]) {
    for &packet in packets {
        cx.trace(IpRewrite::<IP6>::ID, packet, |pool| {
            let index = AdjIndex(pool.meta(packet).adjacency);
            Record::ip_rewrite(tables.ip.adjacency(index), index, pool, packet)
        });
    }
}

#[inline]
fn rewrite<const IP6: bool>(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    adjacency: &Adjacency,
) -> NodeId {
    let meta = buffers.meta(packet);
    let is_own = meta.flags.intersects(Flags::LOCALLY_ORIGINATED);
    let is_whole = meta.gso_type() == GsoType::None;
    if adjacency.kind != AdjacencyKind::Rewrite {
        return drop_for(buffers.meta_mut(packet), Error::NullNode);
    }
    let (length, is_over, dont_fragment) = if IP6 {
        let head = buffers.head_mut::<8>(packet);
        let length = u32::from(u16::from_be_bytes([head[4], head[5]])) + 40;
        head[7] = head[7].wrapping_sub(u8::from(!is_own));
        (length, head[7] == 0 && !is_own, true)
    } else {
        let head = buffers.head_mut::<20>(packet);
        let length = u32::from(u16::from_be_bytes([head[2], head[3]]));
        if !is_own {
            count_down(head);
        }
        (length, head[8] == 0 && !is_own, head[6] & 0x40 != 0)
    };
    if is_over {
        let error = if IP6 {
            Error::Ip6TimeExpired
        } else {
            Error::Ip4TimeExpired
        };
        return drop_for(buffers.meta_mut(packet), error);
    }
    // A super-packet is cut to its segments' size before it is sent.
    if length > adjacency.mtu && is_whole {
        let meta = buffers.meta_mut(packet);
        return match (IP6, dont_fragment) {
            (true, _) => drop_for(meta, Error::Ip6MtuExceeded),
            (false, true) => drop_for(meta, Error::Ip4MtuExceeded),
            (false, false) => {
                // The fragments come here again, when it is counted down already.
                meta.flags.insert(Flags::LOCALLY_ORIGINATED);
                NodeId::Ip4Frag
            }
        };
    }
    let link = adjacency.link.as_bytes();
    if !buffers.prepend(packet, link.len()) {
        return drop_for(buffers.meta_mut(packet), Error::NullNode);
    }
    if let Some(plain) = link.first_chunk::<ETHERNET_HEADER_LEN>()
        && link.len() == ETHERNET_HEADER_LEN
    {
        *buffers.head_mut(packet) = *plain;
    } else {
        let head = buffers.head_mut::<{ LinkHeader::MAX_LEN }>(packet);
        head[..link.len()].copy_from_slice(link);
    }
    let meta = buffers.meta_mut(packet);
    meta.tx_sw_if_index = adjacency.sw_if_index;
    NodeId::InterfaceOutput
}

/// Whether a checksum over a pseudo-header and `length` bytes behind the header is right, or somebody else
/// looked already.
#[inline]
pub(super) fn is_sum_right<const IP6: bool>(
    pool: &BufferPool,
    packet: BufferIndex,
    header_len: usize,
    protocol: IpProtocol,
    length: u16,
) -> bool {
    let flags = pool.meta(packet).flags;
    if flags.intersects(Flags::DATA_VALID) || flags.intersects(Flags::NEEDS_CSUM) {
        return true;
    }
    let mut sum = Sum::default();
    let addresses = if IP6 { 8..40 } else { 12..20 };
    let addresses = pool.data(packet).get(addresses).unwrap_or_default();
    sum.add_pseudo_header(addresses, protocol, u32::from(length));
    sum.add_packet(pool, packet, header_len, usize::from(length));
    sum.folded() == 0xffff
}

/// Counts the time to live down, and the header's checksum with it.
#[inline]
fn count_down(head: &mut [u8; 20]) {
    let old = u16::from_be_bytes([head[8], head[9]]);
    let new = old.wrapping_sub(0x0100);
    let checksum = u16::from_be_bytes([head[10], head[11]]);
    head[8..10].copy_from_slice(&new.to_be_bytes());
    head[10..12].copy_from_slice(&update_checksum(checksum, old, new).to_be_bytes());
}
