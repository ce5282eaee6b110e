//! The task of a [`Subscription`](super::Subscription): read, compare, watch, and again.

use tokio::sync::mpsc::Sender;
use tokio::time::{Duration, Instant};

use super::Event;
use super::known::Known;
use crate::backoff::Backoff;
use crate::client::Store;
use crate::feed::{Batch, Feed, FeedEnd};
use crate::kv::{Revision, Snapshot};

/// A connection that lasted this long was a good one: the next loss is a new failure.
const GOOD: Duration = Duration::from_secs(5);

/// The reader has gone away.
struct Gone;

struct Follower<'a> {
    events: &'a Sender<Event>,
    known: Known,
    /// Revision of the last snapshot or changes handed out; `None` before the first.
    delivered: Option<Revision>,
    /// Why there is no connection, as the reader was told.
    outage: Option<String>,
}

/// Follows `prefixes` until the reader goes away.
pub(super) async fn run(store: &Store, prefixes: &[String], events: &Sender<Event>) {
    if prefixes.is_empty() {
        return;
    }
    let mut follower = Follower {
        events,
        known: Known::default(),
        delivered: None,
        outage: None,
    };
    let mut backoff = Backoff::default();
    loop {
        let opened = Instant::now();
        let reason = match follower.follow_once(store, prefixes).await {
            Err(Gone) => return,
            Ok(None) => None,
            Ok(Some(reason)) => Some(reason),
        };
        if opened.elapsed() >= GOOD {
            backoff.reset();
        }
        // A compacted history only asks for a fresh read. It counts for the back-off all the
        // same, or a store that compacts faster than we read would be read without end.
        if let Some(reason) = reason
            && follower.disconnected(reason).await.is_err()
        {
            return;
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

impl Follower<'_> {
    /// Reads, watches, and returns when the watch ended: `None` if only its history was
    /// compacted, else why the connection was lost.
    async fn follow_once(
        &mut self,
        store: &Store,
        prefixes: &[String],
    ) -> Result<Option<String>, Gone> {
        let snapshot = match store.snapshot(prefixes).await {
            Ok(snapshot) => snapshot,
            Err(error) => return Ok(Some(error.to_string())),
        };
        let mut feed = match Feed::open(store, prefixes, snapshot.revision + 1).await {
            Ok(feed) => feed,
            Err(end) => return Ok(reason(end)),
        };
        self.connected(snapshot).await?;
        loop {
            match feed.next(store).await {
                Ok(batches) => {
                    for batch in batches {
                        self.changed(batch).await?;
                    }
                }
                Err(end) => return Ok(reason(end)),
            }
        }
    }

    async fn connected(&mut self, snapshot: Snapshot) -> Result<(), Gone> {
        let revision = snapshot.revision;
        let outage = self.outage.take();
        if self.delivered.is_none() {
            let kvs = snapshot.kvs.clone();
            self.known.replace(snapshot);
            self.send(Event::Snapshot { revision, kvs }).await?;
        } else {
            if outage.is_some() {
                self.send(Event::Connected).await?;
            }
            let changes = self.known.replace(snapshot);
            if !changes.is_empty() {
                self.send(Event::Changes { revision, changes }).await?;
            }
        }
        self.delivered = Some(revision);
        Ok(())
    }

    async fn changed(&mut self, batch: Batch) -> Result<(), Gone> {
        let Batch { revision, changes } = batch;
        // While a watch of an etcd 3.4 catches up, a revision may come late; it never comes twice.
        let revision = self
            .delivered
            .map_or(revision, |delivered| delivered.max(revision));
        self.known.note(&changes);
        self.delivered = Some(revision);
        self.send(Event::Changes { revision, changes }).await
    }

    async fn disconnected(&mut self, reason: String) -> Result<(), Gone> {
        if self.outage.as_ref() == Some(&reason) {
            return Ok(());
        }
        tracing::warn!(reason, "the store cannot be followed");
        self.outage = Some(reason.clone());
        self.send(Event::Disconnected { reason }).await
    }

    async fn send(&self, event: Event) -> Result<(), Gone> {
        self.events.send(event).await.map_err(|_| Gone)
    }
}

fn reason(end: FeedEnd) -> Option<String> {
    match end {
        FeedEnd::Compacted { .. } => None,
        FeedEnd::Broken { reason } => Some(reason),
    }
}
