//! What one port needs.

use std::collections::BTreeSet;

use weft_model::{
    BindingType, Mtu, NetworkSegment, OverlaySegment, PhysnetName, PortBinding, PortId,
    SecurityGroupId,
};

use super::{Compiler, Unmet};
use crate::claim::Claim;
use crate::intent::PortRecord;
use crate::object::{
    AclBinding, AclKey, BridgeDomain, BridgeFlags, BridgeMember, Direction, InterfaceKey,
    MacIpBinding, Object, SubInterface, TagRewrite, Tap, VhostUser,
};
use crate::policy::{anti_spoofing, source_addresses};

/// How many groups an interface can have: VPP counts its lists of both directions in an octet
/// (`acl_interface_set_acl_list`), and two of them are those of anti-spoofing.
const MOST_GROUPS: usize = 126;

/// Something that a port needs.
pub(super) enum Need {
    /// An object that follows from the port's record alone.
    Object(Object),
    /// A list of one of its groups, whatever is in it.
    GroupList(SecurityGroupId, Direction),
    /// The bridge domain of an overlay network, whatever it does.
    OverlayBridge(OverlaySegment),
}

impl Compiler {
    /// What a port needs, in the order in which it is made, or why it cannot be had.
    pub(super) fn needs(&self, id: &PortId, record: &PortRecord) -> Result<Vec<Need>, Unmet> {
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
        if let Some((claim, owner)) = self.claims.lost(id) {
            return Err(format!("{claim} belongs to port {owner}, which came first").into());
        }
        let mut needs = self.network_of(port);
        let interface = self.interface_of(id, port, mtu);
        let key = match port.binding_type {
            BindingType::Tap => InterfaceKey::Tap(id.clone()),
            BindingType::VhostUser => InterfaceKey::VhostUser(id.clone()),
        };
        needs.push(Need::Object(interface));
        if self.is_secured(port) {
            needs.extend(policy_of(id, port, &key)?);
        }
        needs.push(member(key, &port.segment, TagRewrite::Disabled));
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

    /// The port's network: its bridge domain, and what carries it in between hosts.
    fn network_of(&self, port: &PortBinding) -> Vec<Need> {
        let segment = &port.segment;
        let mut needs = Vec::new();
        let (carrier, tag_rewrite) = match segment {
            NetworkSegment::Flat { physnet } => {
                (InterfaceKey::Uplink(physnet.clone()), TagRewrite::Disabled)
            }
            NetworkSegment::Vlan { physnet, vlan } => {
                needs.push(Need::Object(Object::SubInterface(SubInterface {
                    physnet: physnet.clone(),
                    vlan: *vlan,
                    admin_up: true,
                })));
                let carrier = InterfaceKey::SubInterface(physnet.clone(), *vlan);
                (carrier, TagRewrite::Pop1)
            }
            NetworkSegment::Overlay(overlay) => return vec![Need::OverlayBridge(*overlay)],
        };
        needs.push(Need::Object(Object::BridgeDomain(BridgeDomain {
            segment: segment.clone(),
            flags: BridgeFlags::LEARNING,
            mac_age: self.network.mac_age,
        })));
        needs.push(member(carrier, segment, tag_rewrite));
        needs
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
    let mut needs: Vec<Need> = [Direction::Ingress, Direction::Egress]
        .map(|direction| Need::Object(Object::Acl(anti_spoofing(direction))))
        .into();
    for group in &groups {
        for direction in [Direction::Ingress, Direction::Egress] {
            needs.push(Need::GroupList(SecurityGroupId::clone(group), direction));
        }
    }
    needs.extend(
        [
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
        ]
        .map(Need::Object),
    );
    Ok(needs)
}

fn member(interface: InterfaceKey, segment: &NetworkSegment, tag_rewrite: TagRewrite) -> Need {
    Need::Object(Object::BridgeMember(BridgeMember {
        interface,
        bridge: Some(segment.clone()),
        tag_rewrite,
        split_horizon_group: 0,
        learn: true,
    }))
}

/// What only one port of a host may have.
pub(super) fn claims_of(id: &PortId, port: &PortBinding) -> Vec<Claim> {
    let mac = Claim::Mac(port.segment.clone(), port.mac);
    match port.binding_type {
        BindingType::Tap => vec![mac, Claim::Device(id.tap_name())],
        BindingType::VhostUser => vec![mac],
    }
}
