//! `etcdserverpb.Watch`.
//!
//! One task a stream; it holds any number of watches, and for each only the next revision that it
//! has to see. Whenever something is committed, or a watch was added that is behind, the task
//! reads a bounded stretch of history (from memory if it is recent, else from the file), hands
//! each watch its part, and goes on until all are up to date. It waits while the client does not
//! take what it is given, and holds no more than that one stretch meanwhile.
//!
//! Invariant: each watch sees its revisions in order and whole, if need be in fragments; an answer
//! to a progress request comes after everything up to the revision that it names, of all watches.

use std::collections::BTreeMap;
use std::sync::Arc;

use etcd_client::proto::{PbEvent, PbWatchRequest, PbWatchRequestUnion, PbWatchResponse};
use prost::{EncodeError, Message};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::super::engine::{Engine, History};
use super::super::hub::Committed;
use super::super::interval::Interval;
use super::super::schema::{EVENT_DELETE, EVENT_PUT};

mod answer;
mod codec;
mod index;

use index::Index;

/// Answers that wait for the transport.
const QUEUE: usize = 4;
/// How etcd marks an answer that belongs to no watch.
const NO_WATCH: i64 = -1;
/// `WatchCreateRequest.FilterType`.
const FILTER_NO_PUT: i32 = 0;
/// `WatchCreateRequest.FilterType`.
const FILTER_NO_DELETE: i32 = 1;

#[derive(Clone)]
pub(in super::super) struct Watch(pub(in super::super) Arc<Engine>);

/// To the transport, encoded.
type Answers = mpsc::Sender<Result<Vec<u8>, Status>>;

/// One stream.
struct Session {
    engine: Arc<Engine>,
    answers: Answers,
    watches: BTreeMap<i64, Watched>,
    /// What `watches` watch; `None` once these have changed.
    index: Option<Index>,
    next_id: i64,
}

/// One watch.
struct Watched {
    interval: Interval,
    /// The first revision that it has not seen.
    next: i64,
    no_put: bool,
    no_delete: bool,
    prev_kv: bool,
    fragment: bool,
    progress_notify: bool,
    /// Something was sent since the last tick of progress notifications.
    busy: bool,
}

/// The stream is over: the client has gone, or the server ends.
struct Over;

impl From<EncodeError> for Over {
    /// There is none: what is encoded into grows.
    fn from(_: EncodeError) -> Self {
        Self
    }
}

impl Watch {
    /// Begins a stream; gives what it answers.
    fn open(&self, requests: Streaming<PbWatchRequest>) -> ReceiverStream<Result<Vec<u8>, Status>> {
        let (answers, stream) = mpsc::channel(QUEUE);
        let gone = answers.clone();
        let mut session = Session {
            engine: self.0.clone(),
            answers,
            watches: BTreeMap::new(),
            index: None,
            next_id: 0,
        };
        let stopping = self.0.stopping.clone();
        self.0.sessions.spawn(async move {
            tokio::select! {
                () = stopping.cancelled() => {}
                () = gone.closed() => {}
                _ = session.run(requests) => {}
            }
        });
        ReceiverStream::new(stream)
    }
}

impl Session {
    async fn run(&mut self, mut requests: Streaming<PbWatchRequest>) -> Result<(), Over> {
        let mut state = self.engine.hub.state();
        let mut progress = tokio::time::interval(self.engine.progress_interval);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        progress.reset();
        loop {
            state.mark_unchanged();
            self.catch_up().await?;
            tokio::select! {
                request = requests.message() => match request {
                    Ok(Some(request)) => self.request(request).await?,
                    // The client wants nothing more, or is gone.
                    Ok(None) | Err(_) => return Err(Over),
                },
                changed = state.changed() => changed.map_err(|_| Over)?,
                _ = progress.tick() => self.notify_progress().await?,
            }
        }
    }

    async fn request(&mut self, request: PbWatchRequest) -> Result<(), Over> {
        match request.request_union {
            Some(PbWatchRequestUnion::CreateRequest(create)) => {
                let watched = Watched {
                    interval: watched_interval(&create.key, &create.range_end),
                    next: match create.start_revision {
                        0 => self.engine.hub.revision() + 1,
                        start => start,
                    },
                    no_put: create.filters.contains(&FILTER_NO_PUT),
                    no_delete: create.filters.contains(&FILTER_NO_DELETE),
                    prev_kv: create.prev_kv,
                    fragment: create.fragment,
                    progress_notify: create.progress_notify,
                    busy: false,
                };
                self.create(create.watch_id, watched).await
            }
            Some(PbWatchRequestUnion::CancelRequest(cancel)) => {
                if self.watches.remove(&cancel.watch_id).is_none() {
                    return Ok(());
                }
                self.index = None;
                let revision = self.engine.hub.revision();
                let mut answer = self.answer(cancel.watch_id, revision);
                answer.canceled = true;
                self.send(answer).await
            }
            Some(PbWatchRequestUnion::ProgressRequest(_)) => {
                // Everything committed when it came must have been handed out before.
                let revision = self.catch_up().await?;
                self.send(self.answer(NO_WATCH, revision)).await
            }
            None => Ok(()),
        }
    }

    async fn create(&mut self, wanted_id: i64, watched: Watched) -> Result<(), Over> {
        let refused = if watched.interval.is_empty() {
            Some("mvcc: watcher range is empty")
        } else if wanted_id != 0 && self.watches.contains_key(&wanted_id) {
            Some("mvcc: duplicate watch ID provided on the WatchStream")
        } else {
            None
        };
        let id = match refused {
            Some(_) => NO_WATCH,
            None if wanted_id != 0 => wanted_id,
            None => {
                while self.watches.contains_key(&self.next_id) {
                    self.next_id += 1;
                }
                self.next_id += 1;
                self.next_id - 1
            }
        };
        let mut answer = self.answer(id, self.engine.hub.revision());
        answer.created = true;
        answer.canceled = refused.is_some();
        refused
            .unwrap_or_default()
            .clone_into(&mut answer.cancel_reason);
        if refused.is_none() {
            self.watches.insert(id, watched);
            self.index = None;
        }
        self.send(answer).await
    }

    /// Hands out everything that is committed; gives the revision up to which that is so.
    async fn catch_up(&mut self) -> Result<i64, Over> {
        loop {
            let state = self.engine.hub.state().borrow().clone();
            let behind = self.watches.values().map(|watched| watched.next).min();
            let Some(from) = behind.filter(|next| *next <= state.revision) else {
                return Ok(state.revision);
            };
            if from < state.compacted {
                self.cancel_before(state.compacted, state.revision).await?;
                continue;
            }
            match self.engine.history(from).await {
                Ok(History::Revisions { to, revisions }) => {
                    self.hand_out(to, &revisions).await?;
                }
                Ok(History::CompactedTo(compacted)) => {
                    self.cancel_before(compacted, state.revision).await?;
                }
                Err(status) => {
                    self.answers.send(Err(status)).await.map_err(|_| Over)?;
                    return Err(Over);
                }
            }
        }
    }

    /// Cancels the watches that would have to see what is no longer there.
    async fn cancel_before(&mut self, compacted: i64, revision: i64) -> Result<(), Over> {
        let late: Vec<i64> = self
            .watches
            .iter()
            .filter(|(_, watched)| watched.next < compacted)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            self.watches.remove(&id);
            self.index = None;
            let mut answer = self.answer(id, revision);
            answer.canceled = true;
            answer.compact_revision = compacted;
            self.send(answer).await?;
        }
        Ok(())
    }

    /// Hands a stretch of history, which goes up to `to`, to the watches.
    async fn hand_out(&mut self, to: i64, revisions: &[Arc<Committed>]) -> Result<(), Over> {
        let intervals = self.watches.iter();
        let intervals = intervals.map(|(id, watched)| (*id, &watched.interval));
        let index = &*self.index.get_or_insert_with(|| Index::of(intervals));
        let mut wanted: Vec<(i64, &PbEvent)> = Vec::new();
        for committed in revisions {
            for event in &committed.events {
                let key = event.kv.as_ref().map_or(&[][..], |kv| &kv.key);
                for id in index.holding(key) {
                    if let Some(watched) = self.watches.get(&id)
                        && committed.revision >= watched.next
                        && watched.wants(event)
                    {
                        wanted.push((id, event));
                    }
                }
            }
        }
        for watched in self.watches.values_mut() {
            watched.next = watched.next.max(to + 1);
        }
        // Stable: each watch sees its events in order.
        wanted.sort_by_key(|(id, _)| *id);
        let mut answers = Vec::new();
        for of_one in wanted.chunk_by(|(a, _), (b, _)| a == b) {
            let Some((id, _)) = of_one.first() else {
                continue;
            };
            let Some(watched) = self.watches.get_mut(id) else {
                continue;
            };
            watched.busy = true;
            let events: Vec<&PbEvent> = of_one.iter().map(|(_, event)| *event).collect();
            let answer = answer(&self.engine, *id, to);
            answers.extend(if watched.prev_kv {
                let events = events.into_iter().cloned().collect();
                let events = add_previous(&self.engine, events).await?;
                let events: Vec<&PbEvent> = events.iter().collect();
                answer::with_events(answer, &events, watched.fragment)?
            } else {
                answer::with_events(answer, &events, watched.fragment)?
            });
        }
        for answer in answers {
            self.pass_on(answer).await?;
        }
        Ok(())
    }

    async fn notify_progress(&mut self) -> Result<(), Over> {
        let mut quiet = Vec::new();
        for (id, watched) in &mut self.watches {
            if watched.progress_notify && !watched.busy {
                quiet.push((*id, watched.next - 1));
            }
            watched.busy = false;
        }
        for (id, revision) in quiet {
            self.send(self.answer(id, revision)).await?;
        }
        Ok(())
    }

    fn answer(&self, watch_id: i64, revision: i64) -> PbWatchResponse {
        answer(&self.engine, watch_id, revision)
    }

    async fn send(&self, answer: PbWatchResponse) -> Result<(), Over> {
        self.pass_on(answer.encode_to_vec()).await
    }

    async fn pass_on(&self, answer: Vec<u8>) -> Result<(), Over> {
        self.answers.send(Ok(answer)).await.map_err(|_| Over)
    }
}

/// An answer without anything particular in it yet.
fn answer(engine: &Engine, watch_id: i64, revision: i64) -> PbWatchResponse {
    PbWatchResponse {
        header: Some(engine.header(revision)),
        watch_id,
        ..Default::default()
    }
}

impl Watched {
    /// Whether it was asked for this kind of event.
    fn wants(&self, event: &PbEvent) -> bool {
        match event.r#type {
            EVENT_PUT => !self.no_put,
            _ => !self.no_delete,
        }
    }
}

/// An empty key means the smallest there can be.
fn watched_interval(key: &[u8], range_end: &[u8]) -> Interval {
    if key.is_empty() {
        Interval::new(&[0], range_end)
    } else {
        Interval::new(key, range_end)
    }
}

/// Adds to each event what the key was before, where that is still known.
async fn add_previous(engine: &Engine, mut events: Vec<PbEvent>) -> Result<Vec<PbEvent>, Over> {
    engine
        .read(move |view| {
            for event in &mut events {
                let Some(kv) = &event.kv else { continue };
                // A key that was just created was nothing before.
                if event.r#type == EVENT_DELETE || kv.create_revision != kv.mod_revision {
                    event.prev_kv = view.before(&kv.key, kv.mod_revision)?;
                }
            }
            Ok(events)
        })
        .await
        .map_err(|_| Over)
}
