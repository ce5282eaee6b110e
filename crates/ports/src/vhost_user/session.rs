//! What a connected peer has set up, and the rings that follow from it.
//!
//! A ring runs while it has memory, size, addresses and a notifier, was notified once (VPP, and the
//! protocol: "the ring is started upon receiving a kick"), and is enabled. Every message that
//! touches one of these stops the ring, and starts it again if all is there: it goes on where its
//! used index stands.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use super::features::{MAX_QUEUE_PAIRS, Negotiated, PROTOCOL_MQ, VhostUserFeatures};
use super::memory::{GuestMemory, MemoryError};
use super::message::{MessageError, Request, reply, ring_state};
use super::queue::{Epoll, MAX_RINGS, Queues};
use super::ring::{Ring, RingAddresses};
use super::rx::VhostUserRx;
use super::stream::{Stream, StreamEnd};

/// Messages of one turn, so that one busy peer does not starve the others.
const TURN: usize = 64;

/// Why a peer is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionEnd {
    /// The connection ended.
    #[error(transparent)]
    Stream(#[from] StreamEnd),
    /// Its memory cannot be used.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A ring with a number, size or place that it cannot have.
    #[error("ring {ring} cannot be: {what}")]
    Ring {
        /// Its number.
        ring: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// It accepts what was not offered.
    #[error("features {0:#x} were not offered")]
    Features(u64),
    /// Memory that it had given was taken away.
    #[error("memory in use was taken away")]
    MemoryLost,
}

/// The peer's part of a port.
#[derive(Debug)]
pub(super) struct Session {
    stream: Stream,
    queues: Arc<Queues>,
    rx: Arc<[Arc<VhostUserRx>]>,
    /// The port's: first notifications are waited for there, under the rings' numbers.
    epoll: Arc<Epoll>,
    offered: u64,
    pub(super) features: Option<Negotiated>,
    pub(super) protocol_features: u64,
    pub(super) memory: Option<Arc<GuestMemory>>,
    rings: Vec<RingSetup>,
    /// Rings that were mentioned, in pairs.
    pub(super) ring_count: usize,
}

/// What the peer said of a ring.
#[derive(Debug, Default)]
struct RingSetup {
    size: u16,
    addresses: Option<RingAddresses>,
    base: u16,
    kick: Kick,
    call: Option<File>,
    error: Option<File>,
    /// It was notified.
    is_started: bool,
    is_enabled: bool,
    /// A worker gave it up.
    is_broken: bool,
}

/// How the guest notifies us.
#[derive(Debug, Default)]
enum Kick {
    /// Not known yet.
    #[default]
    Unset,
    /// Not at all.
    Never,
    /// By this eventfd.
    File(OwnedFd),
}

/// State of a ring, for display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VhostUserRing {
    /// Its number: even ones are the guest's receive queues.
    pub number: usize,
    /// Descriptors.
    pub size: u16,
    /// It is enabled.
    pub enabled: bool,
    /// Packets move.
    pub running: bool,
    /// Where it stands, as far as it runs.
    pub position: Option<u16>,
}

impl Session {
    pub(super) fn new(
        stream: Stream,
        queues: &Arc<Queues>,
        rx: &Arc<[Arc<VhostUserRx>]>,
        epoll: &Arc<Epoll>,
        features: VhostUserFeatures,
    ) -> Self {
        let mut rings = Vec::new();
        rings.resize_with(MAX_RINGS, RingSetup::default);
        for (number, ring) in rings.iter_mut().enumerate() {
            ring.is_enabled = starts_enabled(number);
        }
        Self {
            stream,
            queues: Arc::clone(queues),
            rx: Arc::clone(rx),
            epoll: Arc::clone(epoll),
            offered: features.offered(),
            features: None,
            protocol_features: 0,
            memory: None,
            rings,
            ring_count: 2,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Takes the messages that have arrived, a turn's worth.
    pub(super) fn receive(&mut self) -> Result<(), SessionEnd> {
        for _ in 0..TURN {
            let Some((number, request)) = self.stream.receive()? else {
                break;
            };
            if let Some(payload) = self.handle(request)? {
                self.stream.send(&reply(number, payload))?;
            }
        }
        Ok(())
    }

    /// A ring was notified for the first time.
    pub(super) fn kicked(&mut self, number: usize) -> Result<(), SessionEnd> {
        if let Some(RingSetup {
            kick: Kick::File(kick),
            is_started: is_started @ false,
            ..
        }) = self.rings.get_mut(number)
        {
            self.epoll.remove(kick.as_fd());
            *is_started = true;
            self.reload(number)?;
        }
        Ok(())
    }

    /// Notes what workers gave up.
    pub(super) fn note_broken(&mut self) -> Result<(), SessionEnd> {
        if self.memory.as_ref().is_some_and(|memory| memory.is_lost()) {
            return Err(SessionEnd::MemoryLost);
        }
        let broken = self.queues.broken();
        for number in 0..MAX_RINGS {
            if broken & (1 << number) == 0 {
                continue;
            }
            self.stop(number);
            if let Some(ring) = self.rings.get_mut(number) {
                ring.is_broken = true;
                if let Some(error) = &mut ring.error {
                    let _ = error.write(&1_u64.to_ne_bytes());
                }
            }
        }
        Ok(())
    }

    /// Whether packets can move both ways: at least one ring of each kind runs
    /// (`vhost_user_intf_ready`).
    pub(super) fn is_ready(&self) -> bool {
        let runs = |parity| {
            let of_kind = self.rings.iter().skip(parity).step_by(2);
            of_kind.into_iter().any(RingSetup::is_up)
        };
        runs(0) && runs(1)
    }

    /// The rings that were started.
    pub(super) fn rings(&self) -> Vec<VhostUserRing> {
        let started = self.rings.iter().enumerate().filter(|(_, r)| r.is_started);
        let describe = |(number, setup): (usize, &RingSetup)| {
            let slot = self.queues.lock(number);
            VhostUserRing {
                number,
                size: slot.as_ref().map_or(setup.size, Ring::size),
                enabled: setup.is_enabled,
                running: slot.is_some(),
                position: slot.as_ref().map(Ring::position),
            }
        };
        started.map(describe).collect()
    }

    fn handle(&mut self, request: Request) -> Result<Option<[u8; 8]>, SessionEnd> {
        match request {
            Request::Ignored => {}
            Request::GetFeatures => return Ok(Some(self.offered.to_ne_bytes())),
            Request::SetFeatures(features) => {
                if features & !self.offered != 0 {
                    return Err(SessionEnd::Features(features));
                }
                self.features = Some(Negotiated(features));
                self.reload_all()?;
            }
            Request::GetProtocolFeatures => return Ok(Some(PROTOCOL_MQ.to_ne_bytes())),
            Request::SetProtocolFeatures(features) => self.protocol_features = features,
            Request::GetQueueNum => {
                return Ok(Some((MAX_QUEUE_PAIRS as u64).to_ne_bytes()));
            }
            Request::SetMemoryTable(table, files) => {
                // The old memory goes when no ring uses it any more.
                self.stop_all();
                self.memory = None;
                self.memory = Some(Arc::new(GuestMemory::map(&table, files)?));
                self.reload_all()?;
            }
            Request::SetRingSize { ring, size } => {
                let size = u16::try_from(size)
                    .ok()
                    .filter(|size| size.is_power_of_two() && *size <= 32_768);
                let size = size.ok_or(SessionEnd::Ring { ring, what: "size" })?;
                self.setup(ring)?.size = size;
                self.reload(ring)?;
            }
            Request::SetRingAddresses { ring, addresses } => {
                let without_protocol = !self.features.unwrap_or_default().protocol_features();
                let setup = self.setup(ring)?;
                setup.addresses = Some(addresses);
                // Without protocol features there is no message to enable it.
                setup.is_enabled |= without_protocol;
                self.reload(ring)?;
            }
            Request::SetRingBase { ring, base } => {
                // The index has 16 bits.
                self.setup(ring)?.base = base as u16;
            }
            Request::GetRingBase { ring } => {
                let base = self.reset(ring)?;
                return Ok(Some(ring_state(ring, u32::from(base))));
            }
            Request::SetRingKick { ring, file } => self.set_kick(ring, file)?,
            Request::SetRingCall { ring, file } => {
                let file = file.map(notifier);
                let for_ring = file.as_ref().and_then(|file| file.try_clone().ok());
                self.setup(ring)?.call = file;
                if let Some(running) = self.queues.lock(ring).as_mut() {
                    running.set_call(for_ring);
                }
            }
            Request::SetRingError { ring, file } => self.setup(ring)?.error = file.map(notifier),
            Request::SetRingEnable { ring, enable } => {
                self.setup(ring)?.is_enabled = enable;
                self.reload(ring)?;
            }
        }
        Ok(None)
    }

    fn setup(&mut self, ring: usize) -> Result<&mut RingSetup, SessionEnd> {
        let what = "number";
        let setup = self.rings.get_mut(ring);
        let setup = setup.ok_or(SessionEnd::Ring { ring, what })?;
        self.ring_count = self.ring_count.max((ring | 1) + 1);
        Ok(setup)
    }

    fn set_kick(&mut self, ring: usize, file: Option<OwnedFd>) -> Result<(), SessionEnd> {
        self.setup(ring)?;
        self.stop(ring);
        self.forget_kick(ring);
        let setup = self.setup(ring)?;
        setup.is_broken = false;
        setup.is_started = file.is_none();
        setup.kick = Kick::Never;
        if let Some(file) = file {
            let waiting = self.epoll.add(file.as_fd(), ring as u64);
            let what = "notifier";
            waiting.map_err(|_| SessionEnd::Ring { ring, what })?;
            self.setup(ring)?.kick = Kick::File(file);
        }
        self.reload(ring)
    }

    /// Stops a ring and forgets it; returns where it stood (`vhost_user_vring_close`).
    fn reset(&mut self, ring: usize) -> Result<u16, SessionEnd> {
        self.setup(ring)?;
        self.stop(ring);
        self.forget_kick(ring);
        let setup = self.setup(ring)?;
        let base = setup.base;
        *setup = RingSetup {
            is_enabled: starts_enabled(ring),
            ..RingSetup::default()
        };
        Ok(base)
    }

    fn forget_kick(&mut self, ring: usize) {
        if let Some(setup) = self.rings.get_mut(ring)
            && let Kick::File(kick) = std::mem::take(&mut setup.kick)
            && !setup.is_started
        {
            self.epoll.remove(kick.as_fd());
        }
    }

    fn reload_all(&mut self) -> Result<(), SessionEnd> {
        (0..self.ring_count).try_for_each(|ring| self.reload(ring))
    }

    fn stop_all(&mut self) {
        for ring in 0..self.ring_count {
            self.stop(ring);
        }
    }

    /// Stops a ring. When this returns no worker uses it.
    fn stop(&mut self, number: usize) {
        let stopped = self.queues.replace(number, None);
        let Some(setup) = self.rings.get_mut(number) else {
            return;
        };
        if let Some(ring) = stopped {
            setup.base = ring.position();
        }
        if let (Kick::File(kick), Some(rx)) = (&setup.kick, receiver(&self.rx, number)) {
            rx.remove(kick.as_fd());
        }
    }

    /// Stops a ring, and starts it if all is there.
    fn reload(&mut self, number: usize) -> Result<(), SessionEnd> {
        self.stop(number);
        let Some(setup) = self.rings.get_mut(number) else {
            return Ok(());
        };
        let (Some(memory), Some(features), Some(addresses), true) =
            (&self.memory, self.features, setup.addresses, setup.is_up())
        else {
            return Ok(());
        };
        let call = setup.call.as_ref().and_then(|call| call.try_clone().ok());
        let ring = Ring::new(memory, addresses, setup.size, features, call);
        let what = "place";
        let ring = ring.ok_or(SessionEnd::Ring { ring: number, what })?;
        setup.base = ring.position();
        let Some(rx) = receiver(&self.rx, number) else {
            // To fill a ring needs no notification.
            let mut ring = ring;
            ring.mute();
            self.queues.replace(number, Some(ring));
            return Ok(());
        };
        self.queues.replace(number, Some(ring));
        if let Kick::File(kick) = &setup.kick {
            let what = "notifier";
            let waiting = rx.add(number, kick.as_fd());
            waiting.map_err(|_| SessionEnd::Ring { ring: number, what })?;
        }
        rx.poke();
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.stop_all();
        for ring in 0..self.ring_count {
            self.forget_kick(ring);
        }
        self.epoll.remove(self.stream.as_fd());
    }
}

impl RingSetup {
    /// Everything that the ring itself needs is there.
    fn is_up(&self) -> bool {
        self.is_started
            && self.is_enabled
            && !self.is_broken
            && self.size > 0
            && self.addresses.is_some()
            && !matches!(self.kick, Kick::Unset)
    }
}

/// The first pair needs no message to be enabled, in VPP as in DPDK.
fn starts_enabled(ring: usize) -> bool {
    ring < 2
}

/// Where a ring is received; those that guests receive on are not.
fn receiver(rx: &[Arc<VhostUserRx>], ring: usize) -> Option<&VhostUserRx> {
    rx.iter().find(|rx| rx.has(ring)).map(Arc::as_ref)
}

/// To be written to without waiting for the peer. The flag is the open file's, which the peer shares:
/// a monitor (not its guest) that took it back and filled the counter could hold a worker up.
fn notifier(file: OwnedFd) -> File {
    // SAFETY: flags of an open descriptor; a file that cannot be set so is written to all the same.
    unsafe {
        let flags = libc::fcntl(file.as_raw_fd(), libc::F_GETFL);
        libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK);
    }
    file.into()
}

impl From<MessageError> for SessionEnd {
    fn from(error: MessageError) -> Self {
        Self::Stream(error.into())
    }
}
