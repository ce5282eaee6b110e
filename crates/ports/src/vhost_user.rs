//! vhost-user ports: a virtual machine's network card, whose packets pass through memory that the
//! machine shares with us (QEMU `docs/interop/vhost-user.rst`; VIRTIO 1.2 §2.7, §5.1).
//!
//! ```text
//!    peer (QEMU, DPDK) ──socket──► VhostUser, Session ─► Device     the main thread: set-up, reconnection
//!            │                                │ rings, by Queues
//!    guest's memory ◄──rings──────► VhostUserRx, VhostUserTx       the workers: packets
//! ```
//!
//! It stands on the rust-vmm crates as far as they fit a switch that takes packets in vectors and
//! whose threads wait for nobody:
//! * `vhost`: the messages and their checks ([`device`]), behind a reader that never blocks
//!   ([`stream`], [`session`]). Its `Listener` removes the socket's file when it is dropped, also when
//!   a new port has just made it, and its `connect` waits for a listener whose queue is full; so
//!   sockets are made here.
//! * `vm-memory`: maps guests' memory, and every byte of it is copied within bounds that it checks
//!   ([`memory`]).
//! * `virtio-queue`: the layout of descriptors; why not more, [`ring`] says.
//! * `vhost-user-backend` not at all. Its daemon starts a thread that blocks on the peer's messages,
//!   and one or more that block in `epoll`, read each kick's counter and call the device for that one
//!   ring (`VhostUserDaemon::start_daemon`, `VringEpollHandler::run`); a new memory table is swapped
//!   in without waiting for whoever still uses the old one. Here a worker looks at all of its ports'
//!   rings in one turn, and the main thread waits for no peer.
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
mod cursor;
mod device;
mod features;
mod memory;
mod prefetch;
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

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

pub use counters::VhostUserFault;
pub use device::VhostUserRing;
pub use features::VhostUserFeatures;
pub use memory::VhostUserRegion;
pub use rx::VhostUserRx;
pub(crate) use tx::GuestScratch;
pub use tx::VhostUserTx;

use crate::error::PortError;
use device::Device;
use features::{MAX_QUEUE_PAIRS, Negotiated};
use queue::{Epoll, MAX_RINGS, Queues};
use session::{Session, SessionEnd};
use stream::StreamEnd;

/// Tokens of a port's epoll instance; below them are numbers of rings.
const LISTENER: u64 = MAX_RINGS as u64;
const PEER: u64 = LISTENER + 1;
const RETRY: u64 = LISTENER + 2;
const ALARM: u64 = LISTENER + 3;

/// Seconds between two attempts to connect.
const RETRY_SECONDS: i64 = 1;

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
        self.session
            .as_ref()
            .is_some_and(|session| session.device().is_ready())
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
        let device = self.session.as_ref().map(Session::device);
        let device = device.as_deref();
        let memory = device.and_then(|device| device.memory.as_ref());
        VhostUserStatus {
            header_len: self.header_len,
            offered: self.config.features.offered(),
            features: self.features.0,
            protocol_features: device.map_or(0, |device| device.protocol_features),
            socket_errno: self.socket_errno,
            is_connected: device.is_some(),
            ring_count: device.map_or(2, |device| device.ring_count),
            regions: memory.map_or_else(Vec::new, |memory| memory.table().collect()),
            rings: device.map_or_else(Vec::new, Device::rings),
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
        let features = session.device().features;
        if let Some(features) = features {
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
            SessionEnd::Stream(StreamEnd::Closed | StreamEnd::Socket(_)) => None,
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
        let device = Device::new(&self.queues, &self.rx, &self.epoll, features);
        match Session::new(socket, device, &self.epoll, PEER) {
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
    let address = SocketAddrUnix::new(cut(path))?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &address)?;
    Ok(socket.into())
}

/// Ready at once, and then at intervals.
fn retry_timer() -> io::Result<OwnedFd> {
    let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
    let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
    let when = Itimerspec {
        it_interval: Timespec {
            tv_sec: RETRY_SECONDS,
            tv_nsec: 0,
        },
        it_value: Timespec {
            tv_sec: 0,
            tv_nsec: 1,
        },
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &when)?;
    Ok(timer)
}

fn read_timer(timer: &OwnedFd) {
    let _ = rustix::io::read(timer, &mut [0; 8]);
}
