//! One watch stream over several prefixes, put back in order.
//!
//! etcd reports each prefix by a watch of its own, in answers of its own, and may split a large
//! answer into fragments. Here they become whole revisions in ascending order. A feed is used
//! until it fails, and then thrown away.
//!
//! How a revision is known to be whole: with one watch, when an answer ends that is not a
//! fragment. With several, a progress request is sent when something has arrived. The embedded
//! server, and etcd since 3.5.8, answer it (watch id -1) when all watches of the stream have
//! reported up to the revision that the answer names. Older ones answer out of turn, while
//! reports still wait to be sent, though these are in the order of revisions. So a revision counts
//! as whole when it is answered for and, besides, something newer has arrived or nothing at all
//! has since the answer before. (Known limit: such an etcd also leaves the order of revisions for
//! a reader so slow that its own buffer overflows. Then a revision may come in parts; each
//! key's changes still come in order, and none is lost.)
//!
//! The same request, sent when nothing has been heard for a while, tells a quiet store from a
//! dead one.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::proto::PbWatchResponse;
use etcd_client::{EventType, WatchOptions, WatchResponse, WatchStream};
use tokio::time::Instant;

use crate::client::{Store, endpoints::Repeat, prefix_range, stream_failure};
use crate::error::Failure;
use crate::kv::{Change, KeyValue, Revision, utf8_key};

/// Silence after which the store is asked for a sign of life.
const ASK_AFTER: Duration = Duration::from_secs(3);
/// Silence after which it counts as dead.
const DEAD_AFTER: Duration = Duration::from_secs(8);
/// A progress request may go unanswered while a watch still catches up; then it is repeated.
const REPEAT_PROGRESS: Duration = Duration::from_millis(100);
/// For how long changes are held back at most to have their revision whole. Only reached if a
/// watch catches up for that long; then completeness matters less than not standing still.
const HOLD_AT_MOST: Duration = Duration::from_secs(2);
/// How etcd marks an answer to a progress request.
const NO_WATCH: i64 = -1;

/// All changes of one revision under the prefixes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) revision: Revision,
    pub(crate) changes: Vec<Change>,
}

/// Why a feed ended.
#[derive(Debug)]
pub(crate) enum FeedEnd {
    /// The revision to go on from is no longer in the store.
    Compacted {
        requested: Revision,
        oldest: Revision,
    },
    /// Anything else: open a new one.
    Broken { reason: String },
}

pub(crate) struct Feed {
    stream: WatchStream,
    watches: usize,
    pending: Pending,
    heard: Instant,
    asked: Option<Instant>,
    /// Changes have arrived since the last answer to a progress request.
    busy: bool,
    from: Revision,
}

/// Changes that have arrived and are not known to be whole yet.
#[derive(Debug, Default)]
struct Pending {
    revisions: BTreeMap<Revision, Vec<Change>>,
    /// An answer is in the middle of its fragments.
    in_fragments: bool,
    since: Option<Instant>,
}

impl Feed {
    /// Opens the watches; they see every change from revision `from` on, inclusive. Returns when
    /// the store has confirmed all of them.
    pub(crate) async fn open(
        store: &Store,
        prefixes: &[String],
        from: Revision,
    ) -> Result<Self, FeedEnd> {
        let opening = Self::open_unbounded(store, prefixes, from);
        let timeout = store.endpoints().request_timeout();
        if let Ok(result) = tokio::time::timeout(timeout, opening).await {
            return result;
        }
        store.endpoints().leave_current();
        Err(broken("the store does not confirm the watch"))
    }

    async fn open_unbounded(
        store: &Store,
        prefixes: &[String],
        from: Revision,
    ) -> Result<Self, FeedEnd> {
        let create = |prefix: &String| {
            let (key, end) = prefix_range(prefix);
            let options = WatchOptions::new()
                .with_range(end)
                .with_start_revision(from)
                .with_fragment();
            (key, options)
        };
        let Some((first, others)) = prefixes.split_first() else {
            return Err(broken("there is no prefix to watch"));
        };
        let (key, options) = create(first);
        let mut stream = store
            .endpoints()
            .call(Repeat::Always, from, |client| {
                let (key, options) = (key.clone(), options.clone());
                async move { client.watch_client().watch(key, Some(options)).await }
            })
            .await
            .map_err(|error| broken(error.to_string()))?;
        for prefix in others {
            let (key, options) = create(prefix);
            stream
                .watch(key, Some(options))
                .await
                .map_err(|error| broken(error.to_string()))?;
        }
        let mut feed = Self {
            stream,
            watches: prefixes.len(),
            pending: Pending::default(),
            heard: Instant::now(),
            asked: None,
            busy: false,
            from,
        };
        let mut created = 0;
        while created < feed.watches {
            let message = feed.message(store).await?;
            if message.created() {
                created += 1;
            }
            feed.take(message)?;
        }
        Ok(feed)
    }

    /// The next whole revisions, at least one, in ascending order.
    pub(crate) async fn next(&mut self, store: &Store) -> Result<Vec<Batch>, FeedEnd> {
        loop {
            if self.watches == 1 || self.pending.is_overdue() {
                if let Some(batches) = self.pending.release(Revision::MAX) {
                    return Ok(batches);
                }
            } else if !self.pending.revisions.is_empty() {
                let due = self
                    .asked
                    .is_none_or(|asked| asked.elapsed() >= REPEAT_PROGRESS);
                if due {
                    self.ask().await?;
                }
            }
            let wake = if self.pending.revisions.is_empty() {
                match self.asked {
                    Some(_) => self.heard + DEAD_AFTER,
                    None => self.heard + ASK_AFTER,
                }
            } else {
                Instant::now() + REPEAT_PROGRESS
            };
            match tokio::time::timeout_at(wake, self.message(store)).await {
                Ok(message) => {
                    let message = message?;
                    if let Some(whole_to) = self.take(message)?
                        && let Some(batches) = self.pending.release(whole_to)
                    {
                        return Ok(batches);
                    }
                }
                Err(_) if self.heard.elapsed() >= DEAD_AFTER => {
                    store.endpoints().leave_current();
                    return Err(broken(format!("nothing heard for {DEAD_AFTER:?}")));
                }
                Err(_) if self.pending.revisions.is_empty() => self.ask().await?,
                Err(_) => {}
            }
        }
    }

    async fn ask(&mut self) -> Result<(), FeedEnd> {
        self.asked = Some(Instant::now());
        self.stream
            .request_progress()
            .await
            .map_err(|error| broken(error.to_string()))
    }

    async fn message(&mut self, store: &Store) -> Result<WatchResponse, FeedEnd> {
        let failed = |reason: String| {
            store.endpoints().leave_current();
            broken(reason)
        };
        match self.stream.message().await {
            Ok(Some(message)) => {
                self.heard = Instant::now();
                Ok(message)
            }
            Ok(None) => Err(failed("the store ended the watch".to_owned())),
            Err(error) => Err(failed(match stream_failure(error, self.from) {
                Failure::NotSent(reason) | Failure::Lost(reason) | Failure::StaleLogin(reason) => {
                    reason
                }
                Failure::Answer(error) => error.to_string(),
            })),
        }
    }

    /// Takes a message in. An answer to a progress request gives the revision up to which
    /// everything has arrived.
    fn take(&mut self, message: WatchResponse) -> Result<Option<Revision>, FeedEnd> {
        if message.compact_revision() != 0 {
            return Err(FeedEnd::Compacted {
                requested: self.from,
                oldest: message.compact_revision(),
            });
        }
        if message.canceled() {
            let reason = match message.cancel_reason() {
                "" => "the store cancelled the watch".to_owned(),
                reason => format!("the store cancelled the watch: {reason}"),
            };
            return Err(broken(reason));
        }
        if message.watch_id() == NO_WATCH {
            self.asked = None;
            let answered = message.header().map(etcd_client::ResponseHeader::revision);
            if !std::mem::take(&mut self.busy) {
                return Ok(answered);
            }
            let newest = self.pending.revisions.last_key_value();
            return Ok(newest.map(|(newest, _)| newest - 1).min(answered));
        }
        if message.events().is_empty() {
            self.asked = None;
        } else {
            self.busy = true;
        }
        self.pending.take(message.0);
        Ok(None)
    }
}

impl Pending {
    fn take(&mut self, message: PbWatchResponse) {
        self.in_fragments = message.fragment;
        for event in message.events {
            let Some(kv) = event.kv else { continue };
            let revision = kv.mod_revision;
            let change = if event.r#type == EventType::Delete as i32 {
                utf8_key(kv.key).map(|key| Change::Delete {
                    key,
                    mod_revision: revision,
                })
            } else {
                KeyValue::from_wire(kv).map(Change::Put)
            };
            self.revisions.entry(revision).or_default().extend(change);
            self.since.get_or_insert_with(Instant::now);
        }
    }

    fn is_overdue(&self) -> bool {
        self.since
            .is_some_and(|since| since.elapsed() >= HOLD_AT_MOST)
    }

    /// Hands out what is whole: the revisions up to `to`; nothing between fragments.
    fn release(&mut self, to: Revision) -> Option<Vec<Batch>> {
        if self.in_fragments {
            return None;
        }
        let rest = to
            .checked_add(1)
            .map_or_else(BTreeMap::new, |after| self.revisions.split_off(&after));
        let whole = std::mem::replace(&mut self.revisions, rest);
        if self.revisions.is_empty() {
            self.since = None;
        }
        let batches: Vec<Batch> = whole
            .into_iter()
            .filter(|(_, changes)| !changes.is_empty())
            .map(|(revision, changes)| Batch { revision, changes })
            .collect();
        (!batches.is_empty()).then_some(batches)
    }
}

fn broken(reason: impl Into<String>) -> FeedEnd {
    FeedEnd::Broken {
        reason: reason.into(),
    }
}
