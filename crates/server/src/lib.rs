//! The control side of Weft: a REST API over the store, and the embedded store.
//!
//! | module | what |
//! |---|---|
//! | `config` | the configuration file |
//! | `run` | the process: what starts and ends in which order |
//! | `embedded` | the embedded store as part of it |
//! | `rest` | connections of the REST API |
//! | `api` | its handlers, one file a family |
//! | `view` | what it shows of records |
//! | `record` | records on their way into the store |
//! | `desired` | what a cloud wants of its resources, late and repeated as it may come |
//! | `membership` | what follows from a port's record in its security groups |
//! | `apply` | what to write so that the store holds what is wanted |
//! | `precondition` | optimistic concurrency |
//! | `overview` | the cloud at a glance, for warnings and metrics |
//! | `metrics` | what `/metrics` tells |
//!
//! The server keeps nothing of its own: all of it is in the store, so that any number of servers
//! can work on one store, and a restart forgets nothing.

mod api;
mod apply;
mod config;
mod desired;
mod embedded;
mod membership;
mod metrics;
mod overview;
mod precondition;
mod record;
mod rest;
mod run;
mod view;

#[cfg(test)]
mod tests;

pub use api::{
    AddressGroupsReply, DeleteReply, DesiredEntry, DesiredListing, ErrorBody, ErrorCode,
    ErrorDetail, GroupDeleteReply, GroupPutReply, Health, HostsReply, MacView, NetworkSummary,
    NetworkView, NetworksReply, PortsReply, PutReply, RecordEvent, SecurityGroupsReply, StateReply,
    WatchEvent, openapi,
};
pub use apply::{ApplyItem, ApplyReply, ApplyRequest, ApplyResult, DeleteItem, ItemResult};
pub use config::{
    Config, DEFAULT_LISTEN, DEFAULT_STORE_PATH, DEFAULT_STORE_SOCKET, EmbeddedConfig, StoreSource,
};
pub use desired::{
    DesiredItem, DesiredOutcome, DesiredReply, DesiredRequest, DesiredResult, ResourceKind,
};
pub use embedded::EmbeddedError;
pub use overview::{Warning, WarningCode};
pub use run::{Server, ServerError, run};
pub use view::{
    AddressGroupView, ConditionView, HostView, MemberView, PortView, RecordKind, RecordView,
    SecurityGroupView,
};
