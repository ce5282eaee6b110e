use etcd_client::proto::{PbEvent, PbKeyValue};

use super::*;

/// A report of puts, each a key at a revision.
fn report(puts: &[(&str, Revision)]) -> PbWatchResponse {
    let event = |(key, mod_revision): &(&str, Revision)| PbEvent {
        r#type: EventType::Put as i32,
        kv: Some(PbKeyValue {
            key: key.as_bytes().to_vec(),
            mod_revision: *mod_revision,
            ..Default::default()
        }),
        prev_kv: None,
    };
    PbWatchResponse {
        events: puts.iter().map(event).collect(),
        ..Default::default()
    }
}

/// Batches as `revision: keys`.
fn shown(batches: Option<Vec<Batch>>) -> Vec<String> {
    let shown = |batch: Batch| {
        let keys: Vec<&str> = batch.changes.iter().map(Change::key).collect();
        format!("{}: {}", batch.revision, keys.join(" "))
    };
    batches.unwrap_or_default().into_iter().map(shown).collect()
}

#[test]
fn watches_are_merged_by_revision() {
    let mut pending = Pending::new(false);
    pending.take(report(&[("a/1", 5), ("a/2", 5), ("a/1", 7)]));
    pending.take(report(&[("b/1", 5), ("b/1", 6)]));
    assert_eq!(
        shown(pending.release_all()),
        ["5: a/1 a/2 b/1", "6: b/1", "7: a/1"]
    );
    assert!(pending.is_empty());
    assert_eq!(pending.release_all(), None);
}

#[test]
fn an_answer_that_overtakes_reports_hands_nothing_out() {
    let mut pending = Pending::new(false);
    pending.take(report(&[("a", 5)]));
    // Of revision 5 as well, and already on its way when the answer was given.
    assert_eq!(pending.answered(5), None);
    pending.take(report(&[("b", 5)]));
    assert_eq!(pending.answered(5), None);
    assert_eq!(shown(pending.answered(5)), ["5: a b"]);
}

#[test]
fn an_answer_in_turn_is_taken_at_its_word() {
    let mut pending = Pending::new(true);
    pending.take(report(&[("a", 5)]));
    pending.take(report(&[("b", 5), ("b", 6)]));
    assert_eq!(shown(pending.answered(5)), ["5: a b"]);
    assert_eq!(shown(pending.answered(6)), ["6: b"]);
}

#[test]
fn under_steady_load_what_is_older_than_the_newest_is_handed_out() {
    let mut pending = Pending::new(false);
    pending.take(report(&[("a", 5)]));
    pending.take(report(&[("b", 6)]));
    assert_eq!(shown(pending.answered(9)), ["5: a"]);
    pending.take(report(&[("a", 7)]));
    assert_eq!(shown(pending.answered(9)), ["6: b"]);
    // An answer is never stretched beyond the revision that it names.
    pending.take(report(&[("a", 8), ("a", 9)]));
    assert_eq!(shown(pending.answered(7)), ["7: a"]);
    assert_eq!(shown(pending.answered(8)), ["8: a"]);
    assert_eq!(shown(pending.answered(9)), ["9: a"]);
    assert_eq!(pending.answered(9), None);
}

#[test]
fn nothing_is_handed_out_between_fragments() {
    let mut pending = Pending::new(false);
    pending.take(PbWatchResponse {
        fragment: true,
        ..report(&[("a", 5)])
    });
    assert_eq!(pending.release_all(), None);
    assert_eq!(pending.answered(5), None);
    assert_eq!(pending.answered(5), None);
    pending.take(report(&[("b", 5)]));
    assert_eq!(shown(pending.release_all()), ["5: a b"]);
}

#[tokio::test(start_paused = true)]
async fn time_counts_from_the_last_handing_out() {
    let mut pending = Pending::new(false);
    assert_eq!(pending.held_for(), Duration::ZERO);
    pending.take(report(&[("a", 5)]));
    tokio::time::advance(Duration::from_secs(1)).await;
    pending.take(report(&[("a", 6)]));
    assert_eq!(pending.held_for(), Duration::from_secs(1));
    assert_eq!(shown(pending.answered(6)), ["5: a"]);
    assert_eq!(pending.held_for(), Duration::ZERO);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(pending.held_for(), Duration::from_secs(1));
    assert_eq!(shown(pending.answered(6)), ["6: a"]);
    assert_eq!(pending.held_for(), Duration::ZERO);
}

#[test]
fn keys_that_are_no_text_are_left_out() {
    let mut pending = Pending::new(false);
    let mut report = report(&[("a", 5), ("b", 6)]);
    report.events[0].kv.as_mut().unwrap().key = vec![0xff];
    pending.take(report);
    assert_eq!(shown(pending.release_all()), ["6: b"]);
}

#[test]
fn what_a_cancelled_watch_reported_is_forgotten() {
    let mut pending = Pending::new(false);
    pending.take(report(&[("a", 5)]));
    pending.take(PbWatchResponse {
        watch_id: 2,
        fragment: true,
        ..report(&[("b", 5), ("b", 6)])
    });
    pending.forget(2);
    assert_eq!(shown(pending.release_all()), ["5: a"]);
}
