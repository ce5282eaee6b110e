//! Following a part of the store for ever.
//!
//! Two kinds. A [`Subscription`] keeps its reader's picture right whatever happens: after a lost
//! connection or a compacted history it reads afresh at one revision, compares with what it has
//! delivered, and hands out the difference as ordinary changes (none, if nothing changed). Beside
//! what it follows all the time there is an interest, which its reader changes at any time: what is
//! new in it is read at one revision and watched from there on, over the same stream. A
//! [`ResumedSubscription`] hands out the history from a given revision and nothing else, so that
//! it must say when that history is gone.
//!
//! Invariants: applying all events in order gives exactly what the store holds at the revision of
//! the last one; all changes of one revision come together; a key's changes never go back in
//! time. For a part that has just become interesting only the last of these holds until what its
//! watch has missed is there. (What older releases of etcd do not promise for the second of these is said in
//! `feed/pending.rs`.) The one task of a subscription ends when the subscription is dropped or closed.

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::client::Store;
use crate::error::StoreError;
use crate::kv::{Change, KeyValue, Revision};
use crate::part::{Part, outermost};

use interest::{Interest, Numbered, Told};

mod follow;
mod interest;
mod known;
mod resume;

/// Events that wait for a slow reader. Beyond them the task waits, and with it the store, which
/// keeps the rest in its history.
const QUEUE: usize = 64;

/// What a subscription reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// All that the prefixes hold, at one revision. Comes once, before any change.
    Snapshot {
        /// The revision at which it was read.
        revision: Revision,
        /// All keys; ascending within each prefix.
        kvs: Vec<KeyValue>,
    },
    /// All that some parts of the interest hold, at one revision: comes once for each that was asked
    /// for by [`Subscription::set_interest`], before any change of it. A key that is not in it is not
    /// in the store.
    Read {
        /// The revision at which it was read; changes of other parts may be older or newer.
        revision: Revision,
        /// The parts; at least one.
        parts: Vec<Part>,
        /// All their keys.
        kvs: Vec<KeyValue>,
    },
    /// What changed. All changes of one revision, or, after a time without connection, the
    /// difference between what was delivered before and what is there now.
    Changes {
        /// Everything up to this revision has now been delivered.
        revision: Revision,
        /// At least one change; a key occurs once.
        changes: Vec<Change>,
    },
    /// The store cannot be followed at the moment; attempts go on. Repeated when the reason
    /// changes.
    Disconnected {
        /// Why, for people.
        reason: String,
    },
    /// The store can be followed again. What was missed, if anything, comes next. Not sent before
    /// the first snapshot, which says it by itself.
    Connected,
}

/// A part of the store, followed for ever. Made by [`Store::subscribe`]. Dropping it ends it.
#[derive(Debug)]
pub struct Subscription {
    events: mpsc::Receiver<Told>,
    interest: Interest,
    /// The interest on its way to the task.
    numbered: watch::Sender<Numbered>,
    task: Task,
}

/// The history of a part of the store from one revision on. Made by [`Store::subscribe_from`].
/// Dropping it ends it.
#[derive(Debug)]
pub struct ResumedSubscription {
    events: mpsc::Receiver<Result<Event, StoreError>>,
    task: Task,
}

/// The task behind a subscription.
#[derive(Debug)]
struct Task {
    handle: JoinHandle<()>,
    cancel: DropGuard,
}

impl Subscription {
    pub(crate) fn start(store: Store, prefixes: Vec<String>) -> Self {
        let (sender, events) = mpsc::channel(QUEUE);
        let (numbered, interest) = watch::channel(Numbered::default());
        let fixed = outermost(prefixes.into_iter().map(Part::Prefix));
        let followed = fixed.clone();
        let task =
            Task::spawn(async move { follow::run(&store, followed, interest, &sender).await });
        Self {
            events,
            interest: Interest::new(fixed),
            numbered,
            task,
        }
    }

    /// The next event; waits for it. `None` only when no prefix was given. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let told = self.events.recv().await?;
            if let Some(event) = self.interest.filter(told) {
                return Some(event);
            }
        }
    }

    /// Says what else is to be followed from now on; it may be different at any time. What is new
    /// comes by [`Event::Read`] and then by changes; of what is left out nothing more comes, and
    /// nothing is known of it any more should it be asked for again. Parts that lie within another
    /// one, or within the prefixes of the subscription, are left out.
    ///
    /// Costs one watch of one stream for each part, and one request for 128 parts that are new.
    pub fn set_interest(&mut self, parts: impl IntoIterator<Item = Part>) {
        if let Some(numbered) = self.interest.set(parts) {
            self.numbered.send_replace(numbered);
        }
    }

    /// Ends the subscription and waits until nothing of it is left.
    pub async fn close(self) {
        self.task.stop().await;
    }
}

impl ResumedSubscription {
    pub(crate) fn start(store: Store, prefixes: Vec<String>, from: Revision) -> Self {
        let (sender, events) = mpsc::channel(QUEUE);
        let parts = outermost(prefixes.into_iter().map(Part::Prefix));
        let task = Task::spawn(async move { resume::run(&store, &parts, from, &sender).await });
        Self { events, task }
    }

    /// The next event; waits for it. Never [`Event::Snapshot`]. An error is the last thing that
    /// comes: [`StoreError::Compacted`] if the history is gone, [`StoreError::RevisionLost`] if
    /// the store has gone back in time. Cancel-safe.
    pub async fn next(&mut self) -> Option<Result<Event, StoreError>> {
        self.events.recv().await
    }

    /// Ends the subscription and waits until nothing of it is left.
    pub async fn close(self) {
        self.task.stop().await;
    }
}

impl Task {
    fn spawn(work: impl Future<Output = ()> + Send + 'static) -> Self {
        let cancel = CancellationToken::new();
        let cancelled = cancel.clone();
        let handle = tokio::spawn(async move {
            tokio::select! {
                () = cancelled.cancelled() => {}
                () = work => {}
            }
        });
        Self {
            handle,
            cancel: cancel.drop_guard(),
        }
    }

    async fn stop(self) {
        drop(self.cancel);
        if let Err(error) = self.handle.await {
            tracing::error!(%error, "the task of a subscription failed");
        }
    }
}
