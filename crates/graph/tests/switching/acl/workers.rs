//! Sessions that several workers use.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use weft_graph::{
    AclAction::{Deny, PermitReflect},
    AclDirection, DeviceClass, Graph, PortType, SwIfIndex, Tables,
};
use weft_packet::BufferPool;

use super::packets::{tcp, udp};
use super::rule4;
use crate::lab::{BD, mac};

const BUFFERS: usize = 256;

/// A worker's graph with its packets.
struct Worker {
    graph: Graph,
    pool: BufferPool,
    port: SwIfIndex,
}

impl Worker {
    /// How many of these packets, received on the worker's port, go out.
    fn send(&mut self, packets: &[Vec<u8>], now: Duration) -> usize {
        let packets: Vec<_> = packets
            .iter()
            .map(|packet| self.pool.alloc_from(packet).unwrap())
            .collect();
        self.graph.input(&mut self.pool, self.port, &packets, now);
        self.graph.run(&mut self.pool, now);
        let mut sent = 0;
        let pool = &mut self.pool;
        self.graph.drain_tx(|_, packets| {
            sent += packets.len();
            pool.free_many(packets);
        });
        assert_eq!(self.pool.stats().free, BUFFERS);
        sent
    }
}

/// Two workers, each with the port that it receives from; the first port may ask and must not be
/// asked.
fn two_workers() -> (Tables, [Worker; 2]) {
    let mut tables = Tables::new(2);
    tables
        .add_bridge_domain(BD, weft_graph::BdFlags::DEFAULT, 0)
        .unwrap();
    let ports = [0, 1].map(|_| {
        let port = tables.add_port("tap", DeviceClass::Tap, mac(0xff), 9000);
        tables.set_admin_up(port, true).unwrap();
        tables.set_link_up(port, true).unwrap();
        tables.set_l2_bridge(port, BD, PortType::Normal, 0).unwrap();
        port
    });
    for (direction, action) in AclDirection::ALL.into_iter().zip([PermitReflect, Deny]) {
        let list = tables.set_acl(None, b"", vec![rule4(action)]).unwrap();
        tables.set_acl_list(ports[0], direction, &[list]).unwrap();
    }
    tables.publish();
    let handle = tables.handle();
    let workers = [0, 1].map(|number| Worker {
        graph: Graph::new(&handle, number),
        pool: BufferPool::new(BUFFERS),
        port: ports[number],
    });
    (tables, workers)
}

fn question(flow: u16) -> Vec<u8> {
    udp((1, 2), (flow, 53))
}

fn answer(flow: u16) -> Vec<u8> {
    udp((2, 1), (53, flow))
}

#[test]
fn the_directions_of_a_flow_may_be_different_workers() {
    let (tables, [mut first, mut second]) = two_workers();
    let now = Duration::from_secs(1000);
    assert_eq!(second.send(&[answer(1)], now), 0);
    assert_eq!(first.send(&[question(1)], now), 1);
    assert_eq!(second.send(&[answer(1)], now), 1);
    let totals = [0, 1].map(|worker| tables.session_totals(first.port, worker).added);
    assert_eq!(totals, [1, 0], "the one that saw it first owns it");
}

#[test]
fn another_worker_tells_the_owner_that_a_session_is_established() {
    let (tables, [mut first, mut second]) = two_workers();
    let now = Duration::from_secs(1000);
    let (syn, ack) = (2, 16);
    assert_eq!(first.send(&[tcp((1, 2), (1, 80), syn)], now), 1);
    assert_eq!(first.send(&[tcp((1, 2), (1, 80), ack)], now), 1);
    // Only now both directions have both flags.
    assert_eq!(second.send(&[tcp((2, 1), (80, 1), syn | ack)], now), 1);
    let now = now + Duration::from_secs(3600);
    assert_eq!(
        first.send(&[question(1)], now),
        1,
        "the owner looks at its lists"
    );
    assert_eq!(second.send(&[tcp((2, 1), (80, 1), ack)], now), 1);
    let now = now + Duration::from_secs(2 * 24 * 3600);
    assert_eq!(second.send(&[tcp((2, 1), (80, 1), ack)], now), 0);
    assert_eq!(first.send(&[question(1)], now), 1, "the owner cleans up");
    assert_eq!(tables.session_count(), 1);
}

#[test]
fn another_worker_tells_the_owner_that_a_session_ends() {
    let (tables, [mut first, mut second]) = two_workers();
    let now = Duration::from_secs(1000);
    let (fin, syn, ack) = (1, 2, 16);
    assert_eq!(first.send(&[tcp((1, 2), (1, 80), syn)], now), 1);
    assert_eq!(second.send(&[tcp((2, 1), (80, 1), syn | ack)], now), 1);
    assert_eq!(first.send(&[tcp((1, 2), (1, 80), ack)], now), 1);
    assert_eq!(second.send(&[tcp((2, 1), (80, 1), fin | ack)], now), 1);
    assert_eq!(first.send(&[], now), 0, "the owner reads what it was told");
    assert_eq!(first.send(&[], now + Duration::from_secs(121)), 0);
    assert_eq!(tables.session_count(), 0);
}

#[test]
fn sessions_neither_leak_nor_let_others_in_while_all_of_it_changes() {
    const ROUNDS: u16 = 3000;
    const BATCH: u16 = 32;
    let (mut tables, [first, second]) = two_workers();
    tables.set_session_limit(2000);
    let port = first.port;
    let running = AtomicUsize::new(2);
    let clock = |round: u16| Duration::from_millis(1_000_000 + u64::from(round) * 50);
    let workers = std::thread::scope(|scope| {
        let running = &running;
        let asking = scope.spawn(move || {
            let mut worker = first;
            for round in 0..ROUNDS {
                let flows = (round % 100) * BATCH;
                let packets: Vec<_> = (flows..flows + BATCH).map(question).collect();
                worker.send(&packets, clock(round));
            }
            running.fetch_sub(1, Ordering::Release);
            worker
        });
        let answering = scope.spawn(move || {
            let mut worker = second;
            for round in 0..ROUNDS {
                let flows = (round % 100) * BATCH;
                let packets: Vec<_> = (flows..flows + BATCH).map(answer).collect();
                worker.send(&packets, clock(round));
                let unasked: Vec<_> = (60_000..60_000 + BATCH).map(answer).collect();
                assert_eq!(worker.send(&unasked, clock(round)), 0, "nobody asked");
            }
            running.fetch_sub(1, Ordering::Release);
            worker
        });
        let lists = tables.interface_acls(port).unwrap().acls.clone();
        let mut turn = 0;
        while running.load(Ordering::Acquire) > 0 {
            turn += 1;
            match turn % 4 {
                0 => tables.clear_sessions(Some(port)),
                1 => tables.set_reclassify_sessions(turn % 8 == 1),
                2 => {
                    let rules = vec![rule4(PermitReflect); turn % 20 + 1];
                    tables.set_acl(Some(lists[0][0]), b"", rules).unwrap();
                }
                _ => std::thread::yield_now(),
            }
            tables.publish();
        }
        [asking, answering].map(|worker| worker.join().unwrap())
    });
    tables.clear_sessions(None);
    tables.publish();
    let [mut first, mut second] = workers;
    for _ in 0..20 {
        for worker in [&mut first, &mut second] {
            worker.send(&[], clock(ROUNDS));
        }
    }
    assert_eq!(tables.session_count(), 0);
    let totals = [0, 1].map(|worker| tables.session_totals(port, worker));
    let sum = |of: fn(&weft_graph::SessionTotals) -> u64| totals.iter().map(of).sum::<u64>();
    assert!(sum(|own| own.added) > 0);
    assert_eq!(sum(|own| own.added), sum(|own| own.deleted));
}
