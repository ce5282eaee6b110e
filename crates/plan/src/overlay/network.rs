//! One overlay network that ports of the host use.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use weft_model::{HostName, InvalidRecord, Mac, OverlaySegment};

use super::Changed;
use super::claims::{Claim, Claims, Held, Place};
use crate::intent::{NetworkRecord, RemoteMac};
use crate::object::{
    BridgeFlags, BridgeMember, InterfaceKey, Neighbour, Object, ObjectKey, StaticMac, TagRewrite,
    Tunnel, TunnelKey,
};

/// A network, and where its MAC addresses are.
#[derive(Clone, Debug)]
pub(super) struct UsedNetwork {
    segment: OverlaySegment,
    record_read: bool,
    /// The record, as far as it was read and is there.
    record: Option<NetworkRecord>,
    macs_read: bool,
    macs: BTreeMap<Mac, Claims>,
    /// How many MAC addresses are behind each other host.
    tunnels: BTreeMap<IpAddr, usize>,
    /// Who has an IP address. Where several do, as routers do that share one, none is answered for:
    /// only they know which of them it is.
    owners: BTreeMap<IpAddr, Vec<Mac>>,
    /// Those of which something counts for nothing.
    faulty: BTreeSet<Mac>,
}

impl UsedNetwork {
    pub(super) fn new(segment: OverlaySegment) -> Self {
        Self {
            segment,
            record_read: false,
            record: None,
            macs_read: false,
            macs: BTreeMap::new(),
            tunnels: BTreeMap::new(),
            owners: BTreeMap::new(),
            faulty: BTreeSet::new(),
        }
    }

    /// Whether all of it was read.
    pub(super) fn is_read(&self) -> bool {
        self.is_record_read() && self.are_macs_read()
    }

    pub(super) fn is_record_read(&self) -> bool {
        self.record_read
    }

    pub(super) fn are_macs_read(&self) -> bool {
        self.macs_read
    }

    /// The record, or the lack of one.
    pub(super) fn set_record(&mut self, record: Option<NetworkRecord>) {
        self.record_read = true;
        self.record = record;
    }

    /// The record, as far as it was read and is there.
    pub(super) fn record(&self) -> Option<&NetworkRecord> {
        self.record.as_ref()
    }

    /// A record that says nothing sensible is as good as none: all is flooded.
    pub(super) fn bridge_flags(&self) -> Option<BridgeFlags> {
        if !self.is_read() {
            return None;
        }
        let network = self.record().map(|record| record.network.clone());
        let network = network.and_then(Result::ok).unwrap_or_default();
        Some(BridgeFlags {
            flood: network.flood,
            uu_flood: network.unknown_unicast_flood,
            arp_term: true,
            ..BridgeFlags::LEARNING
        })
    }

    pub(super) fn fault(&self, local: Option<IpAddr>) -> Option<String> {
        if let Some(Err(error)) = self.record().map(|record| &record.network) {
            return Some(error.to_string());
        }
        let mac = self.faulty.first()?;
        let fault = self.macs.get(mac)?.fault(local)?;
        let others = match self.faulty.len() - 1 {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        Some(format!("MAC address {mac}: {fault}{others}"))
    }

    /// What other hosts say of a MAC address, by revision.
    pub(super) fn words(&self, mac: Mac) -> impl Iterator<Item = (&HostName, (i64, i64))> {
        self.macs.get(&mac).into_iter().flat_map(Claims::words)
    }

    /// All that other hosts say.
    pub(super) fn replace(
        &mut self,
        remotes: BTreeMap<(HostName, Mac), RemoteMac>,
        local: Option<IpAddr>,
        changed: &mut Changed,
    ) {
        for (host, mac) in self.remotes() {
            let key = (host, mac);
            if !remotes.contains_key(&key) {
                self.set(mac, &Claim::Remote(key.0), None, local, changed);
            }
        }
        for ((host, mac), remote) in remotes {
            let held = Some(remote.into());
            self.set(mac, &Claim::Remote(host), held, local, changed);
        }
        self.macs_read = true;
    }

    /// The hosts and MAC addresses of which other hosts say something.
    fn remotes(&self) -> Vec<(HostName, Mac)> {
        let macs = self.macs.iter();
        macs.flat_map(|(mac, claims)| claims.hosts().map(|host| (host.clone(), *mac)))
            .collect()
    }

    /// What somebody says of a MAC address is this now, or nothing any more.
    pub(super) fn set(
        &mut self,
        mac: Mac,
        claim: &Claim,
        held: Option<Result<Held, InvalidRecord>>,
        local: Option<IpAddr>,
        changed: &mut Changed,
    ) {
        let is_read = self.is_read();
        let claims = self.macs.entry(mac).or_default();
        let before = claims.place(local);
        claims.set(claim, held);
        let now = claims.place(local);
        let faulty = claims.fault(local).is_some();
        if claims.is_empty() {
            self.macs.remove(&mac);
        }
        if !is_read {
            return;
        }
        if faulty {
            self.faulty.insert(mac);
        } else {
            self.faulty.remove(&mac);
        }
        if before != now {
            self.moved(mac, before, now, local, changed);
        }
    }

    /// Reckons anew what follows from what is said.
    pub(super) fn reckon(&mut self, local: Option<IpAddr>) {
        self.tunnels.clear();
        self.owners.clear();
        self.faulty.clear();
        let macs = std::mem::take(&mut self.macs);
        for (mac, claims) in &macs {
            if claims.fault(local).is_some() {
                self.faulty.insert(*mac);
            }
            let place = claims.place(local);
            self.moved(*mac, None, place, local, &mut Changed::new());
        }
        self.macs = macs;
    }

    /// All objects, as they follow from what was reckoned; none before the network is decided.
    pub(super) fn objects(&self, local: Option<IpAddr>) -> Vec<Object> {
        let Some(local) = local.filter(|_| self.is_read()) else {
            return Vec::new();
        };
        let tunnels = self.tunnels.keys();
        let mut objects: Vec<Object> = tunnels
            .flat_map(|remote| self.tunnel(*remote, local))
            .collect();
        for (mac, claims) in &self.macs {
            let remote = claims.place(Some(local)).and_then(|place| place.remote);
            objects.extend(remote.map(|remote| self.static_mac(*mac, remote)));
        }
        let neighbours = self.owners.keys();
        objects.extend(neighbours.filter_map(|address| self.neighbour(*address)));
        objects
    }

    /// A MAC address is elsewhere, or has other IP addresses.
    fn moved(
        &mut self,
        mac: Mac,
        before: Option<Place>,
        now: Option<Place>,
        local: Option<IpAddr>,
        changed: &mut Changed,
    ) {
        let remote = |place: &Option<Place>| place.as_ref().and_then(|place| place.remote);
        let (left, entered) = (remote(&before), remote(&now));
        if left != entered {
            let entry = entered.map(|remote| self.static_mac(mac, remote));
            changed.push((ObjectKey::StaticMac(self.segment, mac), entry));
            if let Some(remote) = entered {
                self.enter_tunnel(remote, local, changed);
            }
            if let Some(remote) = left {
                self.leave_tunnel(remote, changed);
            }
        }
        let ips = |place: Option<Place>| place.map(|place| place.ips).unwrap_or_default();
        let (lost, gained) = (ips(before), ips(now));
        for address in lost.iter().filter(|address| !gained.contains(address)) {
            if let Some(owners) = self.owners.get_mut(address) {
                owners.retain(|owner| *owner != mac);
                if owners.is_empty() {
                    self.owners.remove(address);
                }
            }
            self.answer(*address, changed);
        }
        for address in gained.iter().filter(|address| !lost.contains(address)) {
            let owners = self.owners.entry(*address).or_default();
            owners.reserve_exact(1);
            owners.push(mac);
            self.answer(*address, changed);
        }
    }

    fn enter_tunnel(&mut self, remote: IpAddr, local: Option<IpAddr>, changed: &mut Changed) {
        let macs = self.tunnels.entry(remote).or_default();
        *macs += 1;
        if *macs == 1
            && let Some(local) = local
        {
            let objects = self.tunnel(remote, local);
            changed.extend(objects.map(|object| (object.key(), Some(object))));
        }
    }

    fn leave_tunnel(&mut self, remote: IpAddr, changed: &mut Changed) {
        let Some(macs) = self.tunnels.get_mut(&remote) else {
            return;
        };
        *macs -= 1;
        if *macs == 0 {
            self.tunnels.remove(&remote);
            let tunnel = InterfaceKey::Tunnel(self.tunnel_key(remote));
            changed.push((ObjectKey::BridgeMember(tunnel.clone()), None));
            changed.push((ObjectKey::Interface(tunnel), None));
        }
    }

    fn answer(&self, address: IpAddr, changed: &mut Changed) {
        let key = ObjectKey::Neighbour(self.segment, address);
        changed.push((key, self.neighbour(address)));
    }

    fn neighbour(&self, address: IpAddr) -> Option<Object> {
        match self.owners.get(&address)?.as_slice() {
            [mac] => Some(Object::Neighbour(Neighbour {
                segment: self.segment,
                address,
                mac: *mac,
            })),
            _ => None,
        }
    }

    fn static_mac(&self, mac: Mac, remote: IpAddr) -> Object {
        Object::StaticMac(StaticMac {
            segment: self.segment,
            mac,
            interface: Some(InterfaceKey::Tunnel(self.tunnel_key(remote))),
        })
    }

    fn tunnel(&self, remote: IpAddr, local: IpAddr) -> [Object; 2] {
        let key = self.tunnel_key(remote);
        let member = BridgeMember {
            interface: InterfaceKey::Tunnel(key),
            bridge: Some(self.segment.into()),
            tag_rewrite: TagRewrite::Disabled,
            split_horizon_group: BridgeMember::TUNNELS,
            learn: false,
        };
        [
            Object::Tunnel(Tunnel {
                key,
                local,
                admin_up: true,
            }),
            Object::BridgeMember(member),
        ]
    }

    fn tunnel_key(&self, remote: IpAddr) -> TunnelKey {
        TunnelKey {
            segment: self.segment,
            remote,
        }
    }
}
