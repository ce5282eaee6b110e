//! One connected API client: bytes in, messages out, and the other way round.
//!
//! Memory for a client is bounded whatever it does. It is not read while its answers pile up, an
//! announced message that is too long ends it, and one that does not fetch its events is dropped.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use weft_vpp_wire::{FrameDecoder, FrameError};

use crate::poller::Interest;

#[cfg(test)]
mod tests;

/// Longest request. The longest real ones are access lists: one of 10,000 rules has 470 KiB.
const MAX_REQUEST: usize = 4 << 20;
/// Bytes taken from the socket at once, so that one busy client does not starve the others.
pub(crate) const READ_CHUNK: usize = 32 << 10;
/// Above this much unsent output the client's requests wait.
const OUTPUT_PAUSE: usize = 256 << 10;
/// Above this much unsent output the client is dropped. A dump of 10,000 interfaces has 4 MiB.
const OUTPUT_LIMIT: usize = 64 << 20;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientEnd {
    /// The client closed it.
    #[error("the client closed the connection")]
    Closed,
    /// The client said good-bye.
    #[error("the client took its leave")]
    Deleted,
    /// The stream is out of step.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Socket(#[from] io::Error),
    /// It does not read what it asked for.
    #[error("the client leaves {unread} bytes unread")]
    Stalled {
        /// Bytes that wait for it.
        unread: usize,
    },
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
    decoder: FrameDecoder,
    output: Vec<u8>,
    /// Bytes at the front of `output` that are sent.
    sent: usize,
    /// Requests may be waiting in `decoder` because output was piling up.
    is_paused: bool,
}

impl Client {
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            decoder: FrameDecoder::new(MAX_REQUEST),
            output: Vec::new(),
            sent: 0,
            is_paused: false,
        }
    }

    /// Takes what has arrived, at most a `chunk`, and calls `handle` with each whole message and
    /// the buffer for answers. Goes on only while answers are not piling up.
    pub(crate) fn receive(
        &mut self,
        chunk: &mut [u8],
        handle: &mut impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), ClientEnd>,
    ) -> Result<(), ClientEnd> {
        let n = match self.stream.read(chunk) {
            Ok(0) => return Err(ClientEnd::Closed),
            Ok(n) => n,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => 0,
            Err(e) => return Err(e.into()),
        };
        self.decoder.feed(chunk.get(..n).unwrap_or_default());
        self.process(handle)
    }

    /// Handles messages that are already here, as far as their answers may go.
    pub(crate) fn process(
        &mut self,
        handle: &mut impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), ClientEnd>,
    ) -> Result<(), ClientEnd> {
        loop {
            self.is_paused = self.unread() > OUTPUT_PAUSE;
            if self.is_paused {
                return Ok(());
            }
            let Some(message) = self.decoder.next_message()? else {
                return Ok(());
            };
            handle(message, &mut self.output)?;
        }
    }

    /// The buffer for messages that the client did not ask for one by one: events.
    pub(crate) fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Sends as much as the client takes.
    pub(crate) fn flush(&mut self) -> Result<(), ClientEnd> {
        while let Some(rest) = self.output.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(n) => self.sent += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        match self.unread() {
            0 => {
                self.output.clear();
                // Memory of a great dump is not kept.
                self.output.shrink_to(OUTPUT_PAUSE);
                self.sent = 0;
                Ok(())
            }
            unread if unread > OUTPUT_LIMIT => Err(ClientEnd::Stalled { unread }),
            _ => Ok(()),
        }
    }

    /// What to wait for. A paused client goes on when it takes output, which is at once if it has
    /// taken all.
    pub(crate) fn interest(&self) -> Interest {
        match self.unread() {
            unread if unread > OUTPUT_PAUSE => Interest::Write,
            unread if unread > 0 || self.is_paused => Interest::ReadWrite,
            _ => Interest::Read,
        }
    }

    fn unread(&self) -> usize {
        self.output.len() - self.sent
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
