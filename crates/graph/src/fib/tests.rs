use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use proptest::prelude::*;
use weft_packet::{SwIfIndex, header::MacAddr};

use super::*;

fn key(bd_index: u16, number: u32) -> Key {
    let [a, b, c, d] = number.to_be_bytes();
    Key::new(MacAddr([2, 0, a, b, c, d]), bd_index)
}

fn learned(port: u32, timestamp: u8) -> Value {
    Value::new(SwIfIndex(port), FibFlags::LEARNED, timestamp, 0)
}

/// What the control thread and a worker may do to an entry.
#[derive(Clone, Debug)]
enum Step {
    Learn {
        bd: u16,
        mac: u32,
        port: u32,
        minute: u8,
    },
    Static {
        bd: u16,
        mac: u32,
        port: u32,
    },
    Delete {
        bd: u16,
        mac: u32,
    },
    Age {
        minute: u8,
    },
    Grow,
}

fn step() -> impl Strategy<Value = Step> {
    let (bd, mac) = (1u16..3, 0u32..12);
    prop_oneof![
        4 => (bd.clone(), mac.clone(), 0u32..4, 0u8..20)
            .prop_map(|(bd, mac, port, minute)| Step::Learn { bd, mac, port, minute }),
        1 => (bd.clone(), mac.clone(), 0u32..4)
            .prop_map(|(bd, mac, port)| Step::Static { bd, mac, port }),
        1 => (bd, mac).prop_map(|(bd, mac)| Step::Delete { bd, mac }),
        1 => (0u8..20).prop_map(|minute| Step::Age { minute }),
        1 => Just(Step::Grow),
    ]
}

/// Minutes after which the model's entries age.
const MAC_AGE: u8 = 5;

proptest! {
    /// The table is a map, whatever is done to it, and counts what is learned.
    #[test]
    fn agrees_with_a_hash_map(steps in prop::collection::vec(step(), 0..80)) {
        let mut table = FibTable::new(0);
        let mut model: HashMap<(u16, u32), Value> = HashMap::new();
        for step in steps {
            match step {
                Step::Learn { bd, mac, port, minute } => {
                    let old = table.get(key(bd, mac));
                    let new = learned(port, minute);
                    prop_assert_eq!(table.compare_exchange(key(bd, mac), old, new), Update::Done);
                    model.insert((bd, mac), new);
                }
                Step::Static { bd, mac, port } => {
                    let flags = FibFlags::STATIC.with(FibFlags::AGE_NOT);
                    let new = Value::new(SwIfIndex(port), flags, 0, 0);
                    table.set(key(bd, mac), new);
                    model.insert((bd, mac), new);
                }
                Step::Delete { bd, mac } => {
                    let old = table.set(key(bd, mac), Value::ABSENT).unwrap();
                    prop_assert_eq!(model.remove(&(bd, mac)), (!old.is_absent()).then_some(old));
                }
                Step::Age { minute } => {
                    let mut ageing = Ageing::default();
                    let current = |_, _| Some((0, MAC_AGE));
                    while !ageing.step(&table, minute, 1000, current) {}
                    model.retain(|_, value| {
                        !value.is_learned() || minute.wrapping_sub(value.timestamp()) < MAC_AGE
                    });
                }
                Step::Grow => table = table.copy(),
            }
            for bd in 1..3 {
                for mac in 0..12 {
                    let wanted = model.get(&(bd, mac)).copied().unwrap_or(Value::ABSENT);
                    prop_assert_eq!(table.get(key(bd, mac)), wanted);
                }
            }
            prop_assert_eq!(table.entries().count(), model.len());
            let count = model.values().filter(|value| value.is_learned()).count();
            prop_assert_eq!(table.learned() as usize, count);
            prop_assert_eq!(table.learned(), table.learned_in(1) + table.learned_in(2));
        }
    }
}

#[test]
fn a_key_is_not_another_bridge_domains() {
    let table = FibTable::new(0);
    table.set(key(1, 7), learned(1, 0));
    assert!(table.get(key(2, 7)).is_absent());
    assert_eq!(key(1, 7).mac(), MacAddr([2, 0, 0, 0, 0, 7]));
    assert_eq!(key(1, 7).bd_index(), 1);
}

#[test]
fn a_decision_on_an_old_value_is_not_carried_out() {
    let table = FibTable::new(0);
    let seen = learned(1, 0);
    table.set(key(1, 7), seen);
    let flags = FibFlags::STATIC.with(FibFlags::AGE_NOT);
    let provisioned = Value::new(SwIfIndex(2), flags, 0, 0);
    table.set(key(1, 7), provisioned);
    assert_eq!(
        table.compare_exchange(key(1, 7), seen, learned(3, 0)),
        Update::Raced
    );
    assert_eq!(table.get(key(1, 7)), provisioned);
    let absent = table.compare_exchange(key(1, 8), seen, learned(3, 0));
    assert_eq!(
        absent,
        Update::Raced,
        "an entry that was there is not made anew"
    );
}

#[test]
fn a_full_table_refuses_new_keys_keeps_the_old_and_has_a_bigger_successor() {
    let table = FibTable::new(0);
    let limit = table.slots() / 8 * 7;
    assert!(table.successor().is_none());
    for number in 0..limit as u32 {
        assert!(table.set(key(1, number), learned(number, 0)).is_some());
    }
    assert_eq!(table.set(key(1, u32::MAX), learned(1, 0)), None);
    let absent = Value::ABSENT;
    assert_eq!(
        table.compare_exchange(key(1, u32::MAX), absent, learned(1, 0)),
        Update::Full
    );
    assert_eq!(table.get(key(1, 5)), learned(5, 0));
    assert!(table.get(key(1, u32::MAX)).is_absent());

    let next = table.successor().unwrap();
    assert!(next.slots() > table.slots());
    assert_eq!(next.learned() as usize, limit);
    assert_eq!(next.get(key(1, 5)), learned(5, 0));
    assert!(next.set(key(1, u32::MAX), learned(1, 0)).is_some());
}

#[test]
fn dead_keys_are_left_behind() {
    let table = FibTable::new(0);
    for number in 0..table.slots() as u32 * 3 / 4 {
        table.set(key(1, number), learned(1, 0));
        table.set(key(1, number), Value::ABSENT);
    }
    let next = table.successor().unwrap();
    assert_eq!(next.slots(), table.slots(), "nothing was alive");
    assert_eq!(next.entries().count(), 0);
    assert!(next.successor().is_none());
}

/// Two workers learn the same addresses on different ports while the control thread deletes: no
/// address is there twice, every value is one that somebody wrote, and the count is right.
#[test]
fn threads_meet_in_one_slot_per_key() {
    const KEYS: u32 = 500;
    let table = Arc::new(FibTable::new(0));
    let rounds = Arc::new(AtomicU64::new(0));
    std::thread::scope(|scope| {
        for port in 1..3 {
            let (table, rounds) = (Arc::clone(&table), Arc::clone(&rounds));
            scope.spawn(move || {
                for _ in 0..200 {
                    for number in 0..KEYS {
                        let old = table.get(key(1, number));
                        assert!(old.is_absent() || (1..3).contains(&old.sw_if_index().0));
                        table.compare_exchange(key(1, number), old, learned(port, 0));
                    }
                    rounds.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            while rounds.load(Ordering::Relaxed) < 300 {
                for number in 0..KEYS {
                    table.set(key(1, number), Value::ABSENT);
                }
            }
        });
    });
    let mut keys: Vec<_> = table.entries().map(|(key, _)| key.0).collect();
    assert_eq!(table.learned() as usize, keys.len());
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(
        table.learned() as usize,
        keys.len(),
        "an address was there twice"
    );
    assert!(keys.len() <= KEYS as usize);
}
