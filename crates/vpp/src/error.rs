//! What can go wrong with a VPP: on the way to a connection, with one call, and at a connection's end.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weft_vpp_wire::capability::Missing;
use weft_vpp_wire::{DecodeError, FrameError, InvalidTable, Retval};

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The socket cannot be opened.
    #[error("cannot open VPP's API socket {path}: {error}; is VPP running, and is this path the \
             `socket-name` (or `default`) of `socksvr` in its startup.conf?", path = path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What Linux said.
        error: Arc<io::Error>,
    },
    /// The client's name does not fit into VPP's field.
    #[error("a client of VPP cannot be called so: {0}")]
    Name(#[from] weft_vpp_wire::InvalidText),
    /// There is somebody, but no answer.
    #[error("no answer from {path} within {after:?}", path = path.display())]
    TimedOut {
        /// The socket.
        path: PathBuf,
        /// How long was waited.
        after: Duration,
    },
    /// There is somebody, but VPP would answer otherwise.
    #[error("{path} does not answer as VPP does: {reason}", path = path.display())]
    Handshake {
        /// The socket.
        path: PathBuf,
        /// In what.
        reason: HandshakeError,
    },
}

/// How an answer to the first message is not VPP's.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HandshakeError {
    /// The other side closed the socket.
    #[error("it closed the connection after {unfinished} bytes of an answer")]
    Closed {
        /// Bytes that came before.
        unfinished: usize,
    },
    /// The socket failed.
    #[error(transparent)]
    Io(Arc<io::Error>),
    /// No frames come.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The answer is something else.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The client is turned away.
    #[error("it refuses new clients ({0})")]
    Refused(Retval),
    /// Its table cannot be true.
    #[error(transparent)]
    Table(#[from] InvalidTable),
    /// It lacks what a connection needs.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The reply has another number than the table says.
    #[error("its first answer has message number {found}, but its table says {expected}")]
    ReplyId {
        /// The number that came.
        found: u16,
        /// The number in the table.
        expected: u16,
    },
}

/// Why a call has no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// VPP said no. The connection goes on.
    #[error("VPP refuses {message}: {retval}")]
    Refused {
        /// The request.
        message: &'static str,
        /// VPP's reason.
        retval: Retval,
    },
    /// VPP does not know the message. Nothing was sent; the connection goes on.
    #[error("VPP cannot do this: {0}")]
    Unsupported(#[from] Missing),
    /// The answer cannot be read, which ends the connection. Whether VPP has done what was asked is
    /// not known.
    #[error("VPP's answer cannot be read: {0}")]
    Malformed(#[from] DecodeError),
    /// VPP lives, but did not answer this, which ends the connection. Whether VPP has done what was
    /// asked is not known.
    #[error("VPP has not answered {message} for {after:?}")]
    TimedOut {
        /// The request.
        message: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The connection ended before the answer. Whether VPP has done what was asked is not known.
    #[error("the connection to VPP is over: {0}")]
    Disconnected(Disconnect),
}

/// Why a connection ended.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Disconnect {
    /// We ended it.
    #[error("it was closed on our side")]
    Local,
    /// VPP ended it, or ended itself.
    #[error("VPP closed it{}", in_the_middle(*unfinished))]
    Closed {
        /// Bytes that came of a message whose rest did not.
        unfinished: usize,
    },
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Io(Arc<io::Error>),
    /// VPP gave no sign of life.
    #[error("VPP gave no sign of life for {after:?}, though asked")]
    Silent {
        /// How long was waited.
        after: Duration,
    },
    /// VPP left a request unanswered.
    #[error("VPP lives, but has not answered {message} for {after:?}")]
    Unanswered {
        /// The request.
        message: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The stream of frames is broken.
    #[error("the stream of messages is broken: {0}")]
    Frame(#[from] FrameError),
    /// A message cannot be read.
    #[error("a message cannot be read: {0}")]
    Decode(#[from] DecodeError),
    /// An answer came that was not asked for.
    #[error("VPP sent {message} with context {context:#x}, which nobody waits for")]
    Unexpected {
        /// The message.
        message: &'static str,
        /// Its context.
        context: u32,
    },
    /// A dump in portions does not advance.
    #[error("VPP's answers to {message} do not advance")]
    Stuck {
        /// The request.
        message: &'static str,
    },
}

fn in_the_middle(unfinished: usize) -> String {
    match unfinished {
        0 => String::new(),
        bytes => format!(" in the middle of a message, after {bytes} bytes"),
    }
}
