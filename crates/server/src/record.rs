//! Records on their way into the store: checked, in one normal form, and compared.
//!
//! The normal form has every field that Weft knows, written out, and whatever further fields the
//! caller gave, so that a writer newer than this server loses nothing. Two requests that mean the
//! same have the same normal form, and a write that changes nothing can be told and left out.

use serde_json::Value;
use weft_model::{AddressGroup, InvalidRecord, Network, PortBinding, SecurityGroup};

use crate::api::{ErrorCode, ErrorDetail, RecordName};

/// Largest record that is taken, in bytes. Far above any port's, and far enough below etcd's
/// limit of 1.5 MiB on a request that many go into one transaction.
pub(crate) const MAX_RECORD_BYTES: usize = 64 * 1024;

/// Largest record of a group that is taken, in bytes: thousands of rules, tens of thousands of
/// addresses; below etcd's limit of 1.5 MiB on a request.
const MAX_GROUP_BYTES: usize = 1024 * 1024;

/// Security groups that a port may be in at most. All memberships that it leaves and enters are
/// written with its record in one transaction, which etcd limits to 128 operations.
const MAX_GROUPS_OF_PORT: usize = 60;

/// A port record that can be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    /// What it says.
    pub(crate) binding: PortBinding,
    /// Its normal form.
    pub(crate) value: Value,
    /// Fields that Weft does not know.
    pub(crate) unknown: Vec<String>,
}

/// The record of a security group, of an address group or of a network that can be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupRecord<T> {
    /// What it says.
    pub(crate) content: T,
    /// Its normal form.
    pub(crate) value: Value,
    /// Fields that Weft does not know.
    pub(crate) unknown: Vec<String>,
}

impl Record {
    /// Reads a request's body.
    pub(crate) fn from_bytes(body: &[u8]) -> Result<Self, ErrorDetail> {
        Self::from_json(json(body, RecordName::Port)?)
    }

    /// Checks `value` and brings it into the normal form.
    pub(crate) fn from_json(value: Value) -> Result<Self, ErrorDetail> {
        let invalid = |error| ErrorDetail::invalid(error, RecordName::Port);
        let binding = PortBinding::from_json(&value).map_err(invalid)?;
        let groups = binding.security_groups.len();
        if groups > MAX_GROUPS_OF_PORT {
            return Err(invalid(InvalidRecord::Field {
                field: "security_groups".to_owned(),
                reason: format!("{groups} groups are named; a port may be in {MAX_GROUPS_OF_PORT}"),
            }));
        }
        let mut normal = binding.to_json();
        let mut unknown = Vec::new();
        keep_unknown(&mut normal, value, "", &mut unknown);
        let record = Self {
            binding,
            value: normal,
            unknown,
        };
        check_size(&record.to_bytes(), MAX_RECORD_BYTES)?;
        Ok(record)
    }

    /// What is written into the store.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.value.to_string().into_bytes()
    }

    /// Whether the store's `bytes` say the same, down to the fields that Weft does not know.
    pub(crate) fn equals(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Value>(bytes).is_ok_and(|stored| stored == self.value)
    }
}

impl GroupRecord<SecurityGroup> {
    /// Reads a request's body.
    pub(crate) fn security_group(body: &[u8]) -> Result<Self, ErrorDetail> {
        Self::from_json(json(body, RecordName::SecurityGroup)?)
    }

    /// Checks `given` and brings it into the normal form.
    pub(crate) fn from_json(given: Value) -> Result<Self, ErrorDetail> {
        let content = SecurityGroup::from_json(&given)
            .map_err(|error| ErrorDetail::invalid(error, RecordName::SecurityGroup))?;
        let normal = content.to_json();
        Self::new(content, normal, given)
    }
}

impl GroupRecord<AddressGroup> {
    /// Reads a request's body.
    pub(crate) fn address_group(body: &[u8]) -> Result<Self, ErrorDetail> {
        Self::from_json(json(body, RecordName::AddressGroup)?)
    }

    /// Checks `given` and brings it into the normal form.
    pub(crate) fn from_json(given: Value) -> Result<Self, ErrorDetail> {
        let content = AddressGroup::from_json(&given)
            .map_err(|error| ErrorDetail::invalid(error, RecordName::AddressGroup))?;
        let normal = content.to_json();
        Self::new(content, normal, given)
    }
}

impl GroupRecord<Network> {
    /// Reads a request's body.
    pub(crate) fn network(body: &[u8]) -> Result<Self, ErrorDetail> {
        let given = json(body, RecordName::Network)?;
        let content = Network::from_json(&given)
            .map_err(|error| ErrorDetail::invalid(error, RecordName::Network))?;
        Self::new(content, content.to_json(), given)
    }
}

impl<T> GroupRecord<T> {
    fn new(content: T, mut normal: Value, given: Value) -> Result<Self, ErrorDetail> {
        let mut unknown = Vec::new();
        keep_unknown(&mut normal, given, "", &mut unknown);
        let record = Self {
            content,
            value: normal,
            unknown,
        };
        check_size(&record.to_bytes(), MAX_GROUP_BYTES)?;
        Ok(record)
    }

    /// What is written into the store.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.value.to_string().into_bytes()
    }

    /// Whether the store's `bytes` say the same, down to the fields that Weft does not know.
    pub(crate) fn equals(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Value>(bytes).is_ok_and(|stored| stored == self.value)
    }
}

fn json(body: &[u8], name: RecordName) -> Result<Value, ErrorDetail> {
    serde_json::from_slice(body)
        .map_err(|error| ErrorDetail::invalid(InvalidRecord::NoJson(error.to_string()), name))
}

fn check_size(bytes: &[u8], most: usize) -> Result<(), ErrorDetail> {
    let size = bytes.len();
    if size > most {
        let message = format!("the record has {size} bytes; {most} are taken");
        return Err(ErrorDetail::new(ErrorCode::TooLarge, message));
    }
    Ok(())
}

/// Adds to `normal` the fields that only `given` has, at any depth, and lists their names. Null
/// is the absence of a field, be it known or not.
fn keep_unknown(normal: &mut Value, given: Value, path: &str, unknown: &mut Vec<String>) {
    match (normal, given) {
        (Value::Object(normal), Value::Object(given)) => {
            for (field, value) in given {
                let name = if path.is_empty() {
                    field.clone()
                } else {
                    format!("{path}.{field}")
                };
                if let Some(known) = normal.get_mut(&field) {
                    keep_unknown(known, value, &name, unknown);
                } else if !value.is_null() {
                    unknown.push(name);
                    normal.insert(field, value);
                }
            }
        }
        (Value::Array(normal), Value::Array(given)) => {
            for (at, (normal, given)) in normal.iter_mut().zip(given).enumerate() {
                keep_unknown(normal, given, &format!("{path}[{at}]"), unknown);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sample() -> Value {
        json!({"mac_address": "FA:16:3E:03:CE:FF", "physnet": "p", "network_type": "vlan",
               "segmentation_id": 194, "binding_type": "plugtap"})
    }

    #[test]
    fn the_normal_form_has_every_field_and_those_of_the_future() {
        let mut given = sample();
        given["trunk"] = json!({"later": "than us"});
        given["fixed_ips"] = json!([{"ip_address": "10.0.0.2", "preferred": true}]);
        let record = Record::from_json(given).unwrap();
        assert_eq!(record.value["mac_address"], "fa:16:3e:03:ce:ff");
        assert_eq!(record.value["binding_type"], "tap");
        assert_eq!(record.value["mtu"], 1500);
        assert_eq!(record.value["trunk"]["later"], "than us");
        assert_eq!(record.value["fixed_ips"][0]["preferred"], true);
        assert_eq!(record.unknown, ["fixed_ips[0].preferred", "trunk"]);
        assert!(record.equals(&record.to_bytes()));
        assert_eq!(
            Record::from_bytes(&record.to_bytes()).unwrap(),
            record,
            "it is its own form"
        );
    }

    #[test]
    fn what_differs_is_told_apart() {
        let record = Record::from_json(sample()).unwrap();
        let mut other = sample();
        other["mtu"] = json!(9000);
        assert!(!record.equals(&Record::from_json(other).unwrap().to_bytes()));
        assert!(!record.equals(b"no JSON"));
    }

    #[test]
    fn a_record_beyond_all_reason_is_refused() {
        let mut given = sample();
        given["device_id"] = json!("x".repeat(MAX_RECORD_BYTES));
        assert_eq!(
            Record::from_json(given).unwrap_err().code,
            ErrorCode::TooLarge
        );
    }
}
