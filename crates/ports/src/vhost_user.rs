//! vhost-user ports: a virtual machine's network card, whose packets pass through memory that the
//! machine shares with us (QEMU `docs/interop/vhost-user.rst`; VIRTIO 1.2 §2.7, §5.1).
//!
//! ```text
//!    peer (QEMU, DPDK) ──socket──► VhostUser, Session     the main thread: set-up, reconnection
//!            │                          │ rings, by Queues
//!    guest's memory ◄──rings────► VhostUserRx, VhostUserTx     the workers: packets
//! ```
//!
//! Either side may own the socket, and either may go and come back: as a client the port tries to
//! connect until it succeeds, as a server it takes the newest connection. A ring that was set up
//! again goes on where its used index stands.
//!
//! Invariants: a peer or a guest can spoil its own port only. Whatever it sends, writes or takes
//! away ends in a counted fault, a ring that is given up until it is set up anew, or a closed
//! connection; no thread waits for it. A worker may hold a ring for a batch; when the main
//! thread has stopped it, nobody uses the ring or its memory any more.

mod bus_error;
mod counters;
mod features;
mod memory;
mod message;
mod queue;
mod ring;
mod rx;
mod session;
mod stream;
mod tx;

#[cfg(test)]
mod tests;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use counters::VhostUserFault;
pub use features::VhostUserFeatures;
pub use memory::VhostUserRegion;
pub use rx::VhostUserRx;
pub use session::VhostUserRing;
pub(crate) use tx::GuestScratch;
pub use tx::VhostUserTx;

use crate::error::PortError;
use features::{MAX_QUEUE_PAIRS, Negotiated};
use queue::{Epoll, MAX_RINGS, Queues};
use session::{Session, SessionEnd};
use stream::Stream;

/// Tokens of a port's epoll instance; below them are numbers of rings.
const LISTENER: u64 = MAX_RINGS as u64;
const PEER: u64 = LISTENER + 1;
const RETRY: u64 = LISTENER + 2;
const ALARM: u64 = LISTENER + 3;

/// Between two attempts to connect.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Who makes the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VhostUserRole {
    /// The peer, and we connect to it.
    Client,
    /// We, and the peer connects.
    Server,
}

/// What a port should be.
#[derive(Debug, Clone)]
pub struct VhostUserConfig {
    /// The socket.
    pub socket: PathBuf,
    /// Who makes it.
    pub role: VhostUserRole,
    /// What guests are offered.
    pub features: VhostUserFeatures,
    /// Workers that receive; 0 means 1. Rings are spread over them.
    pub receivers: usize,
    /// The worker that gets the first pair of rings, so that not all ports begin with the same one;
    /// taken modulo their number.
    pub first_receiver: usize,
}

/// A port, as the main thread sees it. When it is dropped its rings have stopped and, of a server,
/// the socket's file is gone.
#[derive(Debug)]
pub struct VhostUser {
    config: VhostUserConfig,
    epoll: Arc<Epoll>,
    queues: Arc<Queues>,
    rx: Arc<[Arc<VhostUserRx>]>,
    tx: Arc<VhostUserTx>,
    listener: Option<UnixListener>,
    retry: OwnedFd,
    session: Option<Session>,
    /// What the last peer chose, also when it is gone.
    features: Negotiated,
    header_len: u32,
    /// Why the last attempt to connect failed, 0 if it did not.
    socket_errno: i32,
    /// Why the last peer was given up.
    last_end: Option<String>,
}

/// State of a port, for display.
#[derive(Debug, Clone)]
pub struct VhostUserStatus {
    /// Bytes of the header before each packet; 0 if no peer has said yet.
    pub header_len: u32,
    /// What the guest offered is known to be: all bits.
    pub offered: u64,
    /// What the guest chose.
    pub features: u64,
    /// What the peer chose of the protocol.
    pub protocol_features: u64,
    /// Why the last attempt to connect failed, as an errno; 0 if it did not.
    pub socket_errno: i32,
    /// A peer is connected.
    pub is_connected: bool,
    /// Rings that the peer has mentioned.
    pub ring_count: usize,
    /// The guest's memory.
    pub regions: Vec<VhostUserRegion>,
    /// Rings that were started.
    pub rings: Vec<VhostUserRing>,
    /// Faults that happened, with how often.
    pub faults: Vec<(VhostUserFault, u64)>,
    /// Why the last peer was given up.
    pub last_end: Option<String>,
}

impl VhostUser {
    /// Makes a port. A server listens when this returns, in place of whoever listened at that path;
    /// a client tries to connect at the next [`Self::process`].
    ///
    /// # Errors
    /// The socket cannot be made, or the system has no descriptors left.
    pub fn open(config: VhostUserConfig) -> Result<Self, PortError> {
        let listener = match config.role {
            VhostUserRole::Server => Some(listen(&config.socket)?),
            VhostUserRole::Client => None,
        };
        let failed = |source| PortError::VhostUser {
            operation: "prepare",
            socket: config.socket.clone(),
            source,
        };
        let queues = Queues::new().map_err(failed)?;
        let receivers = config.receivers.max(1);
        let share = |own: usize| {
            let first = config.first_receiver % receivers;
            let is_own = |pair: &usize| (pair + first) % receivers == own;
            let pairs = (0..MAX_QUEUE_PAIRS).filter(is_own);
            // Guests send on the odd ones.
            pairs.fold(0, |share, pair| share | (1_u64 << (2 * pair + 1)))
        };
        let rx: io::Result<Vec<_>> = (0..receivers)
            .map(|own| VhostUserRx::new(&queues, share(own)).map(Arc::new))
            .collect();
        let port = Self {
            epoll: Arc::new(Epoll::new().map_err(failed)?),
            rx: rx.map_err(failed)?.into(),
            tx: Arc::new(VhostUserTx::new(&queues)),
            retry: retry_timer().map_err(failed)?,
            queues,
            listener,
            session: None,
            features: Negotiated::default(),
            header_len: 0,
            socket_errno: 0,
            last_end: None,
            config: config.clone(),
        };
        let waiting = match &port.listener {
            Some(listener) => port.epoll.add(listener.as_fd(), LISTENER),
            None => port.epoll.add(port.retry.as_fd(), RETRY),
        };
        let alarm = port.queues.alarm().as_fd();
        let waiting = waiting.and_then(|()| port.epoll.add_edge(alarm, ALARM));
        waiting.map_err(failed)?;
        Ok(port)
    }

    /// Becomes another port: the peer is disconnected, and the socket's file goes unless the new port
    /// has just made it.
    pub fn replace(&mut self, with: Self) {
        if with.listener.is_some() && with.config.socket == self.config.socket {
            self.listener = None;
        }
        *self = with;
    }

    /// What it was made with.
    pub fn config(&self) -> &VhostUserConfig {
        &self.config
    }

    /// Where the workers receive, one each.
    pub fn receivers(&self) -> &[Arc<VhostUserRx>] {
        &self.rx
    }

    /// Where the workers send.
    pub fn sender(&self) -> &Arc<VhostUserTx> {
        &self.tx
    }

    /// Whether a peer is connected and rings run both ways.
    pub fn is_ready(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_ready)
    }

    /// Does what is due: to be called when the descriptor is readable. Never blocks.
    pub fn process(&mut self) {
        for token in self.epoll.ready() {
            match token {
                LISTENER => self.accept(),
                RETRY => self.connect(),
                _ => self.attend(token),
            }
        }
    }

    /// The state, for display.
    pub fn status(&self) -> VhostUserStatus {
        let session = self.session.as_ref();
        let memory = session.and_then(|session| session.memory.as_ref());
        VhostUserStatus {
            header_len: self.header_len,
            offered: self.config.features.offered(),
            features: self.features.0,
            protocol_features: session.map_or(0, |session| session.protocol_features),
            socket_errno: self.socket_errno,
            is_connected: session.is_some(),
            ring_count: session.map_or(2, |session| session.ring_count),
            regions: memory.map_or_else(Vec::new, |memory| memory.table().collect()),
            rings: session.map_or_else(Vec::new, Session::rings),
            faults: self.queues.counters.all(),
            last_end: self.last_end.clone(),
        }
    }

    fn attend(&mut self, token: u64) {
        let Some(session) = &mut self.session else {
            return;
        };
        let outcome = match token {
            PEER => session.receive(),
            ALARM => Ok(()),
            // The numbers of rings are below all other tokens.
            ring => session.kicked(usize::try_from(ring).unwrap_or(usize::MAX)),
        };
        let outcome = outcome.and_then(|()| session.note_broken());
        if let Some(features) = session.features {
            self.features = features;
            // 10 or 12.
            self.header_len = features.header_len() as u32;
        }
        if let Err(end) = outcome {
            self.disconnect(&end);
        }
    }

    fn disconnect(&mut self, end: &SessionEnd) {
        let fault = match end {
            SessionEnd::Stream(stream::StreamEnd::Closed | stream::StreamEnd::Socket(_)) => None,
            SessionEnd::MemoryLost => Some(VhostUserFault::MemoryLost),
            _ => Some(VhostUserFault::BadMessage),
        };
        if let Some(fault) = fault {
            self.queues.counters.count(fault, 1);
        }
        self.last_end = Some(end.to_string());
        self.session = None;
        if self.listener.is_none() {
            let _ = self.epoll.add(self.retry.as_fd(), RETRY);
        }
    }

    /// The newest peer is the one that lives: the other may have died without our having heard.
    fn accept(&mut self) {
        let Some(listener) = &self.listener else {
            return;
        };
        match listener.accept() {
            Ok((socket, _)) => self.begin(socket),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => self.socket_errno = error.raw_os_error().unwrap_or(0),
        }
    }

    fn connect(&mut self) {
        read_timer(&self.retry);
        match connect(&self.config.socket) {
            Ok(socket) => {
                self.epoll.remove(self.retry.as_fd());
                self.begin(socket);
            }
            Err(error) => self.socket_errno = error.raw_os_error().unwrap_or(libc::EINVAL),
        }
    }

    fn begin(&mut self, socket: UnixStream) {
        // First the old one's rings stop.
        self.session = None;
        self.socket_errno = 0;
        let features = self.config.features;
        let session = Stream::new(socket)
            .map(|stream| Session::new(stream, &self.queues, &self.rx, &self.epoll, features));
        let begun = session.and_then(|session| {
            self.epoll.add(session.stream().as_fd(), PEER)?;
            Ok(session)
        });
        match begun {
            Ok(session) => self.session = Some(session),
            Err(error) => self.disconnect(&SessionEnd::Stream(error.into())),
        }
    }
}

impl AsFd for VhostUser {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Drop for VhostUser {
    fn drop(&mut self) {
        self.session = None;
        if self.listener.is_some() {
            let _ = std::fs::remove_file(cut(&self.config.socket));
        }
    }
}

/// Takes the path over, as VPP does (`vhost_user_init_server_sock`).
fn listen(socket: &Path) -> Result<UnixListener, PortError> {
    let failed = |operation| {
        move |source| PortError::VhostUser {
            operation,
            socket: socket.to_owned(),
            source,
        }
    };
    // If it cannot be removed it cannot be bound, which is told.
    let _ = std::fs::remove_file(cut(socket));
    let listener = UnixListener::bind(cut(socket)).map_err(failed("bind"))?;
    listener.set_nonblocking(true).map_err(failed("prepare"))?;
    Ok(listener)
}

/// As much of a path as an address takes, which is what VPP uses of a longer one.
fn cut(path: &Path) -> &Path {
    use std::os::unix::ffi::OsStrExt;
    // `sun_path` less the NUL.
    const MAX: usize = 107;
    let bytes = path.as_os_str().as_bytes();
    Path::new(std::ffi::OsStr::from_bytes(
        bytes.get(..MAX).unwrap_or(bytes),
    ))
}

/// Connects without waiting: a listener whose queue is full is tried again later.
fn connect(path: &Path) -> io::Result<UnixStream> {
    use std::os::unix::ffi::OsStrExt;
    // SAFETY: all-zero is a valid `sockaddr_un`.
    let mut address: libc::sockaddr_un = unsafe { std::mem::zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = cut(path).as_os_str().as_bytes();
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = from.cast_signed();
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let socket = queue::own(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: `address` is a whole `sockaddr_un` that outlives the call.
    let rc = unsafe {
        libc::connect(
            std::os::fd::AsRawFd::as_raw_fd(&socket),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_un>() as libc::socklen_t,
        )
    };
    if rc == 0 {
        Ok(socket.into())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Ready at once, and then at intervals.
fn retry_timer() -> io::Result<OwnedFd> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: no pointers are passed; the result is checked before it is owned.
    let timer = queue::own(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
    let when = libc::itimerspec {
        it_interval: libc::timespec {
            tv_sec: RETRY_INTERVAL.as_secs() as libc::time_t,
            tv_nsec: 0,
        },
        it_value: libc::timespec {
            tv_sec: 0,
            tv_nsec: 1,
        },
    };
    let fd = std::os::fd::AsRawFd::as_raw_fd(&timer);
    // SAFETY: `when` outlives the call; the old setting is not asked for.
    let rc = unsafe { libc::timerfd_settime(fd, 0, &raw const when, std::ptr::null_mut()) };
    if rc == 0 {
        Ok(timer)
    } else {
        Err(io::Error::last_os_error())
    }
}

fn read_timer(timer: &OwnedFd) {
    let mut count = [0_u8; 8];
    let fd = std::os::fd::AsRawFd::as_raw_fd(timer);
    // SAFETY: room for the eight bytes that a timer gives; it does not block.
    unsafe { libc::read(fd, count.as_mut_ptr().cast(), count.len()) };
}
