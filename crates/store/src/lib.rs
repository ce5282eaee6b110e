//! The strictly consistent store: a client for etcd v3, and an embedded server of the same
//! protocol.
//!
//! * [`Store`] reads, writes, and carries out transactions; [`StoreConfig`] says where the store
//!   is. Keys are text and values are bytes here; what they mean is not known to this crate.
//! * [`Subscription`] follows prefixes for ever, through lost connections and compacted history, and
//!   beside them whatever keys and prefixes its reader is interested in at the moment.
//! * [`ResumedSubscription`] hands out the history from a revision on.
//! * [`LeaseSession`] keeps keys present for as long as the process lives.
//! * [`embedded`] is the server for where there is no etcd.
//!
//! There is one client code path for etcd and for the embedded server; neither can be told from
//! the other but by its speed.

pub use client::Store;
pub use config::{
    Authority, ClientIdentity, Credentials, DEFAULT_PORT, Endpoint, StoreConfig, TlsConfig,
};
pub use error::{Attempt, EndpointError, StoreError};
pub use kv::{Change, KeyValue, Revision, Snapshot, prefix_end};
pub use lease::{LeaseSession, LeaseState};
pub use part::Part;
pub use subscription::{Event, ResumedSubscription, Subscription};
pub use txn::{Compare, MAX_TXN_OPERATIONS, Op, Txn, TxnOutcome};

pub mod embedded;

mod backoff;
mod client;
mod config;
mod error;
mod feed;
mod kv;
mod lease;
mod part;
mod subscription;
mod txn;
