//! What a subscription has delivered, small enough to keep, exact enough to compare.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::kv::{Change, KeyValue, Revision, Snapshot};
use crate::part::Part;

/// Per key what the reader was told last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    keys: BTreeMap<String, Fingerprint>,
}

/// The revision alone would do within one life of a store. A store that was wiped and filled
/// again counts anew, and can meet an old revision with another value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fingerprint {
    mod_revision: Revision,
    value: u64,
}

impl Fingerprint {
    fn of(kv: &KeyValue) -> Self {
        let mut hasher = DefaultHasher::new();
        kv.value.hash(&mut hasher);
        Self {
            mod_revision: kv.mod_revision,
            value: hasher.finish(),
        }
    }
}

impl Known {
    /// Takes over what is now there and gives what is different from before, deletions first.
    pub(crate) fn replace(&mut self, snapshot: Snapshot) -> Vec<Change> {
        let mut keys = BTreeMap::new();
        let mut puts = Vec::new();
        for kv in snapshot.kvs {
            let now = Fingerprint::of(&kv);
            let before = self.keys.remove(&kv.key);
            keys.insert(kv.key.clone(), now);
            if before != Some(now) {
                puts.push(Change::Put(kv));
            }
        }
        let gone = std::mem::replace(&mut self.keys, keys);
        let mut changes: Vec<Change> = gone
            .into_keys()
            .map(|key| Change::Delete {
                key,
                mod_revision: snapshot.revision,
            })
            .collect();
        changes.append(&mut puts);
        changes
    }

    /// Notes what was read of parts that were not known before.
    pub(crate) fn add(&mut self, kvs: &[KeyValue]) {
        let read = kvs.iter().map(|kv| (kv.key.clone(), Fingerprint::of(kv)));
        self.keys.extend(read);
    }

    /// Knows nothing of a part any more.
    pub(crate) fn forget(&mut self, part: &Part) {
        match part {
            Part::Key(key) => {
                self.keys.remove(key);
            }
            Part::Prefix(prefix) => {
                let within = self.keys.range(prefix.clone()..);
                let within = within.take_while(|(key, _)| key.starts_with(prefix.as_str()));
                let within: Vec<String> = within.map(|(key, _)| key.clone()).collect();
                for key in within {
                    self.keys.remove(&key);
                }
            }
        }
    }

    /// Notes changes that are about to be delivered.
    pub(crate) fn note(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Put(kv) => {
                    self.keys.insert(kv.key.clone(), Fingerprint::of(kv));
                }
                Change::Delete { key, .. } => {
                    self.keys.remove(key);
                }
            }
        }
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

    #[test]
    fn only_the_difference_comes_out() {
        let mut known = Known::default();
        let kvs = vec![kv("a", "1", 2), kv("b", "1", 3), kv("c", "1", 4)];
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
                Change::Put(kv("d", "2", 9)),
                Change::Put(kv("e", "1", 8)),
            ]
        );
        assert!(known.replace(Snapshot { revision: 10, kvs }).is_empty());
    }

    #[test]
    fn of_what_is_forgotten_nothing_is_told() {
        let mut known = Known::default();
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
        let mut known = Known::default();
        known.replace(Snapshot {
            revision: 2,
            kvs: vec![kv("a", "old", 2)],
        });
        let changes = known.replace(Snapshot {
            revision: 2,
            kvs: vec![kv("a", "new", 2)],
        });
        assert_eq!(changes, [Change::Put(kv("a", "new", 2))]);
    }
}
