//! Waiting before the next attempt: at once, then doubling to a ceiling, with jitter so that a
//! thousand agents do not come back in step.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const CEILING: Duration = Duration::from_secs(5);

/// The wait before each attempt in a row of failures.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    ceiling: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::within(CEILING)
    }
}

impl Backoff {
    /// Waits that are never longer than this, nor than those of the others.
    pub(crate) fn within(longest: Duration) -> Self {
        Self {
            failures: 0,
            ceiling: longest.min(CEILING),
        }
    }

    /// The wait that follows one more failure: none after the first.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = match self.failures {
            0 => Duration::ZERO,
            n => FIRST.saturating_mul(1 << (n - 1).min(10)).min(self.ceiling),
        };
        self.failures = self.failures.saturating_add(1);
        jittered(wait)
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// Between half of `wait` and the whole of it.
fn jittered(wait: Duration) -> Duration {
    // A fresh RandomState is keyed from the system's randomness.
    let random = RandomState::new().hash_one(0_u8);
    let thousandths = u32::try_from(random % 501).unwrap_or(0);
    wait / 2 + wait / 1000 * thousandths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_at_once_then_bounded() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_wait(), Duration::ZERO);
        for _ in 0..100 {
            let wait = backoff.next_wait();
            assert!(wait >= FIRST / 2 && wait <= CEILING, "{wait:?}");
        }
        assert!(backoff.next_wait() >= CEILING / 2);
        backoff.reset();
        assert_eq!(backoff.next_wait(), Duration::ZERO);
    }

    #[test]
    fn within_what_is_asked_for() {
        let longest = Duration::from_secs(1);
        let mut short = Backoff::within(longest);
        assert!((0..100).all(|_| short.next_wait() <= longest));
        let mut long = Backoff::within(CEILING * 10);
        assert!((0..100).all(|_| long.next_wait() <= CEILING));
    }
}
