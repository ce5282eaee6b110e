//! Which MAC addresses this host says are behind it: `global/networks/{type}/{vni}/{host}/{mac}`.
//!
//! A port's addresses are advertised once VPP bridges it. One transaction puts the key, provided that
//! the port's record is still the one that is known, and deletes the keys of hosts whose word is older:
//! a machine that moves never has two owners in the store, and no stale one stays. A host whose word is
//! older than another's says nothing more, until the newer word is gone.
//!
//! The keys hang on a lease of their own. It is not given up when the agent ends: VPP goes on to
//! forward, and an agent that is back within the lease's time finds everything as it was.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{HostName, Key, Keyspace, Mac, MacAdvertisement, OverlaySegment, PortId};
use weft_store::{Compare, KeyValue, Op, Revision, Txn};

/// An address of a network.
pub(crate) type Address = (OverlaySegment, Mac);

/// What this host shall say and says.
#[derive(Debug, Default)]
pub(crate) struct Advertised {
    /// By port, since several may have one address; the newest counts.
    wanted: BTreeMap<Address, BTreeMap<PortId, Wanted>>,
    /// What the store says, as far as it is followed or was written by us.
    known: BTreeMap<Address, Known>,
    by_port: BTreeMap<PortId, BTreeSet<Address>>,
    /// Addresses of ports that are not bridged yet: what an earlier agent said of them stays.
    withheld: BTreeSet<Address>,
    /// Where something may differ.
    dirty: BTreeSet<Address>,
    /// The lease on which everything shall hang.
    lease: Option<i64>,
}

/// What shall be said of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    /// `mod_revision` of the port's record.
    revision: i64,
    value: Vec<u8>,
}

/// What the store says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    value: Vec<u8>,
    lease: i64,
    mod_revision: Revision,
}

/// A transaction that makes the store say what it shall of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    address: Address,
    pub(crate) txn: Txn,
    /// What the store says if it succeeds.
    then: Option<(Vec<u8>, i64)>,
}

impl Advertised {
    /// A port has these addresses, or none; `bridged` is whether frames to it arrive, as far as that is
    /// known.
    pub(crate) fn post(
        &mut self,
        port: &PortId,
        segment: Option<OverlaySegment>,
        says: Vec<(Mac, MacAdvertisement)>,
        bridged: Option<bool>,
    ) {
        let before = self.by_port.remove(port).unwrap_or_default();
        let mut now = BTreeSet::new();
        for (mac, advertisement) in says {
            let Some(segment) = segment else { break };
            let address = (segment, mac);
            now.insert(address);
            let revision = advertisement.revision;
            let value = advertisement.to_json().to_string().into_bytes();
            let wanted = Wanted { revision, value };
            let said = self.wanted.get(&address).and_then(|all| all.get(port));
            // Once said it stays said: a VPP that is away for a moment, or comes back empty, is no
            // reason for all other hosts to forget the machine.
            if said == Some(&wanted) {
                continue;
            }
            if bridged == Some(true) || said.is_some() {
                self.withheld.remove(&address);
                let all = self.wanted.entry(address).or_default();
                all.insert(port.clone(), wanted);
                self.dirty.insert(address);
            } else {
                self.withheld.insert(address);
            }
        }
        for gone in before.difference(&now) {
            if let Some(all) = self.wanted.get_mut(gone) {
                all.remove(port);
                if all.is_empty() {
                    self.wanted.remove(gone);
                }
            }
            self.withheld.remove(gone);
            self.dirty.insert(*gone);
        }
        if !now.is_empty() {
            self.by_port.insert(port.clone(), now);
        }
    }

    /// The store says this of one of our addresses, or nothing, since `revision`.
    pub(crate) fn know(&mut self, address: Address, kv: Option<&KeyValue>, revision: Revision) {
        // Our own writes are known when they are done, before the watch tells of them.
        let known = self.known.get(&address);
        if known.is_some_and(|known| known.mod_revision > revision) {
            return;
        }
        match kv {
            Some(kv) => {
                let known = Known {
                    value: kv.value.to_vec(),
                    lease: kv.lease,
                    mod_revision: kv.mod_revision,
                };
                self.known.insert(address, known);
            }
            None => {
                self.known.remove(&address);
            }
        }
        self.dirty.insert(address);
    }

    /// A network was read: of ours the store says this and nothing else.
    pub(crate) fn know_all(&mut self, segment: OverlaySegment, kvs: &BTreeMap<Mac, KeyValue>) {
        let of_segment = |(on, _): &&Address| *on == segment;
        let known = self.known.keys().chain(self.wanted.keys());
        self.dirty.extend(known.filter(of_segment).copied());
        self.known.retain(|(on, _), _| *on != segment);
        for (mac, kv) in kvs {
            self.know((segment, *mac), Some(kv), kv.mod_revision);
        }
    }

    /// Another host says something else of an address now.
    pub(crate) fn heard(&mut self, address: Address) {
        if self.wanted.contains_key(&address) {
            self.dirty.insert(address);
        }
    }

    /// The lease is this now, or there is none.
    pub(crate) fn set_lease(&mut self, lease: Option<i64>) {
        if self.lease != lease {
            self.lease = lease;
            self.dirty.extend(self.wanted.keys().copied());
        }
    }

    /// What is to be written. `words` tells what other hosts say of an address, by revision.
    pub(crate) fn writes<'a, W>(
        &mut self,
        keys: &Keyspace,
        host: &HostName,
        words: impl Fn(Address) -> W,
    ) -> Vec<Write>
    where
        W: Iterator<Item = (&'a HostName, (i64, i64))>,
    {
        let dirty = std::mem::take(&mut self.dirty);
        let mut writes = Vec::new();
        for address in dirty {
            let Some(write) = self.write(keys, host, address, words(address)) else {
                continue;
            };
            // It stays so until the write has ended well.
            self.dirty.insert(address);
            writes.push(write);
        }
        writes
    }

    fn write<'a>(
        &self,
        keys: &Keyspace,
        host: &HostName,
        address: Address,
        words: impl Iterator<Item = (&'a HostName, (i64, i64))>,
    ) -> Option<Write> {
        let (segment, mac) = address;
        let key = |host: &HostName| keys.text(&Key::MacAdvertisement(segment, host.clone(), mac));
        let known = self.known.get(&address);
        let withdrawal = || Write {
            address,
            txn: Txn::unconditional([Op::delete(key(host))]),
            then: None,
        };
        let all = self.wanted.get(&address).into_iter().flatten();
        let Some((port, wanted)) = all.max_by_key(|(_, wanted)| wanted.revision) else {
            let stale = known.filter(|_| !self.withheld.contains(&address));
            return stale.map(|_| withdrawal());
        };
        let own = (
            wanted.revision,
            known.map_or(i64::MAX, |known| known.mod_revision),
        );
        let (newer, older): (Vec<_>, Vec<_>) = words.partition(|(_, word)| *word > own);
        if !newer.is_empty() {
            // It is there now, whatever our record says: the word stays away until that one is gone.
            return known.map(|_| withdrawal());
        }
        let lease = self.lease?;
        let is_said = known.is_some_and(|it| it.value == wanted.value && it.lease == lease);
        if is_said && older.is_empty() {
            return None;
        }
        let put = Op::Put {
            key: key(host),
            value: wanted.value.clone().into(),
            lease,
        };
        let deletions = older.iter().map(|(other, _)| Op::delete(key(other)));
        let txn = Txn {
            compares: vec![Compare::ModRevision {
                key: keys.text(&Key::Port(host.clone(), port.clone())),
                equals: wanted.revision,
            }],
            success: std::iter::once(put).chain(deletions).collect(),
            failure: Vec::new(),
        };
        Some(Write {
            address,
            txn,
            then: Some((wanted.value.clone(), lease)),
        })
    }

    /// A write has ended at this revision, as it was meant to.
    pub(crate) fn written(&mut self, write: Write, revision: Revision) {
        match write.then {
            Some((value, lease)) => {
                let known = Known {
                    value,
                    lease,
                    mod_revision: revision,
                };
                self.known.insert(write.address, known);
            }
            None => {
                self.known.remove(&write.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
