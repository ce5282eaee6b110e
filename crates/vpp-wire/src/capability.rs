//! Which releases of VPP have which of our messages: what a user needs to know if one is missing.
//!
//! The facts are a table beside this file, read from the `.api` files of nine releases.

#[cfg(test)]
mod tests;

use std::fmt;

use crate::message::Declared;

/// Lines of: `.api` file, message, CRC, first and last release with that CRC, all apart by tabs.
const RELEASES: &str = include_str!("capability/releases.tsv");

/// The releases that have a message with one CRC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Releases {
    /// Name of the `.api` file, which is mostly that of the plugin.
    pub api: &'static str,
    /// The oldest, such as `23.10`, which is also the oldest looked at.
    pub first: &'static str,
    /// The newest, such as `26.06`, which is also the newest looked at.
    pub last: &'static str,
}

/// A message that we need and that a server does not have. Display says what a person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The message.
    pub message: Declared,
    /// The CRC of the message by that name which the server does have, if it has one.
    pub found_crc: Option<u32>,
}

impl Missing {
    /// Where the message is to be found.
    pub fn releases(&self) -> Option<Releases> {
        RELEASES.lines().find_map(|line| {
            let mut columns = line.split('\t');
            let (api, name, crc) = (columns.next()?, columns.next()?, columns.next()?);
            let (first, last) = (columns.next()?, columns.next()?);
            let crc = u32::from_str_radix(crc, 16).ok()?;
            (name == self.message.name && crc == self.message.crc).then_some(Releases {
                api,
                first,
                last,
            })
        })
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Declared { name, crc, .. } = self.message;
        write!(f, "message {name} (CRC {crc:08x})")?;
        if let Some(Releases { first, last, .. }) = self.releases() {
            write!(f, " is in VPP {first} to {last};")?;
        }
        match (self.found_crc, self.releases()) {
            (Some(found), _) => write!(
                f,
                " this VPP has it with CRC {found:08x}, a layout that is not known here"
            ),
            (None, Some(Releases { api, .. })) => write!(
                f,
                " this VPP does not have it: is it another release, or is the plugin of {api}.api \
                 not loaded?"
            ),
            (None, None) => write!(f, " is not in this VPP"),
        }
    }
}

impl std::error::Error for Missing {}
