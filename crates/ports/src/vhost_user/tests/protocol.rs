//! What a peer may send, and what not, and that nobody waits for it.

use std::os::fd::{AsRawFd, RawFd};

use super::guest::{memory_table, send_with, state};
use super::*;

const WITH_REPLY: u32 = 1 << 3;
const VERSION: u32 = 1;

/// A server with a guest that has agreed on features and nothing else.
fn bed() -> (Socket, Bed, Guest) {
    let socket = Socket::new();
    let mut bed = Bed::open(config(&socket, VhostUserRole::Server));
    let mut guest = Guest::connect(&socket.0, Options::default());
    guest.negotiate(&mut bed.port);
    (socket, bed, guest)
}

fn message(request: u32, flags: u32, payload: &[u8]) -> Vec<u8> {
    let words = [request, flags, payload.len() as u32];
    let header = words.iter().flat_map(|word| word.to_ne_bytes());
    header.chain(payload.iter().copied()).collect()
}

/// Whether the port bears a message.
fn is_borne(bytes: &[u8], files: &[RawFd]) -> bool {
    let (_socket, mut bed, guest) = bed();
    send_with(&guest.socket, bytes, files);
    bed.port.process();
    let is_connected = bed.port.status().is_connected;
    assert_eq!(
        bed.faults().contains(&VhostUserFault::BadMessage),
        !is_connected
    );
    is_connected
}

#[test]
fn message_must_be_a_request_of_version_one() {
    assert!(is_borne(&message(1, VERSION, &[]), &[]));
    assert!(is_borne(&message(1, VERSION | WITH_REPLY, &[]), &[]));
    // No version, others, and an answer.
    for flags in [0, 2, 3, VERSION | 4] {
        assert!(!is_borne(&message(1, flags, &[]), &[]), "{flags}");
    }
    let mut endless = message(5, VERSION, &[]);
    endless.truncate(8);
    endless.extend(u32::MAX.to_ne_bytes());
    assert!(!is_borne(&endless, &[]));
}

#[test]
fn every_request_that_is_cut_short_is_refused_whatever_the_length() {
    for request in [2, 5, 8, 9, 10, 11, 12, 13, 14, 16, 18] {
        let needed = if request == 9 { 40 } else { 8 };
        for size in 0..needed {
            let short = message(request, VERSION, &vec![1; size]);
            assert!(!is_borne(&short, &[]), "request {request} of {size} bytes");
        }
    }
    assert!(
        !is_borne(&message(6, VERSION, &[0; 64]), &[]),
        "not offered"
    );
    assert!(!is_borne(&message(1000, VERSION, &[]), &[]), "none at all");
}

#[test]
fn table_that_says_more_regions_than_it_has_is_refused() {
    let mut table = memory_table();
    let file = super::guest::memory_file(super::guest::MEMORY);
    let files = [file.as_raw_fd(); 2];
    assert!(is_borne(&message(5, VERSION, &table), &files[..1]));
    table[0] = 2;
    assert!(!is_borne(&message(5, VERSION, &table), &files));
    table[..4].fill(0xff);
    assert!(!is_borne(&message(5, VERSION, &table), &files));
}

#[test]
fn ring_has_one_notifier_or_says_that_it_has_none() {
    let pipe = std::io::pipe().expect("pipe");
    let file = pipe.0.as_raw_fd();
    let kick = |number: u64, files: &[RawFd]| {
        is_borne(&message(12, VERSION, &number.to_ne_bytes()), files)
    };
    assert!(kick(3, &[file]));
    assert!(kick(0x103, &[]));
    assert!(!kick(3, &[]));
    assert!(!kick(0x103, &[file]));
    assert!(!kick(3, &[file, file]));
}

#[test]
fn message_that_comes_byte_by_byte_keeps_its_descriptors() {
    let (_socket, mut bed, guest) = bed();
    let message = message(5, VERSION, &memory_table());
    for (number, byte) in message.iter().enumerate() {
        let files = [guest.file.as_raw_fd()];
        let files = if number == 0 { &files[..] } else { &[] };
        assert!(bed.port.status().regions.is_empty());
        send_with(&guest.socket, &[*byte], files);
        bed.port.process();
    }
    assert_eq!(bed.port.status().regions.len(), 1);
}

#[test]
fn peer_is_told_what_became_of_a_request_if_it_asks() {
    let (_socket, mut bed, guest) = bed();
    let tell = |bed: &mut Bed, size: u32| {
        let bytes = message(8, VERSION | WITH_REPLY, &state(0, size));
        send_with(&guest.socket, &bytes, &[]);
        bed.port.process();
        guest.answer(8)
    };
    assert_eq!(tell(&mut bed, 64), 0);
    assert_eq!(tell(&mut bed, 63), 1, "no size of a ring");
    assert!(!bed.port.status().is_connected);
    assert!(guest.is_dismissed());
    let reason = bed.port.status().last_end.expect("a reason");
    assert!(reason.contains("ring 0 cannot be: size"), "{reason}");
}

#[test]
fn ring_enabled_before_features_are_agreed_is_borne() {
    let socket = Socket::new();
    let mut bed = Bed::open(config(&socket, VhostUserRole::Server));
    let mut guest = Guest::connect(&socket.0, Options::default());
    bed.port.process();
    guest.tell(&mut bed.port, 18, &state(0, 1), &[]);
    assert!(bed.port.status().is_connected);
    guest.set_up(&mut bed.port);
    bed.works_with(&mut guest);
}
