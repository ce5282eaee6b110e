//! `global/networks/{type}/{vni}`: how a network forwards. It may be absent, and has defaults then.

use serde_json::{Value, json};

use super::fields::{Fields, InvalidRecord};
use super::json::Json;

/// How an overlay network forwards what it knows no single place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Whether broadcast and multicast reach every host of the network.
    pub flood: bool,
    /// Whether frames to a MAC address that nobody told of do.
    pub unknown_unicast_flood: bool,
}

/// Reads the value of `global/networks/{type}/{vni}`.
pub fn decode_network(bytes: &[u8]) -> Result<Network, InvalidRecord> {
    Network::read(&Json::of(bytes)?)
}

impl Network {
    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        Self::read(&Json::of_value(value)?)
    }

    fn read(json: &Json<'_>) -> Result<Self, InvalidRecord> {
        let fields = Fields::of(json)?;
        let default = Self::default();
        Ok(Self {
            flood: fields.boolean_or("flood", default.flood)?,
            unknown_unicast_flood: fields
                .boolean_or("unknown_unicast_flood", default.unknown_unicast_flood)?,
        })
    }

    /// Writes the record as JSON.
    pub fn to_json(&self) -> Value {
        json!({"flood": self.flood, "unknown_unicast_flood": self.unknown_unicast_flood})
    }
}

impl Default for Network {
    /// Everything reaches everybody, as on an Ethernet.
    fn default() -> Self {
        Self {
            flood: true,
            unknown_unicast_flood: true,
        }
    }
}
