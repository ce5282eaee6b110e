//! `l2-input`: gives the packet its bridge domain, split-horizon group and the features that
//! interface and bridge domain both want (VPP `l2_input_node.c`).
//!
//! Broadcast and multicast are not forwarded by address; of those, only ARP and ICMPv6 are for arp
//! termination. Unknown unicast is for `l2-fwd` to find.

use weft_packet::{
    BufferIndex, L2Opaque, SwIfIndex,
    header::{EtherType, IpProtocol},
};

use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{Snapshot, ViewMode},
    trace::Record,
};

pub(crate) struct L2Input;

/// What packets of one interface get.
#[derive(Clone, Copy)]
struct Config {
    opaque: L2Opaque,
    unicast: Bitmap,
    group: Bitmap,
    /// Of ARP and ICMPv6 to a group, which arp termination looks at.
    resolution: Bitmap,
    unicast_next: NodeId,
    group_next: NodeId,
    resolution_next: NodeId,
    tx: SwIfIndex,
    drops: bool,
}

impl Node for L2Input {
    const ID: NodeId = NodeId::L2Input;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        cx.count(Error::L2Input, packets.len());
        let mut cached = SwIfIndex::NONE;
        let mut config = Config::of(cx.tables, cached);
        let mut buffers = cx.pool.buffers();
        for (&packet, next) in packets.iter().zip(nexts.iter_mut()) {
            let head = buffers.head::<48>(packet);
            let is_group = head[0] & 1 != 0;
            let resolves = is_group && is_resolution(head, buffers.meta(packet).l2.l2_len);
            let meta = buffers.meta_mut(packet);
            if meta.rx_sw_if_index != cached {
                cached = meta.rx_sw_if_index;
                config = Config::of(cx.tables, cached);
            }
            let (bitmap, node) = if resolves {
                (config.resolution, config.resolution_next)
            } else if is_group {
                (config.group, config.group_next)
            } else {
                (config.unicast, config.unicast_next)
            };
            let l2_len = meta.l2.l2_len;
            meta.l2 = L2Opaque {
                feature_bitmap: bitmap.0,
                l2_len,
                ..config.opaque
            };
            meta.tx_sw_if_index = config.tx;
            *next = node;
            if config.drops {
                *next = drop_for(meta, Error::L2InputDrop);
            }
        }
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| Record::l2_input(pool, packet));
            }
        }
    }
}

/// Whether a frame is ARP or ICMPv6.
#[inline]
fn is_resolution(head: &[u8; 48], l2_len: u8) -> bool {
    let at = usize::from(l2_len);
    let ethertype = head
        .get(at.wrapping_sub(2)..at)
        .and_then(<[u8]>::first_chunk)
        .copied();
    match ethertype.map(u16::from_be_bytes).map(EtherType) {
        Some(EtherType::ARP) => true,
        Some(EtherType::IPV6) => head.get(at + 6) == Some(&IpProtocol::ICMPV6.0),
        _ => false,
    }
}

impl Config {
    #[inline(never)]
    fn of(tables: &Snapshot, rx: SwIfIndex) -> Self {
        let interface = tables.interface(rx);
        let bd = tables.bridge_domain(interface.bd_index);
        let features = interface.features;
        let features = match interface.mode {
            // The drop is always there, so that an empty set is never asked for its next node.
            ViewMode::Bridge => Bitmap(features.0 & bd.features.0).with(InputFeature::Drop.bit()),
            _ => features,
        };
        let resolution = features
            .without(InputFeature::Forward.bit())
            .without(InputFeature::UnknownUnicastFlood.bit());
        let group = resolution.without(InputFeature::ArpTerm.bit());
        let opaque = L2Opaque {
            feature_bitmap: 0,
            bd_index: interface.bd_index.0,
            fib_sn: bd.fib_sn(interface.seq),
            shg: interface.shg,
            l2_len: 0,
            mac_age: bd.mac_age,
        };
        Self {
            opaque,
            unicast: features,
            group,
            resolution,
            unicast_next: features.next_node(),
            group_next: group.next_node(),
            resolution_next: resolution.next_node(),
            tx: interface.tx,
            drops: !matches!(interface.mode, ViewMode::Bridge | ViewMode::Xconnect),
        }
    }
}
