//! SIGINT and SIGTERM: the first asks for an ordered end, the second ends at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Exit;

/// Whether and by what we were asked to end.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown {
    token: CancellationToken,
    signal: Arc<AtomicU8>,
}

const SIGINT: u8 = 2;
const SIGTERM: u8 = 15;

impl Shutdown {
    /// Listens from now on. Within a tokio runtime.
    pub(crate) fn listen() -> std::io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = Self {
            token: CancellationToken::new(),
            signal: Arc::default(),
        };
        let this = shutdown.clone();
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = interrupt.recv() => SIGINT,
                    _ = terminate.recv() => SIGTERM,
                };
                if this.token.is_cancelled() {
                    std::process::exit(Exit::Signal(number).code().into());
                }
                this.signal.store(number, Ordering::Relaxed);
                this.token.cancel();
            }
        });
        Ok(shutdown)
    }

    /// Cancelled by the first signal.
    pub(crate) fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// How the process ends if a signal has ended its work.
    pub(crate) fn exit(&self) -> Exit {
        match self.signal.load(Ordering::Relaxed) {
            0 => Exit::Ok,
            number => Exit::Signal(number),
        }
    }
}
