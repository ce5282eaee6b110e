//! What is read of groups, and what it changes.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, InvalidRecord, PortId, SecurityGroupId,
};

use super::shared::Shared;
use super::{Compiler, Touched};
use crate::intent::SecurityGroupRecord;
use crate::interest::Interest;
use crate::policy::{Recompiled, Trouble};

impl Compiler {
    /// What the host needs to read now. What is told of anything else is ignored, and what is no
    /// longer in it is forgotten.
    pub fn interest(&self) -> Interest {
        let networks: BTreeSet<_> = self.networks.used().collect();
        Interest {
            networks: networks.clone(),
            advertisements: networks,
            ..self.groups.interest().clone()
        }
    }

    /// What of [`Self::interest`] was not read yet, or was read and forgotten since.
    pub fn unread(&self) -> Interest {
        let (networks, advertisements) = self.networks.unread();
        Interest {
            networks,
            advertisements,
            ..self.groups.unread()
        }
    }

    /// Whether ports need the security group.
    pub(crate) fn is_group_used(&self, group: &SecurityGroupId) -> bool {
        self.groups.interest().security_groups.contains(group)
    }

    /// The security groups that ports need.
    pub(crate) fn groups_used(&self) -> impl Iterator<Item = &SecurityGroupId> {
        self.groups.interest().security_groups.iter()
    }

    /// Takes in that a security group was read: this is its record now, or the store has none.
    pub fn set_security_group(
        &mut self,
        group: &SecurityGroupId,
        record: Option<SecurityGroupRecord>,
    ) -> Touched {
        let recompiled = self.groups.set_group(group, record);
        self.absorb(recompiled)
    }

    /// Takes in that the members of a security group were read: these are all.
    pub fn set_remote_group(
        &mut self,
        group: &SecurityGroupId,
        members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    ) -> Touched {
        let recompiled = self.groups.set_remote_group(group, members);
        self.absorb(recompiled)
    }

    /// Takes in that one member of a security group has this record now, or has left it.
    pub fn set_remote_group_member(
        &mut self,
        group: &SecurityGroupId,
        port: &PortId,
        member: Option<Result<GroupMember, InvalidRecord>>,
    ) -> Touched {
        let recompiled = self.groups.set_member(group, port, member);
        self.absorb(recompiled)
    }

    /// Takes in that an address group was read: this is its record now, or the store has none.
    pub fn set_address_group(
        &mut self,
        group: &AddressGroupId,
        record: Option<Result<AddressGroup, InvalidRecord>>,
    ) -> Touched {
        let recompiled = self.groups.set_address_group(group, record);
        self.absorb(recompiled)
    }

    /// The record of a group that ports use, as far as it was read and is there.
    pub fn security_group(&self, group: &SecurityGroupId) -> Option<&SecurityGroupRecord> {
        self.groups.record(group)
    }

    /// What a group allows less than it says, and why.
    pub fn faults_of(&self, group: &SecurityGroupId) -> &[String] {
        self.groups.faults(group)
    }

    /// Why a group that ports use gives them nothing, if so.
    pub(crate) fn trouble_of(&self, group: &SecurityGroupId) -> Option<Trouble> {
        self.groups.trouble(group)
    }

    /// What must be read before a group's newest version can be carried out.
    pub(crate) fn group_waits_for(&self, group: &SecurityGroupId) -> Option<&str> {
        self.groups.waits_for(group)
    }

    fn absorb(&mut self, recompiled: Vec<Recompiled>) -> Touched {
        let mut touched = Touched::default();
        for Recompiled { group, trouble } in recompiled {
            let shared = Shared::Group(group.clone());
            if trouble && let Some(used) = self.shared.get(&shared) {
                touched.ports.extend(used.ports.iter().cloned());
            }
            for (key, list) in self.objects_of_shared(&shared) {
                if trouble {
                    touched.awaited.insert(key.clone());
                }
                self.set_object(key, list, &mut touched);
            }
            touched.security_groups.insert(group);
        }
        touched.interest = self.take_interest_changed();
        touched
    }
}
