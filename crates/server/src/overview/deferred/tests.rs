use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::overview::tests::{MAC, change, deletion, value};

fn wanted(deferred: &Deferred) -> i64 {
    deferred.read(|overview| overview.totals(0, true).ports.values().sum())
}

fn waiting(deferred: &Deferred) -> (usize, usize) {
    let waiting = deferred.waiting();
    (waiting.changes.len(), waiting.bytes)
}

#[tokio::test]
async fn the_last_word_on_a_record_counts() {
    let deferred = Deferred::new(Keyspace::default());
    let put = |name: &str| change(&format!("nodes/h/ports/{name}"), &value(MAC, 1));
    let delete = |name: &str| deletion(&format!("nodes/h/ports/{name}"));
    deferred.take(vec![put("a"), put("b"), delete("a")]).await;
    assert_eq!(wanted(&deferred), 1, "a deletion comes after a put");
    deferred.take(vec![delete("b"), put("a")]).await;
    deferred.take(vec![put("b"), delete("a")]).await;
    deferred.take(vec![put("c")]).await;
    deferred.take(vec![delete("b")]).await;
    assert_eq!(wanted(&deferred), 1);
    assert_eq!(waiting(&deferred), (0, 0), "it was worked in");
}

#[test]
fn of_a_record_that_changes_often_the_newest_is_worked_in_alone() {
    let put = |vlan| change("nodes/h/ports/a", &value(MAC, vlan));
    let other = deletion("nodes/h/ports/b");
    let changes = vec![put(1), other.clone(), put(2), put(3)];
    let newest: Vec<_> = newest_by_key(&changes).cloned().collect();
    assert_eq!(newest, [put(3), other]);
}

#[tokio::test]
async fn what_waits_is_bounded() {
    let deferred = Deferred::new(Keyspace::default());
    let put = |n: usize| change(&format!("nodes/h/ports/{n}"), &value(MAC, 1));
    for part in 0..5 {
        let numbers = part * 1000..(part + 1) * 1000;
        deferred.take(numbers.map(put).collect()).await;
        assert!(waiting(&deferred).0 < MOST_CHANGES);
    }
    // As after a long time without the store.
    deferred.take((0..20_000).map(put).collect()).await;
    assert!(waiting(&deferred).0 < MOST_CHANGES);
    let large = "x".repeat(MOST_BYTES / 4);
    for n in 0..9 {
        let at = format!("nodes/h/ports/{n}");
        deferred
            .take(vec![change(&at, &large.as_str().into())])
            .await;
        assert!(waiting(&deferred).1 < MOST_BYTES);
    }
    assert_eq!(wanted(&deferred), 20_000);
}

#[tokio::test]
async fn all_that_the_store_holds_replaces_what_waits() {
    let deferred = Deferred::new(Keyspace::default());
    let put = |name: &str| change(&format!("nodes/h/ports/{name}"), &value(MAC, 1));
    deferred.take(vec![put("a"), put("b")]).await;
    wanted(&deferred);
    deferred.take(vec![put("c"), put("d")]).await;
    let Change::Put(kv) = put("e") else {
        unreachable!("it is a put")
    };
    deferred.replace(vec![kv]);
    assert_eq!(wanted(&deferred), 1);
}

#[test]
fn whoever_looks_sees_what_was_taken_before() {
    const PORTS: i64 = 3000;
    let deferred = Deferred::new(Keyspace::default());
    let taken = AtomicI64::new(0);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while taken.load(Ordering::SeqCst) < PORTS {
                    let before = taken.load(Ordering::SeqCst);
                    let seen = wanted(&deferred);
                    assert!(seen >= before, "{seen} of {before}");
                }
            });
        }
        runtime.unwrap().block_on(async {
            for n in 0..PORTS {
                let at = format!("nodes/h/ports/{n}");
                deferred.take(vec![change(&at, &value(MAC, 1))]).await;
                taken.store(n + 1, Ordering::SeqCst);
            }
        });
    });
}
