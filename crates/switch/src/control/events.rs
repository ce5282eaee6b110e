//! What happened to interfaces since clients were last told (`want_interface_events`).
//!
//! VPP collects what one message does to an interface into one event, and so do we. The flags of an
//! event are not the interface's state but what came up by that message
//! (`send_sw_interface_event`, VPP `src/vnet/interface_api.c`).

use weft_packet::SwIfIndex;
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceEvent};

/// One thing that happens to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EventKind {
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// Its administrative state is up.
    AdminUp,
    /// Its administrative state is down.
    AdminDown,
    /// Its link is up.
    LinkUp,
    /// Its link is down.
    LinkDown,
}

/// All that one message did to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InterfaceEvent {
    /// The interface.
    pub(crate) sw_if_index: SwIfIndex,
    flags: IfStatusFlags,
    deleted: bool,
}

/// Events in the order of interfaces' first mention.
#[derive(Debug, Default)]
pub(crate) struct Events(Vec<InterfaceEvent>);

impl Events {
    /// Notes that something happened.
    pub(crate) fn push(&mut self, sw_if_index: SwIfIndex, kind: EventKind) {
        let at = self
            .0
            .iter()
            .position(|event| event.sw_if_index == sw_if_index);
        let at = at.unwrap_or_else(|| {
            let (flags, deleted) = (IfStatusFlags::default(), false);
            self.0.push(InterfaceEvent {
                sw_if_index,
                flags,
                deleted,
            });
            self.0.len() - 1
        });
        let Some(event) = self.0.get_mut(at) else {
            return;
        };
        match kind {
            EventKind::AdminUp => event.flags = event.flags | IfStatusFlags::ADMIN_UP,
            EventKind::LinkUp => event.flags = event.flags | IfStatusFlags::LINK_UP,
            EventKind::Deleted => event.deleted = true,
            EventKind::Added | EventKind::AdminDown | EventKind::LinkDown => {}
        }
    }

    /// Takes all events, by interface.
    pub(crate) fn take(&mut self) -> Vec<InterfaceEvent> {
        let mut events = std::mem::take(&mut self.0);
        events.sort_by_key(|event| event.sw_if_index);
        events
    }
}

impl InterfaceEvent {
    /// As the API tells it.
    pub(crate) fn to_wire(self) -> SwInterfaceEvent {
        SwInterfaceEvent {
            sw_if_index: weft_vpp_wire::SwIfIndex(self.sw_if_index.0),
            flags: self.flags,
            deleted: self.deleted,
        }
    }
}
