//! What the store shall say of this host's ports and physical networks, beside what it says.
//!
//! Only differences are written, so that a restart which finds all as it was writes nothing; and
//! whatever somebody else removes or alters is put right again, since it differs. What the store says
//! is learnt by watching it alone, our own writes too, so that the order of things is the store's.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::fast::FixedState;
use weft_model::{Condition, Status, Timestamp};
use weft_store::Op;

/// Keys with the values that they have and shall have.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// In no order: looked up for each word, and only listed to be written.
    entries: HashMap<String, Entry, FixedState>,
    /// Keys that differ.
    differing: HashSet<String, FixedState>,
}

/// What a key says and shall say; one of them at least is something.
#[derive(Debug, Default)]
struct Entry {
    wanted: Option<Vec<u8>>,
    known: Option<Vec<u8>>,
}

impl Board {
    /// The store says this under `key`, or nothing.
    pub(crate) fn know(&mut self, key: &str, value: Option<Vec<u8>>) {
        self.change(key, |entry| entry.known = value);
    }

    /// The store was read anew: it says this and nothing else.
    pub(crate) fn know_all(&mut self, mut values: BTreeMap<String, Vec<u8>>) {
        let keys: Vec<String> = self.entries.keys().cloned().collect();
        for key in keys {
            let value = values.remove(&key);
            self.know(&key, value);
        }
        for (key, value) in values {
            self.know(&key, Some(value));
        }
    }

    /// The store shall say this under `key`, or nothing.
    pub(crate) fn want(&mut self, key: &str, value: Option<Vec<u8>>) {
        self.change(key, |entry| entry.wanted = value);
    }

    /// The store shall say that `status` is so of the record of `revision`. The moment since when
    /// is kept while the status stays the same in its word and its reason.
    pub(crate) fn want_condition(
        &mut self,
        key: &str,
        status: Status,
        revision: i64,
        now: Timestamp,
    ) {
        let said = self.entries.get(key);
        let said = said.and_then(|entry| entry.wanted.as_ref().or(entry.known.as_ref()));
        let said = said.and_then(|value| Condition::from_json(value).ok());
        let same = said.filter(|said| {
            said.status.word() == status.word() && said.status.reason() == status.reason()
        });
        let since = same.map_or(now, |said| said.since);
        match (Condition {
            status,
            revision,
            since,
        })
        .to_json()
        {
            Ok(value) => self.want(key, Some(value)),
            Err(error) => tracing::error!(key, %error, "a condition cannot be written as JSON"),
        }
    }

    /// The writes that make the store say what it shall, in the order of their keys.
    pub(crate) fn writes(&self) -> Vec<Op> {
        let mut keys: Vec<&String> = self.differing.iter().collect();
        keys.sort_unstable();
        let wanted = |key: &String| self.entries.get(key)?.wanted.clone();
        let write = |key: &String| match wanted(key) {
            Some(value) => Op::Put {
                key: key.clone(),
                value: value.into(),
                lease: 0,
            },
            None => Op::Delete { key: key.clone() },
        };
        keys.into_iter().map(write).collect()
    }

    /// Changes an entry, and notes whether it differs.
    fn change(&mut self, key: &str, change: impl FnOnce(&mut Entry)) {
        let entry = match self.entries.get_mut(key) {
            Some(entry) => entry,
            None => self.entries.entry(key.to_owned()).or_default(),
        };
        change(entry);
        let differs = entry.wanted != entry.known;
        let is_empty = entry.wanted.is_none() && entry.known.is_none();
        if !differs {
            self.differing.remove(key);
        } else if !self.differing.contains(key) {
            self.differing.insert(key.to_owned());
        }
        if is_empty {
            self.entries.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::of(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// The store takes all writes, and the watch says so.
    fn echo(board: &mut Board) {
        for write in board.writes() {
            match write {
                Op::Put { key, value, .. } => board.know(&key, Some(value.to_vec())),
                Op::Delete { key } => board.know(&key, None),
                Op::DeletePrefix { prefix } => panic!("all of {prefix} is deleted"),
            }
        }
    }

    #[test]
    fn what_is_as_it_was_is_not_written_and_keeps_its_moment() {
        let mut board = Board::default();
        board.want_condition("c", Status::Effective, 1, at(10));
        assert_eq!(board.writes().len(), 1);
        echo(&mut board);
        board.want_condition("c", Status::Effective, 1, at(20));
        assert_eq!(board.writes(), []);

        // Another agent process finds it in the store.
        let mut again = Board::default();
        let said = board.entries["c"].known.clone().unwrap();
        again.know_all(BTreeMap::from([("c".to_owned(), said)]));
        again.want_condition("c", Status::Effective, 1, at(30));
        assert_eq!(again.writes(), []);
        again.want_condition("c", Status::Effective, 2, at(40));
        let Some(Op::Put { value, .. }) = again.writes().pop() else {
            panic!("nothing to write")
        };
        let said = Condition::from_json(&value).unwrap();
        assert_eq!((said.revision, said.since), (2, at(10)));
    }

    #[test]
    fn what_others_remove_or_leave_is_put_right() {
        let mut board = Board::default();
        board.want("a", Some(b"1".to_vec()));
        echo(&mut board);
        board.know("a", None);
        board.know("b", Some(b"stale".to_vec()));
        let keys: Vec<String> = board
            .writes()
            .iter()
            .map(|write| match write {
                Op::Put { key, .. } => format!("put {key}"),
                Op::Delete { key } => format!("delete {key}"),
                Op::DeletePrefix { prefix } => format!("delete all of {prefix}"),
            })
            .collect();
        assert_eq!(keys, ["put a", "delete b"]);
    }
}
