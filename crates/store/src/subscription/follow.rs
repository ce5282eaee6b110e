//! The task of a [`Subscription`](super::Subscription): read, compare, watch, and again.

use tokio::sync::mpsc::Sender;
use tokio::sync::watch;
use tokio::time::{Duration, Instant};

use super::Event;
use super::interest::{Numbered, Told, part_of};
use super::known::Known;
use crate::backoff::Backoff;
use crate::client::Store;
use crate::feed::{Batch, Feed, FeedEnd};
use crate::kv::{KeyValue, Revision, Snapshot};
use crate::part::Part;

/// A connection that lasted this long was a good one: the next loss is a new failure.
const GOOD: Duration = Duration::from_secs(5);

/// Why following came to an end.
enum End {
    /// The reader has gone away.
    Gone,
    /// The history was compacted.
    Compacted,
    /// The connection was lost, for this reason.
    Lost(String),
}

struct Follower<'a> {
    store: &'a Store,
    events: &'a Sender<Told>,
    /// What is followed all the time.
    fixed: Vec<Part>,
    /// What else is to be followed.
    interest: watch::Receiver<Numbered>,
    /// What else is followed: its first reading was handed out.
    followed: Numbered,
    known: Known,
    /// Revision of the last snapshot or changes handed out; `None` before the first.
    delivered: Option<Revision>,
    /// Why there is no connection, as the reader was told.
    outage: Option<String>,
}

/// Follows `fixed`, and the interest beside it, until the reader goes away.
pub(super) async fn run(
    store: &Store,
    fixed: Vec<Part>,
    interest: watch::Receiver<Numbered>,
    events: &Sender<Told>,
) {
    if fixed.is_empty() {
        return;
    }
    let mut follower = Follower {
        store,
        events,
        known: Known::new(fixed.clone()),
        fixed,
        interest,
        followed: Numbered::default(),
        delivered: None,
        outage: None,
    };
    let mut backoff = Backoff::default();
    loop {
        let opened = Instant::now();
        let end = follower.follow_once().await;
        if opened.elapsed() >= GOOD {
            backoff.reset();
        }
        match end {
            End::Gone => return,
            // It only asks for a fresh read. It counts for the back-off all the same, or a store
            // that compacts faster than we read would be read without end.
            End::Compacted => {}
            End::Lost(reason) => {
                if follower.disconnected(reason).await.is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(backoff.next_wait()).await;
    }
}

impl Follower<'_> {
    /// Reads, watches, and returns when that has come to an end.
    async fn follow_once(&mut self) -> End {
        match self.follow().await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn follow(&mut self) -> Result<std::convert::Infallible, End> {
        let wanted = self.take_interest();
        self.forget(&wanted);
        let parts: Vec<Part> = self.fixed.iter().chain(wanted.keys()).cloned().collect();
        let snapshot = self.read(&parts).await?;
        let mut feed = Feed::open(self.store, &parts, snapshot.revision + 1).await?;
        self.connected(snapshot, wanted).await?;
        loop {
            tokio::select! {
                batches = feed.next(self.store) => {
                    for batch in batches? {
                        self.changed(batch).await?;
                    }
                }
                changed = self.interest.changed() => {
                    changed.map_err(|_| End::Gone)?;
                    self.interest_changed(&mut feed).await?;
                }
            }
        }
    }

    fn take_interest(&mut self) -> Numbered {
        self.interest.borrow_and_update().clone()
    }

    async fn read(&self, parts: &[Part]) -> Result<Snapshot, End> {
        let read = self.store.read(parts).await;
        read.map_err(|error| End::Lost(error.to_string()))
    }

    /// Follows what the reader wants now.
    async fn interest_changed(&mut self, feed: &mut Feed) -> Result<(), End> {
        let wanted = self.take_interest();
        let dropped = self.forget(&wanted);
        feed.remove(self.store, &dropped).await?;
        let added: Vec<(Part, u64)> = wanted
            .into_iter()
            .filter(|(part, _)| !self.followed.contains_key(part))
            .collect();
        if added.is_empty() {
            return Ok(());
        }
        let parts: Vec<Part> = added.iter().map(|(part, _)| part.clone()).collect();
        let Snapshot { revision, kvs } = self.read(&parts).await?;
        feed.add(self.store, &parts, revision + 1).await?;
        self.first_read(revision, added, kvs).await
    }

    /// Forgets what is no longer wanted, or is wanted anew; gives it.
    fn forget(&mut self, wanted: &Numbered) -> Vec<Part> {
        let dropped: Vec<Part> = self
            .followed
            .iter()
            .filter(|(part, number)| wanted.get(*part) != Some(*number))
            .map(|(part, _)| part.clone())
            .collect();
        for part in &dropped {
            self.followed.remove(part);
            self.known.forget(part);
        }
        dropped
    }

    async fn connected(&mut self, snapshot: Snapshot, wanted: Numbered) -> Result<(), End> {
        let revision = snapshot.revision;
        let new: Numbered = wanted
            .into_iter()
            .filter(|(part, _)| !self.followed.contains_key(part))
            .collect();
        let (first, kvs): (Vec<KeyValue>, Vec<KeyValue>) = snapshot
            .kvs
            .into_iter()
            .partition(|kv| part_of(&new, &kv.key).is_some());
        let outage = self.outage.take();
        if self.delivered.is_none() {
            self.known.add(&kvs);
            self.send(Event::Snapshot { revision, kvs }).await?;
        } else {
            if outage.is_some() {
                self.send(Event::Connected).await?;
            }
            let changes = self.known.replace(Snapshot { revision, kvs });
            if !changes.is_empty() {
                self.send(Event::Changes { revision, changes }).await?;
            }
        }
        self.delivered = Some(revision);
        if !new.is_empty() {
            self.first_read(revision, new.into_iter().collect(), first)
                .await?;
        }
        Ok(())
    }

    /// Parts were read for the first time since they are wanted.
    async fn first_read(
        &mut self,
        revision: Revision,
        parts: Vec<(Part, u64)>,
        kvs: Vec<KeyValue>,
    ) -> Result<(), End> {
        self.known.add(&kvs);
        self.followed.extend(parts.iter().cloned());
        self.tell(Told::Read {
            revision,
            parts,
            kvs,
        })
        .await
    }

    async fn changed(&mut self, batch: Batch) -> Result<(), End> {
        let Batch { revision, changes } = batch;
        // While a watch of an etcd 3.4 catches up, a revision may come late; it never comes twice.
        let revision = self
            .delivered
            .map_or(revision, |delivered| delivered.max(revision));
        self.known.note(&changes);
        self.delivered = Some(revision);
        self.send(Event::Changes { revision, changes }).await
    }

    async fn disconnected(&mut self, reason: String) -> Result<(), End> {
        if self.outage.as_ref() == Some(&reason) {
            return Ok(());
        }
        tracing::warn!(reason, "the store cannot be followed");
        self.outage = Some(reason.clone());
        self.send(Event::Disconnected { reason }).await
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        self.tell(Told::Event(event)).await
    }

    async fn tell(&self, told: Told) -> Result<(), End> {
        self.events.send(told).await.map_err(|_| End::Gone)
    }
}

impl From<FeedEnd> for End {
    fn from(end: FeedEnd) -> Self {
        match end {
            FeedEnd::Compacted { .. } => Self::Compacted,
            FeedEnd::Broken { reason } => Self::Lost(reason),
        }
    }
}
