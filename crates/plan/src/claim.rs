//! What only one port of a host may have, and who has it: the one whose record came first.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;

use foldhash::fast::FixedState;
use weft_model::{IfName, Mac, NetworkSegment, PortId};

/// Something that only one port may have.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// Who came first.
    owners: HashMap<Claim, Claimant, FixedState>,
    /// Who came later.
    others: HashMap<Claim, BTreeSet<Claimant>, FixedState>,
}

impl Claims {
    /// Who has it, if anybody claims it.
    pub(crate) fn owner(&self, claim: &Claim) -> Option<&PortId> {
        let (_, owner) = self.owners.get(claim)?;
        Some(owner)
    }

    /// Enters a claim; answers the other claimants, to whom it may make a difference.
    pub(crate) fn stake(&mut self, claim: &Claim, revision: i64, port: &PortId) -> Vec<PortId> {
        let mut later = (revision, port.clone());
        match self.owners.entry(claim.clone()) {
            Entry::Vacant(free) => {
                free.insert(later);
                Vec::new()
            }
            Entry::Occupied(mut taken) => {
                let others = self.others.entry(claim.clone()).or_default();
                let claimants = ids(taken.get(), others);
                if later < *taken.get() {
                    std::mem::swap(taken.get_mut(), &mut later);
                }
                others.insert(later);
                claimants
            }
        }
    }

    /// Drops a port's claim; answers the claimants that remain.
    pub(crate) fn release(&mut self, claim: &Claim, port: &PortId) -> Vec<PortId> {
        let Entry::Occupied(mut taken) = self.owners.entry(claim.clone()) else {
            return Vec::new();
        };
        let mut others = self.others.remove(claim).unwrap_or_default();
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
            self.others.insert(claim.clone(), others);
        }
        claimants
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
