//! The task of a [`ResumedSubscription`](super::ResumedSubscription): watch from a revision, and
//! after a loss from the one after the last that was handed out.

use tokio::sync::mpsc::Sender;
use tokio::time::{Duration, Instant};

use super::Event;
use crate::backoff::Backoff;
use crate::client::Store;
use crate::error::StoreError;
use crate::feed::{Feed, FeedEnd};
use crate::kv::Revision;
use crate::part::Part;

/// A connection that lasted this long was a good one: the next loss is a new failure.
const GOOD: Duration = Duration::from_secs(5);

/// Why the subscription is over.
enum End {
    /// The reader has gone away.
    Gone,
    /// The reader must be told.
    Error(StoreError),
}

struct Resumer<'a> {
    events: &'a Sender<Result<Event, StoreError>>,
    /// The next revision to hand out.
    next: Revision,
    /// Why there is no connection, as the reader was told.
    outage: Option<String>,
}

/// Hands out the history of `parts` from revision `from` on, until the reader goes away or the
/// history is gone.
pub(super) async fn run(
    store: &Store,
    parts: &[Part],
    from: Revision,
    events: &Sender<Result<Event, StoreError>>,
) {
    if parts.is_empty() {
        return;
    }
    let mut resumer = Resumer {
        events,
        next: from,
        outage: None,
    };
    let mut backoff = Backoff::default();
    loop {
        let opened = Instant::now();
        let end = match resumer.follow_once(store, parts).await {
            Ok(reason) => resumer.disconnected(reason).await,
            Err(end) => Err(end),
        };
        match end {
            Ok(()) => {}
            Err(End::Gone) => return,
            Err(End::Error(error)) => {
                // The reader may be gone as well, and then there is nobody to tell.
                let _ = events.send(Err(error)).await;
                return;
            }
        }
        if opened.elapsed() >= GOOD {
            backoff.reset();
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

impl Resumer<'_> {
    /// Watches, and returns why the connection was lost.
    async fn follow_once(&mut self, store: &Store, parts: &[Part]) -> Result<String, End> {
        // A store that was wiped would let us wait for a revision that comes years later.
        match store.revision().await {
            Ok(current) if current + 1 < self.next => {
                let requested = self.next;
                return Err(End::Error(StoreError::RevisionLost { requested, current }));
            }
            Ok(_) => {}
            Err(error) => return Ok(error.to_string()),
        }
        let mut feed = match Feed::open(store, parts, self.next).await {
            Ok(feed) => feed,
            Err(end) => return reason(end),
        };
        if self.outage.take().is_some() {
            self.send(Event::Connected).await?;
        }
        loop {
            match feed.next(store).await {
                Ok(batches) => {
                    for batch in batches {
                        let revision = batch.revision;
                        // etcd 3.4 may answer a progress request before a watch has caught up:
                        // a late batch is handed out, and the place to resume stays ahead.
                        self.next = self.next.max(revision + 1);
                        let changes = batch.changes;
                        self.send(Event::Changes { revision, changes }).await?;
                    }
                }
                Err(end) => return reason(end),
            }
        }
    }

    async fn disconnected(&mut self, reason: String) -> Result<(), End> {
        if self.outage.as_ref() == Some(&reason) {
            return Ok(());
        }
        self.outage = Some(reason.clone());
        self.send(Event::Disconnected { reason }).await
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        self.events.send(Ok(event)).await.map_err(|_| End::Gone)
    }
}

fn reason(end: FeedEnd) -> Result<String, End> {
    match end {
        FeedEnd::Compacted { requested, oldest } => Err(End::Error(StoreError::Compacted {
            requested,
            oldest: Some(oldest),
        })),
        FeedEnd::Broken { reason } => Ok(reason),
    }
}
