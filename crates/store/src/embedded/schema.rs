//! The tables of the file and the bytes of their records.
//!
//! | table | key | value |
//! |---|---|---|
//! | `keys` | key | the key's present record, and where in the log its put is |
//! | `log` | (revision, place within it) | one change: put or deletion |
//! | `versions` | (key, revision) | where in the log a change is that `keys` does not show: (place, whether a deletion) |
//! | `leases` | lease id | time to live granted, seconds |
//! | `lease_keys` | (lease id, key) | nothing |
//! | `meta` | name | number |
//!
//! Invariants: `keys` is what replaying `log` gives; every entry of `log` has exactly one in
//! `keys` or in `versions`, and the other way round, so that a new key costs no entry in `versions`; the
//! greatest revision in `log` is the store's revision (compaction never removes it), or there is none and
//! the store is at revision 1, etcd's first.

use etcd_client::proto::{PbEvent, PbKeyValue};
use redb::TableDefinition;

use super::refusal::Refusal;

pub(super) const KEYS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("keys");
pub(super) const LOG: TableDefinition<(i64, u32), &[u8]> = TableDefinition::new("log");
pub(super) const VERSIONS: TableDefinition<(&[u8], i64), (u32, bool)> =
    TableDefinition::new("versions");
pub(super) const LEASES: TableDefinition<i64, i64> = TableDefinition::new("leases");
pub(super) const LEASE_KEYS: TableDefinition<(i64, &[u8]), ()> = TableDefinition::new("lease_keys");
pub(super) const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Names in `meta`: the layout of the file, who this store is, and how far it is compacted.
pub(super) const META_FORMAT: &str = "format";
pub(super) const META_CLUSTER_ID: &str = "cluster_id";
pub(super) const META_MEMBER_ID: &str = "member_id";
pub(super) const META_COMPACTED: &str = "compacted_revision";

/// The layout described here.
pub(super) const FORMAT: u64 = 2;

/// The revision of a store in which nothing was ever written.
pub(super) const FIRST_REVISION: i64 = 1;

/// `mvccpb.Event.EventType`.
pub(super) const EVENT_PUT: i32 = 0;
/// `mvccpb.Event.EventType`.
pub(super) const EVENT_DELETE: i32 = 1;

/// Entry of `keys`: the place of the put within its revision (4 bytes, big-endian), then the record.
pub(super) fn encode_present(place: u32, kv: &PbKeyValue) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(36 + kv.value.len());
    bytes.extend_from_slice(&place.to_be_bytes());
    encode_record(&mut bytes, kv);
    bytes
}

pub(super) fn decode_present(key: &[u8], bytes: &[u8]) -> Result<PbKeyValue, Refusal> {
    decode_record(key, split_place(bytes)?.1)
}

/// Where the put of an entry of `keys` is in the log: its revision and its place within it.
pub(super) fn place_of_present(bytes: &[u8]) -> Result<(i64, u32), Refusal> {
    let (place, record) = split_place(bytes)?;
    let mut reader = Reader(record);
    let _create_revision = reader.number()?;
    Ok((reader.number()?, place))
}

fn split_place(bytes: &[u8]) -> Result<(u32, &[u8]), Refusal> {
    let (place, record) = bytes.split_first_chunk::<4>().ok_or_else(corrupt)?;
    Ok((u32::from_be_bytes(*place), record))
}

/// Record: create revision, mod revision, version, lease (each 8 bytes, big-endian), then the value.
fn encode_record(bytes: &mut Vec<u8>, kv: &PbKeyValue) {
    for number in [kv.create_revision, kv.mod_revision, kv.version, kv.lease] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&kv.value);
}

fn decode_record(key: &[u8], bytes: &[u8]) -> Result<PbKeyValue, Refusal> {
    let mut reader = Reader(bytes);
    Ok(PbKeyValue {
        key: key.to_vec(),
        create_revision: reader.number()?,
        mod_revision: reader.number()?,
        version: reader.number()?,
        lease: reader.number()?,
        value: reader.0.to_vec(),
    })
}

/// Change: kind (0 put, 1 deletion), length of the key (8 bytes), the key, and for a put the record.
pub(super) fn encode_change(event: &PbEvent) -> Vec<u8> {
    let Some(kv) = &event.kv else {
        return Vec::new();
    };
    let mut bytes = Vec::with_capacity(41 + kv.key.len() + kv.value.len());
    bytes.push(u8::from(event.r#type == EVENT_DELETE));
    bytes.extend_from_slice(&(kv.key.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&kv.key);
    if event.r#type == EVENT_PUT {
        encode_record(&mut bytes, kv);
    }
    bytes
}

pub(super) fn decode_change(revision: i64, bytes: &[u8]) -> Result<PbEvent, Refusal> {
    let (kind, rest) = bytes.split_first().ok_or_else(corrupt)?;
    let mut reader = Reader(rest);
    let length = usize::try_from(reader.number()?).map_err(|_| corrupt())?;
    let (key, record) = reader.0.split_at_checked(length).ok_or_else(corrupt)?;
    let (kind, kv) = if *kind == 0 {
        (EVENT_PUT, decode_record(key, record)?)
    } else {
        let kv = PbKeyValue {
            key: key.to_vec(),
            mod_revision: revision,
            ..Default::default()
        };
        (EVENT_DELETE, kv)
    };
    Ok(PbEvent {
        r#type: kind,
        kv: Some(kv),
        prev_kv: None,
    })
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Result<i64, Refusal> {
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or_else(corrupt)?;
        self.0 = rest;
        Ok(i64::from_be_bytes(*number))
    }
}

fn corrupt() -> Refusal {
    Refusal::Storage("a record is shorter than it says".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kv() -> PbKeyValue {
        PbKeyValue {
            key: b"nodes/a".to_vec(),
            create_revision: 2,
            mod_revision: i64::MAX,
            version: 3,
            lease: -4,
            value: b"value".to_vec(),
        }
    }

    #[test]
    fn records_survive_the_round_trip() {
        let present = encode_present(7, &kv());
        assert_eq!(decode_present(b"nodes/a", &present), Ok(kv()));
        assert_eq!(place_of_present(&present), Ok((i64::MAX, 7)));
        let put = PbEvent {
            r#type: EVENT_PUT,
            kv: Some(kv()),
            prev_kv: None,
        };
        assert_eq!(decode_change(i64::MAX, &encode_change(&put)), Ok(put));
        let gone = PbKeyValue {
            key: b"k".to_vec(),
            mod_revision: 9,
            ..Default::default()
        };
        let delete = PbEvent {
            r#type: EVENT_DELETE,
            kv: Some(gone),
            prev_kv: None,
        };
        assert_eq!(decode_change(9, &encode_change(&delete)), Ok(delete));
    }

    #[test]
    fn cut_records_are_errors() {
        let put = PbEvent {
            r#type: EVENT_PUT,
            kv: Some(kv()),
            prev_kv: None,
        };
        let bytes = encode_change(&put);
        // Up to the end of the fixed fields; a shorter value cannot be told.
        for length in 0..bytes.len() - kv().value.len() {
            assert!(
                decode_change(1, &bytes[..length]).is_err(),
                "{length} bytes"
            );
        }
    }
}
