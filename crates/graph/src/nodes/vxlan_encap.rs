//! `vxlan4-encap`, `vxlan6-encap`, `vxlan-gpe-encap`: puts frames into tunnels (VPP
//! `src/plugins/vxlan/encap.c`, `src/plugins/vxlan-gpe/encap.c`).
//!
//! The header is the tunnel's, made once. What differs is the source port, which stands for the flow
//! inside, so that routers between the hosts spread flows (RFC 7348 §5: from the range of dynamic ports;
//! VPP takes all 16 bits, and for VXLAN-GPE none). The outer UDP checksum is zero over IPv4 and computed
//! over IPv6, where a partial checksum inside makes that cheap: completed, it makes the bytes that it
//! covers sum up to the complement of the pseudo-header's sum, so these need not be read.
//!
//! A partial checksum inside stays partial: it goes on with the packet. Super-packets were cut before.

use weft_packet::{
    BufferIndex, BufferPool, Buffers, Flags, SwIfIndex,
    checksum::Sum,
    header::{EtherType, IpProtocol, Ipv6View},
};

use super::ip::AHEAD;
use crate::{
    acl::address::fold,
    error::Error,
    ip::AdjacencyKind,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{InterfaceView, Snapshot},
    trace::Record,
    tunnel::{Encapsulation, TunnelHeader, TunnelView, ip4_checksum},
};

/// Into VXLAN-GPE with `GPE`, else into VXLAN over IPv6 with `IP6`.
pub(crate) struct VxlanEncap<const GPE: bool, const IP6: bool>;

/// First of the dynamic ports (RFC 6335 §6).
const DYNAMIC_PORTS: u16 = 0xc000;

/// The tunnel of a run of packets.
#[derive(Clone, Copy)]
struct Current<'run> {
    tx: SwIfIndex,
    view: &'run InterfaceView,
    tunnel: Option<&'run TunnelView>,
    /// Where its packets go.
    next: NodeId,
    packets: u64,
    bytes: u64,
}

impl<const GPE: bool, const IP6: bool> Node for VxlanEncap<GPE, IP6> {
    const ID: NodeId = if GPE {
        NodeId::VxlanGpeEncap
    } else {
        Encapsulation::Vxlan.encap_node(IP6)
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let (tables, worker) = (cx.tables, cx.worker);
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| {
                    let tx = pool.meta(packet).tx_sw_if_index;
                    let tunnel = tables.interface(tx).tunnel.as_ref();
                    Record::encap(GPE, tunnel.map(|own| (own.instance, own.vni)))
                });
            }
        }
        let mut current = Current::of::<GPE>(tables, SwIfIndex::NONE);
        let mut dropped = 0;
        let mut buffers = cx.pool.buffers();
        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                buffers.prefetch(ahead);
            }
            let tx = buffers.meta(packet).tx_sw_if_index;
            if tx != current.tx {
                current.flush(worker);
                current = Current::of::<GPE>(tables, tx);
            }
            let port = DYNAMIC_PORTS | flow_hash(&buffers, packet);
            let put = match current.tunnel.map(|own| (own, &own.header)) {
                Some((own, TunnelHeader::Ip4 { bytes, sum })) => {
                    put_ip4(&mut buffers, packet, bytes, *sum, port).map(|length| (own, length))
                }
                Some((own, TunnelHeader::Ip6 { bytes })) => {
                    put_ip6(&mut buffers, packet, bytes, port).map(|length| (own, length))
                }
                None => None,
            };
            let meta = buffers.meta_mut(packet);
            if let Some((own, length)) = put {
                meta.adjacency = own.adjacency.0;
                meta.flags.remove(Flags::LOCALLY_ORIGINATED);
                meta.flags.insert(Flags::ENCAPSULATED);
                if GPE {
                    meta.rx_sw_if_index = tx;
                }
                current.packets += 1;
                current.bytes += u64::from(length);
                *next = current.next;
                if current.next == NodeId::ErrorDrop {
                    meta.error = Error::NullNode as u16;
                }
            } else {
                dropped += 1;
                *next = drop_for(meta, refusal(current.view));
            }
        }
        current.flush(worker);
        let counter = match (GPE, IP6) {
            (true, _) => Error::VxlanGpeEncapsulated,
            (false, false) => Error::Vxlan4Encapsulated,
            (false, true) => Error::Vxlan6Encapsulated,
        };
        cx.count(counter, packets.len() - dropped);
        if GPE || IP6 {
            for (&packet, next) in packets.iter().zip(nexts.iter()) {
                finish_ip6(cx.pool, packet, *next);
            }
        }
    }
}

/// Why a packet was not put into a tunnel.
#[cold]
fn refusal(view: &InterfaceView) -> Error {
    match &view.tunnel {
        None => Error::InterfaceDeleted,
        Some(_) if !view.admin_up => Error::InterfaceDown,
        Some(_) => Error::Ip4BadLength,
    }
}

impl<'run> Current<'run> {
    #[inline(never)]
    fn of<const GPE: bool>(tables: &'run Snapshot, tx: SwIfIndex) -> Self {
        let view = tables.interface(tx);
        let tunnel = view.tunnel.as_deref().filter(|_| view.admin_up);
        let next = match tunnel {
            Some(own) if GPE && own.header.is_ip6() => NodeId::Ip6Lookup,
            Some(_) if GPE => NodeId::Ip4Lookup,
            Some(own) => {
                let kind = tables.ip.adjacency(own.adjacency).kind;
                match (kind, own.header.is_ip6()) {
                    (AdjacencyKind::Receive, _) => NodeId::ErrorDrop,
                    (kind, true) => kind.ip6_node(),
                    (kind, false) => kind.ip4_node(),
                }
            }
            None => NodeId::ErrorDrop,
        };
        Self {
            tx,
            view,
            tunnel,
            next,
            packets: 0,
            bytes: 0,
        }
    }

    fn flush(&mut self, worker: usize) {
        if self.packets > 0
            && let Some(counters) = self.view.counters.as_ref().and_then(|own| own.of(worker))
        {
            counters.tx_packets.add(self.packets);
            counters.tx_bytes.add(self.bytes);
        }
        (self.packets, self.bytes) = (0, 0);
    }
}

/// Fourteen bits of a hash over the addresses, protocol and ports of the packet in a frame, or over what the
/// frame itself has.
#[inline]
fn flow_hash(buffers: &Buffers<'_>, packet: BufferIndex) -> u16 {
    let meta = buffers.meta(packet);
    let (l2_len, length) = (usize::from(meta.l2.l2_len), usize::from(meta.length()));
    let head = buffers.head::<64>(packet);
    let at = |at: usize| head.get(at..).and_then(<[u8]>::first_chunk::<8>);
    let word = |place: usize| at(place).map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let ethertype = word(l2_len.wrapping_sub(2)) >> 48;
    let [a, b] = match EtherType(ethertype as u16) {
        EtherType::IPV4 if length >= l2_len + 24 => {
            let (first, protocol) = (word(l2_len) >> 32, word(l2_len + 8) >> 48 & 0xff);
            // Fragments of one packet stay together.
            let is_fragment = word(l2_len) & 0x3fff != 0;
            let has_ports = first >> 24 == 0x45 && matches!(protocol, 6 | 17) && !is_fragment;
            let ports = if has_ports {
                word(l2_len + 20) >> 32
            } else {
                0
            };
            [word(l2_len + 12), protocol << 32 | ports]
        }
        EtherType::IPV6 if length >= l2_len + 44 => {
            let protocol = word(l2_len) >> 8 & 0xff;
            let has_ports = matches!(protocol, 6 | 17) && l2_len <= 20;
            // The last eight bytes that can be looked at end with the ports.
            let ports = if has_ports {
                word(l2_len + 36) & 0xffff_ffff
            } else {
                0
            };
            let source = fold(word(l2_len + 8), word(l2_len + 16) | 1);
            let destination = fold(word(l2_len + 24) | 1, word(l2_len + 32));
            [source ^ destination.rotate_left(1), protocol << 32 | ports]
        }
        _ => [word(0), word(6) ^ ethertype],
    };
    let hash = fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd1b5_4a32_d192_ed03);
    ((hash ^ hash >> 32) & 0x3fff) as u16
}

/// Puts an IPv4 header in front; returns the packet's length, or `None` if it is too long or finds no room.
#[inline]
fn put_ip4(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    header: &[u8; TunnelHeader::IP4_LEN],
    sum: u16,
    port: u16,
) -> Option<u32> {
    let length = buffers.meta(packet).total_length() + TunnelHeader::IP4_LEN as u32;
    let short = u16::try_from(length).ok()?;
    if !buffers.prepend(packet, TunnelHeader::IP4_LEN) {
        return None;
    }
    let head = buffers.head_mut::<{ TunnelHeader::IP4_LEN }>(packet);
    *head = *header;
    head[2..4].copy_from_slice(&short.to_be_bytes());
    head[10..12].copy_from_slice(&ip4_checksum(sum, short).to_be_bytes());
    head[20..22].copy_from_slice(&port.to_be_bytes());
    head[24..26].copy_from_slice(&(short - 20).to_be_bytes());
    Some(length)
}

/// As [`put_ip4`] with an IPv6 header, but for the UDP checksum.
#[inline]
fn put_ip6(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    header: &[u8; TunnelHeader::IP6_LEN],
    port: u16,
) -> Option<u32> {
    let length = buffers.meta(packet).total_length() + TunnelHeader::IP6_LEN as u32;
    let payload = u16::try_from(length - Ipv6View::LEN as u32).ok()?;
    if !buffers.prepend(packet, TunnelHeader::IP6_LEN) {
        return None;
    }
    let head = buffers.head_mut::<{ TunnelHeader::IP6_LEN }>(packet);
    *head = *header;
    head[4..6].copy_from_slice(&payload.to_be_bytes());
    head[40..42].copy_from_slice(&port.to_be_bytes());
    head[44..46].copy_from_slice(&payload.to_be_bytes());
    Some(length)
}

/// Gives a packet that was put into IPv6 its UDP checksum.
#[inline]
fn finish_ip6(pool: &mut BufferPool, packet: BufferIndex, next: NodeId) {
    let is_ip6 = pool.head::<1>(packet)[0] >> 4 == 6;
    if next == NodeId::ErrorDrop || !is_ip6 {
        return;
    }
    let checksum = udp6_checksum(pool, packet);
    if let Some(field) = pool.data_mut(packet).get_mut(46..48) {
        field.copy_from_slice(&checksum.to_be_bytes());
    }
}

fn udp6_checksum(pool: &BufferPool, packet: BufferIndex) -> u16 {
    let length = pool.total_length(packet) - Ipv6View::LEN;
    let mut sum = Sum::default();
    let addresses = pool.data(packet).get(8..40).unwrap_or_default();
    sum.add_pseudo_header(addresses, IpProtocol::UDP, length as u32);
    let partial = pool.offload(packet).checksum;
    let inner = partial.and_then(|own| {
        let start = usize::from(own.start);
        let field = start + usize::from(own.offset);
        let value = pool.data(packet).get(field..field + 2)?;
        let value = u16::from_be_bytes([*value.first()?, *value.last()?]);
        // Words of the outer sum must be those of the inner one.
        (start > Ipv6View::LEN && start % 2 == 0).then_some((start, value))
    });
    match inner {
        Some((start, value)) => {
            sum.add_packet(pool, packet, Ipv6View::LEN, start - Ipv6View::LEN);
            sum.add_u16(!value);
        }
        None => sum.add_packet(pool, packet, Ipv6View::LEN, length),
    }
    match sum.checksum() {
        0 => 0xffff,
        value => value,
    }
}
