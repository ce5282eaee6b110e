//! What the main thread may rely on.

use std::sync::Arc;

use weft_graph::Tables;
use weft_ports::{Tap, TapConfig};

use super::*;
use crate::testing::TestNamespace;

fn tap(namespace: &TestNamespace, name: &str, queues: u16) -> Tap {
    let config = TapConfig {
        host_if_name: Some(name.to_owned()),
        namespace: Some(namespace.name.clone()),
        host_mac: [2, 0, 0, 0, 0, 1],
        queues,
        ..TapConfig::default()
    };
    Tap::create(&config).expect("tap")
}

fn start(count: u16, tables: &Tables) -> Workers {
    let alarm = Waker::new().expect("eventfd");
    Workers::start(count, 1024, &tables.handle(), &alarm).expect("workers")
}

fn attach(workers: &mut Workers, port: SwIfIndex, tap: &Tap) {
    let tx: Vec<_> = tap
        .queues()
        .iter()
        .map(|queue| PortTx::Tap(Arc::clone(queue)))
        .collect();
    let rx = tap
        .queues()
        .iter()
        .map(|queue| PortRx::Tap(Arc::clone(queue)))
        .collect();
    workers.attach(port, &tx, rx);
}

#[test]
fn detached_ports_are_in_nobodys_hands() {
    let namespace = TestNamespace::new();
    let tables = Tables::new(3);
    let mut workers = start(3, &tables);
    let taps = [tap(&namespace, "one", 2), tap(&namespace, "two", 1)];
    let ports = [SwIfIndex(1), SwIfIndex(2)];
    for (tap, port) in taps.iter().zip(ports) {
        attach(&mut workers, port, tap);
    }
    workers.detach(&ports);
    for queue in taps.iter().flat_map(Tap::queues) {
        assert_eq!(Arc::strong_count(queue), 1, "a worker still holds a queue");
    }
    drop(taps);
    let links = namespace.run(&["ip", "link"]);
    assert!(!links.contains("one") && !links.contains("two"), "{links}");
}

#[test]
fn queues_are_spread_over_the_workers() {
    let namespace = TestNamespace::new();
    let tables = Tables::new(2);
    let mut workers = start(2, &tables);
    let (first, second) = (tap(&namespace, "one", 2), tap(&namespace, "two", 1));
    attach(&mut workers, SwIfIndex(1), &first);
    attach(&mut workers, SwIfIndex(2), &second);
    assert_eq!(workers.placement(SwIfIndex(1)), [0, 1]);
    assert_eq!(workers.placement(SwIfIndex(2)), [0]);
    workers.detach(&[SwIfIndex(1)]);
    assert!(workers.placement(SwIfIndex(1)).is_empty());
}

#[test]
fn each_worker_tells_of_its_own_buffers() {
    let tables = Tables::new(2);
    let workers = start(2, &tables);
    let buffers = workers.buffers();
    assert_eq!(buffers.len(), 2);
    assert!(
        buffers.iter().all(|pool| pool.capacity == 1024),
        "{buffers:?}"
    );
    assert_eq!(workers.threads().count(), 2);
}

#[test]
fn deleting_what_no_worker_has_does_not_wait() {
    let tables = Tables::new(1);
    let mut workers = start(1, &tables);
    workers.detach(&[SwIfIndex(7)]);
    workers.detach(&[]);
}

#[test]
fn worker_that_ends_by_itself_raises_the_alarm() {
    let tables = Tables::new(1);
    let alarm = Waker::new().expect("eventfd");
    let workers = Workers::start(1, 1024, &tables.handle(), &alarm).expect("workers");
    let poller = Poller::new().expect("epoll");
    poller
        .add(&alarm, 0, crate::poller::Interest::Read)
        .expect("added");
    assert!(!workers.has_lost_one());
    // What a panic would do to the worker's thread.
    let last_words = LastWords {
        has_lost_one: Arc::clone(&workers.has_lost_one),
        alarm: alarm.clone(),
        is_in_order: false,
    };
    drop(last_words);
    let mut ready = Vec::new();
    poller
        .wait(Some(std::time::Duration::from_secs(5)), &mut ready)
        .expect("wait");
    assert_eq!(ready.len(), 1, "the alarm was raised");
    assert!(workers.has_lost_one());
    drop(workers);
}
