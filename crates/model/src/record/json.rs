//! JSON as it stands in a record: texts are borrowed from it unless they have escapes, so that reading
//! a record copies only what is kept of it.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::fields::InvalidRecord;

/// The fields for which an object has room from the start: as many as a port has, which is the record
/// that there is most of.
const FIELDS: usize = 12;

/// A value of JSON.
#[derive(Clone, Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// A number without fraction and exponent. All that JSON's readers take for such fit.
    Whole(i128),
    /// Any other number; no record has one.
    Fraction,
    Text(Cow<'a, str>),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// An object; of fields with one name the last one counts.
#[derive(Clone, Debug)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Json<'a> {
    /// Reads a record.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, InvalidRecord> {
        let text = str::from_utf8(bytes).map_err(InvalidRecord::no_json)?;
        serde_json::from_str(text).map_err(InvalidRecord::no_json)
    }

    /// The same of what was read before.
    pub(super) fn of_value(value: &'a Value) -> Result<Self, InvalidRecord> {
        Self::deserialize(value).map_err(InvalidRecord::no_json)
    }

    /// The whole number that this is, if `T` can hold it.
    pub(super) fn whole<T: TryFrom<i128>>(&self) -> Option<T> {
        match self {
            Self::Whole(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    /// What kind of value this is, for people.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Whole(_) | Self::Fraction => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'a> Object<'a> {
    pub(super) fn get(&self, field: &str) -> Option<&Json<'a>> {
        let mut fields = self.0.iter().rev();
        fields.find_map(|(name, value)| (name == field).then_some(value))
    }
}

impl<'de> Deserialize<'de> for Json<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Json<'de>, E> {
        Ok(Json::Whole(number.into()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Json<'de>, E> {
        Ok(Json::Fraction)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json<'de>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Json<'de>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = elements.next_element()? {
            list.push(element);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json<'de>, A::Error> {
        let mut object = Vec::with_capacity(FIELDS);
        while let Some((Name(name), value)) = fields.next_entry()? {
            object.push((name, value));
        }
        Ok(Json::Object(Object(object)))
    }
}

/// The name of a field. `Cow` by itself would never borrow.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
