//! What a subscription has delivered, small enough to keep, exact enough to compare.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

use foldhash::{fast, quality};

use crate::kv::{Change, KeyValue, Revision, Snapshot};
use crate::part::Part;

/// Per key what the reader was told last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// What is followed all the time.
    fixed: Vec<Part>,
    /// The keys within `fixed`: most of all, and never forgotten by parts.
    always: HashMap<String, Fingerprint, fast::RandomState>,
    /// All others, in order, so that a prefix is forgotten at the cost of what it holds.
    others: BTreeMap<String, Fingerprint>,
    /// What values are told apart by.
    hash: quality::RandomState,
}

/// The revision alone would do within one life of a store. A store that was wiped and filled
/// again counts anew, and can meet an old revision with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    mod_revision: Revision,
    value: u64,
}

impl Known {
    /// Knows nothing yet; `fixed` is what is followed all the time.
    pub(crate) fn new(fixed: Vec<Part>) -> Self {
        Self {
            fixed,
            ..Self::default()
        }
    }

    /// Takes over what is now there and gives what is different from before, deletions first.
    pub(crate) fn replace(&mut self, snapshot: Snapshot) -> Vec<Change> {
        let mut always = std::mem::take(&mut self.always);
        let mut others = std::mem::take(&mut self.others);
        let mut puts = Vec::new();
        for kv in snapshot.kvs {
            let before = always.remove(&kv.key).or_else(|| others.remove(&kv.key));
            if before != Some(self.insert(&kv)) {
                puts.push(Change::Put(kv));
            }
        }
        let gone = always.into_keys().chain(others.into_keys());
        let mut changes: Vec<Change> = gone
            .map(|key| Change::Delete {
                key,
                mod_revision: snapshot.revision,
            })
            .collect();
        changes.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        changes.append(&mut puts);
        changes
    }

    /// Notes what was read of parts that were not known before.
    pub(crate) fn add(&mut self, kvs: &[KeyValue]) {
        for kv in kvs {
            self.insert(kv);
        }
    }

    /// Knows nothing of a part any more, which is none of those followed all the time.
    pub(crate) fn forget(&mut self, part: &Part) {
        match part {
            Part::Key(key) => {
                self.others.remove(key);
            }
            Part::Prefix(prefix) => {
                let within = self.others.range(prefix.clone()..);
                let within = within.take_while(|(key, _)| key.starts_with(prefix.as_str()));
                let within: Vec<String> = within.map(|(key, _)| key.clone()).collect();
                for key in within {
                    self.others.remove(&key);
                }
            }
        }
    }

    /// Notes changes that are about to be delivered.
    pub(crate) fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(kv) => {
                    self.insert(kv);
                }
                Change::Delete { key, .. } if self.is_fixed(key) => {
                    self.always.remove(key);
                }
                Change::Delete { key, .. } => {
                    self.others.remove(key);
                }
            }
        }
    }

    fn insert(&mut self, kv: &KeyValue) -> Fingerprint {
        let now = Fingerprint {
            mod_revision: kv.mod_revision,
            value: self.hash.hash_one(&kv.value),
        };
        if !self.is_fixed(&kv.key) {
            self.others.insert(kv.key.clone(), now);
        } else if let Some(known) = self.always.get_mut(&kv.key) {
            *known = now;
        } else {
            self.always.insert(kv.key.clone(), now);
        }
        now
    }

    fn is_fixed(&self, key: &str) -> bool {
        self.fixed.iter().any(|part| part.contains(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv(key: &str, value: &str, mod_revision: Revision) -> KeyValue {
        KeyValue {
            key: key.to_owned(),
            value: value.to_owned().into(),
            create_revision: 1,
            mod_revision,
            version: 1,
            lease: 0,
        }
    }

    /// Of none, some or all keys, it is known that they are followed all the time.
    fn knowns() -> [Known; 3] {
        let parts = |texts: &[&str]| {
            texts
                .iter()
                .map(|text| Part::Prefix((*text).into()))
                .collect()
        };
        [&[][..], &["b", "d"], &[""]].map(|fixed| Known::new(parts(fixed)))
    }

    #[test]
    fn only_the_difference_comes_out() {
        knowns().into_iter().for_each(check_difference);
    }

    fn check_difference(mut known: Known) {
        let kvs = ["c", "b", "a", "f"].map(|key| kv(key, "1", 2)).to_vec();
        known.replace(Snapshot { revision: 4, kvs });
        known.note(&[
            Change::Put(kv("d", "1", 5)),
            Change::Delete {
                key: "c".into(),
                mod_revision: 6,
            },
        ]);

        let kvs = vec![kv("a", "1", 2), kv("d", "2", 9), kv("e", "1", 8)];
        let changes = known.replace(Snapshot {
            revision: 9,
            kvs: kvs.clone(),
        });
        assert_eq!(
            changes,
            [
                Change::Delete {
                    key: "b".into(),
                    mod_revision: 9
                },
                Change::Delete {
                    key: "f".into(),
                    mod_revision: 9
                },
                Change::Put(kv("d", "2", 9)),
                Change::Put(kv("e", "1", 8)),
            ]
        );
        assert!(known.replace(Snapshot { revision: 10, kvs }).is_empty());
    }

    #[test]
    fn of_what_is_forgotten_nothing_is_told() {
        let mut known = Known::new(vec![Part::Prefix("bb".into())]);
        known.add(&[kv("a/1", "1", 2), kv("a/2", "1", 2), kv("a0", "1", 2)]);
        known.add(&[kv("b", "1", 3), kv("bb", "1", 3)]);
        known.forget(&Part::Prefix("a/".into()));
        known.forget(&Part::Key("b".into()));
        let left = known.replace(Snapshot {
            revision: 4,
            kvs: Vec::new(),
        });
        assert_eq!(
            left.iter().map(Change::key).collect::<Vec<_>>(),
            ["a0", "bb"]
        );
    }

    #[test]
    fn a_wiped_store_that_reached_the_same_revision_is_told_apart() {
        for mut known in knowns() {
            known.replace(Snapshot {
                revision: 2,
                kvs: vec![kv("b", "old", 2)],
            });
            let changes = known.replace(Snapshot {
                revision: 2,
                kvs: vec![kv("b", "new", 2)],
            });
            assert_eq!(changes, [Change::Put(kv("b", "new", 2))]);
        }
    }
}
