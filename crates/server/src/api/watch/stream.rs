//! The lines of one stream: a task takes events from the store and puts lines into a bounded
//! buffer, from which the connection takes them.
//!
//! The task ends when the reader goes away, when it is too slow, when the history is gone or when
//! the server stops; the last line says which. That line has a place of its own behind the
//! buffer, so that it can be left even when the buffer is full.

use std::convert::Infallible;

use axum::body::Bytes;
use futures::{Stream, StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use weft_model::Keyspace;
use weft_store::{Change, Event, ResumedSubscription, Snapshot, Store, StoreError};

use super::{RecordEvent, WatchEvent};
use crate::api::App;
use crate::api::error::{ErrorCode, ErrorDetail};
use crate::api::select::Selection;
use crate::view::RecordView;

/// How a stream begins.
pub(super) enum Start {
    /// With these records.
    Snapshot(Snapshot),
    /// After this revision.
    After(i64),
}

/// Why a stream ends.
enum End {
    /// The reader has gone away: there is nobody to tell.
    Gone,
    /// The reader is told by a last line.
    Last(WatchEvent),
}

struct Pump {
    app: App,
    selection: Selection,
    lines: mpsc::Sender<Bytes>,
    /// Everything up to this revision is in the buffer; 0 before the snapshot is.
    delivered: i64,
}

/// Starts the task of a stream, and gives its lines.
pub(super) fn open(
    app: &App,
    store: Store,
    selection: Selection,
    start: Start,
    permit: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + use<> {
    let (lines, buffer) = mpsc::channel(app.limits.watch_buffer);
    let (last, last_line) = oneshot::channel();
    let mut pump = Pump {
        app: app.clone(),
        selection,
        lines,
        delivered: 0,
    };
    let task = async move {
        let _permit = permit;
        pump.app.metrics.watches.inc();
        if let End::Last(event) = pump.run(store, start).await {
            // Refused only if the reader has gone away.
            let _ = last.send(line(&event));
        }
        pump.app.metrics.watches.dec();
    };
    // Owned by the server, which waits for it when it stops.
    app.tasks.spawn(task);
    let last_line = stream::once(last_line).filter_map(async |line| line.ok());
    ReceiverStream::new(buffer).chain(last_line).map(Ok)
}

impl Pump {
    async fn run(&mut self, store: Store, start: Start) -> End {
        match self.pump(store, start).await {
            Ok(never) => match never {},
            Err(end) => end,
        }
    }

    async fn pump(&mut self, store: Store, start: Start) -> Result<Infallible, End> {
        match start {
            Start::After(revision) => self.delivered = revision,
            Start::Snapshot(snapshot) => self.snapshot(snapshot).await?,
        }
        let prefixes = self.selection.prefixes(&self.app.keys);
        let mut subscription = store.subscribe_from(prefixes, self.delivered + 1);
        let end = self.follow(&mut subscription).await;
        subscription.close().await;
        end
    }

    async fn snapshot(&mut self, snapshot: Snapshot) -> Result<(), End> {
        let revision = snapshot.revision;
        for kv in snapshot.kvs {
            let Ok(key) = self.app.keys.parse(&kv.key) else {
                continue;
            };
            let record = RecordView::of(key, kv.mod_revision, Some(&kv.value));
            if self.selection.holds(&record) {
                self.send(WatchEvent::Put(RecordEvent {
                    revision,
                    more: true,
                    record,
                }))
                .await?;
            }
        }
        self.delivered = revision;
        self.send(WatchEvent::Synced { revision }).await
    }

    async fn follow(&mut self, subscription: &mut ResumedSubscription) -> Result<Infallible, End> {
        loop {
            let stop = self.app.stop.clone();
            let event = tokio::select! {
                event = subscription.next() => event,
                () = stop.cancelled() => return Err(self.end()),
                () = self.lines.closed() => return Err(End::Gone),
                () = tokio::time::sleep(self.app.limits.watch_progress) => {
                    self.send(WatchEvent::Progress { revision: self.delivered }).await?;
                    continue;
                }
            };
            match event {
                Some(Ok(event)) => self.deliver(event).await?,
                Some(Err(error)) => return Err(self.failed(error)),
                None => return Err(self.end()),
            }
        }
    }

    async fn deliver(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Changes { revision, changes } => {
                for event in self.events(revision, &changes) {
                    self.send(event).await?;
                }
                self.delivered = self.delivered.max(revision);
                Ok(())
            }
            Event::Disconnected { reason } => {
                let revision = self.delivered;
                self.send(WatchEvent::Disconnected { revision, reason })
                    .await
            }
            Event::Connected => {
                self.send(WatchEvent::Connected {
                    revision: self.delivered,
                })
                .await
            }
            // A resumed subscription has none.
            Event::Snapshot { .. } | Event::Read { .. } => Ok(()),
        }
    }

    /// The lines for what changed at `revision`, as far as it was selected.
    fn events(&self, revision: i64, changes: &[Change]) -> Vec<WatchEvent> {
        let records = changes
            .iter()
            .filter_map(|change| view(&self.app.keys, change));
        let mut records = records
            .filter(|record| self.selection.holds(record))
            .peekable();
        let mut events = Vec::new();
        while let Some(record) = records.next() {
            let event = RecordEvent {
                revision,
                more: records.peek().is_some(),
                record,
            };
            events.push(match event.record.value {
                Some(_) => WatchEvent::Put(event),
                None => WatchEvent::Delete(event),
            });
        }
        events
    }

    /// Puts a line into the buffer. Waits for a slow reader, but not for ever, and not while the
    /// server stops.
    async fn send(&mut self, event: WatchEvent) -> Result<(), End> {
        let stall = tokio::time::sleep(self.app.limits.watch_stall);
        let stop = self.app.stop.clone();
        tokio::select! {
            // A line for which there is room is sent even while the server stops.
            biased;
            sent = self.lines.send(line(&event)) => sent.map_err(|_| End::Gone),
            () = stop.cancelled() => Err(self.end()),
            () = stall => Err(self.too_slow()),
        }
    }

    fn end(&self) -> End {
        End::Last(WatchEvent::End {
            revision: self.delivered,
        })
    }

    fn too_slow(&self) -> End {
        self.app.metrics.slow_consumers.inc();
        let seconds = self.app.limits.watch_stall.as_secs_f32();
        let message = format!("nothing was read for {seconds} s while the buffer was full");
        let error = ErrorDetail::new(ErrorCode::SlowConsumer, message)
            .with_hint("resume at `revision`; begin anew if it is 0");
        End::Last(WatchEvent::Error {
            revision: self.delivered,
            error,
        })
    }

    fn failed(&self, error: StoreError) -> End {
        let lost = matches!(
            error,
            StoreError::Compacted { .. } | StoreError::RevisionLost { .. }
        );
        let mut error = ErrorDetail::from(error);
        if lost {
            error.code = ErrorCode::Compacted;
            error = error.with_hint("begin anew, without `revision`");
        }
        End::Last(WatchEvent::Error {
            revision: self.delivered,
            error,
        })
    }
}

/// The record that changed; without a value if it has ended. `None` if it is none of ours.
fn view(keys: &Keyspace, change: &Change) -> Option<RecordView> {
    let key = keys.parse(change.key()).ok()?;
    let value = match change {
        Change::Put(kv) => Some(kv.value.as_ref()),
        Change::Delete { .. } => None,
    };
    Some(RecordView::of(key, change.mod_revision(), value))
}

/// An event as a line.
fn line(event: &WatchEvent) -> Bytes {
    // Writing to memory what has only text keys cannot fail.
    let mut line = serde_json::to_vec(event).unwrap_or_default();
    line.push(b'\n');
    line.into()
}
