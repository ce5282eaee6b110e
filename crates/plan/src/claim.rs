//! What only one port of a host may have, and who has it: the one whose record came first.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::Hash;

use foldhash::fast::FixedState;
use weft_model::{IfName, Mac, NetworkSegment, PortId};

/// Something that only one port may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A MAC address on a network: with two owners a bridge would send to either by turns.
    Mac(NetworkSegment, Mac),
    /// A device of the kernel.
    Device(IfName),
}

/// A port that claims something, after the revision at which it came.
type Claimant = (i64, PortId);

/// Who has what is claimed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// The MAC addresses of each network.
    macs: HashMap<NetworkSegment, Owners<Mac>, FixedState>,
    devices: Owners<IfName>,
}

/// Who has what there is of one kind.
#[derive(Clone, Debug)]
struct Owners<T> {
    /// Who came first.
    first: HashMap<T, Claimant, FixedState>,
    /// Who came later.
    later: HashMap<T, BTreeSet<Claimant>, FixedState>,
}

impl Claims {
    /// Who has it, if anybody claims it.
    pub(crate) fn owner(&self, claim: &Claim) -> Option<&PortId> {
        let (_, owner) = match claim {
            Claim::Mac(segment, mac) => self.macs.get(segment)?.first.get(mac)?,
            Claim::Device(device) => self.devices.first.get(device)?,
        };
        Some(owner)
    }

    /// Enters a claim; answers the other claimants, to whom it may make a difference.
    pub(crate) fn stake(&mut self, claim: &Claim, revision: i64, port: &PortId) -> Vec<PortId> {
        let claimant = (revision, port.clone());
        match claim {
            Claim::Mac(segment, mac) => {
                let macs = self.macs.entry(segment.clone()).or_default();
                macs.stake(mac, claimant)
            }
            Claim::Device(device) => self.devices.stake(device, claimant),
        }
    }

    /// Drops a port's claim; answers the claimants that remain.
    pub(crate) fn release(&mut self, claim: &Claim, port: &PortId) -> Vec<PortId> {
        match claim {
            Claim::Mac(segment, mac) => {
                let Some(macs) = self.macs.get_mut(segment) else {
                    return Vec::new();
                };
                let remaining = macs.release(mac, port);
                if macs.first.is_empty() {
                    self.macs.remove(segment);
                }
                remaining
            }
            Claim::Device(device) => self.devices.release(device, port),
        }
    }
}

impl<T: Clone + Eq + Hash> Owners<T> {
    fn stake(&mut self, claimed: &T, mut later: Claimant) -> Vec<PortId> {
        match self.first.entry(claimed.clone()) {
            Entry::Vacant(free) => {
                free.insert(later);
                Vec::new()
            }
            Entry::Occupied(mut taken) => {
                let others = self.later.entry(claimed.clone()).or_default();
                let claimants = ids(taken.get(), others);
                if later < *taken.get() {
                    std::mem::swap(taken.get_mut(), &mut later);
                }
                others.insert(later);
                claimants
            }
        }
    }

    fn release(&mut self, claimed: &T, port: &PortId) -> Vec<PortId> {
        let Entry::Occupied(mut taken) = self.first.entry(claimed.clone()) else {
            return Vec::new();
        };
        let mut others = self.later.remove(claimed).unwrap_or_default();
        others.retain(|(_, other)| other != port);
        if taken.get().1 == *port {
            let Some(next) = others.pop_first() else {
                taken.remove();
                return Vec::new();
            };
            taken.insert(next);
        }
        let claimants = ids(taken.get(), &others);
        if !others.is_empty() {
            self.later.insert(claimed.clone(), others);
        }
        claimants
    }
}

impl<T> Default for Owners<T> {
    fn default() -> Self {
        Self {
            first: HashMap::default(),
            later: HashMap::default(),
        }
    }
}

fn ids(owner: &Claimant, others: &BTreeSet<Claimant>) -> Vec<PortId> {
    let claimants = std::iter::once(owner).chain(others);
    claimants.map(|(_, port)| port.clone()).collect()
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(segment, mac) => write!(f, "field `mac_address`: {mac} on network {segment}"),
            Self::Device(device) => write!(f, "the device name {device}"),
        }
    }
}
