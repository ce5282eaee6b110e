//! What can be refused by looking at a request alone.
//!
//! The rules are etcd's, `server/etcdserver/api/v3rpc/key.go`.

use std::collections::BTreeSet;

use etcd_client::proto::{
    PbDeleteRequest, PbPutRequest, PbRangeRequest, PbTxnOpRequest, PbTxnRequest, PbTxnRequestOp,
};

use super::interval::Interval;
use super::read::is_sort_known;
use super::refusal::Refusal;
use crate::txn::MAX_TXN_OPERATIONS;

/// Transactions may be nested; deeper than this is refused rather than recursed into.
const MAX_DEPTH: usize = 16;

pub(super) fn range(request: &PbRangeRequest) -> Result<(), Refusal> {
    if request.key.is_empty() {
        return Err(Refusal::EmptyKey);
    }
    if !is_sort_known(request) {
        return Err(Refusal::InvalidSortOption);
    }
    Ok(())
}

pub(super) fn put(request: &PbPutRequest) -> Result<(), Refusal> {
    if request.key.is_empty() {
        return Err(Refusal::EmptyKey);
    }
    if request.ignore_value && !request.value.is_empty() {
        return Err(Refusal::ValueProvided);
    }
    if request.ignore_lease && request.lease != 0 {
        return Err(Refusal::LeaseProvided);
    }
    Ok(())
}

pub(super) fn delete(request: &PbDeleteRequest) -> Result<(), Refusal> {
    if request.key.is_empty() {
        Err(Refusal::EmptyKey)
    } else {
        Ok(())
    }
}

pub(super) fn txn(request: &PbTxnRequest) -> Result<(), Refusal> {
    operations(request, 0)?;
    // The two sides exclude each other, so that each is looked at by itself.
    writes(&request.success)?;
    writes(&request.failure)?;
    Ok(())
}

fn operations(request: &PbTxnRequest, depth: usize) -> Result<(), Refusal> {
    let longest = request
        .compare
        .len()
        .max(request.success.len())
        .max(request.failure.len());
    if longest > MAX_TXN_OPERATIONS || depth > MAX_DEPTH {
        return Err(Refusal::TooManyOps);
    }
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(Refusal::EmptyKey);
    }
    for operation in request.success.iter().chain(&request.failure) {
        match &operation.request {
            Some(PbTxnOpRequest::RequestRange(request)) => range(request)?,
            Some(PbTxnOpRequest::RequestPut(request)) => put(request)?,
            Some(PbTxnOpRequest::RequestDeleteRange(request)) => delete(request)?,
            Some(PbTxnOpRequest::RequestTxn(request)) => operations(request, depth + 1)?,
            // What etcd says to an operation of no kind.
            None => return Err(Refusal::KeyNotFound),
        }
    }
    Ok(())
}

/// What a list of operations may write.
#[derive(Default)]
struct Writes {
    puts: BTreeSet<Vec<u8>>,
    deletes: Vec<Interval>,
}

/// Refuses a list which puts a key twice, or puts one that it also deletes: within one revision
/// there is no order between them that a watcher could see.
///
/// etcd 3.4 overlooks a deletion without an end (`range_end` `\0`) here; this does not.
fn writes(operations: &[PbTxnRequestOp]) -> Result<Writes, Refusal> {
    let mut all = Writes::default();
    for operation in operations {
        if let Some(PbTxnOpRequest::RequestDeleteRange(request)) = &operation.request {
            all.deletes
                .push(Interval::new(&request.key, &request.range_end));
        }
    }
    for operation in operations {
        if let Some(PbTxnOpRequest::RequestTxn(request)) = &operation.request {
            let then = writes(&request.success)?;
            let otherwise = writes(&request.failure)?;
            // A key may be put on both sides of one nested transaction, not on both of two.
            let sides: BTreeSet<Vec<u8>> = then.puts.union(&otherwise.puts).cloned().collect();
            for key in sides {
                all.add_put(key)?;
            }
            all.deletes.extend(then.deletes);
            all.deletes.extend(otherwise.deletes);
        }
    }
    for operation in operations {
        if let Some(PbTxnOpRequest::RequestPut(request)) = &operation.request {
            all.add_put(request.key.clone())?;
        }
    }
    Ok(all)
}

impl Writes {
    fn add_put(&mut self, key: Vec<u8>) -> Result<(), Refusal> {
        if self.deletes.iter().any(|interval| interval.contains(&key)) || !self.puts.insert(key) {
            return Err(Refusal::DuplicateKey);
        }
        Ok(())
    }
}
