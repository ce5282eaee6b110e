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
    begin_for(calls, details_id, Waker::noop())
}

fn begin_for(calls: &mut Calls, details_id: Option<u16>, caller: &Waker) -> u32 {
    let expected = Expected {
        message: "some_request",
        reply_id: REPLY,
        details_id,
    };
    let encode = |out: &mut Vec<u8>, header: RequestHeader| {
        out.extend(header.context.to_be_bytes());
    };
    let begun = calls.begin(expected, Instant::now(), caller.clone(), encode);
    begun.unwrap()
}

/// The reply, and the details before it.
type Answer = (Vec<u8>, Messages);

fn poll(calls: &mut Calls, context: u32) -> Poll<Result<Answer, Closed>> {
    calls.poll(context, Waker::noop(), <[u8]>::to_vec)
}

/// How many calls there are, and how many slots are taken: always the same.
fn taken(calls: &Calls) -> usize {
    let with_call = calls.slots.iter().filter(|slot| slot.call.is_some());
    assert_eq!(with_call.count(), calls.taken);
    calls.taken
}

#[test]
fn details_are_handed_over_only_with_their_end() {
    let mut calls = Calls::new(1);
    let context = begin(&mut calls, Some(DETAILS));
    calls.receive(DETAILS, context, b"one").unwrap();
    calls.receive(DETAILS, context, b"two").unwrap();
    assert!(poll(&mut calls, context).is_pending());
    calls.receive(REPLY, context, b"end").unwrap();
    let Poll::Ready(Ok((reply, details))) = poll(&mut calls, context) else {
        panic!("no answer");
    };
    assert_eq!(details.iter().collect::<Vec<_>>(), [b"one", b"two"]);
    assert_eq!(reply, b"end");
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
    assert_eq!(taken(&calls), 0);
}

#[test]
fn who_waits_is_told_once() {
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut calls = Calls::new(1);
    let one = begin_for(&mut calls, None, &waker);
    // Who waits may be another than who began.
    let other = begin(&mut calls, None);
    assert!(calls.poll(other, &waker, |_| ()).is_pending());
    let Ok(Received::Ended(Some(told))) = calls.receive(REPLY, one, b"") else {
        panic!("nobody is told");
    };
    told.wake();
    // The answer that was there before the end is still to be had.
    calls.close().into_iter().for_each(Waker::wake);
    assert_eq!(count.0.load(Ordering::Relaxed), 2);
    assert!(matches!(poll(&mut calls, one), Poll::Ready(Ok(_))));
    assert_eq!(poll(&mut calls, other), Poll::Ready(Err(Closed)));
    assert_eq!(taken(&calls), 0);
}

#[test]
fn every_call_under_way_has_an_answer_of_its_own() {
    const CALLS: u32 = 1000;
    let mut calls = Calls::new(1);
    let slow = begin(&mut calls, None);
    // Contexts come round, to the slow one and to those of the round before.
    calls.next_context = slow.wrapping_sub(CALLS / 2);
    for _ in 0..3 {
        let contexts: Vec<u32> = (0..CALLS).map(|_| begin(&mut calls, None)).collect();
        assert!(!contexts.contains(&slow));
        assert!(calls.slots.len() >= 2 * taken(&calls));
        for context in contexts.iter().rev() {
            let reply = context.to_be_bytes();
            calls.receive(REPLY, *context, &reply).unwrap();
        }
        for context in contexts {
            let Poll::Ready(Ok((reply, _))) = poll(&mut calls, context) else {
                panic!("no answer to {context}");
            };
            assert_eq!(reply, context.to_be_bytes());
        }
        assert_eq!(taken(&calls), 1);
        calls.next_context = slow;
    }
    calls.receive(REPLY, slow, b"late").unwrap();
    assert!(matches!(poll(&mut calls, slow), Poll::Ready(Ok((reply, _))) if reply == b"late"));
}

#[test]
fn an_answer_to_a_call_long_over_is_none_to_the_one_in_its_slot() {
    let mut calls = Calls::new(1);
    let before = begin(&mut calls, None);
    calls.receive(REPLY, before, b"").unwrap();
    assert!(poll(&mut calls, before).is_ready());
    let slots = u32::try_from(calls.slots.len()).unwrap();
    calls.next_context = before + slots;
    let after = begin(&mut calls, None);
    assert_eq!(after, before + slots);
    assert!(calls.receive(REPLY, before, b"").is_err());
    calls.abandon(before);
    assert!(poll(&mut calls, after).is_pending());
    calls.receive(REPLY, after, b"").unwrap();
    assert!(matches!(poll(&mut calls, after), Poll::Ready(Ok(_))));
}

#[test]
fn the_memory_of_a_long_reply_is_given_back() {
    let mut calls = Calls::new(1);
    let context = begin(&mut calls, None);
    calls.receive(REPLY, context, &[0; 4096]).unwrap();
    assert!(poll(&mut calls, context).is_ready());
    assert!(calls.slot(context).reply.capacity() <= REPLY_KEPT);
}

#[test]
fn frames_are_taken_in_their_order_and_once() {
    let mut calls = Calls::new(1);
    let contexts = [(); 2].map(|()| begin(&mut calls, None).to_be_bytes());
    assert_eq!(calls.take_unwritten(Vec::new()), contexts.concat());
    assert_eq!(calls.take_unwritten(Vec::new()), b"");
}
