//! From a file's networks and ports to records of the store.

use std::collections::{HashMap, hash_map};

use serde_json::{Map, Value, json};
use weft_model::{HostName, InvalidRecord, Mac, NetworkSegment, PortBinding, PortId};

use super::entry::{Entry, text};
use super::lines::Lines;
use super::{Fault, NetFiles, WantedGroup, WantedPort, group, mac};

/// Fields of the record of an overlay network.
const FLOODING: [&str; 2] = ["flood", "unknown_unicast_flood"];

/// The fields that say what a network is.
const NETWORK: [&str; 4] = ["network_type", "physnet", "segmentation_id", "mtu"];

/// The fields of a port that go into its record as they are.
const RECORD: [&str; 4] = [
    "security_groups",
    "port_security_enabled",
    "device_id",
    "binding_type",
];

/// The lists of a file, in the order in which they need each other.
const LISTS: [&str; 4] = ["networks", "address_groups", "security_groups", "ports"];

/// What a network's ports inherit; `None` if the network is faulty, which is told once.
pub(super) type Network = Option<Map<String, Value>>;

/// Where a port stands, for what is found out later.
#[derive(Debug)]
pub(super) struct Place {
    file: String,
    line: Option<usize>,
    position: usize,
    segment: NetworkSegment,
    mac: Mac,
    /// The file says none.
    is_mac_made: bool,
}

/// Adds what a document says to `files`.
pub(super) fn resolve(files: &mut NetFiles, file: &str, document: &Value, lines: &Lines) {
    let empty = Map::new();
    let root = match document {
        Value::Object(root) => root,
        Value::Null => &empty,
        _ => {
            let message = "`networks:`, `ports:` and the like are wanted at the top".to_owned();
            files.faults.push(Fault {
                file: file.to_owned(),
                line: Some(1),
                message,
            });
            return;
        }
    };
    for name in root.keys().filter(|name| !LISTS.contains(&name.as_str())) {
        let message = format!("`{name}` is not known; known are: {}", LISTS.join(", "));
        files.faults.push(Fault {
            file: file.to_owned(),
            line: None,
            message,
        });
    }
    for list in LISTS {
        let entries = match root.get(list) {
            None | Some(Value::Null) => continue,
            Some(Value::Array(entries)) => entries,
            Some(_) => {
                let message = format!("`{list}` must be a list: its entries begin with `- `");
                files.faults.push(Fault {
                    file: file.to_owned(),
                    line: None,
                    message,
                });
                continue;
            }
        };
        for (position, entry) in entries.iter().enumerate() {
            let Value::Object(object) = entry else {
                let line = lines.find(list, position, "");
                let message = format!("{list}[{position}]: fields are wanted, as in `name: value`");
                files.faults.push(Fault {
                    file: file.to_owned(),
                    line,
                    message,
                });
                continue;
            };
            let entry = Entry {
                files,
                file,
                list,
                position,
                object,
                lines,
            };
            match list {
                "networks" => network(entry),
                "address_groups" => group::address_group(entry),
                "security_groups" => group::security_group(entry),
                _ => port(entry),
            }
        }
    }
}

fn network(mut entry: Entry<'_>) {
    let mut known = vec!["name"];
    known.extend(NETWORK);
    known.extend(FLOODING);
    entry.only(&known);
    let Some(name) = entry.required::<String>("name") else {
        return;
    };
    if entry.files.networks.iter().any(|(known, _)| *known == name) {
        entry.refuse("name", format!("there is a network `{name}` already"));
        return;
    }
    let fields = inherited(entry.object);
    let network = match check(&fields) {
        Ok(segment) => {
            flooding(&mut entry, &segment);
            Some(fields)
        }
        Err(error) => {
            refuse_record(&mut entry, &error);
            None
        }
    };
    entry.files.networks.push((name, network));
}

/// What an entry says of how its network floods becomes that network's record.
fn flooding(entry: &mut Entry<'_>, segment: &NetworkSegment) {
    let is_said = |field: &&str| entry.get(field).is_some();
    let Some(first) = FLOODING.into_iter().find(is_said) else {
        return;
    };
    if segment.overlay().is_none() {
        let reason = format!("is for networks of type gpe and vxlan; this one is {segment}");
        return entry.refuse(first, reason);
    }
    let given: Map<String, Value> = FLOODING
        .into_iter()
        .filter_map(|field| Some((field.to_owned(), entry.get(field)?.clone())))
        .collect();
    let record = match weft_model::Network::from_json(&Value::Object(given)) {
        Ok(network) => network.to_json(),
        Err(error) => return refuse_record(entry, &error),
    };
    let id = segment.to_string();
    entry.files.wanted.networks.push(WantedGroup { id, record });
}

/// Those fields of an entry that say what a network is.
fn inherited(object: &Map<String, Value>) -> Map<String, Value> {
    let has = |name: &&str| object.get(*name).filter(|value| !value.is_null());
    NETWORK
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), has(name)?.clone())))
        .collect()
}

/// The network, if a port could be on it.
fn check(network: &Map<String, Value>) -> Result<NetworkSegment, InvalidRecord> {
    let mut record = network.clone();
    record.insert("mac_address".to_owned(), json!("02:00:00:00:00:01"));
    record.insert("binding_type".to_owned(), json!("tap"));
    let binding = PortBinding::from_json(&Value::Object(record))?;
    Ok(binding.segment)
}

fn port(mut entry: Entry<'_>) {
    let mut known = vec!["id", "host", "network", "mac_address", "fixed_ips"];
    known.extend(NETWORK);
    known.push("allowed_address_pairs");
    known.extend(RECORD);
    entry.only(&known);
    let id = entry.required::<PortId>("id");
    let host = entry.required::<HostName>("host");
    let network = network_of(&mut entry);
    let (Some(id), Some(host), Some(mut record)) = (id, host, network) else {
        return;
    };

    let is_mac_made = entry.get("mac_address").is_none();
    let mac = match entry.get("mac_address") {
        Some(mac) => mac.clone(),
        None => json!(mac::of(&id)),
    };
    record.insert("mac_address".to_owned(), mac);
    record.insert("binding_type".to_owned(), json!("tap"));
    for field in RECORD {
        if let Some(value) = entry.get(field) {
            record.insert(field.to_owned(), value.clone());
        }
    }
    for field in ["fixed_ips", "allowed_address_pairs"] {
        if let Some(ips) = entry.get(field) {
            record.insert(field.to_owned(), addresses(ips));
        }
    }
    let binding = match PortBinding::from_json(&Value::Object(record)) {
        Ok(binding) => binding,
        Err(error) => return refuse_record(&mut entry, &error),
    };
    let at = entry.files.wanted.ports.len();
    let earlier = match entry.files.index.entry((host.clone(), id.clone())) {
        hash_map::Entry::Vacant(vacant) => {
            vacant.insert(at);
            None
        }
        hash_map::Entry::Occupied(earlier) => entry.files.places.get(*earlier.get()),
    };
    if let Some(place) = earlier {
        let there = place
            .line
            .map_or(String::new(), |line| format!(" (line {line})"));
        let reason = format!(
            "port `{id}` on host `{host}` stands already in {}{there}",
            place.file
        );
        entry.refuse("id", reason);
        return;
    }
    let place = Place {
        file: entry.file.to_owned(),
        line: entry.lines.find("ports", entry.position, "mac_address"),
        position: entry.position,
        segment: binding.segment.clone(),
        mac: binding.mac,
        is_mac_made,
    };
    let port = WantedPort {
        host,
        id,
        record: binding.to_json(),
    };
    entry.files.wanted.ports.push(port);
    entry.files.places.push(place);
}

/// What a port's network is: that which it names, or what it says itself.
fn network_of(entry: &mut Entry<'_>) -> Network {
    let own = inherited(entry.object);
    if entry.get("network").is_none() {
        if own.is_empty() {
            let reason = "is missing: name one of `networks`, or say `network_type`, `physnet` and \
                          `segmentation_id` here";
            entry.refuse("network", reason);
            return None;
        }
        return Some(own);
    }
    let name: String = entry.required("network")?;
    if let Some(field) = NETWORK.into_iter().find(|field| own.contains_key(*field)) {
        let reason =
            format!("contradicts `network: {name}`, which says it already; keep one of both");
        entry.refuse(field, reason);
        return None;
    }
    let found = entry
        .files
        .networks
        .iter()
        .find(|(known, _)| *known == name);
    if let Some((_, network)) = found {
        return network.clone();
    }
    let known: Vec<&str> = entry
        .files
        .networks
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let known = if known.is_empty() {
        "none".to_owned()
    } else {
        known.join(", ")
    };
    entry.refuse(
        "network",
        format!("there is no network `{name}`; there are: {known}"),
    );
    None
}

/// Addresses may stand alone, or with what else is known of them.
fn addresses(value: &Value) -> Value {
    let one = |value: &Value| match text(value) {
        Some(address) => json!({"ip_address": address}),
        None => value.clone(),
    };
    match value {
        Value::Array(ips) => ips.iter().map(one).collect(),
        other => other.clone(),
    }
}

fn refuse_record(entry: &mut Entry<'_>, error: &InvalidRecord) {
    match error {
        InvalidRecord::Field { field, reason } => entry.refuse(field, reason),
        other => entry.refuse("id", other),
    }
}

/// Two ports with one MAC address on one network cannot both work.
pub(super) fn check_macs(files: &mut NetFiles) {
    let mut seen: HashMap<(&NetworkSegment, Mac), &PortId> = HashMap::new();
    let mut faults = Vec::new();
    for (port, place) in files.wanted.ports.iter().zip(&files.places) {
        let other = seen.insert((&place.segment, place.mac), &port.id);
        // One port on two hosts is one that migrates.
        if let Some(other) = other.filter(|other| **other != port.id) {
            let advice = if place.is_mac_made {
                "; give this one a `mac_address`"
            } else {
                ""
            };
            faults.push(Fault {
                file: place.file.clone(),
                line: place.line,
                message: format!(
                    "ports[{}].mac_address: port `{other}` has {} on the same network, {}{advice}",
                    place.position, place.mac, place.segment
                ),
            });
        }
    }
    files.faults.extend(faults);
}
