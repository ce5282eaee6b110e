//! `l2-learn`: source address → interface (VPP `l2_learn.c`).
//!
//! A new address is learned, one that moved is moved, unless an entry says otherwise: packets from
//! a filtered address, or from a static one elsewhere, are dropped. Known addresses are brought up to
//! date once a minute when they age.

use weft_packet::{BufferIndex, L2Opaque, SwIfIndex};

use super::BATCH;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    fib::{FibFlags, Key, Update, Value},
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::{BdIndex, Snapshot},
    trace::Record,
};

/// Most learned addresses over all bridge domains (VPP's `L2LEARN_DEFAULT_LIMIT`).
const GLOBAL_LEARN_LIMIT: u32 = 256 * 1024 * 64;

/// Updates per frame that are made though the entry is only one minute behind.
const UPDATES_MAX: usize = 3;

pub(crate) struct L2Learn;

/// What was done besides forwarding, for the counters.
#[derive(Default)]
struct Counts {
    misses: usize,
    moves: usize,
    limited: usize,
    updates: usize,
}

impl Node for L2Learn {
    const ID: NodeId = NodeId::L2Learn;

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        cx.count(Error::L2Learn, packets.len());
        let (tables, minute) = (cx.tables, cx.minute);
        let mut buffers = cx.pool.buffers();
        let mut counts = Counts::default();
        let mut cached = (Key::NONE, Value::ABSENT);
        for (packets, nexts) in packets.chunks(BATCH).zip(nexts.chunks_mut(BATCH)) {
            let mut keys = [Key::NONE; BATCH];
            for (&packet, key) in packets.iter().zip(&mut keys) {
                let [_, _, _, _, word @ ..] = *buffers.head::<12>(packet);
                let bd_index = buffers.meta(packet).l2.bd_index;
                *key = Key::from_word(u64::from_le_bytes(word), bd_index);
                tables.fib.prefetch(*key);
            }
            for ((&packet, &key), next) in packets.iter().zip(&keys).zip(nexts) {
                let value = if cached.0 == key {
                    cached.1
                } else {
                    tables.fib.get(key)
                };
                cached = (key, value);
                let meta = buffers.meta_mut(packet);
                let left = Bitmap(meta.l2.feature_bitmap).without(InputFeature::Learn.bit());
                meta.l2.feature_bitmap = left.0;
                *next = left.next_node();
                let up_to_date = value.is_present_on(meta.rx_sw_if_index)
                    && value.sn() == meta.l2.fib_sn
                    && (meta.l2.mac_age == 0 || value.timestamp() == minute);
                if !up_to_date {
                    let seen = Seen {
                        rx: meta.rx_sw_if_index,
                        l2: meta.l2,
                        minute,
                    };
                    if let Some(error) = learn(tables, key, value, seen, &mut counts) {
                        *next = drop_for(meta, error);
                    }
                    cached.0 = Key::NONE;
                }
            }
        }
        if TRACE {
            for &packet in packets {
                cx.trace(Self::ID, packet, |pool| {
                    Record::l2_domain(Self::ID.name(), pool, packet)
                });
            }
        }
        cx.count(Error::L2LearnMiss, counts.misses);
        cx.count(Error::L2LearnMacMove, counts.moves);
        cx.count(Error::L2LearnLimit, counts.limited);
        cx.count(Error::L2LearnHitUpdate, counts.updates);
    }
}

/// The packet's side of a decision.
#[derive(Clone, Copy)]
struct Seen {
    rx: SwIfIndex,
    l2: L2Opaque,
    minute: u8,
}

/// Brings the table up to date with a packet that it does not agree with; returns why the packet is
/// dropped, if it is.
#[inline(never)]
fn learn(
    tables: &Snapshot,
    key: Key,
    value: Value,
    seen: Seen,
    counts: &mut Counts,
) -> Option<Error> {
    let fib = &tables.fib;
    let bd = tables.bridge_domain(BdIndex(seen.l2.bd_index));
    let learned_here = fib.learned_in(seen.l2.bd_index);
    let flags = value.flags();
    let is_known = value.is_present_on(seen.rx);

    if is_known {
        let age = seen.minute.wrapping_sub(value.timestamp());
        let is_stale = value.sn() != seen.l2.fib_sn;
        let is_over = fib.learned() > GLOBAL_LEARN_LIMIT || learned_here > bd.learn_limit;
        // The burst of updates when a minute begins is spread over frames.
        let may_wait = counts.updates >= UPDATES_MAX && age == 1 && !is_stale;
        let is_needed = (age != 0 && seen.l2.mac_age != 0) || is_stale;
        if !is_needed || flags.intersects(FibFlags::AGE_NOT) || is_over || may_wait {
            return None;
        }
        counts.updates += 1;
    } else if value.is_absent() {
        counts.misses += 1;
        if fib.learned() >= GLOBAL_LEARN_LIMIT || learned_here >= bd.learn_limit {
            counts.limited += 1;
            return None;
        }
        if key.is_zero_mac() {
            return None;
        }
    } else {
        if flags.intersects(FibFlags::FILTER) {
            return Some(Error::L2LearnFilterDrop);
        }
        if flags.intersects(FibFlags::STATIC) {
            return Some(Error::L2LearnMacMoveViolate);
        }
        counts.moves += 1;
    }

    let new = Value::new(seen.rx, FibFlags::LEARNED, seen.minute, seen.l2.fib_sn);
    let update = fib.compare_exchange(key, value, new);
    if update == Update::Full {
        counts.limited += 1;
    }
    None
}
