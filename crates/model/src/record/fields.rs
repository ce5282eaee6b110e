//! Reading a JSON object field by field, with errors that name the field.

use std::fmt;

use super::json::{Json, Object};

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
    pub(super) fn no_json(error: impl ToString) -> Self {
        Self::NoJson(error.to_string())
    }

    pub(super) fn field(field: impl ToString, reason: impl ToString) -> Self {
        Self::Field {
            field: field.to_string(),
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

/// Where in a record an element of a list stands, as errors name it: `fixed_ips[1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Empty for a record that is a list itself.
    list: &'a str,
    at: usize,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.list, self.at)
    }
}

/// The elements of a record that is a list, each with its place.
pub(super) fn elements<'a>(
    json: &'a Json<'a>,
) -> Result<impl Iterator<Item = (Place<'a>, &'a Json<'a>)>, InvalidRecord> {
    match json {
        Json::List(elements) => Ok(placed("", elements)),
        other => Err(InvalidRecord::NoList(other.kind())),
    }
}

fn placed<'a>(
    list: &'a str,
    elements: &'a [Json<'a>],
) -> impl Iterator<Item = (Place<'a>, &'a Json<'a>)> {
    let places = (0..).map(move |at| Place { list, at });
    places.zip(elements)
}

/// A JSON object that is being read: a record, or one of the objects in one of its lists. No record has
/// lists further within.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    within: Option<Place<'a>>,
    object: &'a Object<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(json: &'a Json<'a>) -> Result<Self, InvalidRecord> {
        match json {
            Json::Object(object) => Ok(Self {
                within: None,
                object,
            }),
            other => Err(InvalidRecord::NoObject(other.kind())),
        }
    }

    /// The field's value; absent and `null` are the same, as they are to Neutron's dictionaries.
    pub(super) fn get(&self, field: &str) -> Option<&'a Json<'a>> {
        let value = self.object.get(field);
        value.filter(|value| !matches!(value, Json::Null))
    }

    pub(super) fn optional_text(&self, field: &str) -> Result<Option<&'a str>, InvalidRecord> {
        match self.get(field) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
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
        let parsed = self.text(field)?.parse();
        parsed.map_err(|error: T::Err| self.wrong(field, error))
    }

    pub(super) fn optional_number(&self, field: &str) -> Result<Option<u32>, InvalidRecord> {
        let Some(value) = self.get(field) else {
            return Ok(None);
        };
        match value.whole() {
            Some(number) => Ok(Some(number)),
            None => Err(self.mistyped(field, "a whole number from 0 to 4294967295", value)),
        }
    }

    pub(super) fn boolean_or(&self, field: &str, default: bool) -> Result<bool, InvalidRecord> {
        match self.get(field) {
            None => Ok(default),
            Some(Json::Bool(value)) => Ok(*value),
            Some(other) => Err(self.mistyped(field, "true or false", other)),
        }
    }

    /// The elements of a list of the record, each with its place; absent is empty.
    pub(super) fn list(
        &self,
        field: &'a str,
    ) -> Result<impl Iterator<Item = (Place<'a>, &'a Json<'a>)> + use<'a>, InvalidRecord> {
        match self.get(field) {
            None => Ok(placed(field, &[])),
            Some(Json::List(elements)) => Ok(placed(field, elements)),
            Some(other) => Err(self.mistyped(field, "a list", other)),
        }
    }

    /// Reads each element of a list of objects.
    pub(super) fn objects<T>(
        &self,
        field: &'a str,
        read: impl Fn(&Fields<'a>) -> Result<T, InvalidRecord>,
    ) -> Result<Vec<T>, InvalidRecord> {
        let read = |(place, element): (Place<'a>, &'a Json<'a>)| match element {
            Json::Object(object) => read(&Fields {
                within: Some(place),
                object,
            }),
            other => Err(InvalidRecord::field(
                place,
                format!("an object is wanted, not {}", other.kind()),
            )),
        };
        let elements = self.list(field)?;
        // Room for all and no more: results that are collected are not counted before.
        let mut all = Vec::with_capacity(elements.size_hint().0);
        for element in elements.map(read) {
            all.push(element?);
        }
        Ok(all)
    }

    /// That the field has a wrong value, for this reason.
    pub(super) fn wrong(&self, field: &str, reason: impl ToString) -> InvalidRecord {
        match self.within {
            None => InvalidRecord::field(field, reason),
            Some(place) => InvalidRecord::field(format_args!("{place}.{field}"), reason),
        }
    }

    pub(super) fn missing(&self, field: &str) -> InvalidRecord {
        self.wrong(field, "is missing")
    }

    fn mistyped(&self, field: &str, wanted: &str, found: &Json<'_>) -> InvalidRecord {
        self.wrong(field, format!("{wanted} is wanted, not {}", found.kind()))
    }
}
