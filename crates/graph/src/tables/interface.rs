//! Interfaces: ports, sub-interfaces, their states and layer-2 modes.

use std::sync::Arc;

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{BdId, BdIndex, FloodMember, TableError, Tables};
use crate::{
    counters::InterfaceCounters,
    feature::{Bitmap, InputFeature},
    node::NodeId,
    vlan::{RewritePair, SubInterfaceMatch, TagRewrite, VlanTable},
};

/// What drives a port: decides the name of its input node and how packets leave it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum DeviceClass {
    /// VPP's `local0`: carries nothing.
    Local,
    /// A loopback: what is sent to it comes back as received from it; never flooded to.
    #[default]
    Loopback,
    /// A TAP (`virtio-input`).
    Tap,
    /// An AF_PACKET socket on a host interface (`af-packet-input`).
    AfPacket,
    /// The packet generator (`pg-input`).
    PacketGenerator,
}

/// Port or sub-interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InterfaceKind {
    /// A hardware interface in VPP's sense.
    Port(DeviceClass),
    /// Some of the tagged frames of a port.
    Sub {
        /// The port.
        parent: SwIfIndex,
        /// Which frames.
        matched: SubInterfaceMatch,
    },
}

/// Role of a bridge domain's member (`L2_API_PORT_TYPE_*`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PortType {
    /// A member like others.
    #[default]
    Normal,
    /// Bridged virtual interface: the bridge domain's own. Kept and dumped; nothing is routed.
    Bvi,
    /// Unknown unicast goes there. Kept and dumped; the member is not flooded to.
    UnknownUnicastForward,
}

/// What becomes of a received packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum L2Mode {
    /// Layer 3: nothing is routed here, so packets are dropped with VPP's counters.
    #[default]
    L3,
    /// Member of a bridge domain.
    Bridge {
        /// The bridge domain.
        bd: BdId,
        /// Its index.
        bd_index: BdIndex,
        /// Split-horizon group: members of one group other than 0 do not hear each other.
        shg: u8,
        /// Role.
        port_type: PortType,
    },
    /// All packets go to another interface.
    Xconnect {
        /// That interface.
        tx: SwIfIndex,
    },
}

/// Features that may be switched off on one member (`l2_flags` of VPP's API); all start on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct L2Flags {
    /// Learn source addresses.
    pub learn: bool,
    /// Forward by destination address.
    pub forward: bool,
    /// Flood broadcast and multicast.
    pub flood: bool,
    /// Flood unknown unicast.
    pub uu_flood: bool,
    /// ARP termination.
    pub arp_term: bool,
}

/// An interface as configured.
#[derive(Clone, Debug)]
pub struct Interface {
    /// Name as VPP shows it, `tap0` or `host-eth0.100`.
    pub name: String,
    /// Port or sub-interface.
    pub kind: InterfaceKind,
    /// The port's address; a sub-interface has its port's.
    pub mac: MacAddr,
    /// Layer-3 MTU, bytes. Not looked at in layer 2, as in VPP.
    pub mtu: u32,
    /// Administratively up.
    pub admin_up: bool,
    /// The port has a link. A sub-interface shows its port's.
    pub link_up: bool,
    /// What becomes of received packets.
    pub mode: L2Mode,
    /// Features of a bridged interface.
    pub flags: L2Flags,
    /// Tag rewrite on input.
    pub rewrite: TagRewrite,
    /// Whether packets sent must look like packets received (VPP's `l2_interface_efp_filter`).
    pub efp_filter: bool,
    /// How many sub-interfaces the port has.
    pub subs: usize,
    /// Bumped to flush what was learned.
    pub(super) seq: u8,
    pub(super) was_l2: bool,
    pub(super) counters: Arc<InterfaceCounters>,
}

/// What the nodes read of an interface.
#[derive(Clone, Debug, Default)]
pub(crate) struct InterfaceView {
    pub(crate) mode: ViewMode,
    pub(crate) admin_up: bool,
    pub(crate) link_up: bool,
    pub(crate) shg: u8,
    pub(crate) seq: u8,
    pub(crate) rewrites: bool,
    pub(crate) efp_filter: bool,
    pub(crate) loopback: bool,
    /// Left layer 2, or never was in it, which VPP counts differently.
    pub(crate) was_l2: bool,
    pub(crate) bd_index: BdIndex,
    pub(crate) tx: SwIfIndex,
    /// The port; itself for a port.
    pub(crate) port: SwIfIndex,
    pub(crate) features: Bitmap,
    pub(crate) mac: MacAddr,
    pub(crate) rewrite: RewritePair,
    pub(crate) input_node: NodeId,
    pub(crate) counters: Option<Arc<InterfaceCounters>>,
    pub(crate) vlans: Option<Arc<VlanTable>>,
    /// Sub-interfaces in layer-2 mode, and the port itself: with any, the port is promiscuous.
    pub(crate) l2_count: u32,
}

/// Mode of an interface, as the nodes read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ViewMode {
    /// There is no such interface.
    #[default]
    Deleted,
    L3,
    Bridge,
    Xconnect,
}

// ===== impl L2Mode, L2Flags, DeviceClass =====

impl L2Mode {
    /// Whether the interface is in layer-2 mode.
    pub const fn is_l2(self) -> bool {
        !matches!(self, Self::L3)
    }
}

impl L2Flags {
    /// What a new member has.
    pub const ALL: Self = Self {
        learn: true,
        forward: true,
        flood: true,
        uu_flood: true,
        arp_term: true,
    };

    fn bitmap(self) -> Bitmap {
        [
            (self.learn, InputFeature::Learn),
            (self.forward, InputFeature::Forward),
            (self.flood, InputFeature::Flood),
            (self.uu_flood, InputFeature::UnknownUnicastFlood),
            (self.arp_term, InputFeature::ArpTerm),
        ]
        .into_iter()
        .filter(|(on, _)| *on)
        .fold(InputFeature::Drop.bit(), |map, (_, feature)| {
            map.with(feature.bit())
        })
    }
}

impl DeviceClass {
    /// The input node in traces and `show runtime`.
    const fn input_node(self) -> NodeId {
        match self {
            Self::Tap => NodeId::VirtioInput,
            Self::AfPacket => NodeId::AfPacketInput,
            Self::PacketGenerator => NodeId::PgInput,
            Self::Local | Self::Loopback => NodeId::LoopbackInput,
        }
    }
}

// ===== impl Interface =====

impl Interface {
    /// The device class of a port; `None` for a sub-interface.
    pub const fn class(&self) -> Option<DeviceClass> {
        match self.kind {
            InterfaceKind::Port(class) => Some(class),
            InterfaceKind::Sub { .. } => None,
        }
    }

    /// The match of a sub-interface; `None` for a port.
    pub const fn matched(&self) -> Option<SubInterfaceMatch> {
        match self.kind {
            InterfaceKind::Port(_) => None,
            InterfaceKind::Sub { matched, .. } => Some(matched),
        }
    }

    /// The port of a sub-interface, or `own` for a port.
    pub const fn port(&self, own: SwIfIndex) -> SwIfIndex {
        match self.kind {
            InterfaceKind::Port(_) => own,
            InterfaceKind::Sub { parent, .. } => parent,
        }
    }
}

// ===== impl Tables: interfaces =====

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

    /// Sets the administrative state. Going down flushes what a bridged interface learned.
    pub fn set_admin_up(&mut self, index: SwIfIndex, up: bool) -> Result<(), TableError> {
        let interface = self.change(index)?;
        interface.admin_up = up;
        if !up && matches!(interface.mode, L2Mode::Bridge { .. }) {
            interface.seq = interface.seq.wrapping_add(1);
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

    /// Sets the layer-3 MTU, bytes.
    pub fn set_mtu(&mut self, index: SwIfIndex, mtu: u32) -> Result<(), TableError> {
        self.change(index)?.mtu = mtu;
        Ok(())
    }

    /// Sets a port's MAC address.
    pub fn set_mac(&mut self, index: SwIfIndex, mac: MacAddr) -> Result<(), TableError> {
        self.change(index)?.mac = mac;
        self.refresh(index);
        Ok(())
    }

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

    fn change(&mut self, index: SwIfIndex) -> Result<&mut Interface, TableError> {
        self.record_mut(index).ok_or(TableError::NoInterface(index))
    }

    fn record_mut(&mut self, index: SwIfIndex) -> Option<&mut Interface> {
        self.records.get_mut(index.0 as usize)?.as_mut()
    }

    fn vlans(&self, port: SwIfIndex) -> VlanTable {
        self.interfaces
            .get(port.0)
            .vlans
            .as_deref()
            .cloned()
            .unwrap_or_default()
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

    /// Makes the nodes' view of an interface from its record.
    fn refresh(&mut self, index: SwIfIndex) {
        let Some(record) = self.records.get(index.0 as usize).and_then(Option::as_ref) else {
            return;
        };
        let view = self.interfaces.get_mut(index.0);
        let class = record.class();
        // Checked when it was set.
        let rewrite = RewritePair::new(record.rewrite, record.matched()).unwrap_or_default();
        let rewrites = !rewrite.input.is_empty() || !rewrite.output.is_empty();
        let vtr = if rewrites {
            InputFeature::Vtr.bit()
        } else {
            Bitmap::default()
        };
        view.admin_up = record.admin_up;
        view.link_up = record.link_up;
        view.seq = record.seq;
        view.rewrites = rewrites;
        view.rewrite = rewrite;
        view.efp_filter = record.efp_filter;
        view.loopback = class == Some(DeviceClass::Loopback);
        view.was_l2 = record.was_l2;
        view.port = record.port(index);
        view.mac = record.mac;
        view.input_node = class.unwrap_or_default().input_node();
        view.counters = Some(Arc::clone(&record.counters));
        (view.mode, view.shg, view.bd_index, view.tx, view.features) = match record.mode {
            L2Mode::L3 => (
                ViewMode::L3,
                0,
                BdIndex::NONE,
                SwIfIndex::NONE,
                InputFeature::Drop.bit(),
            ),
            L2Mode::Bridge { bd_index, shg, .. } => {
                let features = record.flags.bitmap().with(vtr);
                (ViewMode::Bridge, shg, bd_index, SwIfIndex::NONE, features)
            }
            L2Mode::Xconnect { tx } => {
                let features = InputFeature::Xconnect.bit().with(InputFeature::Drop.bit());
                (ViewMode::Xconnect, 0, BdIndex::NONE, tx, features.with(vtr))
            }
        };
    }
}

impl Interface {
    fn new(name: &str, kind: InterfaceKind, mac: MacAddr, mtu: u32, workers: usize) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            mac,
            mtu,
            admin_up: false,
            link_up: false,
            mode: L2Mode::L3,
            flags: L2Flags::ALL,
            rewrite: TagRewrite::Disabled,
            efp_filter: false,
            subs: 0,
            seq: 0,
            was_l2: false,
            counters: Arc::new(InterfaceCounters::new(workers)),
        }
    }
}
