//! Counting requests.

use std::collections::BTreeMap;
use std::fmt;

/// Requests by the name of their message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    counts: BTreeMap<String, u64>,
}

impl Tally {
    /// How many there were of that name.
    pub fn of(&self, message: &str) -> u64 {
        self.counts.get(message).copied().unwrap_or(0)
    }

    /// Those that change the dataplane.
    #[must_use]
    pub fn writes(&self) -> Self {
        let writes = self.counts.iter().filter(|(message, _)| !is_read(message));
        Self {
            counts: writes
                .map(|(message, count)| (message.clone(), *count))
                .collect(),
        }
    }

    /// How many there were altogether.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn add(&mut self, message: &str) {
        match self.counts.get_mut(message) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(message.to_owned(), 1)),
        }
    }
}

/// Whether a message only asks. What is not known to ask is taken for a write.
pub fn is_read(message: &str) -> bool {
    const ASKING: [&str; 6] = [
        "control_ping",
        "memclnt_keepalive",
        "memclnt_keepalive_reply",
        "sockclnt_create",
        "sockclnt_delete",
        "want_interface_events",
    ];
    message.ends_with("_dump")
        || message.ends_with("_get")
        || message.starts_with("show_")
        || ASKING.contains(&message)
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return f.write_str("none");
        }
        for (number, (message, count)) in self.counts.iter().enumerate() {
            let comma = if number == 0 { "" } else { ", " };
            write!(f, "{comma}{count} × {message}")?;
        }
        Ok(())
    }
}
