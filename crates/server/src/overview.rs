//! The cloud at a glance: what the server keeps in memory of the whole store.
//!
//! Only what must be known of *all* records to answer about one: who else uses a MAC address on a
//! network, where else a port is, which groups there are, which hosts live, how many ports have which
//! status. Everything else is read from the store when it is asked for, so replies about a record
//! are never stale. The overview follows the store by a watch and may be a moment behind; nothing
//! is refused because of it. What the watch brings is worked in when somebody looks (`deferred`).

mod deferred;
mod follow;
mod lull;
mod warning;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

use foldhash::fast::RandomState;
use weft_model::{
    AddressGroupId, Condition, ConditionKind, HostName, Key, Mac, NetworkSegment, PhysnetName,
    PortId, SecurityGroupId, decode_port,
};

pub(crate) use follow::{Overviews, follow};
pub use warning::{Warning, WarningCode};

use crate::membership::Place;
use crate::view::UNREPORTED;

/// Looked up by keys that others write, and listed in no order.
type Table<K, V> = HashMap<K, V, RandomState>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    ports: Table<Place, Port>,
    /// Which ports are wanted with a MAC address on a network. More than one is a conflict,
    /// unless it is one port on two hosts: that is how a virtual machine migrates.
    stations: Table<Station, Vec<Place>>,
    /// On which hosts a port is wanted: nearly always one.
    hosts: Table<PortId, Vec<HostName>>,
    security_groups: BTreeSet<SecurityGroupId>,
    address_groups: BTreeSet<AddressGroupId>,
    alive: BTreeSet<HostName>,
    physnets: Table<HostName, BTreeSet<PhysnetName>>,
    /// Ports wanted, by the word of their status.
    statuses: BTreeMap<&'static str, i64>,
}

/// A MAC address on a network.
type Station = (NetworkSegment, Mac);

/// A port on a host.
#[derive(Debug, Default)]
struct Port {
    /// Whether there is a record, be it valid or not.
    wanted: bool,
    /// Where the record places it, if it is valid.
    station: Option<Station>,
    /// The groups that the record names, if it is valid.
    groups: Vec<SecurityGroupId>,
    /// The word of its condition.
    status: Option<&'static str>,
}

/// The cloud in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Revision up to which the store has been followed.
    pub(crate) revision: i64,
    /// Whether the store is being followed at this moment.
    pub(crate) connected: bool,
    /// Hosts whose agent lives.
    pub(crate) hosts_alive: i64,
    /// Ports wanted, by status; a status once seen stays, so that its count can be seen to be 0.
    pub(crate) ports: BTreeMap<&'static str, i64>,
    /// Security groups that there are.
    pub(crate) security_groups: i64,
    /// Address groups that there are.
    pub(crate) address_groups: i64,
}

impl Overview {
    /// Takes over one record: `value` is what it says now, `None` that it has ended.
    pub(crate) fn apply(&mut self, key: Key, value: Option<&[u8]>) {
        match key {
            Key::Port(host, port) => {
                let place = (host, port);
                let wanted = value.is_some();
                let binding = value.and_then(|bytes| decode_port(bytes).ok());
                let (station, groups) = binding
                    .map(|b| ((b.segment, b.mac), b.security_groups))
                    .unzip();
                let before = self.update(&place, |port| Port {
                    wanted: std::mem::replace(&mut port.wanted, wanted),
                    station: std::mem::replace(&mut port.station, station.clone()),
                    groups: std::mem::replace(&mut port.groups, groups.unwrap_or_default()),
                    status: port.status,
                });
                if before.wanted != wanted {
                    let (host, port) = place.clone();
                    list(&mut self.hosts, port, host, wanted);
                }
                if before.station != station {
                    if let Some(station) = before.station {
                        list(&mut self.stations, station, place.clone(), false);
                    }
                    if let Some(station) = station {
                        list(&mut self.stations, station, place, true);
                    }
                }
            }
            Key::Condition(host, ConditionKind::Port, id) => {
                let Ok(port) = PortId::new(id) else { return };
                let condition = value.and_then(|bytes| Condition::from_json(bytes).ok());
                let status = condition.map(|condition| condition.status.word());
                self.update(&(host, port), |port| port.status = status);
            }
            Key::Alive(host) => {
                if value.is_some() {
                    self.alive.insert(host);
                } else {
                    self.alive.remove(&host);
                }
            }
            Key::Physnet(host, physnet) => {
                let physnets = self.physnets.entry(host.clone()).or_default();
                if value.is_some() {
                    physnets.insert(physnet);
                } else {
                    physnets.remove(&physnet);
                }
                if physnets.is_empty() {
                    self.physnets.remove(&host);
                }
            }
            Key::SecurityGroup(group) => keep(&mut self.security_groups, group, value.is_some()),
            Key::AddressGroup(group) => keep(&mut self.address_groups, group, value.is_some()),
            Key::PortState(..)
            | Key::GroupMember(..)
            | Key::Network(_)
            | Key::MacAdvertisement(..)
            | Key::Condition(
                _,
                ConditionKind::Physnet | ConditionKind::SecurityGroup | ConditionKind::Network,
                _,
            ) => {}
        }
    }

    /// Changes what is known of a port, and the count that it is part of.
    fn update<T>(&mut self, place: &Place, change: impl FnOnce(&mut Port) -> T) -> T {
        let port = self.ports.entry(place.clone()).or_default();
        let before = port.counted();
        let result = change(port);
        let after = port.counted();
        if !port.wanted && port.status.is_none() {
            self.ports.remove(place);
        }
        if before != after {
            for (word, step) in [(before, -1), (after, 1)] {
                if let Some(word) = word {
                    *self.statuses.entry(word).or_default() += step;
                }
            }
        }
        result
    }

    /// Ports other than `port` itself that use `mac` on `segment`, in order.
    fn rivals(&self, port: &PortId, segment: &NetworkSegment, mac: Mac) -> BTreeSet<&Place> {
        let places = self.stations.get(&(segment.clone(), mac));
        let places = places.into_iter().flatten();
        places.filter(|(_, other)| other != port).collect()
    }

    /// The numbers, as of `revision`.
    fn totals(&self, revision: i64, connected: bool) -> Totals {
        Totals {
            revision,
            connected,
            hosts_alive: i64::try_from(self.alive.len()).unwrap_or(i64::MAX),
            ports: self.statuses.clone(),
            security_groups: i64::try_from(self.security_groups.len()).unwrap_or(i64::MAX),
            address_groups: i64::try_from(self.address_groups.len()).unwrap_or(i64::MAX),
        }
    }

    /// On which hosts ports are wanted; those that are wanted nowhere are left out.
    fn hosts_of(&self, ports: &BTreeSet<PortId>) -> BTreeMap<PortId, BTreeSet<HostName>> {
        let of = |port: &PortId| {
            let hosts = self.hosts.get(port)?.iter().cloned();
            Some((port.clone(), hosts.collect()))
        };
        ports.iter().filter_map(of).collect()
    }
}

impl Port {
    /// The status that it is counted under; none if it is not wanted.
    fn counted(&self) -> Option<&'static str> {
        self.wanted.then(|| self.status.unwrap_or(UNREPORTED))
    }
}

/// Makes the list of `key` hold something that it did not, or no longer hold what it did.
fn list<K: Hash + Eq, T: PartialEq>(lists: &mut Table<K, Vec<T>>, key: K, item: T, present: bool) {
    match lists.entry(key) {
        Entry::Vacant(entry) if present => drop(entry.insert(vec![item])),
        Entry::Vacant(_) => {}
        Entry::Occupied(mut entry) if present => entry.get_mut().push(item),
        Entry::Occupied(mut entry) => {
            entry.get_mut().retain(|other| *other != item);
            if entry.get().is_empty() {
                entry.remove();
            }
        }
    }
}

/// Makes a set hold something, or not.
fn keep<T: Ord>(set: &mut BTreeSet<T>, item: T, present: bool) {
    if present {
        set.insert(item);
    } else {
        set.remove(&item);
    }
}

#[cfg(test)]
mod tests;
