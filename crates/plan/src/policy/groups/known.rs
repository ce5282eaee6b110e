//! What was read of the groups that rules name, and whose rules name them.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, InvalidRecord, IpPrefix, PortId, SecurityGroupId,
};

/// A record that may not have been read yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Known<T> {
    /// Nobody has said anything of it yet.
    #[default]
    Unread,
    /// It was read, and is there or not.
    Read(Option<T>),
}

/// What rules name: for each name what is known of it, and the groups whose rules name it.
#[derive(Clone, Debug)]
pub(super) struct Named<K, T>(BTreeMap<K, Entry<T>>);

#[derive(Clone, Debug, Default)]
struct Entry<T> {
    known: T,
    users: BTreeSet<SecurityGroupId>,
}

/// The members of security groups that rules name.
pub(super) type RemoteGroups = Named<SecurityGroupId, Members>;

/// The members of a security group.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    /// Whether all are known.
    read: bool,
    members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
}

/// The address groups that rules name.
pub(super) type AddressGroups = Named<AddressGroupId, Known<Result<AddressGroup, InvalidRecord>>>;

impl<T> Known<T> {
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Unread => None,
            Self::Read(record) => record.as_ref(),
        }
    }
}

impl<K, T> Default for Named<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Clone + Ord, T: Default> Named<K, T> {
    pub(super) fn enter(&mut self, name: &K, user: &SecurityGroupId) {
        let entry = self.0.entry(name.clone()).or_default();
        entry.users.insert(user.clone());
    }

    /// Answers whether no group's rules name it any more; it is forgotten then.
    pub(super) fn leave(&mut self, name: &K, user: &SecurityGroupId) -> bool {
        let Some(entry) = self.0.get_mut(name) else {
            return false;
        };
        entry.users.remove(user);
        let unused = entry.users.is_empty();
        if unused {
            self.0.remove(name);
        }
        unused
    }

    fn known(&self, name: &K) -> Option<&T> {
        self.0.get(name).map(|entry| &entry.known)
    }
}

impl RemoteGroups {
    /// Answers the groups to whose rules it makes a difference.
    pub(super) fn set(
        &mut self,
        group: &SecurityGroupId,
        members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    ) -> Vec<SecurityGroupId> {
        match self.0.get_mut(group) {
            Some(Entry { known, users }) if !known.read || known.members != members => {
                known.read = true;
                known.members = members;
                users.iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    /// Answers the groups to whose rules it makes a difference.
    pub(super) fn set_member(
        &mut self,
        group: &SecurityGroupId,
        port: &PortId,
        member: Option<Result<GroupMember, InvalidRecord>>,
    ) -> Vec<SecurityGroupId> {
        let Some(Entry { known, users }) = self.0.get_mut(group) else {
            return Vec::new();
        };
        if known.members.get(port) == member.as_ref() {
            return Vec::new();
        }
        match member {
            Some(member) => known.members.insert(port.clone(), member),
            None => known.members.remove(port),
        };
        if known.read {
            users.iter().cloned().collect()
        } else {
            Vec::new()
        }
    }

    pub(super) fn is_read(&self, group: &SecurityGroupId) -> bool {
        self.known(group).is_some_and(|known| known.read)
    }

    /// The addresses of all members.
    pub(super) fn addresses(&self, group: &SecurityGroupId) -> impl Iterator<Item = IpPrefix> {
        let known = self.known(group).into_iter();
        let members = known.flat_map(|known| known.members.values());
        members
            .flatten()
            .flat_map(|member| member.addresses.iter().copied())
    }

    /// The members whose records cannot be used.
    pub(super) fn faults(&self, group: &SecurityGroupId) -> impl Iterator<Item = String> {
        let known = self.known(group).into_iter();
        let members = known.flat_map(|known| &known.members);
        members.filter_map(move |(port, member)| {
            let error = member.as_ref().err()?;
            Some(format!("member {port} of security group {group}: {error}"))
        })
    }
}

impl AddressGroups {
    /// Answers the groups to whose rules it makes a difference.
    pub(super) fn set(
        &mut self,
        group: &AddressGroupId,
        record: Option<Result<AddressGroup, InvalidRecord>>,
    ) -> Vec<SecurityGroupId> {
        let known = Known::Read(record);
        match self.0.get_mut(group) {
            Some(entry) if entry.known != known => {
                entry.known = known;
                entry.users.iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn is_read(&self, group: &AddressGroupId) -> bool {
        let known = self.known(group);
        known.is_some_and(|known| *known != Known::Unread)
    }

    /// The addresses in the group.
    pub(super) fn addresses(&self, group: &AddressGroupId) -> impl Iterator<Item = IpPrefix> {
        let record = self.known(group).and_then(Known::get);
        let record = record.and_then(|record| record.as_ref().ok());
        record
            .into_iter()
            .flat_map(|group| group.addresses.iter().copied())
    }

    /// Why the group has no addresses, if it should have some.
    pub(super) fn fault(&self, group: &AddressGroupId) -> Option<String> {
        match self.known(group)? {
            Known::Read(None) => Some(format!("address group {group} is not in the store")),
            Known::Read(Some(Err(error))) => Some(format!("address group {group}: {error}")),
            Known::Unread | Known::Read(Some(Ok(_))) => None,
        }
    }
}
