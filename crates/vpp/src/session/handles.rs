//! Which number VPP has given to what.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use foldhash::fast::FixedState;
use weft_model::{NetworkSegment, PortId};
use weft_plan::{AclKey, InterfaceKey, Object, ObjectKey, Surplus};
use weft_vpp_wire::{BdId, SwIfIndex};

/// Names and numbers, both ways.
#[derive(Debug, Default)]
pub(super) struct Handles {
    interfaces: HashMap<InterfaceKey, SwIfIndex, FixedState>,
    keys: HashMap<SwIfIndex, InterfaceKey, FixedState>,
    bridges: HashMap<NetworkSegment, BdId, FixedState>,
    acls: HashMap<AclKey, u32, FixedState>,
    macip_acls: HashMap<PortId, u32, FixedState>,
    /// Devices of the kernel behind TAPs that are not ours, and these TAPs' names in VPP. Where it
    /// matters: VPP gives a second TAP the same device, without an error.
    foreign_taps: HashMap<String, String>,
    /// What has a mark that another one has already.
    surplus: HashMap<ObjectKey, Number, FixedState>,
}

/// A number of VPP's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// Of an interface.
    Interface(SwIfIndex),
    /// Of a bridge domain.
    Bridge(BdId),
    /// Of an access list.
    Acl(u32),
    /// Of a MACIP list.
    MacIpAcl(u32),
}

/// What an operation did to the numbers.
#[derive(Debug)]
pub(super) enum Change {
    /// An interface is there.
    Interface(InterfaceKey, SwIfIndex),
    /// An interface is gone, or ours no longer.
    NoInterface(InterfaceKey),
    /// A bridge domain is there.
    Bridge(NetworkSegment, BdId),
    /// A bridge domain is gone.
    NoBridge(NetworkSegment),
    /// An access list is there.
    Acl(AclKey, u32),
    /// An access list is gone.
    NoAcl(AclKey),
    /// A MACIP list is there.
    MacIpAcl(PortId, u32),
    /// A MACIP list is gone.
    NoMacIpAcl(PortId),
    /// Something that was made twice is gone.
    NoSurplus(ObjectKey),
}

impl Handles {
    /// Nothing yet, but room for so many interfaces.
    pub(super) fn with_capacity(interfaces: usize) -> Self {
        let state = FixedState::default();
        Self {
            interfaces: HashMap::with_capacity_and_hasher(interfaces, state),
            keys: HashMap::with_capacity_and_hasher(interfaces, state),
            ..Self::default()
        }
    }

    /// The interfaces, in no order.
    pub(super) fn interfaces(&self) -> impl Iterator<Item = (&InterfaceKey, SwIfIndex)> {
        self.interfaces.iter().map(|(key, number)| (key, *number))
    }

    pub(super) fn interface(&self, key: &InterfaceKey) -> Option<SwIfIndex> {
        self.interfaces.get(key).copied()
    }

    pub(super) fn key(&self, sw_if_index: SwIfIndex) -> Option<&InterfaceKey> {
        self.keys.get(&sw_if_index)
    }

    /// The bridge domains, in no order.
    pub(super) fn bridges(&self) -> impl Iterator<Item = (&NetworkSegment, BdId)> {
        self.bridges.iter().map(|(key, number)| (key, *number))
    }

    pub(super) fn bridge(&self, segment: &NetworkSegment) -> Option<BdId> {
        self.bridges.get(segment).copied()
    }

    pub(super) fn acl(&self, key: &AclKey) -> Option<u32> {
        self.acls.get(key).copied()
    }

    /// The list with this number; for people, hence searched for.
    pub(super) fn acl_key(&self, index: u32) -> Option<&AclKey> {
        let mut acls = self.acls.iter();
        acls.find_map(|(key, number)| (*number == index).then_some(key))
    }

    pub(super) fn macip_acl(&self, port: &PortId) -> Option<u32> {
        self.macip_acls.get(port).copied()
    }

    /// The foreign TAP, if any, that has this device of the kernel.
    pub(super) fn foreign_tap(&self, device: &str) -> Option<&str> {
        self.foreign_taps.get(device).map(String::as_str)
    }

    /// Notes an interface, unless one has this name already; answers whether it was noted.
    pub(super) fn note_interface(&mut self, key: &InterfaceKey, number: SwIfIndex) -> bool {
        let Entry::Vacant(free) = self.interfaces.entry(key.clone()) else {
            return false;
        };
        free.insert(number);
        self.keys.insert(number, key.clone());
        true
    }

    pub(super) fn note_foreign_tap(&mut self, device: String, interface: String) {
        self.foreign_taps.insert(device, interface);
    }

    /// The number of something that was made twice.
    pub(super) fn surplus(&self, key: &ObjectKey) -> Option<Number> {
        self.surplus.get(key).copied()
    }

    /// Notes something with the mark of `of`, which another one has already; gives what it is.
    pub(super) fn note_surplus(&mut self, of: ObjectKey, number: Number) -> Object {
        let mut surplus = Surplus { of, number: 1 };
        while self
            .surplus
            .contains_key(&Object::Surplus(surplus.clone()).key())
        {
            surplus.number += 1;
        }
        let object = Object::Surplus(surplus);
        self.surplus.insert(object.key(), number);
        object
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Interface(key, sw_if_index) => {
                self.forget(&key);
                self.keys.insert(sw_if_index, key.clone());
                self.interfaces.insert(key, sw_if_index);
            }
            Change::NoInterface(key) => self.forget(&key),
            Change::Bridge(segment, bd_id) => {
                self.bridges.insert(segment, bd_id);
            }
            Change::NoBridge(segment) => {
                self.bridges.remove(&segment);
            }
            Change::Acl(key, index) => {
                self.acls.insert(key, index);
            }
            Change::NoAcl(key) => {
                self.acls.remove(&key);
            }
            Change::MacIpAcl(port, index) => {
                self.macip_acls.insert(port, index);
            }
            Change::NoMacIpAcl(port) => {
                self.macip_acls.remove(&port);
            }
            Change::NoSurplus(key) => {
                self.surplus.remove(&key);
            }
        }
    }

    fn forget(&mut self, key: &InterfaceKey) {
        if let Some(sw_if_index) = self.interfaces.remove(key)
            && self.keys.get(&sw_if_index) == Some(key)
        {
            self.keys.remove(&sw_if_index);
        }
    }
}
