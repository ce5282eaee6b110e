//! What a reader is interested in at the moment, beside what it follows all the time.
//!
//! The reader changes it while the task is under way, and events of before are still in the queue.
//! So each part that is asked for gets a number, a new one when it is asked for again; what was
//! read for an old number is not handed out.

use std::collections::BTreeMap;

use super::Event;
use crate::part::{Part, outermost};

/// Parts with the number of their being asked for.
pub(super) type Numbered = BTreeMap<Part, u64>;

/// What the task tells the reader's side.
#[derive(Debug)]
pub(super) enum Told {
    /// An event as it is.
    Event(Event),
    /// The first reading of parts; becomes [`Event::Read`].
    Read {
        revision: crate::kv::Revision,
        parts: Vec<(Part, u64)>,
        kvs: Vec<crate::kv::KeyValue>,
    },
}

/// The reader's side.
#[derive(Debug)]
pub(super) struct Interest {
    /// What is followed all the time.
    fixed: Vec<Part>,
    parts: BTreeMap<Part, Wanted>,
    last_number: u64,
}

#[derive(Debug)]
struct Wanted {
    number: u64,
    /// Whether the reader has got the first reading.
    read: bool,
}

impl Interest {
    pub(super) fn new(fixed: Vec<Part>) -> Self {
        Self {
            fixed,
            parts: BTreeMap::new(),
            last_number: 0,
        }
    }

    /// The interest is this now; gives it with its numbers if it has changed.
    pub(super) fn set(&mut self, parts: impl IntoIterator<Item = Part>) -> Option<Numbered> {
        let is_fixed = |part: &Part| self.fixed.iter().any(|fixed| fixed.covers(part));
        let parts = outermost(parts.into_iter().filter(|part| !is_fixed(part)));
        let before = self.parts.len();
        let mut now = BTreeMap::new();
        let mut changed = false;
        for part in parts {
            let wanted = self.parts.remove(&part).unwrap_or_else(|| {
                changed = true;
                self.last_number += 1;
                Wanted {
                    number: self.last_number,
                    read: false,
                }
            });
            now.insert(part, wanted);
        }
        self.parts = now;
        (changed || self.parts.len() != before).then(|| {
            let numbers = self.parts.iter();
            numbers
                .map(|(part, wanted)| (part.clone(), wanted.number))
                .collect()
        })
    }

    /// What the reader is to see of what it was told, if anything.
    pub(super) fn filter(&mut self, told: Told) -> Option<Event> {
        match told {
            Told::Read {
                revision,
                parts,
                mut kvs,
            } => {
                let mut read = Vec::new();
                for (part, number) in parts {
                    match self.parts.get_mut(&part) {
                        Some(wanted) if wanted.number == number => {
                            wanted.read = true;
                            read.push(part);
                        }
                        _ => kvs.retain(|kv| !part.contains(&kv.key)),
                    }
                }
                let parts = read;
                (!parts.is_empty()).then_some(Event::Read {
                    revision,
                    parts,
                    kvs,
                })
            }
            Told::Event(Event::Changes {
                revision,
                mut changes,
            }) => {
                changes.retain(|change| self.is_wanted(change.key()));
                (!changes.is_empty()).then_some(Event::Changes { revision, changes })
            }
            Told::Event(event) => Some(event),
        }
    }

    fn is_wanted(&self, key: &str) -> bool {
        self.fixed.iter().any(|part| part.contains(key))
            || part_of(&self.parts, key).is_some_and(|wanted| wanted.read)
    }
}

/// What belongs to the part that `key` lies in, among parts of which none lies within another.
pub(super) fn part_of<'a, T>(parts: &'a BTreeMap<Part, T>, key: &str) -> Option<&'a T> {
    if let Some(value) = parts.get(&Part::Key(key.to_owned())) {
        return Some(value);
    }
    // Any prefix between that of the key and the key itself would lie within it.
    let (part, value) = parts
        .range(Part::Prefix(String::new())..=Part::Prefix(key.to_owned()))
        .next_back()?;
    part.contains(key).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kv::{Change, KeyValue};

    fn key(text: &str) -> Part {
        Part::Key(text.to_owned())
    }

    fn prefix(text: &str) -> Part {
        Part::Prefix(text.to_owned())
    }

    fn kv(key: &str) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: "1".into(),
            create_revision: 1,
            mod_revision: 1,
            version: 1,
            lease: 0,
        }
    }

    fn read(parts: &[(Part, u64)], keys: &[&str]) -> Told {
        Told::Read {
            revision: 7,
            parts: parts.to_vec(),
            kvs: keys.iter().map(|key| kv(key)).collect(),
        }
    }

    fn changes(keys: &[&str]) -> Told {
        Told::Event(Event::Changes {
            revision: 8,
            changes: keys.iter().map(|key| Change::Put(kv(key))).collect(),
        })
    }

    fn shown(event: Option<Event>) -> Vec<String> {
        match event {
            Some(Event::Read { kvs, .. }) => kvs.into_iter().map(|kv| kv.key).collect(),
            Some(Event::Changes { changes, .. }) => {
                changes.iter().map(|c| c.key().to_owned()).collect()
            }
            Some(_) | None => Vec::new(),
        }
    }

    #[test]
    fn the_same_interest_is_no_change() {
        let mut interest = Interest::new(vec![prefix("own/")]);
        let first = interest.set([key("a"), prefix("b/"), key("b/c"), key("own/x")]);
        let first = first.unwrap();
        assert_eq!(first.keys().collect::<Vec<_>>(), [&key("a"), &prefix("b/")]);
        assert_eq!(interest.set([prefix("b/"), key("a")]), None);
        let less = interest.set([key("a")]).unwrap();
        assert_eq!(less[&key("a")], first[&key("a")]);
        let again = interest.set([key("a"), prefix("b/")]).unwrap();
        assert_ne!(again[&prefix("b/")], first[&prefix("b/")]);
    }

    #[test]
    fn what_was_read_for_an_older_interest_is_not_handed_out() {
        let mut interest = Interest::new(vec![prefix("own/")]);
        let first = interest.set([key("a"), prefix("b/")]).unwrap();
        let first: Vec<(Part, u64)> = first.into_iter().collect();
        interest.set([key("a")]);
        let again = interest.set([key("a"), prefix("b/")]).unwrap();

        assert_eq!(
            shown(interest.filter(read(&first, &["a", "b/1", "b/2"]))),
            ["a"]
        );
        assert_eq!(
            shown(interest.filter(changes(&["a", "b/1", "own/x", "c"]))),
            ["a", "own/x"]
        );
        assert_eq!(interest.filter(changes(&["b/1"])), None);
        let part = (prefix("b/"), again[&prefix("b/")]);
        assert_eq!(shown(interest.filter(read(&[part], &["b/2"]))), ["b/2"]);
        assert_eq!(shown(interest.filter(changes(&["b/2", "b"]))), ["b/2"]);
    }

    #[test]
    fn the_part_of_a_key_is_found_among_many() {
        let parts = ["a/", "a0/", "b/1/", "b/10/"].map(|text| (prefix(text), text));
        let parts: BTreeMap<Part, &str> = parts.into_iter().chain([(key("b/1"), "key")]).collect();
        for (key, part) in [
            ("a/1", Some("a/")),
            ("b/1/x", Some("b/1/")),
            ("b/10/x", Some("b/10/")),
            ("b/1", Some("key")),
            ("b/2/x", None),
            ("a", None),
        ] {
            assert_eq!(part_of(&parts, key).copied(), part, "{key}");
        }
    }
}
