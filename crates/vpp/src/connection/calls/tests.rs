use super::*;

const REPLY: u16 = 20;
const DETAILS: u16 = 21;

fn waiting(details_id: Option<u16>) -> (Waiting, oneshot::Receiver<Answer>) {
    let (sender, receiver) = oneshot::channel();
    let waiting = Waiting {
        message: "some_request",
        reply_id: REPLY,
        details_id,
        answer: Some(sender),
        permit: None,
    };
    (waiting, receiver)
}

#[test]
fn details_are_handed_over_only_with_their_end() {
    let mut pending = Pending::default();
    let (waiting, mut answer) = waiting(Some(DETAILS));
    pending.start(7, waiting, Instant::now());
    pending.receive(DETAILS, 7, b"one").unwrap();
    pending.receive(DETAILS, 7, b"two").unwrap();
    assert!(answer.try_recv().is_err());
    pending.receive(REPLY, 7, b"end").unwrap();
    let answer = answer.try_recv().unwrap();
    assert_eq!(answer.details.iter().collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(answer.reply, b"end");
    assert!(pending.is_empty());
}

#[test]
fn an_unfinished_dump_is_no_answer() {
    let mut pending = Pending::default();
    let (waiting, mut answer) = waiting(Some(DETAILS));
    pending.start(7, waiting, Instant::now());
    pending.receive(DETAILS, 7, b"one").unwrap();
    drop(pending);
    assert!(answer.try_recv().is_err());
}

#[test]
fn what_nobody_waits_for_is_unexpected() {
    let mut pending = Pending::default();
    let (waiting, _answer) = waiting(None);
    pending.start(7, waiting, Instant::now());
    assert_eq!(pending.receive(REPLY, 8, b""), Err(Unexpected), "context");
    assert_eq!(pending.receive(DETAILS, 7, b""), Err(Unexpected), "kind");
    pending.receive(REPLY, 7, b"").unwrap();
    assert_eq!(pending.receive(REPLY, 7, b""), Err(Unexpected), "twice");
}

#[test]
fn a_caller_who_went_away_is_no_error() {
    let mut pending = Pending::default();
    let (waiting, answer) = waiting(None);
    drop(answer);
    pending.start(7, waiting, Instant::now());
    pending.receive(REPLY, 7, b"").unwrap();
    assert!(pending.is_empty());
}
