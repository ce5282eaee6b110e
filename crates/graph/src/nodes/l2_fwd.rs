//! `l2-fwd`: destination address → interface (VPP `l2_fwd.c`).
//!
//! What is not found, or was flushed, is flooded where interface and bridge domain flood unknown
//! unicast, and dropped otherwise.

use weft_packet::{BufferIndex, Meta, SwIfIndex};

use super::BATCH;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    fib::{FibFlags, Key, Value},
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId, drop_for},
    trace::Record,
};

pub(crate) struct L2Fwd;

impl Node for L2Fwd {
    const ID: NodeId = NodeId::L2Fwd;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let tables = cx.tables;
        let mut buffers = cx.pool.buffers();
        let mut values = [Value::ABSENT; FRAME_SIZE];
        let mut cached = (Key::NONE, Value::ABSENT);
        let mut tx_cached = (SwIfIndex::NONE, 0);
        for ((packets, nexts), values) in packets
            .chunks(BATCH)
            .zip(nexts.chunks_mut(BATCH))
            .zip(values.chunks_mut(BATCH))
        {
            let mut keys = [Key::NONE; BATCH];
            for (&packet, key) in packets.iter().zip(&mut keys) {
                let word = u64::from_le_bytes(*buffers.head::<8>(packet)) << 16;
                *key = Key::from_word(word, buffers.meta(packet).l2.bd_index);
                tables.fib.prefetch(*key);
            }
            for (((&packet, &key), next), kept) in packets.iter().zip(&keys).zip(nexts).zip(values)
            {
                if cached.0 != key {
                    cached = (key, tables.fib.get(key));
                }
                let value = cached.1;
                let tx = value.sw_if_index();
                if tx != tx_cached.0 {
                    tx_cached = (tx, tables.interface(tx).seq);
                }
                let meta = buffers.meta_mut(packet);
                let sn = meta.l2.fib_sn & 0xff00 | u16::from(tx_cached.1);
                let is_current = value.is_learned() && value.sn() == sn;
                if is_current && tx != meta.rx_sw_if_index {
                    meta.tx_sw_if_index = tx;
                    *next = NodeId::L2Output;
                } else {
                    *next = uncommon(meta, value, is_current);
                }
                if TRACE {
                    *kept = value;
                }
            }
        }
        if TRACE {
            for (&packet, &value) in packets.iter().zip(&values) {
                cx.trace(Self::ID, packet, |pool| Record::l2_fwd(pool, packet, value));
            }
        }
    }
}

/// All but the common case of a learned address on another interface.
#[inline(never)]
fn uncommon(meta: &mut Meta, value: Value, is_current: bool) -> NodeId {
    let flags = value.flags();
    let error = if value.is_absent() {
        return flood(meta, Error::L2FwdFlood);
    } else if !is_current && !flags.intersects(FibFlags::AGE_NOT) {
        return flood(meta, Error::L2FwdStaleDrop);
    } else if value.sw_if_index() == meta.rx_sw_if_index {
        Error::L2FwdReflectDrop
    } else if flags.intersects(FibFlags::FILTER) {
        Error::L2FwdFilterDrop
    } else if flags.intersects(FibFlags::BVI) {
        Error::L2FwdBviEthertype
    } else {
        meta.tx_sw_if_index = value.sw_if_index();
        return NodeId::L2Output;
    };
    drop_for(meta, error)
}

/// To the unknown-unicast flood, if interface and bridge domain have it.
fn flood(meta: &mut Meta, otherwise: Error) -> NodeId {
    let features = Bitmap(meta.l2.feature_bitmap);
    if !features.has(InputFeature::UnknownUnicastFlood.bit()) {
        return drop_for(meta, otherwise);
    }
    let left = features.without(InputFeature::Forward.bit());
    meta.l2.feature_bitmap = left.0;
    left.next_node()
}
