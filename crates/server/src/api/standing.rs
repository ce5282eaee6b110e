//! Reading what the store has of ports before they are written: [`Found`].
//!
//! Where else a port is wanted is known to the overview, which is a moment behind; so it is waited
//! for until it has seen all that was read. Should it not get there, everything is read.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{HostName, Key, PortBinding, PortId};
use weft_store::{KeyValue, Part, Snapshot};

use super::error::ErrorDetail;
use super::{App, read};
use crate::membership::{Found, Place, Present, concerned};
use crate::record::Record;

/// On which hosts ports are wanted.
type Hosts = BTreeMap<PortId, BTreeSet<HostName>>;

/// The records of ports, and of all ports of the hosts `whole`.
pub(crate) async fn records(
    app: &App,
    places: &[Place],
    whole: &BTreeSet<HostName>,
) -> Result<BTreeMap<Place, Present>, ErrorDetail> {
    let single = places.iter().filter(|(host, _)| !whole.contains(host));
    let single = single.map(|(host, port)| key(app, &Key::Port(host.clone(), port.clone())));
    let whole = whole
        .iter()
        .map(|host| Part::Prefix(app.keys.ports_of(host)));
    let snapshot = read_parts(app, single.chain(whole).collect()).await?;
    let records = read::records(&app.keys, &snapshot);
    Ok(records
        .filter_map(|(key, kv)| match key {
            Key::Port(host, port) => Some(((host, port), present(kv))),
            _ => None,
        })
        .collect())
}

/// What the store has of the ports that shall be as `wanted` says, given their `records`.
pub(crate) async fn complete(
    app: &App,
    wanted: &[(Place, Option<&Record<PortBinding>>)],
    mut records: BTreeMap<Place, Present>,
) -> Result<BTreeMap<Place, Found>, ErrorDetail> {
    let newest = records.values().map(|present| present.mod_revision).max();
    let mut found = BTreeMap::new();
    let mut with_groups = BTreeMap::new();
    for (place, record) in wanted {
        let present = records.remove(place);
        let groups = concerned(present.as_ref(), *record);
        if !groups.is_empty() {
            with_groups.insert(place.clone(), groups);
        }
        let standing = Found {
            record: present,
            ..Found::default()
        };
        found.insert(place.clone(), standing);
    }
    if with_groups.is_empty() {
        return Ok(found);
    }
    let ports: BTreeSet<PortId> = with_groups.keys().map(|(_, port)| port.clone()).collect();
    let mut hosts = hosts_of(app, &ports, newest.unwrap_or(0)).await?;
    loop {
        let elsewhere = hosts.iter().flat_map(|(port, hosts)| {
            let key_of = |host: &HostName| Key::Port(host.clone(), port.clone());
            hosts.iter().map(key_of)
        });
        let memberships = with_groups.iter().flat_map(|((_, port), groups)| {
            let key_of = |group| Key::GroupMember(group, port.clone());
            groups.iter().cloned().map(key_of)
        });
        let parts = elsewhere.chain(memberships).map(|k| key(app, &k)).collect();
        let snapshot = read_parts(app, parts).await?;
        let newest = snapshot.kvs.iter().map(|kv| kv.mod_revision).max();
        // Whoever has written a membership meanwhile may have done it for another host.
        let again = hosts_of(app, &ports, newest.unwrap_or(0)).await?;
        if again == hosts {
            add(app, &mut found, &snapshot);
            return Ok(found);
        }
        hosts = again;
    }
}

/// Adds the records on other hosts and the memberships to those of whom they are.
fn add(app: &App, found: &mut BTreeMap<Place, Found>, snapshot: &Snapshot) {
    let mut elsewhere = BTreeMap::<PortId, BTreeMap<HostName, Present>>::new();
    let mut memberships = BTreeMap::<PortId, BTreeMap<_, Present>>::new();
    for (key, kv) in read::records(&app.keys, snapshot) {
        match key {
            Key::Port(host, port) => {
                elsewhere.entry(port).or_default().insert(host, present(kv));
            }
            Key::GroupMember(group, port) => {
                memberships
                    .entry(port)
                    .or_default()
                    .insert(group, present(kv));
            }
            _ => {}
        }
    }
    for ((host, port), standing) in found {
        standing.elsewhere = elsewhere.get(port).cloned().unwrap_or_default();
        standing.elsewhere.remove(host);
        standing.memberships = memberships.get(port).cloned().unwrap_or_default();
    }
}

/// On which hosts `ports` are wanted, at revision `at` or later.
async fn hosts_of(app: &App, ports: &BTreeSet<PortId>, at: i64) -> Result<Hosts, ErrorDetail> {
    if app.overviews.reach(at).await {
        return Ok(app.overviews.hosts_of(ports));
    }
    let snapshot = app.store.range(&app.keys.nodes()).await?;
    let mut hosts = Hosts::new();
    for (key, _) in read::records(&app.keys, &snapshot) {
        if let Key::Port(host, port) = key
            && ports.contains(&port)
        {
            hosts.entry(port).or_default().insert(host);
        }
    }
    Ok(hosts)
}

async fn read_parts(app: &App, parts: Vec<Part>) -> Result<Snapshot, ErrorDetail> {
    if parts.is_empty() {
        return Ok(Snapshot {
            revision: 0,
            kvs: Vec::new(),
        });
    }
    Ok(app.store.read(&parts).await?)
}

fn key(app: &App, key: &Key) -> Part {
    Part::Key(app.keys.text(key))
}

fn present(kv: &KeyValue) -> Present {
    Present {
        mod_revision: kv.mod_revision,
        value: kv.value.to_vec(),
    }
}
