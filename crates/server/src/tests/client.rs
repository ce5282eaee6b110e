//! An HTTP client as small as the tests need, one connection a request.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use futures::{Stream, StreamExt};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;
use tokio::net::TcpStream;

use crate::WatchEvent;

/// Far more than anything takes, so that a hang is a failure and not a hang.
pub(super) const SOON: Duration = Duration::from_secs(20);

/// A reply.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
}

impl Reply {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(super) fn body<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.text).unwrap_or_else(|e| panic!("{e}: {}", self.text))
    }

    pub(super) fn etag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }

    /// Status and error code.
    pub(super) fn error(&self) -> (u16, String) {
        let code = self.json()["error"]["code"].as_str().unwrap().to_owned();
        (self.status.as_u16(), code)
    }
}

pub(super) async fn send(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> (StatusCode, HeaderMap, Body) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "test");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body.into()).unwrap();
    let reply = tokio::time::timeout(SOON, sender.send_request(request))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = reply.into_parts();
    (head.status, head.headers, Body::new(body))
}

pub(super) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Reply {
    let (status, headers, body) = send(address, method, path, headers, body).await;
    let bytes = tokio::time::timeout(SOON, axum::body::to_bytes(body, usize::MAX)).await;
    let text = String::from_utf8(bytes.unwrap().unwrap().into()).unwrap();
    Reply {
        status,
        headers,
        text,
    }
}

/// The lines of a stream.
pub(super) struct Lines {
    body: Pin<Box<dyn Stream<Item = Result<Bytes, axum::Error>> + Send>>,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(body: Body) -> Self {
        Self {
            body: Box::pin(body.into_data_stream()),
            buffer: Vec::new(),
        }
    }

    /// The next line; `None` at the end of the stream.
    pub(super) async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let Some(bytes) = tokio::time::timeout(SOON, self.body.next()).await.unwrap() else {
                assert!(self.buffer.is_empty(), "half a line");
                return None;
            };
            self.buffer.extend_from_slice(&bytes.unwrap());
        }
    }

    /// The lines up to and with the first that `last` accepts.
    pub(super) async fn until(&mut self, last: impl Fn(&WatchEvent) -> bool) -> Vec<WatchEvent> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.expect("the stream ended early");
            let done = last(&event);
            events.push(event);
            if done {
                return events;
            }
        }
    }
}
