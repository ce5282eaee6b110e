//! A connection for as long as one is wanted: made again whenever it is lost.

use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::connection::{Connection, Events, Timeouts};
use crate::error::{ConnectError, Disconnect};

/// First wait after a failure; short, because a restarted VPP is back in less than a second.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// Whether there is a VPP.
#[derive(Debug)]
pub enum Link {
    /// There is: a new connection, and nothing that was known of VPP before counts.
    Up(Connection, Events),
    /// There is not, and this is why. Tries go on.
    Down(DownReason),
}

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DownReason {
    /// It was lost.
    #[error(transparent)]
    Lost(Disconnect),
    /// It cannot be made.
    #[error(transparent)]
    Unreachable(ConnectError),
}

/// Keeps one connection to the VPP at a path.
#[derive(Debug)]
pub struct Supervisor {
    links: mpsc::Receiver<Link>,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Supervisor {
    /// Starts to connect to `path` as `name`, and does so for ever.
    pub fn start(path: PathBuf, name: String, timeouts: Timeouts) -> Self {
        // One is enough: a new link says all that an older one, not yet looked at, would have.
        let (sender, links) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let task = tokio::spawn(connect_forever(path, name, timeouts, sender, stop.clone()));
        Self {
            links,
            stop,
            task: Some(task),
        }
    }

    /// Waits for the next change. `Down` comes once for each reason, not for each try. Nothing comes
    /// only if the supervisor's runtime is shutting down.
    pub async fn next(&mut self) -> Option<Link> {
        self.links.recv().await
    }

    /// Stops trying, and waits until it has stopped. A connection that was handed out lives on.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.links.close();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task that connects to VPP failed");
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn connect_forever(
    path: PathBuf,
    name: String,
    timeouts: Timeouts,
    links: mpsc::Sender<Link>,
    stop: CancellationToken,
) {
    let work = async {
        let mut backoff = BACKOFF_MIN;
        let mut told = String::new();
        loop {
            let reason = match Connection::connect(&path, &name, timeouts).await {
                Ok((connection, events)) => {
                    let watched = connection.clone();
                    if links.send(Link::Up(connection, events)).await.is_err() {
                        return;
                    }
                    let reason = watched.ended().await;
                    backoff = BACKOFF_MIN;
                    told.clear();
                    DownReason::Lost(reason)
                }
                Err(error) => DownReason::Unreachable(error),
            };
            let text = reason.to_string();
            if text != told {
                told = text;
                if links.send(Link::Down(reason)).await.is_err() {
                    return;
                }
            }
            tokio::time::sleep(backoff).await;
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    };
    stop.run_until_cancelled(work).await;
}
