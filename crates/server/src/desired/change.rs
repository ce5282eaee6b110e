//! What to write so that a resource is as it is wanted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weft_model::{
    HostName, Key, Keyspace, LastWritten, PortId, Resource, RevisionNumber, SecurityGroupId,
};

use super::request::DesiredResult;
use super::wanted::Wanted;
use crate::membership::{Present, groups_of, says};

/// What the store has of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// `global/revisions/{kind}/{id}`.
    pub(crate) last: Option<Present>,
    /// Its records: of a port, those on the hosts of [`hosts`].
    pub(crate) records: BTreeMap<Key, Present>,
    /// Its memberships in the groups of [`concerned`].
    pub(crate) memberships: BTreeMap<SecurityGroupId, Present>,
}

/// What becomes of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: the store has the state of this higher number.
    Stale(RevisionNumber),
    /// Nothing: it is so already.
    None(DesiredResult),
    /// This, once it is written.
    Write(DesiredResult, Writes),
}

/// What to write in one transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Writes {
    /// The revision that each of these must still have; 0 if it must not be there.
    pub(crate) guards: Vec<(String, i64)>,
    /// What to write; `None` to delete.
    pub(crate) values: Vec<(String, Option<Vec<u8>>)>,
    /// What to write on a lease that runs out.
    pub(crate) tombstone: Option<(String, Vec<u8>)>,
}

/// On which hosts a port may have a record: where it shall be, where it was written last, and
/// where others say that it is.
pub(crate) fn hosts(
    wanted: &Wanted,
    last: Option<&Present>,
    others: BTreeSet<HostName>,
) -> BTreeSet<HostName> {
    let mut hosts = wanted.hosts();
    hosts.extend(last_written(last).into_iter().flat_map(|last| last.hosts));
    hosts.extend(others);
    hosts
}

/// The groups whose memberships a change of a port may touch.
pub(crate) fn concerned<'p>(
    wanted: &Wanted,
    records: impl Iterator<Item = &'p Present>,
) -> BTreeSet<SecurityGroupId> {
    let mut groups: BTreeSet<_> = wanted.memberships.keys().cloned().collect();
    groups.extend(records.flat_map(|record| groups_of(&record.value)));
    groups
}

/// What is to be written so that a resource is `wanted`, given that the store has `found`; and what
/// becomes of it thereby.
pub(crate) fn change(wanted: &Wanted, found: &Found, keys: &Keyspace) -> Change {
    let last = last_written(found.last.as_ref());
    if let Some(last) = &last
        && last.revision_number > wanted.number
    {
        return Change::Stale(last.revision_number);
    }
    let (mut writes, result) = records(wanted, found, keys);
    if let Resource::Port(port) = &wanted.resource {
        memberships(wanted, port, found, keys, &mut writes);
    }
    let next = LastWritten {
        revision_number: wanted.number,
        gone: wanted.records.is_empty(),
        hosts: wanted.hosts(),
    };
    let key = keys.revision_of(&wanted.resource);
    // Whoever writes the resource at the same moment shall see it, also where this stays as it is.
    if last.as_ref() != Some(&next) || !writes.values.is_empty() {
        // Numbers and names have no form in JSON that could fail.
        let value = serde_json::to_vec(&next).unwrap_or_default();
        if next.gone {
            writes.tombstone = Some((key.clone(), value));
        } else {
            writes.values.push((key.clone(), Some(value)));
        }
    }
    writes.guards.push((key, revision(found.last.as_ref())));
    if writes.values.is_empty() && writes.tombstone.is_none() {
        return Change::None(result);
    }
    Change::Write(result, writes)
}

/// The records that differ.
fn records(wanted: &Wanted, found: &Found, keys: &Keyspace) -> (Writes, DesiredResult) {
    let mut writes = Writes::default();
    let all: BTreeSet<&Key> = wanted.records.keys().chain(found.records.keys()).collect();
    for key in all {
        let text = keys.text(key);
        let present = found.records.get(key);
        writes.guards.push((text.clone(), revision(present)));
        match (wanted.records.get(key), present) {
            (Some(record), Some(present)) if equals(record, &present.value) => {}
            (Some(record), _) => {
                let value = record.to_string().into_bytes();
                writes.values.push((text, Some(value)));
            }
            (None, _) => writes.values.push((text, None)),
        }
    }
    let result = match (found.records.is_empty(), wanted.records.is_empty()) {
        (true, true) => DesiredResult::Absent,
        (true, false) => DesiredResult::Created,
        (false, true) => DesiredResult::Deleted,
        (false, false) if writes.values.is_empty() => DesiredResult::Unchanged,
        (false, false) => DesiredResult::Updated,
    };
    (writes, result)
}

/// The memberships that differ.
fn memberships(
    wanted: &Wanted,
    port: &PortId,
    found: &Found,
    keys: &Keyspace,
    writes: &mut Writes,
) {
    for group in concerned(wanted, found.records.values()) {
        let present = found.memberships.get(&group);
        let member = wanted.memberships.get(&group);
        let key = keys.text(&Key::GroupMember(group, port.clone()));
        writes.guards.push((key.clone(), revision(present)));
        match (member, present) {
            (None, None) => {}
            (Some(member), Some(present)) if says(&present.value, member) => {}
            (member, _) => {
                let value = member.map(|member| member.to_json().to_string().into_bytes());
                writes.values.push((key, value));
            }
        }
    }
}

/// What was written last; nothing if the key says something else.
fn last_written(present: Option<&Present>) -> Option<LastWritten> {
    serde_json::from_slice(&present?.value).ok()
}

fn revision(present: Option<&Present>) -> i64 {
    present.map_or(0, |present| present.mod_revision)
}

fn equals(record: &Value, bytes: &[u8]) -> bool {
    serde_json::from_slice::<Value>(bytes).is_ok_and(|stored| stored == *record)
}
