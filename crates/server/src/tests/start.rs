//! How a server starts, and what keeps it from starting.

use std::path::Path;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use weft_store::StoreConfig;

use super::client::{SOON, call};
use crate::{Config, EmbeddedConfig, Server, StoreSource, run};

fn config(directory: &Path) -> Config {
    let listen = format!("unix://{}", directory.join("run/store.sock").display());
    let embedded = EmbeddedConfig {
        path: directory.join("lib/store.db"),
        listen: vec![listen.parse().unwrap(), "127.0.0.1:0".parse().unwrap()],
    };
    let listen = ([127, 0, 0, 1], 0).into();
    Config {
        listen,
        store: StoreSource::Embedded(embedded),
        ..Config::default()
    }
}

#[tokio::test]
async fn a_server_makes_what_it_needs_and_runs_until_it_is_stopped() {
    let directory = TempDir::new().unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(config(directory.path()), stop.clone()));
    let socket = directory.path().join("run/store.sock");
    let served = async {
        while !socket.exists() {
            assert!(!running.is_finished());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, served).await.unwrap();
    stop.cancel();
    tokio::time::timeout(SOON, running)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(!socket.exists(), "nothing is left");
}

#[tokio::test]
async fn two_servers_do_not_share_a_file() {
    let directory = TempDir::new().unwrap();
    let first = Server::start(config(directory.path())).await.unwrap();
    let second = Server::start(config(directory.path())).await.unwrap_err();
    assert!(
        second.to_string().contains("in use by another process"),
        "{second}"
    );
    first.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_leaves_nothing_running() {
    let directory = TempDir::new().unwrap();
    let first = Server::start(config(directory.path())).await.unwrap();
    let other = TempDir::new().unwrap();
    let clash = Config {
        listen: first.address(),
        ..config(other.path())
    };
    let error = Server::start(clash).await.unwrap_err();
    let expected = format!("cannot serve the REST API on {}", first.address());
    assert!(error.to_string().starts_with(&expected), "{error}");
    // Its store is closed, so that the next attempt finds it free.
    Server::start(config(other.path()))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
    first.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_is_away_is_waited_for() {
    let store = StoreConfig::new(["unix:///nonexistent/store.sock".parse().unwrap()]);
    let listen = ([127, 0, 0, 1], 0).into();
    let config = Config {
        listen,
        store: StoreSource::Cluster(store),
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let reply = call(server.address(), "GET", "/healthz", &[], String::new()).await;
    assert_eq!(reply.error(), (503, "store_unavailable".into()));
    server.stop().await.unwrap();
}
