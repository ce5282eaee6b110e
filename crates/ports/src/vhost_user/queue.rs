//! What the main thread and the workers share: the rings that run, and how they wake each other.
//!
//! The main thread puts a ring into its slot when it is ready and takes it out when it must stop. A
//! worker has a slot's lock for one batch, so that when the main thread has taken a ring out nobody
//! uses it or its memory any more.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::event::epoll::{self, CreateFlags, Event as Ready, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};

use super::counters::{Counters, VhostUserFault};
use super::features::MAX_QUEUE_PAIRS;
use super::ring::Ring;

/// Rings of a port: for each pair the guest's receiving one, then its sending one.
pub(super) const MAX_RINGS: usize = 2 * MAX_QUEUE_PAIRS;

/// The rings of a port.
#[derive(Debug)]
pub(super) struct Queues {
    slots: [Mutex<Option<Ring>>; MAX_RINGS],
    /// One bit for each ring that runs.
    running: AtomicU64,
    /// One bit for each ring that a worker gave up.
    broken: AtomicU64,
    /// Rings whose memory is lost are among the broken.
    pub(super) counters: Counters,
    /// Wakes the main thread when a ring breaks.
    alarm: Event,
}

/// An eventfd.
#[derive(Debug)]
pub(super) struct Event(OwnedFd);

/// An epoll instance.
#[derive(Debug)]
pub(super) struct Epoll(OwnedFd);

impl Queues {
    pub(super) fn new() -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            slots: [const { Mutex::new(None) }; MAX_RINGS],
            running: AtomicU64::new(0),
            broken: AtomicU64::new(0),
            counters: Counters::default(),
            alarm: Event::new()?,
        }))
    }

    /// The slot of a ring. Its number is below [`MAX_RINGS`]; greater ones are taken modulo it.
    pub(super) fn lock(&self, ring: usize) -> MutexGuard<'_, Option<Ring>> {
        let slot = &self.slots[ring % MAX_RINGS];
        // A ring whose batch was cut short by a panic is as good as one that a peer scrambled.
        slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a ring, or stops it; returns what was there.
    pub(super) fn replace(&self, number: usize, ring: Option<Ring>) -> Option<Ring> {
        let bit = 1 << number;
        let mut slot = self.lock(number);
        self.broken.fetch_and(!bit, Ordering::AcqRel);
        if ring.is_some() {
            self.running.fetch_or(bit, Ordering::AcqRel);
        } else {
            self.running.fetch_and(!bit, Ordering::AcqRel);
        }
        std::mem::replace(&mut *slot, ring)
    }

    /// The rings that run, a bit each.
    pub(super) fn running(&self) -> u64 {
        self.running.load(Ordering::Acquire)
    }

    /// The rings that workers gave up, a bit each.
    pub(super) fn broken(&self) -> u64 {
        self.broken.load(Ordering::Acquire)
    }

    /// A worker gives up a ring that makes no sense, until the guest sets it up anew.
    pub(super) fn give_up(&self, number: usize, slot: &mut Option<Ring>, fault: VhostUserFault) {
        let bit = 1 << number;
        *slot = None;
        self.counters.count(fault, 1);
        self.running.fetch_and(!bit, Ordering::AcqRel);
        self.broken.fetch_or(bit, Ordering::AcqRel);
        self.alarm.signal();
    }

    pub(super) fn alarm(&self) -> &Event {
        &self.alarm
    }
}

impl Event {
    pub(super) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self(eventfd(0, flags)?))
    }

    /// Makes it ready. To be waited for edge by edge, it is never read.
    pub(super) fn signal(&self) {
        // Full after 2^64 - 2 signals.
        let _ = rustix::io::write(&self.0, &1_u64.to_ne_bytes());
    }
}

impl AsFd for Event {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Epoll {
    /// Most events of one call.
    const BATCH: usize = 16;

    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(CreateFlags::CLOEXEC)?))
    }

    /// Waits for data on a descriptor for as long as there is some.
    pub(super) fn add(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let token = EventData::new_u64(token);
        Ok(epoll::add(&self.0, fd, token, EventFlags::IN)?)
    }

    /// Waits for news on a descriptor: told once, it need not be read.
    pub(super) fn add_edge(&self, fd: BorrowedFd<'_>, token: u64) -> io::Result<()> {
        let token = EventData::new_u64(token);
        let news = EventFlags::IN | EventFlags::ET;
        Ok(epoll::add(&self.0, fd, token, news)?)
    }

    /// Must come before the descriptor is closed: the peer has the file, too.
    pub(super) fn remove(&self, fd: BorrowedFd<'_>) {
        let _ = epoll::delete(&self.0, fd);
    }

    /// The tokens of what is ready now, without waiting.
    pub(super) fn ready(&self) -> impl Iterator<Item = u64> + use<> {
        const NOTHING: Ready = Ready {
            flags: EventFlags::empty(),
            data: EventData::new_u64(0),
        };
        let mut events = [NOTHING; Self::BATCH];
        let at_once = Timespec::default();
        let count = epoll::wait(&self.0, &mut events, Some(&at_once)).unwrap_or(0);
        events.into_iter().take(count).map(|event| event.data.u64())
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
