//! One connection: messages with the descriptors that come with them, without ever blocking.

use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use super::memory::MAX_REGIONS;
use super::message::{HEADER_LEN, Header, MAX_PAYLOAD, MessageError, Request};

/// Room for the control message with as many descriptors as a memory table has.
const CONTROL: usize = 128;

/// Why a connection ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum StreamEnd {
    /// The peer closed it.
    #[error("the peer closed the connection")]
    Closed,
    /// The socket failed, or takes no more replies.
    #[error("the socket failed: {0}")]
    Socket(#[from] io::Error),
    /// A message that is none.
    #[error(transparent)]
    Message(#[from] MessageError),
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
    header: Option<Header>,
    files: Vec<OwnedFd>,
}

impl Stream {
    pub(super) fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket,
            buffer: [0; HEADER_LEN + MAX_PAYLOAD],
            filled: 0,
            header: None,
            files: Vec::new(),
        })
    }

    /// The next message with its number, `None` if it has not wholly arrived.
    pub(super) fn receive(&mut self) -> Result<Option<(u32, Request)>, StreamEnd> {
        loop {
            let wanted = match self.header {
                None if self.filled < HEADER_LEN => HEADER_LEN,
                None => {
                    let header = self.buffer.first_chunk().copied().unwrap_or_default();
                    self.header = Some(Header::parse(header)?);
                    continue;
                }
                Some(header) => HEADER_LEN + header.size,
            };
            if let Some(header) = self.header
                && self.filled >= wanted
            {
                let payload = self.buffer.get(HEADER_LEN..wanted).unwrap_or_default();
                let files = std::mem::take(&mut self.files);
                let request = Request::parse(header, payload, files)?;
                (self.filled, self.header) = (0, None);
                return Ok(Some((header.request, request)));
            }
            if !self.fill(wanted)? {
                return Ok(None);
            }
        }
    }

    /// Sends a reply; a peer that leaves no room for it is not worth waiting for.
    pub(super) fn send(&mut self, message: &[u8]) -> Result<(), StreamEnd> {
        Ok(self.socket.write_all(message)?)
    }

    /// Reads up to where `wanted` bytes are here; `false` if there is nothing to be read. Never
    /// beyond, as descriptors belong to the message with whose bytes they come.
    fn fill(&mut self, wanted: usize) -> Result<bool, StreamEnd> {
        let room = self.buffer.get_mut(self.filled..wanted).unwrap_or_default();
        let mut vector = libc::iovec {
            iov_base: room.as_mut_ptr().cast(),
            iov_len: room.len(),
        };
        let mut control = Control([0; CONTROL]);
        // SAFETY: all-zero is a valid `msghdr`.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut vector;
        message.msg_iovlen = 1;
        message.msg_control = control.0.as_mut_ptr().cast();
        message.msg_controllen = CONTROL;
        let flags = libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        // SAFETY: `message` describes `room` and `control`, which outlive the call.
        let n = unsafe { libc::recvmsg(self.socket.as_raw_fd(), &raw mut message, flags) };
        let Ok(n) = usize::try_from(n) else {
            let error = io::Error::last_os_error();
            return match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => Ok(false),
                _ => Err(error.into()),
            };
        };
        take_files(&message, &mut self.files);
        let is_cut = message.msg_flags & libc::MSG_CTRUNC != 0;
        if is_cut || self.files.len() > MAX_REGIONS {
            return Err(StreamEnd::TooManyFiles);
        }
        if n == 0 {
            return Err(StreamEnd::Closed);
        }
        self.filled += n;
        Ok(true)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Aligned as `struct cmsghdr` is.
#[repr(align(8))]
struct Control([u8; CONTROL]);

/// Owns the descriptors of a message, all of them, so that none is left open.
fn take_files(message: &libc::msghdr, files: &mut Vec<OwnedFd>) {
    // SAFETY: the kernel has filled the control area of `message`, and these macros walk it as it
    // was written; data of SCM_RIGHTS are descriptors, open and nobody else's.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while let Some(control) = header.as_ref() {
            if control.cmsg_level == libc::SOL_SOCKET && control.cmsg_type == libc::SCM_RIGHTS {
                let data = libc::CMSG_DATA(header).cast::<[u8; size_of::<libc::c_int>()]>();
                let length = control.cmsg_len - libc::CMSG_LEN(0) as usize;
                for number in 0..length / size_of::<libc::c_int>() {
                    let fd = libc::c_int::from_ne_bytes(data.add(number).read());
                    files.push(OwnedFd::from_raw_fd(fd));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
}
