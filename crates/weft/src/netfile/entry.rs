//! One entry of a list of the file, read field by field; what is wrong is noted.

use serde_json::{Map, Value};

use super::lines::Lines;
use super::{Fault, NetFiles};

/// An entry that is being read.
pub(super) struct Entry<'a> {
    pub(super) files: &'a mut NetFiles,
    pub(super) file: &'a str,
    pub(super) list: &'static str,
    pub(super) position: usize,
    pub(super) object: &'a Map<String, Value>,
    pub(super) lines: &'a Lines,
}

impl Entry<'_> {
    /// Notes what is wrong with a field.
    pub(super) fn refuse(&mut self, field: &str, reason: impl ToString) {
        let fault = Fault {
            file: self.file.to_owned(),
            line: self.lines.find(self.list, self.position, field),
            message: format!(
                "{}[{}].{field}: {}",
                self.list,
                self.position,
                reason.to_string()
            ),
        };
        self.files.faults.push(fault);
    }

    /// Notes every field that is none of `known`.
    pub(super) fn only(&mut self, known: &[&str]) {
        for field in self
            .object
            .keys()
            .filter(|field| !known.contains(&field.as_str()))
        {
            self.refuse(
                field,
                format!("is not known; known are: {}", known.join(", ")),
            );
        }
    }

    /// A field's value; null is as absent.
    pub(super) fn get(&self, field: &str) -> Option<&Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// A text that must be there and be legal.
    pub(super) fn required<T>(&mut self, field: &str) -> Option<T>
    where
        T: std::str::FromStr<Err: std::fmt::Display>,
    {
        let Some(value) = self.get(field) else {
            self.refuse(field, "is missing");
            return None;
        };
        let Some(text) = text(value) else {
            self.refuse(field, "a text is wanted; put it in quotes");
            return None;
        };
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(field, error);
                None
            }
        }
    }
}

/// A text; YAML takes an unquoted `17` for a number, which is meant as a text here. Of a number with
/// a point it has forgotten how it was written.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}
