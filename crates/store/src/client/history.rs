//! Whether the store still has the history from some revision on.

use etcd_client::GetOptions;

use super::Store;
use super::endpoints::Repeat;
use crate::error::StoreError;
use crate::kv::Revision;

impl Store {
    /// Asks whether a watch from revision `from` on (inclusive) can be had. A subscription says
    /// it too, but only once it follows; this says it before anything else is promised.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] if the history before `from` is all that was kept,
    /// [`StoreError::RevisionLost`] if the store is more than one revision behind `from`.
    pub async fn check_history(&self, from: Revision) -> Result<(), StoreError> {
        let current = self.revision().await?;
        if from > current + 1 {
            return Err(StoreError::RevisionLost {
                requested: from,
                current,
            });
        }
        // A read is refused exactly where a watch is: below the compacted revision. The one
        // after the current revision cannot be read yet, nor can it be compacted.
        let at = from.clamp(1, current);
        self.endpoints
            .call(Repeat::Always, at, |client| async move {
                let options = GetOptions::new().with_count_only().with_revision(at);
                client.kv_client().get("\0", Some(options)).await
            })
            .await?;
        Ok(())
    }
}
