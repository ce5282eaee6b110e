//! One connection: whole messages with the descriptors that come with them, without ever blocking.
//!
//! What a message means is `vhost`'s to say ([`super::session`]); but its handler reads a message
//! in a loop that waits for the rest of it, and starts over, waiting for another one, when a header
//! comes with more descriptors than it has room for (`Endpoint::recv_into_iovec_all`). So it is only
//! ever given what has wholly arrived and was counted here.

use std::io::{self, ErrorKind, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, recvmsg};

use super::memory::MAX_REGIONS;

/// Bytes before the payload: request, flags, size (QEMU `docs/interop/vhost-user.rst`).
const HEADER_LEN: usize = 12;
/// Longest payload that a network port is sent, with room to spare.
const MAX_PAYLOAD: usize = 1024;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamEnd {
    /// The peer closed it.
    #[error("the peer closed the connection")]
    Closed,
    /// The socket failed, or takes no more replies.
    #[error("the socket failed: {0}")]
    Socket(#[from] io::Error),
    /// More than any message has.
    #[error("a message with a payload of {0} bytes")]
    TooLong(u32),
    /// More descriptors than any message has.
    #[error("a message with more than {MAX_REGIONS} descriptors")]
    TooManyFiles,
}

/// A connected peer.
#[derive(Debug)]
pub(super) struct Stream {
    socket: UnixStream,
    buffer: [u8; HEADER_LEN + MAX_PAYLOAD],
    filled: usize,
    files: Vec<OwnedFd>,
}

/// A message that has wholly arrived.
#[derive(Debug)]
pub(super) struct Message<'a> {
    /// Header and payload.
    pub(super) bytes: &'a [u8],
    /// What came with it.
    pub(super) files: Vec<OwnedFd>,
}

impl Message<'_> {
    /// What it is; meaningless for babble.
    pub(super) fn request(&self) -> u32 {
        word(self.bytes, 0)
    }
}

impl Stream {
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            buffer: [0; HEADER_LEN + MAX_PAYLOAD],
            filled: 0,
            files: Vec::new(),
        })
    }

    /// The next message, `None` if it has not wholly arrived.
    pub(super) fn receive(&mut self) -> Result<Option<Message<'_>>, StreamEnd> {
        loop {
            let wanted = if self.filled < HEADER_LEN {
                HEADER_LEN
            } else {
                let payload = word(&self.buffer, 8);
                let length = usize::try_from(payload).unwrap_or(usize::MAX);
                if length > MAX_PAYLOAD {
                    return Err(StreamEnd::TooLong(payload));
                }
                HEADER_LEN + length
            };
            if self.filled >= HEADER_LEN && self.filled == wanted {
                self.filled = 0;
                return Ok(Some(Message {
                    bytes: self.buffer.get(..wanted).unwrap_or_default(),
                    files: std::mem::take(&mut self.files),
                }));
            }
            if !self.fill(wanted)? {
                return Ok(None);
            }
        }
    }

    /// Sends a reply; a peer that leaves no room for it is not worth waiting for.
    pub(super) fn send(&mut self, reply: &[u8]) -> Result<(), StreamEnd> {
        Ok(self.socket.write_all(reply)?)
    }

    /// Reads up to where `wanted` bytes are here; `false` if there is nothing to be read. Never
    /// beyond, as descriptors belong to the message with whose bytes they come.
    fn fill(&mut self, wanted: usize) -> Result<bool, StreamEnd> {
        let room = self.buffer.get_mut(self.filled..wanted).unwrap_or_default();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_REGIONS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut vectors = [IoSliceMut::new(room)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received = match recvmsg(&self.socket, &mut vectors, &mut control, flags) {
            Ok(received) => received,
            Err(errno) => {
                let error = io::Error::from(errno);
                return match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(false),
                    _ => Err(error.into()),
                };
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(files) = message {
                self.files.extend(files);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) || self.files.len() > MAX_REGIONS {
            return Err(StreamEnd::TooManyFiles);
        }
        if received.bytes == 0 {
            return Err(StreamEnd::Closed);
        }
        self.filled += received.bytes;
        Ok(true)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A field of a header, in the machine's byte order; 0 beyond the end.
fn word(bytes: &[u8], at: usize) -> u32 {
    let field = bytes.get(at..).and_then(<[u8]>::first_chunk);
    u32::from_ne_bytes(field.copied().unwrap_or_default())
}
