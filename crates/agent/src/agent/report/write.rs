//! Writing to the store, one write at a time.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use weft_plan::Reconciler;
use weft_store::{LeaseState, Op, Revision, Store, StoreError, Txn, TxnOutcome};

use super::Report;
use crate::advertise::Write;

/// How long to wait after the store did not take a write.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// Transactions that are under way together.
const AT_ONCE: usize = 16;

/// What became of a write.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The revision of the last of what the board asked for.
    board: Option<Revision>,
    /// The advertisements that were written, with their revisions.
    advertised: Vec<(Write, Revision)>,
    /// Whether an advertisement was no longer to be written: its port's record is another by now.
    overtaken: bool,
    /// Why the rest was not written.
    failed: Option<StoreError>,
}

impl Report {
    /// Begins to write what differs, unless a write is under way, has not come back yet, or has
    /// failed just now.
    pub(super) fn write(&mut self, reconciler: &Reconciler) {
        if self.write_again_at.is_some_and(|at| at <= Instant::now()) {
            self.write_again_at = None;
        }
        if self.writing.is_some() || self.awaited.is_some() || self.write_again_at.is_some() {
            return;
        }
        let lease = match *self.advertised_under.borrow_and_update() {
            LeaseState::Held { lease_id } => Some(lease_id),
            LeaseState::Lost { .. } => None,
        };
        self.advertised.set_lease(lease);
        let compiler = reconciler.compiler();
        let advertisements =
            self.advertised
                .writes(&self.config.keys, &self.config.host, |(segment, mac)| {
                    compiler.words(segment, mac)
                });
        let board = self.board.writes();
        if board.is_empty() && advertisements.is_empty() {
            return;
        }
        self.writing = Some(tokio::spawn(write_all(
            self.store.clone(),
            advertisements,
            board,
        )));
    }

    /// A write has ended. What it did not write, or somebody else altered since, still differs and
    /// is written by the next one.
    pub(super) fn take_written(&mut self, written: Option<Written>) {
        let Some(written) = written else {
            self.write_again_at = Some(Instant::now() + WRITE_RETRY);
            return;
        };
        for (write, revision) in written.advertised {
            self.advertised.written(write, revision);
        }
        self.awaited = written.board.filter(|revision| self.seen < *revision);
        if let Some(error) = &written.failed {
            tracing::warn!(%error, "the store did not take the status; trying again");
        }
        if written.failed.is_some() || written.overtaken {
            self.write_again_at = Some(Instant::now() + WRITE_RETRY);
        }
    }
}

/// First where machines are, then what is said of them.
async fn write_all(store: Store, advertisements: Vec<Write>, board: Vec<Op>) -> Written {
    let mut written = Written::default();
    let txns = advertisements.into_iter().map(|write| {
        let txn = write.txn.clone();
        (write, txn)
    });
    let advertised = carry_out(&store, txns, |write, outcome| {
        if outcome.succeeded {
            written.advertised.push((write, outcome.revision));
        } else {
            written.overtaken = true;
        }
    });
    if let Err(error) = advertised.await {
        written.failed = Some(error);
        return written;
    }
    let txns = Txn::chunks(board).into_iter().map(|txn| ((), txn));
    let said = carry_out(&store, txns, |(), outcome| {
        written.board = written.board.max(Some(outcome.revision));
    });
    written.failed = said.await.err();
    written
}

/// Has the store carry transactions out, several together, until one fails; `take` gets what became of
/// each, in the order in which they end.
async fn carry_out<T: Send + 'static>(
    store: &Store,
    mut txns: impl Iterator<Item = (T, Txn)>,
    mut take: impl FnMut(T, TxnOutcome),
) -> Result<(), StoreError> {
    let mut under_way = JoinSet::new();
    let mut result = Ok(());
    loop {
        while under_way.len() < AT_ONCE
            && result.is_ok()
            && let Some((of, txn)) = txns.next()
        {
            let store = store.clone();
            under_way.spawn(async move { (of, store.txn(txn).await) });
        }
        match under_way.join_next().await {
            None => return result,
            Some(Ok((of, Ok(outcome)))) => take(of, outcome),
            Some(Ok((_, Err(error)))) => result = Err(error),
            Some(Err(error)) => tracing::error!(%error, "a task failed"),
        }
    }
}
