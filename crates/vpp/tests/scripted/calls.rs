//! What works.

use futures::future::join_all;
use weft_vpp::CallError;
use weft_vpp_wire::messages::graph::{GraphNodeDetails, GraphNodeGet, GraphNodeGetReply};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackReply, SwInterfaceDetails, SwInterfaceDump,
};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, BridgeDomainAddDelV2Reply};
use weft_vpp_wire::messages::memclnt::{MessageTableEntry, SockclntCreate};
use weft_vpp_wire::{Message, Retval, SwIfIndex};

use crate::fake::{Fake, bounded, quick};

#[tokio::test]
async fn answers_in_any_order_find_their_requests() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        let mut headers = Vec::new();
        for _ in 0..3 {
            headers.push(peer.request::<CreateLoopback>().await);
        }
        for (header, request) in headers.into_iter().rev() {
            let index = SwIfIndex(request.mac_address.0[5].into());
            let reply = CreateLoopbackReply { sw_if_index: index };
            peer.reply(header, Retval::OK, &reply).await;
        }
    };
    let calls = join_all((1..=3).map(|last| {
        let mut request = CreateLoopback::default();
        request.mac_address.0[5] = last;
        connection.request(request)
    }));
    let (replies, ()) = bounded(async { tokio::join!(calls, serve) }).await;
    let indices: Vec<_> = replies
        .into_iter()
        .map(|reply| reply.unwrap().sw_if_index.0)
        .collect();
    assert_eq!(indices, [1, 2, 3]);
}

#[tokio::test]
async fn more_calls_than_the_window_holds_wait_their_turn() {
    const CALLS: usize = weft_vpp::WINDOW + 100;
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        for _ in 0..CALLS {
            let (header, _) = peer.request::<CreateLoopback>().await;
            let reply = CreateLoopbackReply::default();
            peer.reply(header, Retval::OK, &reply).await;
        }
    };
    let calls = join_all((0..CALLS).map(|_| connection.request(CreateLoopback::default())));
    let (replies, ()) = bounded(async { tokio::join!(calls, serve) }).await;
    assert!(replies.iter().all(Result::is_ok));
}

#[tokio::test]
async fn a_refusal_names_request_and_reason_and_nothing_else_suffers() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        for retval in [Retval::BD_ALREADY_EXISTS, Retval::OK] {
            let (header, request) = peer.request::<BridgeDomainAddDelV2>().await;
            let reply = BridgeDomainAddDelV2Reply {
                bd_id: request.bd_id,
            };
            peer.reply(header, retval, &reply).await;
        }
    };
    let (first, second, ()) = bounded(async {
        tokio::join!(
            connection.request(BridgeDomainAddDelV2::default()),
            connection.request(BridgeDomainAddDelV2::default()),
            serve
        )
    })
    .await;
    assert_eq!(
        first.unwrap_err().to_string(),
        "VPP refuses bridge_domain_add_del_v2: BD_ALREADY_EXISTS (-119): the bridge domain exists \
         already"
    );
    second.unwrap();
}

#[tokio::test]
async fn a_dump_is_all_that_comes_before_the_pong() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        let (header, _) = peer.request::<SwInterfaceDump>().await;
        for index in 0..500 {
            let details = SwInterfaceDetails {
                sw_if_index: SwIfIndex(index),
                ..SwInterfaceDetails::default()
            };
            peer.details(header, &details).await;
        }
        peer.pong().await;
    };
    let dump = connection.dump(SwInterfaceDump::default());
    let (interfaces, ()) = bounded(async { tokio::join!(dump, serve) }).await;
    let indices: Vec<_> = interfaces
        .unwrap()
        .iter()
        .map(|details| details.sw_if_index.0)
        .collect();
    assert!(indices.into_iter().eq(0..500));
}

#[tokio::test]
async fn a_dump_in_portions_is_read_to_its_end() {
    let fake = Fake::start();
    let (connection, _events, mut peer) = fake.connected(quick()).await;
    let serve = async {
        for (asked, retval, next) in [(u32::MAX, Retval::EAGAIN, 5), (5, Retval::OK, u32::MAX)] {
            let (header, request) = peer.request::<GraphNodeGet>().await;
            assert_eq!(request.cursor, asked);
            let details = GraphNodeDetails {
                index: next,
                ..GraphNodeDetails::default()
            };
            peer.details(header, &details).await;
            let reply = GraphNodeGetReply { cursor: next };
            peer.reply(header, retval, &reply).await;
        }
    };
    let get = connection.get(GraphNodeGet::default());
    let (nodes, ()) = bounded(async { tokio::join!(get, serve) }).await;
    let indices: Vec<_> = nodes.unwrap().iter().map(|node| node.index).collect();
    assert_eq!(indices, [5, u32::MAX]);
}

#[tokio::test]
async fn a_message_that_this_vpp_lacks_is_told_before_anything_is_sent() {
    let fake = Fake::start();
    let serve = async {
        let mut peer = fake.accept().await;
        let lacking = |entry: &MessageTableEntry| {
            !entry
                .name
                .to_str()
                .starts_with(&format!("{}_", CreateLoopback::NAME))
        };
        let entries = peer.table.entries().into_iter().filter(lacking).collect();
        peer.shake_hands(entries).await;
        peer.grant_events().await;
        peer
    };
    let path = fake.path();
    let connect = weft_vpp::Connection::connect(&path, "test", quick());
    let (mut peer, connected) = bounded(async { tokio::join!(serve, connect) }).await;
    let (connection, _events) = connected.unwrap();
    let missing: Vec<_> = connection
        .missing()
        .iter()
        .map(|m| m.message.name)
        .collect();
    assert!(missing.contains(&CreateLoopback::NAME), "{missing:?}");
    assert!(!missing.contains(&SockclntCreate::NAME), "{missing:?}");
    let error = connection
        .request(CreateLoopback::default())
        .await
        .unwrap_err();
    assert!(matches!(error, CallError::Unsupported(_)), "{error}");
    assert!(error.to_string().contains("VPP 23.10 to 26.06"), "{error}");
    // The next message is a ping of the idle connection.
    peer.pong().await;
}
