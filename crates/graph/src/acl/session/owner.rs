//! The sessions of one worker: made, kept in the order of their ages, and taken away.

use weft_packet::SwIfIndex;

use super::{
    SessionPacket, SessionTimeout,
    pool::{Origin, Session},
    table::{Found, Handle, Message, SessionTable},
};
use crate::frame::FRAME_SIZE;

/// Sessions of one list that are looked at in one go: more than a frame can make.
const LIST_STEP: usize = 2 * FRAME_SIZE;

/// Sessions looked at in one go when all of them must be.
const SWEEP_STEP: u32 = 256;

/// "None" in links.
const NONE: u32 = u32::MAX;

/// Why there is no new session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AddError {
    /// There are as many as there may be, and none of them is a TCP session of this worker's that is
    /// not established.
    TooMany,
}

/// The owner's side of its sessions.
#[derive(Debug)]
pub(crate) struct Owner {
    worker: usize,
    /// By session number.
    links: Vec<Link>,
    free: Vec<u32>,
    lists: [List; SessionTimeout::ALL.len()],
    /// Interfaces of sessions that were taken away, to be counted.
    deleted: Vec<SwIfIndex>,
    /// Number of the newest request to look at all sessions.
    sweeps: u64,
    /// Where that has come to.
    sweep: Option<u32>,
}

/// A session's place in a list.
#[derive(Clone, Copy, Debug)]
struct Link {
    previous: u32,
    next: u32,
    enqueued: u32,
    timeout: SessionTimeout,
}

/// Sessions under one timeout, those that were put there first at the head.
#[derive(Clone, Copy, Debug)]
struct List {
    head: u32,
    tail: u32,
}

impl Owner {
    pub(crate) fn new(worker: usize) -> Self {
        Self {
            worker,
            links: Vec::new(),
            free: Vec::new(),
            lists: [List {
                head: NONE,
                tail: NONE,
            }; SessionTimeout::ALL.len()],
            deleted: Vec::new(),
            sweeps: 0,
            sweep: None,
        }
    }

    /// Makes a session. If there are too many, the oldest TCP session that is not established gives
    /// way; VPP drops the packet in hand as well.
    pub(crate) fn add(
        &mut self,
        table: &SessionTable,
        packet: &SessionPacket,
        origin: Origin,
        now: u32,
    ) -> Result<Handle, AddError> {
        if !table.reserve() {
            self.evict(table)?;
            if !table.reserve() {
                return Err(AddError::TooMany);
            }
        }
        let number = self.free.pop().unwrap_or(self.links.len() as u32);
        let handle = Handle::new(self.worker, number);
        let session = table.pool(self.worker).and_then(|pool| pool.make(number));
        let Some(session) = session else {
            table.release();
            return Err(AddError::TooMany);
        };
        session.open(&packet.key, origin, now);
        if number as usize == self.links.len() {
            self.links.push(Link {
                previous: NONE,
                next: NONE,
                enqueued: now,
                timeout: SessionTimeout::UdpIdle,
            });
        }
        if !table.insert(packet.hash, handle) {
            session.close();
            self.free.push(number);
            table.release();
            return Err(AddError::TooMany);
        }
        self.append(number, session.timeout(), now);
        Ok(handle)
    }

    /// A packet of a session. Returns whether another timeout holds from now on.
    #[inline]
    pub(crate) fn track(
        &mut self,
        table: &SessionTable,
        (handle, session): (Handle, &Session),
        (is_input, tcp_flags): (bool, Option<u8>),
        now: u32,
    ) -> bool {
        if !session.track(is_input, tcp_flags, now) {
            return false;
        }
        if handle.worker() == self.worker {
            self.requeue(handle.number(), session.timeout(), now);
        } else {
            table.tell(handle.worker(), Message::Requeue(handle.number()));
        }
        true
    }

    /// What was found for a packet and is not valid is taken away, by whoever owns it.
    #[cold]
    pub(crate) fn discard(&mut self, table: &SessionTable, found: Found<'_>) {
        let (Found::OtherEpoch(handle, version) | Found::Ended(handle, version)) = found else {
            return;
        };
        if handle.worker() == self.worker {
            self.remove_version(table, handle.number(), version);
        } else {
            let number = handle.number();
            table.tell(handle.worker(), Message::Remove { number, version });
        }
    }

    /// Takes away what is too old or of an earlier generation (`is_current` says no), some at a
    /// time. `sweeps` is the number of the newest request to look at all sessions.
    pub(crate) fn maintain(
        &mut self,
        table: &SessionTable,
        sweeps: u64,
        now: u32,
        is_current: impl Fn(SwIfIndex, u16) -> bool,
    ) {
        for message in table.messages(self.worker) {
            match message {
                Message::Remove { number, version } => self.remove_version(table, number, version),
                Message::Requeue(number) => {
                    let session = table.session(Handle::new(self.worker, number));
                    if let Some(session) = session.filter(|session| session.is_open()) {
                        self.requeue(number, session.timeout(), now);
                    }
                }
            }
        }
        if sweeps != self.sweeps {
            self.sweeps = sweeps;
            self.sweep = Some(0);
        }
        if let Some(from) = self.sweep {
            self.sweep_from(table, from, is_current);
        }
        for timeout in SessionTimeout::ALL {
            self.check(table, timeout, now);
        }
    }

    /// Interfaces of the sessions taken away since the last call, one entry a session.
    pub(crate) fn take_deleted(&mut self) -> std::vec::Drain<'_, SwIfIndex> {
        self.deleted.drain(..)
    }

    fn sweep_from(
        &mut self,
        table: &SessionTable,
        from: u32,
        is_current: impl Fn(SwIfIndex, u16) -> bool,
    ) {
        let end = from.saturating_add(SWEEP_STEP).min(self.links.len() as u32);
        for number in from..end {
            let session = table.session(Handle::new(self.worker, number));
            let key = session.and_then(|session| Some((session, session.key()?)));
            if let Some((session, key)) = key
                && !is_current(key.interface(), session.origin().generation)
            {
                self.remove(table, number);
            }
        }
        self.sweep = ((end as usize) < self.links.len()).then_some(end);
    }

    /// Looks at the head of a list. Each session comes up when half of its time is over since it was
    /// put there (VPP `fa_session_get_list_timeout`); if it had packets since, it is put there anew.
    fn check(&mut self, table: &SessionTable, timeout: SessionTimeout, now: u32) {
        let time = table.timeout_ms(timeout);
        for _ in 0..LIST_STEP {
            let number = self.lists[timeout as usize].head;
            let Some(link) = self.links.get(number as usize) else {
                return;
            };
            if now.wrapping_sub(link.enqueued) < time / 2 {
                return;
            }
            let Some(session) = table.session(Handle::new(self.worker, number)) else {
                return;
            };
            let own = session.timeout();
            if session.idle(now) >= table.timeout_ms(own) {
                self.remove(table, number);
            } else {
                self.requeue(number, own, now);
            }
        }
    }

    fn evict(&mut self, table: &SessionTable) -> Result<(), AddError> {
        let oldest = self.lists[SessionTimeout::TcpTransient as usize].head;
        if oldest == NONE {
            return Err(AddError::TooMany);
        }
        self.remove(table, oldest);
        Ok(())
    }

    fn remove_version(&mut self, table: &SessionTable, number: u32, version: u32) {
        let session = table.session(Handle::new(self.worker, number));
        if session.is_some_and(|session| session.version() == version) {
            self.remove(table, number);
        }
    }

    fn remove(&mut self, table: &SessionTable, number: u32) {
        let handle = Handle::new(self.worker, number);
        let Some(session) = table.session(handle) else {
            return;
        };
        let Some(key) = session.key() else { return };
        table.remove(key.hash(table.seed()), handle);
        session.close();
        self.unlink(number);
        self.free.push(number);
        self.deleted.push(key.interface());
        table.release();
    }

    // ===== lists =====

    fn requeue(&mut self, number: u32, timeout: SessionTimeout, now: u32) {
        self.unlink(number);
        self.append(number, timeout, now);
    }

    fn append(&mut self, number: u32, timeout: SessionTimeout, now: u32) {
        let list = &mut self.lists[timeout as usize];
        let previous = std::mem::replace(&mut list.tail, number);
        if let Some(last) = self.links.get_mut(previous as usize) {
            last.next = number;
        } else {
            list.head = number;
        }
        if let Some(link) = self.links.get_mut(number as usize) {
            *link = Link {
                previous,
                next: NONE,
                enqueued: now,
                timeout,
            };
        }
    }

    fn unlink(&mut self, number: u32) {
        let Some(&link) = self.links.get(number as usize) else {
            return;
        };
        let list = &mut self.lists[link.timeout as usize];
        match self.links.get_mut(link.previous as usize) {
            Some(previous) => previous.next = link.next,
            None => list.head = link.next,
        }
        match self.links.get_mut(link.next as usize) {
            Some(next) => next.previous = link.previous,
            None => list.tail = link.previous,
        }
    }
}
