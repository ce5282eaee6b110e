//! The one thread that writes the file, and group commit.
//!
//! Requests wait in a bounded queue. The thread carries them out one after the other in one transaction
//! of the file, until none waits any more or it has done so for as long as the last commit took, commits
//! (which is the fsync), and only then answers. While it waits for the disk the next group gathers: so the
//! more clients write at once, the more share one fsync, a single client waits for just one, and with many
//! the first ones are not held up by those that come behind them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use etcd_client::proto::{
    PbDeleteRequest, PbDeleteResponse, PbPutRequest, PbPutResponse, PbTxnRequest, PbTxnResponse,
};
use redb::Database;
use tokio::sync::{mpsc, oneshot};

use super::hub::{Committed, Hub};
use super::lessor::Lessor;
use super::refusal::Refusal;
use super::txn;
use super::write::Tables;

/// Requests that wait; beyond them clients are made to wait.
pub(super) const QUEUE: usize = 1024;

/// Something to write.
#[derive(Debug)]
pub(super) enum Request {
    Put(PbPutRequest),
    Delete(PbDeleteRequest),
    Txn(PbTxnRequest),
    Grant { id: i64, ttl_seconds: i64 },
    Revoke { id: i64 },
    Compact { revision: i64 },
}

/// What was written.
#[derive(Debug)]
pub(super) enum Reply {
    Put(PbPutResponse),
    Delete(PbDeleteResponse),
    Txn(PbTxnResponse),
    /// The revision after it.
    Done(i64),
}

/// What a request comes to.
type Answer = Result<Reply, Refusal>;
/// Who waits for it.
type Waiting = oneshot::Sender<Answer>;

/// A request and who waits for the reply.
#[derive(Debug)]
pub(super) enum Job {
    Write(Request, Waiting),
    /// Nothing more is to be written.
    Stop,
}

/// What the thread works with.
pub(super) struct Writer {
    pub(super) database: Arc<Database>,
    pub(super) hub: Arc<Hub>,
    pub(super) lessor: Arc<Lessor>,
    /// How many revisions of history to keep; `None` keeps all.
    pub(super) keep_revisions: Option<i64>,
}

/// What a group has done, to be announced when it is committed.
#[derive(Default)]
struct Outcome {
    replies: Vec<(Waiting, Answer)>,
    committed: Vec<Committed>,
    leases: Vec<LeaseChange>,
    revision: i64,
    compacted: i64,
    /// How long the commit took.
    commit: Duration,
}

enum LeaseChange {
    Granted { id: i64, ttl_seconds: i64 },
    Revoked { id: i64 },
}

/// The requests that share a transaction: one, and those that have come by the time that the ones
/// before them are carried out.
struct Group<'a> {
    first: Option<(Request, Waiting)>,
    jobs: &'a mut mpsc::Receiver<Job>,
    /// When to commit though more wait.
    until: Instant,
    /// Nothing more is to be written afterwards.
    stop: bool,
}

impl Group<'_> {
    fn next(&mut self) -> Option<(Request, Waiting)> {
        if self.first.is_some() {
            return self.first.take();
        }
        if self.stop || Instant::now() >= self.until {
            return None;
        }
        match self.jobs.try_recv().ok()? {
            Job::Write(request, reply) => Some((request, reply)),
            Job::Stop => {
                self.stop = true;
                None
            }
        }
    }
}

impl Writer {
    /// Works until it is told to stop, nobody is left to ask, or the file fails.
    pub(super) fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut commit = Duration::ZERO;
        while let Some(Job::Write(request, reply)) = jobs.blocking_recv() {
            let mut group = Group {
                first: Some((request, reply)),
                jobs: &mut jobs,
                until: Instant::now() + commit,
                stop: false,
            };
            match self.write(&mut group) {
                Ok(took) => commit = took,
                Err(refusal) => {
                    tracing::error!(?refusal, "the store's file cannot be written");
                    let reason = match refusal {
                        Refusal::Storage(reason) => reason,
                        other => format!("{other:?}"),
                    };
                    self.hub.fail(reason);
                    return;
                }
            }
            if group.stop {
                return;
            }
        }
    }

    /// Writes a group and announces it; answers how long the commit took.
    fn write(&self, group: &mut Group<'_>) -> Result<Duration, Refusal> {
        let mut waiting = Vec::new();
        match self.commit(group, &mut waiting) {
            Ok(outcome) => {
                let now = Instant::now();
                for lease in outcome.leases {
                    match lease {
                        LeaseChange::Granted { id, ttl_seconds } => {
                            self.lessor.granted(id, ttl_seconds, now);
                        }
                        LeaseChange::Revoked { id } => self.lessor.revoked(id),
                    }
                }
                self.hub
                    .publish(outcome.committed, outcome.revision, outcome.compacted);
                for (reply, result) in outcome.replies {
                    // A client that no longer waits has its reason.
                    let _ = reply.send(result);
                }
                Ok(outcome.commit)
            }
            Err(refusal) => {
                for reply in waiting {
                    let _ = reply.send(Err(refusal.clone()));
                }
                Err(refusal)
            }
        }
    }

    /// Carries the group out and commits. On failure nothing of it is in the file, and those who
    /// wait are left in `waiting`.
    fn commit(
        &self,
        group: &mut Group<'_>,
        waiting: &mut Vec<Waiting>,
    ) -> Result<Outcome, Refusal> {
        let transaction = self.database.begin_write()?;
        let mut outcome = Outcome::default();
        let mut results = Vec::new();
        {
            let mut tables = Tables::open(&transaction)?;
            while let Some((request, reply)) = group.next() {
                waiting.push(reply);
                results.push(match carry_out(&mut tables, request, &mut outcome) {
                    Err(Refusal::Storage(reason)) => return Err(Refusal::Storage(reason)),
                    result => result,
                });
            }
            self.compact_if_due(&mut tables)?;
            outcome.revision = tables.revision;
            outcome.compacted = tables.compacted;
        }
        let begin = Instant::now();
        transaction.commit()?;
        outcome.commit = begin.elapsed();
        outcome.replies = waiting.drain(..).zip(results).collect();
        Ok(outcome)
    }

    /// Compacts when the history is a tenth longer than asked for, not at every write.
    fn compact_if_due(&self, tables: &mut Tables<'_>) -> Result<(), Refusal> {
        let Some(keep) = self.keep_revisions else {
            return Ok(());
        };
        if tables.revision - tables.compacted > keep + keep / 10 {
            tables.compact(tables.revision - keep)?;
        }
        Ok(())
    }
}

fn carry_out(
    tables: &mut Tables<'_>,
    request: Request,
    outcome: &mut Outcome,
) -> Result<Reply, Refusal> {
    let mut lease = None;
    let mut reply = match request {
        Request::Put(request) => {
            tables.check_put(&request)?;
            Reply::Put(tables.put(request)?)
        }
        Request::Delete(request) => Reply::Delete(tables.delete(&request)?),
        Request::Txn(request) => Reply::Txn(txn::apply(tables, request)?),
        Request::Grant { id, ttl_seconds } => {
            tables.grant(id, ttl_seconds)?;
            lease = Some(LeaseChange::Granted { id, ttl_seconds });
            Reply::Done(0)
        }
        Request::Revoke { id } => {
            tables.revoke(id)?;
            lease = Some(LeaseChange::Revoked { id });
            Reply::Done(0)
        }
        Request::Compact { revision } => {
            tables.compact(revision)?;
            Reply::Done(0)
        }
    };
    let events = tables.finish();
    if let Reply::Done(revision) = &mut reply {
        *revision = tables.revision;
    }
    if !events.is_empty() {
        outcome.committed.push(Committed {
            revision: tables.revision,
            events,
        });
    }
    outcome.leases.extend(lease);
    Ok(reply)
}
