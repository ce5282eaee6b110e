//! Intent into objects, for one host, kept up to date change by change.
//!
//! Shared objects (the bridge domain of a network, its sub-interface, the access lists of a group)
//! exist while at least one port uses them: each object knows its users, and the last one to go takes
//! it along. A change costs what it changes, whatever else the host holds.
//!
//! The lists of a group are made by the group (`policy/groups.rs`), and a port only names them. While
//! a group is not decided, its lists are neither wanted nor unwanted. The same holds of an overlay
//! network, its bridge domain and what it knows of other hosts (`overlay.rs`).

mod group;
mod network;
mod port;
mod unmet;

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{NetworkSegment, OverlaySegment, PortId, SecurityGroupId};

use crate::claim::Claims;
use crate::intent::{HostNetwork, PortRecord};
use crate::object::{AclKey, Object, ObjectKey, Uplink};
use crate::overlay::{LocalMac, Networks};
use crate::policy::Groups;
use crate::table::{Ports, Table, in_order};

use port::{Need, claims_of};
pub use unmet::Unmet;

/// The objects that a host's intent asks for.
#[derive(Clone, Debug)]
pub struct Compiler {
    network: HostNetwork,
    records: BTreeMap<PortId, PortRecord>,
    /// What each record was compiled to, or why it could not be.
    compiled: BTreeMap<PortId, Result<Vec<ObjectKey>, Unmet>>,
    claims: Claims,
    groups: Groups,
    networks: Networks,
    /// What each port on an overlay network has there.
    local_macs: BTreeMap<PortId, (OverlaySegment, Vec<LocalMac>)>,
    objects: Table<Shared>,
}

/// An object and the ports that it is there for; none for what the configuration asks for, and what
/// follows from other hosts.
#[derive(Clone, Debug)]
struct Shared {
    /// `None` for what depends on something that is not decided: a list of a group, the bridge domain
    /// of an overlay network.
    object: Option<Object>,
    users: Ports,
}

/// What a change of intent touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Objects that are wanted now and were not, are no longer, or are wanted otherwise.
    pub objects: BTreeSet<ObjectKey>,
    /// Ports about which there may be something new to say.
    pub ports: BTreeSet<PortId>,
    /// Security groups about which there may be something new to say.
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Overlay networks about which there may be something new to say.
    pub networks: BTreeSet<OverlaySegment>,
    /// Lists among the objects that say of their ports something new once they are as wanted.
    pub awaited: BTreeSet<ObjectKey>,
    /// Whether [`Compiler::interest`] is another.
    pub interest: bool,
}

impl Compiler {
    /// A host with its uplinks and no ports.
    pub fn new(network: HostNetwork) -> Self {
        let uplinks = network.physnets.iter().map(|(physnet, device)| {
            let underlay = network.underlay.as_ref();
            let underlay = underlay.filter(|underlay| underlay.physnet == *physnet);
            Object::Uplink(Uplink {
                physnet: physnet.clone(),
                device: device.clone(),
                mtu: underlay.map(|underlay| underlay.mtu),
                admin_up: true,
            })
        });
        let underlay = network.underlay.iter().flat_map(network::underlay_objects);
        let address = network
            .underlay
            .as_ref()
            .and_then(|underlay| underlay.address);
        let networks = Networks::new(address.map(|address| address.address));
        let objects = uplinks
            .chain(underlay)
            .map(|object| {
                (
                    object.key(),
                    Shared {
                        object: Some(object),
                        users: Ports::default(),
                    },
                )
            })
            .collect();
        Self {
            network,
            records: BTreeMap::new(),
            compiled: BTreeMap::new(),
            claims: Claims::default(),
            groups: Groups::default(),
            networks,
            local_macs: BTreeMap::new(),
            objects,
        }
    }

    /// What the host's configuration says.
    pub fn network(&self) -> &HostNetwork {
        &self.network
    }

    /// The object that is wanted under this key.
    pub fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)?.object.as_ref()
    }

    /// Whether it is not known yet how this object is wanted, so that it is to be left alone: the
    /// list of a group that is not decided, a binding that names one, the membership behind it; the
    /// bridge domain of an overlay network that is not decided, its tunnels and all it knows.
    pub fn is_undecided(&self, key: &ObjectKey) -> bool {
        if let Some(segment) = key.overlay() {
            return self.networks.is_undecided(segment);
        }
        match key {
            ObjectKey::Acl(_) | ObjectKey::BridgeDomain(_) => self
                .objects
                .get(key)
                .is_some_and(|shared| shared.object.is_none()),
            ObjectKey::AclBinding(_) => match self.object(key) {
                Some(Object::AclBinding(binding)) => binding
                    .acls()
                    .any(|acl| self.is_undecided(&ObjectKey::Acl(acl.clone()))),
                _ => false,
            },
            ObjectKey::BridgeMember(interface) => {
                self.is_undecided(&ObjectKey::AclBinding(interface.clone()))
            }
            _ => false,
        }
    }

    /// All objects that are wanted with their keys, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        in_order(self.unordered())
    }

    /// All objects that are wanted with their keys, in no order.
    pub(crate) fn unordered(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        let entries = self.objects.iter();
        entries.filter_map(|(key, shared)| Some((key, shared.object.as_ref()?)))
    }

    /// The keys of all objects that are wanted.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.entries().map(|(key, _)| key)
    }

    /// The ports that an object is there for, in no order.
    pub fn users(&self, key: &ObjectKey) -> impl Iterator<Item = &PortId> {
        self.objects
            .get(key)
            .into_iter()
            .flat_map(|shared| &shared.users)
    }

    /// The ports that are known, usable or not.
    pub fn ports(&self) -> impl Iterator<Item = (&PortId, &PortRecord)> {
        self.records.iter()
    }

    /// A port's record.
    pub fn port(&self, id: &PortId) -> Option<&PortRecord> {
        self.records.get(id)
    }

    /// The objects that a port needs, in the order in which they are made, or why it cannot be
    /// had. `None` if there is no such port.
    pub fn objects_of(&self, id: &PortId) -> Option<Result<&[ObjectKey], &Unmet>> {
        Some(self.compiled.get(id)?.as_deref())
    }

    /// Takes in that a port's record is this one now, or gone.
    pub fn set_port(&mut self, id: &PortId, record: Option<PortRecord>) -> Touched {
        let mut touched = Touched::default();
        if self.records.get(id) == record.as_ref() {
            return touched;
        }
        let mut again = BTreeSet::from([id.clone()]);
        if self.records.remove(id).is_some() {
            again.extend(self.claims.release(id));
        }
        if let Some(record) = record {
            for claim in record
                .binding
                .iter()
                .flat_map(|binding| claims_of(id, binding))
            {
                again.extend(self.claims.stake(claim, record.create_revision, id));
            }
            self.records.insert(id.clone(), record);
        }
        for port in again {
            self.compile(&port, &mut touched);
        }
        touched.interest = self.take_interest_changed();
        touched
    }

    /// Compiles one port anew, or lets it go if its record is gone.
    fn compile(&mut self, id: &PortId, touched: &mut Touched) {
        let old = self.compiled.remove(id);
        if let Some(record) = self.records.get(id) {
            // Wanted first, released then: what both versions use is there all the time.
            let needs = self.needs(id, record);
            let compiled = needs.map(|needs| {
                let needs = needs.into_iter();
                needs
                    .map(|need| self.want(id, need, touched))
                    .collect::<Vec<_>>()
            });
            self.compiled.insert(id.clone(), compiled);
        }
        self.tell_network(id, touched);
        for key in old.into_iter().flatten().flatten() {
            let kept = self
                .compiled
                .get(id)
                .into_iter()
                .flatten()
                .flatten()
                .any(|new| *new == key);
            if !kept {
                self.release(id, &key, touched);
            }
        }
        touched.ports.insert(id.clone());
    }

    /// Records that `id` uses what it needs.
    fn want(&mut self, id: &PortId, need: Need, touched: &mut Touched) -> ObjectKey {
        let (key, object) = match need {
            Need::Object(object) => (object.key(), Some(object)),
            Need::GroupList(group, direction) => {
                let key = ObjectKey::Acl(AclKey::SecurityGroup {
                    group: group.clone(),
                    direction,
                });
                if let Some(shared) = self.objects.get_mut(&key) {
                    shared.users.insert(id.clone());
                    return key;
                }
                self.groups.enter(&group);
                let list = self.groups.acl(&group, direction);
                let list = list.cloned().map(Object::Acl);
                touched.security_groups.insert(group);
                (key, list)
            }
            Need::OverlayBridge(segment) => {
                self.networks.enter(segment);
                touched.networks.insert(segment);
                let key = ObjectKey::BridgeDomain(segment.into());
                (key, self.overlay_bridge(segment))
            }
        };
        if let Some(shared) = self.objects.get_mut(&key) {
            shared.users.insert(id.clone());
            if shared.object != object {
                shared.object = object;
                touched.objects.insert(key.clone());
            }
        } else {
            let users = Ports::from_iter([id.clone()]);
            self.objects.insert(key.clone(), Shared { object, users });
            touched.objects.insert(key.clone());
        }
        key
    }

    /// Records that `id` no longer uses the object under `key`.
    fn release(&mut self, id: &PortId, key: &ObjectKey, touched: &mut Touched) {
        let Some(shared) = self.objects.get_mut(key) else {
            return;
        };
        shared.users.remove(id);
        // What the configuration asks for has no users, and never had this one.
        if shared.users.is_empty() {
            self.objects.remove(key);
            touched.objects.insert(key.clone());
            if let ObjectKey::Acl(AclKey::SecurityGroup { group, .. }) = key {
                self.groups.leave(group);
                touched.security_groups.insert(group.clone());
            }
            if let ObjectKey::BridgeDomain(NetworkSegment::Overlay(segment)) = key {
                let changed = self.networks.leave(*segment);
                self.absorb_network(*segment, changed, touched);
            }
        }
    }

    fn take_interest_changed(&mut self) -> bool {
        let groups = self.groups.take_interest_changed();
        self.networks.take_interest_changed() || groups
    }
}
