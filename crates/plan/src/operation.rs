//! One step of a plan, and what became of it.

use std::fmt;
use std::sync::Arc;

use crate::object::{Object, ObjectKey};

/// One step: an object is made, changed in place, or removed. It shares its objects with what is wanted and
/// with what is observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make it.
    Create(Arc<Object>),
    /// Change it without taking it away.
    Update {
        /// As it is.
        from: Arc<Object>,
        /// As it shall be; it has the same key.
        to: Arc<Object>,
    },
    /// Remove it.
    Delete(Arc<Object>),
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// VPP confirmed all of it.
    Done,
    /// VPP refused a part of it.
    Refused {
        /// Why, in words for a person: which message, which error.
        reason: String,
        /// What is there now: nothing, or an object that may be half of what was wanted.
        left: Option<Arc<Object>>,
    },
}

impl Operation {
    /// The key of the object.
    pub fn key(&self) -> ObjectKey {
        self.object().key()
    }

    /// The object as it shall be; `None` if it is removed.
    pub fn made(&self) -> Option<&Arc<Object>> {
        match self {
            Self::Create(object) | Self::Update { to: object, .. } => Some(object),
            Self::Delete(_) => None,
        }
    }

    /// The object as it shall be, or as it was if it is removed.
    pub fn object(&self) -> &Object {
        match self {
            Self::Create(object) | Self::Update { to: object, .. } | Self::Delete(object) => object,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(object) => write!(f, "+ {object}"),
            Self::Update { from, to } => write!(f, "~ {to} (was {})", value(from)),
            Self::Delete(object) => write!(f, "- {object}"),
        }
    }
}

/// The text of an object without its key.
fn value(object: &Object) -> String {
    let text = object.to_string();
    match text.split_once(": ") {
        Some((_, value)) => value.to_owned(),
        None => text,
    }
}
