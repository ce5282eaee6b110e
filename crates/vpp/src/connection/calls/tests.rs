use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

const REPLY: u16 = 20;
const DETAILS: u16 = 21;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn begin(calls: &mut Calls, details_id: Option<u16>) -> u32 {
    let expected = Expected {
        message: "some_request",
        reply_id: REPLY,
        details_id,
    };
    let encode = |out: &mut Vec<u8>, header: RequestHeader| {
        out.extend(header.context.to_be_bytes());
    };
    calls.begin(expected, Instant::now(), encode).unwrap()
}

fn poll(calls: &mut Calls, context: u32) -> Poll<Result<Answer, Closed>> {
    calls.poll(context, Waker::noop())
}

#[test]
fn details_are_handed_over_only_with_their_end() {
    let mut calls = Calls::new(1);
    let context = begin(&mut calls, Some(DETAILS));
    calls.receive(DETAILS, context, b"one").unwrap();
    calls.receive(DETAILS, context, b"two").unwrap();
    assert!(poll(&mut calls, context).is_pending());
    calls.receive(REPLY, context, b"end").unwrap();
    let Poll::Ready(Ok(answer)) = poll(&mut calls, context) else {
        panic!("no answer");
    };
    assert_eq!(answer.details.iter().collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(answer.reply, b"end");
    assert!(calls.oldest().is_none());
}

#[test]
fn an_unfinished_dump_is_no_answer() {
    let mut calls = Calls::new(1);
    let context = begin(&mut calls, Some(DETAILS));
    calls.receive(DETAILS, context, b"one").unwrap();
    calls.close();
    assert_eq!(poll(&mut calls, context), Poll::Ready(Err(Closed)));
}

#[test]
fn what_nobody_waits_for_is_unexpected() {
    let mut calls = Calls::new(1);
    let context = begin(&mut calls, None);
    let other = context + 1;
    assert!(calls.receive(REPLY, other, b"").is_err(), "context");
    assert!(calls.receive(DETAILS, context, b"").is_err(), "kind");
    calls.receive(REPLY, context, b"").unwrap();
    assert!(calls.receive(REPLY, context, b"").is_err(), "twice");
}

#[test]
fn a_caller_who_went_away_is_no_error_and_leaves_nothing() {
    let mut calls = Calls::new(1);
    let before = begin(&mut calls, None);
    calls.abandon(before);
    assert!(calls.oldest().is_some(), "its answer is still to come");
    calls.receive(REPLY, before, b"").unwrap();
    let after = begin(&mut calls, None);
    calls.receive(REPLY, after, b"").unwrap();
    calls.abandon(after);
    assert!(calls.under_way.is_empty() && calls.answered.is_empty());
}

#[test]
fn who_waits_is_told_once() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut calls = Calls::new(1);
    let [one, other] = [(); 2].map(|()| begin(&mut calls, None));
    assert!(calls.poll(one, &waker).is_pending());
    assert!(calls.poll(other, &waker).is_pending());
    let Ok(Received::Ended(Some(told))) = calls.receive(REPLY, one, b"") else {
        panic!("nobody is told");
    };
    told.wake();
    // The answer that was there before the end is still to be had.
    calls.close().into_iter().for_each(Waker::wake);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert!(matches!(poll(&mut calls, one), Poll::Ready(Ok(_))));
    assert_eq!(poll(&mut calls, other), Poll::Ready(Err(Closed)));
}

#[test]
fn frames_are_taken_in_their_order_and_once() {
    let mut calls = Calls::new(1);
    let contexts = [(); 2].map(|()| begin(&mut calls, None).to_be_bytes());
    assert_eq!(calls.take_unwritten(Vec::new()), contexts.concat());
    assert_eq!(calls.take_unwritten(Vec::new()), b"");
}
