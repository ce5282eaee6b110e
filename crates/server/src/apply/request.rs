//! The bodies of `POST /v1/apply`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::ErrorDetail;
use crate::overview::Warning;

/// What is wanted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyRequest {
    /// Ports that shall be as they are given here.
    #[serde(default)]
    pub ports: Vec<ApplyItem>,
    /// Ports that shall not be.
    #[serde(default)]
    pub delete: Vec<DeleteItem>,
    /// Hosts whose other ports, all that `ports` does not name, shall not be either.
    #[serde(default)]
    pub prune_hosts: Vec<String>,
    /// Whether only to say what would be done.
    #[serde(default)]
    pub dry_run: bool,
}

/// One port that shall be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplyItem {
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// The record, as in `PUT /v1/hosts/{host}/ports/{port}`.
    #[schema(value_type = Object)]
    pub record: Value,
    /// If given: the `mod_revision` that the record must have now, 0 if it must not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mod_revision: Option<i64>,
}

/// One port that shall not be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteItem {
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// If given: the `mod_revision` that the record must have now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mod_revision: Option<i64>,
}

/// What became of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApplyResult {
    /// There was no record, now there is.
    Created,
    /// There was another record.
    Updated,
    /// It was so already; nothing was written.
    Unchanged,
    /// There was a record, now there is none.
    Deleted,
    /// There was none to delete.
    Absent,
    /// It cannot be had as it is wanted; see `error`. Nothing was written for it.
    Refused,
}

/// What became of one item, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ItemResult {
    /// The host, as it was given.
    pub host: String,
    /// The port, as it was given.
    pub port: String,
    /// What became of it (with `dry_run`: what would become of it).
    pub result: ApplyResult,
    /// The record's revision now; absent if there is no record, if none was written because of
    /// `dry_run`, or if the item was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mod_revision: Option<i64>,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
    /// What will keep it from working, or is likely a mistake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

/// What became of all items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ApplyReply {
    /// Revision of the store that holds all of it.
    pub revision: i64,
    /// One result an item: those of `ports` in their order, those of `delete`, those pruned.
    pub items: Vec<ItemResult>,
}
