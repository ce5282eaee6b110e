//! Message numbers. Each VPP process numbers its messages anew, by the plugins that it has loaded,
//! and tells a client the result once: a list of `name_crc` and number.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::capability::Missing;
use crate::message::{Declared, Message};
use crate::messages::declared;
use crate::messages::memclnt::{MessageTableEntry, SOCKCLNT_CREATE_ID, SockclntCreate};
use crate::types::FixedString;

/// First number that [`MessageTable::serving`] gives to a message other than `sockclnt_create`.
const FIRST_SERVED_ID: u16 = SOCKCLNT_CREATE_ID + 1;

/// The declared messages that the other side has, and their numbers in both directions.
#[derive(Debug, Clone, Default)]
pub struct MessageTable {
    ids: HashMap<&'static str, u16, FixedState>,
    messages: HashMap<u16, Declared, FixedState>,
    /// For messages that are there with another layout: its CRC.
    other_crcs: HashMap<&'static str, u32>,
}

/// A message table that cannot be true.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTable {
    /// Two messages with one number: answers could be taken for one another.
    #[error("message number {id} is given to both {first} and {second}")]
    Ambiguous {
        /// The number.
        id: u16,
        /// The message that came first.
        first: &'static str,
        /// The message that came second.
        second: &'static str,
    },
}

impl MessageTable {
    /// Picks from a server's table what is declared here. Unknown messages are none of our business;
    /// messages of ours with another CRC are remembered, to be told by [`Self::all_missing`].
    pub fn from_entries<'a>(
        entries: impl IntoIterator<Item = &'a MessageTableEntry>,
    ) -> Result<Self, InvalidTable> {
        let by_name: HashMap<&str, &'static Declared> =
            declared().map(|message| (message.name, message)).collect();
        let mut table = Self::default();
        for entry in entries {
            let text = entry.name.to_str();
            let Some((name, crc)) = text.rsplit_once('_') else {
                continue;
            };
            let (Some(message), Ok(crc)) = (by_name.get(name), u32::from_str_radix(crc, 16)) else {
                continue;
            };
            if crc == message.crc {
                table.insert(entry.index, **message)?;
            } else {
                table.other_crcs.insert(message.name, crc);
            }
        }
        Ok(table)
    }

    /// Numbers all declared messages, for a server of them.
    pub fn serving() -> Self {
        let mut table = Self::default();
        for (id, message) in (FIRST_SERVED_ID..)
            .zip(declared().filter(|message| message.name != SockclntCreate::NAME))
        {
            table.ids.insert(message.name, id);
            table.messages.insert(id, *message);
        }
        let handshake = Declared::of::<SockclntCreate>();
        table.ids.insert(handshake.name, SOCKCLNT_CREATE_ID);
        table.messages.insert(SOCKCLNT_CREATE_ID, handshake);
        table
    }

    /// This table as a server sends it. Messages are sorted by number.
    pub fn entries(&self) -> Vec<MessageTableEntry> {
        let mut entries: Vec<_> = self
            .messages
            .iter()
            .filter_map(|(index, message)| {
                let name = FixedString::try_from(message.name_crc().as_str()).ok()?;
                Some(MessageTableEntry {
                    index: *index,
                    name,
                })
            })
            .collect();
        entries.sort_by_key(|entry| entry.index);
        entries
    }

    /// The number of a message, or why there is none.
    pub fn id<M: Message>(&self) -> Result<u16, Missing> {
        match self.ids.get(M::NAME) {
            Some(id) => Ok(*id),
            None => Err(self.missing(Declared::of::<M>())),
        }
    }

    /// The message with a number, if it is one of ours.
    pub fn message(&self, id: u16) -> Option<Declared> {
        self.messages.get(&id).copied()
    }

    /// All declared messages that the other side does not have as declared.
    pub fn all_missing(&self) -> Vec<Missing> {
        declared()
            .filter(|message| !self.ids.contains_key(message.name))
            .map(|message| self.missing(*message))
            .collect()
    }

    fn missing(&self, message: Declared) -> Missing {
        Missing {
            message,
            found_crc: self.other_crcs.get(message.name).copied(),
        }
    }

    fn insert(&mut self, id: u16, message: Declared) -> Result<(), InvalidTable> {
        self.ids.insert(message.name, id);
        match self.messages.insert(id, message) {
            Some(first) if first != message => Err(InvalidTable::Ambiguous {
                id,
                first: first.name,
                second: message.name,
            }),
            _ => Ok(()),
        }
    }
}
