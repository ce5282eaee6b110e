//! The REST API: one file a family of handlers.
//!
//! | path | file |
//! |---|---|
//! | `/v1/ports`, `/v1/ports/{port}` | [`ports`] |
//! | `/v1/hosts/{host}/ports/{port}` | [`port`] |
//! | `/v1/security-groups`, `/v1/address-groups`, each with `/{group}` | [`groups`] |
//! | `/v1/networks`, `/v1/networks/{type}/{vni}` | [`networks`] |
//! | `/v1/apply` | [`apply`] |
//! | `/v1/desired` | [`desired`] |
//! | `/v1/hosts`, `/v1/hosts/{host}` | [`hosts`] |
//! | `/v1/state` | [`state`] |
//! | `/v1/watch` | [`watch`] |
//! | `/healthz`, `/metrics`, `/openapi.json` | [`health`], [`telemetry`], [`openapi`](mod@openapi) |
//!
//! Invariants: every reply of 400 and above has an [`ErrorBody`]; records are read from the
//! store when they are asked for; every write is guarded by the revision that it was decided on.

mod apply;
mod desired;
mod error;
mod extract;
mod groups;
mod health;
mod hosts;
mod networks;
mod openapi;
mod port;
mod ports;
mod read;
mod reply;
mod select;
mod standing;
mod state;
mod telemetry;
mod watch;
mod write;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, Uri};
use axum::middleware;
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weft_model::Keyspace;
use weft_store::{Store, StoreConfig};

use crate::metrics::Metrics;
use crate::overview::Overviews;

pub(crate) use desired::Tombstones;
pub use desired::{DesiredEntry, DesiredListing};
pub(crate) use error::RecordName;
pub use error::{ErrorBody, ErrorCode, ErrorDetail};
pub use groups::{AddressGroupsReply, GroupDeleteReply, GroupPutReply, SecurityGroupsReply};
pub use health::Health;
pub use hosts::HostsReply;
pub use networks::{MacView, NetworkSummary, NetworkView, NetworksReply};
pub use openapi::openapi;
pub use port::{DeleteReply, PutReply};
pub use ports::PortsReply;
pub use state::StateReply;
pub use watch::{RecordEvent, WatchEvent};

/// Largest body that is taken, in bytes: tens of thousands of ports for `/v1/apply`.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// What handlers work with. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App(Arc<Shared>);

/// See [`App`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Store,
    /// For the connections of streams, which have one each.
    pub(crate) store_config: StoreConfig,
    pub(crate) keys: Keyspace,
    pub(crate) overviews: Overviews,
    pub(crate) metrics: Metrics,
    pub(crate) tombstones: Tombstones,
    /// One permit a stream.
    pub(crate) watches: Arc<Semaphore>,
    pub(crate) limits: Limits,
    /// The server stops: streams end, no new ones begin.
    pub(crate) stop: CancellationToken,
    /// The tasks of streams.
    pub(crate) tasks: TaskTracker,
}

/// Bounds on what one client can take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Streams open at a time.
    pub(crate) watches: usize,
    /// Lines that wait for a stream's reader.
    pub(crate) watch_buffer: usize,
    /// How long a stream waits for its reader to take a line.
    pub(crate) watch_stall: Duration,
    /// Silence after which a stream gives a sign of life.
    pub(crate) watch_progress: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            watches: 1024,
            watch_buffer: 256,
            watch_stall: Duration::from_secs(10),
            watch_progress: Duration::from_secs(10),
        }
    }
}

impl App {
    pub(crate) fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// Every path of the API.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", get(health::health))
        .route("/metrics", get(telemetry::metrics))
        .route("/openapi.json", get(openapi::description))
        .route("/v1/ports", get(ports::list))
        .route("/v1/ports/{port}", get(ports::find))
        .route("/v1/hosts", get(hosts::list))
        .route("/v1/hosts/{host}", get(hosts::get))
        .route(
            "/v1/hosts/{host}/ports/{port}",
            get(port::get).put(port::put).delete(port::delete),
        )
        .route("/v1/security-groups", get(groups::list_security))
        .route(
            "/v1/security-groups/{group}",
            get(groups::get_security)
                .put(groups::put_security)
                .delete(groups::delete_security),
        )
        .route("/v1/address-groups", get(groups::list_address))
        .route(
            "/v1/address-groups/{group}",
            get(groups::get_address)
                .put(groups::put_address)
                .delete(groups::delete_address),
        )
        .route("/v1/networks", get(networks::list))
        .route(
            "/v1/networks/{type}/{vni}",
            get(networks::get)
                .put(networks::put)
                .delete(networks::delete),
        )
        .route("/v1/state", get(state::list))
        .route("/v1/watch", get(watch::watch))
        .route("/v1/apply", post(apply::apply))
        .route("/v1/desired", get(desired::list).post(desired::post))
        .fallback(no_path)
        .method_not_allowed_fallback(no_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            telemetry::count,
        ))
        .with_state(app)
}

async fn no_path(uri: Uri) -> ErrorDetail {
    ErrorDetail::new(
        ErrorCode::NotFound,
        format!("there is no path {}", uri.path()),
    )
    .with_hint("/openapi.json describes those there are")
}

async fn no_method(method: Method, uri: Uri) -> ErrorDetail {
    let message = format!("{} is not done on {}", method, uri.path());
    ErrorDetail::new(ErrorCode::MethodNotAllowed, message)
        .with_hint("/openapi.json describes what is")
}
