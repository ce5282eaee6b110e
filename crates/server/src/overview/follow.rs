//! The task that keeps the overview: one subscription to everything that is wanted and said.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use weft_model::{HostName, Keyspace, PortBinding, PortId, SecurityGroup, SecurityGroupId};
use weft_store::{Event, Store};

use super::deferred::Deferred;
use super::lull::Lull;
use super::{Totals, Warning};
use crate::record::Record;

/// How long a writer waits for its own write to be seen, so that its warnings know of it. If it
/// takes longer the warnings may be less; the write itself is long since done.
const REACH_AT_MOST: Duration = Duration::from_millis(500);

/// The overview, as handlers see it. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Overviews {
    overview: Arc<Deferred>,
    progress: watch::Receiver<Progress>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Progress {
    revision: i64,
    connected: bool,
}

impl Overviews {
    /// Waits, within bounds, until the overview holds everything up to `revision`, and gives
    /// whether it does. The revision must be that of a record which the overview follows.
    pub(crate) async fn reach(&self, revision: i64) -> bool {
        let mut progress = self.progress.clone();
        let reached = progress.wait_for(|progress| progress.revision >= revision);
        let reached = tokio::time::timeout(REACH_AT_MOST, reached).await;
        if reached.is_err() {
            tracing::debug!(revision, "the overview lags behind");
        }
        matches!(reached, Ok(Ok(_)))
    }

    /// On which hosts ports are wanted; those that are wanted nowhere are left out.
    pub(crate) fn hosts_of(
        &self,
        ports: &BTreeSet<PortId>,
    ) -> BTreeMap<PortId, BTreeSet<HostName>> {
        self.overview.read(|overview| overview.hosts_of(ports))
    }

    /// What is to be said about `group` as a security group.
    pub(crate) fn security_group_warnings(&self, group: &Record<SecurityGroup>) -> Vec<Warning> {
        self.overview
            .read(|overview| overview.security_group_warnings(group))
    }

    /// What is to be said about taking a security group away.
    pub(crate) fn orphans_of(&self, group: &SecurityGroupId) -> Vec<Warning> {
        self.overview.read(|overview| overview.orphans_of(group))
    }

    /// What is to be said about `record` as port `port` of `host`.
    pub(crate) fn warnings(
        &self,
        host: &HostName,
        port: &PortId,
        record: &Record<PortBinding>,
    ) -> Vec<Warning> {
        self.overview
            .read(|overview| overview.warnings(host, port, record))
    }

    /// The cloud in numbers.
    pub(crate) fn totals(&self) -> Totals {
        let progress = *self.progress.borrow();
        self.overview
            .read(|overview| overview.totals(progress.revision, progress.connected))
    }
}

/// The overview of `store`, and the task that keeps it until `stop`.
pub(crate) fn follow(
    store: &Store,
    keys: &Keyspace,
    stop: CancellationToken,
) -> (Overviews, impl Future<Output = ()> + Send + use<>) {
    let overview = Arc::new(Deferred::new(keys.clone()));
    let (sender, progress) = watch::channel(Progress::default());
    let overviews = Overviews {
        overview: overview.clone(),
        progress,
    };
    let mut subscription = store.subscribe(vec![
        keys.nodes(),
        keys.states(),
        keys.security_groups(),
        // Their revisions tell how far the overview has come; see `Overviews::reach`.
        keys.group_members(),
        keys.address_groups(),
    ]);
    let task = async move {
        {
            let events = pin!(stream::unfold(&mut subscription, async |subscription| {
                let event = subscription.next().await?;
                Some((event, subscription))
            }));
            stop.run_until_cancelled(keep(&overview, &sender, events))
                .await;
        }
        subscription.close().await;
    };
    (overviews, task)
}

/// Keeps `overview` by `events`, until they end.
async fn keep(
    overview: &Deferred,
    progress: &watch::Sender<Progress>,
    mut events: Pin<&mut impl Stream<Item = Event>>,
) {
    let mut lull = Lull::new();
    loop {
        let event = tokio::select! {
            biased;
            event = events.next() => event,
            () = lull.begun() => {
                overview.settle();
                continue;
            }
        };
        let Some(event) = event else { break };
        let mut revision = progress.borrow().revision;
        let connected = !matches!(event, Event::Disconnected { .. });
        match event {
            Event::Snapshot { revision: at, kvs } => {
                revision = at;
                overview.replace(kvs);
            }
            Event::Changes {
                revision: at,
                changes,
            } => {
                revision = at;
                overview.take(changes).await;
                lull.end();
            }
            Event::Disconnected { reason } => {
                tracing::warn!(reason, "the store cannot be followed at the moment");
            }
            Event::Connected => tracing::info!("the store can be followed again"),
            // Comes of an interest, and there is none.
            Event::Read { .. } => {}
        }
        progress.send_replace(Progress {
            revision,
            connected,
        });
    }
}

#[cfg(test)]
mod tests;
