//! `src/plugins/vxlan-gpe/vxlan_gpe.api`: VXLAN-GPE tunnels (draft-ietf-nvo3-vxlan-gpe). It needs the
//! plugin `vxlan-gpe_plugin.so`.

use crate::message::messages;
use crate::types::{Address, SwIfIndex, wire_enum};

wire_enum! {
    /// What a tunnel carries: the Next Protocol of its header (draft-ietf-nvo3-vxlan-gpe-12 §3.2). VPP's
    /// field is typed as IP protocol, but is written into the header as it is
    /// (`src/plugins/vxlan-gpe/vxlan_gpe_packet.h`).
    VxlanGpeProtocol: u8 {
        /// IPv4 packets.
        IP4 = 1,
        /// IPv6 packets.
        IP6 = 2,
        /// Ethernet frames.
        ETHERNET = 3,
        /// Network service headers.
        NSH = 4,
    }
}

messages! {
    /// Creates a tunnel, whose interface is up at once, or deletes one. What identifies a tunnel:
    /// `vni`, `local`, `remote` and `local_port`.
    request VxlanGpeAddDelTunnelV2("vxlan_gpe_add_del_tunnel_v2", 0xd62f_db35) -> VxlanGpeAddDelTunnelV2Reply {
        /// Source of the outer header.
        local: Address,
        /// Destination of the outer header.
        remote: Address,
        /// The UDP port on which the tunnel receives; what it sends comes from a port that stands for the flow.
        /// 0: 4790.
        local_port: u16,
        /// The UDP port to which the tunnel sends. 0: 4790.
        remote_port: u16,
        /// Interface through which a multicast destination is reached.
        mcast_sw_if_index: SwIfIndex,
        /// IPv4 routing table that leads to the destination.
        encap_vrf_id: u32,
        /// Routing table for decapsulated packets, if `protocol` is IPv4.
        decap_vrf_id: u32,
        /// What it carries.
        protocol: VxlanGpeProtocol,
        /// Network identifier.
        vni: u32,
        /// Create, else delete.
        is_add: bool,
    }

    /// Answers [`VxlanGpeAddDelTunnelV2`].
    reply VxlanGpeAddDelTunnelV2Reply("vxlan_gpe_add_del_tunnel_v2_reply", 0x5383_d31f) {
        /// Its interface.
        sw_if_index: SwIfIndex,
    }

    /// Asks for one tunnel or for all.
    dump VxlanGpeTunnelV2Dump("vxlan_gpe_tunnel_v2_dump", 0xf9e6_675e) -> VxlanGpeTunnelV2Details {
        /// The interface of the one wanted, or [`SwIfIndex::NONE`].
        sw_if_index: SwIfIndex,
    }

    /// One tunnel.
    details VxlanGpeTunnelV2Details("vxlan_gpe_tunnel_v2_details", 0x06be_4870) {
        /// Its interface.
        sw_if_index: SwIfIndex,
        /// Source of the outer header.
        local: Address,
        /// Destination of the outer header.
        remote: Address,
        /// The UDP port on which the tunnel receives.
        local_port: u16,
        /// The UDP port to which the tunnel sends.
        remote_port: u16,
        /// Network identifier.
        vni: u32,
        /// What it carries.
        protocol: VxlanGpeProtocol,
        /// Interface through which a multicast destination is reached.
        mcast_sw_if_index: SwIfIndex,
        /// Routing table that leads to the destination.
        encap_vrf_id: u32,
        /// Routing table for decapsulated packets.
        decap_vrf_id: u32,
        /// Whether the outer header is IPv6.
        is_ipv6: bool,
    }
}
