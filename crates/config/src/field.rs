//! What was found at one key: nothing, a good value, or a fault that is noted already.

use std::fmt::Display;

use crate::document::Document;

/// The outcome for one key. Say what its absence means: [`required`](Field::required),
/// [`optional`](Field::optional) or [`or`](Field::or) a default.
#[derive(Debug)]
#[must_use = "say whether the key is `required`, `optional` or has a default (`or`)"]
pub struct Field<'d, T> {
    doc: &'d Document<'d>,
    found: Found<T>,
}

#[derive(Debug)]
enum Found<T> {
    /// The file has no such key. What to say, and where, if it is required.
    Absent { offset: usize, message: String },
    /// The fault is noted.
    Refused,
    /// A good value, where it stands and the name of its key.
    Given {
        offset: usize,
        name: String,
        value: T,
    },
}

impl<'d, T> Field<'d, T> {
    pub(crate) fn absent(doc: &'d Document<'d>, offset: usize, message: String) -> Self {
        Self {
            doc,
            found: Found::Absent { offset, message },
        }
    }

    pub(crate) fn refused(doc: &'d Document<'d>) -> Self {
        Self {
            doc,
            found: Found::Refused,
        }
    }

    pub(crate) fn given(doc: &'d Document<'d>, offset: usize, name: String, value: T) -> Self {
        Self {
            doc,
            found: Found::Given {
                offset,
                name,
                value,
            },
        }
    }

    /// The value. Absence is a fault; `None` means that a fault is noted.
    pub fn required(self) -> Option<T> {
        match self.found {
            Found::Given { value, .. } => Some(value),
            Found::Refused => None,
            Found::Absent { offset, message } => {
                self.doc.note_missing(offset, message);
                None
            }
        }
    }

    /// The value if the file has a good one.
    pub fn optional(self) -> Option<T> {
        match self.found {
            Found::Given { value, .. } => Some(value),
            Found::Refused | Found::Absent { .. } => None,
        }
    }

    /// The value, or `default` if the file does not give one.
    pub fn or(self, default: T) -> T {
        self.optional().unwrap_or(default)
    }

    /// Converts further; what `convert` refuses is a fault at the value.
    pub fn try_map<U, E: Display>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Field<'d, U> {
        let doc = self.doc;
        let found = match self.found {
            Found::Absent { offset, message } => Found::Absent { offset, message },
            Found::Refused => Found::Refused,
            Found::Given {
                offset,
                name,
                value,
            } => match convert(value) {
                Ok(value) => Found::Given {
                    offset,
                    name,
                    value,
                },
                Err(error) => {
                    doc.note(offset, format!("`{name}`: {error}"));
                    Found::Refused
                }
            },
        };
        Field { doc, found }
    }
}
