//! Texts and lists of texts.

use std::fmt::Display;
use std::str::FromStr;

use toml::Spanned;
use toml::de::DeValue;

use crate::document::Document;
use crate::path;
use crate::table::wrong_type;

/// Converts one text.
pub(crate) fn text<T>(name: &str, value: &DeValue<'_>) -> Result<T, String>
where
    T: FromStr<Err: Display>,
{
    let DeValue::String(text) = value else {
        return Err(wrong_type(name, "a text in quotes", value));
    };
    if text.is_empty() {
        return Err(format!(
            "`{name}` is empty; give it a value or leave it out"
        ));
    }
    text.parse()
        .map_err(|error| format!("`{name}` cannot be {text:?}: {error}"))
}

/// Converts a list of texts; notes each item's fault at the item.
pub(crate) fn texts<T>(
    doc: &Document<'_>,
    name: &str,
    value: &Spanned<DeValue<'_>>,
) -> Option<Vec<T>>
where
    T: FromStr<Err: Display>,
{
    let DeValue::Array(items) = value.get_ref() else {
        doc.note(
            value.span().start,
            wrong_type(name, "a list of texts", value.get_ref()),
        );
        return None;
    };
    let mut converted = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match text(&path::item(name, index), item.get_ref()) {
            Ok(value) => converted.push(value),
            Err(message) => doc.note(item.span().start, message),
        }
    }
    (converted.len() == items.len()).then_some(converted)
}
