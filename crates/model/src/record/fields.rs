//! Reading a JSON object field by field, with errors that name the field.

use serde_json::{Map, Value};

/// Why a record cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRecord {
    /// It is no JSON at all.
    #[error("the record is no JSON: {0}")]
    NoJson(String),
    /// It is JSON, but not an object.
    #[error("the record is no JSON object but {0}")]
    NoObject(&'static str),
    /// It is JSON, but not a list, which is wanted here.
    #[error("the record is no JSON list but {0}")]
    NoList(&'static str),
    /// A field is missing or has a value that it must not have.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The field's name, with the position in lists: `fixed_ips[1].ip_address`.
        field: String,
        /// What is wrong with it and what is wanted.
        reason: String,
    },
}

impl InvalidRecord {
    pub(super) fn field(field: impl Into<String>, reason: impl ToString) -> Self {
        Self::Field {
            field: field.into(),
            reason: reason.to_string(),
        }
    }

    /// The field at fault, if it is one field's fault.
    pub fn field_name(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::NoJson(_) | Self::NoObject(_) | Self::NoList(_) => None,
        }
    }
}

/// The JSON of a record.
pub(super) fn json(bytes: &[u8]) -> Result<Value, InvalidRecord> {
    serde_json::from_slice(bytes).map_err(|error| InvalidRecord::NoJson(error.to_string()))
}

/// The elements of a record that is a list, each with its name for errors.
pub(super) fn elements(value: &Value) -> Result<Vec<(String, &Value)>, InvalidRecord> {
    match value {
        Value::Array(elements) => Ok(named("", elements)),
        other => Err(InvalidRecord::NoList(kind(other))),
    }
}

fn named<'a>(list: &str, elements: &'a [Value]) -> Vec<(String, &'a Value)> {
    let named = elements.iter().enumerate();
    named
        .map(|(at, element)| (format!("{list}[{at}]"), element))
        .collect()
}

/// A JSON object that is being read. `path` is what stands before a field's name in errors.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    path: String,
    object: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(value: &'a Value) -> Result<Self, InvalidRecord> {
        match value {
            Value::Object(object) => Ok(Self {
                path: String::new(),
                object,
            }),
            other => Err(InvalidRecord::NoObject(kind(other))),
        }
    }

    pub(super) fn path(&self, field: &str) -> String {
        format!("{}{field}", self.path)
    }

    /// The field's value; absent and `null` are the same, as they are to Neutron's dictionaries.
    pub(super) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    pub(super) fn optional_text(&self, field: &str) -> Result<Option<&'a str>, InvalidRecord> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.mistyped(field, "a text", other)),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<&'a str, InvalidRecord> {
        self.optional_text(field)?
            .ok_or_else(|| self.missing(field))
    }

    /// A text that is parsed into `T`.
    pub(super) fn parsed<T>(&self, field: &str) -> Result<T, InvalidRecord>
    where
        T: std::str::FromStr<Err: ToString>,
    {
        self.text(field)?
            .parse()
            .map_err(|error: T::Err| InvalidRecord::field(self.path(field), error))
    }

    pub(super) fn optional_number(&self, field: &str) -> Result<Option<u32>, InvalidRecord> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        match value.as_u64().map(u32::try_from) {
            Some(Ok(number)) => Ok(Some(number)),
            _ => Err(self.mistyped(field, "a whole number from 0 to 4294967295", value)),
        }
    }

    pub(super) fn boolean_or(&self, field: &str, default: bool) -> Result<bool, InvalidRecord> {
        match self.get(field) {
            None => Ok(default),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => Err(self.mistyped(field, "true or false", other)),
        }
    }

    /// The elements of a list, each with its name for errors; absent is empty.
    pub(super) fn list(&self, field: &str) -> Result<Vec<(String, &'a Value)>, InvalidRecord> {
        match self.get(field) {
            None => Ok(Vec::new()),
            Some(Value::Array(elements)) => Ok(named(&self.path(field), elements)),
            Some(other) => Err(self.mistyped(field, "a list", other)),
        }
    }

    /// The elements of a list of objects.
    pub(super) fn objects(&self, field: &str) -> Result<Vec<Fields<'a>>, InvalidRecord> {
        self.list(field)?
            .into_iter()
            .map(|(name, element)| match element {
                Value::Object(object) => Ok(Fields {
                    path: format!("{name}."),
                    object,
                }),
                other => Err(InvalidRecord::field(
                    name,
                    format!("an object is wanted, not {}", kind(other)),
                )),
            })
            .collect()
    }

    /// That the field has a wrong value, for this reason.
    pub(super) fn wrong(&self, field: &str, reason: impl ToString) -> InvalidRecord {
        InvalidRecord::field(self.path(field), reason)
    }

    pub(super) fn missing(&self, field: &str) -> InvalidRecord {
        InvalidRecord::field(self.path(field), "is missing")
    }

    fn mistyped(&self, field: &str, wanted: &str, found: &Value) -> InvalidRecord {
        InvalidRecord::field(
            self.path(field),
            format!("{wanted} is wanted, not {}", kind(found)),
        )
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
