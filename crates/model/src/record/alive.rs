//! `state/{host}/alive`: the host's agent lives. That the key is there is the message; its value says
//! what the host can do, for clouds that bind ports and for people.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::socket_path::SocketDirectory;
use crate::status::Timestamp;

/// What an agent says of its host. What is not known is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Alive {
    /// The agent's release.
    pub version: Option<String>,
    /// Since when it runs.
    pub started_at: Option<Timestamp>,
    /// Neutron's types of the networks that it can connect ports to.
    pub network_types: Vec<String>,
    /// The host's underlay address, if it has one.
    pub underlay: Option<IpAddr>,
    /// The binding types that it serves.
    pub binding_types: Vec<String>,
    /// How virtual machines are connected.
    pub vhost_user: Option<VhostUserSockets>,
    /// The release of VPP, if VPP is connected.
    pub vpp: Option<String>,
}

/// How virtual machines are connected on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VhostUserSockets {
    /// Where the sockets are.
    pub directory: SocketDirectory,
    /// Which side VPP is: `client` or `server`.
    pub mode: String,
}

/// Reads the value of `state/{host}/alive`. networking-vpp's bare `1`, and whatever else does not say
/// more, is an agent of which nothing is known.
pub fn decode_alive(bytes: &[u8]) -> Alive {
    serde_json::from_slice(bytes).unwrap_or_default()
}
