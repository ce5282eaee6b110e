//! Records of ports, as a cloud would write them.

use serde_json::{Value, json};

/// The record of a port, to be altered before it is written.
#[derive(Clone, Debug)]
pub struct Port {
    record: Value,
}

impl Port {
    /// A port of the untagged network of `physnet1`. `number` makes its MAC address.
    pub fn flat(number: u8) -> Self {
        Self {
            record: json!({
                "mac_address": format!("fa:16:3e:00:00:{number:02x}"),
                "mtu": 1500,
                "physnet": "physnet1",
                "network_type": "flat",
                "segmentation_id": null,
                "binding_type": "tap",
                "fixed_ips": [],
                "allowed_address_pairs": [],
                "security_groups": [],
                "port_security_enabled": false,
            }),
        }
    }

    /// A port of a VLAN of `physnet1`.
    pub fn vlan(number: u8, vlan: u16) -> Self {
        Self::flat(number)
            .with("network_type", "vlan")
            .with("segmentation_id", vlan)
    }

    /// A port of [`crate::Station`] `number` in an overlay network, `vxlan` or `gpe`, with the station's
    /// addresses.
    pub fn overlay(number: u8, network_type: &str, vni: u32) -> Self {
        Self::flat(number)
            .with("physnet", Value::Null)
            .with("network_type", network_type)
            .with("segmentation_id", vni)
            .with("fixed_ips", fixed_ips(number))
    }

    /// A port of [`crate::Station`] `number` in a VLAN, in these groups: it has the station's
    /// addresses, and is secured where TAPs are.
    pub fn secured(number: u8, vlan: u16, groups: &[&str]) -> Self {
        Self::vlan(number, vlan)
            .with("port_security_enabled", true)
            .with("security_groups", groups.to_vec())
            .with("fixed_ips", fixed_ips(number))
    }

    /// The same with another value in one field.
    #[must_use]
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        if let Some(object) = self.record.as_object_mut() {
            object.insert(field.to_owned(), value.into());
        }
        self
    }

    /// The record's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.record.to_string().into_bytes()
    }
}

/// The addresses of a station.
fn fixed_ips(number: u8) -> Value {
    let addresses = [format!("10.0.0.{number}"), format!("fd00::{number:x}")];
    json!(addresses.map(|address| json!({"ip_address": address})))
}
