//! How a server stops.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::client::SOON;
use super::rig::{Rig, path, record};
use crate::WatchEvent;

#[tokio::test]
async fn stopping_ends_streams_and_idle_connections_at_once() {
    let rig = Rig::start().await;
    let mut lines = rig.watch("").await;
    lines
        .until(|event| matches!(event, WatchEvent::Synced { .. }))
        .await;
    // A connection that is kept alive, and one that has never said a word.
    let mut idle = TcpStream::connect(rig.address()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n")
        .await
        .unwrap();
    let mut head = [0; 12];
    idle.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let silent = TcpStream::connect(rig.address()).await.unwrap();
    let address = rig.address();
    let began = Instant::now();
    tokio::time::timeout(SOON, rig.stop()).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "nothing had to be cut"
    );
    assert!(matches!(lines.next().await, Some(WatchEvent::End { .. })));
    assert!(lines.next().await.is_none());
    assert!(TcpStream::connect(address).await.is_err());
    drop((idle, silent));
}

#[tokio::test]
async fn a_request_in_flight_is_finished_within_bounds() {
    let rig = Rig::start().await;
    let body = record(1, 1).to_string();
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n",
        path("h", "a"),
        body.len()
    );
    let mut half = TcpStream::connect(rig.address()).await.unwrap();
    half.write_all(head.as_bytes()).await.unwrap();
    // One that will never send its body must not keep the server from stopping.
    let mut never = TcpStream::connect(rig.address()).await.unwrap();
    never.write_all(head.as_bytes()).await.unwrap();
    // Both heads have been read once a later request was answered.
    rig.get("/metrics").await;
    let store = rig.store.clone();
    let finish = async move {
        half.write_all(body.as_bytes()).await.unwrap();
        let mut reply = String::new();
        half.read_to_string(&mut reply).await.unwrap();
        reply
    };
    let (reply, _store_lives) =
        tokio::time::timeout(SOON, async { tokio::join!(finish, rig.stop_server()) })
            .await
            .unwrap();
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    assert!(
        store
            .get("/networking-vpp/nodes/h/ports/a")
            .await
            .unwrap()
            .is_some()
    );
    drop(never);
}
