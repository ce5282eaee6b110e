//! Writing to the store: read, check, write only if nobody else did meanwhile.

use std::collections::BTreeSet;

use weft_model::{HostName, Key, PortBinding, PortId};
use weft_store::{Compare, Op, StoreError, Txn};

use super::error::{ErrorCode, ErrorDetail};
use super::{App, standing};
use crate::apply::ApplyResult;
use crate::membership::{self, Writes};
use crate::precondition::Precondition;
use crate::record::Record;

/// How often a write is planned anew because others changed the record at the same moment.
pub(crate) const ATTEMPTS: usize = 16;

/// What a write did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    pub(crate) result: ApplyResult,
    /// The record's revision; of a record that is gone, the revision that ended it.
    pub(crate) revision: i64,
}

/// Makes port `port` of `host` what `record` says (`None`: not be), if `precondition` holds, and
/// its memberships in security groups with it.
pub(crate) async fn write(
    app: &App,
    host: &HostName,
    port: &PortId,
    record: Option<&Record<PortBinding>>,
    precondition: &Precondition,
) -> Result<Written, ErrorDetail> {
    let place = (host.clone(), port.clone());
    for _ in 0..ATTEMPTS {
        let records =
            standing::records(app, std::slice::from_ref(&place), &BTreeSet::new()).await?;
        let present = records
            .get(&place)
            .map_or(0, |present| present.mod_revision);
        precondition.check(present)?;
        let mut found = standing::complete(app, &[(place.clone(), record)], records).await?;
        let found = found.remove(&place).unwrap_or_default();
        let (result, writes) = membership::change(&place, record, &found);
        let Some(writes) = writes else {
            return Ok(Written {
                result,
                revision: present,
            });
        };
        let outcome = app.store.txn(transaction(app, [&writes])).await?;
        if outcome.succeeded {
            let revision = match result {
                ApplyResult::Unchanged => present,
                _ => outcome.revision,
            };
            return Ok(Written { result, revision });
        }
    }
    let what = format!("port `{port}` on host `{host}`");
    Err(contended(&what))
}

/// Makes the record at `key` what `value` says (`None`: not be), if `precondition` holds.
/// `is_so` tells whether what is there says the same.
pub(crate) async fn write_single(
    app: &App,
    key: &Key,
    value: Option<&[u8]>,
    is_so: impl Fn(&[u8]) -> bool,
    precondition: &Precondition,
    dry_run: bool,
) -> Result<Written, ErrorDetail> {
    let text = app.keys.text(key);
    for _ in 0..ATTEMPTS {
        let present = app.store.get(&text).await?;
        let guard = present.as_ref().map_or(0, |kv| kv.mod_revision);
        precondition.check(guard)?;
        let result = match (value, &present) {
            (None, None) => ApplyResult::Absent,
            (Some(_), Some(kv)) if is_so(&kv.value) => ApplyResult::Unchanged,
            (None, Some(_)) => ApplyResult::Deleted,
            (Some(_), None) => ApplyResult::Created,
            (Some(_), Some(_)) => ApplyResult::Updated,
        };
        if dry_run || matches!(result, ApplyResult::Absent | ApplyResult::Unchanged) {
            return Ok(Written {
                result,
                revision: guard,
            });
        }
        let writes = Writes {
            guards: vec![(key.clone(), guard)],
            values: vec![(key.clone(), value.map(<[u8]>::to_vec))],
        };
        let outcome = app.store.txn(transaction(app, [&writes])).await?;
        if outcome.succeeded {
            return Ok(Written {
                result,
                revision: outcome.revision,
            });
        }
    }
    Err(contended(&format!("`{text}`")))
}

/// One transaction of several guarded writes.
pub(crate) fn transaction<'a>(app: &App, writes: impl IntoIterator<Item = &'a Writes>) -> Txn {
    let mut txn = Txn::default();
    for writes in writes {
        for (key, mod_revision) in &writes.guards {
            txn.compares.push(Compare::ModRevision {
                key: app.keys.text(key),
                equals: *mod_revision,
            });
        }
        for (key, value) in &writes.values {
            let key = app.keys.text(key);
            txn.success.push(match value {
                Some(value) => Op::put(key, value.clone()),
                None => Op::delete(key),
            });
        }
    }
    txn
}

/// Somebody else was faster every time.
pub(crate) fn contended(what: &str) -> ErrorDetail {
    let message = format!("others kept changing {what} meanwhile");
    ErrorDetail::new(ErrorCode::Conflict, message).with_hint("send it again")
}

impl From<StoreError> for ErrorDetail {
    fn from(error: StoreError) -> Self {
        let detail = Self::new(ErrorCode::StoreUnavailable, &error);
        if error.may_have_happened() {
            return detail
                .with_hint("send the request again: what is in effect is not written twice");
        }
        if error.is_transient() {
            return detail.with_hint("nothing was changed; try again in a moment");
        }
        detail
    }
}
