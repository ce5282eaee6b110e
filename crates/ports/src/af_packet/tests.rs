//! Two packet ports, one on each end of a veth pair.

use weft_packet::checksum::{Sum, internet_checksum};
use weft_packet::header::IpProtocol;
use weft_packet::{BufferPool, Flags, GsoType, Offload};

use super::*;
use crate::testing::{TestNamespace, datagram, frame, tagged, wait_readable};
use crate::{NetNs, RxScratch, TxScratch};

struct Lab {
    namespace: TestNamespace,
    a: (PacketPort, PacketRx),
    b: (PacketPort, PacketRx),
    pool: BufferPool,
    rx: RxScratch,
    tx: TxScratch,
}

fn open(namespace: &TestNamespace, config: &PacketPortConfig) -> (PacketPort, PacketRx) {
    NetNs::open(&namespace.name)
        .and_then(|ns| ns.run(|| PacketPort::open(config)))
        .expect("packet port")
}

fn config(name: &str) -> PacketPortConfig {
    PacketPortConfig {
        host_if_name: name.to_owned(),
        qdisc_bypass: true,
        ..PacketPortConfig::default()
    }
}

fn lab() -> Lab {
    lab_of(&config("left"))
}

fn lab_of(left: &PacketPortConfig) -> Lab {
    let namespace = TestNamespace::new();
    namespace.veth("left", "right");
    let a = open(&namespace, left);
    let b = open(&namespace, &config("right"));
    let pool = BufferPool::new(2048);
    Lab {
        namespace,
        a,
        b,
        pool,
        rx: RxScratch::default(),
        tx: TxScratch::default(),
    }
}

impl Lab {
    fn send(&mut self, frames: &[Vec<u8>]) -> TxResult {
        let packets: Vec<_> = frames
            .iter()
            .map(|f| self.pool.alloc_from(f).expect("buffers"))
            .collect();
        self.a.0.tx().tx(&mut self.pool, &packets, &mut self.tx)
    }

    /// Everything that is in the ring of `b`.
    fn receive(&mut self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let result = self.b.1.rx(&mut self.pool, &mut self.rx, &mut out, 4096);
        assert_eq!(result.dropped(), 0, "{result:?}");
        let frames = out.iter().map(|&packet| {
            let mut bytes = vec![0; self.pool.total_length(packet)];
            self.pool.copy_to(packet, &mut bytes);
            bytes
        });
        let frames = frames.collect();
        self.pool.free_many(&out);
        frames
    }
}

#[test]
fn bursts_wrap_round_the_ring_in_order() {
    let mut lab = lab();
    // The default ring has 1024 frames: eight bursts of 200 go round it.
    for burst in 0..8_u8 {
        let frames: Vec<_> = (0..200).map(|i| frame(60 + i, burst)).collect();
        assert_eq!(lab.send(&frames).sent, 200);
        assert_eq!(lab.receive(), frames);
    }
}

#[test]
fn tag_taken_out_by_the_kernel_is_put_back() {
    let mut lab = lab();
    let frames = vec![
        tagged(&frame(60, 1), 5),
        frame(60, 2),
        tagged(&frame(1514, 3), 4094),
    ];
    assert_eq!(lab.send(&frames).sent, 3);
    assert_eq!(lab.receive(), frames);
    let double = vec![tagged(&tagged(&frame(60, 4), 20), 10)];
    lab.send(&double);
    assert_eq!(lab.receive(), double);
}

#[test]
fn priority_bits_survive() {
    let mut lab = lab();
    let frames = vec![tagged(&frame(60, 1), 0xe005)];
    lab.send(&frames);
    assert_eq!(lab.receive(), frames);
}

#[test]
fn packets_longer_than_a_frame_of_the_ring_arrive_whole_and_in_order() {
    let namespace = TestNamespace::new();
    namespace.veth("left", "right");
    let a = open(&namespace, &config("left"));
    // The ring is made for an MTU of 1500, which grows afterwards.
    let b = open(&namespace, &config("right"));
    namespace.run(&["ip", "link", "set", "left", "mtu", "9000"]);
    namespace.run(&["ip", "link", "set", "right", "mtu", "9000"]);
    let pool = BufferPool::new(512);
    let mut lab = Lab {
        namespace,
        a,
        b,
        pool,
        rx: RxScratch::default(),
        tx: TxScratch::default(),
    };
    let frames = vec![
        frame(9014, 1),
        frame(60, 2),
        tagged(&frame(9014, 3), 77),
        frame(3000, 4),
        frame(1500, 5),
    ];
    assert_eq!(lab.send(&frames).sent, frames.len());
    assert_eq!(lab.receive(), frames);
}

#[test]
fn own_packets_are_not_received() {
    let mut lab = lab();
    assert_eq!(lab.send(&[frame(60, 1)]).sent, 1);
    let mut out = Vec::new();
    let (pool, rx) = (&mut lab.pool, &mut lab.rx);
    let result = lab.a.1.rx(pool, rx, &mut out, 256);
    assert_eq!((result.packets, result.is_drained), (0, true));
}

#[test]
fn full_ring_loses_packets_but_goes_on() {
    let mut lab = lab();
    let frames: Vec<_> = (0..1500_u16).map(|i| frame(60, i as u8)).collect();
    assert_eq!(lab.send(&frames).sent, 1500);
    let seen = lab.receive();
    assert_eq!(seen, frames[..1024], "the ring keeps the first 1024");
    assert_eq!(lab.send(&frames[..10]).sent, 10);
    assert_eq!(lab.receive(), frames[..10]);
}

#[test]
fn packet_longer_than_the_mtu_is_refused_and_counted() {
    let mut lab = lab();
    let result = lab.send(&[frame(60, 1), frame(3000, 2), frame(60, 3)]);
    assert_eq!(
        result,
        TxResult {
            sent: 2,
            full: 0,
            refused: 1
        }
    );
    assert_eq!(lab.receive(), [frame(60, 1), frame(60, 3)]);
}

#[test]
fn device_that_went_down_says_so_once_and_works_again_when_up() {
    let mut lab = lab();
    let home = NetNs::open(&lab.namespace.name).expect("namespace");
    let carrier = |lab: &Lab| home.run(|| Ok(lab.b.0.has_carrier())).expect("namespace");
    assert!(carrier(&lab));
    home.run(|| lab.b.0.set_up(false)).expect("down");
    assert!(!carrier(&lab));
    let error = lab.b.1.take_error().expect("an error is pending");
    assert_eq!(error.raw_os_error(), Some(libc::ENETDOWN));
    assert!(lab.b.1.take_error().is_none());
    home.run(|| lab.b.0.set_up(true)).expect("up");
    assert_eq!(lab.send(&[frame(60, 9)]).sent, 1);
    wait_readable(&lab.b.1.as_fd());
    assert_eq!(lab.receive(), [frame(60, 9)]);
}

#[test]
fn absent_device_is_named_in_the_error() {
    let error = PacketPort::open(&config("weft-absent")).expect_err("no such device");
    assert!(matches!(error, PortError::NoSuchDevice { .. }), "{error}");
}

#[test]
fn senseless_ring_is_refused_before_the_kernel_is_asked() {
    let config = PacketPortConfig {
        rx_frame_size: 1000,
        ..config("lo")
    };
    let error = PacketPort::open(&config).expect_err("1000 is no multiple of 16");
    assert!(
        matches!(
            error,
            PortError::RingSize {
                frame_size: 1000,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn partial_checksum_is_carried() {
    let mut lab = lab();
    let mut bytes = frame(14, 0)[..12].to_vec();
    bytes.extend_from_slice(&[8, 0, 0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 17, 0, 0]);
    bytes.extend_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2, 0, 7, 0, 7, 0, 20, 0, 0]);
    bytes.resize(54, 1);
    let partial = weft_packet::offload::PartialChecksum {
        start: 34,
        offset: 6,
    };
    let offload = Offload {
        checksum: Some(partial),
        ..Offload::default()
    };
    let packet = lab.pool.alloc_from(&bytes).expect("buffers");
    lab.pool.set_offload(packet, offload);
    lab.a.0.tx().tx(&mut lab.pool, &[packet], &mut lab.tx);
    let mut out = Vec::new();
    lab.b.1.rx(&mut lab.pool, &mut lab.rx, &mut out, 256);
    assert_eq!(lab.pool.offload(out[0]).checksum, Some(partial));
    assert!(lab.namespace.run(&["ip", "link"]).contains("left@right"));
}

/// As agents open devices.
fn queueing() -> Lab {
    lab_of(&PacketPortConfig {
        qdisc_bypass: false,
        ..config("left")
    })
}

impl Lab {
    /// Sends datagrams of a tunnel with these payloads.
    fn send_tunnelled(&mut self, payloads: &[usize]) -> TxResult {
        let packets: Vec<_> = (0..)
            .zip(payloads)
            .map(|(seed, &payload)| {
                let bytes = datagram(payload, seed);
                let packet = self.pool.alloc_from(&bytes).expect("buffers");
                self.pool.meta_mut(packet).flags.insert(Flags::ENCAPSULATED);
                packet
            })
            .collect();
        self.a.0.tx().tx(&mut self.pool, &packets, &mut self.tx)
    }
}

#[test]
fn datagrams_of_a_tunnel_leave_as_one_packet() {
    let mut lab = queueing();
    assert_eq!(lab.send_tunnelled(&[1000, 1000, 1000, 10]).sent, 4);
    let mut out = Vec::new();
    let (pool, rx) = (&mut lab.pool, &mut lab.rx);
    assert_eq!(lab.b.1.rx(pool, rx, &mut out, 256).packets, 1);
    let seen = pool.offload(out[0]);
    assert_eq!((seen.gso_type, seen.gso_size), (GsoType::UdpL4, 1000));
    let mut bytes = vec![0; pool.total_length(out[0])];
    pool.copy_to(out[0], &mut bytes);
    let payloads = [1000, 1000, 1000, 10].into_iter().zip(0..);
    let payloads = payloads.flat_map(|(payload, seed)| datagram(payload, seed).split_off(42));
    assert_eq!(bytes[42..], payloads.collect::<Vec<_>>());
    pool.free_many(&out);
}

#[test]
fn a_device_that_does_not_cut_gets_datagrams_with_checksums() {
    let mut lab = queueing();
    lab.namespace
        .run(&["ethtool", "--offload", "left", "tx", "off"]);
    assert_eq!(lab.send_tunnelled(&[1000, 1000, 1000, 10]).sent, 4);
    let seen = lab.receive();
    for ((frame, payload), seed) in seen.iter().zip([1000, 1000, 1000, 10]).zip(0..) {
        assert_eq!(frame[42..], datagram(payload, seed)[42..]);
        assert_eq!(internet_checksum(&frame[14..34]), 0);
        let mut sum = Sum::default();
        sum.add_pseudo_header(&frame[26..34], IpProtocol::UDP, 8 + payload as u32);
        sum.add(&frame[34..]);
        assert_eq!(sum.folded(), 0xffff);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn datagrams_longer_than_the_mtu_are_refused_one_by_one() {
    let mut lab = queueing();
    let result = lab.send_tunnelled(&[1600, 1600, 1600]);
    assert_eq!((result.sent, result.refused), (0, 3));
}

#[test]
fn nothing_is_joined_that_a_device_without_a_queue_would_lose() {
    let mut lab = lab();
    lab.namespace
        .run(&["ethtool", "--offload", "left", "tx", "off"]);
    assert_eq!(lab.send_tunnelled(&[1000, 1000]).sent, 2);
    assert_eq!(lab.receive(), [datagram(1000, 0), datagram(1000, 1)]);
}
