//! What VPP tells by itself, in a bounded queue.
//!
//! If nobody reads for so long that the queue is full, events are dropped and [`Event::Overflow`]
//! says so: the reader then has to look at all of VPP again, which is what it would do anyway with
//! that many changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use weft_vpp_wire::messages::interface::SwInterfaceEvent;

use super::Shared;
use crate::error::Disconnect;

/// What VPP tells by itself.
#[derive(Debug, Clone)]
pub enum Event {
    /// An interface has changed its state or is gone.
    Interface(SwInterfaceEvent),
    /// Events were lost: what is known of VPP may be out of date.
    Overflow,
    /// The connection is over; nothing comes any more.
    Disconnected(Disconnect),
}

/// The events of a connection, and the connection's owner: dropping it ends the connection.
#[derive(Debug)]
pub struct Events {
    source: Source,
    shared: Arc<Shared>,
    task: Option<JoinHandle<()>>,
}

/// The task's end of the queue.
#[derive(Debug)]
pub(super) struct Sink {
    queue: mpsc::Sender<SwInterfaceEvent>,
    overflow: Arc<AtomicBool>,
}

/// The reader's end of the queue.
#[derive(Debug)]
pub(super) struct Source {
    queue: mpsc::Receiver<SwInterfaceEvent>,
    overflow: Arc<AtomicBool>,
}

/// A queue for `capacity` events.
pub(super) fn channel(capacity: usize) -> (Sink, Source) {
    let (sender, receiver) = mpsc::channel(capacity);
    let overflow = Arc::new(AtomicBool::new(false));
    let sink = Sink {
        queue: sender,
        overflow: Arc::clone(&overflow),
    };
    let source = Source {
        queue: receiver,
        overflow,
    };
    (sink, source)
}

impl Sink {
    /// Hands an event on, or notes that it is lost; never waits, because answers come through the
    /// same task.
    pub(super) fn send(&self, event: SwInterfaceEvent) {
        if self.queue.try_send(event).is_err() {
            self.overflow.store(true, Ordering::Release);
        }
    }
}

impl Events {
    pub(super) fn new(source: Source, shared: Arc<Shared>, task: JoinHandle<()>) -> Self {
        Self {
            source,
            shared,
            task: Some(task),
        }
    }

    /// Waits for the next event. After [`Event::Disconnected`] the same comes again.
    pub async fn next(&mut self) -> Event {
        if self.source.overflow.swap(false, Ordering::Acquire) {
            // These are older than the loss, hence than whatever is looked at because of it.
            while self.source.queue.try_recv().is_ok() {}
            return Event::Overflow;
        }
        match self.source.queue.recv().await {
            Some(event) => Event::Interface(event),
            None => Event::Disconnected(self.shared.why()),
        }
    }

    /// Ends the connection and waits until its task has ended.
    pub async fn close(mut self) {
        self.shared.fail(Disconnect::Local);
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the task of a connection to VPP failed");
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.fail(Disconnect::Local);
    }
}
