//! The calls of a connection: what of them is to be written, and what has come for them. Pure: time is an
//! argument.
//!
//! A call is begun by its caller, who encodes it into the one buffer that the task writes from; the task
//! gives what it reads to the call whose context it has, and the caller takes the answer away.
//!
//! Contexts count up, and the slot of a call is its context modulo the number of slots, which are a power
//! of two: a context whose slot is still taken is passed over. There are always at least twice as many
//! slots as calls, so that the next free one is near.

#[cfg(test)]
mod tests;

use std::task::{Poll, Waker};

use tokio::time::Instant;
use weft_vpp_wire::RequestHeader;

/// The slots that there are at first.
const FIRST_SLOTS: usize = 64;
/// The memory that a slot keeps for the reply of its next call: most are shorter.
const REPLY_KEPT: usize = 64;

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
    /// Where the search for the context of the next call begins.
    next_context: u32,
    /// Frames that the task has not taken yet.
    unwritten: Vec<u8>,
    slots: Vec<Slot>,
    /// How many slots are taken.
    taken: usize,
    /// Why nothing is begun any more: the connection is over.
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Slot {
    call: Option<Call>,
    /// The message that ended the call. Its memory is there for the next one, too.
    reply: Vec<u8>,
}

#[derive(Debug)]
struct Call {
    context: u32,
    expected: Expected,
    since: Instant,
    details: Messages,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Its end is still to come, and somebody waits for it.
    Waiting(Waker),
    /// Its end is still to come, but nobody waits for it any more.
    Abandoned,
    /// Its answer waits to be taken away.
    Answered,
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
            slots: slots(FIRST_SLOTS),
            taken: 0,
            is_closed: false,
        }
    }

    /// Begins a call: `encode` writes its frames, `caller` is told of its end. Answers its context.
    pub(super) fn begin(
        &mut self,
        expected: Expected,
        now: Instant,
        caller: Waker,
        encode: impl FnOnce(&mut Vec<u8>, RequestHeader),
    ) -> Result<u32, Closed> {
        if self.is_closed {
            return Err(Closed);
        }
        if self.taken * 2 >= self.slots.len() {
            self.grow();
        }
        let context = self.write(encode);
        self.taken += 1;
        self.slot(context).call = Some(Call {
            context,
            expected,
            since: now,
            details: Messages::default(),
            state: State::Waiting(caller),
        });
        Ok(context)
    }

    /// Writes frames under a context that no call has; answers it.
    pub(super) fn write(&mut self, encode: impl FnOnce(&mut Vec<u8>, RequestHeader)) -> u32 {
        while self.slot(self.next_context).call.is_some() {
            self.next_context = self.next_context.wrapping_add(1);
        }
        let context = self.next_context;
        self.next_context = context.wrapping_add(1);
        let header = RequestHeader {
            client_index: self.client_index,
            context,
        };
        encode(&mut self.unwritten, header);
        context
    }

    /// Takes what is to be written, and leaves `empty` in its place.
    pub(super) fn take_unwritten(&mut self, empty: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.unwritten, empty)
    }

    /// The answer to a call that was begun and not abandoned, if it has come: what `read` makes of the
    /// message that ended it, and the details that came before. `waker` is told of it otherwise.
    pub(super) fn poll<T>(
        &mut self,
        context: u32,
        waker: &Waker,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Poll<Result<(T, Messages), Closed>> {
        match self.call(context).map(|call| &mut call.state) {
            Some(State::Waiting(caller)) => {
                caller.clone_from(waker);
                Poll::Pending
            }
            Some(State::Abandoned) => Poll::Pending,
            Some(State::Answered) => {
                let reply = read(&self.slot(context).reply);
                let call = self.remove(context);
                Poll::Ready(Ok((
                    reply,
                    call.map(|call| call.details).unwrap_or_default(),
                )))
            }
            None => Poll::Ready(Err(Closed)),
        }
    }

    /// Nobody waits for this call any more. Its answer is still expected.
    pub(super) fn abandon(&mut self, context: u32) {
        match self.call(context).map(|call| &mut call.state) {
            Some(State::Answered) => drop(self.remove(context)),
            Some(state) => *state = State::Abandoned,
            None => {}
        }
    }

    /// A message with a context has come.
    pub(super) fn receive(
        &mut self,
        id: u16,
        context: u32,
        message: &[u8],
    ) -> Result<Received, Unexpected> {
        let slot = self.slot(context);
        let of_context = slot.call.as_mut().filter(|call| call.context == context);
        let call = of_context.ok_or(Unexpected)?;
        if matches!(call.state, State::Answered) {
            return Err(Unexpected);
        }
        if call.expected.details_id == Some(id) {
            call.details.push(message);
            return Ok(Received::More);
        }
        if call.expected.reply_id != id {
            return Err(Unexpected);
        }
        let State::Waiting(caller) = std::mem::replace(&mut call.state, State::Answered) else {
            self.remove(context);
            return Ok(Received::Ended(None));
        };
        slot.reply.extend_from_slice(message);
        Ok(Received::Ended(Some(caller)))
    }

    /// The connection is over, and with it all calls under way; those who wait for them are to be told.
    pub(super) fn close(&mut self) -> Vec<Waker> {
        self.is_closed = true;
        let mut callers = Vec::new();
        for slot in &mut self.slots {
            if let Some(call) = slot.call.take_if(|call| call.is_under_way()) {
                self.taken -= 1;
                if let State::Waiting(caller) = call.state {
                    callers.push(caller);
                }
            }
        }
        callers
    }

    /// The call that has waited longest, and since when.
    pub(super) fn oldest(&self) -> Option<(&'static str, Instant)> {
        let calls = self.slots.iter().filter_map(|slot| slot.call.as_ref());
        calls
            .filter(|call| call.is_under_way())
            .map(|call| (call.expected.message, call.since))
            .min_by_key(|(_, since)| *since)
    }

    fn call(&mut self, context: u32) -> Option<&mut Call> {
        let call = self.slot(context).call.as_mut();
        call.filter(|call| call.context == context)
    }

    /// Frees the slot of a call that is over.
    fn remove(&mut self, context: u32) -> Option<Call> {
        let slot = self.slot(context);
        slot.reply.clear();
        slot.reply.shrink_to(REPLY_KEPT);
        let call = slot.call.take();
        self.taken -= usize::from(call.is_some());
        call
    }

    fn slot(&mut self, context: u32) -> &mut Slot {
        // Within bounds: the number of slots is a power of two.
        let mask = self.slots.len() - 1;
        &mut self.slots[context as usize & mask]
    }

    /// Doubles the slots. Calls whose slots were different have different ones again.
    fn grow(&mut self) {
        let more = slots(self.slots.len() * 2);
        for slot in std::mem::replace(&mut self.slots, more) {
            if let Some(call) = &slot.call {
                let context = call.context;
                *self.slot(context) = slot;
            }
        }
    }
}

impl Call {
    fn is_under_way(&self) -> bool {
        !matches!(self.state, State::Answered)
    }
}

fn slots(count: usize) -> Vec<Slot> {
    std::iter::repeat_with(Slot::default).take(count).collect()
}
