//! Tells when nothing has come for a moment.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long nothing may come for it to be a lull; it is noticed after up to twice as long. Longer than
/// a host needs to carry out what was written at once, so that what is done in a lull does not take the
/// processor from those who are waited for.
pub(super) const QUIET: Duration = Duration::from_millis(500);

/// See the module.
pub(super) struct Lull {
    /// Set again only when it has run down, which costs less than to set it whenever something comes.
    timer: Pin<Box<Sleep>>,
    /// Something has come since the last lull; so the timer runs.
    busy: bool,
    /// Nothing has come since the timer was set.
    quiet: bool,
}

impl Lull {
    pub(super) fn new() -> Self {
        Self {
            timer: Box::pin(sleep_until(Instant::now())),
            busy: false,
            quiet: true,
        }
    }

    /// Something has come.
    pub(super) fn end(&mut self) {
        if !std::mem::replace(&mut self.busy, true) {
            self.timer.as_mut().reset(Instant::now() + QUIET);
        }
        self.quiet = false;
    }

    /// Waits for the first lull since something has come; for ever, if nothing has. Cancel-safe.
    pub(super) async fn begun(&mut self) {
        if !self.busy {
            std::future::pending::<()>().await;
        }
        loop {
            self.timer.as_mut().await;
            if std::mem::replace(&mut self.quiet, true) {
                self.busy = false;
                return;
            }
            self.timer.as_mut().reset(Instant::now() + QUIET);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lull_is_told_once_and_not_while_something_comes() {
        let mut lull = Lull::new();
        let begun = async |lull: &mut Lull, within| {
            let started = Instant::now();
            let begun = tokio::time::timeout(within, lull.begun()).await;
            begun.ok().map(|()| started.elapsed())
        };
        let long = QUIET * 1000;
        assert_eq!(begun(&mut lull, long).await, None, "nothing has come");
        for _ in 0..2 {
            for _ in 0..20 {
                lull.end();
                assert_eq!(begun(&mut lull, QUIET / 2).await, None);
            }
            let after = begun(&mut lull, long).await.unwrap();
            assert!(after >= QUIET / 2 && after <= QUIET * 2, "{after:?}");
            assert_eq!(begun(&mut lull, long).await, None, "it was told");
        }
    }
}
