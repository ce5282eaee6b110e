//! `src/plugins/tracedump/graph.api`: the packet graph. It needs the plugin `tracedump_plugin.so`.

use crate::message::messages;
use crate::types::{FixedString, List, wire_flags};

wire_flags! {
    /// Properties of a node (`enum node_flag`).
    NodeFlags: u32 {
        /// Its frames are not freed after it ran.
        FRAME_NO_FREE_AFTER_DISPATCH = 0x0001,
        /// It belongs to an interface's output.
        IS_OUTPUT = 0x0002,
        /// It drops.
        IS_DROP = 0x0004,
        /// It punts.
        IS_PUNT = 0x0008,
        /// It hands off to another thread.
        IS_HANDOFF = 0x0010,
        /// Tracing is on.
        TRACE = 0x0020,
        /// It changes from interrupt to polling mode.
        SWITCH_FROM_INTERRUPT_TO_POLLING_MODE = 0x0040,
        /// It changes from polling to interrupt mode.
        SWITCH_FROM_POLLING_TO_INTERRUPT_MODE = 0x0080,
        /// It can be traced.
        TRACE_SUPPORTED = 0x0100,
    }
}

messages! {
    /// Asks for nodes: by `index`, else by `name`, else by `flags`, else all.
    get GraphNodeGet("graph_node_get", 0x39c8_792e) -> GraphNodeGetReply, GraphNodeDetails {
        /// Where to start.
        cursor: u32,
        /// Index of the one node wanted, or `u32::MAX`.
        index: u32,
        /// Name of the one node wanted, or empty.
        name: FixedString<64>,
        /// Only nodes with these properties.
        flags: NodeFlags,
        /// Whether `arcs_out` is wanted.
        want_arcs: bool,
    }

    /// Ends a portion of the nodes.
    reply GraphNodeGetReply("graph_node_get_reply", 0x53b4_8f5d) {
        /// Where the next portion starts.
        cursor: u32,
    }

    /// One node.
    details GraphNodeDetails("graph_node_details", 0xac76_2018) {
        /// Index of the node.
        index: u32,
        /// Name of the node.
        name: FixedString<64>,
        /// Properties of the node.
        flags: NodeFlags,
        /// Indices of the nodes to which it sends.
        arcs_out: List<u32>,
    }
}
