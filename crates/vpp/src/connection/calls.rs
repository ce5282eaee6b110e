//! The calls under way, by context, and what has come for them. Pure: time is an argument.

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use foldhash::fast::FixedState;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

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

/// A call on its way to the task.
#[derive(Debug)]
pub(super) struct Call {
    /// The frames to write.
    pub(super) frames: Vec<u8>,
    /// The context in all of them.
    pub(super) context: u32,
    /// Who waits for it.
    pub(super) waiting: Waiting,
}

/// What a call expects.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The request, for what is told to people.
    pub(super) message: &'static str,
    /// Number of the message that ends it.
    pub(super) reply_id: u16,
    /// Number of the messages that may come before, if any.
    pub(super) details_id: Option<u16>,
    /// Where the answer goes; nobody waits for the task's own pings.
    pub(super) answer: Option<oneshot::Sender<Answer>>,
    /// Gives the place in the window back when the call is over.
    #[expect(dead_code, reason = "held for what its Drop does")]
    pub(super) permit: Option<OwnedSemaphorePermit>,
}

/// A message that no call under way expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unexpected;

/// The calls under way.
#[derive(Debug, Default)]
pub(super) struct Pending {
    calls: HashMap<u32, Started, FixedState>,
}

#[derive(Debug)]
struct Started {
    waiting: Waiting,
    since: Instant,
    answer: Answer,
}

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

impl Pending {
    /// A call has been written. Its context is not under way already: contexts are counted up, and
    /// there are fewer calls under way than contexts.
    pub(super) fn start(&mut self, context: u32, waiting: Waiting, now: Instant) {
        let started = Started {
            waiting,
            since: now,
            answer: Answer::default(),
        };
        self.calls.insert(context, started);
    }

    /// A message with a context has come. Whoever no longer waits is passed over in silence.
    pub(super) fn receive(
        &mut self,
        id: u16,
        context: u32,
        message: &[u8],
    ) -> Result<(), Unexpected> {
        let started = self.calls.get_mut(&context).ok_or(Unexpected)?;
        if started.waiting.details_id == Some(id) {
            started.answer.details.push(message);
            return Ok(());
        }
        if started.waiting.reply_id != id {
            return Err(Unexpected);
        }
        if let Some(Started {
            waiting,
            mut answer,
            ..
        }) = self.calls.remove(&context)
        {
            answer.reply = message.to_vec();
            if let Some(sender) = waiting.answer {
                // Fails if the caller has gone away meanwhile.
                sender.send(answer).ok();
            }
        }
        Ok(())
    }

    /// Whether nothing is under way.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The call that has waited longest, and since when.
    pub(super) fn oldest(&self) -> Option<(&'static str, Instant)> {
        self.calls
            .values()
            .map(|started| (started.waiting.message, started.since))
            .min_by_key(|(_, since)| *since)
    }
}
