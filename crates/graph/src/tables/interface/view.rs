//! What the nodes read of an interface.

use std::sync::Arc;

use weft_packet::SwIfIndex;
use weft_packet::header::MacAddr;

use super::{DeviceClass, L2Flags, L2Mode};
use crate::{
    counters::InterfaceCounters,
    feature::{Bitmap, InputFeature},
    node::NodeId,
    tables::{BdIndex, InterfaceAclView, InterfaceIp, Tables},
    tunnel::TunnelView,
    vlan::{RewritePair, VlanTable},
};

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
    pub(crate) acl: InterfaceAclView,
    /// Its addresses, if it has any.
    pub(crate) ip: Option<Arc<InterfaceIp>>,
    /// What it is as a tunnel.
    pub(crate) tunnel: Option<Arc<TunnelView>>,
    /// Where packets to it go, of a tunnel.
    pub(crate) output_node: NodeId,
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

impl L2Flags {
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
            Self::Tap => NodeId::TapInput,
            Self::AfPacket => NodeId::AfPacketInput,
            Self::VhostUser => NodeId::VhostUserInput,
            Self::PacketGenerator => NodeId::PgInput,
            Self::Local | Self::Loopback | Self::Vxlan | Self::VxlanGpe => NodeId::LoopbackInput,
        }
    }
}

impl Tables {
    /// Makes the nodes' view of an interface from its record.
    pub(in crate::tables) fn refresh(&mut self, index: SwIfIndex) {
        let Some(record) = self.records.get(index.0 as usize).and_then(Option::as_ref) else {
            return;
        };
        let view = self.interfaces.get_mut(index.0);
        view.acl = self.acl.view(index);
        let class = record.class();
        // Checked when it was set.
        let rewrite = RewritePair::new(record.rewrite, record.matched()).unwrap_or_default();
        let rewrites = !rewrite.input.is_empty() || !rewrite.output.is_empty();
        let vtr = if rewrites {
            InputFeature::Vtr.bit()
        } else {
            Bitmap::default()
        };
        let filters = view.acl.input_features();
        view.admin_up = record.admin_up;
        view.link_up = record.link_up;
        view.seq = record.seq;
        view.rewrites = rewrites;
        view.rewrite = rewrite;
        view.efp_filter = record.efp_filter;
        view.loopback = class == Some(DeviceClass::Loopback);
        view.was_l2 = record.was_l2;
        view.port = record.port(index);
        if view.tunnel.is_none() {
            view.output_node = NodeId::InterfaceOutput;
        }
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
                let features = record.flags.bitmap().with(vtr).with(filters);
                (ViewMode::Bridge, shg, bd_index, SwIfIndex::NONE, features)
            }
            L2Mode::Xconnect { tx } => {
                let features = InputFeature::Xconnect.bit().with(InputFeature::Drop.bit());
                let features = features.with(vtr).with(filters);
                (ViewMode::Xconnect, 0, BdIndex::NONE, tx, features)
            }
        };
    }
}
