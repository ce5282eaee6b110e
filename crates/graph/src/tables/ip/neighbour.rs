//! Neighbours: which MAC address has an IP address (VPP `src/vnet/ip-neighbor`).
//!
//! Workers see ARP and neighbour discovery and tell the control thread, which alone writes the table. As in
//! VPP with its default settings, what was learned does not age: it is replaced by what the neighbour
//! says, and goes when its interface goes down or loses its network.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use weft_packet::{SwIfIndex, header::MacAddr};

use crate::tables::{TableError, Tables};

/// Most neighbours of both families (VPP's default limit of each).
const NEIGHBOURS_MAX: usize = 50_000;

/// Most that wait for the control thread; what is lost is learned from the neighbour's next packet.
const QUEUE_MAX: usize = 1024;

/// A neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Neighbour {
    /// Its MAC address.
    pub mac: MacAddr,
    /// Written by an operator: not changed by what is learned.
    pub is_static: bool,
    /// When it was written or last said so, on the clock of the tables.
    pub updated: Duration,
}

/// What a worker learned.
#[derive(Clone, Copy, Debug)]
struct Learned {
    interface: SwIfIndex,
    address: IpAddr,
    mac: MacAddr,
}

/// What workers learned, on its way to the control thread.
#[derive(Debug, Default)]
pub(crate) struct NeighbourQueue(Mutex<Vec<Learned>>);

impl NeighbourQueue {
    fn lock(&self) -> MutexGuard<'_, Vec<Learned>> {
        // An entry is pushed whole or not at all.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells that a neighbour was heard.
    #[cold]
    pub(crate) fn push(&self, interface: SwIfIndex, address: IpAddr, mac: MacAddr) {
        let mut queue = self.lock();
        if queue.len() < QUEUE_MAX {
            queue.push(Learned {
                interface,
                address,
                mac,
            });
        }
    }

    fn take(&self) -> Vec<Learned> {
        std::mem::take(&mut self.lock())
    }
}

impl Tables {
    /// Takes in what workers learned of neighbours; returns whether that changes anything, which is then
    /// to be [published](Tables::publish). `now` is on the clock of the tables.
    pub fn learn_neighbours(&mut self, now: Duration) -> bool {
        let mut changed = false;
        for learned in self.shared.neighbours.take() {
            let known = self.ip.neighbours.len();
            let key = (learned.interface, learned.address);
            let view = &self.interfaces.get(learned.interface.0).ip;
            // Meanwhile the interface may have lost the network.
            let is_valid = view.as_ref().is_some_and(|own| {
                own.is_connected(learned.address) || is_link_local(learned.address)
            });
            if !is_valid {
                continue;
            }
            let fresh = Neighbour {
                mac: learned.mac,
                is_static: false,
                updated: now,
            };
            match self.ip.neighbours.get_mut(&key) {
                Some(own) if own.is_static => {}
                Some(own) => {
                    changed |= own.mac != learned.mac;
                    *own = fresh;
                }
                None if known < NEIGHBOURS_MAX => {
                    self.ip.neighbours.insert(key, fresh);
                    changed = true;
                }
                None => {}
            }
        }
        if changed {
            self.ip.touch();
        }
        changed
    }

    /// Writes a neighbour that is not learned.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn add_neighbour(
        &mut self,
        interface: SwIfIndex,
        address: IpAddr,
        mac: MacAddr,
        now: Duration,
    ) -> Result<(), TableError> {
        self.interface(interface)
            .ok_or(TableError::NoInterface(interface))?;
        let own = Neighbour {
            mac,
            is_static: true,
            updated: now,
        };
        self.ip.neighbours.insert((interface, address), own);
        self.ip.touch();
        Ok(())
    }

    /// All neighbours by interface and address.
    pub fn neighbours(&self) -> impl Iterator<Item = (SwIfIndex, IpAddr, &Neighbour)> {
        let all = self.ip.neighbours.iter();
        all.map(|((interface, address), own)| (*interface, *address, own))
    }

    /// Forgets what was learned on an interface.
    pub(in crate::tables) fn flush_neighbours(&mut self, index: SwIfIndex) {
        let count = self.ip.neighbours.len();
        let neighbours = &mut self.ip.neighbours;
        neighbours.retain(|(interface, _), own| *interface != index || own.is_static);
        if neighbours.len() != count {
            self.ip.touch();
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(own) if own.is_unicast_link_local())
}
