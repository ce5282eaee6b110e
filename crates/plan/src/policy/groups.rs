//! What is known of the groups that the host's ports need, and the lists that they make.
//!
//! A group is *decided* once its record was read, or is known not to be in the store, and all that
//! its rules name was read, too. Before, it has no lists at all, wanted or unwanted, so that a plan
//! leaves those of an earlier agent as they are: a list is never overwritten with half of its rules.
//! A group that was decided keeps its lists until its next version is complete.

mod known;

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, InvalidRecord, IpPrefix, PortId, Remote,
    SecurityGroup, SecurityGroupId,
};

use super::rules;
use crate::intent::SecurityGroupRecord;
use crate::interest::Interest;
use crate::object::{Acl, AclKey, AclRule, Direction};

use known::{AddressGroups, Known, RemoteGroups};

/// The groups of the host's ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Groups {
    used: BTreeMap<SecurityGroupId, Group>,
    remote: RemoteGroups,
    addresses: AddressGroups,
    interest: Interest,
    interest_changed: bool,
}

/// A group that ports use.
#[derive(Clone, Debug, Default)]
struct Group {
    record: Known<SecurityGroupRecord>,
    names: Names,
    /// The lists of its last complete version.
    lists: Option<Lists>,
    /// What must be read before its newest version is complete.
    waits_for: Option<String>,
}

/// What the rules of a group name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    remote_groups: BTreeSet<SecurityGroupId>,
    address_groups: BTreeSet<AddressGroupId>,
}

/// What a group was compiled to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Lists {
    ingress: Acl,
    egress: Acl,
    /// Why the group itself gives its ports nothing; its lists are empty.
    absent: Option<Trouble>,
    /// What it allows less than it says, and why.
    faults: Vec<String>,
}

/// Why a group gives its ports nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It, or something that its rules name, was not read yet.
    Unread(String),
    /// The store has it not.
    Absent,
    /// Its record cannot be used.
    Invalid(InvalidRecord),
}

/// What a change made of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recompiled {
    /// Which.
    pub(crate) group: SecurityGroupId,
    /// Whether its trouble is another now, so that there is something new to say of its ports.
    pub(crate) trouble: bool,
}

impl Groups {
    /// What the host needs to read now.
    pub(crate) fn interest(&self) -> &Interest {
        &self.interest
    }

    /// What of [`Self::interest`] was not read yet.
    pub(crate) fn unread(&self) -> Interest {
        let groups = self.used.iter();
        let groups = groups.filter(|(_, group)| group.record == Known::Unread);
        let remote = self.interest.remote_groups.iter();
        let addresses = self.interest.address_groups.iter();
        Interest {
            security_groups: groups.map(|(id, _)| id.clone()).collect(),
            remote_groups: remote
                .filter(|id| !self.remote.is_read(id))
                .cloned()
                .collect(),
            address_groups: addresses
                .filter(|id| !self.addresses.is_read(id))
                .cloned()
                .collect(),
            ..Interest::default()
        }
    }

    /// Whether [`Self::interest`] has changed since this was last asked.
    pub(crate) fn take_interest_changed(&mut self) -> bool {
        std::mem::take(&mut self.interest_changed)
    }

    /// A list of a group, if the group is decided.
    pub(crate) fn acl(&self, group: &SecurityGroupId, direction: Direction) -> Option<&Acl> {
        let lists = self.used.get(group)?.lists.as_ref()?;
        Some(match direction {
            Direction::Ingress => &lists.ingress,
            Direction::Egress => &lists.egress,
        })
    }

    /// Why a group that ports use gives them nothing, if so.
    pub(crate) fn trouble(&self, group: &SecurityGroupId) -> Option<Trouble> {
        self.used.get(group)?.trouble()
    }

    /// What a group allows less than it says, and why.
    pub(crate) fn faults(&self, group: &SecurityGroupId) -> &[String] {
        let lists = self.used.get(group).and_then(|group| group.lists.as_ref());
        lists.map_or(&[], |lists| &lists.faults)
    }

    /// What must be read before the newest version of a group is complete.
    pub(crate) fn waits_for(&self, group: &SecurityGroupId) -> Option<&str> {
        self.used.get(group)?.waits_for.as_deref()
    }

    /// A group's record, as far as it was read and is there.
    pub(crate) fn record(&self, group: &SecurityGroupId) -> Option<&SecurityGroupRecord> {
        self.used.get(group)?.record.get()
    }

    /// A port uses the group now.
    pub(crate) fn enter(&mut self, group: &SecurityGroupId) {
        if !self.used.contains_key(group) {
            self.used.insert(group.clone(), Group::default());
            self.interest.security_groups.insert(group.clone());
            self.interest_changed = true;
            self.recompile(group);
        }
    }

    /// No port uses the group any more: what was known of it is forgotten, since nobody will tell of
    /// its changes.
    pub(crate) fn leave(&mut self, group: &SecurityGroupId) {
        if let Some(gone) = self.used.remove(group) {
            self.interest.security_groups.remove(group);
            self.interest_changed = true;
            self.rename(group, &gone.names, &Names::default());
        }
    }

    /// A group was read: this is its record, or it has none.
    pub(crate) fn set_group(
        &mut self,
        group: &SecurityGroupId,
        record: Option<SecurityGroupRecord>,
    ) -> Vec<Recompiled> {
        let known = Known::Read(record);
        match self.used.get_mut(group) {
            Some(entry) if entry.record != known => entry.record = known,
            _ => return Vec::new(),
        }
        vec![self.recompile(group)]
    }

    /// A remote group was read: these are all its members.
    pub(crate) fn set_remote_group(
        &mut self,
        group: &SecurityGroupId,
        members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    ) -> Vec<Recompiled> {
        let users = self.remote.set(group, members);
        self.recompile_all(users)
    }

    /// One member of a remote group changed, joined or left.
    pub(crate) fn set_member(
        &mut self,
        group: &SecurityGroupId,
        port: &PortId,
        member: Option<Result<GroupMember, InvalidRecord>>,
    ) -> Vec<Recompiled> {
        let users = self.remote.set_member(group, port, member);
        self.recompile_all(users)
    }

    /// An address group was read: this is its record, or it has none.
    pub(crate) fn set_address_group(
        &mut self,
        group: &AddressGroupId,
        record: Option<Result<AddressGroup, InvalidRecord>>,
    ) -> Vec<Recompiled> {
        let users = self.addresses.set(group, record);
        self.recompile_all(users)
    }

    fn recompile_all(&mut self, groups: Vec<SecurityGroupId>) -> Vec<Recompiled> {
        let recompiled = groups.iter().map(|group| self.recompile(group));
        recompiled.collect()
    }

    /// Compiles a group anew, if it is complete.
    fn recompile(&mut self, id: &SecurityGroupId) -> Recompiled {
        let mut recompiled = Recompiled {
            group: id.clone(),
            trouble: false,
        };
        let Some(mut group) = self.used.remove(id) else {
            return recompiled;
        };
        let trouble = group.trouble();
        let names = match group.record.get().map(|record| &record.group) {
            Some(Ok(record)) => Names::of(record),
            _ => Names::default(),
        };
        self.rename(id, &group.names, &names);
        group.names = names;
        group.waits_for = self.first_unread(id, &group);
        if group.waits_for.is_none() {
            group.lists = Some(self.lists(id, &group));
        }
        recompiled.trouble = group.trouble() != trouble;
        self.used.insert(id.clone(), group);
        recompiled
    }

    /// What of a group was not read yet.
    fn first_unread(&self, id: &SecurityGroupId, group: &Group) -> Option<String> {
        if group.record == Known::Unread {
            return Some(format!("security group {id}"));
        }
        let remote = group.names.remote_groups.iter();
        let remote = remote.filter(|name| !self.remote.is_read(name));
        let addresses = group.names.address_groups.iter();
        let addresses = addresses.filter(|name| !self.addresses.is_read(name));
        remote
            .map(|name| format!("the members of security group {name}"))
            .chain(addresses.map(|name| format!("address group {name}")))
            .next()
    }

    /// The lists of a group whose record and all that it names was read.
    fn lists(&self, id: &SecurityGroupId, group: &Group) -> Lists {
        let mut faults = Vec::new();
        let mut list = |direction| Acl {
            key: AclKey::SecurityGroup {
                group: id.clone(),
                direction,
            },
            rules: match group.record.get().map(|record| &record.group) {
                Some(Ok(record)) => self.rules(record, direction, &mut faults).into(),
                _ => [].into(),
            },
        };
        let (ingress, egress) = (list(Direction::Ingress), list(Direction::Egress));
        for name in &group.names.remote_groups {
            faults.extend(self.remote.faults(name));
        }
        for name in &group.names.address_groups {
            faults.extend(self.addresses.fault(name));
        }
        let absent = match group.record.get().map(|record| &record.group) {
            None => Some(Trouble::Absent),
            Some(Err(error)) => Some(Trouble::Invalid(error.clone())),
            Some(Ok(_)) => None,
        };
        Lists {
            ingress,
            egress,
            absent,
            faults,
        }
    }

    /// The rules of one direction, each once and in an order that does not depend on the record's:
    /// all permit, so that the order makes no difference to what passes.
    fn rules(
        &self,
        record: &SecurityGroup,
        direction: Direction,
        faults: &mut Vec<String>,
    ) -> Vec<AclRule> {
        let rules = match direction {
            Direction::Ingress => &record.ingress_rules,
            Direction::Egress => &record.egress_rules,
        };
        let mut compiled = Vec::new();
        for rule in rules {
            let remotes: Vec<IpPrefix> = match &rule.remote {
                Remote::Prefix(prefix) => vec![*prefix],
                Remote::Group(group, _) => self.remote.addresses(group).collect(),
                Remote::AddressGroup(group, _) => self.addresses.addresses(group).collect(),
            };
            match rules::compile(rule, direction, record.stateful, &remotes) {
                Ok(rules) => compiled.extend(rules),
                Err(reason) => {
                    faults.push(format!(
                        "{direction} rule `{rule}` allows nothing: {reason}"
                    ));
                }
            }
        }
        compiled.sort_unstable();
        compiled.dedup();
        compiled
    }

    /// Enters what a group's rules name now, instead of what they named before.
    fn rename(&mut self, id: &SecurityGroupId, before: &Names, now: &Names) {
        // More than is needed may be said: a name that another group has, too, is no news.
        self.interest_changed |= before != now;
        for name in before.remote_groups.difference(&now.remote_groups) {
            if self.remote.leave(name, id) {
                self.interest.remote_groups.remove(name);
            }
        }
        for name in now.remote_groups.difference(&before.remote_groups) {
            self.remote.enter(name, id);
            self.interest.remote_groups.insert(name.clone());
        }
        for name in before.address_groups.difference(&now.address_groups) {
            if self.addresses.leave(name, id) {
                self.interest.address_groups.remove(name);
            }
        }
        for name in now.address_groups.difference(&before.address_groups) {
            self.addresses.enter(name, id);
            self.interest.address_groups.insert(name.clone());
        }
    }
}

impl Group {
    fn trouble(&self) -> Option<Trouble> {
        match &self.lists {
            Some(lists) => lists.absent.clone(),
            None => self.waits_for.clone().map(Trouble::Unread),
        }
    }
}

impl Names {
    fn of(record: &SecurityGroup) -> Self {
        let mut names = Self::default();
        for rule in record.ingress_rules.iter().chain(&record.egress_rules) {
            match &rule.remote {
                Remote::Prefix(_) => {}
                Remote::Group(group, _) => {
                    names.remote_groups.insert(group.clone());
                }
                Remote::AddressGroup(group, _) => {
                    names.address_groups.insert(group.clone());
                }
            }
        }
        names
    }
}
