//! `epoll` and an eventfd to interrupt it: what the main thread and the workers wait with.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};

/// Waits for descriptors. Each is known by a token of the caller's choice.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: OwnedFd,
}

/// What a descriptor is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interest {
    /// Data to read.
    Read,
    /// Room to write.
    Write,
    /// Either.
    ReadWrite,
}

/// One descriptor that is ready.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ready {
    /// The token under which it was added.
    pub(crate) token: u64,
    /// There is data, or the peer has closed its end.
    pub(crate) readable: bool,
    /// There is room.
    pub(crate) writable: bool,
    /// An error is pending, or the device behind it is gone.
    pub(crate) failed: bool,
}

/// Wakes the thread that waits with the [`Poller`] to which it was added; from any thread.
#[derive(Debug, Clone)]
pub(crate) struct Waker {
    eventfd: Arc<OwnedFd>,
}

// ===== impl Poller =====

impl Poller {
    /// Room for the events of one call.
    const BATCH: usize = 64;

    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll })
    }

    pub(crate) fn add(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.epoll, fd, data, interest.flags())?)
    }

    pub(crate) fn change(&self, fd: impl AsFd, token: u64, interest: Interest) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.epoll, fd, data, interest.flags())?)
    }

    pub(crate) fn remove(&self, fd: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    /// Waits until something is ready, for ever if `timeout` is `None`, and appends it to `ready`.
    pub(crate) fn wait(&self, timeout: Option<Duration>, ready: &mut Vec<Ready>) -> io::Result<()> {
        let timeout = timeout.and_then(|t| Timespec::try_from(t).ok());
        let mut buffer = [const { MaybeUninit::uninit() }; Self::BATCH];
        let events = match epoll::wait(&self.epoll, &mut buffer, timeout.as_ref()) {
            Ok((events, _)) => events,
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        ready.extend(events.iter().map(|event| {
            let flags = event.flags;
            Ready {
                token: event.data.u64(),
                readable: flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP),
                writable: flags.contains(epoll::EventFlags::OUT),
                failed: flags.contains(epoll::EventFlags::ERR),
            }
        }));
        Ok(())
    }
}

/// Ready when one of its descriptors is.
impl AsFd for Poller {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl Interest {
    fn flags(self) -> epoll::EventFlags {
        match self {
            Self::Read => epoll::EventFlags::IN,
            Self::Write => epoll::EventFlags::OUT,
            Self::ReadWrite => epoll::EventFlags::IN | epoll::EventFlags::OUT,
        }
    }
}

// ===== impl Waker =====

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK;
        Ok(Self {
            eventfd: Arc::new(eventfd(0, flags)?),
        })
    }

    /// Wakes the thread. Many calls before it wakes are one.
    pub(crate) fn wake(&self) {
        // Fails only if 2^64 - 2 calls are pending, in which case the thread is woken anyway.
        let _ = rustix::io::write(&self.eventfd, &1_u64.to_ne_bytes());
    }

    /// Takes pending calls.
    pub(crate) fn drain(&self) {
        let mut count = [0; 8];
        // EAGAIN if there were none.
        let _ = rustix::io::read(&self.eventfd, &mut count);
    }
}

impl AsFd for Waker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.eventfd.as_fd()
    }
}
