//! Overlay networks: what carries them, and what is read of them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use weft_model::{
    HostName, IpPrefix, IpVersion, Mac, MacAdvertisement, Mtu, OverlayProtocol, OverlaySegment,
    PortBinding, PortId,
};

use super::shared::Shared;
use super::{Compiler, Touched, Unmet};
use crate::intent::{NetworkRecord, PortRecord, RemoteMac, Underlay};
use crate::object::{Address, BridgeDomain, InterfaceKey, Object, ObjectKey, Route};
use crate::overlay::{Changed, LocalMac};

/// UDP (RFC 768), VXLAN (RFC 7348 §5) or VXLAN-GPE, and the Ethernet header of the machine's frame.
const UDP_VXLAN_ETHERNET: u16 = 8 + 8 + 14;

/// What the configuration asks for at the uplink of the underlay.
pub(super) fn underlay_objects(underlay: &Underlay) -> impl Iterator<Item = Object> + use<> {
    let interface = InterfaceKey::Uplink(underlay.physnet.clone());
    let address = underlay.address.map(|address| {
        Object::Address(Address {
            interface,
            address: address.address,
            prefix_len: address.prefix_len,
        })
    });
    let route = underlay.gateway.map(|gateway| {
        Object::Route(Route {
            prefix: IpPrefix::any(IpVersion::of(gateway)),
            gateway,
        })
    });
    address.into_iter().chain(route)
}

impl Compiler {
    /// Our end of all tunnels: the configured address of the underlay, or the one that was found.
    pub fn underlay(&self) -> Option<IpAddr> {
        self.networks.local()
    }

    /// The uplink whose addresses are ours to set: that of the underlay, if the configuration has an
    /// address for it.
    pub(crate) fn addressed_uplink(&self) -> Option<InterfaceKey> {
        let underlay = self.network.underlay.as_ref()?;
        underlay.address?;
        Some(InterfaceKey::Uplink(underlay.physnet.clone()))
    }

    /// What tunnels stand on: the uplink, and what the configuration asks for at it.
    pub(crate) fn underlay_keys(&self) -> Vec<ObjectKey> {
        let Some(underlay) = &self.network.underlay else {
            return Vec::new();
        };
        let mut keys = vec![ObjectKey::uplink(&underlay.physnet)];
        keys.extend(underlay_objects(underlay).map(|object| object.key()));
        keys
    }

    /// The ports on overlay networks that have objects.
    pub(crate) fn overlay_ports(&self) -> impl Iterator<Item = &PortId> {
        self.local_macs.keys()
    }

    /// Whether the port is on an overlay network and has objects.
    pub(crate) fn is_overlay_port(&self, id: &PortId) -> bool {
        self.local_macs.contains_key(id)
    }

    /// The overlay networks that ports use.
    pub(crate) fn overlays_used(&self) -> impl Iterator<Item = OverlaySegment> {
        self.networks.used()
    }

    /// Whether ports use the overlay network.
    pub(crate) fn is_overlay_used(&self, segment: OverlaySegment) -> bool {
        self.networks.is_used(segment)
    }

    /// The record of an overlay network that ports use, as far as it was read and is there.
    pub fn network_record(&self, segment: OverlaySegment) -> Option<&NetworkRecord> {
        self.networks.record(segment)
    }

    /// What other hosts say of a MAC address of an overlay network that ports use: the revision of
    /// their port's record, and that of their word.
    pub fn words(
        &self,
        segment: OverlaySegment,
        mac: Mac,
    ) -> impl Iterator<Item = (&HostName, (i64, i64))> {
        self.networks.words(segment, mac)
    }

    /// What is wrong with the records of an overlay network that ports use.
    pub(crate) fn overlay_fault(&self, segment: OverlaySegment) -> Option<String> {
        self.networks.fault(segment)
    }

    /// Takes in that the record of an overlay network was read, or that it has none.
    pub fn set_network(
        &mut self,
        segment: OverlaySegment,
        record: Option<NetworkRecord>,
    ) -> Touched {
        let changed = self.networks.set_record(segment, record);
        self.take_network(segment, changed)
    }

    /// Takes in that the MAC addresses of an overlay network were read: these are all that other hosts
    /// say are behind them.
    pub fn set_remote_macs(
        &mut self,
        segment: OverlaySegment,
        remotes: BTreeMap<(HostName, Mac), RemoteMac>,
    ) -> Touched {
        let changed = self.networks.set_remotes(segment, remotes);
        self.take_network(segment, changed)
    }

    /// Takes in that another host says this of a MAC address now, or nothing any more.
    pub fn set_remote_mac(
        &mut self,
        segment: OverlaySegment,
        host: &HostName,
        mac: Mac,
        remote: Option<RemoteMac>,
    ) -> Touched {
        let changed = self.networks.set_remote(segment, host, mac, remote);
        self.take_network(segment, changed)
    }

    /// Takes in that the uplink of the underlay has these addresses, which are not ours. The one that
    /// was found before stays while it is there; when there is none the last one is kept, so that an
    /// address that is away for a moment does not cost all tunnels.
    pub(crate) fn set_found_underlay(&mut self, found: &[IpAddr]) -> Touched {
        let mut touched = Touched::default();
        let before = self.networks.local();
        let Some(first) = found.first() else {
            return touched;
        };
        if before.is_some_and(|before| found.contains(&before)) {
            return touched;
        }
        let changed = self.networks.set_underlay(*first);
        for (key, object) in changed {
            touched.networks.extend(key.overlay());
            self.place(key, object, &mut touched);
        }
        let overlay = |binding: &PortBinding| binding.segment.overlay().is_some();
        let ports = self.ports.iter().filter(|(_, port)| {
            let binding = port.record.binding.as_ref();
            binding.is_ok_and(overlay)
        });
        for id in ports.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.recompile(&id, &mut touched);
        }
        touched.interest = self.take_interest_changed();
        touched
    }

    /// What an overlay network can offer to a port that asks for `wanted`, and whether it can at all.
    pub(super) fn overlay_mtu(&self, protocol: OverlayProtocol, wanted: Mtu) -> Result<Mtu, Unmet> {
        let underlay = self.network.underlay.as_ref();
        let underlay = underlay.ok_or_else(|| {
            "field `network_type`: this host has no underlay for overlay networks; its configuration \
             has no section `overlay`"
                .to_owned()
        })?;
        let local = self.networks.local().ok_or_else(|| {
            Unmet::Waiting(format!(
                "the uplink of physnet `{}`, which is the underlay of this host, has no IP address yet",
                underlay.physnet
            ))
        })?;
        let version = IpVersion::of(local);
        if !protocol.runs_over(version) {
            let reason = format!(
                "field `network_type`: VPP cannot carry `{protocol}` over IPv6, and {local} is this \
                 host's address in the underlay; `{}` can be carried",
                OverlayProtocol::Vxlan
            );
            return Err(reason.into());
        }
        let ip_header = match version {
            IpVersion::V4 => 20,
            IpVersion::V6 => 40,
        };
        let most = underlay
            .mtu
            .get()
            .saturating_sub(ip_header + UDP_VXLAN_ETHERNET);
        let most = Mtu::new(most.into()).map_err(|error| {
            format!(
                "what the underlay's MTU of {} leaves: {error}",
                underlay.mtu
            )
        })?;
        Ok(wanted.min(most))
    }

    /// The bridge domain of an overlay network, if it is decided.
    pub(super) fn overlay_bridge(&self, segment: OverlaySegment) -> Option<Object> {
        Some(Object::BridgeDomain(BridgeDomain {
            segment: segment.into(),
            flags: self.networks.bridge_flags(segment)?,
            mac_age: self.network.mac_age,
        }))
    }

    /// Tells a port's network what the port has there; nothing without the record of a port that can be
    /// had.
    pub(super) fn tell_network(
        &mut self,
        id: &PortId,
        record: Option<&PortRecord>,
        touched: &mut Touched,
    ) {
        let now = record.and_then(|record| {
            let binding = record.binding.as_ref().ok()?;
            let segment = binding.segment.overlay()?;
            Some((segment, local_macs(binding, record.mod_revision)))
        });
        let before = self.local_macs.remove(id);
        if before != now {
            let no_macs: &[LocalMac] = &[];
            let moved = |one: &Option<(OverlaySegment, Vec<LocalMac>)>, segment| match one {
                Some((own, macs)) if *own == segment => macs.clone(),
                _ => no_macs.to_vec(),
            };
            let mut segments: Vec<OverlaySegment> = before
                .iter()
                .chain(&now)
                .map(|(segment, _)| *segment)
                .collect();
            segments.dedup();
            for segment in segments {
                let (was, is) = (moved(&before, segment), moved(&now, segment));
                let changed = self.networks.set_local(segment, id, &was, &is);
                self.absorb_network(segment, changed, touched);
            }
        }
        if let Some(now) = now {
            self.local_macs.insert(id.clone(), now);
        }
    }

    /// Enters what became of the objects of a network.
    pub(super) fn absorb_network(
        &mut self,
        segment: OverlaySegment,
        changed: Changed,
        touched: &mut Touched,
    ) {
        touched.networks.insert(segment);
        for (key, object) in changed {
            self.place(key, object, touched);
        }
    }

    /// The same, and what that means for its bridge domain.
    fn take_network(&mut self, segment: OverlaySegment, changed: Changed) -> Touched {
        let mut touched = Touched::default();
        if !self.networks.is_used(segment) {
            return touched;
        }
        self.absorb_network(segment, changed, &mut touched);
        let bridge = self.overlay_bridge(segment);
        let key = ObjectKey::BridgeDomain(segment.into());
        if self.set_object(key, bridge, &mut touched)
            && let Some(used) = self.shared.get(&Shared::Network(segment.into()))
        {
            touched.ports.extend(used.ports.iter().cloned());
        }
        touched
    }

    fn place(&mut self, key: ObjectKey, object: Option<Object>, touched: &mut Touched) {
        match object {
            Some(object) => {
                self.set_object(key, Some(object), touched);
            }
            None => self.drop_object(&key, touched),
        }
    }
}

fn local_macs(binding: &PortBinding, revision: i64) -> Vec<LocalMac> {
    // What a host says of itself to others, whatever address it has.
    let nowhere = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let advertised = MacAdvertisement::of(binding, nowhere, revision);
    let local = advertised.into_iter().map(|(mac, advertisement)| LocalMac {
        mac,
        ips: advertisement.ips,
        revision,
    });
    local.collect()
}
