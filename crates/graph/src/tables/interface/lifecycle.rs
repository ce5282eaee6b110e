//! Interfaces come and go.

use std::sync::Arc;

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{DeviceClass, Interface, InterfaceKind, InterfaceView, L2Mode};
use crate::{
    tables::{TableError, Tables},
    vlan::{SubInterfaceMatch, VlanTable},
};

impl Tables {
    /// Adds a port, administratively down, without link, in layer-3 mode.
    pub fn add_port(
        &mut self,
        name: &str,
        class: DeviceClass,
        mac: MacAddr,
        mtu: u32,
    ) -> SwIfIndex {
        self.add(Interface::new(
            name,
            InterfaceKind::Port(class),
            mac,
            mtu,
            self.shared.workers(),
        ))
    }

    /// Adds a sub-interface, administratively down, in layer-3 mode.
    pub fn add_sub_interface(
        &mut self,
        parent: SwIfIndex,
        name: &str,
        matched: SubInterfaceMatch,
        mtu: u32,
    ) -> Result<SwIfIndex, TableError> {
        let port = self
            .interface(parent)
            .ok_or(TableError::NoInterface(parent))?;
        if port.class().is_none() {
            return Err(TableError::NotAPort(parent));
        }
        let (mac, link_up) = (port.mac, port.link_up);
        let mut table = self.vlans(parent);
        // The index that `add` will take.
        let next = self
            .free_indices
            .last()
            .copied()
            .unwrap_or(SwIfIndex(self.records.len() as u32));
        table
            .insert(matched, next)
            .map_err(|owner| TableError::VlanInUse {
                parent,
                matched,
                owner,
            })?;
        let kind = InterfaceKind::Sub { parent, matched };
        let mut sub = Interface::new(name, kind, mac, mtu, self.shared.workers());
        sub.link_up = link_up;
        let sub = self.add(sub);
        self.interfaces.get_mut(parent.0).vlans = Some(Arc::new(table));
        if let Some(port) = self.record_mut(parent) {
            port.subs += 1;
        }
        Ok(sub)
    }

    /// Removes an interface and, with a port, its sub-interfaces; returns all that went, the
    /// interface itself last. Their indices may be given to others from now on.
    ///
    /// What was cross-connected with it goes back to layer 3, as in VPP.
    pub fn delete_interface(&mut self, index: SwIfIndex) -> Result<Vec<SwIfIndex>, TableError> {
        let interface = self
            .interface(index)
            .ok_or(TableError::NoInterface(index))?;
        let mut gone = Vec::new();
        if interface.subs > 0 {
            let subs: Vec<_> = self
                .interfaces()
                .filter(|(_, other)| matches!(other.kind, InterfaceKind::Sub { parent, .. } if parent == index))
                .map(|(sub, _)| sub)
                .collect();
            for sub in subs {
                gone.extend(self.delete_interface(sub)?);
            }
        }
        self.forget_acls(index);
        self.forget_ip(index);
        self.forget_tunnel(index);
        if let Some(L2Mode::Xconnect { tx }) = self.interface(index).map(|own| own.mode) {
            let _ = self.set_l3(tx);
        }
        self.set_l3(index)?;
        let Some(interface) = self
            .records
            .get_mut(index.0 as usize)
            .and_then(Option::take)
        else {
            return Err(TableError::NoInterface(index));
        };
        if let InterfaceKind::Sub { parent, matched } = interface.kind {
            let mut table = self.vlans(parent);
            table.remove(matched);
            if let Some(port) = self.record_mut(parent) {
                port.subs -= 1;
                let left = port.subs;
                self.interfaces.get_mut(parent.0).vlans = (left > 0).then(|| Arc::new(table));
            }
        }
        let was_l2 = interface.was_l2;
        // The sequence number goes on, so that entries learned on the old interface are not taken
        // for the next one's.
        *self.interfaces.get_mut(index.0) = InterfaceView {
            seq: interface.seq.wrapping_add(1),
            was_l2,
            acl: self.acl.view(index),
            ..InterfaceView::default()
        };
        self.free_indices.push(index);
        gone.push(index);
        Ok(gone)
    }

    /// An interface as configured.
    pub fn interface(&self, index: SwIfIndex) -> Option<&Interface> {
        self.records.get(index.0 as usize)?.as_ref()
    }

    /// All interfaces by index.
    pub fn interfaces(&self) -> impl Iterator<Item = (SwIfIndex, &Interface)> {
        self.records
            .iter()
            .enumerate()
            .filter_map(|(index, record)| Some((SwIfIndex(index as u32), record.as_ref()?)))
    }

    fn add(&mut self, interface: Interface) -> SwIfIndex {
        let index = self
            .free_indices
            .pop()
            .unwrap_or(SwIfIndex(self.records.len() as u32));
        let at = index.0 as usize;
        let previous = self.interfaces.get(index.0).seq;
        if at == self.records.len() {
            self.records.push(None);
        }
        self.records[at] = Some(Interface {
            seq: previous,
            ..interface
        });
        self.refresh(index);
        index
    }

    fn vlans(&self, port: SwIfIndex) -> VlanTable {
        self.interfaces
            .get(port.0)
            .vlans
            .as_deref()
            .cloned()
            .unwrap_or_default()
    }
}
