//! Writing to the store: read, check, write only if nobody else did meanwhile.

use weft_model::{HostName, Key, PortId};
use weft_store::{Compare, Op, StoreError, Txn};

use super::App;
use super::error::{ErrorCode, ErrorDetail};
use crate::apply::ApplyResult;
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

/// Makes port `port` of `host` what `record` says (`None`: not be), if `precondition` holds.
pub(crate) async fn write(
    app: &App,
    host: &HostName,
    port: &PortId,
    record: Option<&Record>,
    precondition: &Precondition,
) -> Result<Written, ErrorDetail> {
    let key = app.keys.text(&Key::Port(host.clone(), port.clone()));
    for _ in 0..ATTEMPTS {
        let present = app.store.get(&key).await?;
        let guard = present.as_ref().map_or(0, |kv| kv.mod_revision);
        precondition.check(guard)?;
        let result = match (record, &present) {
            (None, None) => {
                return Ok(Written {
                    result: ApplyResult::Absent,
                    revision: 0,
                });
            }
            (Some(record), Some(kv)) if record.equals(&kv.value) => {
                return Ok(Written {
                    result: ApplyResult::Unchanged,
                    revision: guard,
                });
            }
            (None, Some(_)) => ApplyResult::Deleted,
            (Some(_), None) => ApplyResult::Created,
            (Some(_), Some(_)) => ApplyResult::Updated,
        };
        let txn = Txn {
            compares: vec![guarded(&key, guard)],
            success: vec![operation(&key, record.map(Record::to_bytes))],
            failure: Vec::new(),
        };
        let outcome = app.store.txn(txn).await?;
        if outcome.succeeded {
            return Ok(Written {
                result,
                revision: outcome.revision,
            });
        }
    }
    Err(contended(host, port))
}

/// The condition that the record at `key` still has `mod_revision`; 0: that there is none.
pub(crate) fn guarded(key: &str, mod_revision: i64) -> Compare {
    Compare::ModRevision {
        key: key.to_owned(),
        equals: mod_revision,
    }
}

/// Writes `value`, or deletes if there is none.
pub(crate) fn operation(key: &str, value: Option<Vec<u8>>) -> Op {
    match value {
        Some(value) => Op::put(key, value),
        None => Op::delete(key),
    }
}

/// Somebody else was faster every time.
pub(crate) fn contended(host: &HostName, port: &PortId) -> ErrorDetail {
    let message = format!("others kept changing port `{port}` on host `{host}` meanwhile");
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
