//! Keys and values: one word each, so that they are read and written at once.

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

/// Flags of an entry (`foreach_l2fib_entry_result_attr` of VPP's `l2_fib.h`).
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Hash)]
#[repr(transparent)]
pub struct FibFlags(u8);

/// Bridge domain index and MAC address. Never zero: index 0 is no bridge domain's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Key(pub(crate) u64);

/// Interface, flags, time stamp and sequence numbers; all ones means "absent".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub(crate) struct Value(pub(crate) u64);

/// An entry as dumped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FibEntry {
    /// The bridge domain's index.
    pub bd_index: u16,
    /// The address.
    pub mac: MacAddr,
    /// Where its frames go; [`SwIfIndex::NONE`] for a filter.
    pub sw_if_index: SwIfIndex,
    /// What kind of entry it is.
    pub flags: FibFlags,
    /// Minutes, modulo 256, when it was learned or last brought up to date; 0 if not learned.
    pub timestamp: u8,
    /// Sequence number of the bridge domain (high byte) and the interface (low byte) at that time.
    pub sn: u16,
}

// ===== impl FibFlags =====

impl FibFlags {
    /// Learned: may move and age.
    pub const LEARNED: Self = Self(0);
    /// Must not move to another interface.
    pub const STATIC: Self = Self(1);
    /// Does not age: provisioned, not learned.
    pub const AGE_NOT: Self = Self(1 << 1);
    /// The bridge domain's own address.
    pub const BVI: Self = Self(1 << 2);
    /// Packets from and to it are dropped.
    pub const FILTER: Self = Self(1 << 3);

    /// The flags of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether any flag of `other` is set.
    #[inline]
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// As VPP prints them in a trace: `static age-not`, or `none`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        [
            (Self::STATIC, "static"),
            (Self::AGE_NOT, "age-not"),
            (Self::BVI, "bvi"),
            (Self::FILTER, "filter"),
        ]
        .into_iter()
        .filter(move |(flag, _)| self.intersects(*flag))
        .map(|(_, name)| name)
    }
}

// ===== impl Key =====

impl Key {
    /// Matches nothing that is ever looked up.
    pub(crate) const NONE: Self = Self(0);

    /// From eight bytes of which the upper six are the address in the order of the wire, as loaded
    /// little-endian from two bytes before it.
    #[inline]
    pub(crate) const fn from_word(word: u64, bd_index: u16) -> Self {
        Self((word & !0xffff) | bd_index as u64)
    }

    pub(crate) const fn new(mac: MacAddr, bd_index: u16) -> Self {
        let [a, b, c, d, e, f] = mac.0;
        Self::from_word(u64::from_le_bytes([0, 0, a, b, c, d, e, f]), bd_index)
    }

    pub(crate) const fn bd_index(self) -> u16 {
        (self.0 & 0xffff) as u16
    }

    pub(crate) const fn mac(self) -> MacAddr {
        let [_, _, a, b, c, d, e, f] = self.0.to_le_bytes();
        MacAddr([a, b, c, d, e, f])
    }

    /// Whether the address is 00:00:00:00:00:00, which is never learned.
    #[inline]
    pub(crate) const fn is_zero_mac(self) -> bool {
        self.0 >> 16 == 0
    }

    /// Spreads keys over the upper bits (multiplicative hashing).
    #[inline]
    pub(crate) const fn hash(self) -> u64 {
        let mixed = self.0 ^ (self.0 >> 32);
        mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

// ===== impl Value =====

impl Value {
    /// No entry.
    pub(crate) const ABSENT: Self = Self(u64::MAX);

    #[inline]
    pub(crate) const fn new(
        sw_if_index: SwIfIndex,
        flags: FibFlags,
        timestamp: u8,
        sn: u16,
    ) -> Self {
        Self(
            sw_if_index.0 as u64
                | (flags.0 as u64) << 32
                | (timestamp as u64) << 40
                | (sn as u64) << 48,
        )
    }

    #[inline]
    pub(crate) const fn sw_if_index(self) -> SwIfIndex {
        SwIfIndex(self.0 as u32)
    }

    #[inline]
    pub(crate) const fn flags(self) -> FibFlags {
        FibFlags((self.0 >> 32) as u8)
    }

    #[inline]
    pub(crate) const fn timestamp(self) -> u8 {
        (self.0 >> 40) as u8
    }

    #[inline]
    pub(crate) const fn sn(self) -> u16 {
        (self.0 >> 48) as u16
    }

    #[inline]
    pub(crate) const fn is_absent(self) -> bool {
        self.0 == u64::MAX
    }

    /// Present, and leading to that interface.
    #[inline]
    pub(crate) fn is_present_on(self, sw_if_index: SwIfIndex) -> bool {
        !self.is_absent() && self.sw_if_index() == sw_if_index
    }

    /// Present and learned.
    #[inline]
    pub(crate) const fn is_learned(self) -> bool {
        !self.is_absent() && !self.flags().intersects(FibFlags::AGE_NOT)
    }

    pub(crate) const fn entry(self, key: Key) -> FibEntry {
        FibEntry {
            bd_index: key.bd_index(),
            mac: key.mac(),
            sw_if_index: self.sw_if_index(),
            flags: self.flags(),
            timestamp: self.timestamp(),
            sn: self.sn(),
        }
    }
}
