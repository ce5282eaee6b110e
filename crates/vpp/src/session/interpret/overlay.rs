//! What hangs on bridge domains of overlay networks, on uplinks and on our source of routes.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_model::{IpPrefix, Mac, OverlaySegment};
use weft_plan::{Address, InterfaceKey, Neighbour, Object, Route, StaticMac};
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
        self.objects.iter().filter_map(|object| match object {
            Object::BridgeMember(member) => match &member.interface {
                tunnel @ InterfaceKey::Tunnel(_) => self.handles.interface(tunnel),
                _ => None,
            },
            _ => None,
        })
    }

    /// Adds what hangs on what is known already.
    pub(in crate::session) fn attach(&mut self, attached: &Attached) {
        let features: HashMap<SwIfIndex, L2InputFeatures> =
            attached.features.iter().copied().collect();
        for object in &mut self.objects {
            if let Object::BridgeMember(member) = object
                && let Some(sw_if_index) = self.handles.interface(&member.interface)
                && let Some(features) = features.get(&sw_if_index)
            {
                member.learn = features.contains(L2InputFeatures::LEARN);
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
        let found: Vec<Object> = macs
            .chain(neighbours)
            .chain(addresses)
            .chain(routes)
            .collect();
        self.objects.extend(found);
    }

    fn overlays(&self) -> HashMap<BdId, OverlaySegment> {
        let bridges = self.objects.iter().filter_map(|object| match object {
            Object::BridgeDomain(bridge) => Some(&bridge.segment),
            _ => None,
        });
        bridges
            .filter_map(|segment| Some((self.handles.bridge(segment)?, segment.overlay()?)))
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
