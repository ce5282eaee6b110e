//! A Nova that takes events about servers and remembers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::served::Served;

/// A Nova; it ends when this is dropped.
#[derive(Debug)]
pub struct Nova {
    served: Served,
    events: watch::Receiver<Vec<NovaEvent>>,
}

/// An event of `os-server-external-events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NovaEvent {
    /// For instance `network-vif-plugged`.
    pub name: String,
    /// The port, where there is one.
    pub tag: String,
    /// The server.
    pub server: String,
    /// `completed` or `failed`.
    pub status: String,
    /// When it came.
    pub at: Instant,
}

impl Nova {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let (sender, events) = watch::channel(Vec::new());
        let router = Router::new()
            .route("/v2.1/os-server-external-events", post(take))
            .fallback(get(version))
            .with_state(Arc::new(sender));
        Ok(Self {
            served: Served::start(router).await?,
            events,
        })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}/v2.1", self.served.address())
    }

    /// What has come so far of a port.
    pub fn events_of(&self, port: &str) -> Vec<NovaEvent> {
        let events = self.events.borrow();
        events
            .iter()
            .filter(|event| event.tag == port)
            .cloned()
            .collect()
    }

    /// Waits until an event of this name has come of a port.
    pub async fn until(&self, port: &str, name: &str, limit: Duration) -> Result<NovaEvent> {
        let mut events = self.events.clone();
        let is_it = |event: &&NovaEvent| event.tag == port && event.name == name;
        let come = events.wait_for(|all| all.iter().any(|event| is_it(&event)));
        let come = tokio::time::timeout(limit, come).await;
        let come = come.with_context(|| format!("no {name} of {port} has come to Nova"))??;
        let event = come.iter().find(is_it).cloned();
        event.context("it was there a moment ago")
    }
}

async fn version() -> Json<Value> {
    let version = json!({"id": "v2.1", "status": "CURRENT", "version": "2.96", "min_version": "2.1",
                         "links": []});
    Json(json!({ "version": version }))
}

async fn take(
    State(events): State<Arc<watch::Sender<Vec<NovaEvent>>>>,
    Json(mut body): Json<Value>,
) -> Json<Value> {
    let at = Instant::now();
    let given = body["events"].as_array_mut();
    let mut taken = Vec::new();
    for event in given.into_iter().flatten() {
        let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
        taken.push(NovaEvent {
            name: text("name"),
            tag: text("tag"),
            server: text("server_uuid"),
            status: text("status"),
            at,
        });
        event["code"] = 200.into();
    }
    events.send_modify(|all| all.extend(taken));
    Json(body)
}
