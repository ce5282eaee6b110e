//! Guests and peers that lie, cheat and die. Each ends in a counted fault at its own port; a second
//! port works on.

use std::os::fd::AsRawFd;

use super::guest::{
    GUEST, INDIRECT, MEMORY, NEXT, SIZE, USER, WRITE, addresses_at, duplicate, memory_file,
    ring_area, send_with, state, table,
};
use super::*;

const DEFAULT: VhostUserFeatures = VhostUserFeatures {
    mergeable: true,
    indirect: true,
    offloads: false,
    event_index: false,
};

fn bed() -> (Socket, Bed, Guest) {
    Bed::with_guest(DEFAULT, Options::default())
}

/// A chain of the guest's own making is dropped with this fault, and the next packet is taken.
fn is_dropped(fault: VhostUserFault, describe: impl FnOnce(&Guest)) {
    let (_socket, mut bed, mut guest) = bed();
    describe(&guest);
    guest.make_available(1, 0);
    guest.rings[1].kick();
    let (packets, result) = bed.receive();
    assert_eq!((packets.len(), result.refused), (0, 1), "{fault:?}");
    assert_eq!(bed.faults(), [fault]);
    assert_eq!(guest.used(1), [(0, 0)], "the chain goes back");
    bed.works_with(&mut guest);
    bed.nothing_leaks();
}

#[test]
fn chain_that_makes_no_sense_is_dropped_and_given_back() {
    use VhostUserFault as F;
    let beyond = GUEST + MEMORY as u64;
    is_dropped(F::BadAddress, |g| g.descriptor(1, 0, 0x1000, 100, 0, 0));
    is_dropped(F::BadAddress, |g| {
        g.descriptor(1, 0, beyond - 50, 100, 0, 0);
    });
    is_dropped(F::BadAddress, |g| {
        g.descriptor(1, 0, u64::MAX - 10, 100, 0, 0);
    });
    is_dropped(F::Undersized, |g| g.descriptor(1, 0, GUEST, 25, 0, 0));
    is_dropped(F::Undersized, |g| g.descriptor(1, 0, GUEST, 0, 0, 0));
    is_dropped(F::Oversized, |g| g.descriptor(1, 0, GUEST, u32::MAX, 0, 0));
    is_dropped(F::WrongDirection, |g| {
        g.descriptor(1, 0, GUEST, 100, WRITE, 0);
    });
    is_dropped(F::BadDescriptor, |g| {
        g.descriptor(1, 0, GUEST, 100, NEXT, SIZE);
    });
    is_dropped(F::Oversized, |g| g.descriptor(1, 0, GUEST, 1000, NEXT, 0));
    is_dropped(F::ChainTooLong, |g| g.descriptor(1, 0, GUEST, 1, NEXT, 0));
    is_dropped(F::ChainTooLong, |g| g.descriptor(1, 0, GUEST, 0, NEXT, 0));
}

#[test]
fn indirect_table_that_is_none_is_dropped() {
    use VhostUserFault as F;
    let at = ring_area(1) + 0x10_0000;
    let entry = |length: u32, flags: u16, next: u16| {
        let mut bytes = at.to_le_bytes().to_vec();
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&flags.to_le_bytes());
        bytes.extend_from_slice(&next.to_le_bytes());
        bytes
    };
    let indirect = |length: u32| move |g: &Guest| g.descriptor(1, 0, at, length, INDIRECT, 0);
    is_dropped(F::BadDescriptor, indirect(0));
    is_dropped(F::BadDescriptor, indirect(15));
    is_dropped(F::BadDescriptor, indirect(17));
    is_dropped(F::BadDescriptor, |g| {
        g.write(at, &entry(16, INDIRECT, 0));
        indirect(16)(g);
    });
    is_dropped(F::BadDescriptor, |g| {
        g.write(at, &entry(60, NEXT, 1));
        indirect(16)(g);
    });
    is_dropped(F::ChainTooLong, |g| {
        g.write(at, &entry(0, NEXT, 0));
        indirect(16)(g);
    });
    is_dropped(F::BadAddress, |g| {
        g.descriptor(1, 0, GUEST + MEMORY as u64 - 8, 16, INDIRECT, 0);
    });
    is_dropped(F::BadAddress, |g| {
        g.descriptor(1, 0, u64::MAX - 8, !15, INDIRECT, 0);
    });
}

#[test]
fn indirect_table_that_was_not_agreed_is_dropped() {
    let options = Options {
        accepts: !(1 << 28),
        indirect: true,
        ..Options::default()
    };
    let (_socket, mut bed, mut guest) = Bed::with_guest(DEFAULT, options);
    guest.send(1, &frame(60, 0));
    assert_eq!(bed.receive().1.refused, 1);
    assert_eq!(bed.faults(), [VhostUserFault::BadDescriptor]);
}

/// A ring is given up, tells so, and works when it is set up again.
fn is_given_up(ring: usize, fault: VhostUserFault, (mut bed, mut guest): (Bed, Guest)) {
    assert!(bed.faults().contains(&fault), "{:?}", bed.faults());
    bed.port.process();
    assert!(!bed.port.is_ready(), "ring {ring}");
    assert!(bed.port.status().is_connected, "the peer may mend it");
    // The same machine after a reset: new rings at their beginning.
    guest = Guest::accept_stream(guest.socket.try_clone().expect("socket"), guest.options);
    guest.set_up(&mut bed.port);
    bed.works_with(&mut guest);
    bed.nothing_leaks();
}

#[test]
fn available_index_beyond_the_ring_gives_it_up() {
    for ring in [0, 1] {
        let (_socket, mut bed, guest) = bed();
        guest.set_available_index(ring, SIZE + 1);
        guest.rings[ring].kick();
        let _ = bed.receive();
        let result = bed.send(&frame(60, 0), Offload::default());
        assert_eq!(result.sent, 0);
        is_given_up(ring, VhostUserFault::BadIndex, (bed, guest));
    }
}

#[test]
fn head_that_the_ring_does_not_have_gives_it_up() {
    for ring in [0, 1] {
        let (_socket, mut bed, mut guest) = bed();
        guest.make_available(ring, SIZE);
        guest.rings[ring].kick();
        let _ = bed.receive();
        let result = bed.send(&frame(60, 0), Offload::default());
        assert_eq!(result.sent, 0);
        is_given_up(ring, VhostUserFault::BadIndex, (bed, guest));
    }
}

#[test]
fn receive_buffer_that_is_none_gives_the_ring_up() {
    for (address, flags, fault) in [
        (0x1000, WRITE, VhostUserFault::BadAddress),
        (GUEST, 0, VhostUserFault::WrongDirection),
        (GUEST, WRITE | INDIRECT, VhostUserFault::BadDescriptor),
    ] {
        let (_socket, mut bed, mut guest) = bed();
        guest.descriptor(0, 0, address, 100, flags, 0);
        guest.make_available(0, 0);
        let packets = [frame(60, 0), frame(60, 1)].map(|b| bed.packet(&b, Offload::default()));
        let sender = Arc::clone(bed.port.sender());
        let result = sender.tx(0, &mut bed.pool, &packets, &mut bed.tx);
        assert_eq!((result.sent, result.refused), (0, 2));
        is_given_up(0, fault, (bed, guest));
    }
}

#[test]
fn memory_taken_away_is_survived_by_everybody_else() {
    let (_socket, mut innocent, mut neighbour) = bed();
    for ring in [0, 1] {
        let (_socket, mut bed, mut guest) = bed();
        guest.offer(0, 2048);
        guest.send(1, &frame(60, 0));
        guest.file.set_len(0).expect("truncated");
        if ring == 1 {
            let (packets, _) = bed.receive();
            assert!(packets.len() <= 1);
        } else {
            let _ = bed.send(&frame(60, 0), Offload::default());
        }
        assert!(bed.faults().contains(&VhostUserFault::MemoryLost));
        bed.port.process();
        assert!(!bed.port.status().is_connected, "it has no memory to serve");
        assert!(guest.is_dismissed());
        innocent.works_with(&mut neighbour);
        bed.nothing_leaks();
        // The test's own mapping is as lost as the port's was; nothing here touches it again.
    }
}

#[test]
fn memory_table_with_impossible_numbers_is_refused() {
    let size = MEMORY as u64;
    let short = memory_file(4096);
    let pipe = std::io::pipe().expect("pipe");
    let directory = std::fs::File::open("/tmp").expect("directory");
    let read_only = std::fs::File::open("/proc/self/exe").expect("file");
    let cases: Vec<(Vec<u8>, usize, Option<i32>)> = vec![
        (table(&[]), 0, None),
        (table(&[(GUEST, size, USER, 0)]), 0, None),
        (table(&[(GUEST, size, USER, 0)]), 2, None),
        (table(&[(GUEST, 0, USER, 0)]), 1, None),
        (table(&[(GUEST, size, USER, 4096)]), 1, None),
        (table(&[(GUEST, size, USER, u64::MAX)]), 1, None),
        (table(&[(GUEST, u64::MAX, USER, 0)]), 1, None),
        (table(&[(u64::MAX - 4096, size, USER, 0)]), 1, None),
        (table(&[(GUEST, size, u64::MAX - 4096, 0)]), 1, None),
        (table(&[(GUEST, size, USER, 0); 2]), 2, None),
        (table(&[(GUEST, 4096, USER, 0); 9]), 8, None),
        (table(&[(GUEST, size, USER, 0)]), 1, Some(short.as_raw_fd())),
        (
            table(&[(GUEST, 4096, USER, 0)]),
            1,
            Some(pipe.0.as_raw_fd()),
        ),
        (
            table(&[(GUEST, 4096, USER, 0)]),
            1,
            Some(directory.as_raw_fd()),
        ),
        (
            table(&[(GUEST, 4096, USER, 0)]),
            1,
            Some(read_only.as_raw_fd()),
        ),
    ];
    for (payload, files, file) in cases {
        let (_socket, mut bed, guest) = bed();
        let own = duplicate(&guest.file);
        let file = file.unwrap_or(own.as_raw_fd());
        guest.tell(&mut bed.port, 5, &payload, &vec![file; files]);
        assert!(!bed.port.status().is_connected, "{payload:?} with {files}");
        assert_eq!(bed.faults(), [VhostUserFault::BadMessage]);
        assert!(guest.is_dismissed());
        assert!(bed.port.status().last_end.is_some());
    }
}

#[test]
fn ring_that_cannot_be_is_refused() {
    let area = USER;
    let cases: Vec<(u32, Vec<u8>)> = vec![
        (8, state(0, 0).to_vec()),
        (8, state(0, 3).to_vec()),
        (8, state(0, 65_536).to_vec()),
        (8, state(64, 64).to_vec()),
        (18, state(usize::MAX, 1).to_vec()),
        (11, state(64, 0).to_vec()),
        // Not in the memory, partly in it, not aligned.
        (9, addresses_at(0, [0, area, area])),
        (9, addresses_at(0, [area, area + MEMORY as u64 - 100, area])),
        (9, addresses_at(0, [area + 8, area, area])),
        (9, addresses_at(0, [area, area + 2, area])),
        (9, addresses_at(0, [area, area, area + 1])),
        (2, u64::MAX.to_ne_bytes().to_vec()),
    ];
    for (request, payload) in cases {
        let (_socket, mut bed, guest) = bed();
        guest.tell(&mut bed.port, request, &payload, &[]);
        assert!(
            !bed.port.status().is_connected,
            "request {request} with {payload:?}"
        );
        assert_eq!(bed.faults(), [VhostUserFault::BadMessage]);
    }
}

#[test]
fn notifier_that_cannot_be_waited_for_is_refused() {
    let (_socket, mut bed, guest) = bed();
    let file = memory_file(100);
    guest.tell(&mut bed.port, 12, &1_u64.to_ne_bytes(), &[file.as_raw_fd()]);
    assert!(!bed.port.status().is_connected);
}

#[test]
fn babble_ends_the_connection_and_half_a_message_waits() {
    let (socket, mut bed, guest) = bed();
    send_with(&guest.socket, &[1, 0, 0, 0, 1, 0], &[]);
    bed.port.process();
    assert!(bed.port.status().is_connected, "the rest may come");
    send_with(&guest.socket, &[0, 0, 0, 0, 0, 0], &[]);
    bed.port.process();
    assert_ne!(guest.answer(1), 0, "now it was a question");
    send_with(&guest.socket, &[0xff; 64], &[]);
    bed.port.process();
    assert!(!bed.port.status().is_connected);
    let mut guest = Guest::connect(&socket.0, Options::default());
    guest.set_up(&mut bed.port);
    bed.works_with(&mut guest);
    let many = vec![guest.file.as_raw_fd(); 40];
    guest.tell(&mut bed.port, 3, &[], &many);
    assert!(!bed.port.status().is_connected, "forty descriptors");
}

#[test]
fn peer_that_asks_and_never_listens_is_given_up() {
    let (_socket, mut bed, guest) = bed();
    for _ in 0..100_000 {
        guest.tell(&mut bed.port, 1, &[], &[]);
        if !bed.port.status().is_connected {
            return;
        }
    }
    panic!("answers are kept without bound");
}

#[test]
fn descriptors_that_come_with_messages_are_closed() {
    use std::os::unix::fs::MetadataExt;
    let (_socket, mut bed, guest) = bed();
    let own = guest.file.metadata().expect("file").ino();
    // Other tests of this process open and close their own.
    let count = || {
        let all = std::fs::read_dir("/proc/self/fd").expect("list").flatten();
        let inodes = all.filter_map(|fd| Some(std::fs::metadata(fd.path()).ok()?.ino()));
        inodes.filter(|inode| *inode == own).count()
    };
    let file = guest.file.as_raw_fd();
    for _ in 0..50 {
        // A message that needs none, and one that replaces what it brought before.
        guest.tell(&mut bed.port, 3, &[], &[file, file]);
        guest.tell(&mut bed.port, 14, &1_u64.to_ne_bytes(), &[file]);
    }
    assert_eq!(
        count(),
        3,
        "the guest's, the mapping's, and what it brought last"
    );
    assert!(bed.port.status().is_connected);
}

#[test]
fn rings_full_of_noise_harm_nobody() {
    let (_socket, mut innocent, mut neighbour) = bed();
    let mut noise = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        noise
    };
    for round in 0..200 {
        let (_socket, mut bed, guest) = bed();
        for ring in [0, 1] {
            for index in 0..SIZE {
                let n = next();
                // Mostly addresses that exist, now and then one that does not.
                let address = if n % 7 == 0 {
                    n
                } else {
                    GUEST + n % MEMORY as u64
                };
                let length = (next() as u32) >> (next() % 32);
                guest.descriptor(
                    ring,
                    index,
                    address,
                    length,
                    (n >> 40) as u16 & 7,
                    n as u16 & 63,
                );
            }
            let area = ring_area(ring) + 0x8000;
            for slot in 0..SIZE {
                let head = (next() as u16) & if round % 3 == 0 { 127 } else { 63 };
                guest
                    .field(area + 4 + 2 * u64::from(slot))
                    .store(head, std::sync::atomic::Ordering::Relaxed);
            }
            guest.set_available_index(ring, (next() % 70) as u16);
            guest.rings[ring].kick();
        }
        for _ in 0..3 {
            let _ = bed.receive();
            let _ = bed.send(&frame(600, round as u8), Offload::default());
        }
        bed.port.process();
        bed.nothing_leaks();
        innocent.works_with(&mut neighbour);
    }
}
