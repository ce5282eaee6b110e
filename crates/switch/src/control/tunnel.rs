//! VXLAN and VXLAN-GPE tunnels and their interfaces.
//!
//! The two differ as in VPP: the interface of a VXLAN tunnel goes with it; that of a VXLAN-GPE tunnel is hidden
//! and given to the next one, with its index, its name and its tag (`vnet_vxlan_gpe_add_del_tunnel`).

use std::collections::HashSet;

use weft_graph::{Encapsulation, TableError, Tunnel};
use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::record::DEFAULT_MTU;
use super::{Control, Device, EventKind, Pool, Record, random_mac};

/// Which numbers tunnels have.
#[derive(Debug, Default)]
pub(crate) struct Tunnels {
    /// In the order of their dump.
    pub(crate) vxlan: Pool<SwIfIndex>,
    /// The N of each `vxlan_tunnelN`.
    pub(crate) instances: HashSet<u32>,
    /// In the order of their dump.
    pub(crate) gpe: Pool<SwIfIndex>,
    /// Interfaces of VXLAN-GPE tunnels that went, the last of which is used first.
    hidden: Vec<SwIfIndex>,
}

impl Control {
    /// Adds a VXLAN tunnel whose number is free.
    pub(crate) fn add_vxlan(&mut self, tunnel: Tunnel) -> Result<SwIfIndex, TableError> {
        let name = format!("vxlan_tunnel{}", tunnel.instance);
        let mac = MacAddr(random_mac());
        let mtu = u32::from(DEFAULT_MTU);
        let index = self.tables.add_tunnel(&name, tunnel, mac, mtu)?;
        let place = self.tunnels.vxlan.insert(index);
        self.tunnels.instances.insert(tunnel.instance);
        self.set_record(index, Record::new(Device::Vxlan(place), mtu));
        self.tell_tunnel(index);
        Ok(index)
    }

    /// Adds a VXLAN-GPE tunnel.
    pub(crate) fn add_gpe(&mut self, tunnel: Tunnel) -> Result<SwIfIndex, TableError> {
        if self.tables.tunnel_like(&tunnel).is_some() {
            return Err(TableError::TunnelExists);
        }
        let place = self.tunnels.gpe.next();
        let instance = u32::try_from(place).unwrap_or(u32::MAX);
        let tunnel = Tunnel { instance, ..tunnel };
        let index = if let Some(index) = self.tunnels.hidden.last().copied() {
            self.tables.set_tunnel(index, tunnel)?;
            self.tunnels.hidden.pop();
            if let Some(record) = self.record_mut(index) {
                record.device = Device::VxlanGpe(Some(place));
            }
            index
        } else {
            let name = format!("vxlan_gpe_tunnel{place}");
            let index = self
                .tables
                .add_tunnel(&name, tunnel, MacAddr::default(), 0)?;
            let record = Record::new(Device::VxlanGpe(Some(place)), 0);
            self.set_record(index, record);
            index
        };
        self.tunnels.gpe.insert(index);
        self.tell_tunnel(index);
        Ok(index)
    }

    fn tell_tunnel(&mut self, index: SwIfIndex) {
        for kind in [EventKind::Added, EventKind::AdminUp, EventKind::LinkUp] {
            self.events.push(index, kind);
        }
        self.touch();
    }

    /// Removes a tunnel.
    pub(crate) fn delete_tunnel(&mut self, index: SwIfIndex) {
        let Some(&tunnel) = self.tables.tunnel(index) else {
            return;
        };
        let place = match self.record(index).map(|record| &record.device) {
            Some(Device::Vxlan(place) | Device::VxlanGpe(Some(place))) => *place,
            _ => return,
        };
        match tunnel.encapsulation {
            Encapsulation::Vxlan => {
                self.tunnels.vxlan.remove(place);
                self.tunnels.instances.remove(&tunnel.instance);
                self.delete_interface(index);
            }
            Encapsulation::VxlanGpe => {
                self.tunnels.gpe.remove(place);
                if let Err(error) = self.tables.clear_tunnel(index) {
                    tracing::error!(%error, "tunnel");
                }
                if let Some(record) = self.record_mut(index) {
                    record.device = Device::VxlanGpe(None);
                }
                self.tunnels.hidden.push(index);
                self.scan_is_due = true;
                self.events.push(index, EventKind::AdminDown);
                self.touch();
            }
        }
    }
}
