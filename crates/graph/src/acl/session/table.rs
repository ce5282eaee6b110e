//! The hash table of all workers' sessions, and what holds for all of them.

use std::sync::{
    Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use super::{
    SESSIONS_MAX, SessionDetails, SessionPacket, SessionTimeout,
    pool::{Origin, Pool, Session},
};
use crate::prefetch;

/// Slots of a bucket.
const SLOTS: usize = 7;

/// Messages that wait for an owner; what does not fit is found again by the session's age.
const MAILBOX_MAX: usize = 4096;

/// Most seconds of a timeout: the clock's milliseconds wrap after 49 days.
const TIMEOUT_MAX: u32 = 20 * 24 * 3600;

/// See the head of [`super`].
#[derive(Debug)]
pub(crate) struct SessionTable {
    /// Made with the first access list, as VPP does.
    buckets: OnceLock<Box<[Bucket]>>,
    pools: Box<[Pool]>,
    mailboxes: Box<[Mailbox]>,
    live: AtomicU32,
    limit: AtomicU32,
    /// Milliseconds.
    timeouts: [AtomicU32; SessionTimeout::ALL.len()],
    seed: u64,
}

/// Which session: owner in the high byte, number below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Handle(u32);

/// One cache line of handles.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Bucket {
    /// Tag in the high half, 1 + handle in the low one; 0 if empty.
    slots: [AtomicU64; SLOTS],
    /// Handles that found no room here and are in their second bucket.
    spilled: AtomicU64,
}

/// The hash table, a power of two of buckets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Index<'a>(&'a [Bucket]);

/// What other workers found to be done.
#[derive(Debug, Default)]
struct Mailbox {
    is_full: AtomicBool,
    messages: Mutex<Vec<Message>>,
}

/// Something that a session's owner has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// Another timeout holds.
    Requeue(u32),
    /// It is not valid any more, unless another one is in its place.
    Remove { number: u32, version: u32 },
}

/// What makes a session valid now, on one interface and for one direction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Validity {
    pub(crate) is_input: bool,
    /// Generation of the interface's sessions.
    pub(crate) generation: u16,
    /// Policy epoch of the direction.
    pub(crate) epoch: u16,
    /// Whether the epoch counts.
    pub(crate) reclassifies: bool,
    pub(crate) now: u32,
}

/// What a first look tells of a packet's session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Candidate<'a> {
    /// There was none.
    Absent,
    /// [`SessionTable::find`] knows.
    Unsure,
    /// It is likely this one.
    Likely(Handle, &'a Session),
}

/// What was found for a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// Its session.
    Valid(Handle, &'a Session),
    /// Its session, which is from before a change of the rules, and that one's version.
    OtherEpoch(Handle, u32),
    /// Its session, which has ended, and that one's version.
    Ended(Handle, u32),
}

impl Handle {
    const NUMBER_BITS: u32 = 24;

    pub(super) const fn new(worker: usize, number: u32) -> Self {
        Self((worker as u32) << Self::NUMBER_BITS | number)
    }

    pub(crate) const fn worker(self) -> usize {
        (self.0 >> Self::NUMBER_BITS) as usize
    }

    pub(crate) const fn number(self) -> u32 {
        self.0 & ((1 << Self::NUMBER_BITS) - 1)
    }
}

/// The slot of a handle, which cannot be 0.
const fn slot(hash: u64, handle: Handle) -> u64 {
    (hash & 0xffff_ffff_0000_0000) | (handle.0 as u64 + 1)
}

/// Whether a slot has the tag of a hash.
#[inline]
const fn is_of(slot: u64, hash: u64) -> bool {
    (slot ^ hash) >> 32 == 0 && slot as u32 != 0
}

impl SessionTable {
    pub(crate) fn new(workers: usize, limit: u32, seed: u64) -> Self {
        let pools = std::iter::repeat_with(|| Pool::new(limit)).take(workers);
        let mailboxes = std::iter::repeat_with(Mailbox::default).take(workers);
        Self {
            buckets: OnceLock::new(),
            pools: pools.collect(),
            mailboxes: mailboxes.collect(),
            live: AtomicU32::new(0),
            limit: AtomicU32::new(limit),
            timeouts: SessionTimeout::ALL
                .map(|timeout| AtomicU32::new(timeout.default_seconds() * 1000)),
            seed,
        }
    }

    /// Gets ready for sessions. For the control thread: it takes milliseconds the first time.
    pub(crate) fn prepare(&self) {
        // On average four of a bucket's slots are used when the table is full.
        let limit = self.limit.load(Ordering::Relaxed).clamp(1, SESSIONS_MAX);
        let count = (limit as usize / 4).next_power_of_two();
        self.buckets.get_or_init(|| {
            std::iter::repeat_with(Bucket::default)
                .take(count)
                .collect()
        });
    }

    #[inline]
    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    #[inline]
    pub(crate) fn session(&self, handle: Handle) -> Option<&Session> {
        self.pools.get(handle.worker())?.get(handle.number())
    }

    pub(super) fn pool(&self, worker: usize) -> Option<&Pool> {
        self.pools.get(worker)
    }

    /// The hash table itself, to be asked for once a frame; empty before the first list.
    #[inline]
    pub(crate) fn index(&self) -> Index<'_> {
        Index(self.buckets.get().map_or(&[], |buckets| buckets))
    }

    fn bucket(&self, hash: u64) -> Option<&Bucket> {
        self.index().bucket(hash)
    }

    /// The other bucket of a hash; may be the same.
    fn second_bucket(&self, hash: u64) -> Option<&Bucket> {
        self.bucket(hash >> 18 ^ hash >> 40)
    }

    /// What one look at the first bucket tells of a packet's session, which is brought near.
    #[inline]
    pub(crate) fn candidate(&self, index: Index<'_>, hash: u64) -> Candidate<'_> {
        let Some(bucket) = index.bucket(hash) else {
            return Candidate::Absent;
        };
        for slot in &bucket.slots {
            let word = slot.load(Ordering::Acquire);
            if is_of(word, hash) {
                let handle = Handle((word as u32).wrapping_sub(1));
                let Some(session) = self.session(handle) else {
                    return Candidate::Unsure;
                };
                prefetch::read(session);
                return Candidate::Likely(handle, session);
            }
        }
        if bucket.spilled.load(Ordering::Acquire) == 0 {
            Candidate::Absent
        } else {
            Candidate::Unsure
        }
    }

    /// Whether a candidate is the packet's session and valid.
    #[inline]
    pub(crate) fn is_valid(
        &self,
        session: &Session,
        packet: &SessionPacket,
        validity: &Validity,
    ) -> bool {
        session.version_of(&packet.key).is_some()
            && session.idle(validity.now) < self.timeout_ms(session.timeout())
            && validity.allows(session, packet)
    }

    /// All that there is for a packet, in both buckets.
    pub(crate) fn find<'table>(
        &'table self,
        packet: &SessionPacket,
        validity: &Validity,
    ) -> impl Iterator<Item = Found<'table>> {
        let first = self.bucket(packet.hash);
        let second = first
            .filter(|bucket| bucket.spilled.load(Ordering::Acquire) > 0)
            .and_then(|_| self.second_bucket(packet.hash));
        let buckets = first.into_iter().chain(second);
        let slots = buckets.flat_map(|bucket| &bucket.slots);
        slots.filter_map(move |slot| {
            let word = slot.load(Ordering::Acquire);
            if !is_of(word, packet.hash) {
                return None;
            }
            let handle = Handle((word as u32).wrapping_sub(1));
            let session = self.session(handle)?;
            let version = session.version_of(&packet.key)?;
            let origin = session.origin();
            let is_old = session.idle(validity.now) >= self.timeout_ms(session.timeout());
            if is_old || origin.generation != validity.generation {
                Some(Found::Ended(handle, version))
            } else if origin.is_one_way && !packet.is_one_way {
                None
            } else if validity.is_other_epoch(origin) {
                Some(Found::OtherEpoch(handle, version))
            } else {
                Some(Found::Valid(handle, session))
            }
        })
    }

    /// Puts a handle into the table; `false` if there is no room.
    pub(super) fn insert(&self, hash: u64, handle: Handle) -> bool {
        let (Some(first), Some(second)) = (self.bucket(hash), self.second_bucket(hash)) else {
            return false;
        };
        let word = slot(hash, handle);
        if first.exchange(0, word) {
            return true;
        }
        first.spilled.fetch_add(1, Ordering::AcqRel);
        if second.exchange(0, word) {
            return true;
        }
        first.spilled.fetch_sub(1, Ordering::AcqRel);
        false
    }

    /// Takes a handle out of the table.
    pub(super) fn remove(&self, hash: u64, handle: Handle) {
        let (Some(first), Some(second)) = (self.bucket(hash), self.second_bucket(hash)) else {
            return;
        };
        let word = slot(hash, handle);
        if !first.exchange(word, 0) && second.exchange(word, 0) {
            first.spilled.fetch_sub(1, Ordering::AcqRel);
        }
    }

    // ===== what holds for all =====

    /// Counts one more session, if the limit allows it.
    pub(super) fn reserve(&self) -> bool {
        let before = self.live.fetch_add(1, Ordering::Relaxed);
        let is_allowed = before < self.limit.load(Ordering::Relaxed);
        if !is_allowed {
            self.release();
        }
        is_allowed
    }

    /// Counts one session less.
    pub(super) fn release(&self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }

    /// Sessions that are not in their first bucket.
    #[cfg(test)]
    pub(super) fn spilled(&self) -> u64 {
        let buckets = self.index().0.iter();
        buckets.map(|own| own.spilled.load(Ordering::Relaxed)).sum()
    }

    pub(crate) fn live(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// Lets no more than so many sessions be; those that there are stay.
    pub(crate) fn set_limit(&self, limit: u32) {
        let most = self.pools.first().map_or(0, Pool::capacity);
        self.limit.store(limit.min(most), Ordering::Relaxed);
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    #[inline]
    pub(super) fn timeout_ms(&self, timeout: SessionTimeout) -> u32 {
        self.timeouts[timeout as usize].load(Ordering::Relaxed)
    }

    /// Sets a timeout, at most 20 days.
    pub(crate) fn set_timeout(&self, timeout: SessionTimeout, seconds: u32) {
        let milliseconds = seconds.min(TIMEOUT_MAX) * 1000;
        self.timeouts[timeout as usize].store(milliseconds, Ordering::Relaxed);
    }

    /// Seconds of a timeout.
    pub(crate) fn timeout_seconds(&self, timeout: SessionTimeout) -> u32 {
        self.timeout_ms(timeout) / 1000
    }

    /// All sessions, in the order of workers and numbers.
    pub(crate) fn details(&self, now: u32) -> impl Iterator<Item = (SessionDetails, Origin)> {
        self.pools
            .iter()
            .enumerate()
            .flat_map(move |(worker, pool)| {
                let numbered = (0..pool.capacity()).map_while(|number| {
                    let session = pool.get(number)?;
                    Some((number, session))
                });
                numbered.filter_map(move |(number, session)| {
                    let key = session.key()?;
                    let (source, destination) = key.addresses();
                    let details = SessionDetails {
                        worker,
                        number,
                        sw_if_index: key.interface(),
                        source,
                        destination,
                        ports: key.ports(),
                        protocol: key.protocol(),
                        tcp_flags_seen: session.tcp_flags_seen().to_le_bytes(),
                        timeout: session.timeout(),
                        idle_ms: session.idle(now),
                    };
                    let is_ended = details.idle_ms >= self.timeout_ms(details.timeout);
                    (!is_ended).then(|| (details, session.origin()))
                })
            })
    }

    // ===== mailboxes =====

    /// Tells a session's owner what to do.
    #[cold]
    pub(super) fn tell(&self, owner: usize, message: Message) {
        let Some(mailbox) = self.mailboxes.get(owner) else {
            return;
        };
        let mut messages = mailbox.lock();
        if messages.len() < MAILBOX_MAX {
            messages.push(message);
        }
        mailbox.is_full.store(true, Ordering::Release);
    }

    /// Takes what others told.
    #[inline]
    pub(super) fn messages(&self, owner: usize) -> Vec<Message> {
        match self.mailboxes.get(owner) {
            Some(mailbox) if mailbox.is_full.load(Ordering::Acquire) => {
                mailbox.is_full.store(false, Ordering::Relaxed);
                std::mem::take(&mut *mailbox.lock())
            }
            _ => Vec::new(),
        }
    }
}

impl<'a> Index<'a> {
    #[inline]
    fn bucket(self, hash: u64) -> Option<&'a Bucket> {
        self.0.get(hash as usize & self.0.len().wrapping_sub(1))
    }

    /// Brings the bucket of a hash near.
    #[inline]
    pub(crate) fn prefetch(self, hash: u64) {
        if let Some(bucket) = self.bucket(hash) {
            prefetch::read(bucket);
        }
    }
}

impl Bucket {
    /// Replaces one word by another; `false` if that is not there.
    fn exchange(&self, old: u64, new: u64) -> bool {
        self.slots.iter().any(|slot| {
            slot.load(Ordering::Relaxed) == old
                && slot
                    .compare_exchange(old, new, Ordering::Release, Ordering::Relaxed)
                    .is_ok()
        })
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Vec<Message>> {
        // A list of numbers is never half done.
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Validity {
    /// VPP `stale_session_deleted`: an epoch is compared with that of its own direction only.
    fn is_other_epoch(&self, origin: Origin) -> bool {
        self.reclassifies && origin.is_input == self.is_input && origin.epoch != self.epoch
    }

    #[inline]
    fn allows(&self, session: &Session, packet: &SessionPacket) -> bool {
        let origin = session.origin();
        origin.generation == self.generation
            && (!origin.is_one_way || packet.is_one_way)
            && !self.is_other_epoch(origin)
    }
}
