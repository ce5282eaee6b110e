//! The process of something that can be killed and started again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use weft_lab::Process;

/// A process, while it runs. It ends when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Option<Process>>);

impl Running {
    /// Whether there is one.
    pub(super) fn is_there(&self) -> bool {
        self.process().is_some()
    }

    /// This is the one that runs.
    pub(super) fn is(&self, process: Process) {
        *self.process() = Some(process);
    }

    /// Kills it, as a crash would.
    pub(super) fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            process.kill();
        }
    }

    /// Kills it with all that it has started, as the end of its machine would.
    pub(super) fn kill_all(&self) {
        if let Some(mut process) = self.process().take() {
            process.kill_all();
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
