//! One watch stream over several prefixes, put back in order.
//!
//! etcd reports each prefix by a watch of its own, in answers of its own, and may split a large
//! answer into fragments. Here they become whole revisions in ascending order. A feed is used
//! until it fails, and then thrown away.
//!
//! When there are several watches a progress request is sent whenever something has arrived: its
//! answer tells which revisions are whole (see [`pending`]).
//!
//! The same request, sent when nothing has been heard for a while, tells a quiet store from a
//! dead one.

use std::time::Duration;

use etcd_client::{WatchOptions, WatchResponse, WatchStream};
use tokio::time::Instant;

use crate::client::{Store, endpoints::Repeat, prefix_range, stream_failure};
use crate::error::Failure;
use crate::kv::Revision;

pub(crate) use self::pending::Batch;
use self::pending::Pending;

mod pending;

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
    /// When the last message came.
    heard: Instant,
    /// When the progress request was sent that is not answered yet.
    asked: Option<Instant>,
    from: Revision,
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
            if (self.watches == 1 || self.pending.held_for() >= HOLD_AT_MOST)
                && let Some(batches) = self.pending.release_all()
            {
                return Ok(batches);
            }
            let wake = if self.pending.is_empty() {
                match self.asked {
                    Some(_) => self.heard + DEAD_AFTER,
                    None => self.heard + ASK_AFTER,
                }
            } else {
                let waiting = |asked: Instant| asked.elapsed() < REPEAT_PROGRESS;
                if self.watches > 1 && !self.asked.is_some_and(waiting) {
                    self.ask().await?;
                }
                Instant::now() + REPEAT_PROGRESS
            };
            match tokio::time::timeout_at(wake, self.message(store)).await {
                Ok(message) => {
                    if let Some(batches) = self.take(message?)? {
                        return Ok(batches);
                    }
                }
                Err(_) if self.heard.elapsed() >= DEAD_AFTER => {
                    store.endpoints().leave_current();
                    return Err(broken(format!("nothing heard for {DEAD_AFTER:?}")));
                }
                Err(_) if self.pending.is_empty() => self.ask().await?,
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

    /// Takes a message in; gives what it shows to be whole.
    fn take(&mut self, message: WatchResponse) -> Result<Option<Vec<Batch>>, FeedEnd> {
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
            let answered = message
                .header()
                .map_or(0, etcd_client::ResponseHeader::revision);
            return Ok(self.pending.answered(answered));
        }
        self.pending.take(message.0);
        Ok(None)
    }
}

fn broken(reason: impl Into<String>) -> FeedEnd {
    FeedEnd::Broken {
        reason: reason.into(),
    }
}
