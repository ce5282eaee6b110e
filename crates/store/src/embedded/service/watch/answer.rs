//! Answers as they go over the wire, made straight from the history that all watchers share.
//!
//! An event goes to each watcher that wants it; the less it is touched on the way, the better. The
//! bytes are those that the generated code would make of the whole answer.

use etcd_client::proto::{PbEvent, PbWatchResponse};
use prost::{EncodeError, Message};

use super::super::super::hub::event_bytes;

/// Beyond it an answer is split, for watches that permit it (etcd's default request size).
const FRAGMENT_BYTES: usize = 3 << 19;
/// What stands before each event: field 11 of `WatchResponse`, and that it has a length.
const EVENTS_KEY: u8 = 11 << 3 | 2;

/// `answer` with these events: in one, or, if it may be split, in parts that are not too large and
/// have one event at least.
pub(super) fn with_events(
    mut answer: PbWatchResponse,
    events: &[&PbEvent],
    split: bool,
) -> Result<Vec<Vec<u8>>, EncodeError> {
    let mut answers = Vec::new();
    let mut rest = events;
    while !rest.is_empty() {
        let count = if split { fitting(rest) } else { rest.len() };
        let (part, others) = rest.split_at(count);
        answer.fragment = !others.is_empty();
        let mut bytes = answer.encode_to_vec();
        bytes.reserve(part.iter().map(|event| event_bytes(event)).sum());
        for event in part {
            bytes.push(EVENTS_KEY);
            event.encode_length_delimited(&mut bytes)?;
        }
        answers.push(bytes);
        rest = others;
    }
    Ok(answers)
}

/// How many of the first events fit into one part.
fn fitting(events: &[&PbEvent]) -> usize {
    let mut bytes = 0;
    let fits = |event: &&&PbEvent| {
        bytes += event_bytes(event);
        bytes <= FRAGMENT_BYTES
    };
    events.iter().take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use etcd_client::proto::{PbKeyValue, PbResponseHeader};

    use super::*;

    fn event(key: &str, bytes: usize) -> PbEvent {
        PbEvent {
            r#type: i32::from(bytes == 0),
            kv: Some(PbKeyValue {
                key: key.as_bytes().to_vec(),
                value: vec![7; bytes],
                mod_revision: 1 << 40,
                ..PbKeyValue::default()
            }),
            prev_kv: None,
        }
    }

    fn answer() -> PbWatchResponse {
        PbWatchResponse {
            header: Some(PbResponseHeader {
                revision: 9,
                ..PbResponseHeader::default()
            }),
            watch_id: 3,
            ..PbWatchResponse::default()
        }
    }

    fn encoded(events: &[PbEvent], split: bool) -> Vec<Vec<u8>> {
        let events: Vec<&PbEvent> = events.iter().collect();
        with_events(answer(), &events, split).unwrap()
    }

    #[test]
    fn it_is_what_the_generated_code_would_make() {
        let events = [event("a", 300), event("b", 0), event("", 1)];
        let whole = PbWatchResponse {
            events: events.to_vec(),
            ..answer()
        };
        for split in [false, true] {
            assert_eq!(encoded(&events, split), [whole.encode_to_vec()]);
        }
    }

    #[test]
    fn what_is_too_large_is_split_where_that_is_permitted() {
        let large = FRAGMENT_BYTES / 2;
        let sizes = [10, large, large, FRAGMENT_BYTES * 2, 10, 10];
        let events = sizes.map(|bytes| event("k", bytes));
        let parts: Vec<(bool, usize)> = encoded(&events, true)
            .iter()
            .map(|part| PbWatchResponse::decode(part.as_slice()).unwrap())
            .map(|part| (part.fragment, part.events.len()))
            .collect();
        assert_eq!(parts, [(true, 2), (true, 1), (true, 1), (false, 2)]);
        assert_eq!(encoded(&events, false).len(), 1);
    }
}
