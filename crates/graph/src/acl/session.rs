//! Sessions: flows that a reflexive rule let through, which then pass in both directions (VPP
//! `session_inlines.h`, `sess_mgmt_node.c`).
//!
//! A session belongs to an interface. It is found by one [`key`] from both directions: a packet
//! that the interface receives and the answer that it sends have the same.
//!
//! # Concurrency
//!
//! The directions of a flow may be handled by different workers, so all workers read all sessions:
//!
//! * A session lies in the pool of the worker that made it, its *owner*, which alone writes the key
//!   and takes the session away again ([`Owner`]). A version, odd while the key changes, tells a
//!   reader that it read half of two keys.
//! * What packets leave behind (when the flow was last seen, which TCP flags) any worker writes:
//!   single words, for which the last writer wins.
//! * The hash table holds handles of sessions in buckets of one cache line each; its words are set
//!   from 0 and to 0 by compare-and-swap, so there are no locks. Two workers that see a new flow at
//!   once make two sessions: either will do, and the one that is not found goes by its age.
//! * What a worker finds to be done to another's session it puts into that one's mailbox.
//!
//! # Invalid sessions
//!
//! Whoever finds a session looks at its age, the generation of its interface's sessions (bumped to
//! forget all of them) and, if rules decide anew after changes, at the policy epoch. So a session
//! ends exactly in time and all sessions of an interface at once, whenever they are cleaned up.

mod key;
mod owner;
mod pool;
mod table;
#[cfg(test)]
mod tests;

use weft_packet::SwIfIndex;

pub(crate) use key::{SessionKey, SessionPacket};
pub(crate) use owner::Owner;
pub(crate) use pool::{Origin, Session};
pub(crate) use table::{Candidate, Found, Handle, SessionTable, Validity};

/// Sessions that one table holds (VPP `ACL_FA_CONN_TABLE_DEFAULT_MAX_ENTRIES`).
pub(crate) const SESSIONS_MAX: u32 = 500_000;

/// What a session's time without packets is measured against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum SessionTimeout {
    /// All but TCP.
    UdpIdle,
    /// TCP with SYN and ACK seen in both directions, and neither FIN nor RST.
    TcpIdle,
    /// Other TCP.
    TcpTransient,
}

/// How many sessions there were.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionTotals {
    /// Sessions made.
    pub added: u64,
    /// Sessions taken away.
    pub deleted: u64,
    /// Sessions found to be from before a change of the rules.
    pub epoch_changes: u64,
}

/// A session, to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionDetails {
    /// The worker that made it.
    pub worker: usize,
    /// Its number there.
    pub number: u32,
    /// The interface.
    pub sw_if_index: SwIfIndex,
    /// Source of the packets that the interface receives.
    pub source: std::net::IpAddr,
    /// Their destination.
    pub destination: std::net::IpAddr,
    /// Their ports; of ICMP, type and code of the request.
    pub ports: [u16; 2],
    /// IP protocol number.
    pub protocol: u8,
    /// TCP flags seen on packets sent and received by the interface.
    pub tcp_flags_seen: [u8; 2],
    /// Which timeout holds.
    pub timeout: SessionTimeout,
    /// Milliseconds since the last packet.
    pub idle_ms: u32,
}

impl SessionTimeout {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::UdpIdle, Self::TcpIdle, Self::TcpTransient];

    /// VPP's default, seconds.
    pub const fn default_seconds(self) -> u32 {
        match self {
            Self::UdpIdle => 600,
            Self::TcpIdle => 24 * 3600,
            Self::TcpTransient => 120,
        }
    }

    /// VPP `fa_session_get_timeout_type`.
    #[inline]
    pub(crate) const fn of(protocol: u8, flags_seen: u16) -> Self {
        const FIN_SYN_RST_ACK: u16 = 0x17;
        const SYN_ACK: u16 = 0x12;
        if protocol != 6 {
            return Self::UdpIdle;
        }
        let both = FIN_SYN_RST_ACK << 8 | FIN_SYN_RST_ACK;
        if flags_seen & both == (SYN_ACK << 8 | SYN_ACK) {
            Self::TcpIdle
        } else {
            Self::TcpTransient
        }
    }
}
