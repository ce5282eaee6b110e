//! A server on a store of its own in a directory that vanishes with the test.

use std::net::SocketAddr;

use axum::body::Body;
use serde_json::{Value, json};
use tempfile::TempDir;
use weft_model::Keyspace;
use weft_store::Store;

use super::client::{Lines, Reply, call, send};
use super::store::TestStore;
use crate::api::Limits;
use crate::run::Front;

pub(super) struct Rig {
    directory: TempDir,
    limits: Limits,
    front: Front,
    /// `None` while the store is away.
    below: Option<TestStore>,
    /// The store itself, as another writer sees it.
    pub(super) store: Store,
}

/// A port record on VLAN `vlan` of `physnet1`, with a MAC address that ends in `station`.
pub(super) fn record(station: u8, vlan: u16) -> Value {
    json!({
        "mac_address": format!("fa:16:3e:00:00:{station:02x}"), "physnet": "physnet1",
        "network_type": "vlan", "segmentation_id": vlan, "binding_type": "tap",
    })
}

/// The path of a port.
pub(super) fn path(host: &str, port: &str) -> String {
    format!("/v1/hosts/{host}/ports/{port}")
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub(super) async fn start_with(limits: Limits) -> Self {
        Self::start_in(TempDir::new().unwrap(), limits).await
    }

    async fn start_in(directory: TempDir, limits: Limits) -> Self {
        let (below, config) = TestStore::start(directory.path()).await;
        let listen = ([127, 0, 0, 1], 0).into();
        let front = Front::start(listen, Keyspace::default(), config.clone(), limits).await;
        let store = Store::connect(config).await.unwrap();
        Self {
            directory,
            limits,
            front: front.unwrap(),
            below: Some(below),
            store,
        }
    }

    /// Stops the server, then the store.
    pub(super) async fn stop(self) {
        drop(self.store);
        self.front.stop().await;
        self.below.unwrap().stop().await;
    }

    /// Stops the server; the store lives as long as what is returned.
    pub(super) async fn stop_server(self) -> (TempDir, Option<TestStore>) {
        self.front.stop().await;
        (self.directory, self.below)
    }

    /// Stops server and store, and starts them anew on the same file.
    pub(super) async fn restart(self) -> Self {
        drop(self.store);
        self.front.stop().await;
        self.below.unwrap().stop().await;
        Self::start_in(self.directory, self.limits).await
    }

    /// Does something while the store is away.
    pub(super) async fn without_store(mut self, act: impl AsyncFnOnce(&Self)) -> Self {
        self.below.take().unwrap().stop().await;
        act(&self).await;
        self.below = Some(TestStore::start(self.directory.path()).await.0);
        self
    }

    /// Puts an empty store in the place of the one there is.
    pub(super) async fn with_empty_store(self) -> Self {
        self.without_store(async |rig: &Self| TestStore::wipe(rig.directory.path()))
            .await
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.front.address()
    }

    pub(super) async fn get(&self, path: &str) -> Reply {
        call(self.address(), "GET", path, &[], Body::empty()).await
    }

    pub(super) async fn put(&self, path: &str, record: &Value) -> Reply {
        call(self.address(), "PUT", path, &[], record.to_string()).await
    }

    pub(super) async fn put_if(&self, path: &str, record: &Value, header: (&str, &str)) -> Reply {
        call(self.address(), "PUT", path, &[header], record.to_string()).await
    }

    pub(super) async fn delete(&self, path: &str) -> Reply {
        call(self.address(), "DELETE", path, &[], Body::empty()).await
    }

    pub(super) async fn apply(&self, request: &Value) -> Reply {
        call(
            self.address(),
            "POST",
            "/v1/apply",
            &[],
            request.to_string(),
        )
        .await
    }

    /// Opens a stream, which must succeed.
    pub(super) async fn watch(&self, query: &str) -> Lines {
        let path = format!("/v1/watch?{query}");
        let (status, headers, body) = send(self.address(), "GET", &path, &[], Body::empty()).await;
        assert_eq!(status, 200);
        assert_eq!(headers["content-type"], "application/x-ndjson");
        Lines::new(body)
    }

    /// Writes a record past the server; gives its revision.
    pub(super) async fn write(&self, key: &str, value: impl ToString) -> i64 {
        self.store
            .put(&format!("/networking-vpp/{key}"), value.to_string())
            .await
            .unwrap()
    }

    /// What an agent says of a port: `status` of the record of `revision`.
    pub(super) async fn condition(&self, host: &str, port: &str, status: &str, revision: i64) {
        let value = json!({"status": status, "revision": revision, "reason": "because", "tries": 1,
                           "since": "2026-11-21T08:30:00Z"});
        self.write(&format!("state/{host}/conditions/port/{port}"), value)
            .await;
    }
}
