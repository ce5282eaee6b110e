//! A table of the file: the accessors, one for each kind of value.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::document::Document;
use crate::field::Field;
use crate::{duration, list, path};

/// A table of a [`Document`]: the file itself, a `[section]` or an inline table.
///
/// Each accessor makes its key known; whatever is not asked for is a fault at the end.
#[derive(Debug, Clone)]
pub struct Table<'d> {
    doc: &'d Document<'d>,
    entries: Entries<'d>,
    path: String,
    /// Byte offset of the table's header, where absent keys are reported.
    offset: usize,
}

/// What stands where a table is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entries<'d> {
    /// Nothing: the file leaves the section out.
    Absent,
    /// Something else, which has been noted, so that its missing keys are no faults.
    Refused,
    /// A table.
    Given(&'d DeTable<'d>),
}

impl<'d> Table<'d> {
    pub(crate) fn new(
        doc: &'d Document<'d>,
        entries: Entries<'d>,
        path: String,
        offset: usize,
    ) -> Self {
        doc.visit(&path);
        Self {
            doc,
            entries,
            path,
            offset,
        }
    }

    /// A text, converted by its type's [`FromStr`], whose error becomes the message.
    ///
    /// An empty text is refused: a key that shall have no value is left out.
    pub fn text<T>(&self, key: &str) -> Field<'d, T>
    where
        T: FromStr<Err: Display>,
    {
        self.field(key, "\"…\"", |name, value| list::text(name, value))
    }

    /// A list of texts; the fault of each item is reported at the item.
    pub fn texts<T>(&self, key: &str) -> Field<'d, Vec<T>>
    where
        T: FromStr<Err: Display>,
    {
        let name = path::join(&self.path, key);
        self.located(key, "[\"…\"]", |value| {
            list::texts(self.doc, &name, value)
        })
    }

    /// A whole number within `range`.
    pub fn number<T>(&self, key: &str, range: RangeInclusive<T>) -> Field<'d, T>
    where
        T: TryFrom<i128> + PartialOrd + Display,
    {
        let example = range.start().to_string();
        self.field(key, &example, |name, value| {
            let DeValue::Integer(integer) = value else {
                return Err(wrong_type(name, "a whole number", value));
            };
            i128::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .and_then(|number| T::try_from(number).ok())
                .filter(|number| range.contains(number))
                .ok_or_else(|| {
                    let (from, to) = (range.start(), range.end());
                    format!("`{name}` must be {from} to {to}, not {integer}")
                })
        })
    }

    /// `true` or `false`.
    pub fn flag(&self, key: &str) -> Field<'d, bool> {
        self.field(key, "true", |name, value| {
            value
                .as_bool()
                .ok_or_else(|| wrong_type(name, "true or false", value))
        })
    }

    /// A duration within `range`: a text of a whole number and a unit, `500ms`, `5s`, `2m`, `1h`.
    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Field<'d, Duration> {
        let example = format!("{:?}", duration::show(*range.start()));
        self.field(key, &example, |name, value| {
            let DeValue::String(text) = value else {
                return Err(wrong_type(name, "a duration such as \"5s\"", value));
            };
            let given = duration::parse(text).ok_or_else(|| {
                format!(
                    "`{name}` must be a whole number of ms, s, m or h such as \"5s\", not {text:?}"
                )
            })?;
            if range.contains(&given) {
                return Ok(given);
            }
            let (from, to) = (duration::show(*range.start()), duration::show(*range.end()));
            Err(format!(
                "`{name}` must be {from} to {to}, not {}",
                duration::show(given)
            ))
        })
    }

    /// The table at `key`, or `None` if the file has none there.
    pub fn table(&self, key: &str) -> Option<Table<'d>> {
        self.contains(key).then(|| self.section(key))
    }

    /// The table at `key`, or an empty one, for a section whose keys all have defaults.
    #[must_use]
    pub fn section(&self, key: &str) -> Table<'d> {
        self.doc.ask(&self.path, key);
        let path = path::join(&self.path, key);
        let Some((offset, value)) = self.entry(key) else {
            return Table::new(self.doc, Entries::Absent, path, self.offset);
        };
        let entries = self.as_table(&path, value);
        Table::new(self.doc, entries, path, offset)
    }

    /// The tables within the table at `key`, by name, in the order of the file.
    ///
    /// A name that `N` refuses is reported, its table is left out.
    pub fn tables<N>(&self, key: &str) -> Vec<(N, Table<'d>)>
    where
        N: FromStr<Err: Display>,
    {
        let parent = self.section(key);
        let Entries::Given(entries) = parent.entries else {
            return Vec::new();
        };
        let mut names: Vec<_> = entries
            .keys()
            .map(|k| (k.span().start, k.get_ref()))
            .collect();
        names.sort();
        let mut tables = Vec::new();
        for (offset, name) in names {
            match name.parse() {
                Ok(parsed) => tables.push((parsed, parent.section(name))),
                Err(error) => {
                    // Known, but not read: its name is its one fault.
                    self.doc.ask(&parent.path, name);
                    let path = path::join(&parent.path, name);
                    self.doc.note(offset, format!("`{path}`: {error}"));
                }
            }
        }
        tables
    }

    /// The tables of the list at `key`, as `[[key]]` writes them.
    pub fn array(&self, key: &str) -> Vec<Table<'d>> {
        self.doc.ask(&self.path, key);
        let path = path::join(&self.path, key);
        let Some((_, value)) = self.entry(key) else {
            return Vec::new();
        };
        let DeValue::Array(items) = value.get_ref() else {
            let message = wrong_type(
                &path,
                &format!("a list of tables (`[[{path}]]`)"),
                value.get_ref(),
            );
            self.doc.note(value.span().start, message);
            return Vec::new();
        };
        let numbered = items.iter().enumerate();
        numbered
            .map(|(index, item)| {
                let path = path::item(&path, index);
                let entries = self.as_table(&path, item);
                Table::new(self.doc, entries, path, item.span().start)
            })
            .collect()
    }

    /// Whether the file has `key` here, with whatever value.
    pub fn contains(&self, key: &str) -> bool {
        self.doc.ask(&self.path, key);
        self.entry(key).is_some()
    }

    /// Notes a fault that only the caller can see, at the value of `key`, or at this table if the
    /// file does not have the key.
    pub fn refuse(&self, key: &str, message: impl Display) {
        let offset = match self.entry(key) {
            Some((_, value)) if !value.get_ref().is_table() => value.span().start,
            Some((offset, _)) => offset,
            None => self.offset,
        };
        self.doc.note(offset, message.to_string());
    }

    /// Offset of the key, and the value.
    fn entry(&self, key: &str) -> Option<(usize, &'d Spanned<DeValue<'d>>)> {
        let Entries::Given(entries) = self.entries else {
            return None;
        };
        let (name, value) = entries.get_key_value(key)?;
        Some((name.span().start, value))
    }

    fn as_table(&self, path: &str, value: &'d Spanned<DeValue<'d>>) -> Entries<'d> {
        if let Some(table) = value.get_ref().as_table() {
            return Entries::Given(table);
        }
        let wanted = format!("a table (`[{path}]`)");
        self.doc.note(
            value.span().start,
            wrong_type(path, &wanted, value.get_ref()),
        );
        Entries::Refused
    }

    /// A field whose conversion has one fault at most, which is reported at the value.
    fn field<T>(
        &self,
        key: &str,
        example: &str,
        convert: impl FnOnce(&str, &DeValue<'d>) -> Result<T, String>,
    ) -> Field<'d, T> {
        let name = path::join(&self.path, key);
        self.located(key, example, |value| {
            convert(&name, value.get_ref())
                .map_err(|message| self.doc.note(value.span().start, message))
                .ok()
        })
    }

    /// A field whose conversion notes its faults itself and yields `None` then.
    fn located<T>(
        &self,
        key: &str,
        example: &str,
        convert: impl FnOnce(&'d Spanned<DeValue<'d>>) -> Option<T>,
    ) -> Field<'d, T> {
        self.doc.ask(&self.path, key);
        let name = path::join(&self.path, key);
        if matches!(self.entries, Entries::Refused) {
            return Field::refused(self.doc);
        }
        let Some((_, value)) = self.entry(key) else {
            let place = if self.path.is_empty() {
                "the file".to_owned()
            } else {
                format!("`[{}]`", self.path)
            };
            let key = path::join("", key);
            let message = format!("`{name}` is missing; add `{key} = {example}` to {place}");
            return Field::absent(self.doc, self.offset, message);
        };
        match convert(value) {
            Some(converted) => Field::given(self.doc, value.span().start, name, converted),
            None => Field::refused(self.doc),
        }
    }
}

/// The message for a value of another type than `wanted`.
pub(crate) fn wrong_type(name: &str, wanted: &str, value: &DeValue<'_>) -> String {
    let article = if matches!(value, DeValue::Integer(_) | DeValue::Array(_)) {
        "an"
    } else {
        "a"
    };
    format!(
        "`{name}` must be {wanted}, not {article} {}",
        value.type_str()
    )
}
