//! Peers come, go and come back.

use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use super::guest::{memory_table, state};
use super::*;
use crate::testing::wait_readable;

/// Lets the port do what is due until `done`, for five seconds at most.
fn until(port: &mut VhostUser, what: &str, mut done: impl FnMut(&VhostUser) -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(5);
    while !done(port) {
        assert!(std::time::Instant::now() < deadline, "{what}");
        wait_readable(&std::os::fd::AsRawFd::as_raw_fd(&port.as_fd()));
        port.process();
    }
}

#[test]
fn client_connects_when_the_peer_is_there_and_again_when_it_comes_back() {
    let socket = Socket::new();
    let mut bed = Bed::open(config(&socket, VhostUserRole::Client));
    bed.port.process();
    assert_eq!(bed.port.status().socket_errno, libc::ENOENT);
    let listener = UnixListener::bind(&socket.0).expect("listens");
    until(&mut bed.port, "connected", |port| {
        port.status().is_connected
    });
    assert_eq!(bed.port.status().socket_errno, 0);
    let mut guest = Guest::accept(&listener, Options::default());
    guest.set_up(&mut bed.port);
    bed.works_with(&mut guest);
    guest.offer(0, 2048);

    guest
        .socket
        .shutdown(std::net::Shutdown::Both)
        .expect("shut");
    until(&mut bed.port, "gone", |port| !port.is_ready());
    assert!(bed.port.status().regions.is_empty(), "its memory is free");
    assert_eq!(bed.send(&frame(60, 0), Offload::default()).refused, 1);
    assert!(bed.faults().contains(&VhostUserFault::NotReady));

    until(&mut bed.port, "back", |port| port.status().is_connected);
    let (socket, _) = listener.accept().expect("a peer");
    let mut guest = guest.reconnected(socket);
    guest.set_up(&mut bed.port);
    // The buffer that was offered before is still there, and nothing is taken twice.
    assert_eq!(bed.send(&frame(70, 1), Offload::default()).sent, 1);
    assert_eq!(guest.received(0).len(), 1);
    assert!(bed.receive().0.is_empty());
    bed.works_with(&mut guest);
}

#[test]
fn server_takes_the_newest_peer_and_rings_go_on() {
    let (socket, mut bed, mut guest) =
        Bed::with_guest(VhostUserFeatures::default(), Options::default());
    bed.works_with(&mut guest);
    let second = UnixStream::connect(&socket.0).expect("connects");
    until(&mut bed.port, "the first is given up", |port| {
        !port.is_ready()
    });
    assert!(guest.is_dismissed());
    let mut guest = guest.reconnected(second);
    guest.set_up(&mut bed.port);
    bed.works_with(&mut guest);
    drop(bed);
    assert!(!socket.0.exists(), "the socket's file goes with the port");
}

#[test]
fn packets_that_wait_when_a_ring_starts_are_taken() {
    let socket = Socket::new();
    let mut bed = Bed::open(config(&socket, VhostUserRole::Server));
    let mut guest = Guest::connect(&socket.0, Options::default());
    guest.features = 1 << 32;
    guest.send(1, &frame(60, 5));
    guest.set_up(&mut bed.port);
    wait_readable(&std::os::fd::AsRawFd::as_raw_fd(
        &bed.port.receivers()[0].as_fd(),
    ));
    assert_eq!(bed.receive().0.len(), 1);
}

#[test]
fn port_is_ready_with_a_ring_of_each_kind_that_was_notified() {
    let socket = Socket::new();
    let mut bed = Bed::open(config(&socket, VhostUserRole::Server));
    let mut guest = Guest::connect(&socket.0, Options::default());
    guest.negotiate(&mut bed.port);
    guest.tell_ring(&mut bed.port, 0);
    guest.tell_ring(&mut bed.port, 1);
    let table = memory_table();
    let file = std::os::fd::AsRawFd::as_raw_fd(&guest.file);
    guest.tell(&mut bed.port, 5, &table, &[file]);
    assert!(!bed.port.is_ready(), "nobody was notified");
    guest.rings[0].kick();
    bed.port.process();
    assert!(!bed.port.is_ready(), "one direction only");
    guest.rings[1].kick();
    bed.port.process();
    assert!(bed.port.is_ready());
    bed.works_with(&mut guest);
    guest.tell(&mut bed.port, 18, &state(0, 0), &[]);
    assert!(!bed.port.is_ready(), "disabled");
    guest.tell(&mut bed.port, 18, &state(0, 1), &[]);
    assert!(bed.port.is_ready());
    bed.works_with(&mut guest);
}

#[test]
fn stopped_ring_tells_where_it_stands() {
    let (_socket, mut bed, mut guest) =
        Bed::with_guest(VhostUserFeatures::default(), Options::default());
    for _ in 0..3 {
        bed.works_with(&mut guest);
    }
    for (ring, base) in [(0, 3), (1, 3)] {
        guest.tell(&mut bed.port, 11, &state(ring, 0), &[]);
        assert_eq!(guest.answer(11), ring as u64 | base << 32);
        assert!(!bed.port.is_ready());
    }
    // As when a machine is halted and goes on.
    guest.tell_ring(&mut bed.port, 0);
    guest.tell_ring(&mut bed.port, 1);
    guest.rings[0].kick();
    guest.rings[1].kick();
    bed.port.process();
    bed.works_with(&mut guest);
}

#[test]
fn exchanged_notifier_is_the_one_that_interrupts() {
    let (_socket, mut bed, mut guest) =
        Bed::with_guest(VhostUserFeatures::default(), Options::default());
    let other = std::os::fd::AsRawFd::as_raw_fd(&guest.rings[1].call);
    guest.tell(&mut bed.port, 13, &0_u64.to_ne_bytes(), &[other]);
    guest.offer(0, 2048);
    assert_eq!(bed.send(&frame(60, 0), Offload::default()).sent, 1);
    assert_eq!((guest.interrupts(0), guest.interrupts(1)), (0, 1));
    guest.tell(&mut bed.port, 13, &0x100_u64.to_ne_bytes(), &[]);
    guest.offer(0, 2048);
    assert_eq!(bed.send(&frame(60, 0), Offload::default()).sent, 1);
    assert_eq!((guest.interrupts(0), guest.interrupts(1)), (0, 0), "none");
}

#[test]
fn memory_can_be_exchanged_while_rings_run() {
    let (_socket, mut bed, mut guest) =
        Bed::with_guest(VhostUserFeatures::default(), Options::default());
    bed.works_with(&mut guest);
    let table = memory_table();
    let file = std::os::fd::AsRawFd::as_raw_fd(&guest.file);
    guest.tell(&mut bed.port, 5, &table, &[file]);
    assert!(bed.port.is_ready());
    bed.works_with(&mut guest);
}

#[test]
fn port_that_becomes_another_leaves_the_new_socket() {
    let (socket, mut bed, guest) =
        Bed::with_guest(VhostUserFeatures::default(), Options::default());
    let again = VhostUser::open(config(&socket, VhostUserRole::Server)).expect("port");
    bed.port.replace(again);
    assert!(guest.is_dismissed());
    assert!(UnixStream::connect(&socket.0).is_ok());
    let other = Socket::new();
    let moved = VhostUser::open(config(&other, VhostUserRole::Server)).expect("port");
    bed.port.replace(moved);
    assert!(!socket.0.exists() && other.0.exists());
}

#[test]
fn socket_that_cannot_be_made_is_refused_with_its_path() {
    let config = VhostUserConfig {
        socket: "/nonexistent/weft.sock".into(),
        ..config(&Socket::new(), VhostUserRole::Server)
    };
    let error = VhostUser::open(config).expect_err("no directory");
    assert!(
        matches!(
            error,
            PortError::VhostUser {
                operation: "bind",
                ..
            }
        ),
        "{error}"
    );
    assert!(error.to_string().contains("/nonexistent/weft.sock"));
}
