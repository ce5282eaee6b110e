//! What the store holds of groups, and an agent that reads of it what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;
use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, InvalidRecord, PortId, SecurityGroup,
    SecurityGroupId,
};

use super::world::network;
use crate::{
    Acl, AclKey, Compiler, Direction, Interest, Object, ObjectKey, Reconciler, SecurityGroupRecord,
};

/// Something of [`crate::Interest`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Rules(SecurityGroupId),
    Members(SecurityGroupId),
    Addresses(AddressGroupId),
}

type Read<T> = Result<T, InvalidRecord>;

/// The records of the store that are about groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    pub(super) groups: BTreeMap<SecurityGroupId, Read<SecurityGroup>>,
    pub(super) members: BTreeMap<SecurityGroupId, BTreeMap<PortId, Read<GroupMember>>>,
    pub(super) addresses: BTreeMap<AddressGroupId, Read<AddressGroup>>,
}

pub(super) fn group_id(name: &str) -> SecurityGroupId {
    name.parse().unwrap()
}

/// A group with these rules.
pub(super) fn group(ingress: Value, egress: Value) -> SecurityGroup {
    let record = serde_json::json!({ "ingress_rules": ingress, "egress_rules": egress });
    SecurityGroup::from_json(&record).unwrap()
}

/// A member with these addresses.
pub(super) fn member(addresses: &[&str]) -> GroupMember {
    GroupMember::from_json(&serde_json::json!(addresses)).unwrap()
}

impl Store {
    /// The agent reads the first `most` of what it needs and has not read yet; answers whether there
    /// was anything.
    pub(super) fn serve(&self, host: &mut Reconciler, most: usize) -> bool {
        let unread: Vec<Item> = items(&host.unread()).into_iter().take(most).collect();
        for item in &unread {
            self.tell(host, item);
        }
        !unread.is_empty()
    }

    /// The agent reads all that it needs.
    pub(super) fn serve_all(&self, host: &mut Reconciler) {
        while self.serve(host, usize::MAX) {}
    }

    /// A record of the item changed; the agent is told if it has read it.
    pub(super) fn changed(&self, host: &mut Reconciler, item: &Item) {
        if items(&host.interest()).contains(item) && !items(&host.unread()).contains(item) {
            self.tell(host, item);
        }
    }

    /// The list of a group as all records together make it.
    pub(super) fn complete(&self, group: &SecurityGroupId, direction: Direction) -> Acl {
        let mut compiler = Compiler::new(network());
        let record = super::world::secured(0, 1, &[group.as_str()], 1);
        compiler.set_port(&super::world::port("x"), Some(record));
        for _ in 0..2 {
            let interest = compiler.interest();
            for id in &interest.security_groups {
                compiler.set_security_group(id, self.record(id));
            }
            for id in &interest.remote_groups {
                compiler.set_remote_group(id, self.members.get(id).cloned().unwrap_or_default());
            }
            for id in &interest.address_groups {
                compiler.set_address_group(id, self.addresses.get(id).cloned());
            }
        }
        let key = AclKey::SecurityGroup {
            group: group.clone(),
            direction,
        };
        match compiler.object(&ObjectKey::Acl(key)).map(Arc::as_ref) {
            Some(Object::Acl(acl)) => acl.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn record(&self, id: &SecurityGroupId) -> Option<SecurityGroupRecord> {
        let group = self.groups.get(id).cloned()?;
        Some(SecurityGroupRecord {
            mod_revision: 1,
            group,
        })
    }

    fn tell(&self, host: &mut Reconciler, item: &Item) {
        match item {
            Item::Rules(id) => host.set_security_group(id, self.record(id)),
            Item::Members(id) => {
                host.set_remote_group(id, self.members.get(id).cloned().unwrap_or_default());
            }
            Item::Addresses(id) => host.set_address_group(id, self.addresses.get(id).cloned()),
        }
    }
}

fn items(interest: &Interest) -> BTreeSet<Item> {
    let groups = interest.security_groups.iter().cloned();
    let remote = interest.remote_groups.iter().cloned();
    let addresses = interest.address_groups.iter().cloned();
    groups
        .map(Item::Rules)
        .chain(remote.map(Item::Members))
        .chain(addresses.map(Item::Addresses))
        .collect()
}
