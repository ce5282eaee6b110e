//! The YAML file of `weft apply`: networks, ports and groups, as a person writes them.
//!
//! Networks exist only in the file: a port's record in the store says itself what its network is,
//! so the file is resolved to port records here. An overlay network of which the file says how it floods
//! has a record of its own, too. Everything that is wrong in a file is found and
//! told at once, with its line.
//!
//! ```yaml
//! networks:
//!   - name: blue
//!     network_type: vlan        # or flat, gpe, vxlan
//!     physnet: physnet1         # flat and vlan only
//!     segmentation_id: 100      # the VLAN, or the VNI
//!     mtu: 1500                 # 1500 if absent
//!     flood: false              # gpe and vxlan only; true if absent, as is unknown_unicast_flood
//! ports:
//!   - id: web-1
//!     host: host-a
//!     network: blue             # or network_type, physnet, segmentation_id and mtu right here
//!     mac_address: fa:16:3e:00:00:01   # made from the id if absent
//!     fixed_ips: [10.0.0.1]
//!     binding_type: vhostuser   # tap if absent
//!     security_groups: [web]
//! ```
//!
//! Security groups and address groups are described in `group.rs`.

mod entry;
mod group;
mod lines;
mod mac;
mod resolve;

use std::collections::HashMap;
use std::fmt;

use serde_json::Value;
use weft_model::{HostName, PortId};

/// A port as the store shall have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WantedPort {
    pub(crate) host: HostName,
    pub(crate) id: PortId,
    /// The record, valid.
    pub(crate) record: Value,
}

/// A security group, an address group or an overlay network as the store shall have it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WantedGroup {
    pub(crate) id: String,
    /// The record, valid.
    pub(crate) record: Value,
}

/// What files say.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Wanted {
    /// Overlay networks, by segment, of which something is said.
    pub(crate) networks: Vec<WantedGroup>,
    pub(crate) address_groups: Vec<WantedGroup>,
    pub(crate) security_groups: Vec<WantedGroup>,
    pub(crate) ports: Vec<WantedPort>,
}

/// One fault of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The file, as the user named it.
    file: String,
    /// Line, counted from 1, where it could be found out.
    line: Option<usize>,
    /// Where and what: ``ports[1].mac_address: …``.
    message: String,
}

/// Files whose ports and groups are to be.
#[derive(Debug, Default)]
pub(crate) struct NetFiles {
    wanted: Wanted,
    /// Where each of the ports stands.
    places: Vec<resolve::Place>,
    /// Where in the ports a port of a host is.
    index: HashMap<(HostName, PortId), usize>,
    networks: Vec<(String, resolve::Network)>,
    faults: Vec<Fault>,
}

impl NetFiles {
    /// Adds the text of the file called `file`. Networks of earlier files are known to it.
    pub(crate) fn add(&mut self, file: &str, text: &str) {
        match parse(text) {
            Ok(document) => {
                let places = lines::Lines::of(text);
                resolve::resolve(self, file, &document, &places);
            }
            Err(error) => {
                let line = error.location().map(|location| location.line());
                // The message ends with the place, which stands in front already.
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                let message = format!("this is no YAML: {message}");
                self.faults.push(Fault {
                    file: file.to_owned(),
                    line,
                    message,
                });
            }
        }
    }

    /// What all files say, or everything that is wrong with them.
    pub(crate) fn finish(mut self) -> Result<Wanted, Vec<Fault>> {
        resolve::check_macs(&mut self);
        if self.faults.is_empty() {
            Ok(self.wanted)
        } else {
            Err(self.faults)
        }
    }
}

/// Reads YAML. Told by its own values, a field that stands twice is an error, and `<<` is known.
fn parse(text: &str) -> Result<Value, serde_yaml_ng::Error> {
    let mut document: serde_yaml_ng::Value = serde_yaml_ng::from_str(text)?;
    document.apply_merge()?;
    serde_yaml_ng::from_value(document)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

#[cfg(test)]
mod tests;
