//! How long to wait before something that was refused is tried again.

use std::time::Duration;

/// Waits that double, up to a ceiling, for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub ceiling: Duration,
}

impl Backoff {
    /// The wait after the `tries`-th refusal, counted from 1.
    pub fn delay(&self, tries: u32) -> Duration {
        let doublings = tries.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.ceiling)
    }
}

impl Default for Backoff {
    /// One second at first, a minute at most.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            ceiling: Duration::from_mins(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_ceiling() {
        let backoff = Backoff::default();
        let seconds = |tries| backoff.delay(tries).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(3)], [1, 2, 4]);
        assert_eq!([seconds(7), seconds(40), seconds(u32::MAX)], [60, 60, 60]);
    }
}
