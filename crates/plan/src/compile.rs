//! Intent into objects, for one host, kept up to date change by change.
//!
//! What ports share (a network's bridge domain and sub-interface, the access lists of a group) exists
//! while at least one port uses it: its users are known, and the last one to go takes it along. All
//! other objects of a port have its name. A change costs what it changes, whatever else the host holds.
//!
//! The lists of a group are made by the group (`policy/groups.rs`), and a port only names them. While
//! a group is not decided, its lists are neither wanted nor unwanted. The same holds of an overlay
//! network, its bridge domain and what it knows of other hosts (`overlay.rs`).

mod group;
mod network;
mod port;
mod shared;
mod unmet;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use weft_model::{OverlaySegment, PortId, SecurityGroupId};

use crate::claim::{Claim, Claims};
use crate::intent::{HostNetwork, PortRecord};
use crate::object::{Object, ObjectKey, Uplink};
use crate::overlay::{LocalMac, Networks};
use crate::policy::Groups;
use crate::table::{Keys, Table, in_order};

use port::{Need, claims_of};
use shared::{Shared, Used};
pub use unmet::Unmet;

/// The objects that a host's intent asks for.
#[derive(Clone, Debug)]
pub struct Compiler {
    network: HostNetwork,
    ports: HashMap<PortId, Box<Port>, FixedState>,
    claims: Claims,
    groups: Groups,
    networks: Networks,
    /// What each port on an overlay network has there.
    local_macs: BTreeMap<PortId, (OverlaySegment, Vec<LocalMac>)>,
    shared: HashMap<Shared, Used, FixedState>,
    objects: Table<Arc<Object>>,
    /// What depends on something that is not decided, and so is neither wanted nor unwanted: lists of
    /// groups, bridge domains of overlay networks.
    undecided: Keys,
}

/// A port that is known.
#[derive(Clone, Debug)]
struct Port {
    record: PortRecord,
    claims: Vec<Claim>,
    /// What it was compiled to, or why it could not be.
    compiled: Result<Vec<ObjectKey>, Unmet>,
}

/// What a change of intent touched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Objects that are wanted now and were not, are no longer, or are wanted otherwise; some perhaps
    /// twice.
    pub objects: Vec<ObjectKey>,
    /// Ports about which there may be something new to say, those among them of which an object is
    /// touched that is theirs alone; some perhaps twice.
    pub ports: Vec<PortId>,
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
        let objects = uplinks.chain(underlay);
        let objects = objects
            .map(|object| (object.key(), Arc::new(object)))
            .collect();
        Self {
            network,
            ports: HashMap::default(),
            claims: Claims::default(),
            groups: Groups::default(),
            networks,
            local_macs: BTreeMap::new(),
            shared: HashMap::default(),
            objects,
            undecided: Keys::default(),
        }
    }

    /// What the host's configuration says.
    pub fn network(&self) -> &HostNetwork {
        &self.network
    }

    /// The object that is wanted under this key.
    pub fn object(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        self.objects.get(key)
    }

    /// The object that is wanted under this key, with the key.
    pub(crate) fn entry(&self, key: &ObjectKey) -> Option<(&ObjectKey, &Arc<Object>)> {
        self.objects.get_key_value(key)
    }

    /// Whether it is not known yet how this object is wanted, so that it is to be left alone: the
    /// list of a group that is not decided, a binding that names one, the membership behind it; the
    /// bridge domain of an overlay network that is not decided, its tunnels and all it knows.
    pub fn is_undecided(&self, key: &ObjectKey) -> bool {
        if let Some(segment) = key.overlay() {
            return self.networks.is_undecided(segment);
        }
        if self.undecided.is_empty() {
            return false;
        }
        match key {
            ObjectKey::Acl(_) | ObjectKey::BridgeDomain(_) => self.undecided.contains(key),
            ObjectKey::AclBinding(_) => match self.object(key).map(Arc::as_ref) {
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
        self.objects.iter().map(|(key, object)| (key, &**object))
    }

    /// The keys of all objects that are wanted.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.entries().map(|(key, _)| key)
    }

    /// The ports that an object is there for, in no order.
    pub fn users(&self, key: &ObjectKey) -> impl Iterator<Item = &PortId> {
        let own = key.port().and_then(|id| self.ports.get_key_value(id));
        let shared = Shared::of(key).and_then(|shared| self.shared.get(&shared));
        let users = shared.into_iter().flat_map(|used| &used.ports);
        own.map(|(id, _)| id).into_iter().chain(users)
    }

    /// The ports that are known, usable or not, in their order.
    pub fn ports(&self) -> impl Iterator<Item = (&PortId, &PortRecord)> {
        let ports: BTreeMap<_, _> = self.ports.iter().collect();
        ports.into_iter().map(|(id, port)| (id, &port.record))
    }

    /// Their identifiers, in no order.
    pub(crate) fn port_ids(&self) -> impl Iterator<Item = &PortId> {
        self.ports.keys()
    }

    /// A port's record.
    pub fn port(&self, id: &PortId) -> Option<&PortRecord> {
        Some(&self.ports.get(id)?.record)
    }

    /// The objects that a port needs, in the order in which they are made, or why it cannot be
    /// had. `None` if there is no such port.
    pub fn objects_of(&self, id: &PortId) -> Option<Result<&[ObjectKey], &Unmet>> {
        Some(self.ports.get(id)?.compiled.as_deref())
    }

    /// Takes in that a port's record is this one now, or gone.
    pub fn set_port(&mut self, id: &PortId, record: Option<PortRecord>) -> Touched {
        let mut touched = Touched::default();
        if self.port(id) == record.as_ref() {
            return touched;
        }
        let before = self.ports.remove(id);
        let mut others = BTreeSet::new();
        for claim in before.iter().flat_map(|port| &port.claims) {
            others.extend(self.claims.release(claim, id));
        }
        // Nothing yet, if it is new.
        let compiled = before.map_or_else(|| Ok(Vec::new()), |port| port.compiled);
        if let Some(record) = record {
            let binding = record.binding.as_ref().ok();
            let claims = binding.map_or_else(Vec::new, |binding| claims_of(id, binding));
            for claim in &claims {
                others.extend(self.claims.stake(claim, record.create_revision, id));
            }
            let port = Box::new(Port {
                record,
                claims,
                compiled,
            });
            self.compile(id, port, &mut touched);
        } else {
            self.tell_network(id, None, &mut touched);
            self.release(id, compiled, &[], &mut touched);
            touched.ports.push(id.clone());
        }
        for other in others {
            self.recompile(&other, &mut touched);
        }
        touched.interest = self.take_interest_changed();
        touched
    }

    /// Compiles a port anew that is known.
    fn recompile(&mut self, id: &PortId, touched: &mut Touched) {
        if let Some(port) = self.ports.remove(id) {
            self.compile(id, port, touched);
        }
    }

    /// Enters a port, compiled anew.
    fn compile(&mut self, id: &PortId, mut port: Box<Port>, touched: &mut Touched) {
        // Wanted first, released then: what both versions use is there all the time.
        let needs = self.needs(id, &port.record, &port.claims);
        let compiled = needs.map(|needs| {
            let mut keys = Vec::with_capacity(needs.len() + 2);
            for need in needs {
                match need {
                    Need::Shared(shared) => self.enter(shared, id, &mut keys, touched),
                    Need::Own(object) => {
                        let key = object.key();
                        self.set_object(key.clone(), Some(object), touched);
                        keys.push(key);
                    }
                }
            }
            keys
        });
        let record = compiled.is_ok().then_some(&port.record);
        self.tell_network(id, record, touched);
        let before = std::mem::replace(&mut port.compiled, compiled);
        let kept = port.compiled.as_deref().unwrap_or_default();
        self.release(id, before, kept, touched);
        self.ports.insert(id.clone(), port);
        touched.ports.push(id.clone());
    }

    /// Records that `id` uses no longer what it was compiled to `before`, but for what is `kept`.
    fn release(
        &mut self,
        id: &PortId,
        before: Result<Vec<ObjectKey>, Unmet>,
        kept: &[ObjectKey],
        touched: &mut Touched,
    ) {
        for key in before.unwrap_or_default() {
            if kept.contains(&key) {
                continue;
            }
            match Shared::of(&key) {
                Some(shared) => self.leave(&shared, id, touched),
                None => self.drop_object(&key, touched),
            }
        }
    }

    /// Enters how an object is wanted, `None` while that is not decided; answers whether that is new.
    fn set_object(
        &mut self,
        key: ObjectKey,
        object: Option<Object>,
        touched: &mut Touched,
    ) -> bool {
        let Some(object) = object else {
            self.objects.remove(&key);
            let is_new = self.undecided.insert(key.clone());
            touched.objects.extend(is_new.then_some(key));
            return is_new;
        };
        self.undecided.remove(&key);
        match self.objects.entry(key) {
            Entry::Occupied(there) if **there.get() == object => return false,
            Entry::Occupied(mut there) => {
                touched.objects.push(there.key().clone());
                there.insert(Arc::new(object));
            }
            Entry::Vacant(free) => {
                touched.objects.push(free.key().clone());
                free.insert(Arc::new(object));
            }
        }
        true
    }

    /// Records that an object is wanted no longer.
    fn drop_object(&mut self, key: &ObjectKey, touched: &mut Touched) {
        self.objects.remove(key);
        self.undecided.remove(key);
        touched.objects.push(key.clone());
    }

    fn take_interest_changed(&mut self) -> bool {
        let groups = self.groups.take_interest_changed();
        self.networks.take_interest_changed() || groups
    }
}
