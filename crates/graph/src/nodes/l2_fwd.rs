//! `l2-fwd`: destination address → interface (VPP `l2_fwd.c`).
//!
//! What is not found, or was flushed, is flooded where interface and bridge domain flood unknown
//! unicast, and dropped otherwise.

use weft_packet::{BufferIndex, SwIfIndex};

use super::AHEAD;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    fib::{FibFlags, Key, Value},
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId},
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
        cx.count(Error::L2Fwd, packets.len());
        let tables = cx.tables;
        let mut keys = [Key::NONE; FRAME_SIZE];
        for (i, (&packet, key)) in packets.iter().zip(&mut keys).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                cx.pool.prefetch(ahead);
            }
            let word = u64::from_le_bytes(*cx.pool.head::<8>(packet)) << 16;
            *key = Key::from_word(word, cx.pool.meta(packet).l2.bd_index);
            tables.fib.prefetch(*key);
        }

        let mut hits = 0;
        let mut cached = (Key::NONE, Value::ABSENT);
        let mut tx_cached = (SwIfIndex::NONE, 0);
        for ((&packet, &key), next) in packets.iter().zip(&keys).zip(nexts.iter_mut()) {
            if cached.0 != key {
                cached = (key, tables.fib.get(key));
            }
            let value = cached.1;
            let tx = value.sw_if_index();
            if tx != tx_cached.0 {
                tx_cached = (tx, tables.interface(tx).seq);
            }
            let meta = cx.pool.meta_mut(packet);
            let sn = meta.l2.fib_sn & 0xff00 | u16::from(tx_cached.1);
            let is_current = value.is_learned() && value.sn() == sn;
            hits += usize::from(!value.is_absent());
            if is_current && tx != meta.rx_sw_if_index {
                meta.tx_sw_if_index = tx;
                *next = NodeId::L2Output;
            } else {
                *next = uncommon(cx, packet, value, is_current);
            }
            if TRACE {
                cx.trace(Self::ID, packet, |pool| Record::l2_fwd(pool, packet, value));
            }
        }
        cx.count(Error::L2FwdHit, hits);
    }
}

/// All but the common case of a learned address on another interface.
#[inline(never)]
fn uncommon(cx: &mut Context<'_>, packet: BufferIndex, value: Value, is_current: bool) -> NodeId {
    let flags = value.flags();
    if value.is_absent() {
        return flood(cx, packet, Error::L2FwdFlood);
    }
    if !is_current && !flags.intersects(FibFlags::AGE_NOT) {
        return flood(cx, packet, Error::L2FwdStaleDrop);
    }
    let meta = cx.pool.meta_mut(packet);
    meta.tx_sw_if_index = value.sw_if_index();
    if value.sw_if_index() == meta.rx_sw_if_index {
        return cx.drop(packet, Error::L2FwdReflectDrop);
    }
    if flags.intersects(FibFlags::FILTER) {
        return cx.drop(packet, Error::L2FwdFilterDrop);
    }
    NodeId::L2Output
}

/// To the unknown-unicast flood, if interface and bridge domain have it.
fn flood(cx: &mut Context<'_>, packet: BufferIndex, otherwise: Error) -> NodeId {
    let meta = cx.pool.meta_mut(packet);
    let features = Bitmap(meta.l2.feature_bitmap);
    if !features.has(InputFeature::UnknownUnicastFlood.bit()) {
        return cx.drop(packet, otherwise);
    }
    let left = features.without(InputFeature::Forward.bit());
    meta.l2.feature_bitmap = left.0;
    left.next_node()
}
