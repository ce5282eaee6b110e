//! Running the server: who starts what, and in which order it ends.
//!
//! On the way down listeners go first, then streams, then requests in flight, then the writer;
//! the file is closed last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::proto::{PbClusterServer, PbKvServer, PbLeaseServer, PbMaintenanceServer};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::UnixListenerStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;
use tonic::transport::server::{Router, TcpIncoming};

use super::engine::{Engine, with_view};
use super::hub::{Hub, State};
use super::lessor::Lessor;
use super::listen::{ListenAddress, Listeners};
use super::refusal::Refusal;
use super::service::{
    auth::Auth, cluster::Cluster, kv::Kv, lease::Lease, maintenance::Maintenance, watch::Watch,
};
use super::writer::{Job, QUEUE, Request, Writer};
use super::{Server, ServerError};

/// Largest message taken: etcd's request size and its allowance for the frame around it.
const MAX_MESSAGE_BYTES: usize = (3 << 19) + (1 << 19);
/// How often leases are looked through for those that have run out (as etcd does).
const LEASE_TICK: Duration = Duration::from_millis(500);
/// How long requests in flight may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// A client that does not answer pings is gone, and what is kept for it is freed.
const PING: Duration = Duration::from_secs(10);
/// Streams that one connection may hold.
const MAX_STREAMS: u32 = 10_000;

impl Server {
    /// Serves until `shutdown` is cancelled, then ends in order and closes the file. An error
    /// means that serving ended by itself.
    pub async fn serve(
        self,
        mut listeners: Listeners,
        shutdown: CancellationToken,
    ) -> Result<(), ServerError> {
        let path = self.path.clone();
        let storage = |refusal: Refusal| ServerError::Storage {
            path: path.clone(),
            reason: format!("{refusal:?}"),
        };
        let database = Arc::new(self.database);
        let (revision, compacted) =
            with_view(&database, |view| Ok((view.revision, view.compacted))).map_err(storage)?;
        let hub = Arc::new(Hub::new(revision, compacted));
        let lessor = Arc::new(Lessor::default());
        let now = Instant::now();
        for (id, ttl_seconds) in self.leases {
            lessor.granted(id, ttl_seconds, now);
        }
        let (jobs, queue) = mpsc::channel(QUEUE);
        let writer = Writer {
            database: database.clone(),
            hub: hub.clone(),
            lessor: lessor.clone(),
            keep_revisions: self.options.keep_revisions.map(i64::from),
        };
        let writer = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || writer.run(queue))
            .map_err(|error| ServerError::Serve {
                reason: error.to_string(),
            })?;
        let engine = Arc::new(Engine {
            database,
            jobs: jobs.clone(),
            hub,
            lessor,
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            client_urls: client_urls(&listeners),
            progress_interval: self.options.progress_interval,
            stopping: CancellationToken::new(),
            sessions: TaskTracker::new(),
        });

        let mut serving = start(&engine, &self.path, &mut listeners);
        let result = supervise(&engine, &mut serving, &shutdown, &self.path).await;

        engine.stopping.cancel();
        engine.sessions.close();
        let ended = async {
            engine.sessions.wait().await;
            while serving.join_next().await.is_some() {}
        };
        if tokio::time::timeout(GRACE, ended).await.is_err() {
            tracing::warn!("requests in flight are cut off");
            serving.shutdown().await;
        }
        drop(listeners);
        // The writer may have ended already, with the file's failure as the reason.
        let _ = jobs.send(Job::Stop).await;
        if let Ok(Err(_)) = tokio::task::spawn_blocking(move || writer.join()).await {
            tracing::error!("the store's writer panicked");
        }
        result
    }
}

/// Starts serving all listeners.
fn start(
    engine: &Arc<Engine>,
    path: &std::path::Path,
    listeners: &mut Listeners,
) -> JoinSet<Result<(), tonic::transport::Error>> {
    let maintenance = Maintenance {
        engine: engine.clone(),
        file: path.to_owned(),
    };
    let routes = Routes::new(
        PbKvServer::new(Kv(engine.clone())).max_decoding_message_size(MAX_MESSAGE_BYTES),
    )
    .add_service(Watch(engine.clone()))
    .add_service(PbLeaseServer::new(Lease(engine.clone())))
    .add_service(PbClusterServer::new(Cluster(engine.clone())))
    .add_service(PbMaintenanceServer::new(maintenance))
    .add_service(Auth);
    let router = || -> Router {
        tonic::transport::Server::builder()
            .http2_keepalive_interval(Some(PING))
            .http2_keepalive_timeout(Some(PING))
            .max_concurrent_streams(MAX_STREAMS)
            .add_routes(routes.clone())
    };
    let mut serving = JoinSet::new();
    for listener in listeners.tcp.drain(..) {
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let stopping = engine.stopping.clone().cancelled_owned();
        serving.spawn(router().serve_with_incoming_shutdown(incoming, stopping));
    }
    for listener in listeners.unix.drain(..) {
        let incoming = UnixListenerStream::new(listener);
        let stopping = engine.stopping.clone().cancelled_owned();
        serving.spawn(router().serve_with_incoming_shutdown(incoming, stopping));
    }
    serving
}

/// Ends leases that have run out; returns when the server is to end.
async fn supervise(
    engine: &Engine,
    serving: &mut JoinSet<Result<(), tonic::transport::Error>>,
    shutdown: &CancellationToken,
    path: &std::path::Path,
) -> Result<(), ServerError> {
    let mut state = engine.hub.state();
    let mut tick = tokio::time::interval(LEASE_TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            reason = failure(&mut state) => {
                return Err(ServerError::Storage { path: path.to_owned(), reason });
            }
            Some(ended) = serving.join_next() => {
                let reason = match ended {
                    Ok(Ok(())) => "a listener ended by itself".to_owned(),
                    Ok(Err(error)) => error.to_string(),
                    Err(error) => error.to_string(),
                };
                return Err(ServerError::Serve { reason });
            }
            _ = tick.tick() => end_leases(engine).await,
        }
    }
}

/// Waits until the file has failed; gives why.
async fn failure(state: &mut watch::Receiver<State>) -> String {
    let failed = state.wait_for(|state| state.failed.is_some()).await;
    failed
        .ok()
        .and_then(|state| state.failed.clone())
        .unwrap_or_default()
}

async fn end_leases(engine: &Engine) {
    let ended = engine.lessor.take_run_out(Instant::now());
    // Together, so that they share the disk's time.
    let writes = ended.into_iter().map(|id| async move {
        if let Err(status) = engine.write(Request::Revoke { id }).await {
            tracing::warn!(id, status = status.message(), "cannot end a lease");
        }
    });
    futures::future::join_all(writes).await;
}

fn client_urls(listeners: &Listeners) -> Vec<String> {
    let url = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) => format!("http://{address}"),
        ListenAddress::Unix(_) => address.to_string(),
    };
    listeners.addresses().iter().map(url).collect()
}
