//! A connection to one VPP process: many calls in flight over one unix socket.
//!
//! ```text
//!  Connection ─┐  bounded: the window    ┌────────┐
//!  Connection ─┼────────────────────────►│  task  │◄──────► unix socket
//!  Connection ─┘◄──── one answer each ───│        │
//!                                        └───┬────┘
//!                       Events ◄─── bounded ─┘
//! ```
//!
//! [`Connection`] is cheap to clone and encodes and decodes in its caller, into one buffer for all; the
//! one task writes what has gathered there with one system call, and gives answers to whoever waits for
//! their context. At most
//! [`WINDOW`] calls are under way; who comes then waits. [`Events`] owns the task: with it, the
//! connection ends.
//!
//! A connection never gives a wrong answer. A dump is whole or an error; bytes that make no sense,
//! an answer that nobody waits for, a request that stays without an answer: each ends the connection
//! with its reason, since from then on nothing that comes could be trusted, and whoever made the
//! connection makes a new one and looks at VPP afresh.
//!
//! VPP does its work in one thread, and is silent while it does. Silence is therefore answered with a
//! ping, and only a long one ([`Timeouts::silence`]) is taken for death; a closed socket is death at
//! once.

mod call;
mod calls;
mod events;
mod handshake;
mod task;

pub use events::{Event, Events};

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use weft_vpp_wire::MessageTable;
use weft_vpp_wire::capability::Missing;
use weft_vpp_wire::messages::interface::WantInterfaceEvents;

use crate::error::{CallError, ConnectError, Disconnect};
use calls::Calls;
use task::Task;

/// The most calls under way. VPP takes any number, but holds the answers in memory until they are
/// read; and what it has not begun with, a caller may still want to reconsider.
pub const WINDOW: usize = 1024;

/// Number of events that may wait to be read; beyond it [`Event::Overflow`] takes their place.
const EVENTS: usize = 4096;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the socket and the handshake.
    pub connect: Duration,
    /// Of silence, before VPP is pinged.
    pub idle: Duration,
    /// Of silence in spite of a ping, before VPP counts as dead.
    pub silence: Duration,
    /// For the answer to one request while others are answered. VPP answers in order, so that this
    /// only passes for a request that VPP has dropped, or for very slow ones before it.
    pub answer: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            idle: Duration::from_secs(1),
            silence: Duration::from_secs(10),
            answer: Duration::from_secs(60),
        }
    }
}

/// A connection to VPP; clones are the same connection.
#[derive(Debug, Clone)]
pub struct Connection {
    shared: Arc<Shared>,
}

/// What handles, events and task of one connection have in common.
#[derive(Debug)]
struct Shared {
    table: MessageTable,
    /// Places for calls under way.
    window: Semaphore,
    calls: Mutex<Calls>,
    /// There is something to write.
    unwritten: Notify,
    /// Set once, before any waiting call learns of the end.
    end: OnceLock<Disconnect>,
    /// Asks the task to end.
    stop: CancellationToken,
    /// The task has ended.
    ended: CancellationToken,
}

impl Connection {
    /// Connects to the VPP that listens at `path` and introduces us as `name` (at most 63 bytes).
    /// Interface events are switched on if this VPP has them.
    pub async fn connect(
        path: &Path,
        name: &str,
        timeouts: Timeouts,
    ) -> Result<(Self, Events), ConnectError> {
        let timed_out = |_| ConnectError::TimedOut {
            path: path.to_owned(),
            after: timeouts.connect,
        };
        let ready = tokio::time::timeout(timeouts.connect, handshake::perform(path, name))
            .await
            .map_err(timed_out)??;
        let shared = Arc::new(Shared {
            table: ready.table,
            window: Semaphore::new(WINDOW),
            calls: Mutex::new(Calls::new(ready.client_index)),
            unwritten: Notify::new(),
            end: OnceLock::new(),
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        });
        let (sink, source) = events::channel(EVENTS);
        let task = Task::new(
            ready.stream,
            ready.decoder,
            Arc::clone(&shared),
            sink,
            timeouts,
        );
        let events = Events::new(source, Arc::clone(&shared), tokio::spawn(task.run()));
        let connection = Self { shared };
        connection.want_events().await;
        Ok((connection, events))
    }

    /// The messages that we know and this VPP does not have, each of which says in which releases
    /// it is.
    pub fn missing(&self) -> Vec<Missing> {
        self.shared.table.all_missing()
    }

    /// Why the connection is over, if it is.
    pub fn end(&self) -> Option<Disconnect> {
        self.shared.end.get().cloned()
    }

    /// Waits until the connection is over.
    pub async fn ended(&self) -> Disconnect {
        self.shared.ended.cancelled().await;
        self.shared.why()
    }

    /// A VPP without events still can be worked with, only changes are noticed later; one that does
    /// not answer is over, which the first real call will tell.
    async fn want_events(&self) {
        let request = WantInterfaceEvents {
            enable_disable: 1,
            pid: std::process::id(),
        };
        match self.request(request).await {
            Ok(_) => {}
            Err(error @ (CallError::Refused { .. } | CallError::Unsupported(_))) => {
                tracing::warn!(%error, "no interface events: changes in VPP will be noticed late");
            }
            Err(error) => tracing::debug!(%error, "connection lost while it was set up"),
        }
    }
}

impl Shared {
    /// Why the connection ended. Without a reason the task was dropped together with its runtime.
    fn why(&self) -> Disconnect {
        self.end.get().cloned().unwrap_or(Disconnect::Local)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        // Whoever panics while encoding a request leaves one that nobody waits for.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection; only the first reason counts.
    fn fail(&self, reason: Disconnect) {
        // `set` fails if there is a reason already.
        self.end.set(reason).ok();
        self.stop.cancel();
    }
}
