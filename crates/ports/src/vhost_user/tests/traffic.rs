//! Packets cross whole, in every shape that guests give their rings.

use weft_packet::offload::PartialChecksum;
use weft_packet::{GsoType, checksum};

use super::*;

const ALL: VhostUserFeatures = VhostUserFeatures {
    mergeable: true,
    indirect: true,
    offloads: true,
    event_index: true,
};
const MRG_RXBUF: u64 = 1 << 15;
const VERSION_1: u64 = 1 << 32;

/// A TCP/IPv4 packet of `payload` bytes whose checksum is partial.
fn tcp_packet(payload: usize) -> Vec<u8> {
    let mut bytes = frame(14, 0)[..12].to_vec();
    bytes.extend_from_slice(&[8, 0]);
    let total = (40 + payload) as u16;
    let [t0, t1] = total.to_be_bytes();
    let mut ip = [
        0x45, 0, t0, t1, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
    ];
    let sum = checksum::internet_checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&sum);
    bytes.extend_from_slice(&ip);
    let mut pseudo = checksum::Sum::default();
    pseudo.add(&ip[12..20]);
    pseudo.add_u16(6);
    pseudo.add_u16(total - 20);
    let [c0, c1] = pseudo.folded().to_be_bytes();
    bytes.extend_from_slice(&[
        0, 80, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, 0x50, 0x10, 1, 0, c0, c1, 0, 0,
    ]);
    bytes.extend((0..payload).map(|i| i as u8));
    bytes
}

fn partial() -> Offload {
    Offload {
        checksum: Some(PartialChecksum {
            start: 34,
            offset: 16,
        }),
        ..Offload::default()
    }
}

fn super_packet() -> Offload {
    Offload {
        gso_type: GsoType::TcpV4,
        gso_size: 1448,
        hdr_len: 54,
        ..partial()
    }
}

/// The header of [`super_packet`] as a guest writes it.
const SUPER_HEADER: [u8; 10] = [1, 1, 54, 0, 0xa8, 5, 34, 0, 16, 0];

/// Whether a TCP/IPv4 packet's checksum is right.
fn checksum_holds(bytes: &[u8]) -> bool {
    let mut sum = checksum::Sum::default();
    sum.add(&bytes[26..34]);
    sum.add_u16(6);
    sum.add_u16((bytes.len() - 34) as u16);
    sum.add(&bytes[34..]);
    sum.checksum() == 0
}

#[test]
fn packets_of_every_size_cross_unchanged_both_ways() {
    for accepts in [u64::MAX, !MRG_RXBUF, !(MRG_RXBUF | VERSION_1)] {
        for (indirect, piece) in [(false, 4096), (false, 12), (true, 4096), (true, 100)] {
            let options = Options {
                accepts,
                indirect,
                piece,
                ..Options::default()
            };
            let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, options);
            for length in [14, 60, 500, 1514] {
                if length / piece > 40 {
                    continue;
                }
                let sent = frame(length, length as u8);
                guest.send(1, &sent);
                let (packets, result) = bed.receive();
                assert_eq!(packets, [(sent.clone(), Offload::default())], "{options:?}");
                assert_eq!(result.dropped(), 0);
                assert_eq!(guest.used(1).len(), 1, "the guest has its buffers back");

                guest.offer(0, 2048);
                assert_eq!(bed.send(&sent, Offload::default()).sent, 1);
                let arrived = guest.received(0);
                assert_eq!(arrived.len(), 1);
                assert_eq!((&arrived[0].bytes, arrived[0].buffers), (&sent, 1));
                assert!(arrived[0].header[..10].iter().all(|byte| *byte == 0));
            }
            bed.nothing_leaks();
        }
    }
}

#[test]
fn super_packets_keep_length_and_offload_both_ways() {
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, Options::default());
    let sent = tcp_packet(60_000);
    guest.send_with_header(1, &SUPER_HEADER, &sent);
    let (packets, _) = bed.receive();
    assert_eq!(packets, [(sent.clone(), super_packet())]);

    for _ in 0..40 {
        guest.offer(0, 2048);
    }
    assert_eq!(bed.send(&sent, super_packet()).sent, 1);
    let arrived = guest.received(0);
    assert_eq!(arrived.len(), 1);
    assert_eq!(arrived[0].bytes, sent);
    assert_eq!(arrived[0].buffers, (60_054 + 12_usize).div_ceil(2048));
    assert_eq!(arrived[0].header[..10], SUPER_HEADER);
    bed.nothing_leaks();
}

#[test]
fn guest_without_offloads_gets_segments_with_whole_checksums() {
    let features = VhostUserFeatures::default();
    let (_socket, mut bed, mut guest) = Bed::with_guest(features, Options::default());
    for _ in 0..10 {
        guest.offer(0, 2048);
    }
    let sent = tcp_packet(5000);
    assert_eq!(bed.send(&sent, super_packet()).sent, 1);
    let arrived = guest.received(0);
    assert_eq!(arrived.len(), 4);
    let payload: Vec<u8> = arrived
        .iter()
        .flat_map(|a| a.bytes[54..].to_vec())
        .collect();
    assert_eq!(payload, sent[54..]);
    for packet in &arrived {
        assert!(checksum_holds(&packet.bytes));
        assert!(packet.header[..10].iter().all(|byte| *byte == 0));
    }
    assert_eq!(bed.send(&tcp_packet(100), partial()).sent, 1);
    assert!(checksum_holds(&guest.received(0)[0].bytes));
    // What such a guest writes into its headers means nothing.
    guest.send_with_header(1, &SUPER_HEADER, &sent);
    assert_eq!(bed.receive().0, [(sent, Offload::default())]);
    bed.nothing_leaks();
}

#[test]
fn offload_that_was_not_agreed_is_refused() {
    const HOST_TSO4: u64 = 1 << 11;
    let options = Options {
        accepts: !HOST_TSO4,
        ..Options::default()
    };
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, options);
    guest.send_with_header(1, &SUPER_HEADER, &tcp_packet(5000));
    let (packets, result) = bed.receive();
    assert_eq!((packets.len(), result.refused), (0, 1));
    assert_eq!(bed.faults(), [VhostUserFault::BadHeader]);
    bed.works_with(&mut guest);
}

#[test]
fn guest_without_buffers_costs_the_packet_and_nothing_else() {
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, Options::default());
    let sent = frame(1000, 1);
    assert_eq!(bed.send(&sent, Offload::default()).full, 1);
    // Half of what a packet needs is kept for the next.
    guest.offer(0, 600);
    assert_eq!(bed.send(&sent, Offload::default()).full, 1);
    assert!(guest.used(0).is_empty());
    guest.offer(0, 600);
    assert_eq!(bed.send(&sent, Offload::default()).sent, 1);
    let arrived = guest.received(0);
    assert_eq!((arrived[0].buffers, &arrived[0].bytes), (2, &sent));
    assert_eq!(bed.faults(), [VhostUserFault::NoDescriptors]);
    bed.nothing_leaks();
}

#[test]
fn without_merging_a_packet_needs_one_buffer_that_holds_it() {
    let options = Options {
        accepts: !MRG_RXBUF,
        ..Options::default()
    };
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, options);
    guest.offer(0, 600);
    guest.offer(0, 600);
    let result = bed.send(&frame(1000, 1), Offload::default());
    assert_eq!((result.sent, result.refused), (0, 1));
    assert_eq!(bed.faults(), [VhostUserFault::NoMerge]);
    assert_eq!(bed.send(&frame(100, 1), Offload::default()).sent, 1);
    assert_eq!(guest.received(0).len(), 1);
}

#[test]
fn guest_need_not_notify_until_a_look_has_found_nothing() {
    let features = VhostUserFeatures::default();
    let (_socket, mut bed, mut guest) = Bed::with_guest(features, Options::default());
    assert!(bed.receive().1.is_drained);
    assert!(!guest.is_muted(1));
    for seed in 0..50 {
        guest.send(1, &frame(60, seed));
    }
    let receiver = Arc::clone(&bed.port.receivers()[0]);
    assert!(is_readable(&receiver));
    receiver.acknowledge();
    let mut out = Vec::new();
    for expected in [(30, false), (20, false)] {
        let result = receiver.rx(&mut bed.pool, &mut bed.rx, &mut out, 30);
        assert_eq!((result.packets, result.is_drained), expected);
        assert!(guest.is_muted(1), "we look again by ourselves");
    }
    let result = receiver.rx(&mut bed.pool, &mut bed.rx, &mut out, 30);
    assert_eq!((result.packets, result.is_drained), (0, true));
    assert!(!guest.is_muted(1), "it must notify again");
    assert!(!is_readable(&receiver), "nothing to do");
    guest.send(1, &frame(60, 0));
    assert!(is_readable(&receiver));
    bed.pool.free_many(&out);
}

fn is_readable(receiver: &VhostUserRx) -> bool {
    let mut poll = libc::pollfd {
        fd: std::os::fd::AsRawFd::as_raw_fd(&receiver.as_fd()),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one `pollfd`, which outlives the call.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

#[test]
fn guest_is_interrupted_when_it_wants_to_be() {
    let features = VhostUserFeatures::default();
    let (_socket, mut bed, mut guest) = Bed::with_guest(features, Options::default());
    for _ in 0..4 {
        guest.offer(0, 2048);
    }
    let send = |bed: &mut Bed| assert_eq!(bed.send(&frame(60, 0), Offload::default()).sent, 1);
    send(&mut bed);
    assert_eq!(guest.interrupts(0), 1);
    guest.set_no_interrupt(0, true);
    send(&mut bed);
    assert_eq!(guest.interrupts(0), 0);
    guest.set_no_interrupt(0, false);
    send(&mut bed);
    assert_eq!(guest.interrupts(0), 1);
}

#[test]
fn guest_is_interrupted_at_the_index_it_named() {
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, Options::default());
    for _ in 0..6 {
        guest.offer(0, 2048);
    }
    guest.set_used_event(0, 2);
    let mut seen = Vec::new();
    for _ in 0..6 {
        assert_eq!(bed.send(&frame(60, 0), Offload::default()).sent, 1);
        seen.push(guest.interrupts(0));
    }
    assert_eq!(seen, [0, 0, 1, 0, 0, 0], "when the third was used");
    guest.send(1, &frame(60, 0));
    assert_eq!(bed.receive().0.len(), 1);
}

#[test]
fn rings_of_several_pairs_are_spread_over_workers() {
    let socket = Socket::new();
    let mut bed = Bed::open(VhostUserConfig {
        receivers: 2,
        ..config(&socket, VhostUserRole::Server)
    });
    let options = Options {
        pairs: 3,
        ..Options::default()
    };
    let mut guest = Guest::connect(&socket.0, options);
    guest.set_up(&mut bed.port);
    assert_eq!(bed.port.status().ring_count, 6);
    for pair in 0..3 {
        let sent = frame(100, pair as u8);
        guest.send(2 * pair + 1, &sent);
        assert_eq!(
            bed.receive_at(pair % 2).0,
            [(sent.clone(), Offload::default())]
        );
        // Worker by worker another ring.
        guest.offer(2 * pair, 2048);
        let packet = bed.packet(&sent, Offload::default());
        let sender = Arc::clone(bed.port.sender());
        let result = sender.tx(pair, &mut bed.pool, &[packet], &mut bed.tx);
        assert_eq!(result.sent, 1);
        assert_eq!(guest.received(2 * pair)[0].bytes, sent);
    }
    // A disabled ring is not used: its worker takes the next one.
    guest.tell(&mut bed.port, 18, &guest::state(0, 0), &[]);
    guest.offer(2, 2048);
    let sender = Arc::clone(bed.port.sender());
    let packet = bed.packet(&frame(60, 0), Offload::default());
    assert_eq!(sender.tx(0, &mut bed.pool, &[packet], &mut bed.tx).sent, 1);
    assert_eq!(guest.received(2).len(), 1);
    bed.nothing_leaks();
}

#[test]
fn without_buffers_of_ours_packets_are_counted_and_the_ring_is_emptied() {
    let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, Options::default());
    let mut hoard = Vec::new();
    while let Some(buffer) = bed.pool.alloc() {
        hoard.push(buffer);
    }
    for seed in 0..3 {
        guest.send(1, &frame(60, seed));
    }
    let (_, result) = bed.receive();
    assert_eq!((result.packets, result.no_buffers), (0, 3));
    assert_eq!(guest.used(1).len(), 3);
    bed.pool.free_many(&hoard);
    bed.works_with(&mut guest);
}

#[test]
fn long_run_around_the_rings_loses_nothing() {
    for indirect in [false, true] {
        let options = Options {
            indirect,
            ..Options::default()
        };
        let (_socket, mut bed, mut guest) = Bed::with_guest(ALL, options);
        for round in 0..2000_u32 {
            let sent = frame(60 + (round as usize * 37) % 1400, round as u8);
            guest.send(1, &sent);
            let (packets, _) = bed.receive();
            assert_eq!(packets, [(sent.clone(), Offload::default())], "{round}");
            guest.offer(0, 2048);
            assert_eq!(bed.send(&sent, Offload::default()).sent, 1);
            assert_eq!(guest.received(0)[0].bytes, sent);
        }
        bed.nothing_leaks();
    }
}
