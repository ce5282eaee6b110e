//! Which tunnel a packet belongs to: a hash table that the control thread changes by copying what it
//! changes, so that many tunnels cost one that comes or goes no more than few.

use weft_packet::SwIfIndex;

use super::Encapsulation;
use crate::{acl::address::fold, tables::Chunked};

/// Addresses, UDP port and VNI of an IPv4 packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Key4(pub(crate) [u64; 2]);

/// Addresses, UDP port and VNI of an IPv6 packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Key6(pub(crate) [u64; 5]);

/// What identifies a tunnel.
pub(crate) trait TunnelKey: Copy + PartialEq + Default {
    fn hash(self) -> u64;
}

/// Tunnels by what identifies them.
#[derive(Clone, Debug)]
pub(crate) struct TunnelTable<K: TunnelKey> {
    /// Open addressing; the number of slots is a power of two, and at most half are used.
    slots: Chunked<Slot<K>>,
    mask: u32,
    /// Slots that hold a tunnel or held one.
    used: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot<K> {
    key: K,
    state: State,
    tunnel: SwIfIndex,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Free,
    Used,
    /// Searches go on behind it.
    Gone,
}

/// Smallest table.
const MIN_SLOTS: u32 = 64;

impl Encapsulation {
    /// Tells the ports of the two apart should they be the same.
    const fn bits(self) -> u64 {
        match self {
            Self::Vxlan => 0,
            Self::VxlanGpe => 1 << 16,
        }
    }
}

impl Key4 {
    /// Of a packet that the remote end sends: to `local`, from `remote`; `vni_word` is the VNI with the
    /// reserved byte behind it.
    #[inline]
    pub(crate) const fn new(
        encapsulation: Encapsulation,
        local: u32,
        remote: u32,
        port: u16,
        vni_word: u32,
    ) -> Self {
        Self([
            (local as u64) << 32 | remote as u64,
            (vni_word as u64) << 32 | encapsulation.bits() | port as u64,
        ])
    }
}

impl Key6 {
    /// As [`Key4::new`].
    #[inline]
    pub(crate) const fn new(
        encapsulation: Encapsulation,
        local: u128,
        remote: u128,
        port: u16,
        vni_word: u32,
    ) -> Self {
        Self([
            (local >> 64) as u64,
            local as u64,
            (remote >> 64) as u64,
            remote as u64,
            (vni_word as u64) << 32 | encapsulation.bits() | port as u64,
        ])
    }
}

impl TunnelKey for Key4 {
    #[inline]
    fn hash(self) -> u64 {
        let [a, b] = self.0;
        fold(a ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd1b5_4a32_d192_ed03)
    }
}

impl TunnelKey for Key6 {
    #[inline]
    fn hash(self) -> u64 {
        let [a, b, c, d, e] = self.0;
        let first = fold(a ^ c ^ 0x9e37_79b9_7f4a_7c15, b ^ 0xd1b5_4a32_d192_ed03);
        fold(first ^ d, e ^ 0x8cb9_2ba7_2f3d_8dd7)
    }
}

impl<K: TunnelKey> TunnelTable<K> {
    pub(crate) fn new() -> Self {
        Self {
            slots: Chunked::new(),
            mask: MIN_SLOTS - 1,
            used: 0,
        }
    }

    /// The tunnel of a key.
    #[inline]
    pub(crate) fn get(&self, key: K) -> Option<SwIfIndex> {
        let mut at = key.hash() as u32 & self.mask;
        // Ends at a free slot, of which there is at least one in two.
        loop {
            let slot = self.slots.get(at);
            match slot.state {
                State::Free => return None,
                State::Used if slot.key == key => return Some(slot.tunnel),
                State::Used | State::Gone => at = (at + 1) & self.mask,
            }
        }
    }

    /// Adds a tunnel whose key is not there.
    pub(crate) fn insert(&mut self, key: K, tunnel: SwIfIndex) {
        if (self.used + 1) * 2 > self.mask {
            self.grow();
        }
        let mut at = key.hash() as u32 & self.mask;
        while self.slots.get(at).state != State::Free {
            at = (at + 1) & self.mask;
        }
        *self.slots.get_mut(at) = Slot {
            key,
            state: State::Used,
            tunnel,
        };
        self.used += 1;
    }

    /// Removes a tunnel.
    pub(crate) fn remove(&mut self, key: K) {
        let mut at = key.hash() as u32 & self.mask;
        loop {
            let slot = self.slots.get(at);
            match slot.state {
                State::Free => return,
                State::Used if slot.key == key => break,
                State::Used | State::Gone => at = (at + 1) & self.mask,
            }
        }
        self.slots.get_mut(at).state = State::Gone;
    }

    /// Makes a table of what is there, with room for as many again.
    fn grow(&mut self) {
        let slots = (0..=self.mask).map(|at| *self.slots.get(at));
        let alive: Vec<_> = slots.filter(|slot| slot.state == State::Used).collect();
        let size = (alive.len() as u32 * 4).next_power_of_two();
        *self = Self {
            slots: Chunked::new(),
            mask: size.max(MIN_SLOTS) - 1,
            used: 0,
        };
        for slot in alive {
            self.insert(slot.key, slot.tunnel);
        }
    }
}
