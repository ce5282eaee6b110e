//! Connections of the REST API: taking them, bounding them, and letting them go in order.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Connections at a time; further ones wait in the kernel's queue.
const CONNECTIONS: usize = 4096;

/// How long a client may take for the head of a request.
const HEAD_WITHIN: Duration = Duration::from_secs(30);

/// How long a peer may leave what it was sent unread before its connection is cut
/// (`TCP_USER_TIMEOUT`, tcp(7)). Without it a reader that has stopped would hold its connection,
/// and what is buffered for it, for ever.
const UNREAD_AT_MOST: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be taken, for want of file descriptors as a rule.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop`; then takes no more connections, and waits `drain` at most until the
/// requests in flight are answered. What is not done by then is cut. When this returns no
/// connection is left.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stop: CancellationToken,
    drain: Duration,
) {
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let cut = CancellationToken::new();
    let _: Option<Infallible> = stop
        .run_until_cancelled(accept(
            &listener,
            &router,
            &connections,
            permits,
            &stop,
            &cut,
        ))
        .await;
    drop(listener);
    connections.close();
    if tokio::time::timeout(drain, connections.wait())
        .await
        .is_err()
    {
        let left = connections.len();
        tracing::warn!(
            left,
            "connections are cut: they were not done after {drain:?}"
        );
        cut.cancel();
        connections.wait().await;
    }
}

async fn accept(
    listener: &TcpListener,
    router: &Router,
    connections: &TaskTracker,
    permits: Arc<Semaphore>,
    stop: &CancellationToken,
    cut: &CancellationToken,
) -> Infallible {
    loop {
        // Never closed, so that there is always one to wait for.
        let permit = permits.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Err(error) = prepare(&stream) {
                    tracing::debug!(%peer, %error, "a socket option cannot be set");
                }
                let (router, stop, cut) = (router.clone(), stop.clone(), cut.clone());
                connections.spawn(async move {
                    let _permit = permit;
                    cut.run_until_cancelled(connection(stream, router, stop))
                        .await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be taken at the moment");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let millis = u32::try_from(UNREAD_AT_MOST.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(stream, millis)?)
}

async fn connection(stream: TcpStream, router: Router, stop: CancellationToken) {
    let service = TowerToHyperService::new(router);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let done = tokio::select! {
        done = connection.as_mut() => done,
        () = stop.cancelled() => {
            // Closes at once if no request is in flight, else after its reply.
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = done {
        tracing::debug!(%error, "a connection ended early");
    }
}
