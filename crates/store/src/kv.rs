//! Keys, values and revisions as the store has them.

use bytes::Bytes;
use etcd_client::proto::PbKeyValue;

/// A revision of the whole store: grows by one with each transaction that changes something.
/// etcd's own type; 0 never occurs as a revision of the store, which begins at 1.
pub type Revision = i64;

/// One key with its value and the store's book-keeping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyValue {
    /// The key. Keys of the store which are no UTF-8 are not ours and are skipped.
    pub key: String,
    /// The value.
    pub value: Bytes,
    /// Revision at which the key came into being (again).
    pub create_revision: Revision,
    /// Revision of the last change.
    pub mod_revision: Revision,
    /// Number of changes since the creation, from 1.
    pub version: i64,
    /// Lease that the key hangs on; 0 means none.
    pub lease: i64,
}

/// What one or several prefixes hold at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision at which all of `kvs` were read. A watch from `revision + 1` misses nothing.
    pub revision: Revision,
    /// The keys in the order of the prefixes asked for, ascending within each.
    pub kvs: Vec<KeyValue>,
}

/// One key that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The key was created or has a new value.
    Put(KeyValue),
    /// The key is gone: deleted by itself or with a prefix, or its lease ran out.
    Delete {
        /// The key.
        key: String,
        /// The revision at which it went away; where that is not known because the deletion was
        /// found by reading afresh, the revision of that reading.
        mod_revision: Revision,
    },
}

impl Change {
    /// The key in question.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(kv) => &kv.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// The revision of the change.
    pub fn mod_revision(&self) -> Revision {
        match self {
            Self::Put(kv) => kv.mod_revision,
            Self::Delete { mod_revision, .. } => *mod_revision,
        }
    }
}

impl KeyValue {
    /// Takes the protocol's record over; `None`, with a warning, if the key is no UTF-8.
    pub(crate) fn from_wire(kv: PbKeyValue) -> Option<Self> {
        Some(Self {
            key: utf8_key(kv.key)?,
            value: Bytes::from(kv.value),
            create_revision: kv.create_revision,
            mod_revision: kv.mod_revision,
            version: kv.version,
            lease: kv.lease,
        })
    }
}

/// The key as text; `None`, with a warning, if it is no UTF-8.
pub(crate) fn utf8_key(key: Vec<u8>) -> Option<String> {
    String::from_utf8(key)
        .inspect_err(|error| {
            let key = error.as_bytes().escape_ascii().to_string();
            tracing::warn!(key, "a key in the store is no UTF-8 and is ignored");
        })
        .ok()
}

/// The end of the range that holds every key which starts with `prefix` (etcd's `range_end`):
/// the prefix with its last byte raised by one; `\0`, "no end", where there is none to raise.
///
/// ```
/// assert_eq!(weft_store::prefix_end(b"nodes/a/"), b"nodes/a0");
/// assert_eq!(weft_store::prefix_end(b""), b"\0");
/// ```
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0]
}
