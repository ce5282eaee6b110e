//! A resource as a request wants it, checked.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, HostName, Key, PortBinding, PortId, Resource,
    RevisionNumber, SecurityGroup, SecurityGroupId,
};

use super::request::DesiredItem;
use crate::api::ErrorDetail;
use crate::membership::addresses;
use crate::record::{Content, Record};

/// What shall be of a resource.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wanted {
    /// Which.
    pub(crate) resource: Resource,
    /// The number of this state.
    pub(crate) number: RevisionNumber,
    /// All of its records that shall be, in their normal form.
    pub(crate) records: BTreeMap<Key, Value>,
    /// Of a port: what it brings into its groups.
    pub(crate) memberships: BTreeMap<SecurityGroupId, GroupMember>,
}

impl Wanted {
    /// Checks what a request says.
    pub(crate) fn of(item: &DesiredItem) -> Result<Self, ErrorDetail> {
        match item {
            DesiredItem::Port {
                id,
                revision_number,
                hosts,
            } => Self::port(id, *revision_number, hosts),
            DesiredItem::SecurityGroup {
                id,
                revision_number,
                record,
            } => {
                let id: SecurityGroupId = ErrorDetail::parse("id", id)?;
                let key = Key::SecurityGroup(id.clone());
                let resource = Resource::SecurityGroup(id);
                Self::group::<SecurityGroup>(resource, *revision_number, key, record)
            }
            DesiredItem::AddressGroup {
                id,
                revision_number,
                record,
            } => {
                let id: AddressGroupId = ErrorDetail::parse("id", id)?;
                let key = Key::AddressGroup(id.clone());
                let resource = Resource::AddressGroup(id);
                Self::group::<AddressGroup>(resource, *revision_number, key, record)
            }
        }
    }

    fn port(id: &str, number: u64, hosts: &BTreeMap<String, Value>) -> Result<Self, ErrorDetail> {
        let port: PortId = ErrorDetail::parse("id", id)?;
        let mut records = BTreeMap::new();
        let mut groups = BTreeMap::<SecurityGroupId, Vec<GroupMember>>::new();
        for (host, record) in hosts {
            let host = ErrorDetail::parse("hosts", host)?;
            let record = Record::<PortBinding>::from_json(record.clone())?;
            for group in &record.content.security_groups {
                let members = groups.entry(group.clone()).or_default();
                members.push(GroupMember::of(&record.content));
            }
            records.insert(Key::Port(host, port.clone()), record.value);
        }
        let member = |(group, members)| (group, addresses(members));
        Ok(Self {
            resource: Resource::Port(port),
            number: RevisionNumber::new(number),
            records,
            memberships: groups.into_iter().map(member).collect(),
        })
    }

    /// A group; null is no record.
    fn group<T: Content>(
        resource: Resource,
        number: u64,
        key: Key,
        record: &Value,
    ) -> Result<Self, ErrorDetail> {
        let mut records = BTreeMap::new();
        if !record.is_null() {
            records.insert(key, Record::<T>::from_json(record.clone())?.value);
        }
        Ok(Self {
            resource,
            number: RevisionNumber::new(number),
            records,
            memberships: BTreeMap::new(),
        })
    }

    /// The hosts that shall have a record of the port.
    pub(crate) fn hosts(&self) -> BTreeSet<HostName> {
        let host = |key: &Key| match key {
            Key::Port(host, _) => Some(host.clone()),
            _ => None,
        };
        self.records.keys().filter_map(host).collect()
    }
}
