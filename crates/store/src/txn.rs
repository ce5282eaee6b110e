//! Transactions: compare, then do one of two lists of operations, all at one revision.

use bytes::Bytes;
use etcd_client::{Compare as EtcdCompare, CompareOp, PutOptions, TxnOp};

use crate::error::StoreError;
use crate::kv::Revision;

/// The most compares, or operations on either side, that etcd takes unless it was told otherwise
/// (`--max-txn-ops`).
pub const MAX_TXN_OPERATIONS: usize = 128;

/// A transaction: if all of `compares` hold then `success`, else `failure`, is carried out as a
/// whole. One list must not touch a key twice (etcd refuses it).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Txn {
    /// Conditions; none means success.
    pub compares: Vec<Compare>,
    /// What to do if all conditions hold.
    pub success: Vec<Op>,
    /// What to do otherwise.
    pub failure: Vec<Op>,
}

/// A condition on one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// The key was last changed at this revision; 0 means that it does not exist.
    ModRevision {
        /// The key.
        key: String,
        /// The revision expected.
        equals: Revision,
    },
    /// The key came into being at this revision; 0 means that it does not exist.
    CreateRevision {
        /// The key.
        key: String,
        /// The revision expected.
        equals: Revision,
    },
    /// The key exists and has this value.
    Value {
        /// The key.
        key: String,
        /// The value expected.
        equals: Bytes,
    },
}

/// One write in a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Set a key.
    Put {
        /// The key.
        key: String,
        /// Its new value.
        value: Bytes,
        /// Lease to hang it on; 0 means none.
        lease: i64,
    },
    /// Remove a key, if it is there.
    Delete {
        /// The key.
        key: String,
    },
    /// Remove every key with this prefix.
    DeletePrefix {
        /// The prefix; not empty.
        prefix: String,
    },
}

/// What a transaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxnOutcome {
    /// Whether all conditions held, so that `success` was carried out.
    pub succeeded: bool,
    /// Revision of the store after it; the `mod_revision` of all that it wrote.
    pub revision: Revision,
}

impl Txn {
    /// A transaction without conditions.
    pub fn unconditional(operations: impl IntoIterator<Item = Op>) -> Self {
        Self {
            success: operations.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Splits operations that need not be atomic together into as many unconditional
    /// transactions as etcd's limit asks for, keeping their order.
    pub fn chunks(operations: impl IntoIterator<Item = Op>) -> Vec<Self> {
        let mut chunks: Vec<Self> = Vec::new();
        for operation in operations {
            match chunks.last_mut() {
                Some(last) if last.success.len() < MAX_TXN_OPERATIONS => {
                    last.success.push(operation);
                }
                _ => chunks.push(Self::unconditional([operation])),
            }
        }
        chunks
    }

    /// Refuses what etcd would refuse for its length.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let count = self
            .compares
            .len()
            .max(self.success.len())
            .max(self.failure.len());
        if count > MAX_TXN_OPERATIONS {
            return Err(StoreError::TooManyOperations {
                count,
                limit: MAX_TXN_OPERATIONS,
            });
        }
        Ok(())
    }

    pub(crate) fn to_etcd(&self) -> etcd_client::Txn {
        etcd_client::Txn::new()
            .when(
                self.compares
                    .iter()
                    .map(Compare::to_etcd)
                    .collect::<Vec<_>>(),
            )
            .and_then(self.success.iter().map(Op::to_etcd).collect::<Vec<_>>())
            .or_else(self.failure.iter().map(Op::to_etcd).collect::<Vec<_>>())
    }
}

impl Compare {
    /// The condition that a key does not exist.
    pub fn absent(key: impl Into<String>) -> Self {
        Self::CreateRevision {
            key: key.into(),
            equals: 0,
        }
    }

    fn to_etcd(&self) -> EtcdCompare {
        match self {
            Self::ModRevision { key, equals } => {
                EtcdCompare::mod_revision(key.as_str(), CompareOp::Equal, *equals)
            }
            Self::CreateRevision { key, equals } => {
                EtcdCompare::create_revision(key.as_str(), CompareOp::Equal, *equals)
            }
            Self::Value { key, equals } => {
                EtcdCompare::value(key.as_str(), CompareOp::Equal, equals.to_vec())
            }
        }
    }
}

impl Op {
    /// Sets a key that hangs on no lease.
    pub fn put(key: impl Into<String>, value: impl Into<Bytes>) -> Self {
        Self::Put {
            key: key.into(),
            value: value.into(),
            lease: 0,
        }
    }

    /// Removes a key.
    pub fn delete(key: impl Into<String>) -> Self {
        Self::Delete { key: key.into() }
    }

    fn to_etcd(&self) -> TxnOp {
        match self {
            Self::Put { key, value, lease } => {
                let options = PutOptions::new().with_lease(*lease);
                TxnOp::put(key.as_str(), value.to_vec(), Some(options))
            }
            Self::Delete { key } => TxnOp::delete(key.as_str(), None),
            Self::DeletePrefix { prefix } => {
                let options = etcd_client::DeleteOptions::new()
                    .with_range(crate::kv::prefix_end(prefix.as_bytes()));
                TxnOp::delete(prefix.as_str(), Some(options))
            }
        }
    }
}
