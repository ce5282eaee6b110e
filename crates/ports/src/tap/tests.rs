//! A TAP in a namespace of its own, whose host side is opened as a packet port: what goes in at one
//! end must come out at the other.

use weft_packet::{BufferPool, GsoType, Offload};

use super::*;
use crate::af_packet::{PacketPort, PacketPortConfig, PacketRx};
use crate::testing::{TestNamespace, frame, tagged, wait_readable};
use crate::{NetNs, RxResult, RxScratch, TxScratch};
use weft_packet::offload::PartialChecksum;

struct Lab {
    namespace: TestNamespace,
    tap: Tap,
    host: PacketPort,
    host_rx: PacketRx,
    pool: BufferPool,
    rx: RxScratch,
    tx: TxScratch,
}

fn config(namespace: &TestNamespace, name: &str) -> TapConfig {
    TapConfig {
        host_if_name: Some(name.to_owned()),
        namespace: Some(namespace.name.clone()),
        host_mac: [2, 0, 0, 0, 0, 7],
        ..TapConfig::default()
    }
}

fn lab() -> Lab {
    let namespace = TestNamespace::new();
    let tap = Tap::create(&config(&namespace, "vm")).expect("tap");
    let port_config = PacketPortConfig {
        host_if_name: "vm".to_owned(),
        ..PacketPortConfig::default()
    };
    let (host, host_rx) = NetNs::open(&namespace.name)
        .and_then(|ns| ns.run(|| PacketPort::open(&port_config)))
        .expect("packet port");
    let (pool, rx, tx) = (
        BufferPool::new(512),
        RxScratch::default(),
        TxScratch::default(),
    );
    Lab {
        namespace,
        tap,
        host,
        host_rx,
        pool,
        rx,
        tx,
    }
}

impl Lab {
    /// Sends from the host's side, returns what the TAP receives.
    fn host_to_tap(&mut self, bytes: &[u8], offload: Offload) -> (Vec<u8>, Offload) {
        let packet = self.pool.alloc_from(bytes).expect("buffers");
        self.pool.set_offload(packet, offload);
        let sent = self.host.tx().tx(&mut self.pool, &[packet], &mut self.tx);
        assert_eq!(sent.sent, 1, "{sent:?}");
        let queue = &self.tap.queues()[0];
        wait_readable(queue.fd());
        let mut out = Vec::new();
        let result = queue.rx(&mut self.pool, &mut self.rx, &mut out, 256);
        assert_eq!((result.packets, result.dropped()), (1, 0), "{result:?}");
        let seen = (self.bytes_of(out[0]), self.pool.offload(out[0]));
        self.pool.free(out[0]);
        seen
    }

    /// Sends on the TAP, returns what the host's side receives.
    fn tap_to_host(&mut self, bytes: &[u8], offload: Offload) -> (Vec<u8>, Offload) {
        let packet = self.pool.alloc_from(bytes).expect("buffers");
        self.pool.set_offload(packet, offload);
        let sent = self.tap.queues()[0].tx(&mut self.pool, &[packet], &mut self.tx);
        assert_eq!(sent.sent, 1, "{sent:?}");
        let mut out = Vec::new();
        let result = self.host_rx.rx(&mut self.pool, &mut self.rx, &mut out, 256);
        assert_eq!((result.packets, result.dropped()), (1, 0), "{result:?}");
        let seen = (self.bytes_of(out[0]), self.pool.offload(out[0]));
        self.pool.free(out[0]);
        seen
    }

    fn bytes_of(&self, packet: weft_packet::BufferIndex) -> Vec<u8> {
        let mut bytes = vec![0; self.pool.total_length(packet)];
        self.pool.copy_to(packet, &mut bytes);
        bytes
    }
}

/// A TCP/IPv4 packet of `payload` bytes whose checksum is left to the receiver.
fn tcp_packet(payload: usize) -> Vec<u8> {
    let mut bytes = frame(14, 0)[..12].to_vec();
    bytes.extend_from_slice(&[8, 0]);
    let total = (40 + payload) as u16;
    let [t0, t1] = total.to_be_bytes();
    bytes.extend_from_slice(&[0x45, 0, t0, t1, 0, 1, 0x40, 0, 64, 6, 0, 0]);
    bytes.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
    bytes.extend_from_slice(&[
        0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, 0, 0, 0, 0,
    ]);
    bytes.extend((0..payload).map(|i| i as u8));
    bytes
}

fn super_packet_offload(tag: u16) -> Offload {
    Offload {
        checksum: Some(PartialChecksum {
            start: 34 + tag,
            offset: 16,
        }),
        data_valid: false,
        gso_type: GsoType::TcpV4,
        gso_size: 1448,
        hdr_len: 54 + tag,
    }
}

#[test]
fn packets_of_every_size_cross_unchanged_both_ways() {
    let mut lab = lab();
    for length in [60, 64, 1000, 1514] {
        let sent = frame(length, length as u8);
        assert_eq!(lab.host_to_tap(&sent, Offload::default()).0, sent);
        assert_eq!(lab.tap_to_host(&sent, Offload::default()).0, sent);
    }
}

#[test]
fn vlan_tag_is_kept_both_ways() {
    let mut lab = lab();
    let sent = tagged(&frame(100, 3), 1234);
    assert_eq!(lab.host_to_tap(&sent, Offload::default()).0, sent);
    assert_eq!(lab.tap_to_host(&sent, Offload::default()).0, sent);
}

#[test]
fn super_packets_keep_length_and_offload_both_ways() {
    let mut lab = lab();
    // Short and long in turns: the reader expects the one and gets the other.
    for payload in [1400, 60_000, 1400, 9_000, 60_000] {
        let sent = tcp_packet(payload);
        let offload = if payload > 1448 {
            super_packet_offload(0)
        } else {
            Offload {
                gso_type: GsoType::None,
                gso_size: 0,
                hdr_len: 0,
                ..super_packet_offload(0)
            }
        };
        for (bytes, seen) in [
            lab.host_to_tap(&sent, offload),
            lab.tap_to_host(&sent, offload),
        ] {
            assert_eq!(bytes, sent);
            assert_eq!(seen.checksum, offload.checksum);
            assert_eq!(
                (seen.gso_type, seen.gso_size),
                (offload.gso_type, offload.gso_size)
            );
        }
    }
}

#[test]
fn tagged_super_packet_arrives_with_tag_and_shifted_positions() {
    let mut lab = lab();
    let sent = tagged(&tcp_packet(20_000), 7);
    let (bytes, seen) = lab.tap_to_host(&sent, super_packet_offload(4));
    assert_eq!(bytes, sent);
    assert_eq!(seen.checksum, super_packet_offload(4).checksum);
    assert_eq!((seen.gso_type, seen.gso_size), (GsoType::TcpV4, 1448));
}

#[test]
fn segments_of_a_stream_arrive_as_one_packet() {
    let mut lab = lab();
    let whole = tcp_packet(5 * 1000 + 200);
    let packet = lab.pool.alloc_from(&whole).expect("buffers");
    let offload = Offload {
        gso_size: 1000,
        ..super_packet_offload(0)
    };
    lab.pool.set_offload(packet, offload);
    let mut segments = Vec::new();
    weft_packet::gso::segment(&mut lab.pool, packet, &mut segments).expect("segments");
    let other = lab.pool.alloc_from(&frame(60, 1)).expect("buffers");
    segments.push(other);
    let result = lab.tap.queues()[0].tx(&mut lab.pool, &segments, &mut lab.tx);
    assert_eq!((result.sent, result.dropped()), (7, 0));
    let mut out = Vec::new();
    let (pool, rx) = (&mut lab.pool, &mut lab.rx);
    assert_eq!(lab.host_rx.rx(pool, rx, &mut out, 256).packets, 2);
    let bytes = lab.bytes_of(out[0]);
    assert_eq!(bytes.len(), whole.len());
    assert_eq!(bytes[54..], whole[54..]);
    let seen = lab.pool.offload(out[0]);
    assert_eq!((seen.gso_type, seen.gso_size), (GsoType::TcpV4, 1000));
    assert_eq!(seen.checksum, offload.checksum);
    assert_eq!(lab.bytes_of(out[1]), frame(60, 1));
    lab.pool.free_many(&out);
}

#[test]
fn host_attributes_are_as_configured() {
    let namespace = TestNamespace::new();
    let tap = Tap::create(&TapConfig {
        host_mtu: Some(1450),
        host_ip4: Some((Ipv4Addr::new(192, 0, 2, 1), 24)),
        queues: 2,
        ..config(&namespace, "vm")
    })
    .expect("tap");
    assert_eq!(tap.queues().len(), 2);
    let seen = namespace.run(&["ip", "address", "show", "dev", "vm"]);
    for expected in ["mtu 1450", "02:00:00:00:00:07", "192.0.2.1/24", ",UP"] {
        assert!(seen.contains(expected), "{expected} is missing in {seen}");
    }
    drop(tap);
    assert!(
        !namespace.run(&["ip", "link"]).contains("vm"),
        "the device outlived its queues"
    );
}

#[test]
fn name_of_another_device_is_refused() {
    let namespace = TestNamespace::new();
    namespace.veth("taken", "peer");
    let error = Tap::create(&config(&namespace, "taken")).expect_err("name is taken");
    assert!(
        matches!(
            error,
            PortError::Tap {
                operation: "TUNSETIFF",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn absent_namespace_is_named_in_the_error() {
    let config = TapConfig {
        namespace: Some("weft-no-such".to_owned()),
        ..TapConfig::default()
    };
    let error = Tap::create(&config).expect_err("no such namespace");
    assert!(matches!(error, PortError::OpenNamespace { .. }), "{error}");
    assert!(error.to_string().contains("weft-no-such"), "{error}");
}

#[test]
fn failed_creation_leaves_no_device() {
    let namespace = TestNamespace::new();
    let bad = TapConfig {
        host_mtu: Some(100_000),
        ..config(&namespace, "vm")
    };
    let error = Tap::create(&bad).expect_err("more than a TAP can have");
    assert!(matches!(error, PortError::Netlink { .. }), "{error}");
    assert!(!namespace.run(&["ip", "link"]).contains("vm"));
}

#[test]
fn absent_bridge_is_no_error_as_in_vpp() {
    let namespace = TestNamespace::new();
    let odd = TapConfig {
        host_bridge: Some("absent".to_owned()),
        ..config(&namespace, "vm")
    };
    assert!(Tap::create(&odd).is_ok());
}

#[test]
fn second_tap_of_one_name_is_refused() {
    let namespace = TestNamespace::new();
    let _first = Tap::create(&config(&namespace, "vm")).expect("tap");
    let error = Tap::create(&config(&namespace, "vm")).expect_err("name is taken");
    assert!(matches!(error, PortError::Tap { .. }), "{error}");
    let error = Tap::create(&TapConfig {
        queues: 2,
        ..config(&namespace, "vm")
    });
    assert!(error.is_err(), "also with several queues");
}

#[test]
fn persistent_device_of_several_queues_can_be_taken_over_with_one() {
    let namespace = TestNamespace::new();
    let several = TapConfig {
        queues: 2,
        persistent: true,
        ..config(&namespace, "vm")
    };
    drop(Tap::create(&several).expect("tap"));
    assert!(namespace.run(&["ip", "link"]).contains("vm"));
    let attach = TapConfig {
        attach: true,
        ..config(&namespace, "vm")
    };
    drop(Tap::create(&attach).expect("taken over"));
    assert!(!namespace.run(&["ip", "link"]).contains("vm"));
}

#[test]
fn without_buffers_packets_are_counted_and_the_queue_is_emptied() {
    let mut lab = lab();
    for seed in 0..3 {
        let packet = lab.pool.alloc_from(&frame(64, seed)).expect("buffers");
        lab.host.tx().tx(&mut lab.pool, &[packet], &mut lab.tx);
    }
    let queue = &lab.tap.queues()[0];
    wait_readable(queue.fd());
    let mut hoard = Vec::new();
    while let Some(buffer) = lab.pool.alloc() {
        hoard.push(buffer);
    }
    let mut out = Vec::new();
    let result = queue.rx(&mut lab.pool, &mut lab.rx, &mut out, 256);
    assert_eq!(
        result,
        RxResult {
            no_buffers: 3,
            is_drained: true,
            ..RxResult::default()
        }
    );
    lab.pool.free_many(&hoard);
    assert!(lab.namespace.run(&["ip", "link"]).contains("vm"));
}
