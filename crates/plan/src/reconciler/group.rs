//! What was read of groups, and what is said of them.

use std::collections::BTreeMap;

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, InvalidRecord, PortId, SecurityGroupId, Status,
};

use super::Reconciler;
use crate::intent::SecurityGroupRecord;
use crate::interest::Interest;
use crate::object::{AclKey, Direction, ObjectKey};
use crate::policy::Trouble;

/// So many faults of a group are told; the others are counted.
const FAULTS_TOLD: usize = 3;

impl Reconciler {
    /// What the host needs to read now, and to watch: groups and overlay networks.
    ///
    /// Each is to be told of once it was read, be it in the store or not; before, nothing is planned
    /// of the objects that depend on it. What is told of others is ignored, and what is no longer among
    /// them is forgotten, so it is to be read anew when it is among them again.
    pub fn interest(&self) -> Interest {
        self.compiler.interest()
    }

    /// Whether [`Self::interest`] is another, or something of it was forgotten and is to be read anew,
    /// since this was last asked.
    pub fn take_interest_changed(&mut self) -> bool {
        std::mem::take(&mut self.interest_changed)
    }

    /// What of [`Self::interest`] was not read yet, or was read and forgotten since.
    pub fn unread(&self) -> Interest {
        self.compiler.unread()
    }

    /// A security group was read: this is its record now, or the store has none.
    pub fn set_security_group(
        &mut self,
        group: &SecurityGroupId,
        record: Option<SecurityGroupRecord>,
    ) {
        let touched = self.compiler.set_security_group(group, record);
        self.touch(touched);
    }

    /// The members of a security group were read: these are all.
    pub fn set_remote_group(
        &mut self,
        group: &SecurityGroupId,
        members: BTreeMap<PortId, Result<GroupMember, InvalidRecord>>,
    ) {
        let touched = self.compiler.set_remote_group(group, members);
        self.touch(touched);
    }

    /// One member of a security group has this record now, or has left it.
    pub fn set_remote_group_member(
        &mut self,
        group: &SecurityGroupId,
        port: &PortId,
        member: Option<Result<GroupMember, InvalidRecord>>,
    ) {
        let touched = self.compiler.set_remote_group_member(group, port, member);
        self.touch(touched);
    }

    /// An address group was read: this is its record now, or the store has none.
    pub fn set_address_group(
        &mut self,
        group: &AddressGroupId,
        record: Option<Result<AddressGroup, InvalidRecord>>,
    ) {
        let touched = self.compiler.set_address_group(group, record);
        self.touch(touched);
    }

    /// `mod_revision` of the record of a security group, as far as it was read and is there.
    pub fn security_group_revision(&self, group: &SecurityGroupId) -> Option<i64> {
        let record = self.compiler.security_group(group)?;
        Some(record.mod_revision)
    }

    /// How far a security group has come on this host; `None` if no port needs it.
    pub fn security_group_status(&self, group: &SecurityGroupId) -> Option<Status> {
        if !self.compiler.is_group_used(group) {
            return None;
        }
        let failed = |reason| Status::Failed {
            reason,
            tries: 0,
            next_try: None,
        };
        match self.compiler.trouble_of(group) {
            Some(Trouble::Invalid(error)) => return Some(failed(error.to_string())),
            Some(trouble) => {
                let reason = told(group, &trouble);
                return Some(Status::Pending { reason });
            }
            None => {}
        }
        if let Some(unread) = self.compiler.group_waits_for(group) {
            let reason = format!("{unread}: not read yet");
            return Some(Status::Pending { reason });
        }
        let lists = [Direction::Ingress, Direction::Egress].map(|direction| {
            ObjectKey::Acl(AclKey::SecurityGroup {
                group: group.clone(),
                direction,
            })
        });
        if let Some(status) = self.worst(lists.iter()) {
            return Some(status);
        }
        let faults = self.compiler.faults_of(group);
        if faults.is_empty() {
            return Some(Status::Effective);
        }
        let mut told: Vec<String> = faults.iter().take(FAULTS_TOLD).cloned().collect();
        if faults.len() > FAULTS_TOLD {
            told.push(format!("and {} more", faults.len() - FAULTS_TOLD));
        }
        Some(failed(told.join("; ")))
    }

    /// What a port waits for if one of its groups gives it nothing.
    pub(super) fn waits_for_group(&self, keys: &[ObjectKey]) -> Option<String> {
        keys.iter().find_map(|key| match key {
            ObjectKey::Acl(AclKey::SecurityGroup { group, .. }) => {
                let trouble = self.compiler.trouble_of(group)?;
                Some(told(group, &trouble))
            }
            _ => None,
        })
    }
}

/// A group's trouble in words.
fn told(group: &SecurityGroupId, trouble: &Trouble) -> String {
    match trouble {
        Trouble::Unread(what) => format!("{what}: not read yet"),
        Trouble::Absent => format!("security group {group} is not in the store"),
        Trouble::Invalid(error) => format!("security group {group}: {error}"),
    }
}
