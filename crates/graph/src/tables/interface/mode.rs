//! Layer 2 or 3: bridge domain, cross-connect, routing (`set_int_l2_mode` of VPP).

use weft_packet::SwIfIndex;

use super::{DeviceClass, L2Flags, L2Mode, PortType};
use crate::{
    tables::{BdId, FloodMember, TableError, Tables},
    vlan::TagRewrite,
};

impl Tables {
    /// Puts an interface into a bridge domain, out of whatever it was in.
    ///
    /// It begins with all features on ([`L2Flags::ALL`]; a BVI does not learn); a tag rewrite stays
    /// if it was in layer 2 before (VPP `set_int_l2_mode`).
    pub fn set_l2_bridge(
        &mut self,
        index: SwIfIndex,
        bd: BdId,
        port_type: PortType,
        shg: u8,
    ) -> Result<(), TableError> {
        self.interface(index)
            .ok_or(TableError::NoInterface(index))?;
        let bd_index = self.bd_index(bd).ok_or(TableError::NoBridgeDomain(bd))?;
        self.leave_l2(index)?;
        let is_bvi = port_type == PortType::Bvi;
        if is_bvi
            && self
                .domain_mut(bd_index)
                .is_some_and(|domain| domain.bvi.is_some())
        {
            return Err(TableError::BviExists(bd));
        }
        let interface = self.change(index)?;
        interface.mode = L2Mode::Bridge {
            bd,
            bd_index,
            shg,
            port_type,
        };
        interface.flags = L2Flags {
            learn: !is_bvi,
            ..L2Flags::ALL
        };
        interface.was_l2 = true;
        interface.seq = interface.seq.wrapping_add(1);
        let floods =
            port_type == PortType::Normal && interface.class() != Some(DeviceClass::Loopback);
        self.add_member(
            bd_index,
            FloodMember {
                sw_if_index: index,
                shg,
                port_type,
                floods,
            },
        );
        self.entered_l2(index);
        Ok(())
    }

    /// Sends all that an interface receives to `tx`.
    pub fn set_l2_xconnect(&mut self, index: SwIfIndex, tx: SwIfIndex) -> Result<(), TableError> {
        self.interface(index)
            .ok_or(TableError::NoInterface(index))?;
        self.interface(tx).ok_or(TableError::NoInterface(tx))?;
        self.leave_l2(index)?;
        let interface = self.change(index)?;
        interface.mode = L2Mode::Xconnect { tx };
        interface.was_l2 = true;
        self.entered_l2(index);
        Ok(())
    }

    /// Puts an interface back into layer-3 mode, without rewrite and filter.
    pub fn set_l3(&mut self, index: SwIfIndex) -> Result<(), TableError> {
        self.leave_l2(index)?;
        let interface = self.change(index)?;
        interface.mode = L2Mode::L3;
        interface.flags = L2Flags::ALL;
        interface.rewrite = TagRewrite::Disabled;
        interface.efp_filter = false;
        self.refresh(index);
        Ok(())
    }

    /// Takes an interface out of its bridge domain or cross-connect; the mode is the caller's.
    fn leave_l2(&mut self, index: SwIfIndex) -> Result<(), TableError> {
        let interface = self.change(index)?;
        let mode = interface.mode;
        if !mode.is_l2() {
            return Ok(());
        }
        let mac = interface.mac;
        let port = interface.port(index);
        if let L2Mode::Bridge { bd_index, .. } = mode {
            interface.seq = interface.seq.wrapping_add(1);
            self.remove_member(bd_index, index, mac);
        }
        let view = self.interfaces.get_mut(port.0);
        view.l2_count = view.l2_count.saturating_sub(1);
        Ok(())
    }

    fn entered_l2(&mut self, index: SwIfIndex) {
        let Some(port) = self.interface(index).map(|own| own.port(index)) else {
            return;
        };
        self.interfaces.get_mut(port.0).l2_count += 1;
        self.refresh(index);
    }
}
