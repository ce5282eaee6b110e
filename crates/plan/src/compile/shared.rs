//! What ports share, and the objects that it is made of.

use weft_model::{NetworkSegment, PortId, SecurityGroupId};

use super::port::member;
use super::{Compiler, Touched};
use crate::object::{
    AclKey, BridgeDomain, BridgeFlags, Direction, InterfaceKey, Object, ObjectKey, SubInterface,
    TagRewrite,
};
use crate::policy::anti_spoofing;
use crate::table::Ports;

/// What is secured has a list for either.
const DIRECTIONS: [Direction; 2] = [Direction::Ingress, Direction::Egress];

/// Something that ports share. Its objects exist while at least one port uses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Shared {
    /// A network on this host: its bridge domain, and what carries it in between hosts.
    Network(NetworkSegment),
    /// The lists that every secured port has first.
    AntiSpoofing,
    /// The lists of a security group.
    Group(SecurityGroupId),
}

/// Its objects, and who uses it.
#[derive(Clone, Debug)]
pub(super) struct Used {
    /// In the order in which they are made.
    keys: Vec<ObjectKey>,
    pub(super) ports: Ports,
}

impl Shared {
    /// What an object is a part of; `None` for one that is there for a port alone, because the
    /// configuration asks for it, or on account of other hosts.
    pub(super) fn of(key: &ObjectKey) -> Option<Self> {
        match key {
            ObjectKey::Interface(InterfaceKey::SubInterface(physnet, vlan))
            | ObjectKey::BridgeMember(InterfaceKey::SubInterface(physnet, vlan)) => {
                Some(Self::Network(NetworkSegment::Vlan {
                    physnet: physnet.clone(),
                    vlan: *vlan,
                }))
            }
            ObjectKey::BridgeMember(InterfaceKey::Uplink(physnet)) => {
                let physnet = physnet.clone();
                Some(Self::Network(NetworkSegment::Flat { physnet }))
            }
            ObjectKey::BridgeDomain(segment) => Some(Self::Network(segment.clone())),
            ObjectKey::Acl(AclKey::AntiSpoofing(_)) => Some(Self::AntiSpoofing),
            ObjectKey::Acl(AclKey::SecurityGroup { group, .. }) => Some(Self::Group(group.clone())),
            _ => None,
        }
    }
}

impl Compiler {
    /// Records that `id` uses something, and adds the keys of its objects to `keys`.
    pub(super) fn enter(
        &mut self,
        shared: Shared,
        id: &PortId,
        keys: &mut Vec<ObjectKey>,
        touched: &mut Touched,
    ) {
        if let Some(used) = self.shared.get_mut(&shared) {
            used.ports.insert(id.clone());
            keys.extend_from_slice(&used.keys);
            return;
        }
        let used = Used {
            keys: self.begin(&shared, touched),
            ports: Ports::from_iter([id.clone()]),
        };
        keys.extend_from_slice(&used.keys);
        self.shared.insert(shared, used);
    }

    /// Records that `id` uses something no longer.
    pub(super) fn leave(&mut self, shared: &Shared, id: &PortId, touched: &mut Touched) {
        let Some(used) = self.shared.get_mut(shared) else {
            return;
        };
        used.ports.remove(id);
        if !used.ports.is_empty() {
            return;
        }
        let used = self.shared.remove(shared);
        for key in used.into_iter().flat_map(|used| used.keys) {
            self.drop_object(&key, touched);
        }
        match shared {
            Shared::Group(group) => {
                self.groups.leave(group);
                touched.security_groups.insert(group.clone());
            }
            Shared::Network(NetworkSegment::Overlay(segment)) => {
                let changed = self.networks.leave(*segment);
                self.absorb_network(*segment, changed, touched);
            }
            Shared::Network(_) | Shared::AntiSpoofing => {}
        }
    }

    /// Makes the objects of something that is used from now on; answers their keys.
    fn begin(&mut self, shared: &Shared, touched: &mut Touched) -> Vec<ObjectKey> {
        match shared {
            Shared::Group(group) => {
                self.groups.enter(group);
                touched.security_groups.insert(group.clone());
            }
            Shared::Network(NetworkSegment::Overlay(segment)) => {
                self.networks.enter(*segment);
                touched.networks.insert(*segment);
            }
            Shared::Network(_) | Shared::AntiSpoofing => {}
        }
        let objects = self.objects_of_shared(shared).into_iter();
        let keys = objects.map(|(key, object)| {
            self.set_object(key.clone(), object, touched);
            key
        });
        keys.collect()
    }

    /// The objects in the order in which they are made, `None` for what is not decided.
    pub(super) fn objects_of_shared(&self, shared: &Shared) -> Vec<(ObjectKey, Option<Object>)> {
        let segment = match shared {
            Shared::Network(segment) => segment,
            Shared::AntiSpoofing => {
                let lists = DIRECTIONS.map(|direction| Object::Acl(anti_spoofing(direction)));
                return lists.map(|list| (list.key(), Some(list))).into();
            }
            Shared::Group(group) => {
                let lists = DIRECTIONS.map(|direction| {
                    let list = self.groups.acl(group, direction).cloned();
                    let group = group.clone();
                    let key = AclKey::SecurityGroup { group, direction };
                    (ObjectKey::Acl(key), list.map(Object::Acl))
                });
                return lists.into();
            }
        };
        let bridge = Object::BridgeDomain(BridgeDomain {
            segment: segment.clone(),
            flags: BridgeFlags::LEARNING,
            mac_age: self.network().mac_age,
        });
        let objects = match segment {
            NetworkSegment::Flat { physnet } => {
                let uplink = InterfaceKey::Uplink(physnet.clone());
                vec![bridge, member(uplink, segment, TagRewrite::Disabled)]
            }
            NetworkSegment::Vlan { physnet, vlan } => {
                let sub_interface = Object::SubInterface(SubInterface {
                    physnet: physnet.clone(),
                    vlan: *vlan,
                    admin_up: true,
                });
                let carrier = InterfaceKey::SubInterface(physnet.clone(), *vlan);
                let carrier = member(carrier, segment, TagRewrite::Pop1);
                vec![sub_interface, bridge, carrier]
            }
            NetworkSegment::Overlay(overlay) => {
                return vec![(bridge.key(), self.overlay_bridge(*overlay))];
            }
        };
        let entry = |object: Object| (object.key(), Some(object));
        objects.into_iter().map(entry).collect()
    }
}
