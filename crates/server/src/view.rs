//! What the API shows: the store's records side by side, as one thing a person asks about.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use weft_model::{Condition, ConditionKind, Key, PortBinding, Status};

use crate::api::{ErrorDetail, RecordName};

/// How far a wanted object has come, as its host's agent says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConditionView {
    /// `accepted`, `programmed`, `effective`, `pending` or `failed`.
    pub status: String,
    /// Why it is no better than it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With `failed`: how often it was tried; 0 if trying is pointless until the record changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// With `failed`: when it is tried again (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<String>,
    /// `mod_revision` of the desired record that this speaks of.
    pub revision: i64,
    /// Whether that is the record's present revision. If not, the agent has not yet seen, or not
    /// yet judged, the latest change.
    pub current: bool,
    /// Since when it is so (RFC 3339).
    pub since: String,
}

/// All that is known of one port on one host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PortView {
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// The record's revision, for `If-Match`.
    pub mod_revision: i64,
    /// What is wanted: the record as it stands in the store, `null` if it is no JSON.
    pub record: Value,
    /// What is wrong with the record, if it was written by somebody who does not check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<ErrorDetail>,
    /// How far it has come; absent if the host's agent has said nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionView>,
    /// What the agent published when the port became effective; absent if it is not effective.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Value>,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecurityGroupView {
    /// Its identifier.
    pub id: String,
    /// The record's revision, for `If-Match`.
    pub mod_revision: i64,
    /// Its rules: the record as it stands in the store, `null` if it is no JSON.
    pub record: Value,
    /// What is wrong with the record, if it was written by somebody who does not check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<ErrorDetail>,
    /// The ports that are in it.
    pub members: Vec<MemberView>,
}

/// A port in a security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberView {
    /// The port.
    pub port: String,
    /// What it brings into the group: what rules mean that name the group as remote.
    pub addresses: Vec<String>,
}

/// An address group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AddressGroupView {
    /// Its identifier.
    pub id: String,
    /// The record's revision, for `If-Match`.
    pub mod_revision: i64,
    /// Its addresses: the record as it stands in the store, `null` if it is no JSON.
    pub record: Value,
    /// What is wrong with the record, if it was written by somebody who does not check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<ErrorDetail>,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostView {
    /// Its name.
    pub host: String,
    /// Whether its agent lives (its lease holds).
    pub alive: bool,
    /// What the agent says of the host while it lives: its release and VPP's, the network types and
    /// binding types that it serves, its underlay address, how virtual machines are connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<Value>,
    /// The physical networks that it serves.
    pub physnets: Vec<String>,
    /// How many ports are wanted of it, by status; `unreported` is the status of a port of which
    /// the agent has said nothing.
    pub ports: std::collections::BTreeMap<String, u64>,
}

/// What a record of the store is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// `nodes/{host}/ports/{id}`: a port is wanted.
    Port,
    /// `state/{host}/alive`: the host's agent lives.
    Alive,
    /// `state/{host}/physnets/{id}`: the host serves a physical network.
    Physnet,
    /// `state/{host}/ports/{id}`: a port is effective.
    PortState,
    /// `state/{host}/conditions/port/{id}`: the status of a port.
    PortCondition,
    /// `state/{host}/conditions/physnet/{id}`: the status of a physical network.
    PhysnetCondition,
    /// `state/{host}/conditions/security-group/{id}`: the status of a security group on a host.
    SecurityGroupCondition,
    /// `state/{host}/conditions/network/{id}`: the status of an overlay network on a host.
    NetworkCondition,
    /// `global/secgroups/{id}`: the rules of a security group.
    SecurityGroup,
    /// `global/remote_group/{group}/{id}`: what a port brings into a security group.
    GroupMember,
    /// `global/address_groups/{id}`: the addresses of an address group.
    AddressGroup,
    /// `global/networks/{type}/{vni}`: how an overlay network forwards.
    Network,
    /// `global/networks/{type}/{vni}/{host}/{id}`: a MAC address of an overlay network is behind a host.
    MacAdvertisement,
}

/// One record of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordView {
    /// What it is about.
    pub kind: RecordKind,
    /// The host; absent for what is of no host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// With `group_member`: the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// With `mac_advertisement`: the overlay network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The port, network, group or MAC address; absent for `alive`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The revision of its last change (of its end, in an event that tells of the end).
    pub mod_revision: i64,
    /// Its value; a text if it is no JSON, absent if the record has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

/// The status of a port of which nothing is said.
pub(crate) const UNREPORTED: &str = "unreported";

// ===== impl ConditionView =====

impl ConditionView {
    /// `condition` of a record whose present revision is `mod_revision`.
    pub(crate) fn of(condition: &Condition, mod_revision: i64) -> Self {
        let (tries, next_try) = match &condition.status {
            Status::Failed {
                tries, next_try, ..
            } => (Some(*tries), *next_try),
            _ => (None, None),
        };
        Self {
            status: condition.status.word().to_owned(),
            reason: condition.status.reason().map(str::to_owned),
            tries,
            next_try: next_try.map(|time| time.to_string()),
            revision: condition.revision,
            current: condition.revision == mod_revision,
            since: condition.since.to_string(),
        }
    }
}

// ===== impl PortView =====

impl PortView {
    /// The view of a record; condition and state are added by who has read them.
    pub(crate) fn of(host: &str, port: &str, mod_revision: i64, bytes: &[u8]) -> Self {
        let record: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let invalid = weft_model::decode_port(bytes).err();
        let invalid = invalid.map(|error| ErrorDetail::invalid(error, RecordName::Port));
        Self {
            host: host.to_owned(),
            port: port.to_owned(),
            mod_revision,
            record,
            invalid,
            condition: None,
            state: None,
        }
    }

    /// The word for how far it has come.
    pub(crate) fn status(&self) -> &str {
        self.condition
            .as_ref()
            .map_or(UNREPORTED, |condition| condition.status.as_str())
    }

    /// The decoded record, if it is valid.
    pub(crate) fn binding(&self) -> Option<PortBinding> {
        PortBinding::from_json(&self.record).ok()
    }
}

// ===== impl RecordView =====

impl RecordKind {
    /// Every kind.
    pub(crate) const ALL: [Self; 13] = [
        Self::Port,
        Self::Alive,
        Self::Physnet,
        Self::PortState,
        Self::PortCondition,
        Self::PhysnetCondition,
        Self::SecurityGroupCondition,
        Self::NetworkCondition,
        Self::SecurityGroup,
        Self::GroupMember,
        Self::AddressGroup,
        Self::Network,
        Self::MacAdvertisement,
    ];

    /// Whether it is what a host says of itself, and not what a cloud wants or hosts tell each other.
    pub(crate) fn is_state(self) -> bool {
        match self {
            Self::Alive
            | Self::Physnet
            | Self::PortState
            | Self::PortCondition
            | Self::PhysnetCondition
            | Self::SecurityGroupCondition
            | Self::NetworkCondition => true,
            Self::Port
            | Self::SecurityGroup
            | Self::GroupMember
            | Self::AddressGroup
            | Self::Network
            | Self::MacAdvertisement => false,
        }
    }

    /// The word in queries and replies.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Alive => "alive",
            Self::Physnet => "physnet",
            Self::PortState => "port_state",
            Self::PortCondition => "port_condition",
            Self::PhysnetCondition => "physnet_condition",
            Self::SecurityGroupCondition => "security_group_condition",
            Self::NetworkCondition => "network_condition",
            Self::SecurityGroup => "security_group",
            Self::GroupMember => "group_member",
            Self::AddressGroup => "address_group",
            Self::Network => "network",
            Self::MacAdvertisement => "mac_advertisement",
        }
    }
}

impl RecordView {
    /// The record at `key`; `bytes` is `None` if it has ended.
    pub(crate) fn of(key: Key, mod_revision: i64, bytes: Option<&[u8]>) -> Self {
        let (mut group, mut network) = (None, None);
        let (kind, host, id) = match key {
            Key::Port(host, port) => (RecordKind::Port, Some(host), Some(port.to_string())),
            Key::Alive(host) => (RecordKind::Alive, Some(host), None),
            Key::Physnet(host, name) => (RecordKind::Physnet, Some(host), Some(name.to_string())),
            Key::PortState(host, port) => {
                (RecordKind::PortState, Some(host), Some(port.to_string()))
            }
            Key::Condition(host, kind, id) => {
                let kind = match kind {
                    ConditionKind::Port => RecordKind::PortCondition,
                    ConditionKind::Physnet => RecordKind::PhysnetCondition,
                    ConditionKind::SecurityGroup => RecordKind::SecurityGroupCondition,
                    ConditionKind::Network => RecordKind::NetworkCondition,
                };
                (kind, Some(host), Some(id))
            }
            Key::SecurityGroup(id) => (RecordKind::SecurityGroup, None, Some(id.to_string())),
            Key::AddressGroup(id) => (RecordKind::AddressGroup, None, Some(id.to_string())),
            Key::GroupMember(of, port) => {
                group = Some(of.to_string());
                (RecordKind::GroupMember, None, Some(port.to_string()))
            }
            Key::Network(segment) => (RecordKind::Network, None, Some(segment.to_string())),
            Key::MacAdvertisement(segment, host, mac) => {
                network = Some(segment.to_string());
                (
                    RecordKind::MacAdvertisement,
                    Some(host),
                    Some(mac.to_string()),
                )
            }
        };
        Self {
            kind,
            host: host.map(String::from).unwrap_or_default(),
            group,
            network,
            id,
            mod_revision,
            value: bytes.map(json_or_text),
        }
    }
}

/// A value of the store: JSON, or the text that stands there instead.
pub(crate) fn json_or_text(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
