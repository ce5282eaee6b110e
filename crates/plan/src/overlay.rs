//! What is known of the overlay networks of the host's ports, and the objects that it makes: tunnels,
//! static MACs, neighbours.
//!
//! A network is *decided* once its record and the MAC addresses in it were read. Before, it has no
//! objects at all, wanted or unwanted, so that a plan leaves those of an earlier agent as they are.
//!
//! A change costs what it changes: a MAC address that comes, goes or moves touches its own entry, those
//! of its IP addresses, and the tunnel where it is the first or the last behind it. 100,000 of them are
//! to be expected in one network, so they are kept in as few and as small pieces as will do.

mod claims;
mod network;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use weft_model::{HostName, Mac, OverlaySegment, PortId};

use crate::intent::{NetworkRecord, RemoteMac};
use crate::object::{BridgeFlags, Object, ObjectKey};

use claims::Claim;
use network::UsedNetwork;

/// What became of objects: as they are wanted now, or that they are wanted no longer.
pub(crate) type Changed = Vec<(ObjectKey, Option<Object>)>;

/// What a host's ports say of a MAC address of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalMac {
    /// The address.
    pub(crate) mac: Mac,
    /// The IP addresses that it has.
    pub(crate) ips: Box<[IpAddr]>,
    /// `mod_revision` of the port's record.
    pub(crate) revision: i64,
}

/// The overlay networks of the host's ports.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks {
    /// Our end of all tunnels, once it is known.
    local: Option<IpAddr>,
    used: BTreeMap<OverlaySegment, UsedNetwork>,
    interest_changed: bool,
}

impl Networks {
    /// With this underlay address.
    pub(crate) fn new(local: Option<IpAddr>) -> Self {
        Self {
            local,
            ..Self::default()
        }
    }

    /// Our end of all tunnels, once it is known.
    pub(crate) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The networks of the host's ports.
    pub(crate) fn used(&self) -> impl Iterator<Item = OverlaySegment> {
        self.used.keys().copied()
    }

    /// Those whose records were not read yet, and those whose MAC addresses were not.
    pub(crate) fn unread(&self) -> (BTreeSet<OverlaySegment>, BTreeSet<OverlaySegment>) {
        let those = |is_unread: fn(&UsedNetwork) -> bool| {
            let unread = self.used.iter().filter(|(_, network)| is_unread(network));
            unread.map(|(segment, _)| *segment).collect()
        };
        (
            those(|network| !network.is_record_read()),
            those(|network| !network.are_macs_read()),
        )
    }

    /// Whether ports use the network.
    pub(crate) fn is_used(&self, segment: OverlaySegment) -> bool {
        self.used.contains_key(&segment)
    }

    /// Whether ports use the network, but not all of it was read yet.
    pub(crate) fn is_undecided(&self, segment: OverlaySegment) -> bool {
        let used = self.used.get(&segment);
        used.is_some_and(|network| !network.is_read())
    }

    /// What the bridge domain of a network does; nothing is known before the network is decided.
    pub(crate) fn bridge_flags(&self, segment: OverlaySegment) -> Option<BridgeFlags> {
        self.used.get(&segment)?.bridge_flags()
    }

    /// The record of a network that ports use, as far as it was read and is there.
    pub(crate) fn record(&self, segment: OverlaySegment) -> Option<&NetworkRecord> {
        self.used.get(&segment)?.record()
    }

    /// What other hosts say of a MAC address, as far as that can be used: the revision of the port's
    /// record, and that of the word itself.
    pub(crate) fn words(
        &self,
        segment: OverlaySegment,
        mac: Mac,
    ) -> impl Iterator<Item = (&HostName, (i64, i64))> {
        let network = self.used.get(&segment).into_iter();
        network.flat_map(move |network| network.words(mac))
    }

    /// What is wrong with the records of a network that ports use.
    pub(crate) fn fault(&self, segment: OverlaySegment) -> Option<String> {
        self.used.get(&segment)?.fault(self.local)
    }

    /// Whether the networks that are used are others since this was last asked.
    pub(crate) fn take_interest_changed(&mut self) -> bool {
        std::mem::take(&mut self.interest_changed)
    }

    /// A port uses the network.
    pub(crate) fn enter(&mut self, segment: OverlaySegment) {
        if let Entry::Vacant(unused) = self.used.entry(segment) {
            unused.insert(UsedNetwork::new(segment));
            self.interest_changed = true;
        }
    }

    /// No port uses the network any more: what was known of it is forgotten, since nobody will tell of
    /// its changes.
    pub(crate) fn leave(&mut self, segment: OverlaySegment) -> Changed {
        let Some(gone) = self.used.remove(&segment) else {
            return Changed::new();
        };
        self.interest_changed = true;
        gone.objects(self.local)
            .into_iter()
            .map(|object| (object.key(), None))
            .collect()
    }

    /// The record of a network was read, or it has none.
    pub(crate) fn set_record(
        &mut self,
        segment: OverlaySegment,
        record: Option<NetworkRecord>,
    ) -> Changed {
        self.read(segment, |network, _, _| network.set_record(record))
    }

    /// The MAC addresses of a network were read: these are all that are behind other hosts.
    pub(crate) fn set_remotes(
        &mut self,
        segment: OverlaySegment,
        remotes: BTreeMap<(HostName, Mac), RemoteMac>,
    ) -> Changed {
        self.read(segment, |network, local, changed| {
            network.replace(remotes, local, changed);
        })
    }

    /// A MAC address behind another host has this record now, or has none any more.
    pub(crate) fn set_remote(
        &mut self,
        segment: OverlaySegment,
        host: &HostName,
        mac: Mac,
        remote: Option<RemoteMac>,
    ) -> Changed {
        let mut changed = Changed::new();
        if let Some(network) = self.used.get_mut(&segment) {
            let claim = Claim::Remote(host.clone());
            let held = remote.map(Into::into);
            network.set(mac, &claim, held, self.local, &mut changed);
        }
        changed
    }

    /// A port of this host has these MAC addresses in the network now, instead of those.
    pub(crate) fn set_local(
        &mut self,
        segment: OverlaySegment,
        port: &PortId,
        before: &[LocalMac],
        now: &[LocalMac],
    ) -> Changed {
        let mut changed = Changed::new();
        let Some(network) = self.used.get_mut(&segment) else {
            return changed;
        };
        let claim = Claim::Local(port.clone());
        for gone in before {
            if now.iter().all(|other| other.mac != gone.mac) {
                network.set(gone.mac, &claim, None, self.local, &mut changed);
            }
        }
        for entry in now {
            let held = Some(entry.into());
            network.set(entry.mac, &claim, held, self.local, &mut changed);
        }
        changed
    }

    /// Our end of the tunnels is this from now on.
    pub(crate) fn set_underlay(&mut self, local: IpAddr) -> Changed {
        let before = self.local.replace(local);
        let mut changed = Changed::new();
        for network in self.used.values_mut() {
            let gone = network.objects(before);
            changed.extend(gone.into_iter().map(|object| (object.key(), None)));
            network.reckon(Some(local));
            changed.extend(present(network.objects(Some(local))));
        }
        changed
    }

    /// Takes in what was read of a network, and answers what that changed: everything, if the network
    /// is decided by it.
    fn read(
        &mut self,
        segment: OverlaySegment,
        take: impl FnOnce(&mut UsedNetwork, Option<IpAddr>, &mut Changed),
    ) -> Changed {
        let mut changed = Changed::new();
        let Some(network) = self.used.get_mut(&segment) else {
            return changed;
        };
        let was_read = network.is_read();
        take(network, self.local, &mut changed);
        if was_read || !network.is_read() {
            return changed;
        }
        network.reckon(self.local);
        present(network.objects(self.local))
    }
}

fn present(objects: Vec<Object>) -> Changed {
    let entry = |object: Object| (object.key(), Some(object));
    objects.into_iter().map(entry).collect()
}
