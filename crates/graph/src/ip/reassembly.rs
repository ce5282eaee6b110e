//! Fragments on their way to become packets again (VPP `src/vnet/ip/reass/ip4_full_reass.c`, whose limits
//! these are).
//!
//! Each worker has its own, as a flow's packets come to one worker. What it holds is bounded: so many packets
//! at a time, of so many fragments each, for so long.

use std::{collections::HashMap, net::Ipv4Addr};

use weft_packet::{BufferIndex, BufferPool, checksum::internet_checksum, header::Ipv4View};

use crate::error::Error;

/// Packets at a time.
const PACKETS_MAX: usize = 1024;
/// Fragments of a packet.
const FRAGMENTS_MAX: usize = 3;
/// Milliseconds that fragments are kept.
const TIMEOUT: u32 = 200;
/// Most bytes of an IPv4 packet.
const LENGTH_MAX: usize = 65_535;

/// What the fragments of one packet have in common (RFC 791 §3.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Key {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: u8,
    identification: u16,
}

/// A fragment: where its payload begins and how long it is.
#[derive(Clone, Copy, Debug)]
struct Fragment {
    packet: BufferIndex,
    start: usize,
    length: usize,
    header_len: usize,
}

/// The fragments of one packet so far.
#[derive(Clone, Debug)]
struct Partial {
    /// In the order of their payloads.
    fragments: Vec<Fragment>,
    /// Bytes of payload, known with the last fragment.
    length: Option<usize>,
    /// Millisecond of the first.
    since: u32,
}

/// What became of a fragment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// Others are waited for.
    Kept,
    /// It was the last one: the packet, of so many fragments.
    Whole(BufferIndex, usize),
    /// It ends, and others with it stay for [`Reassembly::take_dropped`].
    Dropped(Error),
}

/// All packets of a worker.
#[derive(Debug, Default)]
pub(crate) struct Reassembly {
    partial: HashMap<Key, Partial>,
    /// Fragments whose packet will not become whole.
    dropped: Vec<(BufferIndex, Error)>,
    /// When it was last looked at what is too old.
    looked: u32,
}

impl Reassembly {
    /// Takes a fragment in.
    pub(crate) fn take(
        &mut self,
        pool: &mut BufferPool,
        packet: BufferIndex,
        millisecond: u32,
    ) -> Taken {
        let Some((key, fragment, is_last)) = describe(pool, packet) else {
            return Taken::Dropped(Error::Ip4ReassMalformed);
        };
        if !self.partial.contains_key(&key) && self.partial.len() >= PACKETS_MAX {
            return Taken::Dropped(Error::Ip4ReassLimit);
        }
        let partial = self.partial.entry(key).or_insert_with(|| Partial {
            fragments: Vec::new(),
            length: None,
            since: millisecond,
        });
        let end = fragment.start + fragment.length;
        let overlaps = partial
            .fragments
            .iter()
            .any(|own| fragment.start < own.start + own.length && own.start < end);
        if overlaps {
            return Taken::Dropped(Error::Ip4ReassDuplicate);
        }
        if partial.fragments.len() == FRAGMENTS_MAX {
            self.give_up(key, Error::Ip4ReassTooLong);
            return Taken::Dropped(Error::Ip4ReassTooLong);
        }
        let at = partial
            .fragments
            .partition_point(|own| own.start < fragment.start);
        partial.fragments.insert(at, fragment);
        if is_last {
            partial.length = Some(end);
        }
        let held: usize = partial.fragments.iter().map(|own| own.length).sum();
        if partial.length != Some(held) {
            return Taken::Kept;
        }
        let count = partial.fragments.len();
        match self
            .partial
            .remove(&key)
            .and_then(|whole| join(pool, &whole))
        {
            Some(packet) => Taken::Whole(packet, count),
            None => Taken::Kept,
        }
    }

    /// Gives up what has waited too long.
    #[inline]
    pub(crate) fn expire(&mut self, millisecond: u32) {
        if self.partial.is_empty() || millisecond.wrapping_sub(self.looked) < TIMEOUT / 4 {
            return;
        }
        self.looked = millisecond;
        let old = self.partial.iter();
        let old = old.filter(|(_, own)| millisecond.wrapping_sub(own.since) >= TIMEOUT);
        let old: Vec<_> = old.map(|(key, _)| *key).collect();
        for key in old {
            self.give_up(key, Error::Ip4ReassTimeout);
        }
    }

    /// Fragments that end, and why.
    pub(crate) fn take_dropped(&mut self) -> Vec<(BufferIndex, Error)> {
        std::mem::take(&mut self.dropped)
    }

    /// Whether fragments wait.
    pub(crate) fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    fn give_up(&mut self, key: Key, error: Error) {
        let fragments = self.partial.remove(&key).map(|own| own.fragments);
        let packets = fragments.into_iter().flatten().map(|own| own.packet);
        self.dropped.extend(packets.map(|packet| (packet, error)));
    }
}

/// Whose fragment a packet is, and whether it is the last; bytes behind it are cut off. `None` if it is cut off
/// itself, or ends beyond what a packet can have.
fn describe(pool: &mut BufferPool, packet: BufferIndex) -> Option<(Key, Fragment, bool)> {
    let view = Ipv4View::parse(pool.data(packet))?;
    let (total, header_len) = (usize::from(view.total_len()), view.header_len());
    let fragment = Fragment {
        packet,
        start: usize::from(view.fragment_offset()) * 8,
        length: total.checked_sub(header_len).filter(|length| *length > 0)?,
        header_len,
    };
    let key = Key {
        source: view.source(),
        destination: view.destination(),
        protocol: view.protocol().0,
        identification: view.identification(),
    };
    let is_last = !view.more_fragments();
    let is_aligned = is_last || fragment.length.is_multiple_of(8);
    let fits = header_len + fragment.start + fragment.length <= LENGTH_MAX;
    if !is_aligned || !fits || !pool.truncate(packet, total) {
        return None;
    }
    Some((key, fragment, is_last))
}

/// Links fragments that are all there to one packet.
fn join(pool: &mut BufferPool, partial: &Partial) -> Option<BufferIndex> {
    let (first, others) = partial.fragments.split_first()?;
    for own in others {
        // Checked when it came: its first buffer holds the header.
        let _ = pool.advance(own.packet, own.header_len);
        pool.append(first.packet, own.packet);
    }
    let total = u16::try_from(pool.total_length(first.packet)).ok()?;
    let header = pool.data_mut(first.packet).get_mut(..first.header_len)?;
    header[2..4].copy_from_slice(&total.to_be_bytes());
    header[6..8].fill(0);
    header[10..12].fill(0);
    let checksum = internet_checksum(header);
    header[10..12].copy_from_slice(&checksum.to_be_bytes());
    Some(first.packet)
}
