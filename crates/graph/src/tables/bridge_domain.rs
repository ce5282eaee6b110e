//! Bridge domains and their members.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{MacTarget, PortType, TableError, Tables};
use crate::{
    feature::{Bitmap, InputFeature},
    fib::{Key, Value},
};

/// A bridge domain's number as the operator gives it, 0 to 2^24 − 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct BdId(pub u32);

/// A bridge domain's place in the tables. 0 is none's: an interface without a valid bridge domain
/// drops its packets there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
#[repr(transparent)]
pub struct BdIndex(pub u16);

/// Features of a bridge domain; a packet needs them of the interface and of the bridge domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BdFlags {
    /// Flood broadcast and multicast.
    pub flood: bool,
    /// Flood unknown unicast.
    pub uu_flood: bool,
    /// Forward by destination address.
    pub forward: bool,
    /// Learn source addresses.
    pub learn: bool,
    /// ARP termination.
    pub arp_term: bool,
}

/// A member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FloodMember {
    /// The interface.
    pub sw_if_index: SwIfIndex,
    /// Split-horizon group; 0 is none.
    pub shg: u8,
    /// Role.
    pub port_type: PortType,
    /// Whether it gets floods: loopbacks, BVI and unknown-unicast-forward members do not.
    pub floods: bool,
}

/// A bridge domain as configured.
#[derive(Clone, Debug)]
pub struct BridgeDomain {
    /// The operator's number.
    pub id: BdId,
    /// Features.
    pub flags: BdFlags,
    /// Minutes after which what was learned is forgotten; 0 is never.
    pub mac_age: u8,
    /// Most addresses learned at a time.
    pub learn_limit: u32,
    /// Members in VPP's order: the BVI, then those that are flooded to, then the others.
    pub members: Vec<FloodMember>,
    /// The bridged virtual interface.
    pub bvi: Option<SwIfIndex>,
    /// Where unknown unicast goes.
    pub uu_fwd: Option<SwIfIndex>,
    /// What ARP and neighbour discovery are answered with.
    neighbours: Arc<HashMap<IpAddr, MacAddr>>,
    seq: u8,
}

/// What the nodes read of a bridge domain.
#[derive(Clone, Debug, Default)]
pub(crate) struct BdView {
    pub(crate) exists: bool,
    /// Features that the bridge domain allows; those it has no say in are always set.
    pub(crate) features: Bitmap,
    pub(crate) mac_age: u8,
    pub(crate) seq: u8,
    pub(crate) learn_limit: u32,
    /// Members that are flooded to, in the order in which that is done.
    pub(crate) flood: Option<Arc<[FloodTarget]>>,
    /// What ARP and neighbour discovery are answered with.
    pub(crate) neighbours: Arc<HashMap<IpAddr, MacAddr>>,
}

/// Where a flooded packet goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct FloodTarget {
    pub(crate) sw_if_index: SwIfIndex,
    pub(crate) shg: u8,
}

/// VPP's `L2LEARN_DEFAULT_LIMIT`: 64 for each of its 256 Ki hash buckets.
const DEFAULT_LEARN_LIMIT: u32 = 256 * 1024 * 64;

impl std::fmt::Display for BdId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl BdIndex {
    /// No bridge domain.
    pub const NONE: Self = Self(0);
}

impl BdFlags {
    /// VPP's default: all but ARP termination.
    pub const DEFAULT: Self = Self {
        flood: true,
        uu_flood: true,
        forward: true,
        learn: true,
        arp_term: false,
    };

    fn bitmap(self) -> Bitmap {
        [
            (self.flood, InputFeature::Flood),
            (self.uu_flood, InputFeature::UnknownUnicastFlood),
            (self.forward, InputFeature::Forward),
            (self.learn, InputFeature::Learn),
            (self.arp_term, InputFeature::ArpTerm),
        ]
        .into_iter()
        .filter(|(on, _)| !*on)
        .fold(Bitmap(u32::MAX), |map, (_, feature)| {
            map.without(feature.bit())
        })
    }
}

impl BdView {
    /// Sequence numbers that an entry learned now on an interface with `seq` carries.
    #[inline]
    pub(crate) const fn fib_sn(&self, interface_seq: u8) -> u16 {
        (self.seq as u16) << 8 | interface_seq as u16
    }
}

impl BridgeDomain {
    /// What ARP or neighbour discovery for an address is answered with.
    pub fn neighbour(&self, address: IpAddr) -> Option<MacAddr> {
        self.neighbours.get(&address).copied()
    }

    /// What ARP and neighbour discovery are answered with, in the order of addresses.
    pub fn neighbours(&self) -> Vec<(IpAddr, MacAddr)> {
        let all = self
            .neighbours
            .iter()
            .map(|(address, mac)| (*address, *mac));
        let mut all: Vec<_> = all.collect();
        all.sort_unstable();
        all
    }
}

// ===== impl Tables: bridge domains =====

impl Tables {
    /// Adds a bridge domain without members.
    pub fn add_bridge_domain(
        &mut self,
        id: BdId,
        flags: BdFlags,
        mac_age: u8,
    ) -> Result<BdIndex, TableError> {
        if self.bd_by_id.contains_key(&id) {
            return Err(TableError::BridgeDomainExists(id));
        }
        let index = if let Some(free) = self.free_domains.pop_first() {
            free
        } else {
            let next = u16::try_from(self.domains.len());
            let next = next.map_err(|_| TableError::TooManyBridgeDomains)?;
            self.domains.push(None);
            next
        };
        let (at, index) = (usize::from(index), BdIndex(index));
        let seq = self.bridge_domains.get(u32::from(index.0)).seq;
        self.domains[at] = Some(BridgeDomain {
            id,
            flags,
            mac_age,
            learn_limit: DEFAULT_LEARN_LIMIT,
            members: Vec::new(),
            bvi: None,
            uu_fwd: None,
            neighbours: Arc::default(),
            seq,
        });
        self.bd_by_id.insert(id, index);
        self.refresh_domain(index);
        Ok(index)
    }

    /// Removes a bridge domain without members, and what it learned. Static entries stay in the
    /// table until deleted, as in VPP.
    pub fn delete_bridge_domain(&mut self, id: BdId) -> Result<(), TableError> {
        let index = self.bd_index(id).ok_or(TableError::NoBridgeDomain(id))?;
        let members = self
            .bridge_domain(id)
            .map_or(0, |domain| domain.members.len());
        if members > 0 {
            return Err(TableError::BridgeDomainInUse { bd: id, members });
        }
        let slot = usize::from(index.0);
        let seq = self.domains[slot].take().map_or(0, |domain| domain.seq);
        self.bd_by_id.remove(&id);
        self.free_domains.insert(index.0);
        // The sequence number goes on, so that the next owner of the index does not inherit.
        *self.bridge_domains.get_mut(u32::from(index.0)) = BdView {
            seq: seq.wrapping_add(1),
            ..BdView::default()
        };
        Ok(())
    }

    /// A bridge domain as configured.
    pub fn bridge_domain(&self, id: BdId) -> Option<&BridgeDomain> {
        self.domains
            .get(usize::from(self.bd_index(id)?.0))?
            .as_ref()
    }

    /// All bridge domains by index.
    pub fn bridge_domains(&self) -> impl Iterator<Item = (BdIndex, &BridgeDomain)> {
        self.domains
            .iter()
            .enumerate()
            .filter_map(|(index, domain)| Some((BdIndex(index as u16), domain.as_ref()?)))
    }

    /// The index of a bridge domain.
    pub fn bd_index(&self, id: BdId) -> Option<BdIndex> {
        self.bd_by_id.get(&id).copied()
    }

    /// Changes a bridge domain's features.
    pub fn set_bd_flags(&mut self, id: BdId, flags: BdFlags) -> Result<(), TableError> {
        self.change_domain(id, |domain| domain.flags = flags)
    }

    /// Sets what a bridge domain answers ARP or neighbour discovery for an address with; `None`: nothing.
    /// Returns what it was.
    pub fn set_bd_neighbour(
        &mut self,
        id: BdId,
        address: IpAddr,
        mac: Option<MacAddr>,
    ) -> Result<Option<MacAddr>, TableError> {
        let mut old = None;
        self.change_domain(id, |domain| {
            let neighbours = Arc::make_mut(&mut domain.neighbours);
            old = match mac {
                Some(mac) => neighbours.insert(address, mac),
                None => neighbours.remove(&address),
            };
        })?;
        Ok(old)
    }

    /// Changes a bridge domain's MAC age, minutes; 0 is never.
    pub fn set_bd_mac_age(&mut self, id: BdId, mac_age: u8) -> Result<(), TableError> {
        self.change_domain(id, |domain| domain.mac_age = mac_age)
    }

    /// Changes how many addresses a bridge domain learns.
    pub fn set_bd_learn_limit(&mut self, id: BdId, limit: u32) -> Result<(), TableError> {
        self.change_domain(id, |domain| domain.learn_limit = limit)
    }

    /// Forgets what a bridge domain learned (`l2fib_flush_bd`): at once not used any more, removed
    /// by the next [scan](Tables::age_scan).
    pub fn flush_bridge_domain(&mut self, id: BdId) -> Result<(), TableError> {
        self.change_domain(id, |domain| domain.seq = domain.seq.wrapping_add(1))
    }

    /// Forgets what all bridge domains learned (`l2fib_flush_all`).
    pub fn flush_all(&mut self) {
        let ids: Vec<_> = self.bd_by_id.keys().copied().collect();
        for id in ids {
            // The bridge domain is there, so this cannot fail.
            let _ = self.flush_bridge_domain(id);
        }
    }

    pub(super) fn domain_mut(&mut self, index: BdIndex) -> Option<&mut BridgeDomain> {
        self.domains.get_mut(usize::from(index.0))?.as_mut()
    }

    pub(super) fn add_member(&mut self, index: BdIndex, member: FloodMember) {
        let fib = Arc::clone(&self.fib);
        let mac = self
            .interface(member.sw_if_index)
            .map(|own| own.mac)
            .unwrap_or_default();
        let Some(domain) = self.domain_mut(index) else {
            return;
        };
        match member.port_type {
            PortType::Bvi => {
                domain.bvi = Some(member.sw_if_index);
                domain.members.insert(0, member);
                fib.set(
                    Key::new(mac, index.0),
                    MacTarget::Bvi(member.sw_if_index).value(),
                );
            }
            // Not a member in VPP's sense: it is neither flooded to nor dumped.
            PortType::UnknownUnicastForward => domain.uu_fwd = Some(member.sw_if_index),
            PortType::Normal if member.floods => {
                let quiet = domain
                    .members
                    .iter()
                    .rev()
                    .take_while(|other| !other.floods);
                let quiet = quiet
                    .filter(|other| other.port_type == PortType::Normal)
                    .count();
                domain.members.insert(domain.members.len() - quiet, member);
            }
            PortType::Normal => domain.members.push(member),
        }
        self.refresh_domain(index);
    }

    pub(super) fn remove_member(&mut self, index: BdIndex, own: SwIfIndex, mac: MacAddr) {
        let fib = Arc::clone(&self.fib);
        let Some(domain) = self.domain_mut(index) else {
            return;
        };
        domain.members.retain(|member| member.sw_if_index != own);
        if domain.uu_fwd == Some(own) {
            domain.uu_fwd = None;
        }
        if domain.bvi == Some(own) {
            domain.bvi = None;
            fib.set(Key::new(mac, index.0), Value::ABSENT);
        }
        self.refresh_domain(index);
    }

    fn change_domain(
        &mut self,
        id: BdId,
        change: impl FnOnce(&mut BridgeDomain),
    ) -> Result<(), TableError> {
        let index = self.bd_index(id).ok_or(TableError::NoBridgeDomain(id))?;
        change(
            self.domain_mut(index)
                .ok_or(TableError::NoBridgeDomain(id))?,
        );
        self.refresh_domain(index);
        Ok(())
    }

    fn refresh_domain(&mut self, index: BdIndex) {
        let Some(domain) = self
            .domains
            .get(usize::from(index.0))
            .and_then(Option::as_ref)
        else {
            return;
        };
        let flood = domain
            .members
            .iter()
            .rev()
            .filter(|member| member.floods)
            .map(|member| FloodTarget {
                sw_if_index: member.sw_if_index,
                shg: member.shg,
            })
            .collect();
        *self.bridge_domains.get_mut(u32::from(index.0)) = BdView {
            features: domain.flags.bitmap(),
            mac_age: domain.mac_age,
            seq: domain.seq,
            learn_limit: domain.learn_limit,
            exists: true,
            flood: Some(flood),
            neighbours: Arc::clone(&domain.neighbours),
        };
    }
}
