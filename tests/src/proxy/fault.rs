//! What a relay does to messages besides passing them on.

use std::time::Duration;

/// Harm to certain messages.
#[derive(Clone, Debug)]
pub struct Fault {
    message: String,
    containing: Vec<u8>,
    /// Messages that fit and are spared first.
    spared: u32,
    /// How often it is still done.
    left: u32,
    action: Action,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A request is not passed on, but answered with this return value.
    Refuse(i32),
    /// A request or answer is passed on this much later, and all behind it in the same direction.
    Delay(Duration),
    /// Only the first half of the frame is passed on; then both ends are closed.
    CutWithin,
    /// The whole frame is passed on; then both ends are closed, so that no answer comes.
    CutBehind,
}

impl Fault {
    /// Does `action` to every message of that name: a request, a reply or a `…_details`.
    pub fn new(message: &str, action: Action) -> Self {
        Self {
            message: message.to_owned(),
            containing: Vec::new(),
            spared: 0,
            left: u32::MAX,
            action,
        }
    }

    /// Only to messages that hold this text somewhere.
    #[must_use]
    pub fn containing(mut self, text: &str) -> Self {
        text.as_bytes().clone_into(&mut self.containing);
        self
    }

    /// Only from the message after the first `spared` on.
    #[must_use]
    pub fn after(mut self, spared: u32) -> Self {
        self.spared = spared;
        self
    }

    /// Only so many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.left = times;
        self
    }

    /// What is to be done to this message, if anything; counts it.
    pub(super) fn strike(&mut self, message: &str, bytes: &[u8]) -> Option<Action> {
        let fits = self.message == message
            && (self.containing.is_empty()
                || bytes
                    .windows(self.containing.len())
                    .any(|part| part == self.containing));
        if !fits || self.left == 0 {
            return None;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return None;
        }
        self.left -= 1;
        Some(self.action)
    }
}
