//! What a VPP must not do, or what becomes of its messages when it dies while sending them.

use weft_vpp::{CallError, ConnectError, Connection, Disconnect, HandshakeError};
use weft_vpp_wire::messages::graph::{GraphNodeGet, GraphNodeGetReply};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackReply, SwInterfaceDetails, SwInterfaceDump, SwInterfaceEvent,
};
use weft_vpp_wire::messages::memclnt::{ControlPing, SockclntCreateReply};
use weft_vpp_wire::{ReplyHeader, RequestHeader, Retval, encode, frame};

use crate::fake::{Fake, Peer, bounded, nobody, quick};

/// Dumps interfaces while `serve` plays VPP; answers how the dump and the connection ended.
async fn dump_while<F: Future<Output = ()>>(
    serve: impl FnOnce(Peer, RequestHeader) -> F,
) -> (CallError, Disconnect) {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        let (header, _) = peer.request::<SwInterfaceDump>().await;
        peer.details(header, &SwInterfaceDetails::default()).await;
        serve(peer, header).await;
    };
    let dump = connection.dump(SwInterfaceDump::default());
    let (result, ()) = bounded(async { tokio::join!(dump, serve) }).await;
    (result.unwrap_err(), bounded(connection.ended()).await)
}

#[tokio::test]
async fn a_socket_closed_in_a_dump_is_no_dump() {
    let (error, end) = dump_while(|peer, _| async { drop(peer) }).await;
    assert!(matches!(error, CallError::Disconnected(_)), "{error}");
    assert!(matches!(end, Disconnect::Closed { unfinished: 0 }), "{end}");
}

#[tokio::test]
async fn half_a_message_is_no_message() {
    let (error, end) = dump_while(|mut peer, header| async move {
        let mut out = Vec::new();
        let id = peer.id::<SwInterfaceDetails>();
        encode::details(&mut out, id, header.context, &SwInterfaceDetails::default());
        // The ping must have been read, or closing would reset the connection.
        peer.request::<ControlPing>().await;
        peer.send(&out[..100]).await;
    })
    .await;
    assert!(
        error.to_string().contains("in the middle of a message"),
        "{error}"
    );
    assert!(
        matches!(end, Disconnect::Closed { unfinished: 100 }),
        "{end}"
    );
}

#[tokio::test]
async fn a_garbage_length_ends_the_connection() {
    let (error, end) = dump_while(|mut peer, _| async move {
        peer.send(&[0xff; frame::HEADER_LEN]).await;
        peer.closed().await;
    })
    .await;
    assert!(
        matches!(error, CallError::Disconnected(Disconnect::Frame(_))),
        "{error}"
    );
    assert!(matches!(end, Disconnect::Frame(_)), "{end}");
}

#[tokio::test]
async fn an_answer_with_a_wrong_context_ends_the_connection() {
    let (error, _) = dump_while(|mut peer, header| async move {
        let wrong = RequestHeader {
            context: header.context + 1000,
            ..header
        };
        peer.details(wrong, &SwInterfaceDetails::default()).await;
        peer.closed().await;
    })
    .await;
    assert!(
        matches!(
            error,
            CallError::Disconnected(Disconnect::Unexpected { .. })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_ends_the_connection() {
    let (error, _) = dump_while(|mut peer, header| async move {
        peer.reply(header, Retval::OK, &CreateLoopbackReply::default())
            .await;
        peer.closed().await;
    })
    .await;
    assert!(
        matches!(
            error,
            CallError::Disconnected(Disconnect::Unexpected {
                message: "create_loopback_reply",
                ..
            })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn details_that_are_too_short_spoil_the_whole_dump() {
    let (error, end) = dump_while(|mut peer, header| async move {
        let mut out = Vec::new();
        let id = peer.id::<SwInterfaceDetails>();
        frame::write_frame(&mut out, |out| {
            out.extend(id.to_be_bytes());
            out.extend(header.context.to_be_bytes());
            out.extend([0; 20]);
        });
        peer.send(&out).await;
        peer.pong().await;
        peer.closed().await;
    })
    .await;
    assert!(matches!(error, CallError::Malformed(_)), "{error}");
    assert!(matches!(end, Disconnect::Decode(_)), "{end}");
}

#[tokio::test]
async fn a_reply_without_its_body_is_malformed_but_a_refusal_needs_none() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        for retval in [Retval::INVALID_VALUE, Retval::OK] {
            let (header, _) = peer.request::<CreateLoopback>().await;
            let mut out = Vec::new();
            let id = peer.id::<CreateLoopbackReply>();
            frame::write_frame(&mut out, |out| {
                out.extend(id.to_be_bytes());
                out.extend(header.context.to_be_bytes());
                out.extend(retval.0.to_be_bytes());
            });
            peer.send(&out).await;
        }
    };
    let (refused, malformed, ()) = bounded(async {
        tokio::join!(
            connection.request(CreateLoopback::default()),
            connection.request(CreateLoopback::default()),
            serve
        )
    })
    .await;
    assert!(
        matches!(refused, Err(CallError::Refused { .. })),
        "{refused:?}"
    );
    assert!(
        matches!(malformed, Err(CallError::Malformed(_))),
        "{malformed:?}"
    );
}

#[tokio::test]
async fn an_event_that_cannot_be_read_ends_the_connection() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let mut out = Vec::new();
    let id = peer.id::<SwInterfaceEvent>();
    frame::write_frame(&mut out, |out| out.extend(id.to_be_bytes()));
    peer.send(&out).await;
    let end = bounded(connection.ended()).await;
    assert!(matches!(end, Disconnect::Decode(_)), "{end}");
}

#[tokio::test]
async fn portions_that_do_not_advance_end_the_connection() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        for _ in 0..2 {
            let (header, _) = peer.request::<GraphNodeGet>().await;
            let reply = GraphNodeGetReply { cursor: 3 };
            peer.reply(header, Retval::EAGAIN, &reply).await;
        }
    };
    let get = connection.get(GraphNodeGet::default());
    let (result, ()) = bounded(async { tokio::join!(get, serve) }).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, CallError::Disconnected(Disconnect::Stuck { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn messages_that_we_do_not_know_do_not_matter() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        let (header, _) = peer.request::<CreateLoopback>().await;
        let mut out = Vec::new();
        frame::write_frame(&mut out, |out| out.extend([0xff; 30]));
        peer.send(&out).await;
        let reply = CreateLoopbackReply::default();
        peer.reply(header, Retval::OK, &reply).await;
    };
    let call = connection.request(CreateLoopback::default());
    let (result, ()) = bounded(async { tokio::join!(call, serve) }).await;
    result.unwrap();
}

/// Connects while `serve` plays a server; answers why that failed.
async fn connect_while<F: Future<Output = ()>>(serve: impl FnOnce(Peer) -> F) -> ConnectError {
    let fake = Fake::start();
    let path = fake.path();
    let serve = async { serve(fake.accept().await).await };
    let connect = Connection::connect(&path, "test", quick());
    let (result, ()) = bounded(async { tokio::join!(connect, serve) }).await;
    result.unwrap_err()
}

#[tokio::test]
async fn where_nobody_listens_the_error_says_what_to_look_at() {
    let directory = tempfile::tempdir().unwrap();
    let path = nobody(directory.path());
    let error = Connection::connect(&path, "test", quick())
        .await
        .unwrap_err();
    assert!(matches!(error, ConnectError::Socket { .. }));
    assert!(error.to_string().contains("nobody.sock"), "{error}");
    assert!(error.to_string().contains("is VPP running"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_silent_is_given_up() {
    let error = connect_while(|mut peer| async move { peer.closed().await }).await;
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn a_server_of_another_protocol_is_recognised() {
    let error = connect_while(|mut peer| async move {
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        peer.closed().await;
    })
    .await;
    assert!(
        matches!(
            error,
            ConnectError::Handshake {
                reason: HandshakeError::Frame(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_handshake_cut_off_is_told() {
    let error = connect_while(|mut peer| async move {
        peer.message().await;
        peer.send(&[0; 7]).await;
    })
    .await;
    assert!(
        matches!(
            error,
            ConnectError::Handshake {
                reason: HandshakeError::Closed { unfinished: 7 },
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_without_pings_is_no_vpp() {
    let error = connect_while(|mut peer| async move {
        let entries = peer.table.entries().into_iter();
        let entries = entries.filter(|entry| entry.name != "control_ping_51077d14");
        peer.shake_hands(entries.collect()).await;
    })
    .await;
    assert!(
        matches!(
            error,
            ConnectError::Handshake {
                reason: HandshakeError::Missing(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_may_turn_us_away() {
    let error = connect_while(|mut peer| async move {
        peer.message().await;
        let reply = SockclntCreateReply {
            response: Retval::INVALID_REGISTRATION.0,
            ..SockclntCreateReply::default()
        };
        let mut out = Vec::new();
        encode::bare(&mut out, peer.id::<SockclntCreateReply>(), &reply);
        peer.send(&out).await;
    })
    .await;
    assert!(
        matches!(
            error,
            ConnectError::Handshake {
                reason: HandshakeError::Refused(_),
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_reply_with_a_context_of_nobody_after_an_answered_call_is_noticed() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        let (header, _) = peer.request::<CreateLoopback>().await;
        let mut out = Vec::new();
        let header = ReplyHeader {
            context: header.context,
            retval: Retval::OK,
        };
        for _ in 0..2 {
            let id = peer.id::<CreateLoopbackReply>();
            encode::reply(&mut out, id, header, &CreateLoopbackReply::default());
        }
        peer.send(&out).await;
        peer.closed().await;
    };
    let call = connection.request(CreateLoopback::default());
    let (result, ()) = bounded(async { tokio::join!(call, serve) }).await;
    result.unwrap();
    let end = bounded(connection.ended()).await;
    assert!(matches!(end, Disconnect::Unexpected { .. }), "{end}");
}
