//! Carrying out a transaction of the protocol.
//!
//! As etcd does: all conditions, those of nested transactions included, are judged on the state
//! before the transaction; then everything that could be refused is checked; then the chosen
//! operations are carried out in order, each seeing those before it.

use std::cmp::Ordering;

use etcd_client::proto::{
    PbCompare, PbKeyValue, PbResponseHeader, PbResponseOp, PbTargetUnion, PbTxnOpRequest,
    PbTxnOpResponse, PbTxnRequest, PbTxnRequestOp, PbTxnResponse,
};
use redb::ReadableTable;

use super::interval::Interval;
use super::read::View;
use super::refusal::Refusal;
use super::write::Tables;

/// Which side a transaction takes, with the operations of that side.
struct Chosen {
    succeeded: bool,
    operations: Vec<Operation>,
}

enum Operation {
    /// A range, a put or a deletion.
    Plain(PbTxnOpRequest),
    Nested(Chosen),
}

/// Values of `Compare.CompareResult`.
const EQUAL: i32 = 0;
const GREATER: i32 = 1;
const LESS: i32 = 2;
const NOT_EQUAL: i32 = 3;
/// Values of `Compare.CompareTarget`.
const VERSION: i32 = 0;
const CREATE: i32 = 1;
const MOD: i32 = 2;
const VALUE: i32 = 3;
const LEASE: i32 = 4;

/// Carries out a transaction whose form has been checked.
pub(super) fn apply(
    tables: &mut Tables<'_>,
    request: PbTxnRequest,
) -> Result<PbTxnResponse, Refusal> {
    let chosen = choose(&tables.view(), request)?;
    chosen.check(&mut |operation| match operation {
        PbTxnOpRequest::RequestPut(request) => tables.check_put(request),
        _ => Ok(()),
    })?;
    chosen.check(&mut |operation| match operation {
        PbTxnOpRequest::RequestRange(request) => tables.view().check_revision(request.revision),
        _ => Ok(()),
    })?;
    let mut response = chosen.carry_out(&mut |operation| match operation {
        PbTxnOpRequest::RequestRange(request) => Ok(Some(PbTxnOpResponse::ResponseRange(
            tables.view().range(&request)?,
        ))),
        PbTxnOpRequest::RequestPut(request) => {
            Ok(Some(PbTxnOpResponse::ResponsePut(tables.put(request)?)))
        }
        PbTxnOpRequest::RequestDeleteRange(request) => Ok(Some(
            PbTxnOpResponse::ResponseDeleteRange(tables.delete(&request)?),
        )),
        // `choose` has turned every nested transaction into `Nested`.
        PbTxnOpRequest::RequestTxn(_) => Ok(None),
    })?;
    let revision = tables.view().revision;
    response.header = Some(PbResponseHeader {
        revision,
        ..Default::default()
    });
    Ok(response)
}

/// Answers a transaction that [`is_read_only`].
pub(super) fn answer<K, L, V>(
    view: &View<'_, K, L, V>,
    request: PbTxnRequest,
) -> Result<PbTxnResponse, Refusal>
where
    K: ReadableTable<&'static [u8], &'static [u8]>,
    L: ReadableTable<(i64, u32), &'static [u8]>,
    V: ReadableTable<(&'static [u8], i64), (u32, bool)>,
{
    let mut response = choose(view, request)?.carry_out(&mut |operation| match operation {
        PbTxnOpRequest::RequestRange(request) => {
            Ok(Some(PbTxnOpResponse::ResponseRange(view.range(&request)?)))
        }
        // There is none in a transaction that only reads.
        _ => Ok(None),
    })?;
    let revision = view.revision;
    response.header = Some(PbResponseHeader {
        revision,
        ..Default::default()
    });
    Ok(response)
}

/// Whether a transaction can be answered without writing: none of its operations writes.
pub(super) fn is_read_only(request: &PbTxnRequest) -> bool {
    request
        .success
        .iter()
        .chain(&request.failure)
        .all(|operation| match &operation.request {
            Some(PbTxnOpRequest::RequestRange(_)) | None => true,
            Some(PbTxnOpRequest::RequestTxn(nested)) => is_read_only(nested),
            Some(PbTxnOpRequest::RequestPut(_) | PbTxnOpRequest::RequestDeleteRange(_)) => false,
        })
}

fn choose<K, L, V>(view: &View<'_, K, L, V>, request: PbTxnRequest) -> Result<Chosen, Refusal>
where
    K: ReadableTable<&'static [u8], &'static [u8]>,
    L: ReadableTable<(i64, u32), &'static [u8]>,
    V: ReadableTable<(&'static [u8], i64), (u32, bool)>,
{
    let mut succeeded = true;
    for compare in &request.compare {
        let interval = Interval::new(&compare.key, &compare.range_end);
        succeeded = succeeded && holds(compare, &view.collect(&interval, 0, usize::MAX)?.0);
    }
    let side = if succeeded {
        request.success
    } else {
        request.failure
    };
    let operations = side
        .into_iter()
        .filter_map(|PbTxnRequestOp { request }| request)
        .map(|operation| match operation {
            PbTxnOpRequest::RequestTxn(nested) => choose(view, nested).map(Operation::Nested),
            plain => Ok(Operation::Plain(plain)),
        })
        .collect::<Result<_, _>>()?;
    Ok(Chosen {
        succeeded,
        operations,
    })
}

impl Chosen {
    /// Shows every chosen operation to `check`.
    fn check(
        &self,
        check: &mut dyn FnMut(&PbTxnOpRequest) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.operations
            .iter()
            .try_for_each(|operation| match operation {
                Operation::Plain(operation) => check(operation),
                Operation::Nested(chosen) => chosen.check(check),
            })
    }

    /// Has every chosen operation carried out by `carry_out`, in order.
    fn carry_out(
        self,
        carry_out: &mut dyn FnMut(PbTxnOpRequest) -> Result<Option<PbTxnOpResponse>, Refusal>,
    ) -> Result<PbTxnResponse, Refusal> {
        let mut responses = Vec::with_capacity(self.operations.len());
        for operation in self.operations {
            let response = match operation {
                Operation::Plain(operation) => carry_out(operation)?,
                Operation::Nested(chosen) => {
                    let mut response = chosen.carry_out(carry_out)?;
                    response.header = Some(PbResponseHeader::default());
                    Some(PbTxnOpResponse::ResponseTxn(response))
                }
            };
            responses.push(PbResponseOp { response });
        }
        Ok(PbTxnResponse {
            header: None,
            succeeded: self.succeeded,
            responses,
        })
    }
}

/// Whether a condition holds for every key that it names. For a key that does not exist all
/// numbers are 0, and no condition on its value holds.
fn holds(compare: &PbCompare, kvs: &[PbKeyValue]) -> bool {
    if kvs.is_empty() {
        return compare.target != VALUE && holds_for(compare, &PbKeyValue::default());
    }
    kvs.iter().all(|kv| holds_for(compare, kv))
}

fn holds_for(compare: &PbCompare, kv: &PbKeyValue) -> bool {
    let number = match compare.target_union {
        Some(
            PbTargetUnion::Version(number)
            | PbTargetUnion::CreateRevision(number)
            | PbTargetUnion::ModRevision(number)
            | PbTargetUnion::Lease(number),
        ) => number,
        Some(PbTargetUnion::Value(_)) | None => 0,
    };
    let ordering = match compare.target {
        VERSION => kv.version.cmp(&number),
        CREATE => kv.create_revision.cmp(&number),
        MOD => kv.mod_revision.cmp(&number),
        LEASE => kv.lease.cmp(&number),
        VALUE => match &compare.target_union {
            Some(PbTargetUnion::Value(value)) => kv.value.cmp(value),
            _ => kv.value.as_slice().cmp(&[]),
        },
        _ => Ordering::Equal,
    };
    match compare.result {
        EQUAL => ordering.is_eq(),
        GREATER => ordering.is_gt(),
        LESS => ordering.is_lt(),
        NOT_EQUAL => ordering.is_ne(),
        _ => true,
    }
}
