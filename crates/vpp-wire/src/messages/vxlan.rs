//! `src/plugins/vxlan/vxlan.api`: VXLAN tunnels (RFC 7348). It needs the plugin `vxlan_plugin.so`.

use crate::message::messages;
use crate::types::{Address, SwIfIndex};

messages! {
    /// Creates a tunnel, whose interface is up at once, or deletes one. What identifies a tunnel:
    /// `vni`, `src_address` (IPv4 only), `dst_address`, `src_port` and `encap_vrf_id`.
    request VxlanAddDelTunnelV3("vxlan_add_del_tunnel_v3", 0x0072_b037) -> VxlanAddDelTunnelV3Reply {
        /// Create, else delete.
        is_add: bool,
        /// The N in `vxlan_tunnelN`; `u32::MAX` to have one chosen.
        instance: u32,
        /// Source of the outer header.
        src_address: Address,
        /// Destination of the outer header.
        dst_address: Address,
        /// The UDP port on which the tunnel receives; what it sends comes from a port that stands for the flow.
        /// 0: 4789.
        src_port: u16,
        /// The UDP port to which the tunnel sends. 0: 4789.
        dst_port: u16,
        /// Interface through which a multicast destination is reached.
        mcast_sw_if_index: SwIfIndex,
        /// Routing table that leads to the destination.
        encap_vrf_id: u32,
        /// Graph node for decapsulated frames, as a next of the node that decapsulates; `u32::MAX`: bridging.
        decap_next_index: u32,
        /// Network identifier.
        vni: u32,
        /// IP packets without Ethernet header inside.
        is_l3: bool,
    }

    /// Answers [`VxlanAddDelTunnelV3`].
    reply VxlanAddDelTunnelV3Reply("vxlan_add_del_tunnel_v3_reply", 0x5383_d31f) {
        /// Its interface.
        sw_if_index: SwIfIndex,
    }

    /// Asks for one tunnel or for all.
    dump VxlanTunnelV2Dump("vxlan_tunnel_v2_dump", 0xf9e6_675e) -> VxlanTunnelV2Details {
        /// The interface of the one wanted, or [`SwIfIndex::NONE`].
        sw_if_index: SwIfIndex,
    }

    /// One tunnel.
    details VxlanTunnelV2Details("vxlan_tunnel_v2_details", 0xd3bd_d4d9) {
        /// Its interface.
        sw_if_index: SwIfIndex,
        /// The N in `vxlan_tunnelN`.
        instance: u32,
        /// Source of the outer header.
        src_address: Address,
        /// Destination of the outer header.
        dst_address: Address,
        /// The UDP port on which the tunnel receives.
        src_port: u16,
        /// The UDP port to which the tunnel sends.
        dst_port: u16,
        /// Interface through which a multicast destination is reached.
        mcast_sw_if_index: SwIfIndex,
        /// Routing table that leads to the destination.
        encap_vrf_id: u32,
        /// Graph node for decapsulated frames; 1 is bridging.
        decap_next_index: u32,
        /// Network identifier.
        vni: u32,
    }
}
