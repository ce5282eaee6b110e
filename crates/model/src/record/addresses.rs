//! Lists of addresses: `global/remote_group/{group}/{port}` and `global/address_groups/{group}`.

use serde_json::{Value, json};

use super::fields::{self, Fields, InvalidRecord, Place};
use super::json::Json;
use super::port::PortBinding;
use crate::ip_prefix::IpPrefix;

/// The addresses of one member of a security group: what rules that name the group speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMember {
    /// Addresses and prefixes, as the record has them.
    pub addresses: Vec<IpPrefix>,
}

/// The addresses of an address group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressGroup {
    /// Addresses and prefixes, as the record has them.
    pub addresses: Vec<IpPrefix>,
}

/// Reads the value of `global/remote_group/{group}/{port}`.
pub fn decode_group_member(bytes: &[u8]) -> Result<GroupMember, InvalidRecord> {
    GroupMember::read(&Json::of(bytes)?)
}

/// Reads the value of `global/address_groups/{group}`.
pub fn decode_address_group(bytes: &[u8]) -> Result<AddressGroup, InvalidRecord> {
    AddressGroup::read(&Json::of(bytes)?)
}

impl GroupMember {
    /// What a port brings into each of its groups: its fixed addresses and its allowed address
    /// pairs, each once.
    pub fn of(port: &PortBinding) -> Self {
        let fixed = port.fixed_ips.iter().map(|ip| ip.ip_address.into());
        let pairs = port
            .allowed_address_pairs
            .iter()
            .map(|pair| pair.ip_address);
        let mut addresses: Vec<IpPrefix> = fixed.chain(pairs).collect();
        addresses.sort_unstable();
        addresses.dedup();
        Self { addresses }
    }

    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        Self::read(&Json::of_value(value)?)
    }

    fn read(json: &Json<'_>) -> Result<Self, InvalidRecord> {
        let addresses = fields::elements(json)?
            .map(prefix)
            .collect::<Result<_, _>>()?;
        Ok(Self { addresses })
    }

    /// Writes the record as JSON, in networking-vpp's layout.
    pub fn to_json(&self) -> Value {
        json!(self.addresses)
    }
}

impl AddressGroup {
    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        Self::read(&Json::of_value(value)?)
    }

    fn read(json: &Json<'_>) -> Result<Self, InvalidRecord> {
        let addresses = Fields::of(json)?.list("addresses")?;
        let addresses = addresses.map(prefix).collect::<Result<_, _>>()?;
        Ok(Self { addresses })
    }

    /// Writes the record as JSON.
    pub fn to_json(&self) -> Value {
        json!({ "addresses": self.addresses })
    }
}

fn prefix((place, element): (Place<'_>, &Json<'_>)) -> Result<IpPrefix, InvalidRecord> {
    match element {
        Json::Text(text) => text
            .parse()
            .map_err(|error| InvalidRecord::field(place, error)),
        _ => Err(InvalidRecord::field(
            place,
            "the text of an address or prefix is wanted",
        )),
    }
}
