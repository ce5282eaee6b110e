//! What the server answers instead of a result: etcd's own status codes and texts, because
//! clients (ours and others) tell cases apart by them.
//!
//! Source of the texts: etcd, `api/v3rpc/rpctypes/error.go`.

use redb::{CommitError, StorageError, TableError, TransactionError};
use tonic::{Code, Status};

/// Why a request is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Refusal {
    EmptyKey,
    KeyNotFound,
    ValueProvided,
    LeaseProvided,
    TooManyOps,
    DuplicateKey,
    RequestTooLarge,
    InvalidSortOption,
    Compacted,
    FutureRevision,
    LeaseNotFound,
    LeaseExists,
    LeaseTtlTooLarge,
    /// The file failed us. The server ends; until then every request gets this.
    Storage(String),
    /// The server is ending.
    Stopping,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let (code, text) = match refusal {
            Refusal::EmptyKey => (Code::InvalidArgument, "etcdserver: key is not provided"),
            Refusal::KeyNotFound => (Code::InvalidArgument, "etcdserver: key not found"),
            Refusal::ValueProvided => (Code::InvalidArgument, "etcdserver: value is provided"),
            Refusal::LeaseProvided => (Code::InvalidArgument, "etcdserver: lease is provided"),
            Refusal::TooManyOps => (
                Code::InvalidArgument,
                "etcdserver: too many operations in txn request",
            ),
            Refusal::DuplicateKey => (
                Code::InvalidArgument,
                "etcdserver: duplicate key given in txn request",
            ),
            Refusal::RequestTooLarge => (Code::InvalidArgument, "etcdserver: request is too large"),
            Refusal::InvalidSortOption => {
                (Code::InvalidArgument, "etcdserver: invalid sort option")
            }
            Refusal::Compacted => (
                Code::OutOfRange,
                "etcdserver: mvcc: required revision has been compacted",
            ),
            Refusal::FutureRevision => (
                Code::OutOfRange,
                "etcdserver: mvcc: required revision is a future revision",
            ),
            Refusal::LeaseNotFound => (Code::NotFound, "etcdserver: requested lease not found"),
            Refusal::LeaseExists => (Code::FailedPrecondition, "etcdserver: lease already exists"),
            Refusal::LeaseTtlTooLarge => (Code::OutOfRange, "etcdserver: too large lease TTL"),
            Refusal::Stopping => (Code::Unavailable, "etcdserver: server stopped"),
            Refusal::Storage(reason) => {
                return Status::unavailable(format!("the store's file failed: {reason}"));
            }
        };
        Status::new(code, text)
    }
}

macro_rules! from_storage_errors {
    ($($error:ty),+) => {$(
        impl From<$error> for Refusal {
            fn from(error: $error) -> Self {
                Self::Storage(error.to_string())
            }
        }
    )+};
}

from_storage_errors!(StorageError, TableError, TransactionError, CommitError);
