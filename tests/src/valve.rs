//! A relay between an agent and the store which can be shut, as when the network between them fails.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A relay of bytes; ends when it is dropped.
#[derive(Debug)]
pub struct Valve {
    socket: PathBuf,
    open: watch::Sender<bool>,
    slow: watch::Sender<Duration>,
    task: JoinHandle<()>,
}

impl Valve {
    /// Serves `socket` and passes everything on to `upstream`. Call it within a Tokio runtime.
    pub fn start(socket: &Path, upstream: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let open = watch::Sender::new(true);
        let slow = watch::Sender::new(Duration::ZERO);
        let relay = Relay {
            upstream: upstream.to_owned(),
            open: open.subscribe(),
            slow: slow.subscribe(),
        };
        let task = tokio::spawn(relay.accept(listener));
        Ok(Self {
            socket: socket.to_owned(),
            open,
            slow,
            task,
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Cuts all connections, and every new one at once.
    pub fn shut(&self) {
        self.open.send_replace(false);
    }

    /// From now on, passes on what the store says this much later, piece by piece.
    pub fn slow(&self, delay: Duration) {
        self.slow.send_replace(delay);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}

impl Drop for Valve {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What each connection needs.
#[derive(Clone)]
struct Relay {
    upstream: PathBuf,
    open: watch::Receiver<bool>,
    slow: watch::Receiver<Duration>,
}

impl Relay {
    async fn accept(self, listener: UnixListener) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            tokio::select! {
                client = listener.accept() => match client {
                    Ok((client, _)) if *self.open.borrow() => {
                        connections.spawn(self.clone().relay(client));
                    }
                    Ok(_) => {}
                    Err(_) => return,
                },
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn relay(mut self, client: UnixStream) {
        let Ok(server) = UnixStream::connect(&self.upstream).await else {
            return;
        };
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let never = watch::Sender::new(Duration::ZERO).subscribe();
        // Whichever way ends first closes both.
        tokio::select! {
            _ = copy(from_client, to_server, never) => {}
            _ = copy(from_server, to_client, self.slow) => {}
            _ = self.open.wait_for(|open| !open) => {}
        }
    }
}

/// Passes everything on, a piece at a time, until it ends.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    slow: watch::Receiver<Duration>,
) -> io::Result<()> {
    let mut piece = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut piece).await?;
        if length == 0 {
            return Ok(());
        }
        let delay = *slow.borrow();
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        to.write_all(&piece[..length]).await?;
    }
}
