use redb::backends::InMemoryBackend;
use redb::{Database, ReadableTableMetadata};

use super::*;

type Change = fn(&mut Tables<'_>) -> Result<(), Refusal>;

/// Carries out changes, each a revision of its own, and says how many entries `log` and `versions` have.
fn entries(changes: &[Change]) -> (u64, u64) {
    let database = Database::builder()
        .create_with_backend(InMemoryBackend::new())
        .unwrap();
    let transaction = database.begin_write().unwrap();
    let mut tables = Tables::open(&transaction).unwrap();
    for change in changes {
        change(&mut tables).unwrap();
        tables.finish();
    }
    (tables.log.len().unwrap(), tables.versions.len().unwrap())
}

fn put(tables: &mut Tables<'_>) -> Result<(), Refusal> {
    let request = PbPutRequest {
        key: b"key".to_vec(),
        ..Default::default()
    };
    tables.put(request).map(drop)
}

fn delete(tables: &mut Tables<'_>) -> Result<(), Refusal> {
    let request = PbDeleteRequest {
        key: b"key".to_vec(),
        ..Default::default()
    };
    tables.delete(&request).map(drop)
}

fn compact(tables: &mut Tables<'_>) -> Result<(), Refusal> {
    tables.compact(tables.revision)
}

#[test]
fn each_change_is_in_keys_or_in_versions() {
    assert_eq!(entries(&[put]), (1, 0));
    assert_eq!(entries(&[put, put, put]), (3, 2));
    assert_eq!(entries(&[put, delete]), (2, 2));
    assert_eq!(entries(&[put, delete, put]), (3, 2));
}

#[test]
fn compaction_leaves_what_can_still_be_read() {
    assert_eq!(entries(&[put, put, put, compact]), (1, 0));
    // The revision itself can be watched from, so its deletion stays until the next one.
    assert_eq!(entries(&[put, put, delete, compact]), (1, 1));
    assert_eq!(entries(&[put, delete, put, compact]), (1, 0));
    assert_eq!(entries(&[put, delete, compact, put, compact]), (1, 0));
    let before_the_last = |tables: &mut Tables<'_>| tables.compact(tables.revision - 1);
    assert_eq!(entries(&[put, put, put, before_the_last]), (2, 1));
    assert_eq!(entries(&[put, delete, put, before_the_last]), (2, 1));
}
