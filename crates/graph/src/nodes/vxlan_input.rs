//! `vxlan4-input`, `vxlan6-input`, `vxlan4-gpe-input`, `vxlan6-gpe-input`: takes frames out of tunnels
//! (VPP `src/plugins/vxlan/decap.c`, `src/plugins/vxlan-gpe/decap.c`).
//!
//! A tunnel is found by one search in a hash table, and none for packets of the same tunnel as the last.

use weft_packet::{
    BufferIndex, Buffers, SwIfIndex,
    header::{
        ETHERNET_HEADER_LEN, EtherType, Ipv4View, Ipv6View, UdpView, VLAN_TAG_LEN,
        VxlanGpeProtocol, VxlanGpeView, VxlanView,
    },
};

use super::ip::AHEAD;
use crate::{
    error::Error,
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::Snapshot,
    trace::{Decap, Record},
    tunnel::{Encapsulation, Key4, Key6},
};

/// Of VXLAN-GPE with `GPE`, over IPv6 with `IP6`.
pub(crate) struct VxlanInput<const GPE: bool, const IP6: bool>;

/// The tunnel of the last packet.
#[derive(Default)]
struct Last {
    ip4: Key4,
    ip6: Key6,
    tunnel: Option<SwIfIndex>,
}

/// Packets of the tunnel seen last, not counted yet.
#[derive(Default)]
struct Count {
    tunnel: Option<SwIfIndex>,
    packets: u64,
    bytes: u64,
}

/// The counters of the node.
struct Errors {
    decapsulated: Error,
    no_such_tunnel: Error,
    bad_flags: Error,
}

impl<const GPE: bool, const IP6: bool> VxlanInput<GPE, IP6> {
    const ENCAPSULATION: Encapsulation = if GPE {
        Encapsulation::VxlanGpe
    } else {
        Encapsulation::Vxlan
    };

    const ERRORS: Errors = match (GPE, IP6) {
        (false, false) => Errors {
            decapsulated: Error::Vxlan4Decapsulated,
            no_such_tunnel: Error::Vxlan4NoSuchTunnel,
            bad_flags: Error::Vxlan4BadFlags,
        },
        (false, true) => Errors {
            decapsulated: Error::Vxlan6Decapsulated,
            no_such_tunnel: Error::Vxlan6NoSuchTunnel,
            bad_flags: Error::Vxlan6BadFlags,
        },
        (true, false) => Errors {
            decapsulated: Error::VxlanGpe4Decapsulated,
            no_such_tunnel: Error::VxlanGpe4NoSuchTunnel,
            bad_flags: Error::VxlanGpe4BadFlags,
        },
        (true, true) => Errors {
            decapsulated: Error::VxlanGpe6Decapsulated,
            no_such_tunnel: Error::VxlanGpe6NoSuchTunnel,
            bad_flags: Error::VxlanGpe6BadFlags,
        },
    };

    /// The tunnel of a packet that begins with its IP header, and the bytes in front of the frame.
    #[inline]
    fn find(tables: &Snapshot, bytes: &[u8], last: &mut Last) -> Result<(SwIfIndex, usize), Error> {
        let ip_len = match bytes {
            _ if IP6 => Ipv6View::LEN,
            [0x45, ..] => Ipv4View::MIN_LEN,
            [first, ..] => usize::from(first & 0x0f) * 4,
            [] => 0,
        };
        let too_short = if IP6 {
            Error::Udp6Length
        } else {
            Error::Udp4Length
        };
        let (udp, vxlan) = bytes
            .get(ip_len..)
            .and_then(<[u8]>::split_first_chunk::<{ UdpView::LEN }>)
            .ok_or(too_short)?;
        let port = u16::from_be_bytes([udp[2], udp[3]]);
        let view = VxlanView::parse(vxlan).ok_or(too_short)?;
        let has_valid_flags = if GPE {
            VxlanGpeView::parse(vxlan).is_some_and(|view| view.has_valid_flags())
        } else {
            view.has_valid_flags()
        };
        if !has_valid_flags {
            return Err(Self::ERRORS.bad_flags);
        }
        let tunnel = if IP6 {
            let address = |at: usize| {
                let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
                bytes.map_or(0, u128::from_be_bytes)
            };
            let key = Key6::new(
                Self::ENCAPSULATION,
                address(24),
                address(8),
                port,
                view.vni_word(),
            );
            if last.tunnel.is_none() || last.ip6 != key {
                (last.ip6, last.tunnel) = (key, tables.tunnels.ip6.get(key));
            }
            last.tunnel
        } else {
            let address = |at: usize| {
                let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk).copied();
                bytes.map_or(0, u32::from_be_bytes)
            };
            let key = Key4::new(
                Self::ENCAPSULATION,
                address(16),
                address(12),
                port,
                view.vni_word(),
            );
            if last.tunnel.is_none() || last.ip4 != key {
                (last.ip4, last.tunnel) = (key, tables.tunnels.ip4.get(key));
            }
            last.tunnel
        };
        let tunnel = tunnel.ok_or(Self::ERRORS.no_such_tunnel)?;
        let is_ethernet = !GPE
            || VxlanGpeView::parse(vxlan)
                .is_some_and(|view| view.protocol() == VxlanGpeProtocol::ETHERNET);
        if !is_ethernet {
            return Err(Error::NullNode);
        }
        Ok((tunnel, ip_len + UdpView::LEN + VxlanView::LEN))
    }
}

impl<const GPE: bool, const IP6: bool> Node for VxlanInput<GPE, IP6> {
    const ID: NodeId = Self::ENCAPSULATION.input_node(IP6);

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let tables = cx.tables;
        let mut records = [Decap::default(); FRAME_SIZE];
        let mut buffers = cx.pool.buffers();
        let mut last = Last::default();
        let mut count = Count::default();
        let mut dropped = 0;
        for (i, (&packet, next)) in packets.iter().zip(nexts.iter_mut()).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                buffers.prefetch(ahead);
            }
            let found = Self::find(tables, buffers.data(packet), &mut last);
            if TRACE && let Some(record) = records.get_mut(i) {
                *record = Decap::of(GPE, found, tables, buffers.data(packet), IP6);
            }
            let taken = found.and_then(|(tunnel, outer)| {
                let bytes = take_out(&mut buffers, packet, tunnel, outer)?;
                count.add(tables, cx.worker, tunnel, bytes);
                Ok(NodeId::L2Input)
            });
            *next = match taken {
                Ok(node) => node,
                Err(error) => {
                    dropped += 1;
                    drop_for(buffers.meta_mut(packet), error)
                }
            };
        }
        count.flush(tables, cx.worker);
        cx.count(Self::ERRORS.decapsulated, packets.len() - dropped);
        if TRACE {
            for (&packet, &record) in packets.iter().zip(&records) {
                cx.trace(Self::ID, packet, |_| Record::decap(record));
            }
        }
    }
}

/// Makes the frame inside the packet; returns its length.
#[inline]
fn take_out(
    buffers: &mut Buffers<'_>,
    packet: BufferIndex,
    tunnel: SwIfIndex,
    outer: usize,
) -> Result<u64, Error> {
    let here = usize::from(buffers.meta(packet).length());
    if here < outer + ETHERNET_HEADER_LEN || !buffers.advance(packet, outer) {
        return Err(Error::EthernetTooShort);
    }
    let head = buffers.head::<22>(packet);
    let word = |at: usize| EtherType(u16::from_be_bytes([head[at], head[at + 1]]));
    let l2_len = match (word(12).is_vlan(), word(16).is_vlan()) {
        (false, _) => ETHERNET_HEADER_LEN,
        (true, false) => ETHERNET_HEADER_LEN + VLAN_TAG_LEN,
        (true, true) => ETHERNET_HEADER_LEN + 2 * VLAN_TAG_LEN,
    };
    if here - outer < l2_len {
        return Err(Error::EthernetTooShort);
    }
    let meta = buffers.meta_mut(packet);
    meta.rx_sw_if_index = tunnel;
    meta.l2.l2_len = l2_len as u8;
    meta.forget_outer_offload();
    Ok(u64::from(meta.total_length()))
}

impl Count {
    #[inline]
    fn add(&mut self, tables: &Snapshot, worker: usize, tunnel: SwIfIndex, bytes: u64) {
        if self.tunnel != Some(tunnel) {
            self.flush(tables, worker);
            self.tunnel = Some(tunnel);
        }
        self.packets += 1;
        self.bytes += bytes;
    }

    fn flush(&mut self, tables: &Snapshot, worker: usize) {
        if let Some(tunnel) = self.tunnel.take()
            && let Some(counters) = &tables.interface(tunnel).counters
            && let Some(counters) = counters.of(worker)
        {
            counters.rx_packets.add(self.packets);
            counters.rx_bytes.add(self.bytes);
        }
        (self.packets, self.bytes) = (0, 0);
    }
}
