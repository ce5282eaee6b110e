//! MACIP lists.

use std::sync::Arc;

use weft_packet::SwIfIndex;

use super::{AclError, MacIpView, swap_out};
use crate::{
    acl::{MacIpRule, macip::MacIpFilter},
    tables::Tables,
};

/// A MACIP list's place in the tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct MacIpIndex(pub u32);

/// A MACIP list.
#[derive(Clone, Debug)]
pub struct MacIpAcl {
    /// What its owner wrote on it.
    pub tag: Vec<u8>,
    /// Its rules.
    pub rules: Vec<MacIpRule>,
    /// Interfaces that have it, in VPP's order.
    pub applied: Vec<SwIfIndex>,
}

impl Tables {
    /// Adds a list, or replaces one.
    pub fn set_macip(
        &mut self,
        index: Option<MacIpIndex>,
        tag: &[u8],
        rules: Vec<MacIpRule>,
    ) -> Result<MacIpIndex, AclError> {
        let filter = MacIpFilter::new(&rules);
        let mut applied = Vec::new();
        let index = if let Some(MacIpIndex(index)) = index {
            let macip = self.acl.macips.get_mut(index);
            let macip = macip.ok_or(AclError::NoSuchAcl(index))?;
            macip.rules = rules;
            tag.clone_into(&mut macip.tag);
            applied.clone_from(&macip.applied);
            index
        } else {
            self.acl.macips.insert(MacIpAcl {
                tag: tag.to_vec(),
                rules,
                applied: Vec::new(),
            })
        };
        let view: MacIpView = filter.map(Arc::new);
        *self.macip_views.get_mut(index) = view;
        // An empty list filters nothing, which is the interfaces' business.
        for interface in applied {
            self.refresh(interface);
        }
        Ok(MacIpIndex(index))
    }

    /// Removes a list, from its interfaces too.
    pub fn delete_macip(&mut self, MacIpIndex(index): MacIpIndex) -> Result<(), AclError> {
        let macip = self.acl.macips.remove(index);
        let macip = macip.ok_or(AclError::NoSuchAcl(index))?;
        *self.macip_views.get_mut(index) = None;
        for interface in macip.applied {
            self.acl.of_mut(interface).macip = None;
            self.refresh(interface);
        }
        Ok(())
    }

    /// A list.
    pub fn macip(&self, MacIpIndex(index): MacIpIndex) -> Option<&MacIpAcl> {
        self.acl.macips.get(index)
    }

    /// All lists by index.
    pub fn macips(&self) -> impl Iterator<Item = (MacIpIndex, &MacIpAcl)> {
        let all = self.acl.macips.iter();
        all.map(|(index, macip)| (MacIpIndex(index), macip))
    }

    /// One more than the greatest index of an interface that ever had a list: the length of VPP's
    /// vector, which its dumps show.
    pub fn macip_interfaces(&self) -> usize {
        self.acl.macip_interfaces
    }

    /// Gives an interface its list, in place of another, or takes it.
    pub fn set_interface_macip(
        &mut self,
        interface: SwIfIndex,
        list: Option<MacIpIndex>,
    ) -> Result<(), AclError> {
        self.interface(interface)
            .ok_or(AclError::NoInterface(interface))?;
        if let Some(MacIpIndex(index)) = list {
            self.acl
                .macips
                .get(index)
                .ok_or(AclError::NoSuchAcl(index))?;
        }
        let old = std::mem::replace(&mut self.acl.of_mut(interface).macip, list);
        if let Some(macip) = old.and_then(|MacIpIndex(index)| self.acl.macips.get_mut(index)) {
            swap_out(&mut macip.applied, interface);
        } else if list.is_none() {
            return Err(AclError::NoMacIp(interface));
        }
        if let Some(macip) = list.and_then(|MacIpIndex(index)| self.acl.macips.get_mut(index)) {
            macip.applied.push(interface);
            let count = interface.0 as usize + 1;
            self.acl.macip_interfaces = self.acl.macip_interfaces.max(count);
        }
        self.refresh(interface);
        Ok(())
    }
}
