//! A relay between clients of VPP's binary API and the dataplane, which counts, records and harms.
//!
//! ```text
//! agent ──► proxy.sock ──► [ Proxy: tally, recording, faults ] ──► api.sock ──► VPP or weft switch
//! ```
//!
//! Everything is passed on frame by frame and in order. The relay knows messages by name, from the
//! table that the dataplane sends each client in `sockclnt_create_reply`, so that it needs no
//! declaration of what it passes on.
//!
//! * [`Proxy::tally`] says how many requests of each name were passed on since [`Proxy::reset`], and
//!   how many of them were writes; [`Proxy::reached`] waits for a number.
//! * [`Proxy::record`] keeps the requests themselves, to be replayed at another dataplane.
//! * [`Proxy::inject`] refuses, delays or cuts what a [`Fault`] describes.
//! * [`Proxy::hold`] keeps new clients waiting while somebody else changes the dataplane.

mod connection;
mod fault;
mod tally;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use fault::{Action, Fault};
pub use tally::{Tally, is_read};

/// A relay; it and all connections through it end when it is dropped.
#[derive(Debug)]
pub struct Proxy {
    socket: PathBuf,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// A request as it was sent, without the frame's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// What the client called itself in `sockclnt_create`.
    pub client: String,
    /// Name of the message, without its CRC.
    pub message: String,
    /// The message from its number on. One that leaves the number of a bridge domain to the dataplane has
    /// the number that this chose.
    pub bytes: Vec<u8>,
}

/// One that is connected to the dataplane, as long as this lives.
struct Connected<'a>(&'a watch::Sender<usize>);

impl<'a> Connected<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

/// What all connections share.
#[derive(Debug)]
struct Shared {
    upstream: PathBuf,
    tally: watch::Sender<Tally>,
    faults: Mutex<Vec<Fault>>,
    recording: Mutex<Option<Vec<Recorded>>>,
    /// While true, nobody is connected to the dataplane.
    held: watch::Sender<bool>,
    /// How many are connected to the dataplane.
    connected: watch::Sender<usize>,
}

impl Proxy {
    /// Serves `socket` and passes everything on to `upstream`, which need not be there yet. Call it
    /// within a Tokio runtime.
    pub fn start(socket: &Path, upstream: &Path) -> io::Result<Self> {
        let listener = UnixListener::bind(socket)?;
        let shared = Arc::new(Shared {
            upstream: upstream.to_owned(),
            tally: watch::Sender::new(Tally::default()),
            faults: Mutex::new(Vec::new()),
            recording: Mutex::new(None),
            held: watch::Sender::new(false),
            connected: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self {
            socket: socket.to_owned(),
            shared,
            task,
        })
    }

    /// Where clients connect.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// What has been passed on since the last [`Self::reset`].
    pub fn tally(&self) -> Tally {
        self.shared.tally.borrow().clone()
    }

    /// Begins to count anew.
    pub fn reset(&self) {
        self.shared.tally.send_replace(Tally::default());
    }

    /// Waits until `count` requests of that name were seen since the last [`Self::reset`], refused
    /// ones included.
    pub async fn reached(&self, message: &str, count: u64, limit: Duration) -> io::Result<()> {
        let mut tally = self.shared.tally.subscribe();
        let reached = tally.wait_for(|tally| tally.of(message) >= count);
        match tokio::time::timeout(limit, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(io::Error::other("the relay has ended")),
            Err(_) => Err(io::Error::other(format!(
                "{count} × {message} did not come within {limit:?}; there were: {}",
                self.tally()
            ))),
        }
    }

    /// From now on, keeps all requests.
    pub fn record(&self) {
        *lock(&self.shared.recording) = Some(Vec::new());
    }

    /// Ends the recording and hands it out.
    pub fn recorded(&self) -> Vec<Recorded> {
        lock(&self.shared.recording).take().unwrap_or_default()
    }

    /// From now on, does this to what it fits.
    pub fn inject(&self, fault: Fault) {
        lock(&self.shared.faults).push(fault);
    }

    /// Does no more harm.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Waits until nobody is connected any more: what a client that was killed had sent has been
    /// passed on, or never will be.
    pub async fn drained(&self) {
        let mut connected = self.shared.connected.subscribe();
        // Fails only if the sender is gone, which is ours.
        let _ = connected.wait_for(|connected| *connected == 0).await;
    }

    /// Keeps clients that connect from now on waiting until [`Self::release`].
    pub fn hold(&self) {
        self.shared.held.send_replace(true);
    }

    /// Lets waiting clients through.
    pub fn release(&self) {
        self.shared.held.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The tasks of the connections belong to this one.
        self.task.abort();
    }
}

async fn accept(listener: UnixListener, shared: Arc<Shared>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            client = listener.accept() => match client {
                Ok((client, _)) => {
                    connections.spawn(connection::relay(client, Arc::clone(&shared)));
                }
                Err(_) => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
