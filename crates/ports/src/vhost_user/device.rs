//! What a connected peer has set up, and the rings that follow from it.
//!
//! A ring runs while it has memory, size, addresses and a notifier, was notified once (VPP, and the
//! protocol: "the ring is started upon receiving a kick"), and is enabled. Every request that
//! touches one of these stops the ring, and starts it again if all is there: it goes on where its
//! used index stands.
//!
//! `vhost` reads the requests and calls the methods in [`requests`].

mod requests;

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use vhost::vhost_user::Error as ProtocolError;

use super::features::{Negotiated, VhostUserFeatures};
use super::memory::{GuestMemory, MemoryError};
use super::queue::{Epoll, MAX_RINGS, Queues};
use super::ring::{Ring, RingAddresses};
use super::rx::VhostUserRx;

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refused {
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
}

impl From<Refused> for ProtocolError {
    fn from(refused: Refused) -> Self {
        Self::ReqHandlerError(io::Error::other(refused))
    }
}

/// The device that a peer drives.
#[derive(Debug)]
pub(super) struct Device {
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

impl Device {
    pub(super) fn new(
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

    /// A ring was notified for the first time.
    pub(super) fn kicked(&mut self, number: usize) -> Result<(), Refused> {
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

    /// Whether memory that it had given was taken away.
    pub(super) fn is_memory_lost(&self) -> bool {
        self.memory.as_ref().is_some_and(|memory| memory.is_lost())
    }

    /// Notes what workers gave up.
    pub(super) fn note_broken(&mut self) {
        let broken = self.queues.broken();
        for number in 0..MAX_RINGS {
            if broken & (1 << number) == 0 {
                continue;
            }
            self.stop_ring(number);
            if let Some(ring) = self.rings.get_mut(number) {
                ring.is_broken = true;
                if let Some(error) = &mut ring.error {
                    let _ = error.write(&1_u64.to_ne_bytes());
                }
            }
        }
    }

    /// Stops all rings. When this returns no worker uses them or their memory.
    pub(super) fn stop(&mut self) {
        self.stop_all();
        for ring in 0..self.ring_count {
            self.forget_kick(ring);
        }
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

    fn setup(&mut self, ring: usize) -> Result<&mut RingSetup, Refused> {
        let what = "number";
        let setup = self.rings.get_mut(ring);
        let setup = setup.ok_or(Refused::Ring { ring, what })?;
        self.ring_count = self.ring_count.max((ring | 1) + 1);
        Ok(setup)
    }

    fn set_kick(&mut self, ring: usize, file: Option<File>) -> Result<(), Refused> {
        self.setup(ring)?;
        self.stop_ring(ring);
        self.forget_kick(ring);
        let setup = self.setup(ring)?;
        setup.is_broken = false;
        setup.is_started = file.is_none();
        setup.kick = Kick::Never;
        if let Some(file) = file {
            let waiting = self.epoll.add(file.as_fd(), ring as u64);
            let what = "notifier";
            waiting.map_err(|_| Refused::Ring { ring, what })?;
            self.setup(ring)?.kick = Kick::File(file.into());
        }
        self.reload(ring)
    }

    /// Stops a ring and forgets it; returns where it stood (`vhost_user_vring_close`).
    fn reset(&mut self, ring: usize) -> Result<u16, Refused> {
        self.setup(ring)?;
        self.stop_ring(ring);
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

    fn reload_all(&mut self) -> Result<(), Refused> {
        (0..self.ring_count).try_for_each(|ring| self.reload(ring))
    }

    fn stop_all(&mut self) {
        for ring in 0..self.ring_count {
            self.stop_ring(ring);
        }
    }

    /// Stops a ring. When this returns no worker uses it.
    fn stop_ring(&mut self, number: usize) {
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
    fn reload(&mut self, number: usize) -> Result<(), Refused> {
        self.stop_ring(number);
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
        let ring = ring.ok_or(Refused::Ring { ring: number, what })?;
        setup.base = ring.position();
        let Some(rx) = receiver(&self.rx, number) else {
            // To fill a ring needs no notification.
            let mut ring = ring;
            if let Ok(mut burst) = ring.burst() {
                burst.mute();
            }
            self.queues.replace(number, Some(ring));
            return Ok(());
        };
        self.queues.replace(number, Some(ring));
        if let Kick::File(kick) = &setup.kick {
            let what = "notifier";
            let waiting = rx.add(number, kick.as_fd());
            waiting.map_err(|_| Refused::Ring { ring: number, what })?;
        }
        rx.poke();
        Ok(())
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
