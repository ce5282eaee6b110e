//! What a VPP is known to hold of ours: the result of dumps, kept up to date by what is applied
//! and by VPP's events.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use foldhash::fast::FixedState;

use crate::object::{Address, InterfaceKey, Object, ObjectKey};
use crate::table::{Table, in_order};

/// What a VPP holds of ours: the objects that carry our marks or belong to ones that do, and the
/// links of its interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    objects: Table<Object>,
    links: HashMap<InterfaceKey, bool, FixedState>,
    /// What requires each object, so that it need not be searched for; see [`uses`].
    users: Table<BTreeSet<ObjectKey>>,
}

/// Something that VPP told unasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The states of an interface, changed or not.
    State {
        /// Which.
        interface: InterfaceKey,
        /// Whether it is administratively up.
        admin_up: bool,
        /// Whether its link is up.
        link_up: bool,
    },
    /// The interface is gone, and what hung on it.
    Deleted(InterfaceKey),
}

impl Observed {
    /// All that a VPP holds. Of several objects with one key the last counts.
    pub fn new(
        objects: impl IntoIterator<Item = Object>,
        links: impl IntoIterator<Item = (InterfaceKey, bool)>,
    ) -> Self {
        let objects = objects.into_iter();
        let objects: Table<Object> = objects.map(|object| (object.key(), object)).collect();
        let mut users: Table<BTreeSet<ObjectKey>> = Table::default();
        for (key, object) in &objects {
            for used in uses(object) {
                users.entry(used).or_default().insert(key.clone());
            }
        }
        Self {
            objects,
            links: links.into_iter().collect(),
            users,
        }
    }

    /// The object under this key.
    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.objects.get(key)
    }

    /// All objects, in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.entries().map(|(_, object)| object)
    }

    /// All objects with their keys, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        in_order(self.objects.iter())
    }

    /// All objects, in no order.
    pub(crate) fn table(&self) -> &Table<Object> {
        &self.objects
    }

    /// The keys of all objects, in order.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.entries().map(|(key, _)| key)
    }

    /// Whether the interface's link is up (`IF_STATUS_API_FLAG_LINK_UP`); false if nothing is known.
    pub fn link_up(&self, interface: &InterfaceKey) -> bool {
        self.links.get(interface).copied().unwrap_or(false)
    }

    /// Records that `object` is there now, whatever was under its key before. A binding that names no
    /// list of ours is a stranger's, and none to us.
    pub fn insert(&mut self, object: Object) {
        let key = object.key();
        if object.is_foreign_binding() {
            self.remove(&key);
            return;
        }
        self.forget_use(&key);
        for used in uses(&object) {
            self.users.entry(used).or_default().insert(key.clone());
        }
        self.objects.insert(key, object);
    }

    /// Records that the object is gone.
    pub fn remove(&mut self, key: &ObjectKey) {
        self.forget_use(key);
        self.objects.remove(key);
        if let ObjectKey::Interface(interface) = key {
            self.links.remove(interface);
        }
    }

    /// Records the state of an interface's link.
    pub fn set_link(&mut self, interface: InterfaceKey, up: bool) {
        self.links.insert(interface, up);
    }

    /// The keys of the objects that require the one under `key`.
    pub fn dependents(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        match key {
            ObjectKey::AclBinding(_)
            | ObjectKey::MacIpBinding(_)
            | ObjectKey::Address(..)
            | ObjectKey::Route(_)
            | ObjectKey::StaticMac(..)
            | ObjectKey::Neighbour(..)
            | ObjectKey::Surplus(..) => Vec::new(),
            ObjectKey::BridgeMember(_)
            | ObjectKey::BridgeDomain(_)
            | ObjectKey::Acl(_)
            | ObjectKey::MacIpAcl(_) => {
                let users = self.users.get(key).into_iter().flatten();
                users.cloned().collect()
            }
            ObjectKey::Interface(interface) => {
                let on_it = [
                    ObjectKey::BridgeMember(interface.clone()),
                    ObjectKey::AclBinding(interface.clone()),
                    ObjectKey::MacIpBinding(interface.clone()),
                ];
                let there = |key: &ObjectKey| self.objects.contains_key(key);
                let mut keys: Vec<ObjectKey> = on_it.into_iter().filter(there).collect();
                keys.extend(self.users.get(key).into_iter().flatten().cloned());
                keys
            }
        }
    }

    /// Takes the addresses out that are not on `ours`, so that they are never ours to remove; nor are
    /// those that IPv6 gives to every interface. Answers them in their order.
    pub(crate) fn take_foreign_addresses(&mut self, ours: Option<&InterfaceKey>) -> Vec<Address> {
        let is_foreign = |address: &Address| {
            let own = match address.address {
                IpAddr::V4(_) => false,
                IpAddr::V6(ip) => ip.is_unicast_link_local(),
            };
            own || Some(&address.interface) != ours
        };
        let addresses = self.objects.values().filter_map(|object| match object {
            Object::Address(address) if is_foreign(address) => Some(address.clone()),
            _ => None,
        });
        let mut foreign: Vec<Address> = addresses.collect();
        foreign.sort_unstable_by(|one, other| {
            (&one.interface, one.address).cmp(&(&other.interface, other.address))
        });
        for address in &foreign {
            let interface = address.interface.clone();
            self.remove(&ObjectKey::Address(interface, address.address));
        }
        foreign
    }

    /// Takes in what VPP told; answers which objects are no longer as they were.
    pub fn notice(&mut self, notice: &Notice) -> Vec<ObjectKey> {
        match notice {
            Notice::State {
                interface,
                admin_up,
                link_up,
            } => {
                let key = ObjectKey::Interface(interface.clone());
                let Some(object) = self.objects.get_mut(&key) else {
                    return Vec::new();
                };
                let link_was = self.links.insert(interface.clone(), *link_up);
                let admin_was = match object {
                    Object::Uplink(uplink) => &mut uplink.admin_up,
                    Object::SubInterface(sub) => &mut sub.admin_up,
                    Object::Tap(tap) => &mut tap.admin_up,
                    Object::VhostUser(vhost) => &mut vhost.admin_up,
                    Object::Tunnel(tunnel) => &mut tunnel.admin_up,
                    _ => return Vec::new(),
                };
                if *admin_was == *admin_up && link_was == Some(*link_up) {
                    return Vec::new();
                }
                *admin_was = *admin_up;
                vec![key]
            }
            Notice::Deleted(interface) => {
                let mut gone = vec![ObjectKey::Interface(interface.clone())];
                let mut next = 0;
                while let Some(key) = gone.get(next) {
                    gone.extend(self.dependents(key));
                    next += 1;
                }
                gone.retain(|key| self.objects.contains_key(key));
                for key in &gone {
                    self.remove(key);
                }
                gone
            }
        }
    }

    fn forget_use(&mut self, key: &ObjectKey) {
        let Some(object) = self.objects.get(key) else {
            return;
        };
        for used in uses(object) {
            if let Some(users) = self.users.get_mut(&used) {
                users.remove(key);
                if users.is_empty() {
                    self.users.remove(&used);
                }
            }
        }
    }
}

/// What the object requires, but for the interfaces whose own names tell what is on them: memberships
/// and bindings.
fn uses(object: &Object) -> impl Iterator<Item = ObjectKey> {
    let by_name = matches!(
        object,
        Object::BridgeMember(_) | Object::AclBinding(_) | Object::MacIpBinding(_)
    );
    let required = object.requires().into_iter();
    required.filter(move |key| !(by_name && matches!(key, ObjectKey::Interface(_))))
}
