//! What only one port of a host may have, and who has it: the one whose record came first.

use std::collections::HashMap;
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

/// Who claims what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    /// The claimants in the order of their coming: revision, then name.
    claimants: HashMap<Claim, Vec<(i64, PortId)>, FixedState>,
    staked: HashMap<PortId, Vec<Claim>, FixedState>,
}

impl Claims {
    /// The first of a port's claims that another port made before it, and that port.
    pub(crate) fn lost(&self, port: &PortId) -> Option<(&Claim, &PortId)> {
        let staked = self.staked.get(port)?;
        staked.iter().find_map(|claim| {
            let (_, owner) = self.claimants.get(claim)?.first()?;
            (owner != port).then_some((claim, owner))
        })
    }

    /// Enters a claim; answers the other claimants, to whom it may make a difference.
    pub(crate) fn stake(&mut self, claim: Claim, revision: i64, port: &PortId) -> Vec<PortId> {
        let claimants = self.claimants.entry(claim.clone()).or_default();
        let others = claimants.iter().map(|(_, other)| other.clone()).collect();
        let entry = (revision, port.clone());
        if let Err(at) = claimants.binary_search(&entry) {
            claimants.insert(at, entry);
        }
        self.staked.entry(port.clone()).or_default().push(claim);
        others
    }

    /// Drops all claims of a port; answers the claimants that remain.
    pub(crate) fn release(&mut self, port: &PortId) -> Vec<PortId> {
        let mut others = Vec::new();
        for claim in self.staked.remove(port).unwrap_or_default() {
            let Some(claimants) = self.claimants.get_mut(&claim) else {
                continue;
            };
            claimants.retain(|(_, claimant)| claimant != port);
            others.extend(claimants.iter().map(|(_, other)| other.clone()));
            if claimants.is_empty() {
                self.claimants.remove(&claim);
            }
        }
        others
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(segment, mac) => write!(f, "field `mac_address`: {mac} on network {segment}"),
            Self::Device(device) => write!(f, "the device name {device}"),
        }
    }
}
