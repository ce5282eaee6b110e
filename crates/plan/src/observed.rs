//! What a VPP is known to hold of ours: the result of dumps, kept up to date by what is applied
//! and by VPP's events.

use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use crate::object::{Address, InterfaceKey, Object, ObjectKey};
use crate::table::{Keys, Table, in_order};

/// What a VPP holds of ours: the objects that carry our marks or belong to ones that do, and the
/// links of its interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    objects: Table<Held>,
    /// What uses each object ([`Object::uses`]), so that it need not be searched for.
    users: Table<Keys>,
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Held {
    object: Arc<Object>,
    /// Whether its link is up, if it is an interface.
    link_up: bool,
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
    /// Nothing yet, but room for so many objects.
    pub fn with_capacity(objects: usize) -> Self {
        let mut empty = Self::default();
        empty.objects.reserve(objects);
        empty
    }

    /// The object under this key.
    pub fn get(&self, key: &ObjectKey) -> Option<&Arc<Object>> {
        Some(&self.objects.get(key)?.object)
    }

    /// The object under this key, with the key.
    pub(crate) fn entry(&self, key: &ObjectKey) -> Option<(&ObjectKey, &Arc<Object>)> {
        let (key, held) = self.objects.get_key_value(key)?;
        Some((key, &held.object))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// All objects, in the order of their keys.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.entries().map(|(_, object)| object)
    }

    /// All objects with their keys, in the order of the keys.
    pub fn entries(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        in_order(self.unordered())
    }

    /// All objects with their keys, in no order.
    pub fn unordered(&self) -> impl Iterator<Item = (&ObjectKey, &Object)> {
        self.objects.iter().map(|(key, held)| (key, &*held.object))
    }

    /// The keys of all objects, in order.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        self.entries().map(|(key, _)| key)
    }

    /// Whether the interface's link is up (`IF_STATUS_API_FLAG_LINK_UP`); false if nothing is known.
    pub fn link_up(&self, interface: &InterfaceKey) -> bool {
        let key = ObjectKey::Interface(interface.clone());
        self.objects.get(&key).is_some_and(|held| held.link_up)
    }

    /// Records that `object` is there now, whatever was under its key before. A binding that names no
    /// list of ours is a stranger's, and none to us.
    pub fn insert(&mut self, object: impl Into<Arc<Object>>) {
        let object = object.into();
        if object.is_foreign_binding() {
            self.remove(&object.key());
        } else {
            self.put(object, None);
        }
    }

    /// Adds an object as a dump shows it, a binding of strangers' lists, too: a list of ours that was
    /// made twice is none of those that have names.
    pub fn add(&mut self, object: impl Into<Arc<Object>>) {
        self.put(object.into(), None);
    }

    /// Adds an interface as a dump shows it, with the state of its link.
    pub fn add_interface(&mut self, object: impl Into<Arc<Object>>, link_up: bool) {
        self.put(object.into(), Some(link_up));
    }

    /// Puts the object there. An unknown link stays as it was; that of a new interface counts as down.
    fn put(&mut self, object: Arc<Object>, link_up: Option<bool>) {
        match self.objects.entry(object.key()) {
            Entry::Occupied(mut there) => {
                forget_uses(&mut self.users, there.key(), &there.get().object);
                note_uses(&mut self.users, there.key(), &object);
                let there = there.get_mut();
                there.object = object;
                there.link_up = link_up.unwrap_or(there.link_up);
            }
            Entry::Vacant(free) => {
                note_uses(&mut self.users, free.key(), &object);
                let link_up = link_up.unwrap_or_default();
                free.insert(Held { object, link_up });
            }
        }
    }

    /// Records that the object is gone.
    pub fn remove(&mut self, key: &ObjectKey) {
        if let Some(held) = self.objects.remove(key) {
            forget_uses(&mut self.users, key, &held.object);
        }
    }

    /// The keys of the objects that require the one under `key`: those on it first, each kind in order.
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
            | ObjectKey::MacIpAcl(_) => self.users_of(key),
            ObjectKey::Interface(interface) => {
                let on_it = [
                    ObjectKey::BridgeMember(interface.clone()),
                    ObjectKey::AclBinding(interface.clone()),
                    ObjectKey::MacIpBinding(interface.clone()),
                ];
                let there = |key: &ObjectKey| self.objects.contains_key(key);
                let mut keys: Vec<ObjectKey> = on_it.into_iter().filter(there).collect();
                keys.extend(self.users_of(key));
                keys
            }
        }
    }

    fn users_of(&self, key: &ObjectKey) -> Vec<ObjectKey> {
        let users = self.users.get(key).into_iter().flatten();
        let mut users: Vec<ObjectKey> = users.cloned().collect();
        users.sort_unstable();
        users
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
        let addresses = self.unordered().filter_map(|(_, object)| match object {
            Object::Address(address) if is_foreign(address) => Some(address.clone()),
            _ => None,
        });
        let mut foreign: Vec<Address> = addresses.collect();
        foreign.sort_unstable_by(|one, other| {
            (&one.interface, one.address).cmp(&(&other.interface, other.address))
        });
        for address in &foreign {
            let interface = Box::new(address.interface.clone());
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
                let Some(held) = self.objects.get_mut(&key) else {
                    return Vec::new();
                };
                let link_was = std::mem::replace(&mut held.link_up, *link_up);
                let admin_was = held.object.admin_up();
                if admin_was == Some(*admin_up) && link_was == *link_up {
                    return Vec::new();
                }
                if admin_was != Some(*admin_up)
                    && let Some(state) = Arc::make_mut(&mut held.object).admin_up_mut()
                {
                    *state = *admin_up;
                }
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
}

/// Notes what `object`, whose key is `key`, uses.
fn note_uses(users: &mut Table<Keys>, key: &ObjectKey, object: &Object) {
    for used in object.uses() {
        users.entry(used).or_default().insert(key.clone());
    }
}

/// The reverse of [`note_uses`].
fn forget_uses(users: &mut Table<Keys>, key: &ObjectKey, object: &Object) {
    for used in object.uses() {
        if let Entry::Occupied(mut of_it) = users.entry(used) {
            of_it.get_mut().remove(key);
            if of_it.get().is_empty() {
                of_it.remove();
            }
        }
    }
}
