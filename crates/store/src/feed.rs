//! One watch stream over several parts of the store, put back in order.
//!
//! etcd reports each part by a watch of its own, in answers of its own, and may split a large
//! answer into fragments. Here they become whole revisions in ascending order. Parts are added and
//! removed while it runs; a feed is used until it fails, and then thrown away.
//!
//! When there are several watches a progress request is sent whenever something has arrived: its
//! answer tells which revisions are whole (see [`pending`]).
//!
//! The same request, sent when nothing has been heard for a while, tells a quiet store from a
//! dead one.

use std::collections::HashMap;
use std::time::Duration;

use etcd_client::{WatchOptions, WatchResponse, WatchStream};
use tokio::time::Instant;

use crate::client::{Store, endpoints::Repeat, stream_failure};
use crate::error::Failure;
use crate::kv::Revision;
use crate::part::Part;

pub(crate) use self::pending::Batch;
use self::pending::Pending;

mod pending;
mod turn;

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
/// Requests that are sent before their answers are awaited. With all at once, thousands of them
/// could wait for a store that waits for us to take its answers.
const AT_ONCE: usize = 64;

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
    /// The watches by their parts. The numbers are ours, and none is used twice: what comes of a
    /// number that is no longer here comes too late.
    watches: HashMap<Part, i64>,
    next_number: i64,
    /// Watches asked for, or cancelled, of which the store has not said so yet.
    unconfirmed: usize,
    pending: Pending,
    /// Whole revisions that nobody has asked for yet.
    whole: Vec<Batch>,
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
        parts: &[Part],
        from: Revision,
    ) -> Result<Self, FeedEnd> {
        let Some((first, others)) = parts.split_first() else {
            return Err(broken("there is nothing to watch"));
        };
        let mut feed = in_time(store, Self::open_one(store, first, from)).await?;
        feed.add(store, others, from).await?;
        Ok(feed)
    }

    async fn open_one(store: &Store, part: &Part, from: Revision) -> Result<Self, FeedEnd> {
        const NUMBER: i64 = 1;
        let (key, options) = creation(part, NUMBER, from);
        let (stream, in_turn) = store
            .endpoints()
            .call(Repeat::Always, from, |client| {
                let (key, options) = (key.clone(), options.clone());
                async move {
                    // The same member is asked that is watched.
                    let in_turn = turn::answers_in_turn(&client).await;
                    let stream = client.watch_client().watch(key, Some(options)).await?;
                    Ok((stream, in_turn))
                }
            })
            .await
            .map_err(|error| broken(error.to_string()))?;
        let mut feed = Self {
            stream,
            watches: HashMap::from([(part.clone(), NUMBER)]),
            next_number: NUMBER + 1,
            unconfirmed: 1,
            pending: Pending::new(in_turn),
            whole: Vec::new(),
            heard: Instant::now(),
            asked: None,
            from,
        };
        feed.confirmed(store).await?;
        Ok(feed)
    }

    /// Watches more parts, from revision `from` on. Returns when the store has confirmed all.
    pub(crate) async fn add(
        &mut self,
        store: &Store,
        parts: &[Part],
        from: Revision,
    ) -> Result<(), FeedEnd> {
        for parts in parts.chunks(AT_ONCE) {
            let adding = async {
                for part in parts {
                    let number = self.next_number;
                    self.next_number += 1;
                    self.watches.insert(part.clone(), number);
                    self.unconfirmed += 1;
                    let (key, options) = creation(part, number, from);
                    let sent = self.stream.watch(key, Some(options)).await;
                    sent.map_err(|error| broken(error.to_string()))?;
                }
                self.confirmed(store).await
            };
            in_time(store, adding).await?;
        }
        Ok(())
    }

    /// Watches some parts no longer: nothing of them is handed out from now on.
    pub(crate) async fn remove(&mut self, store: &Store, parts: &[Part]) -> Result<(), FeedEnd> {
        for parts in parts.chunks(AT_ONCE) {
            let removing = async {
                for part in parts {
                    let Some(number) = self.watches.remove(part) else {
                        continue;
                    };
                    self.pending.forget(number);
                    self.unconfirmed += 1;
                    let sent = self.stream.cancel(number).await;
                    sent.map_err(|error| broken(error.to_string()))?;
                }
                self.confirmed(store).await
            };
            in_time(store, removing).await?;
        }
        Ok(())
    }

    /// Waits until the store has confirmed what it was asked for.
    async fn confirmed(&mut self, store: &Store) -> Result<(), FeedEnd> {
        while self.unconfirmed > 0 {
            let message = self.message(store).await?;
            self.take(message)?;
        }
        Ok(())
    }

    /// The next whole revisions, at least one, in ascending order. Cancel-safe.
    pub(crate) async fn next(&mut self, store: &Store) -> Result<Vec<Batch>, FeedEnd> {
        loop {
            if self.watches.len() == 1 || self.pending.held_for() >= HOLD_AT_MOST {
                self.whole
                    .extend(self.pending.release_all().into_iter().flatten());
            }
            if !self.whole.is_empty() {
                return Ok(std::mem::take(&mut self.whole));
            }
            let wake = if self.pending.is_empty() {
                match self.asked {
                    Some(_) => self.heard + DEAD_AFTER,
                    None => self.heard + ASK_AFTER,
                }
            } else {
                let waiting = |asked: Instant| asked.elapsed() < REPEAT_PROGRESS;
                if self.watches.len() > 1 && !self.asked.is_some_and(waiting) {
                    self.ask().await?;
                }
                Instant::now() + REPEAT_PROGRESS
            };
            match tokio::time::timeout_at(wake, self.message(store)).await {
                Ok(message) => self.take(message?)?,
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
        let sent = self.stream.request_progress().await;
        self.asked = Some(Instant::now());
        sent.map_err(|error| broken(error.to_string()))
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

    /// Takes a message in, and puts by what it shows to be whole.
    fn take(&mut self, message: WatchResponse) -> Result<(), FeedEnd> {
        let number = message.watch_id();
        let live = self.watches.values().any(|own| *own == number);
        // A creation that is refused comes without the number that was asked for.
        if message.canceled() && !live && !message.created() {
            self.unconfirmed = self.unconfirmed.saturating_sub(1);
            return Ok(());
        }
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
        if number == NO_WATCH {
            self.asked = None;
            let answered = message
                .header()
                .map_or(0, etcd_client::ResponseHeader::revision);
            self.whole
                .extend(self.pending.answered(answered).into_iter().flatten());
            return Ok(());
        }
        if message.created() {
            self.unconfirmed = self.unconfirmed.saturating_sub(1);
        }
        if live {
            self.pending.take(message.0);
        }
        Ok(())
    }
}

/// What asks for a watch of `part`.
fn creation(part: &Part, number: i64, from: Revision) -> (Vec<u8>, WatchOptions) {
    let (key, end) = part.range();
    let options = WatchOptions::new()
        .with_range(end)
        .with_start_revision(from)
        .with_watch_id(number)
        .with_fragment();
    (key, options)
}

/// What the store is asked for on the stream, unless it takes longer than a request may.
async fn in_time<T>(
    store: &Store,
    work: impl Future<Output = Result<T, FeedEnd>>,
) -> Result<T, FeedEnd> {
    let timeout = store.endpoints().request_timeout();
    if let Ok(result) = tokio::time::timeout(timeout, work).await {
        return result;
    }
    store.endpoints().leave_current();
    Err(broken("the store does not confirm the watch"))
}

fn broken(reason: impl Into<String>) -> FeedEnd {
    FeedEnd::Broken {
        reason: reason.into(),
    }
}
