//! The calls of a connection: what of them is to be written, and what has come for them. Pure: time is an
//! argument.
//!
//! A call is begun by its caller, who encodes it into the one buffer that the task writes from; the task
//! gives what it reads to the call whose context it has, and the caller takes the answer away.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::task::{Poll, Waker};

use foldhash::fast::FixedState;
use tokio::time::Instant;
use weft_vpp_wire::RequestHeader;

/// All that came for one call: raw messages, to be decoded by the caller.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Details in the order of their coming.
    pub(super) details: Messages,
    /// The message that ended it.
    pub(super) reply: Vec<u8>,
}

/// Messages one behind the other in one piece of memory: a dump may have tens of thousands.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Messages {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

/// Which messages are the answer to a call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    /// The request, for what is told to people.
    pub(super) message: &'static str,
    /// Number of the message that ends it.
    pub(super) reply_id: u16,
    /// Number of the messages that may come before, if any.
    pub(super) details_id: Option<u16>,
}

/// A message that no call under way expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unexpected;

/// What has become of a call with the message that came for it.
#[derive(Debug)]
pub(super) enum Received {
    /// More is to come.
    More,
    /// It is over; this one waits for it, unless nobody does.
    Ended(Option<Waker>),
}

/// The calls of one connection.
#[derive(Debug)]
pub(super) struct Calls {
    client_index: u32,
    /// The context of the next call. There are fewer calls under way than contexts, so that it is free.
    next_context: u32,
    /// Frames that the task has not taken yet.
    unwritten: Vec<u8>,
    under_way: HashMap<u32, UnderWay, FixedState>,
    /// Those that are over, and wait to be taken away.
    answered: HashMap<u32, Answer, FixedState>,
    /// Why nothing is begun any more: the connection is over.
    is_closed: bool,
}

#[derive(Debug)]
struct UnderWay {
    expected: Expected,
    since: Instant,
    answer: Answer,
    caller: Caller,
}

/// Who waits for a call.
#[derive(Debug)]
enum Caller {
    Waiting(Option<Waker>),
    /// Nobody, any more or ever.
    Gone,
}

/// The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

impl Messages {
    fn push(&mut self, message: &[u8]) {
        self.bytes.extend_from_slice(message);
        self.ends.push(self.bytes.len());
    }

    /// All, in the order of their coming.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        let mut begin = 0;
        self.ends.iter().map(move |&end| {
            let message = self.bytes.get(begin..end).unwrap_or_default();
            begin = end;
            message
        })
    }
}

impl Calls {
    pub(super) fn new(client_index: u32) -> Self {
        Self {
            client_index,
            next_context: 1,
            unwritten: Vec::new(),
            under_way: HashMap::default(),
            answered: HashMap::default(),
            is_closed: false,
        }
    }

    /// Begins a call: `encode` writes its frames. Answers its context.
    pub(super) fn begin(
        &mut self,
        expected: Expected,
        now: Instant,
        encode: impl FnOnce(&mut Vec<u8>, RequestHeader),
    ) -> Result<u32, Closed> {
        if self.is_closed {
            return Err(Closed);
        }
        let context = self.next_context;
        self.write(encode);
        let call = UnderWay {
            expected,
            since: now,
            answer: Answer::default(),
            caller: Caller::Waiting(None),
        };
        self.under_way.insert(context, call);
        Ok(context)
    }

    /// Writes frames that are no call, under a context of their own.
    pub(super) fn write(&mut self, encode: impl FnOnce(&mut Vec<u8>, RequestHeader)) {
        let header = RequestHeader {
            client_index: self.client_index,
            context: self.next_context,
        };
        self.next_context = self.next_context.wrapping_add(1);
        encode(&mut self.unwritten, header);
    }

    /// Takes what is to be written, and leaves `empty` in its place.
    pub(super) fn take_unwritten(&mut self, empty: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.unwritten, empty)
    }

    /// The answer to a call that was begun and not abandoned, if it has come; `waker` is told of it
    /// otherwise.
    pub(super) fn poll(&mut self, context: u32, waker: &Waker) -> Poll<Result<Answer, Closed>> {
        if let Some(call) = self.under_way.get_mut(&context) {
            match &mut call.caller {
                Caller::Waiting(Some(known)) if known.will_wake(waker) => {}
                caller => *caller = Caller::Waiting(Some(waker.clone())),
            }
            return Poll::Pending;
        }
        Poll::Ready(self.answered.remove(&context).ok_or(Closed))
    }

    /// Nobody waits for this call any more. Its answer is still expected.
    pub(super) fn abandon(&mut self, context: u32) {
        if let Some(call) = self.under_way.get_mut(&context) {
            call.caller = Caller::Gone;
        }
        self.answered.remove(&context);
    }

    /// A message with a context has come.
    pub(super) fn receive(
        &mut self,
        id: u16,
        context: u32,
        message: &[u8],
    ) -> Result<Received, Unexpected> {
        let call = self.under_way.get_mut(&context).ok_or(Unexpected)?;
        if call.expected.details_id == Some(id) {
            call.answer.details.push(message);
            return Ok(Received::More);
        }
        if call.expected.reply_id != id {
            return Err(Unexpected);
        }
        let mut call = self.under_way.remove(&context).ok_or(Unexpected)?;
        let Caller::Waiting(waker) = call.caller else {
            return Ok(Received::Ended(None));
        };
        call.answer.reply = message.to_vec();
        self.answered.insert(context, call.answer);
        Ok(Received::Ended(waker))
    }

    /// The connection is over, and with it all calls under way; those who wait for them are to be told.
    pub(super) fn close(&mut self) -> Vec<Waker> {
        self.is_closed = true;
        let calls = self.under_way.drain();
        let wakers = calls.map(|(_, call)| match call.caller {
            Caller::Waiting(waker) => waker,
            Caller::Gone => None,
        });
        wakers.flatten().collect()
    }

    /// The call that has waited longest, and since when.
    pub(super) fn oldest(&self) -> Option<(&'static str, Instant)> {
        self.under_way
            .values()
            .map(|call| (call.expected.message, call.since))
            .min_by_key(|(_, since)| *since)
    }
}
