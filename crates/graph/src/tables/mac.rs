//! The control thread's operations on the layer-2 FIB.

use std::{sync::Arc, time::Duration};

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{BdId, BdIndex, TableError, Tables};
use crate::fib::{FibEntry, FibFlags, Key, Value};

/// What a provisioned MAC address leads to (`l2fib_add_del`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MacTarget {
    /// An interface; the address may still move when it is learned elsewhere.
    Interface(SwIfIndex),
    /// An interface, from which it does not move: packets from it elsewhere are dropped.
    StaticInterface(SwIfIndex),
    /// The bridge domain's BVI.
    Bvi(SwIfIndex),
    /// Nowhere: packets from and to it are dropped.
    Filter,
}

impl MacTarget {
    pub(super) fn value(self) -> Value {
        let (sw_if_index, flags) = match self {
            Self::Interface(own) => (own, FibFlags::LEARNED),
            Self::StaticInterface(own) => (own, FibFlags::STATIC),
            Self::Bvi(own) => (own, FibFlags::STATIC.with(FibFlags::BVI)),
            Self::Filter => (SwIfIndex::NONE, FibFlags::STATIC.with(FibFlags::FILTER)),
        };
        Value::new(sw_if_index, flags.with(FibFlags::AGE_NOT), 0, 0)
    }
}

impl Tables {
    /// Adds a MAC address, or replaces what was there. Takes effect at once.
    pub fn add_mac(&mut self, bd: BdId, mac: MacAddr, target: MacTarget) -> Result<(), TableError> {
        let index = self.bd_index(bd).ok_or(TableError::NoBridgeDomain(bd))?;
        if let MacTarget::Interface(own) | MacTarget::StaticInterface(own) | MacTarget::Bvi(own) =
            target
        {
            self.interface(own).ok_or(TableError::NoInterface(own))?;
        }
        let old = self.fib.set(Key::new(mac, index.0), target.value());
        old.map(|_| ()).ok_or(TableError::FibFull)
    }

    /// Removes a MAC address; with `only`, if it leads to that interface. Takes effect at once.
    pub fn delete_mac(
        &mut self,
        bd: BdId,
        mac: MacAddr,
        only: Option<SwIfIndex>,
    ) -> Result<(), TableError> {
        let index = self.bd_index(bd).ok_or(TableError::NoBridgeDomain(bd))?;
        let key = Key::new(mac, index.0);
        let fib = Arc::clone(&self.fib);
        let value = fib.get(key);
        let matches = only.is_none_or(|only| value.sw_if_index() == only);
        if value.is_absent() || !matches {
            return Err(TableError::NoMac);
        }
        // The key is there, so this needs no new slot.
        fib.set(key, Value::ABSENT);
        Ok(())
    }

    /// How many addresses a bridge domain has learned.
    pub fn learned(&self, bd: BdId) -> Result<u32, TableError> {
        let index = self.bd_index(bd).ok_or(TableError::NoBridgeDomain(bd))?;
        Ok(self.fib.learned_in(index.0))
    }

    /// The entry of a MAC address.
    pub fn mac(&self, bd: BdId, mac: MacAddr) -> Option<FibEntry> {
        let key = Key::new(mac, self.bd_index(bd)?.0);
        let value = self.fib.get(key);
        (!value.is_absent()).then(|| value.entry(key))
    }

    /// All entries of a bridge domain, or of all, in no order.
    pub fn macs(&self, bd: Option<BdIndex>) -> Vec<FibEntry> {
        let fib = Arc::clone(&self.fib);
        fib.entries()
            .map(|(key, value)| value.entry(key))
            .filter(|entry| bd.is_none_or(|bd| bd.0 == entry.bd_index))
            .collect()
    }

    /// Looks at `budget` slots of the FIB for entries that are too old or were flushed, removes
    /// them, and grows the table when it fills up (which [publishes](Tables::publish)). Returns
    /// whether a round is complete.
    ///
    /// `now` is on the clock that the workers' is on. To be called every few seconds and after a
    /// flush, until it returns true.
    pub fn age_scan(&mut self, now: Duration, budget: usize) -> bool {
        let fib = Arc::clone(&self.fib);
        let mut ageing = std::mem::take(&mut self.ageing);
        let finished = ageing.step(
            &fib,
            crate::clock::minute(now),
            budget,
            |bd_index, sw_if_index| {
                let bd = self.bridge_domains.get(u32::from(bd_index));
                let interface = self.interfaces.get(sw_if_index.0);
                (bd.exists && interface.counters.is_some())
                    .then(|| (bd.fib_sn(interface.seq), bd.mac_age))
            },
        );
        self.ageing = ageing;
        if let Some(successor) = fib.successor() {
            self.fib = Arc::new(successor);
            self.publish();
        }
        finished
    }
}
