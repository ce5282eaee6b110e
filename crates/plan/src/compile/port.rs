//! What one port needs.

use std::collections::BTreeSet;

use weft_model::{
    BindingType, Mtu, NetworkSegment, PhysnetName, PortBinding, PortId, SecurityGroupId,
};

use super::shared::Shared;
use super::{Compiler, Unmet};
use crate::claim::Claim;
use crate::intent::PortRecord;
use crate::object::{
    AclBinding, AclKey, BridgeMember, Direction, InterfaceKey, MacIpBinding, Object, TagRewrite,
    Tap, VhostUser,
};
use crate::policy::source_addresses;

/// How many groups an interface can have: VPP counts its lists of both directions in an octet
/// (`acl_interface_set_acl_list`), and two of them are those of anti-spoofing.
const MOST_GROUPS: usize = 126;

/// Something that a port needs.
pub(super) enum Need {
    /// What it shares with others.
    Shared(Shared),
    /// An object for it alone.
    Own(Object),
}

impl Compiler {
    /// What a port with these claims needs, in the order in which it is made, or why it cannot be had.
    pub(super) fn needs(
        &self,
        id: &PortId,
        record: &PortRecord,
        claims: &[Claim],
    ) -> Result<Vec<Need>, Unmet> {
        let port = record.binding.as_ref().map_err(ToString::to_string)?;
        let mtu = match &port.segment {
            NetworkSegment::Flat { physnet } => {
                self.check_physnet(physnet)?;
                self.check_layer_2(physnet)?;
                port.mtu
            }
            NetworkSegment::Vlan { physnet, .. } => {
                self.check_physnet(physnet)?;
                port.mtu
            }
            NetworkSegment::Overlay(overlay) => self.overlay_mtu(overlay.protocol, port.mtu)?,
        };
        for claim in claims {
            if let Some(owner) = self.claims.owner(claim).filter(|owner| *owner != id) {
                return Err(format!("{claim} belongs to port {owner}, which came first").into());
            }
        }
        let key = match port.binding_type {
            BindingType::Tap => InterfaceKey::Tap(id.clone()),
            BindingType::VhostUser => InterfaceKey::VhostUser(id.clone()),
        };
        // As many as a port has that is in one group.
        let mut needs = Vec::with_capacity(8);
        needs.push(Need::Shared(Shared::Network(port.segment.clone())));
        needs.push(Need::Own(self.interface_of(id, port, mtu)));
        if self.is_secured(port) {
            needs.extend(policy_of(id, port, &key)?);
        }
        let member = member(key, &port.segment, TagRewrite::Disabled);
        needs.push(Need::Own(member));
        Ok(needs)
    }

    /// Whether security groups and anti-spoofing apply to a port.
    fn is_secured(&self, port: &PortBinding) -> bool {
        let trusted = match port.binding_type {
            BindingType::Tap => !self.network.secure_taps,
            BindingType::VhostUser => false,
        };
        port.port_security_enabled && !trusted
    }

    fn check_physnet(&self, physnet: &PhysnetName) -> Result<(), String> {
        let known = &self.network.physnets;
        if known.contains_key(physnet) {
            return Ok(());
        }
        let names: Vec<&str> = known.keys().map(PhysnetName::as_str).collect();
        let names = if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        };
        Err(format!(
            "field `physnet`: this host has no physical network `{physnet}`; its configuration names {names}"
        ))
    }

    /// An uplink that has addresses of its own cannot be bridged; its VLANs can.
    fn check_layer_2(&self, physnet: &PhysnetName) -> Result<(), String> {
        match &self.network.underlay {
            Some(underlay) if underlay.physnet == *physnet => Err(format!(
                "field `network_type`: the uplink of physnet `{physnet}` carries the overlay networks \
                 of this host, and cannot be a flat network, too"
            )),
            _ => Ok(()),
        }
    }

    /// The interface that plays the port.
    fn interface_of(&self, id: &PortId, port: &PortBinding, mtu: Mtu) -> Object {
        match port.binding_type {
            BindingType::Tap => Object::Tap(Tap {
                port: id.clone(),
                host_if_name: id.tap_name(),
                host_mac: port.mac,
                mtu,
                admin_up: true,
            }),
            BindingType::VhostUser => Object::VhostUser(VhostUser {
                port: id.clone(),
                socket: self.network.vhost_user.directory.socket_of(id),
                mode: self.network.vhost_user.mode,
                mtu,
                admin_up: true,
            }),
        }
    }
}

/// What secures a port: the lists before those of its groups, those, and the addresses that it may
/// send from.
fn policy_of(id: &PortId, port: &PortBinding, key: &InterfaceKey) -> Result<Vec<Need>, String> {
    // In the order of their names, each once: VPP refuses a list that an interface has twice.
    let groups: BTreeSet<&SecurityGroupId> = port.security_groups.iter().collect();
    if groups.len() > MOST_GROUPS {
        return Err(format!(
            "field `security_groups`: {} groups; VPP gives an interface {MOST_GROUPS} at most",
            groups.len()
        ));
    }
    let lists = |direction| {
        let of_groups = groups.iter().map(move |group| AclKey::SecurityGroup {
            group: SecurityGroupId::clone(group),
            direction,
        });
        let keys = std::iter::once(AclKey::AntiSpoofing(direction)).chain(of_groups);
        keys.map(Some).collect()
    };
    let of_groups = groups.iter().copied().cloned();
    let shared = std::iter::once(Shared::AntiSpoofing).chain(of_groups.map(Shared::Group));
    let own = [
        Object::MacIpAcl(source_addresses(id, port)),
        Object::AclBinding(AclBinding {
            interface: key.clone(),
            input: lists(Direction::Egress),
            output: lists(Direction::Ingress),
        }),
        Object::MacIpBinding(MacIpBinding {
            interface: key.clone(),
            acl: Some(id.clone()),
        }),
    ];
    let needs = shared.map(Need::Shared).chain(own.map(Need::Own));
    Ok(needs.collect())
}

/// The membership of an interface in the bridge domain of a network.
pub(super) fn member(
    interface: InterfaceKey,
    segment: &NetworkSegment,
    tag_rewrite: TagRewrite,
) -> Object {
    Object::BridgeMember(BridgeMember {
        interface,
        bridge: Some(segment.clone()),
        tag_rewrite,
        split_horizon_group: 0,
        learn: true,
    })
}

/// What only one port of a host may have.
pub(super) fn claims_of(id: &PortId, port: &PortBinding) -> Vec<Claim> {
    let mac = Claim::Mac(port.segment.clone(), port.mac);
    match port.binding_type {
        BindingType::Tap => vec![mac, Claim::Device(id.tap_name())],
        BindingType::VhostUser => vec![mac],
    }
}
