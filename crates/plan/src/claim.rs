//! What only one port of a host may have, and who has it: the one whose record came first.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use weft_model::{IfName, Mac, NetworkSegment, PortId};

/// Something that only one port may have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    claimants: BTreeMap<Claim, BTreeSet<(i64, PortId)>>,
    staked: BTreeMap<PortId, Vec<(Claim, i64)>>,
}

impl Claims {
    /// Who has it.
    pub(crate) fn owner(&self, claim: &Claim) -> Option<&PortId> {
        self.claimants.get(claim)?.first().map(|(_, port)| port)
    }

    /// Enters a claim; answers the other claimants, to whom it may make a difference.
    pub(crate) fn stake(&mut self, claim: Claim, revision: i64, port: &PortId) -> Vec<PortId> {
        let others = self.claimants.get(&claim).into_iter().flatten();
        let others = others.map(|(_, other)| other.clone()).collect();
        self.claimants
            .entry(claim.clone())
            .or_default()
            .insert((revision, port.clone()));
        self.staked
            .entry(port.clone())
            .or_default()
            .push((claim, revision));
        others
    }

    /// Drops all claims of a port; answers the claimants that remain.
    pub(crate) fn release(&mut self, port: &PortId) -> Vec<PortId> {
        let mut others = Vec::new();
        for (claim, revision) in self.staked.remove(port).unwrap_or_default() {
            let Some(claimants) = self.claimants.get_mut(&claim) else {
                continue;
            };
            claimants.remove(&(revision, port.clone()));
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
