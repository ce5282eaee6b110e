//! `l2-learn`: source address → interface (VPP `l2_learn.c`).
//!
//! A new address is learned, one that moved is moved, unless an entry says otherwise: packets from
//! a filtered address, or from a static one elsewhere, are dropped. Known addresses are brought up to
//! date once a minute when they age.

use std::sync::atomic::Ordering;

use weft_packet::{BufferIndex, SwIfIndex};

use super::AHEAD;
use crate::{
    error::Error,
    feature::{Bitmap, InputFeature},
    fib::{FibFlags, Key, Update, Value},
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId},
    tables::BdIndex,
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
        let tables = cx.tables;
        let minute = cx.minute;
        let mut keys = [Key::NONE; FRAME_SIZE];
        for (i, (&packet, key)) in packets.iter().zip(&mut keys).enumerate() {
            if let Some(&ahead) = packets.get(i + AHEAD) {
                cx.pool.prefetch(ahead);
            }
            let [_, _, _, _, word @ ..] = *cx.pool.head::<12>(packet);
            let bd_index = cx.pool.meta(packet).l2.bd_index;
            *key = Key::from_word(u64::from_le_bytes(word), bd_index);
            tables.fib.prefetch(*key);
        }

        let mut counts = Counts::default();
        let mut cached = (Key::NONE, Value::ABSENT);
        for ((&packet, &key), next) in packets.iter().zip(&keys).zip(nexts.iter_mut()) {
            let value = if cached.0 == key {
                cached.1
            } else {
                tables.fib.get(key)
            };
            cached = (key, value);
            let meta = cx.pool.meta_mut(packet);
            let left = Bitmap(meta.l2.feature_bitmap).without(InputFeature::Learn.bit());
            meta.l2.feature_bitmap = left.0;
            *next = left.next_node();
            let up_to_date = value.sw_if_index() == meta.rx_sw_if_index
                && !value.is_absent()
                && value.sn() == meta.l2.fib_sn
                && (meta.l2.mac_age == 0 || value.timestamp() == minute);
            if !up_to_date {
                let seen = Seen {
                    rx: meta.rx_sw_if_index,
                    sn: meta.l2.fib_sn,
                    mac_age: meta.l2.mac_age,
                    bd_index: BdIndex(meta.l2.bd_index),
                };
                if let Some(error) = learn(cx, key, value, seen, &mut counts) {
                    *next = cx.drop(packet, error);
                }
                cached.0 = Key::NONE;
            }
            if TRACE {
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
    sn: u16,
    mac_age: u8,
    bd_index: BdIndex,
}

/// Brings the table up to date with a packet that it does not agree with; returns why the packet is
/// dropped, if it is.
#[inline(never)]
fn learn(
    cx: &Context<'_>,
    key: Key,
    value: Value,
    seen: Seen,
    counts: &mut Counts,
) -> Option<Error> {
    let fib = &cx.tables.fib;
    let bd = cx.tables.bridge_domain(seen.bd_index);
    let learned = bd.learned.as_ref()?;
    let learned_here = learned.load(Ordering::Relaxed);
    let flags = value.flags();
    let is_known = !value.is_absent() && value.sw_if_index() == seen.rx;

    if is_known {
        let age = cx.minute.wrapping_sub(value.timestamp());
        let is_stale = value.sn() != seen.sn;
        let is_over = fib.learned() > GLOBAL_LEARN_LIMIT || learned_here > bd.learn_limit;
        // The burst of updates when a minute begins is spread over frames.
        let may_wait = counts.updates >= UPDATES_MAX && age == 1 && !is_stale;
        let is_needed = (age != 0 && seen.mac_age != 0) || is_stale;
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

    let new = Value::new(seen.rx, FibFlags::LEARNED, cx.minute, seen.sn);
    let is_new = !value.is_learned();
    // Counted before, so that whoever removes the entry finds it counted.
    if is_new {
        learned.fetch_add(1, Ordering::Relaxed);
    }
    let update = fib.compare_exchange(key, value, new);
    if update != Update::Done && is_new {
        learned.fetch_sub(1, Ordering::Relaxed);
    }
    if update == Update::Full {
        counts.limited += 1;
    }
    None
}
