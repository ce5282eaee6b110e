//! `l2-input`: gives the packet its bridge domain, split-horizon group and the features that
//! interface and bridge domain both want (VPP `l2_input_node.c`).
//!
//! Broadcast and multicast are not forwarded by address; unknown unicast is for `l2-fwd` to find.

use weft_packet::{BufferIndex, L2Opaque, SwIfIndex};

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
    unicast_next: NodeId,
    group_next: NodeId,
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
            let is_group = buffers.head::<1>(packet)[0] & 1 != 0;
            let meta = buffers.meta_mut(packet);
            if meta.rx_sw_if_index != cached {
                cached = meta.rx_sw_if_index;
                config = Config::of(cx.tables, cached);
            }
            let (bitmap, node) = if is_group {
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

impl Config {
    #[inline(never)]
    fn of(tables: &Snapshot, rx: SwIfIndex) -> Self {
        let interface = tables.interface(rx);
        let bd = tables.bridge_domain(interface.bd_index);
        let features = interface.features.without(InputFeature::ArpTerm.bit());
        let features = match interface.mode {
            // The drop is always there, so that an empty set is never asked for its next node.
            ViewMode::Bridge => Bitmap(features.0 & bd.features.0).with(InputFeature::Drop.bit()),
            _ => features,
        };
        let group = features
            .without(InputFeature::Forward.bit())
            .without(InputFeature::UnknownUnicastFlood.bit());
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
            unicast_next: features.next_node(),
            group_next: group.next_node(),
            tx: interface.tx,
            drops: !matches!(interface.mode, ViewMode::Bridge | ViewMode::Xconnect),
        }
    }
}
