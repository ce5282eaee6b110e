//! Which records of the store a caller wants to see: by host and by kind.

use std::collections::BTreeSet;

use weft_model::{HostName, Keyspace};

use super::error::ErrorDetail;
use crate::view::{RecordKind, RecordView};

/// Records of one host or of all, and of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    host: Option<HostName>,
    kinds: BTreeSet<RecordKind>,
}

impl Selection {
    /// Reads the query parameters `host` and `kind`; absent means all.
    pub(crate) fn of(host: Option<&str>, kinds: Option<&str>) -> Result<Self, ErrorDetail> {
        let host = host.map(|host| ErrorDetail::parse("host", host));
        let host = host.transpose()?;
        let Some(kinds) = kinds else {
            return Ok(Self {
                host,
                kinds: RecordKind::ALL.into(),
            });
        };
        let kinds = kinds
            .split(',')
            .map(|word| kind(word.trim()))
            .collect::<Result<_, _>>()?;
        Ok(Self { host, kinds })
    }

    /// Leaves out what hosts do not say of themselves.
    pub(crate) fn only_said(&mut self) {
        self.kinds.retain(|kind| kind.is_state());
    }

    /// The prefixes under which all of it lies; no more than is needed.
    pub(crate) fn prefixes(&self, keys: &Keyspace) -> Vec<String> {
        let mut prefixes = Vec::new();
        if self.kinds.contains(&RecordKind::Port) {
            prefixes.push(
                self.host
                    .as_ref()
                    .map_or_else(|| keys.nodes(), |h| keys.ports_of(h)),
            );
        }
        if self.kinds.iter().any(|kind| kind.is_state()) {
            prefixes.push(
                self.host
                    .as_ref()
                    .map_or_else(|| keys.states(), |h| keys.state_of(h)),
            );
        }
        if self.host.is_none() {
            let networks = [RecordKind::Network, RecordKind::MacAdvertisement];
            if networks.iter().any(|kind| self.kinds.contains(kind)) {
                prefixes.push(keys.networks());
            }
            for (kind, prefix) in [
                (RecordKind::SecurityGroup, keys.security_groups()),
                (RecordKind::GroupMember, keys.group_members()),
                (RecordKind::AddressGroup, keys.address_groups()),
            ] {
                if self.kinds.contains(&kind) {
                    prefixes.push(prefix);
                }
            }
        }
        prefixes
    }

    /// Whether `record` is one of those (a prefix may hold others).
    pub(crate) fn holds(&self, record: &RecordView) -> bool {
        self.kinds.contains(&record.kind)
            && self
                .host
                .as_ref()
                .is_none_or(|host| host.as_str() == record.host)
    }
}

fn kind(word: &str) -> Result<RecordKind, ErrorDetail> {
    RecordKind::ALL
        .into_iter()
        .find(|kind| kind.word() == word)
        .ok_or_else(|| {
            let words: Vec<_> = RecordKind::ALL.iter().map(|kind| kind.word()).collect();
            ErrorDetail::name(
                "kind",
                format!("`{word}` is no kind; these are: {}", words.join(", ")),
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(host: Option<&str>, kinds: Option<&str>) -> Vec<String> {
        Selection::of(host, kinds)
            .unwrap()
            .prefixes(&Keyspace::default())
    }

    #[test]
    fn no_more_is_read_than_is_wanted() {
        assert_eq!(
            prefixes(None, None),
            [
                "/networking-vpp/nodes/",
                "/networking-vpp/state/",
                "/networking-vpp/global/networks/",
                "/networking-vpp/global/secgroups/",
                "/networking-vpp/global/remote_group/",
                "/networking-vpp/global/address_groups/",
            ]
        );
        assert_eq!(
            prefixes(Some("h"), None),
            ["/networking-vpp/nodes/h/ports/", "/networking-vpp/state/h/"],
            "groups are of no host"
        );
        assert_eq!(prefixes(None, Some("port")), ["/networking-vpp/nodes/"]);
        assert_eq!(
            prefixes(Some("h"), Some("alive, port_state")),
            ["/networking-vpp/state/h/"]
        );
        assert_eq!(
            prefixes(Some("h"), Some("port")),
            ["/networking-vpp/nodes/h/ports/"]
        );
    }

    #[test]
    fn what_is_no_kind_or_host_is_refused() {
        for kinds in ["ports", "", "port,,alive"] {
            assert_eq!(
                Selection::of(None, Some(kinds))
                    .unwrap_err()
                    .field
                    .as_deref(),
                Some("kind")
            );
        }
        assert_eq!(
            Selection::of(Some("a b"), None)
                .unwrap_err()
                .field
                .as_deref(),
            Some("host")
        );
    }
}
