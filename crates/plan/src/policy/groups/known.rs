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

/// The members of security groups that rules name.
#[derive(Clone, Debug, Default)]
pub(super) struct RemoteGroups(BTreeMap<SecurityGroupId, RemoteGroup>);

#[derive(Clone, Debug, Default)]
struct RemoteGroup {
    /// Whether all its members are known.
    read: bool,
    members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    /// The groups whose rules name it.
    users: BTreeSet<SecurityGroupId>,
}

/// The address groups that rules name.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressGroups(BTreeMap<AddressGroupId, Addresses>);

#[derive(Clone, Debug, Default)]
struct Addresses {
    record: Known<Result<AddressGroup, InvalidRecord>>,
    /// The groups whose rules name it.
    users: BTreeSet<SecurityGroupId>,
}

impl<T> Known<T> {
    pub(super) fn get(&self) -> Option<&T> {
        match self {
            Self::Unread => None,
            Self::Read(record) => record.as_ref(),
        }
    }
}

impl RemoteGroups {
    pub(super) fn enter(&mut self, group: &SecurityGroupId, user: &SecurityGroupId) {
        let entry = self.0.entry(group.clone()).or_default();
        entry.users.insert(user.clone());
    }

    /// Answers whether no group's rules name it any more; it is forgotten then.
    pub(super) fn leave(&mut self, group: &SecurityGroupId, user: &SecurityGroupId) -> bool {
        let Some(entry) = self.0.get_mut(group) else {
            return false;
        };
        entry.users.remove(user);
        let unused = entry.users.is_empty();
        if unused {
            self.0.remove(group);
        }
        unused
    }

    /// Answers the groups to whose rules it makes a difference.
    pub(super) fn set(
        &mut self,
        group: &SecurityGroupId,
        members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    ) -> Vec<SecurityGroupId> {
        match self.0.get_mut(group) {
            Some(entry) if !entry.read || entry.members != members => {
                entry.read = true;
                entry.members = members;
                entry.users.iter().cloned().collect()
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
        let Some(entry) = self.0.get_mut(group) else {
            return Vec::new();
        };
        if entry.members.get(port) == member.as_ref() {
            return Vec::new();
        }
        match member {
            Some(member) => entry.members.insert(port.clone(), member),
            None => entry.members.remove(port),
        };
        if entry.read {
            entry.users.iter().cloned().collect()
        } else {
            Vec::new()
        }
    }

    pub(super) fn is_read(&self, group: &SecurityGroupId) -> bool {
        self.0.get(group).is_some_and(|entry| entry.read)
    }

    /// The addresses of all members.
    pub(super) fn addresses(&self, group: &SecurityGroupId) -> impl Iterator<Item = IpPrefix> {
        let members = self
            .0
            .get(group)
            .into_iter()
            .flat_map(|entry| entry.members.values());
        members
            .flatten()
            .flat_map(|member| member.addresses.iter().copied())
    }

    /// The members whose records cannot be used.
    pub(super) fn faults(&self, group: &SecurityGroupId) -> impl Iterator<Item = String> {
        let members = self
            .0
            .get(group)
            .into_iter()
            .flat_map(|entry| &entry.members);
        members.filter_map(move |(port, member)| {
            let error = member.as_ref().err()?;
            Some(format!("member {port} of security group {group}: {error}"))
        })
    }
}

impl AddressGroups {
    pub(super) fn enter(&mut self, group: &AddressGroupId, user: &SecurityGroupId) {
        let entry = self.0.entry(group.clone()).or_default();
        entry.users.insert(user.clone());
    }

    /// Answers whether no group's rules name it any more; it is forgotten then.
    pub(super) fn leave(&mut self, group: &AddressGroupId, user: &SecurityGroupId) -> bool {
        let Some(entry) = self.0.get_mut(group) else {
            return false;
        };
        entry.users.remove(user);
        let unused = entry.users.is_empty();
        if unused {
            self.0.remove(group);
        }
        unused
    }

    /// Answers the groups to whose rules it makes a difference.
    pub(super) fn set(
        &mut self,
        group: &AddressGroupId,
        record: Option<Result<AddressGroup, InvalidRecord>>,
    ) -> Vec<SecurityGroupId> {
        let known = Known::Read(record);
        match self.0.get_mut(group) {
            Some(entry) if entry.record != known => {
                entry.record = known;
                entry.users.iter().cloned().collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn is_read(&self, group: &AddressGroupId) -> bool {
        let entry = self.0.get(group);
        entry.is_some_and(|entry| entry.record != Known::Unread)
    }

    /// The addresses in the group.
    pub(super) fn addresses(&self, group: &AddressGroupId) -> impl Iterator<Item = IpPrefix> {
        let record = self.0.get(group).and_then(|entry| entry.record.get());
        let record = record.and_then(|record| record.as_ref().ok());
        record
            .into_iter()
            .flat_map(|group| group.addresses.iter().copied())
    }

    /// Why the group has no addresses, if it should have some.
    pub(super) fn fault(&self, group: &AddressGroupId) -> Option<String> {
        match &self.0.get(group)?.record {
            Known::Read(None) => Some(format!("address group {group} is not in the store")),
            Known::Read(Some(Err(error))) => Some(format!("address group {group}: {error}")),
            Known::Unread | Known::Read(Some(Ok(_))) => None,
        }
    }
}
