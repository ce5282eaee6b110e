//! What a subscription has delivered, small enough to keep, exact enough to compare.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::kv::{Change, KeyValue, Revision, Snapshot};

/// Per key what the reader was told last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    keys: HashMap<String, Fingerprint>,
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
        let mut keys = HashMap::with_capacity(snapshot.kvs.len());
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
        changes.sort_by(|a, b| a.key().cmp(b.key()));
        changes.append(&mut puts);
        changes
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
