//! `graph.api`: the nodes of the packet graph (VPP `src/plugins/tracedump/graph_api.c`).

use weft_graph::NodeId;
use weft_vpp_wire::messages::graph::{
    GraphNodeDetails, GraphNodeGet, GraphNodeGetReply, NodeFlags,
};
use weft_vpp_wire::{FixedString, Retval};

use super::{Answer, Api, ServeGet};
use crate::control::{Control, cut_to_field};

pub(super) fn register(api: &mut Api) {
    api.get::<GraphNodeGet>();
}

impl ServeGet for GraphNodeGet {
    /// By index, else by name, else by flags, else all, sorted by name. Arcs are not told: packets
    /// find their next node without a table of them.
    fn serve(self, _: &Control) -> (Vec<GraphNodeDetails>, Answer<GraphNodeGetReply>) {
        let all = || {
            NodeId::ALL
                .iter()
                .zip(0..)
                .map(|(node, index)| details(*node, index))
        };
        let end = GraphNodeGetReply { cursor: u32::MAX };
        let mut found: Vec<_> = if self.index != u32::MAX {
            all().filter(|node| node.index == self.index).collect()
        } else if !self.name.is_empty() {
            all().filter(|node| node.name == self.name).collect()
        } else {
            let wanted = self.flags.0;
            all()
                .filter(|node| wanted == 0 || node.flags.0 & wanted != 0)
                .collect()
        };
        found.sort_by_key(|node| node.name.to_string());
        let is_single = self.index != u32::MAX || self.name != FixedString::EMPTY;
        if is_single && found.is_empty() {
            return (found, Answer::refused(Retval::NO_SUCH_ENTRY, end));
        }
        (found, Answer::ok(end))
    }
}

fn details(node: NodeId, index: u32) -> GraphNodeDetails {
    let flags = match node {
        NodeId::ErrorDrop => NodeFlags::IS_DROP | NodeFlags::TRACE_SUPPORTED,
        NodeId::InterfaceOutput => NodeFlags::IS_OUTPUT | NodeFlags::TRACE_SUPPORTED,
        _ => NodeFlags::TRACE_SUPPORTED,
    };
    let name = cut_to_field(node.name().as_bytes());
    GraphNodeDetails {
        index,
        name,
        flags,
        ..GraphNodeDetails::default()
    }
}
