//! A port's record and its memberships in security groups, which are written together.
//!
//! `global/remote_group/{group}/{port}` holds the addresses that a port brings into a group. It
//! follows from the port's record, and from both where the port is on two hosts, as it is while it
//! migrates: so whoever writes a record sees to what follows from it, in the same transaction.
//!
//! Pure: what the store has is [`Found`], what to write is [`Writes`]. Everything that was looked
//! at guards what is written. A membership is written with each record that brings it about, even
//! where it says so already: so two writers of one port on two hosts cannot miss each other.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weft_model::{
    GroupMember, HostName, Key, PortBinding, PortId, SecurityGroupId, decode_group_member,
    decode_port,
};

use crate::apply::ApplyResult;
use crate::record::Record;

/// One port on one host.
pub(crate) type Place = (HostName, PortId);

/// A record that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its revision.
    pub(crate) mod_revision: i64,
    /// Its value.
    pub(crate) value: Vec<u8>,
}

/// What the store has of a port on a host, and of what follows from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// The record.
    pub(crate) record: Option<Present>,
    /// The records of the port on other hosts; only needed if it has or shall have groups.
    pub(crate) elsewhere: BTreeMap<HostName, Present>,
    /// Its memberships in the groups that it has or shall have.
    pub(crate) memberships: BTreeMap<SecurityGroupId, Present>,
}

/// What to write in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    /// The revision that each of these must still have; 0 if it must not be there.
    pub(crate) guards: Vec<(Key, i64)>,
    /// What to write; `None` to delete.
    pub(crate) values: Vec<(Key, Option<Vec<u8>>)>,
}

/// The groups whose memberships a change of a record may touch.
pub(crate) fn concerned(
    present: Option<&Present>,
    wanted: Option<&Record<PortBinding>>,
) -> BTreeSet<SecurityGroupId> {
    let present = present.map_or_else(Vec::new, |present| groups_of(&present.value));
    let wanted = wanted.map_or(&[][..], |record| &record.content.security_groups);
    present.into_iter().chain(wanted.iter().cloned()).collect()
}

/// The groups that a record names, even one that is of no use otherwise.
pub(crate) fn groups_of(value: &[u8]) -> Vec<SecurityGroupId> {
    let value: Value = serde_json::from_slice(value).unwrap_or_default();
    let groups = value.get("security_groups").and_then(Value::as_array);
    groups
        .into_iter()
        .flatten()
        .filter_map(|group| group.as_str()?.parse().ok())
        .collect()
}

/// What is to be written so that the record at `place` is `wanted`, or is not there, and what
/// becomes of it thereby; no writes if all is so already.
pub(crate) fn change(
    place: &Place,
    wanted: Option<&Record<PortBinding>>,
    found: &Found,
) -> (ApplyResult, Option<Writes>) {
    let result = match (wanted, &found.record) {
        (None, None) => return (ApplyResult::Absent, None),
        (Some(record), Some(present)) if record.equals(&present.value) => ApplyResult::Unchanged,
        (None, Some(_)) => ApplyResult::Deleted,
        (Some(_), None) => ApplyResult::Created,
        (Some(_), Some(_)) => ApplyResult::Updated,
    };
    let (host, port) = place;
    let revision = |present: Option<&Present>| present.map_or(0, |present| present.mod_revision);
    let own = Key::Port(host.clone(), port.clone());
    let mut writes = Writes {
        guards: vec![(own.clone(), revision(found.record.as_ref()))],
        values: Vec::new(),
    };
    if result != ApplyResult::Unchanged {
        writes.values.push((own, wanted.map(Record::to_bytes)));
    }
    let elsewhere: Vec<PortBinding> = found
        .elsewhere
        .values()
        .filter_map(|present| decode_port(&present.value).ok())
        .collect();
    let bindings = || {
        let wanted = wanted.map(|record| &record.content);
        wanted.into_iter().chain(&elsewhere)
    };
    let groups = concerned(found.record.as_ref(), wanted);
    if !groups.is_empty() {
        let others = found.elsewhere.iter();
        writes.guards.extend(others.map(|(host, present)| {
            let key = Key::Port(host.clone(), port.clone());
            (key, present.mod_revision)
        }));
    }
    for group in groups {
        let present = found.memberships.get(&group);
        let member = member_of(&group, bindings());
        let key = Key::GroupMember(group, port.clone());
        writes.guards.push((key.clone(), revision(present)));
        let is_so = match (&member, present) {
            (None, present) => present.is_none(),
            (Some(_), None) => false,
            (Some(member), Some(present)) => {
                result == ApplyResult::Unchanged && says(&present.value, member)
            }
        };
        if !is_so {
            let value = member.map(|member| member.to_json().to_string().into_bytes());
            writes.values.push((key, value));
        }
    }
    let writes = (!writes.values.is_empty()).then_some(writes);
    (result, writes)
}

/// What the port brings into a group by all of its records; `None` if none of them names it.
fn member_of<'a>(
    group: &SecurityGroupId,
    bindings: impl Iterator<Item = &'a PortBinding>,
) -> Option<GroupMember> {
    let members: Vec<GroupMember> = bindings
        .filter(|binding| binding.security_groups.contains(group))
        .map(GroupMember::of)
        .collect();
    (!members.is_empty()).then(|| addresses(members))
}

/// What several records of one port bring into a group together.
pub(crate) fn addresses(members: Vec<GroupMember>) -> GroupMember {
    let mut addresses: Vec<_> = members.into_iter().flat_map(|m| m.addresses).collect();
    addresses.sort_unstable();
    addresses.dedup();
    GroupMember { addresses }
}

/// Whether a membership of the store has just these addresses.
pub(crate) fn says(value: &[u8], member: &GroupMember) -> bool {
    decode_group_member(value).is_ok_and(|mut said| {
        said.addresses.sort_unstable();
        said.addresses.dedup();
        said == *member
    })
}

#[cfg(test)]
mod tests;
