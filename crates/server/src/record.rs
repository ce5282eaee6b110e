//! Records on their way into the store: checked, in one normal form, and compared.
//!
//! The normal form has every field that Weft knows, written out, and whatever further fields the
//! caller gave, so that a writer newer than this server loses nothing. Two requests that mean the
//! same have the same normal form, and a write that changes nothing can be told and left out.

use serde_json::Value;
use weft_model::{AddressGroup, InvalidRecord, Network, PortBinding, SecurityGroup};

use crate::api::{ErrorCode, ErrorDetail, RecordName};

/// Security groups that a port may be in at most. All memberships that it leaves and enters are
/// written with its record in one transaction, which etcd limits to 128 operations.
const MAX_GROUPS_OF_PORT: usize = 60;

/// Largest record of a group that is taken, in bytes: thousands of rules, tens of thousands of
/// addresses; below etcd's limit of 1.5 MiB on a request.
const MAX_GROUP_BYTES: usize = 1024 * 1024;

/// What a record can say.
pub(crate) trait Content: Sized {
    /// What the record is of, for errors.
    const NAME: RecordName;

    /// Largest record that is taken, in bytes.
    const MAX_BYTES: usize;

    /// Checks what a request says.
    fn read(given: &Value) -> Result<Self, InvalidRecord>;

    /// The fields that Weft knows, all of them.
    fn write(&self) -> Value;
}

/// A record that can be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record<T> {
    /// What it says.
    pub(crate) content: T,
    /// Its normal form.
    pub(crate) value: Value,
    /// Fields that Weft does not know.
    pub(crate) unknown: Vec<String>,
}

impl Content for PortBinding {
    const NAME: RecordName = RecordName::Port;

    /// Far above any port's, and far enough below etcd's limit of 1.5 MiB on a request that many go
    /// into one transaction.
    const MAX_BYTES: usize = 64 * 1024;

    fn read(given: &Value) -> Result<Self, InvalidRecord> {
        let binding = Self::from_json(given)?;
        let groups = binding.security_groups.len();
        if groups > MAX_GROUPS_OF_PORT {
            return Err(InvalidRecord::Field {
                field: "security_groups".to_owned(),
                reason: format!("{groups} groups are named; a port may be in {MAX_GROUPS_OF_PORT}"),
            });
        }
        Ok(binding)
    }

    fn write(&self) -> Value {
        self.to_json()
    }
}

impl Content for SecurityGroup {
    const NAME: RecordName = RecordName::SecurityGroup;
    const MAX_BYTES: usize = MAX_GROUP_BYTES;

    fn read(given: &Value) -> Result<Self, InvalidRecord> {
        Self::from_json(given)
    }

    fn write(&self) -> Value {
        self.to_json()
    }
}

impl Content for AddressGroup {
    const NAME: RecordName = RecordName::AddressGroup;
    const MAX_BYTES: usize = MAX_GROUP_BYTES;

    fn read(given: &Value) -> Result<Self, InvalidRecord> {
        Self::from_json(given)
    }

    fn write(&self) -> Value {
        self.to_json()
    }
}

impl Content for Network {
    const NAME: RecordName = RecordName::Network;
    const MAX_BYTES: usize = MAX_GROUP_BYTES;

    fn read(given: &Value) -> Result<Self, InvalidRecord> {
        Self::from_json(given)
    }

    fn write(&self) -> Value {
        self.to_json()
    }
}

impl<T: Content> Record<T> {
    /// Reads a request's body.
    pub(crate) fn from_bytes(body: &[u8]) -> Result<Self, ErrorDetail> {
        let no_json = |error: serde_json::Error| InvalidRecord::NoJson(error.to_string());
        let given = serde_json::from_slice(body);
        Self::from_json(given.map_err(|error| ErrorDetail::invalid(no_json(error), T::NAME))?)
    }

    /// Checks `given` and brings it into the normal form.
    pub(crate) fn from_json(given: Value) -> Result<Self, ErrorDetail> {
        let content = T::read(&given).map_err(|error| ErrorDetail::invalid(error, T::NAME))?;
        let mut value = content.write();
        let mut unknown = Vec::new();
        keep_unknown(&mut value, given, "", &mut unknown);
        let record = Self {
            content,
            value,
            unknown,
        };
        let size = record.to_bytes().len();
        if size > T::MAX_BYTES {
            let message = format!("the record has {size} bytes; {} are taken", T::MAX_BYTES);
            return Err(ErrorDetail::new(ErrorCode::TooLarge, message));
        }
        Ok(record)
    }
}

impl<T> Record<T> {
    /// What is written into the store.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.value.to_string().into_bytes()
    }

    /// Whether the store's `bytes` say the same, down to the fields that Weft does not know.
    pub(crate) fn equals(&self, bytes: &[u8]) -> bool {
        serde_json::from_slice::<Value>(bytes).is_ok_and(|stored| stored == self.value)
    }
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
        let record = Record::<PortBinding>::from_json(given).unwrap();
        assert_eq!(record.value["mac_address"], "fa:16:3e:03:ce:ff");
        assert_eq!(record.value["binding_type"], "tap");
        assert_eq!(record.value["mtu"], 1500);
        assert_eq!(record.value["trunk"]["later"], "than us");
        assert_eq!(record.value["fixed_ips"][0]["preferred"], true);
        assert_eq!(record.unknown, ["fixed_ips[0].preferred", "trunk"]);
        assert!(record.equals(&record.to_bytes()));
        assert_eq!(
            Record::<PortBinding>::from_bytes(&record.to_bytes()).unwrap(),
            record,
            "it is its own form"
        );
    }

    #[test]
    fn what_differs_is_told_apart() {
        let record = Record::<PortBinding>::from_json(sample()).unwrap();
        let mut other = sample();
        other["mtu"] = json!(9000);
        assert!(!record.equals(&Record::<PortBinding>::from_json(other).unwrap().to_bytes()));
        assert!(!record.equals(b"no JSON"));
    }

    #[test]
    fn a_record_beyond_all_reason_is_refused() {
        let mut given = sample();
        given["device_id"] = json!("x".repeat(PortBinding::MAX_BYTES));
        assert_eq!(
            Record::<PortBinding>::from_json(given).unwrap_err().code,
            ErrorCode::TooLarge
        );
    }
}
