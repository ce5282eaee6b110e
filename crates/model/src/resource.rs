//! The resources of a cloud that become records of the store, and the numbers that order their
//! states.
//!
//! A cloud writes from many processes, over connections that delay and repeat. What keeps an old
//! state from taking the place of a newer one is the number that the cloud gives each state of a
//! resource. The store keeps the number of the state that was written last in
//! `global/revisions/{kind}/{id}`, for a while also of what is gone, so that it does not come back.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::group_id::{AddressGroupId, SecurityGroupId};
use crate::name::HostName;
use crate::port_id::PortId;

/// The number of a state of a resource: a later state has a higher one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RevisionNumber(u64);

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// A port, on whichever hosts.
    Port(PortId),
    /// A security group.
    SecurityGroup(SecurityGroupId),
    /// An address group.
    AddressGroup(AddressGroupId),
}

/// The value of `global/revisions/{kind}/{id}`: which state of a resource was written last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastWritten {
    /// The state's number.
    pub revision_number: RevisionNumber,
    /// Whether the resource has no record in that state.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Of a port: the hosts that have a record of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub hosts: BTreeSet<HostName>,
}

impl RevisionNumber {
    /// The number `number`.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for RevisionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Resource {
    /// The word for its kind, as in keys and in the API.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Port(_) => "port",
            Self::SecurityGroup(_) => "security_group",
            Self::AddressGroup(_) => "address_group",
        }
    }

    /// Its identifier.
    pub fn id(&self) -> &str {
        match self {
            Self::Port(id) => id.as_str(),
            Self::SecurityGroup(id) => id.as_str(),
            Self::AddressGroup(id) => id.as_str(),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind().replace('_', " "), self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_last_is_short_and_goes_round() {
        let mut last = LastWritten {
            revision_number: RevisionNumber::new(7),
            gone: false,
            hosts: BTreeSet::new(),
        };
        let text = serde_json::to_string(&last).unwrap();
        assert_eq!(text, r#"{"revision_number":7}"#);
        last.hosts.insert("h".parse().unwrap());
        let text = serde_json::to_string(&last).unwrap();
        assert_eq!(text, r#"{"revision_number":7,"hosts":["h"]}"#);
        assert_eq!(serde_json::from_str::<LastWritten>(&text).unwrap(), last);
    }
}
