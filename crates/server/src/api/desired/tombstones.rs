//! The lease on which the numbers of resources that are gone hang.
//!
//! A server grants one lease and uses it for half of its time, for all that goes meanwhile; nobody
//! keeps it. So what is gone is remembered for an hour at least and two at most, at the cost of one
//! lease an hour, and nothing is left over when the server ends.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;
use weft_store::{Store, StoreError};

/// How long the lease lives. Half of it is far more than a request can be on its way: a client that
/// is stopped for longer finds its connection closed.
const LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Tombstones {
    lease: Mutex<Option<(i64, Instant)>>,
}

impl Tombstones {
    /// The lease to write tombstones on.
    pub(super) async fn lease(&self, store: &Store) -> Result<i64, StoreError> {
        let mut lease = self.lease.lock().await;
        if let Some((id, granted)) = *lease
            && granted.elapsed() < LIFETIME / 2
        {
            return Ok(id);
        }
        let granted = Instant::now();
        let id = store.grant_lease(LIFETIME).await?;
        *lease = Some((id, granted));
        Ok(id)
    }

    /// The store does not know the lease `id` (any more): it was emptied, or is another one.
    pub(super) async fn forget(&self, id: i64) {
        let mut lease = self.lease.lock().await;
        if lease.is_some_and(|(held, _)| held == id) {
            *lease = None;
        }
    }
}
