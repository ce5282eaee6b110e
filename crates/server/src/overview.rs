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

use std::collections::{BTreeMap, BTreeSet, HashMap};

use weft_model::{
    AddressGroupId, Condition, ConditionKind, HostName, Key, Mac, NetworkSegment, PhysnetName,
    PortId, SecurityGroupId, decode_port,
};

pub(crate) use follow::{Overviews, follow};
pub use warning::{Warning, WarningCode};

use crate::membership::Place;
use crate::view::UNREPORTED;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Overview {
    ports: HashMap<Place, Port>,
    /// Which ports are wanted with a MAC address on a network. More than one is a conflict,
    /// unless it is one port on two hosts: that is how a virtual machine migrates.
    stations: HashMap<(NetworkSegment, Mac), BTreeSet<Place>>,
    /// On which hosts a port is wanted.
    hosts: HashMap<PortId, BTreeSet<HostName>>,
    security_groups: BTreeSet<SecurityGroupId>,
    address_groups: BTreeSet<AddressGroupId>,
    alive: BTreeSet<HostName>,
    physnets: HashMap<HostName, BTreeSet<PhysnetName>>,
    /// Ports wanted, by the word of their status.
    statuses: BTreeMap<&'static str, i64>,
}

#[derive(Debug, Default)]
struct Port {
    /// Whether there is a record, be it valid or not.
    wanted: bool,
    /// Where the record places it, if it is valid.
    station: Option<(NetworkSegment, Mac)>,
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
                let binding = value.and_then(|bytes| decode_port(bytes).ok());
                let (station, groups) = binding
                    .map(|b| ((b.segment, b.mac), b.security_groups))
                    .unzip();
                self.update(place, |port| {
                    port.wanted = value.is_some();
                    port.station = station;
                    port.groups = groups.unwrap_or_default();
                });
            }
            Key::Condition(host, ConditionKind::Port, id) => {
                let Ok(port) = PortId::new(id) else { return };
                let condition = value.and_then(|bytes| Condition::from_json(bytes).ok());
                let status = condition.map(|condition| condition.status.word());
                self.update((host, port), |port| port.status = status);
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

    /// Changes a port's entry and every count and index that it is part of.
    fn update(&mut self, place: Place, change: impl FnOnce(&mut Port)) {
        let mut port = self.ports.remove(&place).unwrap_or_default();
        self.count(&port, -1);
        if let Some(station) = &port.station
            && let Some(places) = self.stations.get_mut(station)
        {
            places.remove(&place);
            if places.is_empty() {
                self.stations.remove(station);
            }
        }
        if let Some(hosts) = self.hosts.get_mut(&place.1) {
            hosts.remove(&place.0);
            if hosts.is_empty() {
                self.hosts.remove(&place.1);
            }
        }
        change(&mut port);
        self.count(&port, 1);
        if port.wanted {
            let (host, port) = place.clone();
            self.hosts.entry(port).or_default().insert(host);
        }
        if let Some(station) = &port.station {
            self.stations
                .entry(station.clone())
                .or_default()
                .insert(place.clone());
        }
        if port.wanted || port.status.is_some() {
            self.ports.insert(place, port);
        }
    }

    fn count(&mut self, port: &Port, step: i64) {
        if port.wanted {
            *self
                .statuses
                .entry(port.status.unwrap_or(UNREPORTED))
                .or_default() += step;
        }
    }

    /// Ports other than `port` itself that use `mac` on `segment`.
    fn rivals<'a>(
        &'a self,
        port: &'a PortId,
        segment: &NetworkSegment,
        mac: Mac,
    ) -> impl Iterator<Item = &'a Place> {
        let places = self.stations.get(&(segment.clone(), mac));
        places
            .into_iter()
            .flatten()
            .filter(move |(_, other)| other != port)
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
        let of = |port: &PortId| Some((port.clone(), self.hosts.get(port)?.clone()));
        ports.iter().filter_map(of).collect()
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
