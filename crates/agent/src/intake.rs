//! From keys and values of the store to what they mean for this host.

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, HostName, InvalidKey, InvalidRecord, Key, Keyspace,
    Mac, OverlaySegment, PortId, SecurityGroupId, decode_address_group, decode_group_member,
    decode_port,
};
use weft_plan::{NetworkRecord, PortRecord, RemoteMac, SecurityGroupRecord};
use weft_store::{Change, KeyValue};

use crate::interest;

/// What one key of the store means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meaning<'a> {
    /// A port of this host, wanted so or no longer.
    Port(PortId, Option<PortRecord>),
    /// A port whose identifier cannot be one; what is wrong with it, and its revision, if the key
    /// is there at all.
    IllegalPort {
        /// The last part of the key.
        id: String,
        /// Why, and the `mod_revision`.
        fault: Option<(String, i64)>,
    },
    /// Something that this host says of itself, or said once.
    Said {
        /// The key.
        key: &'a str,
        /// What it says.
        value: Option<Vec<u8>>,
    },
    /// The rules of a security group, or that they are gone.
    Rules(SecurityGroupId, Option<SecurityGroupRecord>),
    /// What a port brings into a security group, or that it has left it.
    Member(
        SecurityGroupId,
        PortId,
        Option<Result<GroupMember, InvalidRecord>>,
    ),
    /// The addresses of an address group, or that they are gone.
    Addresses(AddressGroupId, Option<Result<AddressGroup, InvalidRecord>>),
    /// The record of an overlay network, or that it is gone.
    Network(OverlaySegment, Option<NetworkRecord>),
    /// What another host says of a MAC address, or that it says nothing any more.
    RemoteMac(OverlaySegment, HostName, Mac, Option<RemoteMac>),
    /// What this host itself said of a MAC address, or that nobody can read it any more.
    OwnMac(OverlaySegment, Mac, Option<KeyValue>),
    /// Nothing to us.
    Nothing,
}

/// The meaning of a key that is there.
pub(crate) fn present<'a>(keys: &Keyspace, host: &HostName, kv: &'a KeyValue) -> Meaning<'a> {
    meaning(keys, host, &kv.key, Some(kv))
}

/// The meaning of a change.
pub(crate) fn change<'a>(keys: &Keyspace, host: &HostName, change: &'a Change) -> Meaning<'a> {
    match change {
        Change::Put(kv) => meaning(keys, host, &kv.key, Some(kv)),
        Change::Delete { key, .. } => meaning(keys, host, key, None),
    }
}

fn meaning<'a>(
    keys: &Keyspace,
    host: &HostName,
    key: &'a str,
    kv: Option<&KeyValue>,
) -> Meaning<'a> {
    match keys.parse(key) {
        Ok(Key::Port(owner, port)) if owner == *host => {
            let record = kv.map(|kv| PortRecord {
                create_revision: kv.create_revision,
                mod_revision: kv.mod_revision,
                binding: decode_port(&kv.value),
            });
            Meaning::Port(port, record)
        }
        Ok(Key::PortState(owner, _) | Key::Condition(owner, ..)) if owner == *host => {
            Meaning::Said {
                key,
                value: kv.map(|kv| kv.value.to_vec()),
            }
        }
        Ok(Key::SecurityGroup(group)) => Meaning::Rules(group, kv.map(interest::rules)),
        Ok(Key::GroupMember(group, port)) => {
            Meaning::Member(group, port, kv.map(|kv| decode_group_member(&kv.value)))
        }
        Ok(Key::AddressGroup(group)) => {
            Meaning::Addresses(group, kv.map(|kv| decode_address_group(&kv.value)))
        }
        Ok(Key::Network(segment)) => Meaning::Network(segment, kv.map(interest::network)),
        Ok(Key::MacAdvertisement(segment, owner, mac)) if owner == *host => {
            Meaning::OwnMac(segment, mac, kv.cloned())
        }
        Ok(Key::MacAdvertisement(segment, owner, mac)) => {
            Meaning::RemoteMac(segment, owner, mac, kv.map(interest::remote_mac))
        }
        Err(InvalidKey::Part { reason, .. }) if key.starts_with(&keys.ports_of(host)) => {
            let id = key.rsplit('/').next().unwrap_or(key).to_owned();
            Meaning::IllegalPort {
                id,
                fault: kv.map(|kv| (reason, kv.mod_revision)),
            }
        }
        Err(error @ InvalidKey::Foreign(_)) if key.starts_with(&keys.ports_of(host)) => {
            tracing::warn!(%error, "a key among this host's ports is ignored");
            Meaning::Nothing
        }
        // The rest of our own subtree: `alive` and `physnets` belong to the lease.
        Ok(_) | Err(_) => Meaning::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &str, value: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: value.to_owned().into(),
            create_revision: 3,
            mod_revision: 7,
            version: 2,
            lease: 0,
        }
    }

    fn read(kv: &KeyValue) -> Meaning<'_> {
        present(&Keyspace::default(), &"host1".parse().unwrap(), kv)
    }

    #[test]
    fn a_record_that_is_no_json_is_still_that_ports() {
        let Meaning::Port(id, Some(record)) =
            read(&kv("/networking-vpp/nodes/host1/ports/web", "{"))
        else {
            panic!("no port");
        };
        assert_eq!(
            (id.as_str(), record.create_revision, record.mod_revision),
            ("web", 3, 7)
        );
        assert!(record.binding.is_err());
    }

    #[test]
    fn an_illegal_identifier_is_told_of_by_what_stands_in_the_key() {
        let Meaning::IllegalPort {
            id,
            fault: Some((reason, 7)),
        } = read(&kv("/networking-vpp/nodes/host1/ports/no port", "{}"))
        else {
            panic!("not told of");
        };
        assert_eq!(id, "no port");
        assert!(reason.contains("is no port id"), "{reason}");
    }

    #[test]
    fn groups_are_told_apart_and_one_that_is_no_record_is_still_that_group() {
        let Meaning::Rules(id, Some(record)) = read(&kv("/networking-vpp/global/secgroups/g", "{"))
        else {
            panic!("no group");
        };
        assert_eq!((id.as_str(), record.mod_revision), ("g", 7));
        assert!(record.group.is_err());
        let Meaning::Member(group, port, Some(Ok(member))) = read(&kv(
            "/networking-vpp/global/remote_group/g/web",
            "[\"10.0.0.1\"]",
        )) else {
            panic!("no member");
        };
        assert_eq!((group.as_str(), port.as_str()), ("g", "web"));
        assert_eq!(member.addresses.len(), 1);
        let gone = Change::Delete {
            key: "/networking-vpp/global/address_groups/a".to_owned(),
            mod_revision: 9,
        };
        let host = "host1".parse().unwrap();
        assert_eq!(
            change(&Keyspace::default(), &host, &gone),
            Meaning::Addresses("a".parse().unwrap(), None)
        );
    }

    #[test]
    fn our_own_word_of_a_mac_address_is_told_from_other_hosts() {
        let keys = "/networking-vpp/global/networks/gpe/7";
        let mac: Mac = "fa:16:3e:00:00:01".parse().unwrap();
        let Meaning::RemoteMac(segment, host, told, Some(remote)) =
            read(&kv(&format!("{keys}/host2/{mac}"), "192.0.2.2"))
        else {
            panic!("no word of another host");
        };
        assert_eq!(segment.to_string(), "gpe.7");
        assert_eq!(
            (host.as_str(), told, remote.mod_revision),
            ("host2", mac, 7)
        );
        assert!(remote.advertisement.is_ok());
        let own = kv(&format!("{keys}/host1/{mac}"), "{");
        assert!(matches!(read(&own), Meaning::OwnMac(_, told, Some(_)) if told == mac));
        let record = kv(keys, "{\"flood\": false}");
        assert!(matches!(read(&record), Meaning::Network(_, Some(_))));
    }

    #[test]
    fn other_hosts_and_the_leases_keys_mean_nothing() {
        for key in [
            "/networking-vpp/nodes/host10/ports/web",
            "/networking-vpp/state/host1/alive",
            "/networking-vpp/state/host1/physnets/p",
            "/networking-vpp/nodes/host1/ports/a/b",
            "/other",
        ] {
            assert_eq!(read(&kv(key, "{}")), Meaning::Nothing, "{key}");
        }
        let Meaning::Said { value: Some(_), .. } =
            read(&kv("/networking-vpp/state/host1/ports/web", "{}"))
        else {
            panic!("our own word is not known");
        };
    }
}
