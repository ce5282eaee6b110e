//! Two workers and a control thread that changes things meanwhile.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use weft_graph::{BdFlags, DeviceClass, Graph, PortType, Severity, SwIfIndex, Tables};
use weft_packet::BufferPool;

use crate::lab::{BD, frame, mac};

/// Packets that each worker sends.
const PACKETS: u64 = 20_000;

/// Runs a worker that receives on `own` until its packets are through; returns how many it sent.
fn work(mut graph: Graph, own: SwIfIndex, worker: u8) -> u64 {
    let mut pool = BufferPool::new(256);
    let mut sent = 0;
    for round in 0..PACKETS / 20 {
        let now = Duration::from_secs(60 * round);
        let packets: Vec<_> = (0..20)
            .map(|number| {
                let packet = frame(worker * 100 + number, (1 - worker) * 100 + number);
                pool.alloc_from(&packet).unwrap()
            })
            .collect();
        graph.input(&mut pool, own, &packets, now);
        graph.run(&mut pool, now);
        graph.drain_tx(|port, packets| {
            assert_ne!(port, own);
            sent += packets.len() as u64;
            pool.free_many(packets);
        });
        assert_eq!(pool.stats().free, 256);
    }
    sent
}

#[test]
fn nothing_is_lost_without_a_name_while_the_configuration_changes() {
    let mut tables = Tables::new(2);
    // Without floods, every packet is sent once or dropped once.
    let quiet = BdFlags {
        uu_flood: false,
        flood: false,
        ..BdFlags::DEFAULT
    };
    tables.add_bridge_domain(BD, quiet, 10).unwrap();
    let ports = [0, 1].map(|_| {
        let port = tables.add_port("tap", DeviceClass::Tap, mac(0xff), 9000);
        tables.set_admin_up(port, true).unwrap();
        tables.set_link_up(port, true).unwrap();
        tables.set_l2_bridge(port, BD, PortType::Normal, 0).unwrap();
        port
    });
    tables.publish();
    let graphs = [0, 1].map(|worker| Graph::new(&tables.handle(), worker));
    let running = AtomicUsize::new(2);
    let sent: u64 = std::thread::scope(|scope| {
        let workers: Vec<_> = graphs
            .into_iter()
            .zip(ports)
            .zip(0..)
            .map(|((graph, port), worker)| {
                let running = &running;
                scope.spawn(move || {
                    let sent = work(graph, port, worker);
                    running.fetch_sub(1, Ordering::Release);
                    sent
                })
            })
            .collect();
        let mut turn = 0;
        while running.load(Ordering::Acquire) > 0 {
            turn += 1;
            match turn % 4 {
                0 => tables.set_l3(ports[0]).unwrap(),
                1 => tables
                    .set_l2_bridge(ports[0], BD, PortType::Normal, 0)
                    .unwrap(),
                2 => tables.flush_bridge_domain(BD).unwrap(),
                _ => while !tables.age_scan(Duration::from_secs(60 * turn), 10_000) {},
            }
            tables.publish();
        }
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });

    let errors = tables.errors();
    let drops: u64 = errors
        .iter()
        .filter(|own| own.error.severity() == Severity::Error)
        .map(|own| own.count)
        .sum();
    let totals = ports.map(|port| tables.interface_totals(port).unwrap());
    let sum = |of: fn(&weft_graph::InterfaceTotals) -> u64| totals.iter().map(of).sum::<u64>();
    assert_eq!(sum(|own| own.rx_packets), 2 * PACKETS);
    assert_eq!(sum(|own| own.tx_packets), sent);
    assert_eq!(sum(|own| own.drops + own.punts), drops);
    assert_eq!(sent + drops, 2 * PACKETS, "{errors:?}");

    // All that was learned is counted, and gone once the bridge domain is flushed.
    let learned = tables.macs(None).len();
    assert_eq!(tables.learned(BD).unwrap() as usize, learned);
    tables.flush_bridge_domain(BD).unwrap();
    while !tables.age_scan(Duration::ZERO, usize::MAX) {}
    assert_eq!(tables.macs(None), []);
    assert_eq!(tables.learned(BD).unwrap(), 0);
}
