//! What hangs on bridge domains of overlay networks, on uplinks and on our source of routes.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use weft_model::{IpPrefix, Mac, OverlaySegment};
use weft_plan::{
    Address, BridgeMember, InterfaceKey, Neighbour, Object, ObjectKey, Route, StaticMac,
};
use weft_vpp_wire::messages::fib::{FibPath, FibPathNhProto};
use weft_vpp_wire::messages::interface::SwInterfaceDetails;
use weft_vpp_wire::messages::ip::{IpAddressDetails, IpRouteV2Details};
use weft_vpp_wire::messages::l2::{BdIpMacDetails, L2FibTableDetails, L2InputFeatures};
use weft_vpp_wire::{BdId, SwIfIndex};

use super::{InterfaceMark, Ours};

/// What is read of a VPP once it is known what is ours.
#[derive(Debug, Default)]
pub(in crate::session) struct Attached {
    /// Of uplinks.
    pub(in crate::session) addresses: Vec<IpAddressDetails>,
    /// Of our source.
    pub(in crate::session) routes: Vec<IpRouteV2Details>,
    /// Of overlay networks, and perhaps of others.
    pub(in crate::session) macs: Vec<L2FibTableDetails>,
    /// Of overlay networks, and perhaps of others.
    pub(in crate::session) neighbours: Vec<BdIpMacDetails>,
    /// Of bridged tunnels.
    pub(in crate::session) features: Vec<(SwIfIndex, L2InputFeatures)>,
}

/// The numbers of the uplinks.
pub(in crate::session) fn uplinks(
    interfaces: &[SwInterfaceDetails],
) -> impl Iterator<Item = SwIfIndex> {
    let uplinks = interfaces.iter().filter(|details| {
        let mark = details.tag.to_str().parse();
        let mark = mark.map(|mark: InterfaceMark| mark.key());
        matches!(mark, Ok(InterfaceKey::Uplink(_)))
    });
    uplinks.map(|details| details.sw_if_index)
}

impl Ours {
    /// The numbers of the overlay networks' bridge domains.
    pub(in crate::session) fn overlay_bridges(&self) -> Vec<BdId> {
        self.overlays().into_keys().collect()
    }

    /// The numbers of the tunnels that are in bridge domains.
    pub(in crate::session) fn bridged_tunnels(&self) -> impl Iterator<Item = SwIfIndex> {
        let interfaces = self.handles.interfaces();
        let bridged = interfaces.filter(|(key, _)| match key {
            InterfaceKey::Tunnel(_) => {
                let member = ObjectKey::BridgeMember((*key).clone());
                self.observed.get(&member).is_some()
            }
            _ => false,
        });
        bridged.map(|(_, number)| number)
    }

    /// Adds what hangs on what is known already.
    pub(in crate::session) fn attach(&mut self, attached: &Attached) {
        for (sw_if_index, features) in &attached.features {
            if let Some(interface) = self.handles.key(*sw_if_index)
                && let key = ObjectKey::BridgeMember(interface.clone())
                && let Some(Object::BridgeMember(member)) = self.observed.get(&key).map(Arc::as_ref)
            {
                let learn = features.contains(L2InputFeatures::LEARN);
                let member = member.clone();
                let member = Object::BridgeMember(BridgeMember { learn, ..member });
                self.observed.add(member);
            }
        }
        let overlays = self.overlays();
        let macs = attached.macs.iter().filter_map(|details| {
            let segment = *overlays.get(&details.bd_id)?;
            let ours = details.static_mac && !details.bvi_mac;
            ours.then(|| {
                Object::StaticMac(StaticMac {
                    segment,
                    mac: Mac::new(details.mac.0),
                    interface: self.handles.key(details.sw_if_index).cloned(),
                })
            })
        });
        let neighbours = attached.neighbours.iter().filter_map(|details| {
            Some(Object::Neighbour(Neighbour {
                segment: *overlays.get(&details.entry.bd_id)?,
                address: details.entry.ip.0,
                mac: Mac::new(details.entry.mac.0),
            }))
        });
        let addresses = attached.addresses.iter().filter_map(|details| {
            Some(Object::Address(Address {
                interface: self.handles.key(details.sw_if_index)?.clone(),
                address: details.prefix.address,
                prefix_len: details.prefix.len,
            }))
        });
        let routes = attached.routes.iter().filter_map(|details| {
            let prefix = details.route.prefix;
            let prefix = IpPrefix::new(prefix.address, prefix.len).ok()?;
            Some(Object::Route(Route {
                prefix,
                gateway: gateway(&details.route.paths, prefix),
            }))
        });
        let found = macs.chain(neighbours).chain(addresses).chain(routes);
        for object in found {
            self.observed.add(object);
        }
    }

    fn overlays(&self) -> HashMap<BdId, OverlaySegment> {
        let bridges = self.handles.bridges();
        bridges
            .filter_map(|(segment, number)| Some((number, segment.overlay()?)))
            .collect()
    }
}

/// The next hop of a route like ours. For another way on the unspecified address stands, which is no
/// gateway's, so that the route differs from what is wanted.
fn gateway(paths: &[FibPath], prefix: IpPrefix) -> IpAddr {
    let unspecified = IpPrefix::any(prefix.version()).address();
    let [path] = paths else {
        return unspecified;
    };
    let [a, b, c, d, ..] = path.nh_address;
    match path.proto {
        FibPathNhProto::IP4 => Ipv4Addr::new(a, b, c, d).into(),
        FibPathNhProto::IP6 => Ipv6Addr::from(path.nh_address).into(),
        _ => unspecified,
    }
}
