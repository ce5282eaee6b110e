//! Where one worker's sessions lie. Memory is taken in chunks, as sessions come, and kept.

use std::sync::{
    OnceLock,
    atomic::{AtomicU16, AtomicU32, AtomicU64, Ordering, fence},
};

use super::{SessionKey, SessionTimeout};

/// Sessions of a chunk.
const CHUNK: usize = 1024;

/// One session, in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(crate) struct Session {
    key: [AtomicU64; 5],
    /// Odd while the key is being changed, and while there is no session here.
    version: AtomicU32,
    /// Milliseconds of the workers' clock, modulo 2^32.
    last_active: AtomicU32,
    /// TCP flags seen: on packets sent in the low byte, on packets received in the high one.
    tcp_flags_seen: AtomicU16,
    /// Policy epoch of the direction in which the session was made.
    epoch: AtomicU16,
    /// Generation of the interface's sessions.
    generation: AtomicU16,
    /// See [`Origin`].
    origin: AtomicU16,
}

/// What a session was made with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The interface received the packet.
    pub(crate) is_input: bool,
    /// See [`super::SessionPacket::is_one_way`].
    pub(crate) is_one_way: bool,
    pub(crate) epoch: u16,
    pub(crate) generation: u16,
}

/// The sessions of one worker.
#[derive(Debug)]
pub(super) struct Pool {
    chunks: Box<[OnceLock<Box<[Session]>>]>,
}

const _: () = assert!(size_of::<Session>() == 64);

impl Pool {
    /// Room for so many sessions.
    pub(super) fn new(sessions: u32) -> Self {
        let chunks = (sessions as usize).div_ceil(CHUNK);
        Self {
            chunks: std::iter::repeat_with(OnceLock::new).take(chunks).collect(),
        }
    }

    /// How many sessions fit.
    pub(super) fn capacity(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<&Session> {
        let chunk = self.chunks.get(number as usize / CHUNK)?.get()?;
        chunk.get(number as usize % CHUNK)
    }

    /// As [`Self::get`], and makes the chunk that it lies in.
    pub(super) fn make(&self, number: u32) -> Option<&Session> {
        let chunk = self.chunks.get(number as usize / CHUNK)?;
        let sessions = chunk.get_or_init(|| {
            let empty = || Session {
                version: AtomicU32::new(1),
                ..Session::default()
            };
            std::iter::repeat_with(empty).take(CHUNK).collect()
        });
        sessions.get(number as usize % CHUNK)
    }
}

impl Session {
    /// The version, if this is the session of `key`, as read by any worker.
    #[inline]
    pub(super) fn version_of(&self, key: &SessionKey) -> Option<u32> {
        let version = self.version.load(Ordering::Acquire);
        let difference = self
            .key
            .iter()
            .zip(key.words())
            .fold(0, |all, (own, wanted)| {
                all | (own.load(Ordering::Relaxed) ^ wanted)
            });
        fence(Ordering::Acquire);
        let is_read = version & 1 == 0 && self.version.load(Ordering::Relaxed) == version;
        (difference == 0 && is_read).then_some(version)
    }

    pub(super) fn version(&self) -> u32 {
        self.version.load(Ordering::Relaxed)
    }

    /// The key; `None` if there is no session here, or it is just changing.
    pub(super) fn key(&self) -> Option<SessionKey> {
        let key = SessionKey(std::array::from_fn(|at| {
            self.key[at].load(Ordering::Relaxed)
        }));
        self.version_of(&key).map(|_| key)
    }

    /// Makes this the session of `key`. For the owner, where there is none.
    pub(super) fn open(&self, key: &SessionKey, origin: Origin, now: u32) {
        for (own, word) in self.key.iter().zip(key.0) {
            own.store(word, Ordering::Relaxed);
        }
        self.last_active.store(now, Ordering::Relaxed);
        self.tcp_flags_seen.store(0, Ordering::Relaxed);
        self.epoch.store(origin.epoch, Ordering::Relaxed);
        self.generation.store(origin.generation, Ordering::Relaxed);
        let bits = u16::from(origin.is_input) | u16::from(origin.is_one_way) << 1;
        self.origin.store(bits, Ordering::Relaxed);
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Release);
    }

    /// There is no session here any more. For the owner, where there is one.
    pub(super) fn close(&self) {
        let version = self.version.load(Ordering::Relaxed);
        self.version
            .store(version.wrapping_add(1), Ordering::Relaxed);
        // Readers that see a word of the next key see the odd version too.
        fence(Ordering::Release);
    }

    pub(super) fn is_open(&self) -> bool {
        self.version.load(Ordering::Relaxed) & 1 == 0
    }

    pub(super) fn origin(&self) -> Origin {
        let bits = self.origin.load(Ordering::Relaxed);
        Origin {
            is_input: bits & 1 != 0,
            is_one_way: bits & 2 != 0,
            epoch: self.epoch.load(Ordering::Relaxed),
            generation: self.generation.load(Ordering::Relaxed),
        }
    }

    #[inline]
    pub(super) fn tcp_flags_seen(&self) -> u16 {
        self.tcp_flags_seen.load(Ordering::Relaxed)
    }

    /// Which timeout holds now.
    #[inline]
    pub(super) fn timeout(&self) -> SessionTimeout {
        let first = self.key[0].load(Ordering::Relaxed);
        SessionTimeout::of((first >> 32) as u8, self.tcp_flags_seen())
    }

    /// Milliseconds without a packet. A packet of another worker may be a little later than `now`.
    #[inline]
    pub(super) fn idle(&self, now: u32) -> u32 {
        let idle = now.wrapping_sub(self.last_active.load(Ordering::Relaxed));
        if idle > u32::MAX / 2 { 0 } else { idle }
    }

    /// A packet of the session: returns whether another timeout holds from now on.
    #[inline]
    pub(super) fn track(&self, is_input: bool, tcp_flags: Option<u8>, now: u32) -> bool {
        if self.last_active.load(Ordering::Relaxed) != now {
            self.last_active.store(now, Ordering::Relaxed);
        }
        let Some(flags) = tcp_flags else {
            return false;
        };
        let flags = u16::from(flags) << (if is_input { 8 } else { 0 });
        let seen = self.tcp_flags_seen();
        if seen | flags == seen {
            return false;
        }
        let before = self.timeout();
        self.tcp_flags_seen.fetch_or(flags, Ordering::Relaxed);
        self.timeout() != before
    }
}
