//! What all services of the server share: the file to read, the queue to the writer, the leases.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::proto::PbResponseHeader;
use redb::{Database, ReadOnlyTable, ReadableDatabase};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use super::hub::{Committed, Hub, event_bytes};
use super::lessor::Lessor;
use super::read::View;
use super::refusal::Refusal;
use super::schema::{FIRST_REVISION, KEYS, LEASE_KEYS, LOG, META, VERSIONS, decode_change};
use super::write::{compacted_revision, lease_keys};
use super::writer::{Job, Reply, Request};

/// History read, and handed to watchers, in one go, in bytes of keys and values; at least one revision.
/// Little, so that whoever watches takes the one part in while the next is made.
pub(super) const CHUNK_BYTES: usize = 32 << 10;

pub(super) struct Engine {
    pub(super) database: Arc<Database>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) hub: Arc<Hub>,
    pub(super) lessor: Arc<Lessor>,
    pub(super) cluster_id: u64,
    pub(super) member_id: u64,
    /// URLs that clients reach this server at.
    pub(super) client_urls: Vec<String>,
    pub(super) progress_interval: Duration,
    /// Cancelled when the server ends: streams end then.
    pub(super) stopping: CancellationToken,
    /// The tasks of the watch streams.
    pub(super) sessions: TaskTracker,
}

/// A committed state, open for reading.
pub(super) type CommittedView<'a> = View<
    'a,
    ReadOnlyTable<&'static [u8], &'static [u8]>,
    ReadOnlyTable<(i64, u32), &'static [u8]>,
    ReadOnlyTable<(&'static [u8], i64), (u32, bool)>,
>;

/// A stretch of history.
pub(super) enum History {
    /// Everything from the revision asked for up to `to`, inclusive.
    Revisions {
        to: i64,
        revisions: Vec<Arc<Committed>>,
    },
    /// It begins only here.
    CompactedTo(i64),
}

impl Engine {
    /// A response header at a revision.
    pub(super) fn header(&self, revision: i64) -> PbResponseHeader {
        PbResponseHeader {
            cluster_id: self.cluster_id,
            member_id: self.member_id,
            revision,
            // There are no elections; etcd counts from 2 on a cluster of one.
            raft_term: 2,
        }
    }

    /// Completes a header that carries the revision only.
    pub(super) fn complete(&self, header: &mut Option<PbResponseHeader>) {
        let revision = header.as_ref().map_or(0, |header| header.revision);
        *header = Some(self.header(revision));
    }

    /// Has something written; returns when it is on the disk.
    pub(super) async fn write(&self, request: Request) -> Result<Reply, Status> {
        let (reply, answer) = oneshot::channel();
        if self.jobs.send(Job::Write(request, reply)).await.is_err() {
            return Err(self.gone().into());
        }
        match answer.await {
            Ok(result) => result.map_err(Status::from),
            Err(_) => Err(self.gone().into()),
        }
    }

    /// Why the writer does not answer.
    fn gone(&self) -> Refusal {
        let failed = self.hub.state().borrow().failed.clone();
        failed.map_or(Refusal::Stopping, Refusal::Storage)
    }

    /// Reads a committed state that holds at least every write acknowledged before this call.
    /// On a thread where waiting for the disk holds nobody up.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&CommittedView<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Status> {
        let database = self.database.clone();
        let result = tokio::task::spawn_blocking(move || with_view(&database, read)).await;
        match result {
            Ok(result) => result.map_err(Status::from),
            Err(_) => Err(Refusal::Stopping.into()),
        }
    }

    /// The history from `from` on: some of it, at least one revision if there is one.
    pub(super) async fn history(&self, from: i64) -> Result<History, Status> {
        if let Some(revisions) = self.hub.recent_from(from, CHUNK_BYTES)
            && let Some(last) = revisions.last()
        {
            let to = last.revision;
            return Ok(History::Revisions { to, revisions });
        }
        self.read(move |view| history(view, from)).await
    }

    /// The keys that hang on a lease.
    pub(super) async fn lease_keys(&self, id: i64) -> Result<Vec<Vec<u8>>, Status> {
        let database = self.database.clone();
        let read = move || -> Result<_, Refusal> {
            lease_keys(&database.begin_read()?.open_table(LEASE_KEYS)?, id)
        };
        match tokio::task::spawn_blocking(read).await {
            Ok(result) => result.map_err(Status::from),
            Err(_) => Err(Refusal::Stopping.into()),
        }
    }
}

/// Opens the newest committed state.
pub(super) fn with_view<T>(
    database: &Database,
    read: impl FnOnce(&CommittedView<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let transaction = database.begin_read()?;
    let (keys, log) = (transaction.open_table(KEYS)?, transaction.open_table(LOG)?);
    let versions = transaction.open_table(VERSIONS)?;
    let compacted = compacted_revision(&transaction.open_table(META)?)?;
    let revision = {
        use redb::ReadableTable as _;
        log.last()?.map_or(FIRST_REVISION, |(at, _)| at.value().0)
    };
    read(&View {
        keys: &keys,
        log: &log,
        versions: &versions,
        revision,
        compacted,
    })
}

fn history(view: &CommittedView<'_>, from: i64) -> Result<History, Refusal> {
    if from < view.compacted {
        return Ok(History::CompactedTo(view.compacted));
    }
    let mut revisions: Vec<Committed> = Vec::new();
    let mut bytes = 0;
    for entry in view.log.range((from, 0)..)? {
        let (at, record) = entry?;
        let revision = at.value().0;
        let event = decode_change(revision, record.value())?;
        match revisions.last_mut() {
            Some(last) if last.revision == revision => {
                bytes += event_bytes(&event);
                last.events.push(event);
            }
            Some(last) if bytes >= CHUNK_BYTES => {
                let to = last.revision;
                let revisions = revisions.into_iter().map(Arc::new).collect();
                return Ok(History::Revisions { to, revisions });
            }
            _ => {
                bytes += event_bytes(&event);
                revisions.push(Committed {
                    revision,
                    events: vec![event],
                });
            }
        }
    }
    let revisions = revisions.into_iter().map(Arc::new).collect();
    Ok(History::Revisions {
        to: view.revision,
        revisions,
    })
}
