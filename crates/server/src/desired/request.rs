//! The bodies of `POST /v1/desired`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use weft_model::{Resource, RevisionNumber};

use crate::api::ErrorDetail;

/// What a cloud wants.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DesiredRequest {
    /// The resources, each once; 500 at most.
    pub items: Vec<DesiredItem>,
}

/// One resource, and what shall be of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum DesiredItem {
    /// A port.
    Port {
        /// Its identifier.
        id: String,
        /// The number of this state; later states have higher ones.
        revision_number: u64,
        /// Its record on each host that shall have one, as in
        /// `PUT /v1/hosts/{host}/ports/{port}`; no other host shall. Empty: it shall be nowhere.
        #[schema(value_type = std::collections::HashMap<String, Object>)]
        hosts: BTreeMap<String, Value>,
    },
    /// A security group.
    SecurityGroup {
        /// Its identifier.
        id: String,
        /// The number of this state.
        revision_number: u64,
        /// Its record, as in `PUT /v1/security-groups/{group}`; null: it shall not be.
        #[schema(value_type = Object)]
        record: Value,
    },
    /// An address group.
    AddressGroup {
        /// Its identifier.
        id: String,
        /// The number of this state.
        revision_number: u64,
        /// Its record, as in `PUT /v1/address-groups/{group}`; null: it shall not be.
        #[schema(value_type = Object)]
        record: Value,
    },
}

/// Kinds of resources.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ResourceKind {
    /// A port.
    Port,
    /// A security group.
    SecurityGroup,
    /// An address group.
    AddressGroup,
}

/// What became of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DesiredResult {
    /// There was no record, now there is.
    Created,
    /// It was otherwise.
    Updated,
    /// It was so already.
    Unchanged,
    /// There was a record, now there is none.
    Deleted,
    /// There was none to delete.
    Absent,
    /// The store has a state with a higher number: this one is done with. Nothing was written.
    Stale,
    /// It cannot be had as it is wanted; see `error`. Nothing was written for it.
    Invalid,
    /// Others kept changing it meanwhile: send it again. Nothing was written for it.
    Conflict,
    /// The store did not answer: send it again. It may or may not be written.
    Unavailable,
}

/// What became of one resource, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredOutcome {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its identifier, as it was given.
    pub id: String,
    /// What became of it (with `dry_run`: what would become of it).
    pub result: DesiredResult,
    /// The number of the state that the store has now; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u64>)]
    pub revision_number: Option<RevisionNumber>,
    /// Why it is `invalid`, `conflict` or `unavailable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
}

/// What became of all resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredReply {
    /// Revision of the store that holds all of it.
    pub revision: i64,
    /// One outcome an item, in their order.
    pub results: Vec<DesiredOutcome>,
}

impl ResourceKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 3] = [Self::Port, Self::SecurityGroup, Self::AddressGroup];

    /// The kind of a resource.
    pub(crate) fn of(resource: &Resource) -> Self {
        match resource {
            Resource::Port(_) => Self::Port,
            Resource::SecurityGroup(_) => Self::SecurityGroup,
            Resource::AddressGroup(_) => Self::AddressGroup,
        }
    }

    /// The word in queries, replies and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::SecurityGroup => "security_group",
            Self::AddressGroup => "address_group",
        }
    }
}

impl DesiredResult {
    /// The word in replies and metrics.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Unavailable => "unavailable",
        }
    }
}

impl DesiredItem {
    /// Kind and identifier, as they were given.
    pub(crate) fn name(&self) -> (ResourceKind, &str) {
        match self {
            Self::Port { id, .. } => (ResourceKind::Port, id),
            Self::SecurityGroup { id, .. } => (ResourceKind::SecurityGroup, id),
            Self::AddressGroup { id, .. } => (ResourceKind::AddressGroup, id),
        }
    }
}
