//! Why a port cannot be had.

use std::fmt;

/// Why a port cannot be had at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmet {
    /// It cannot be had as it is wanted, on this host.
    Refused(String),
    /// It waits for something that may come by itself.
    Waiting(String),
}

impl Unmet {
    /// In words for a person.
    pub fn reason(&self) -> &str {
        match self {
            Self::Refused(reason) | Self::Waiting(reason) => reason,
        }
    }
}

impl From<String> for Unmet {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
