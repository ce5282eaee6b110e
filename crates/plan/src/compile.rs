//! Intent into objects, for one host, kept up to date change by change.
//!
//! Shared objects (the bridge domain of a network, its sub-interface) exist while at least one port
//! uses them: each object knows its users, and the last one to go takes it along. A change costs
//! what it changes, whatever else the host holds.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{NetworkSegment, PhysnetName, PortBinding, PortId};

use crate::claim::{Claim, Claims};
use crate::intent::{HostNetwork, PortRecord};
use crate::object::{
    BridgeDomain, BridgeFlags, BridgeMember, InterfaceKey, Object, ObjectKey, SubInterface,
    TagRewrite, Tap, Uplink,
};

/// The objects that a host's intent asks for.
#[derive(Clone, Debug)]
pub struct Compiler {
    network: HostNetwork,
    records: BTreeMap<PortId, PortRecord>,
    /// What each record was compiled to, or why it could not be.
    compiled: BTreeMap<PortId, Result<Vec<ObjectKey>, String>>,
    claims: Claims,
    objects: BTreeMap<ObjectKey, Shared>,
}

/// An object and the ports that it is there for; none for what the configuration asks for.
#[derive(Clone, Debug)]
struct Shared {
    object: Object,
    users: BTreeSet<PortId>,
}

/// What a change of intent touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Objects that are wanted now and were not, are no longer, or are wanted otherwise.
    pub objects: BTreeSet<ObjectKey>,
    /// Ports about which there may be something new to say.
    pub ports: BTreeSet<PortId>,
}

impl Compiler {
    /// A host with its uplinks and no ports.
    pub fn new(network: HostNetwork) -> Self {
        let uplinks = network.physnets.iter().map(|(physnet, device)| {
            Object::Uplink(Uplink {
                physnet: physnet.clone(),
                device: device.clone(),
                admin_up: true,
            })
        });
        let objects = uplinks
            .map(|object| {
                (
                    object.key(),
                    Shared {
                        object,
                        users: BTreeSet::new(),
                    },
                )
            })
            .collect();
        Self {
            network,
            records: BTreeMap::new(),
            compiled: BTreeMap::new(),
            claims: Claims::default(),
            objects,
        }
    }

    /// What the host's configuration says.
    pub fn network(&self) -> &HostNetwork {
        &self.network
    }

    /// The object that is wanted under this key.
    pub fn object(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key).map(|shared| &shared.object)
    }

    /// All objects that are wanted with their keys, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        self.objects
            .iter()
            .map(|(key, shared)| (key, &shared.object))
    }

    /// The keys of all objects that are wanted.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.objects.keys()
    }

    /// The ports that an object is there for.
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
    pub fn objects_of(&self, id: &PortId) -> Option<Result<&[ObjectKey], &str>> {
        Some(self.compiled.get(id)?.as_deref().map_err(String::as_str))
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
        touched
    }

    /// Takes in that these are all the ports there are.
    pub fn replace_ports(&mut self, records: BTreeMap<PortId, PortRecord>) -> Touched {
        let mut touched = Touched::default();
        let gone: Vec<PortId> = self
            .records
            .keys()
            .filter(|id| !records.contains_key(*id))
            .cloned()
            .collect();
        let changes = gone.into_iter().map(|id| (id, None));
        for (id, record) in
            changes.chain(records.into_iter().map(|(id, record)| (id, Some(record))))
        {
            let more = self.set_port(&id, record);
            touched.objects.extend(more.objects);
            touched.ports.extend(more.ports);
        }
        touched
    }

    /// Compiles one port anew, or lets it go if its record is gone.
    fn compile(&mut self, id: &PortId, touched: &mut Touched) {
        let old = self.compiled.remove(id);
        if let Some(record) = self.records.get(id) {
            // Wanted first, released then: what both versions use is there all the time.
            let compiled = self.wanted_by(id, record).map(|objects| {
                objects
                    .into_iter()
                    .map(|object| self.want(id, object, touched))
                    .collect()
            });
            self.compiled.insert(id.clone(), compiled);
        }
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

    /// The objects that a port needs.
    fn wanted_by(&self, id: &PortId, record: &PortRecord) -> Result<Vec<Object>, String> {
        let port = record.binding.as_ref().map_err(ToString::to_string)?;
        let physnet = port.segment.physnet();
        if !self.network.physnets.contains_key(physnet) {
            let known: Vec<&str> = self
                .network
                .physnets
                .keys()
                .map(PhysnetName::as_str)
                .collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(format!(
                "field `physnet`: this host has no physical network `{physnet}`; its configuration names {known}"
            ));
        }
        for claim in claims_of(id, port) {
            if let Some(owner) = self.claims.owner(&claim)
                && owner != id
            {
                return Err(format!("{claim} belongs to port {owner}, which came first"));
            }
        }
        let segment = &port.segment;
        let mut objects = Vec::new();
        let carrier = match segment {
            NetworkSegment::Flat { .. } => InterfaceKey::Uplink(physnet.clone()),
            NetworkSegment::Vlan { vlan, .. } => {
                objects.push(Object::SubInterface(SubInterface {
                    physnet: physnet.clone(),
                    vlan: *vlan,
                    admin_up: true,
                }));
                InterfaceKey::SubInterface(physnet.clone(), *vlan)
            }
        };
        let tag_rewrite = match segment {
            NetworkSegment::Flat { .. } => TagRewrite::Disabled,
            NetworkSegment::Vlan { .. } => TagRewrite::Pop1,
        };
        objects.push(Object::BridgeDomain(BridgeDomain {
            segment: segment.clone(),
            flags: BridgeFlags::LEARNING,
            mac_age: self.network.mac_age,
        }));
        let member = |interface, tag_rewrite| {
            Object::BridgeMember(BridgeMember {
                interface,
                bridge: Some(segment.clone()),
                tag_rewrite,
            })
        };
        objects.push(member(carrier, tag_rewrite));
        objects.push(Object::Tap(Tap {
            port: id.clone(),
            host_if_name: id.tap_name(),
            host_mac: port.mac,
            mtu: port.mtu,
            admin_up: true,
        }));
        objects.push(member(InterfaceKey::Tap(id.clone()), TagRewrite::Disabled));
        Ok(objects)
    }

    /// Records that `id` uses `object`.
    fn want(&mut self, id: &PortId, object: Object, touched: &mut Touched) -> ObjectKey {
        let key = object.key();
        if let Some(shared) = self.objects.get_mut(&key) {
            shared.users.insert(id.clone());
            if shared.object != object {
                shared.object = object;
                touched.objects.insert(key.clone());
            }
        } else {
            let users = BTreeSet::from([id.clone()]);
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
        }
    }
}

/// What only one port of a host may have.
fn claims_of(id: &PortId, port: &PortBinding) -> [Claim; 2] {
    [
        Claim::Mac(port.segment.clone(), port.mac),
        Claim::Device(id.tap_name()),
    ]
}
