//! The process: store, overview and REST come up in this order and go down in the reverse one.
//!
//! Going down: streams are told (`end`), no new connection is taken, requests in flight are
//! finished within [`DRAIN_AT_MOST`]; then the overview stops; the embedded store closes last,
//! when nobody in this process needs it any more.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weft_model::Keyspace;
use weft_store::{Store, StoreConfig, StoreError};

use crate::api::{self, App, Limits, Shared, Tombstones};
use crate::config::{Config, StoreSource};
use crate::embedded::{Embedded, EmbeddedError};
use crate::metrics::Metrics;
use crate::{overview, rest};

/// How long requests in flight may take once the server stops.
const DRAIN_AT_MOST: Duration = Duration::from_secs(5);

/// A server that runs. Ends in order by [`Server::stop`].
#[derive(Debug)]
pub struct Server {
    front: Front,
    embedded: Option<Embedded>,
}

/// The server without its store.
#[derive(Debug)]
pub(crate) struct Front {
    address: SocketAddr,
    app: App,
    rest: JoinHandle<()>,
    overview: JoinHandle<()>,
    stop_overview: CancellationToken,
}

/// Why a server cannot start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The REST API cannot be served where it should be.
    #[error("cannot serve the REST API on {address}: {error}")]
    Listen {
        /// Where it should be.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// The store's configuration cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The embedded store cannot be had, or has failed.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// Runs a server until `stop`, then ends it in order.
///
/// # Errors
///
/// It cannot start, or its embedded store has failed. A cluster that is away is no error: the
/// server waits for it, and says so.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), ServerError> {
    let mut server = Server::start(config).await?;
    let failed = stop.run_until_cancelled(server.failed()).await;
    tracing::info!("stopping");
    match failed {
        None => server.stop().await,
        Some(error) => {
            // Its store has ended already.
            server.front.stop().await;
            Err(error)
        }
    }
}

// ===== impl Server =====

impl Server {
    /// Starts a server; it can be reached when this returns.
    ///
    /// # Errors
    ///
    /// It cannot start; nothing is left running then.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let (embedded, store) = match config.store {
            StoreSource::Cluster(store) => (None, store),
            StoreSource::Embedded(embedded) => {
                let (embedded, store) = Embedded::start(&embedded).await?;
                (Some(embedded), store)
            }
        };
        match Front::start(config.listen, config.keys, store, Limits::default()).await {
            Ok(front) => Ok(Self { front, embedded }),
            Err(error) => {
                if let Some(embedded) = embedded {
                    embedded.stop().await?;
                }
                Err(error)
            }
        }
    }

    /// Where the REST API is served.
    pub fn address(&self) -> SocketAddr {
        self.front.address
    }

    /// Waits for a failure that the server cannot go on after: that of its embedded store. For
    /// ever, if it has none. Cancel-safe; afterwards only the front is left to be stopped.
    async fn failed(&mut self) -> ServerError {
        match &mut self.embedded {
            Some(embedded) => embedded.failed().await.into(),
            None => std::future::pending().await,
        }
    }

    /// Ends in order; nothing is left running when this returns.
    ///
    /// # Errors
    ///
    /// The embedded store could not be closed well. What it has acknowledged is safe.
    pub async fn stop(self) -> Result<(), ServerError> {
        self.front.stop().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await?;
        }
        Ok(())
    }
}

// ===== impl Front =====

impl Front {
    pub(crate) async fn start(
        listen: SocketAddr,
        keys: Keyspace,
        store_config: StoreConfig,
        limits: Limits,
    ) -> Result<Self, ServerError> {
        let refused = |error| ServerError::Listen {
            address: listen,
            error,
        };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let store = Store::connect(store_config.clone()).await?;
        let stop_overview = CancellationToken::new();
        let (overviews, follow) = overview::follow(&store, &keys, stop_overview.clone());
        let app = App::new(Shared {
            store,
            store_config,
            keys,
            overviews,
            metrics: Metrics::new(),
            tombstones: Tombstones::default(),
            watches: Arc::new(Semaphore::new(limits.watches)),
            limits,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let router = api::router(app.clone());
        let serve = rest::serve(listener, router, app.stop.clone(), DRAIN_AT_MOST);
        tracing::info!(%address, "serving the REST API");
        Ok(Self {
            address,
            app,
            rest: tokio::spawn(serve),
            overview: tokio::spawn(follow),
            stop_overview,
        })
    }

    #[cfg(test)]
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) async fn stop(self) {
        self.app.stop.cancel();
        finished("rest", self.rest).await;
        self.app.tasks.close();
        self.app.tasks.wait().await;
        self.stop_overview.cancel();
        finished("overview", self.overview).await;
    }
}

async fn finished(task: &str, handle: JoinHandle<()>) {
    if let Err(error) = handle.await {
        tracing::error!(task, %error, "a task failed");
    }
}
