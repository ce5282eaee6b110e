//! Why a switch cannot start or go on. What an API client does wrong is not here: it is answered.

use std::io;
use std::path::PathBuf;

/// The switch process cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum SwitchError {
    /// Another process serves this socket.
    #[error(
        "{} is served by a running process; stop that, or set another `api_socket`",
        path.display()
    )]
    SocketInUse {
        /// The socket.
        path: PathBuf,
    },
    /// The socket cannot be made.
    #[error("cannot {operation} the API socket {}: {source}", path.display())]
    Socket {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The socket.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A worker thread ended by itself: packets would not be moved any more.
    #[error("a worker thread ended by a fault; its message is in the log")]
    WorkerLost,
    /// A system call failed that never should.
    #[error("cannot {operation}: {source}")]
    System {
        /// What was tried.
        operation: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl SwitchError {
    /// For `map_err`: what was tried when the system refused.
    pub(crate) fn system(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { operation, source }
    }
}
