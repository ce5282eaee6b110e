//! What can go wrong in a lab.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Something in a lab that could not be done, or did not come about.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A command could not be started.
    #[error("cannot start `{command}`: {source}")]
    Start {
        /// The command line.
        command: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A command ended otherwise than with success.
    #[error("`{command}` failed ({status}): {output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it printed last, errors first.
        output: String,
    },
    /// A file or directory of the lab.
    #[error("cannot {operation} {}: {source}", path.display())]
    File {
        /// What was tried, as a verb.
        operation: &'static str,
        /// Which one.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A process ended while it was needed.
    #[error("process `{name}` ended ({status}); the end of its log {}:\n{tail}", log.display())]
    Died {
        /// Its name in the lab.
        name: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its log.
        log: PathBuf,
        /// The last lines of it.
        tail: String,
    },
    /// A condition did not come about.
    #[error("{what} did not come about within {waited:?}: {last}")]
    Timeout {
        /// The condition.
        what: String,
        /// How long was waited.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// A device could not be watched.
    #[error(transparent)]
    Port(#[from] weft_ports::PortError),
    /// The output of `ping` is not what is known of it.
    #[error("cannot make sense of what `ping` printed: {0}")]
    PingOutput(String),
}

impl LabError {
    /// For `map_err`: what was tried with a file.
    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File {
            operation,
            path,
            source,
        }
    }
}
