//! What is said of each desired object: `state/{host}/conditions/{kind}/{id}`.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize, Serializer};

/// Kinds of desired objects that have a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConditionKind {
    /// A port.
    Port,
    /// A physical network of the host's configuration.
    Physnet,
    /// A security group that ports of the host use.
    SecurityGroup,
    /// An overlay network that ports of the host are on: its tunnels to other hosts.
    Network,
}

/// How far a desired object has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Status {
    /// The record is valid; work has begun or is about to.
    Accepted,
    /// VPP has confirmed all of it, but it does not work yet.
    Programmed {
        /// What is missing until it works.
        reason: String,
    },
    /// It works now.
    Effective,
    /// It waits for something that is not its own fault and may come by itself.
    Pending {
        /// On what.
        reason: String,
    },
    /// It cannot be had as it is wanted.
    Failed {
        /// Why, in words for a person.
        reason: String,
        /// How often it was tried; zero when trying is pointless until the record changes.
        tries: u32,
        /// When it is tried again, if time alone may mend it.
        #[serde(skip_serializing_if = "Option::is_none")]
        next_try: Option<Timestamp>,
    },
}

/// The status of one desired object, as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    /// How far it has come.
    #[serde(flatten)]
    pub status: Status,
    /// `mod_revision` of the desired record that this speaks of; 0 for what has no record.
    pub revision: i64,
    /// Since when it is so.
    pub since: Timestamp,
}

/// A moment in whole seconds, in the store as RFC 3339 text, e.g. `2026-11-21T08:30:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Timestamp(u64);

impl ConditionKind {
    /// The word in the key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Port => "port",
            Self::Physnet => "physnet",
            Self::SecurityGroup => "security-group",
            Self::Network => "network",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "port" => Some(Self::Port),
            "physnet" => Some(Self::Physnet),
            "security-group" => Some(Self::SecurityGroup),
            "network" => Some(Self::Network),
            _ => None,
        }
    }
}

impl Status {
    /// The word for it, as in the store.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Programmed { .. } => "programmed",
            Self::Effective => "effective",
            Self::Pending { .. } => "pending",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why it is no better than it is, if there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Accepted | Self::Effective => None,
            Self::Programmed { reason }
            | Self::Pending { reason }
            | Self::Failed { reason, .. } => Some(reason),
        }
    }
}

impl Condition {
    /// Decodes the value of a condition's key.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Encodes the value of a condition's key.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(self)
    }
}

impl Timestamp {
    /// The moment `time`, to the second; the epoch for what lies before it.
    pub fn of(time: SystemTime) -> Self {
        Self(
            time.duration_since(SystemTime::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs(),
        )
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn as_secs(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(self.0);
        f.pad(&humantime::format_rfc3339_seconds(time).to_string())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = humantime::TimestampError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        humantime::parse_rfc3339(&text).map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_reads_well_and_goes_round() {
        let since = Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_249_800));
        let failed = Condition {
            status: Status::Failed {
                reason: "no".into(),
                tries: 2,
                next_try: Some(since),
            },
            revision: 7,
            since,
        };
        let text = String::from_utf8(failed.to_json().unwrap()).unwrap();
        assert_eq!(
            text,
            r#"{"status":"failed","reason":"no","tries":2,"next_try":"2026-11-21T08:30:00Z","revision":7,"since":"2026-11-21T08:30:00Z"}"#
        );
        assert_eq!(Condition::from_json(text.as_bytes()).unwrap(), failed);

        let effective = Condition {
            status: Status::Effective,
            ..failed
        };
        let text = effective.to_json().unwrap();
        assert_eq!(Condition::from_json(&text).unwrap(), effective);
    }
}
