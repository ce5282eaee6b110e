//! The groups and overlay networks that a host needs, as parts of the store: which they are, and what
//! was read of them.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, HostName, InvalidRecord, Key, Keyspace, Mac,
    OverlaySegment, PortId, SecurityGroupId, decode_address_group, decode_group_member,
    decode_mac_advertisement, decode_network, decode_security_group,
};
use weft_plan::{Interest, NetworkRecord, Reconciler, RemoteMac, SecurityGroupRecord};
use weft_store::{KeyValue, Part};

/// What a part of the store is to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Needed {
    /// The rules of a group.
    Rules(SecurityGroupId),
    /// The members of a group.
    Members(SecurityGroupId),
    /// The addresses of an address group.
    Addresses(AddressGroupId),
    /// The record of an overlay network.
    Network(OverlaySegment),
    /// Where the MAC addresses of an overlay network are.
    Advertisements(OverlaySegment),
}

/// The parts of the store that an interest is in.
pub(crate) fn parts(keys: &Keyspace, interest: &Interest) -> BTreeMap<Part, Needed> {
    let rules = interest.security_groups.iter().map(|group| {
        let key = keys.text(&Key::SecurityGroup(group.clone()));
        (Part::Key(key), Needed::Rules(group.clone()))
    });
    let members = interest.remote_groups.iter().map(|group| {
        let prefix = keys.members_of(group);
        (Part::Prefix(prefix), Needed::Members(group.clone()))
    });
    let addresses = interest.address_groups.iter().map(|group| {
        let key = keys.text(&Key::AddressGroup(group.clone()));
        (Part::Key(key), Needed::Addresses(group.clone()))
    });
    let networks = interest.networks.iter().map(|segment| {
        let key = keys.text(&Key::Network(*segment));
        (Part::Key(key), Needed::Network(*segment))
    });
    let advertisements = interest.advertisements.iter().map(|segment| {
        let prefix = keys.mac_advertisements_of(*segment);
        (Part::Prefix(prefix), Needed::Advertisements(*segment))
    });
    let groups = rules.chain(members).chain(addresses);
    groups.chain(networks).chain(advertisements).collect()
}

/// The record of an overlay network.
pub(crate) fn network(kv: &KeyValue) -> NetworkRecord {
    NetworkRecord {
        mod_revision: kv.mod_revision,
        network: decode_network(&kv.value),
    }
}

/// What another host says of a MAC address.
pub(crate) fn remote_mac(kv: &KeyValue) -> RemoteMac {
    RemoteMac {
        mod_revision: kv.mod_revision,
        advertisement: decode_mac_advertisement(&kv.value),
    }
}

/// The record of a security group.
pub(crate) fn rules(kv: &KeyValue) -> SecurityGroupRecord {
    SecurityGroupRecord {
        mod_revision: kv.mod_revision,
        group: decode_security_group(&kv.value),
    }
}

/// Tells the reconciler of `host` what was read of parts: `kvs` is all that they hold. Answers what
/// the host itself has said in the overlay networks among them.
pub(crate) fn take_read<'a>(
    reconciler: &mut Reconciler,
    keys: &Keyspace,
    host: &HostName,
    needed: impl IntoIterator<Item = &'a Needed>,
    kvs: &[KeyValue],
) -> BTreeMap<OverlaySegment, BTreeMap<Mac, KeyValue>> {
    let mut read = Read::of(keys, host, kvs);
    let mut said = BTreeMap::new();
    for needed in needed {
        match needed {
            Needed::Rules(group) => {
                reconciler.set_security_group(group, read.rules.remove(group));
            }
            Needed::Members(group) => {
                let members = read.members.remove(group).unwrap_or_default();
                reconciler.set_remote_group(group, members);
            }
            Needed::Addresses(group) => {
                reconciler.set_address_group(group, read.addresses.remove(group));
            }
            Needed::Network(segment) => {
                reconciler.set_network(*segment, read.networks.remove(segment));
            }
            Needed::Advertisements(segment) => {
                let remotes = read.remotes.remove(segment).unwrap_or_default();
                reconciler.set_remote_macs(*segment, remotes);
                said.insert(*segment, read.said.remove(segment).unwrap_or_default());
            }
        }
    }
    said
}

/// What records say, sorted.
#[derive(Default)]
struct Read {
    rules: BTreeMap<SecurityGroupId, SecurityGroupRecord>,
    members: BTreeMap<SecurityGroupId, BTreeMap<PortId, Result<GroupMember, InvalidRecord>>>,
    addresses: BTreeMap<AddressGroupId, Result<AddressGroup, InvalidRecord>>,
    networks: BTreeMap<OverlaySegment, NetworkRecord>,
    remotes: BTreeMap<OverlaySegment, BTreeMap<(HostName, Mac), RemoteMac>>,
    /// What this host itself says of MAC addresses.
    said: BTreeMap<OverlaySegment, BTreeMap<Mac, KeyValue>>,
}

impl Read {
    fn of(keys: &Keyspace, host: &HostName, kvs: &[KeyValue]) -> Self {
        let mut read = Self::default();
        for kv in kvs {
            match keys.parse(&kv.key) {
                Ok(Key::SecurityGroup(group)) => {
                    read.rules.insert(group, rules(kv));
                }
                Ok(Key::GroupMember(group, port)) => {
                    let member = decode_group_member(&kv.value);
                    read.members.entry(group).or_default().insert(port, member);
                }
                Ok(Key::AddressGroup(group)) => {
                    let addresses = decode_address_group(&kv.value);
                    read.addresses.insert(group, addresses);
                }
                Ok(Key::Network(segment)) => {
                    read.networks.insert(segment, network(kv));
                }
                Ok(Key::MacAdvertisement(segment, owner, mac)) if owner == *host => {
                    read.said
                        .entry(segment)
                        .or_default()
                        .insert(mac, kv.clone());
                }
                Ok(Key::MacAdvertisement(segment, owner, mac)) => {
                    let remotes = read.remotes.entry(segment).or_default();
                    remotes.insert((owner, mac), remote_mac(kv));
                }
                Ok(_) | Err(_) => {
                    tracing::warn!(key = kv.key, "a key that means nothing is ignored");
                }
            }
        }
        read
    }
}

/// What of the store is followed for the groups that are needed.
#[derive(Debug, Default)]
pub(crate) struct Following {
    /// Everything, read or not.
    needed: BTreeMap<Part, Needed>,
    /// What was asked for and has not been read yet.
    awaited: BTreeSet<Part>,
}

impl Following {
    /// The interests to set, one after the other, so that what the reconciler needs is followed,
    /// and read anew where it was read and forgotten.
    pub(crate) fn follow(&mut self, keys: &Keyspace, reconciler: &Reconciler) -> Vec<Vec<Part>> {
        let needed = parts(keys, &reconciler.interest());
        let unread: BTreeSet<Part> = parts(keys, &reconciler.unread()).into_keys().collect();
        // Read before, and to be read again: it must be left first.
        let again = |part: &&Part| unread.contains(*part) && !self.awaited.contains(*part);
        let left: Vec<Part> = self.needed.keys().filter(again).cloned().collect();
        let mut interests = Vec::new();
        if !left.is_empty() {
            let without = needed.keys().filter(|part| !left.contains(part));
            interests.push(without.cloned().collect());
        }
        if needed != self.needed || !left.is_empty() {
            interests.push(needed.keys().cloned().collect());
        }
        self.needed = needed;
        self.awaited = unread;
        interests
    }

    /// Parts were read; gives what they are to us.
    pub(crate) fn read(&mut self, parts: &[Part]) -> Vec<Needed> {
        let needed = parts.iter().filter_map(|part| {
            self.awaited.remove(part);
            self.needed.get(part).cloned()
        });
        needed.collect()
    }

    /// Whether something was asked for and has not been read yet.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.awaited.is_empty()
    }
}

#[cfg(test)]
mod tests;
