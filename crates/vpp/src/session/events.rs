//! VPP's events into notices.
//!
//! An event of VPP is a hint, not news. Its flags are not the state of the interface, but tell which
//! of them rose since the last event (`link_state_process` in `src/vnet/interface_api.c`); and "is
//! gone" may be said of a number that already is another interface's. So every event makes us read
//! the interface again, many of them together.

use std::collections::BTreeMap;

use weft_plan::{InterfaceKey, Notice};
use weft_vpp_wire::SwIfIndex;
use weft_vpp_wire::messages::interface::{
    IfStatusFlags, SwInterfaceDetails, SwInterfaceDump, SwInterfaceEvent,
};

use super::Session;
use super::handles::Change;
use super::mark::InterfaceMark;
use crate::error::CallError;

/// From so many interfaces on, one dump of all is cheaper than one for each.
const ALL: usize = 32;

impl Session {
    /// What the events mean for what is ours. Collect what has come before asking: ten events of one
    /// interface cost as much as one.
    pub async fn notices(&mut self, events: &[SwInterfaceEvent]) -> Result<Vec<Notice>, CallError> {
        let ours: BTreeMap<SwIfIndex, InterfaceKey> = events
            .iter()
            .filter_map(|event| {
                let key = self.handles.key(event.sw_if_index)?;
                Some((event.sw_if_index, key.clone()))
            })
            .collect();
        if ours.is_empty() {
            return Ok(Vec::new());
        }
        let interfaces = self.read(&ours).await?;
        // Borrowed: each of them has several hundred bytes.
        let found: BTreeMap<SwIfIndex, &SwInterfaceDetails> = interfaces
            .iter()
            .filter(|details| ours.contains_key(&details.sw_if_index))
            .map(|details| (details.sw_if_index, details))
            .collect();
        let mut notices = Vec::with_capacity(ours.len());
        for (sw_if_index, interface) in ours {
            let details = found.get(&sw_if_index).filter(|details| {
                let mark = details.tag.to_str().parse::<InterfaceMark>();
                mark.is_ok_and(|mark| mark.key() == interface)
            });
            let notice = if let Some(details) = details {
                Notice::State {
                    admin_up: details.flags.contains(IfStatusFlags::ADMIN_UP),
                    link_up: details.flags.contains(IfStatusFlags::LINK_UP),
                    interface,
                }
            } else {
                self.handles.apply(Change::NoInterface(interface.clone()));
                Notice::Deleted(interface)
            };
            notices.push(notice);
        }
        Ok(notices)
    }

    async fn read(
        &self,
        interfaces: &BTreeMap<SwIfIndex, InterfaceKey>,
    ) -> Result<Vec<SwInterfaceDetails>, CallError> {
        if interfaces.len() >= ALL {
            return self.connection.dump(SwInterfaceDump::default()).await;
        }
        let dumps = interfaces.keys().map(|sw_if_index| {
            self.connection.dump(SwInterfaceDump {
                sw_if_index: *sw_if_index,
                ..SwInterfaceDump::default()
            })
        });
        let found = futures::future::try_join_all(dumps).await?;
        Ok(found.into_iter().flatten().collect())
    }
}
