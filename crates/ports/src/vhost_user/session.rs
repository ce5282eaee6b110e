//! A connected peer: its messages go through `vhost`'s request handler to the [`Device`].
//!
//! The handler blocks on the socket that it reads from, so it is not given the peer's. It reads from
//! one end of a pair of our own, into whose other end goes one whole message at a time, and from
//! which its reply is taken; the [`Stream`] talks with the peer. Neither end ever has to be waited
//! for: a message and a reply are far shorter than what a socket holds.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use vhost::vhost_user::message::FrontendReq;
use vhost::vhost_user::{BackendReqHandler, Error as ProtocolError};

use super::device::{Device, Refused};
use super::memory::MAX_REGIONS;
use super::queue::Epoll;
use super::stream::{Message, Stream, StreamEnd};

/// Messages of one turn, so that one busy peer does not starve the others.
const TURN: usize = 64;
/// More than any reply: the handler's longest message.
const MAX_REPLY: usize = 4096 + 12;

/// Why a peer is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionEnd {
    /// The connection ended.
    #[error(transparent)]
    Stream(#[from] StreamEnd),
    /// It said what cannot be.
    #[error("{0}")]
    Protocol(ProtocolError),
    /// A ring cannot run as it was set up.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Memory that it had given was taken away.
    #[error("memory in use was taken away")]
    MemoryLost,
}

/// The peer's part of a port.
pub(super) struct Session {
    stream: Stream,
    epoll: Arc<Epoll>,
    handler: BackendReqHandler<Mutex<Device>>,
    /// The other end of what the handler reads.
    to_handler: UnixStream,
    device: Arc<Mutex<Device>>,
}

impl Session {
    /// A peer that has said nothing yet. Its messages are waited for at the port's `epoll`, as
    /// `token`.
    pub(super) fn new(
        socket: UnixStream,
        device: Device,
        epoll: &Arc<Epoll>,
        token: u64,
    ) -> io::Result<Self> {
        let (to_handler, from_us) = UnixStream::pair()?;
        to_handler.set_nonblocking(true)?;
        let stream = Stream::new(socket)?;
        epoll.add(stream.as_fd(), token)?;
        let device = Arc::new(Mutex::new(device));
        Ok(Self {
            stream,
            epoll: Arc::clone(epoll),
            handler: BackendReqHandler::from_stream(from_us, Arc::clone(&device)),
            to_handler,
            device,
        })
    }

    /// What the peer has set up.
    pub(super) fn device(&self) -> MutexGuard<'_, Device> {
        // Only this thread takes it.
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the messages that have arrived, a turn's worth.
    pub(super) fn receive(&mut self) -> Result<(), SessionEnd> {
        let mut reply = [0; MAX_REPLY];
        for _ in 0..TURN {
            let Some(message) = self.stream.receive()? else {
                break;
            };
            pass_on(&self.to_handler, message).map_err(StreamEnd::from)?;
            let outcome = self.handler.handle_request();
            // Also when it is the last that the peer hears.
            let length = match (&self.to_handler).read(&mut reply) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
                Err(error) => return Err(StreamEnd::from(error).into()),
            };
            self.stream.send(reply.get(..length).unwrap_or_default())?;
            match outcome {
                // QEMU enables the rings of a network card before it has accepted features, and
                // again when it starts them.
                Ok(()) | Err(ProtocolError::InactiveFeature(_)) => {}
                Err(error) => return Err(SessionEnd::Protocol(error)),
            }
        }
        Ok(())
    }

    /// A ring was notified for the first time.
    pub(super) fn kicked(&mut self, ring: usize) -> Result<(), SessionEnd> {
        Ok(self.device().kicked(ring)?)
    }

    /// Notes what workers gave up.
    pub(super) fn note_broken(&mut self) -> Result<(), SessionEnd> {
        let mut device = self.device();
        if device.is_memory_lost() {
            return Err(SessionEnd::MemoryLost);
        }
        device.note_broken();
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.device().stop();
        self.epoll.remove(self.stream.as_fd());
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = (&self.stream, &self.device);
        f.debug_tuple("Session").field(&shown).finish()
    }
}

/// Hands a message to the handler. Descriptors that came with one that needs none are closed, as VPP
/// does, where the handler would give the peer up.
fn pass_on(to_handler: &UnixStream, message: Message<'_>) -> io::Result<()> {
    const WITH_FILES: [FrontendReq; 4] = [
        FrontendReq::SET_MEM_TABLE,
        FrontendReq::SET_VRING_KICK,
        FrontendReq::SET_VRING_CALL,
        FrontendReq::SET_VRING_ERR,
    ];
    let has_files = WITH_FILES
        .iter()
        .any(|with| *with as u32 == message.request());
    let files: Vec<_> = message.files.iter().map(AsFd::as_fd).collect();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_REGIONS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if has_files && !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&files)) {
        return Err(ErrorKind::InvalidInput.into());
    }
    let vectors = [IoSlice::new(message.bytes)];
    let sent = sendmsg(to_handler, &vectors, &mut control, SendFlags::NOSIGNAL)?;
    if sent != message.bytes.len() {
        return Err(ErrorKind::WriteZero.into());
    }
    Ok(())
}
