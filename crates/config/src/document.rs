//! A parsed file, the faults found in it so far, and which of its keys have been asked for.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{ConfigError, ConfigErrors};
use crate::table::{Entries, Table};
use crate::{path, position, suggest};

/// One configuration file while it is being read.
///
/// A file with broken syntax is read as far as it goes, so that its other faults are reported in
/// the same run.
#[derive(Debug)]
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: Spanned<DeTable<'t>>,
    /// Lines with broken syntax. What was salvaged there is a guess: no other fault is noted.
    broken: BTreeSet<usize>,
    errors: RefCell<Vec<ConfigError>>,
    /// Path of each table that was read → the keys that were asked for there.
    asked: RefCell<BTreeMap<String, BTreeSet<String>>>,
}

impl<'t> Document<'t> {
    /// Parses `text`; `file` is its name in messages.
    pub fn parse(file: impl Into<String>, text: &'t str) -> Self {
        let file = file.into();
        let (root, broken) = DeTable::parse_recoverable(text);
        let mut doc = Self {
            file,
            text,
            root,
            broken: BTreeSet::new(),
            errors: RefCell::default(),
            asked: RefCell::default(),
        };
        for error in broken {
            let span = error.span().unwrap_or_default();
            let offset = span.start;
            let mut message = format!("not valid TOML: {}", error.message().replace('\n', "; "));
            // The parser names what it trips over by place alone, a person looks for the word.
            if let Some(word) = text
                .get(span)
                .filter(|w| !w.trim().is_empty() && !w.contains('\n'))
            {
                message = format!("{message} (at `{word}`)");
            }
            let error = doc.error(offset, message);
            doc.broken.insert(error.line);
            doc.errors.borrow_mut().push(error);
        }
        doc
    }

    /// The table of the file's top-level keys.
    pub fn root(&self) -> Table<'_> {
        Table::new(self, Entries::Given(self.root.get_ref()), String::new(), 0)
    }

    /// Ends reading: the value of `build` if nothing was noted, else every fault of the file.
    ///
    /// `build` is called only if there is no fault, so each [`Field::required`](crate::Field::required)
    /// holds a value then and `?` in it never leaves.
    ///
    /// # Errors
    ///
    /// All faults noted, and every key that nobody asked for.
    pub fn finish<C>(self, build: impl FnOnce() -> Option<C>) -> Result<C, ConfigErrors> {
        self.note_unknown(self.root.get_ref(), "");
        if self.errors.borrow().is_empty() {
            if let Some(config) = build() {
                return Ok(config);
            }
            // Reached only by a reader that drops a value without noting a fault.
            self.note(0, "the configuration is not complete".to_owned());
        }
        Err(ConfigErrors::new(self.errors.into_inner()))
    }

    /// Notes a fault at byte `offset`, unless the line's syntax is broken anyway.
    pub(crate) fn note(&self, offset: usize, message: String) {
        let error = self.error(offset, message);
        if !self.broken.contains(&error.line) {
            self.errors.borrow_mut().push(error);
        }
    }

    /// Notes an absent key; not after a syntax error, which may be what hides it.
    pub(crate) fn note_missing(&self, offset: usize, message: String) {
        if self.broken.is_empty() {
            self.note(offset, message);
        }
    }

    /// Remembers that `key` of the table at `path` is known.
    pub(crate) fn ask(&self, path: &str, key: &str) {
        let mut asked = self.asked.borrow_mut();
        asked
            .entry(path.to_owned())
            .or_default()
            .insert(key.to_owned());
    }

    /// Remembers that the table at `path` was read, even if nothing of it is asked for.
    pub(crate) fn visit(&self, path: &str) {
        self.asked.borrow_mut().entry(path.to_owned()).or_default();
    }

    fn error(&self, offset: usize, message: String) -> ConfigError {
        let (line, column) = position::line_and_column(self.text, offset);
        ConfigError {
            file: self.file.clone(),
            line,
            column,
            message,
        }
    }

    /// Notes the keys of `table` that nobody asked for, and those of the tables within it that
    /// were read. A table that was not read is one unknown key, not many.
    fn note_unknown(&self, table: &DeTable<'_>, at: &str) {
        let asked = self.asked.borrow();
        let Some(known) = asked.get(at) else { return };
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            if known.contains(name) {
                self.note_unknown_below(value.get_ref(), &path::join(at, name));
                continue;
            }
            let place = if at.is_empty() {
                String::new()
            } else {
                format!(" in `{at}`")
            };
            let advice = match suggest::closest(name, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None if known.is_empty() => "nothing may stand here".to_owned(),
                None => {
                    let known: Vec<_> = known.iter().map(|key| format!("`{key}`")).collect();
                    format!("known here: {}", known.join(", "))
                }
            };
            let shown = path::join("", name);
            self.note(
                key.span().start,
                format!("unknown key `{shown}`{place}; {advice}"),
            );
        }
    }

    fn note_unknown_below(&self, value: &DeValue<'_>, at: &str) {
        match value {
            DeValue::Table(table) => self.note_unknown(table, at),
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.note_unknown_below(item.get_ref(), &path::item(at, index));
                }
            }
            _ => {}
        }
    }
}
