//! Everything that an API message can read or change: interfaces with their records, bridge domains
//! (in the tables of the packet graph), the ports of the host and the workers that move packets.
//!
//! Owned by the main thread. Changes become visible to the workers with [`Control::publish`], which
//! the server calls before any answer leaves; a port that is deleted is out of all workers' hands
//! when the call that deletes it returns.

mod events;
mod pool;
mod record;
mod sources;
mod tunnel;
mod vhost_user;

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use weft_graph::{DeviceClass, Interface, InterfaceKind, Tables};
use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

#[cfg(test)]
pub(crate) use events::InterfaceEvent;
pub(crate) use events::{EventKind, Events};
pub(crate) use pool::{IdSet, Pool};
pub(crate) use record::{
    AfPacketDevice, Device, Loopback, PortRx, PortTx, Record, SubInterface, TapDevice,
    VhostUserDevice, cut_to_field,
};
pub(crate) use sources::{Sources, of_entry as source_of_entry};
pub(crate) use tunnel::Tunnels;

use crate::config::SwitchConfig;
use crate::error::SwitchError;
use crate::poller::Poller;
use crate::worker::Workers;

/// VPP's `TAP_MAX_INSTANCE`: the greatest N in `tapN`.
pub(crate) const TAP_MAX_ID: u32 = 8192;
/// VPP's `LOOPBACK_MAX_INSTANCE`: `loopN` has N below it.
const LOOPBACK_INSTANCES: u32 = 16 * 1024;

/// See the module's head.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) config: SwitchConfig,
    pub(crate) tables: Tables,
    records: Vec<Option<Record>>,
    /// Sub-interfaces by parent and number.
    subs: HashMap<(SwIfIndex, u32), SwIfIndex>,
    pub(crate) tap_ids: IdSet,
    pub(crate) taps: Pool<SwIfIndex>,
    pub(crate) loopback_ids: IdSet,
    pub(crate) af_packets: Pool<(String, SwIfIndex)>,
    /// vhost-user interfaces.
    pub(crate) vhost_users: Pool<SwIfIndex>,
    pub(crate) tunnels: Tunnels,
    /// Who routes are from.
    pub(crate) sources: Sources,
    /// Waits for the peers of vhost-user interfaces, which are known by their indices.
    peers: Poller,
    /// Numbers of bridge domains that forward ARP as unicast: kept and dumped only.
    pub(crate) arp_ufwd: HashSet<u32>,
    /// Tags of bridge domains, by number.
    pub(crate) bd_tags: HashMap<u32, weft_vpp_wire::FixedString<64>>,
    pub(crate) events: Events,
    pub(crate) workers: Workers,
    /// What `clear errors` and `clear interfaces` take as zero.
    pub(crate) baselines: crate::cli::Baselines,
    /// When the process started: the clock of the tables.
    pub(crate) started: Instant,
    is_dirty: bool,
    /// A round of the FIB scan is due now: something was flushed.
    pub(crate) scan_is_due: bool,
}

impl Control {
    /// A switch with nothing but `local0`, on tables and workers that belong together.
    ///
    /// # Errors
    /// The system has no descriptors left.
    pub(crate) fn new(
        config: SwitchConfig,
        tables: Tables,
        workers: Workers,
    ) -> Result<Self, SwitchError> {
        let mut control = Self {
            peers: Poller::new().map_err(SwitchError::system("create an epoll instance"))?,
            config,
            tables,
            records: Vec::new(),
            subs: HashMap::new(),
            tap_ids: IdSet::new(TAP_MAX_ID + 1),
            taps: Pool::default(),
            loopback_ids: IdSet::new(LOOPBACK_INSTANCES),
            af_packets: Pool::default(),
            vhost_users: Pool::default(),
            tunnels: Tunnels::default(),
            sources: Sources::default(),
            arp_ufwd: HashSet::new(),
            bd_tags: HashMap::new(),
            events: Events::default(),
            baselines: crate::cli::Baselines::default(),
            started: workers.clock(),
            workers,
            is_dirty: false,
            scan_is_due: false,
        };
        let class = DeviceClass::Local;
        let local0 = control
            .tables
            .add_port("local0", class, MacAddr::default(), 0);
        control.set_record(local0, Record::new(Device::Local, 0));
        Ok(control)
    }

    /// Adds a port with its record and tells it.
    pub(crate) fn add_port(
        &mut self,
        name: &str,
        class: DeviceClass,
        mac: [u8; 6],
        device: Device,
    ) -> SwIfIndex {
        let mtu = u32::from(self.config.default_mtu);
        let index = self.tables.add_port(name, class, MacAddr(mac), mtu);
        self.set_record(index, Record::new(device, mtu));
        self.events.push(index, EventKind::Added);
        self.is_dirty = true;
        index
    }

    /// The interface and its record.
    pub(crate) fn interface(&self, index: SwIfIndex) -> Option<(&Interface, &Record)> {
        Some((self.tables.interface(index)?, self.record(index)?))
    }

    pub(crate) fn record(&self, index: SwIfIndex) -> Option<&Record> {
        self.records.get(index.0 as usize)?.as_ref()
    }

    pub(crate) fn record_mut(&mut self, index: SwIfIndex) -> Option<&mut Record> {
        self.records.get_mut(index.0 as usize)?.as_mut()
    }

    /// The sub-interface of a parent that was given this number.
    pub(crate) fn sub_interface(&self, parent: SwIfIndex, id: u32) -> Option<SwIfIndex> {
        self.subs.get(&(parent, id)).copied()
    }

    pub(crate) fn set_record(&mut self, index: SwIfIndex, record: Record) {
        if let Device::Sub(sub) = &record.device {
            self.subs.insert((sub.parent, sub.id), index);
        }
        let at = index.0 as usize;
        if self.records.len() <= at {
            self.records.resize_with(at + 1, || None);
        }
        if let Some(slot) = self.records.get_mut(at) {
            *slot = Some(record);
        }
    }

    /// The port of an interface: itself, or the parent of a sub-interface.
    pub(crate) fn port_of(&self, index: SwIfIndex) -> Option<SwIfIndex> {
        match self.tables.interface(index)?.kind {
            InterfaceKind::Port(_) => Some(index),
            InterfaceKind::Sub { parent, .. } => Some(parent),
        }
    }

    /// Removes an interface and its sub-interfaces, takes its port from the workers and drops it.
    pub(crate) fn delete_interface(&mut self, index: SwIfIndex) {
        let Ok(gone) = self.tables.delete_interface(index) else {
            return;
        };
        self.scan_is_due = true;
        self.publish_now();
        self.workers.detach(&gone);
        for &interface in &gone {
            self.baselines.forget(interface);
            let record = self
                .records
                .get_mut(interface.0 as usize)
                .and_then(Option::take);
            if let Some(Record {
                device: Device::Sub(sub),
                ..
            }) = record
            {
                self.subs.remove(&(sub.parent, sub.id));
            }
            self.events.push(interface, EventKind::Deleted);
        }
    }

    /// Whether clients may know of an interface.
    pub(crate) fn is_visible(&self, index: SwIfIndex) -> bool {
        let device = self.record(index).map(|record| &record.device);
        device.is_some_and(|device| !matches!(device, Device::VxlanGpe(None)))
    }

    /// Takes in what the workers learned of neighbours.
    pub(crate) fn learn_neighbours(&mut self) {
        if self.tables.learn_neighbours(self.started.elapsed()) {
            self.touch();
        }
    }

    /// The tables were changed.
    pub(crate) fn touch(&mut self) {
        self.is_dirty = true;
    }

    /// Makes all changes effective.
    pub(crate) fn publish(&mut self) {
        if self.is_dirty {
            self.publish_now();
        }
    }

    fn publish_now(&mut self) {
        self.tables.publish();
        self.is_dirty = false;
    }

    /// Sets the link state of a port and tells it.
    pub(crate) fn set_link_up(&mut self, port: SwIfIndex, up: bool) {
        let Some(interface) = self.tables.interface(port) else {
            return;
        };
        if interface.link_up == up {
            return;
        }
        if self.tables.set_link_up(port, up).is_ok() {
            self.touch();
            self.events.push(
                port,
                if up {
                    EventKind::LinkUp
                } else {
                    EventKind::LinkDown
                },
            );
        }
    }
}

/// A random address of the kind that VPP makes up: `02:fe` and four random bytes
/// (`ethernet_mac_address_generate`).
pub(crate) fn random_mac() -> [u8; 6] {
    use std::hash::{BuildHasher, Hasher};
    // The keys of a `RandomState` come from the system's random numbers.
    let random = std::collections::hash_map::RandomState::new()
        .build_hasher()
        .finish();
    let [a, b, c, d, ..] = random.to_ne_bytes();
    [2, 0xfe, a, b, c, d]
}
