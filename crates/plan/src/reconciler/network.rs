//! What was read of overlay networks, what carries them, and what is said of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::FixedState;
use weft_model::{HostName, Mac, NetworkSegment, OverlaySegment, PortId, Status};

use super::Reconciler;
use crate::intent::{NetworkRecord, RemoteMac};
use crate::object::{InterfaceKey, ObjectKey, TunnelKey};
use crate::observed::Observed;

impl Reconciler {
    /// The record of an overlay network was read, or changed, or there is none.
    pub fn set_network(&mut self, segment: OverlaySegment, record: Option<NetworkRecord>) {
        let touched = self.compiler.set_network(segment, record);
        self.touch(touched);
    }

    /// The MAC addresses of an overlay network were read: these are all that other hosts say are behind
    /// them.
    pub fn set_remote_macs(
        &mut self,
        segment: OverlaySegment,
        remotes: BTreeMap<(HostName, Mac), RemoteMac>,
    ) {
        let touched = self.compiler.set_remote_macs(segment, remotes);
        self.touch(touched);
    }

    /// Another host says this of a MAC address now, or nothing any more.
    pub fn set_remote_mac(
        &mut self,
        segment: OverlaySegment,
        host: &HostName,
        mac: Mac,
        remote: Option<RemoteMac>,
    ) {
        let touched = self.compiler.set_remote_mac(segment, host, mac, remote);
        self.touch(touched);
    }

    /// The underlay address of this host, once it is known.
    pub fn underlay(&self) -> Option<IpAddr> {
        self.compiler.underlay()
    }

    /// Whether VPP bridges the port as is wanted, so that frames to it arrive; `None` while it is not
    /// known what VPP holds.
    pub fn is_bridged(&self, id: &PortId) -> Option<bool> {
        let observed = self.observed()?;
        let Some(Ok(keys)) = self.compiler.objects_of(id) else {
            return Some(false);
        };
        let member = keys
            .iter()
            .find(|key| matches!(key, ObjectKey::BridgeMember(_)) && key.port() == Some(id));
        let standing = member.and_then(|key| observed.get(key).zip(self.compiler.object(key)));
        Some(standing.is_some_and(|(is, wanted)| is.satisfies(wanted)))
    }

    /// How far overlay networks have come on this host; `None` for one that no port uses.
    pub fn network_statuses(
        &self,
        segments: &BTreeSet<OverlaySegment>,
    ) -> Vec<(OverlaySegment, Option<Status>)> {
        if segments.is_empty() {
            return Vec::new();
        }
        // One look for all of them at what may be much.
        let mut under_way: HashMap<OverlaySegment, &ObjectKey, FixedState> = HashMap::default();
        for key in self.dirty.others() {
            if let Some(segment) = key.overlay() {
                let first = under_way.entry(segment).or_insert(key);
                *first = key.min(*first);
            }
        }
        let status = |segment| self.network_status(segment, under_way.get(&segment).copied());
        segments.iter().map(|it| (*it, status(*it))).collect()
    }

    /// How far one has come; `under_way` is the first of its objects that may differ.
    fn network_status(
        &self,
        segment: OverlaySegment,
        under_way: Option<&ObjectKey>,
    ) -> Option<Status> {
        if !self.compiler.is_overlay_used(segment) {
            return None;
        }
        let bridge = ObjectKey::BridgeDomain(NetworkSegment::Overlay(segment));
        if let Some(status) = self.worst([&bridge]) {
            return Some(status);
        }
        let ranges = ranges(segment);
        let find = |find: &dyn Fn(&(ObjectKey, ObjectKey)) -> Option<ObjectKey>| {
            let found = ranges.iter().find_map(find);
            found.and_then(|key| self.worst([&key]))
        };
        let failed = find(&|(first, last)| self.failures.first_in(first, last).cloned());
        let blocked = || {
            find(&|(first, last)| {
                let mut blocked = self.blocked.range(first.clone()..=last.clone());
                blocked.next().map(|(key, _)| key.clone())
            })
        };
        let under_way = || self.worst(under_way);
        let fault = || {
            let reason = self.compiler.overlay_fault(segment)?;
            Some(Status::Failed {
                reason,
                tries: 0,
                next_try: None,
            })
        };
        let worst = failed.or_else(blocked).or_else(fault).or_else(under_way);
        Some(worst.unwrap_or(Status::Effective))
    }

    /// Takes the addresses out of what is observed that are none of ours, and begins tunnels at the
    /// first of them on the underlay's uplink unless the configuration says where they begin.
    pub(super) fn find_underlay(&mut self, observed: &mut Observed) {
        let ours = self.compiler.addressed_uplink();
        let foreign = observed.take_foreign_addresses(ours.as_ref());
        let network = self.compiler.network();
        let Some(underlay) = network.underlay.as_ref().filter(|_| ours.is_none()) else {
            // Whether it is there is seen by its object.
            self.underlay_found = true;
            return;
        };
        let uplink = InterfaceKey::Uplink(underlay.physnet.clone());
        let on_uplink = foreign.iter().filter(|found| found.interface == uplink);
        let found: Vec<IpAddr> = on_uplink
            .map(|found| found.address)
            .filter(|address| !is_link_local(*address))
            .collect();
        let touched = self.compiler.set_found_underlay(&found);
        self.touch(touched);
        self.underlay_found = !found.is_empty();
    }

    /// What the tunnels of a port's network stand on; nothing for a port on no overlay network.
    pub(super) fn underlay_of(&self, id: &PortId) -> Vec<ObjectKey> {
        if self.compiler.is_overlay_port(id) {
            self.compiler.underlay_keys()
        } else {
            Vec::new()
        }
    }

    /// What a port on an overlay network waits for if the underlay's uplink has lost its address.
    pub(super) fn waits_for_underlay(&self, id: &PortId) -> Option<String> {
        let lost =
            self.observed().is_some() && !self.underlay_found && self.compiler.is_overlay_port(id);
        let address = self.compiler.underlay().filter(|_| lost)?;
        Some(format!(
            "the underlay's uplink has no IP address any more; tunnels begin at {address}"
        ))
    }
}

/// An address that says nothing of where its host is (RFC 4291 §2.5.6, RFC 3927).
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// The ranges of keys that hold all that is there for a network alone.
fn ranges(segment: OverlaySegment) -> [(ObjectKey, ObjectKey); 4] {
    let (first, last): (IpAddr, IpAddr) = (
        Ipv4Addr::UNSPECIFIED.into(),
        Ipv6Addr::from_bits(u128::MAX).into(),
    );
    let tunnel = |remote| InterfaceKey::Tunnel(TunnelKey { segment, remote });
    [
        (
            ObjectKey::Interface(tunnel(first)),
            ObjectKey::Interface(tunnel(last)),
        ),
        (
            ObjectKey::BridgeMember(tunnel(first)),
            ObjectKey::BridgeMember(tunnel(last)),
        ),
        (
            ObjectKey::StaticMac(segment, Mac::new([0; 6])),
            ObjectKey::StaticMac(segment, Mac::new([0xff; 6])),
        ),
        (
            ObjectKey::Neighbour(segment, first),
            ObjectKey::Neighbour(segment, last),
        ),
    ]
}
