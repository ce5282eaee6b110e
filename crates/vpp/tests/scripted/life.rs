//! Signs of life, events, and the end.

use std::time::Duration;

use weft_vpp::{CallError, Disconnect, Event, Timeouts};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackReply, IfStatusFlags, SwInterfaceDetails, SwInterfaceDump,
    SwInterfaceEvent,
};
use weft_vpp_wire::messages::memclnt::{
    ControlPing, MemclntKeepalive, MemclntKeepaliveReply, SockclntDelete,
};
use weft_vpp_wire::{EventHeader, RequestHeader, Retval, SwIfIndex, decode, encode};

use crate::fake::{CLIENT_INDEX, Fake, Peer, bounded, quick};

fn event(peer: &Peer, sw_if_index: u32) -> Vec<u8> {
    let header = EventHeader {
        client_index: CLIENT_INDEX,
        pid: 0,
    };
    let event = SwInterfaceEvent {
        sw_if_index: SwIfIndex(sw_if_index),
        flags: IfStatusFlags::LINK_UP,
        deleted: false,
    };
    let mut out = Vec::new();
    encode::event(&mut out, peer.id::<SwInterfaceEvent>(), header, &event);
    out
}

#[tokio::test]
async fn an_idle_connection_is_pinged_and_lives() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    for _ in 0..3 {
        peer.pong().await;
    }
    assert!(connection.end().is_none());
}

#[tokio::test]
async fn a_vpp_that_answers_nothing_is_dead_after_the_deadline() {
    let fake = Fake::start();
    let (connection, mut events, mut peer) = fake.connected(quick()).await;
    peer.request::<ControlPing>().await;
    let end = bounded(connection.ended()).await;
    assert!(matches!(end, Disconnect::Silent { .. }), "{end}");
    assert!(matches!(
        bounded(events.next()).await,
        Event::Disconnected(Disconnect::Silent { .. })
    ));
}

#[tokio::test]
async fn a_busy_vpp_that_sends_anything_at_all_is_alive() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let work = async {
        let (header, _) = peer.request::<SwInterfaceDump>().await;
        // Twice the deadline in all, but never silent for long.
        for _ in 0..16 {
            tokio::time::sleep(quick().silence / 8).await;
            peer.details(header, &SwInterfaceDetails::default()).await;
        }
        peer.pong().await;
    };
    let dump = connection.dump(SwInterfaceDump::default());
    let (interfaces, ()) = bounded(async { tokio::join!(dump, work) }).await;
    assert_eq!(interfaces.unwrap().len(), 16);
}

#[tokio::test]
async fn a_request_that_vpp_dropped_is_told_by_name() {
    let fake = Fake::start();
    let timeouts = Timeouts {
        answer: Duration::from_millis(300),
        ..quick()
    };
    let (connection, _events, mut peer) = fake.connected(timeouts).await;
    let ignore = async {
        peer.request::<CreateLoopback>().await;
        while connection.end().is_none() {
            peer.send(&event(&peer, 1)).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let call = connection.request(CreateLoopback::default());
    let (result, ()) = bounded(async { tokio::join!(call, ignore) }).await;
    let error = result.unwrap_err();
    assert!(
        matches!(
            error,
            CallError::TimedOut {
                message: "create_loopback",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn vpp_too_may_ask_for_a_sign_of_life() {
    let fake = Fake::start();
    let (_connection, _events, mut peer) = fake.connected(Timeouts::default()).await;
    let header = RequestHeader {
        client_index: CLIENT_INDEX,
        context: 77,
    };
    let mut out = Vec::new();
    encode::request(
        &mut out,
        peer.id::<MemclntKeepalive>(),
        header,
        &MemclntKeepalive {},
    );
    peer.send(&out).await;
    let message = peer.message().await;
    assert_eq!(
        decode::id(&message),
        Some(peer.id::<MemclntKeepaliveReply>())
    );
    let (header, MemclntKeepaliveReply {}) = decode::reply(&message).unwrap();
    assert_eq!((header.context, header.retval), (77, Retval::OK));
}

#[tokio::test]
async fn events_come_in_order() {
    let fake = Fake::start();
    let (_connection, mut events, mut peer) = fake.connected(quick()).await;
    for index in [3, 4] {
        peer.send(&event(&peer, index)).await;
    }
    for index in [3, 4] {
        match bounded(events.next()).await {
            Event::Interface(event) => assert_eq!(event.sw_if_index, SwIfIndex(index)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn lost_events_are_told_and_calls_go_on_meanwhile() {
    let fake = Fake::start();
    let (connection, mut events, mut peer) = fake.connected(quick()).await;
    let flood: Vec<u8> = (0..10_000).flat_map(|index| event(&peer, index)).collect();
    let serve = async {
        peer.send(&flood).await;
        let (header, _) = peer.request::<CreateLoopback>().await;
        let reply = CreateLoopbackReply::default();
        peer.reply(header, Retval::OK, &reply).await;
    };
    let call = connection.request(CreateLoopback::default());
    let (result, ()) = bounded(async { tokio::join!(call, serve) }).await;
    result.unwrap();
    assert!(matches!(bounded(events.next()).await, Event::Overflow));
    peer.send(&event(&peer, 5)).await;
    match bounded(events.next()).await {
        Event::Interface(event) => assert_eq!(event.sw_if_index, SwIfIndex(5)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn closing_ends_the_socket_and_every_call() {
    let fake = Fake::start();
    let (connection, events, mut peer) = fake.connected(quick()).await;
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { connection.request(CreateLoopback::default()).await }
    });
    peer.request::<CreateLoopback>().await;
    bounded(events.close()).await;
    peer.closed().await;
    for error in [
        bounded(call).await.unwrap().unwrap_err(),
        connection
            .request(CreateLoopback::default())
            .await
            .unwrap_err(),
    ] {
        assert!(
            matches!(error, CallError::Disconnected(Disconnect::Local)),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_connection_takes_leave_and_waits_to_be_let_go() {
    let fake = Fake::start();
    let (_connection, events, mut peer) = fake.connected(Timeouts::default()).await;
    let serve = async {
        let (_, request) = peer.request::<SockclntDelete>().await;
        assert_eq!(request.index, CLIENT_INDEX);
        drop(peer);
    };
    bounded(async { tokio::join!(events.close(), serve) }).await;
}

#[tokio::test]
async fn a_vpp_that_lets_nobody_go_is_left_anyhow() {
    let fake = Fake::start();
    let (_connection, events, mut peer) = fake.connected(Timeouts::default()).await;
    bounded(events.close()).await;
    peer.request::<SockclntDelete>().await;
    peer.closed().await;
}
