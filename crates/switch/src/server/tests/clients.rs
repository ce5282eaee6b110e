//! Many clients, honest and not.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use weft_vpp_wire::messages::interface::{
    CreateLoopback, IfStatusFlags, SwInterfaceDump, SwInterfaceEvent, SwInterfaceSetFlags,
    WantInterfaceEvents,
};
use weft_vpp_wire::messages::memclnt::{ControlPing, SockclntDelete};
use weft_vpp_wire::{Retval, SwIfIndex, decode};

use super::support::{PATIENCE, Running};

#[test]
fn pipelined_requests_are_answered_in_their_order() {
    let switch = Running::start();
    let mut client = switch.client();
    let requests = 2_000;
    let one = client.frame(&CreateLoopback::default());
    client.write(&one.repeat(requests));
    let ids: Vec<u32> = (0..requests)
        .map(|_| {
            let message = client.next_message();
            decode::reply::<<CreateLoopback as weft_vpp_wire::Request>::Reply>(&message)
                .expect("reply")
                .1
                .sw_if_index
                .0
        })
        .collect();
    assert!(ids.iter().copied().eq(1..=2_000), "one after the other");
    let all = SwInterfaceDump {
        sw_if_index: SwIfIndex::NONE,
        ..SwInterfaceDump::default()
    };
    assert_eq!(client.dump(&all).len(), requests + 1);
}

#[test]
fn client_that_lies_or_stalls_harms_nobody() {
    let switch = Running::start();
    let mut honest = switch.client();
    // Garbage, an endless announcement, half a header, and silence.
    let mut liars = Vec::new();
    let mut announcement = vec![0; 16];
    announcement[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    for bytes in [&[0xff; 4096][..], &announcement, &[0; 5], &[]] {
        let mut liar = UnixStream::connect(&switch.socket).expect("connect");
        liar.write_all(bytes).expect("write");
        liars.push(liar);
    }
    // One asks for much and reads nothing.
    let mut deaf = switch.client();
    for _ in 0..500 {
        honest.ok(&CreateLoopback::default());
    }
    let all = SwInterfaceDump {
        sw_if_index: SwIfIndex::NONE,
        ..SwInterfaceDump::default()
    };
    let dump = deaf.frame(&all);
    deaf.write(&dump.repeat(50));
    for _ in 0..100 {
        honest.ok(&ControlPing {});
    }
    // Garbage and the announcement end a connection at once.
    for liar in &mut liars[..2] {
        liar.set_read_timeout(Some(PATIENCE)).expect("time-out");
        assert_eq!(liar.read(&mut [0; 16]).expect("end of stream"), 0);
    }
    // Once it reads, everything is there.
    let id = deaf
        .table
        .id::<weft_vpp_wire::messages::interface::SwInterfaceDetails>();
    for _ in 0..50 * 501 {
        assert_eq!(decode::id(&deaf.next_message()), id.ok());
    }
}

#[test]
fn events_go_to_those_who_asked_for_them() {
    let switch = Running::start();
    let (mut watcher, mut actor) = (switch.client(), switch.client());
    watcher.ok(&WantInterfaceEvents {
        enable_disable: 1,
        pid: 42,
    });
    let index = actor.ok(&CreateLoopback::default()).sw_if_index;
    actor.ok(&SwInterfaceSetFlags {
        sw_if_index: index,
        flags: IfStatusFlags::ADMIN_UP,
    });
    for flags in [0, 3] {
        let (header, event) =
            decode::event::<SwInterfaceEvent>(&watcher.next_message()).expect("event");
        assert_eq!((header.client_index, header.pid), (watcher.index, 42));
        assert_eq!(
            (event.sw_if_index, event.flags.0, event.deleted),
            (index, flags, false)
        );
    }
    // Nothing came to the other: the next thing it hears is the answer to this.
    let ping = actor.frame(&ControlPing {});
    actor.write(&ping);
    let reply = actor
        .table
        .id::<<ControlPing as weft_vpp_wire::Request>::Reply>()
        .expect("id");
    assert_eq!(decode::id(&actor.next_message()), Some(reply));
}

#[test]
fn good_bye_is_answered_and_closes() {
    let switch = Running::start();
    let mut client = switch.client();
    let index = client.index;
    let (retval, _) = client.call(&SockclntDelete { index });
    assert_eq!(retval, Retval(1));
    let mut again = switch.client();
    again.ok(&ControlPing {});
    assert_eq!(again.index, index, "the number is free again");
}
