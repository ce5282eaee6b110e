//! Settings of one interface.

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{Interface, InterfaceKind, L2Flags, L2Mode, PortType};
use crate::{
    fib::{Key, Value},
    tables::{MacTarget, TableError, Tables},
    vlan::{RewritePair, TagRewrite},
};

impl Tables {
    /// Sets the administrative state. Going down flushes what a bridged interface learned.
    pub fn set_admin_up(&mut self, index: SwIfIndex, up: bool) -> Result<(), TableError> {
        let interface = self.change(index)?;
        interface.admin_up = up;
        if !up && matches!(interface.mode, L2Mode::Bridge { .. }) {
            interface.seq = interface.seq.wrapping_add(1);
        }
        if !up {
            self.flush_neighbours(index);
        }
        self.refresh(index);
        Ok(())
    }

    /// Sets the link state of a port and shows it on its sub-interfaces.
    pub fn set_link_up(&mut self, port: SwIfIndex, up: bool) -> Result<(), TableError> {
        let interface = self.change(port)?;
        interface.link_up = up;
        if interface.subs > 0 {
            for record in self.records.iter_mut().flatten() {
                if matches!(record.kind, InterfaceKind::Sub { parent, .. } if parent == port) {
                    record.link_up = up;
                }
            }
        }
        self.refresh(port);
        Ok(())
    }

    /// Sets the layer-3 MTU, and that of IPv4 and of IPv6, for which 0 means the former; bytes.
    pub fn set_mtu(
        &mut self,
        index: SwIfIndex,
        mtu: u32,
        ip_mtu: [u32; 2],
    ) -> Result<(), TableError> {
        let interface = self.change(index)?;
        (interface.mtu, interface.ip_mtu) = (mtu, ip_mtu);
        self.ip.touch();
        Ok(())
    }

    /// Gives an interface another name.
    pub fn rename(&mut self, index: SwIfIndex, name: &str) {
        if let Some(record) = self.record_mut(index) {
            record.name = name.into();
        }
    }

    /// Sets a port's MAC address, and that of its sub-interfaces. A BVI's entry in the FIB follows.
    pub fn set_mac(&mut self, index: SwIfIndex, mac: MacAddr) -> Result<(), TableError> {
        let interface = self.change(index)?;
        let (old, mode) = (interface.mac, interface.mode);
        interface.mac = mac;
        for record in self.records.iter_mut().flatten() {
            if matches!(record.kind, InterfaceKind::Sub { parent, .. } if parent == index) {
                record.mac = mac;
            }
        }
        if let L2Mode::Bridge {
            bd_index,
            port_type: PortType::Bvi,
            ..
        } = mode
        {
            self.fib.set(Key::new(old, bd_index.0), Value::ABSENT);
            self.fib
                .set(Key::new(mac, bd_index.0), MacTarget::Bvi(index).value());
        }
        self.refresh(index);
        let ports = self.interfaces();
        let own = ports.filter(|(other, record)| record.port(*other) == index);
        let own: Vec<_> = own.map(|(other, _)| other).collect();
        for other in own {
            self.addresses_changed(other);
        }
        Ok(())
    }

    /// Switches features of a bridged interface.
    pub fn set_l2_flags(&mut self, index: SwIfIndex, flags: L2Flags) -> Result<(), TableError> {
        self.change(index)?.flags = flags;
        self.refresh(index);
        Ok(())
    }

    /// Sets the tag rewrite of an interface, on input and the opposite on output.
    pub fn set_tag_rewrite(
        &mut self,
        index: SwIfIndex,
        rewrite: TagRewrite,
    ) -> Result<(), TableError> {
        let interface = self.change(index)?;
        RewritePair::new(rewrite, interface.matched()).map_err(|source| {
            TableError::TagRewrite {
                interface: index,
                source,
            }
        })?;
        interface.rewrite = rewrite;
        self.refresh(index);
        Ok(())
    }

    /// Switches the EFP filter of an interface.
    pub fn set_efp_filter(&mut self, index: SwIfIndex, on: bool) -> Result<(), TableError> {
        self.change(index)?.efp_filter = on;
        self.refresh(index);
        Ok(())
    }

    /// Forgets what was learned on an interface (`l2fib_flush_int`): it is not used any more at
    /// once, and removed by the next [scan](Tables::age_scan).
    pub fn flush_interface(&mut self, index: SwIfIndex) -> Result<(), TableError> {
        let interface = self.change(index)?;
        interface.seq = interface.seq.wrapping_add(1);
        self.refresh(index);
        Ok(())
    }

    pub(super) fn change(&mut self, index: SwIfIndex) -> Result<&mut Interface, TableError> {
        self.record_mut(index).ok_or(TableError::NoInterface(index))
    }

    pub(super) fn record_mut(&mut self, index: SwIfIndex) -> Option<&mut Interface> {
        self.records.get_mut(index.0 as usize)?.as_mut()
    }
}
