//! `src/plugins/vhost/vhost_user.api`: the network devices of virtual machines, over shared memory. It
//! needs the plugin `vhost_plugin.so`.

use crate::message::messages;
use crate::types::{FixedString, MacAddress, SwIfIndex, wire_flags};

wire_flags! {
    /// What both sides agreed on, bits 0 to 31 (`enum virtio_net_features_first_32`).
    VirtioNetFeaturesFirst32: u32 {
        /// VPP takes packets without checksums.
        CSUM = 0x0000_0001,
        /// The machine takes packets without checksums.
        GUEST_CSUM = 0x0000_0002,
        /// The machine takes large segments of TCP over IPv4.
        GUEST_TSO4 = 0x0000_0080,
        /// The machine takes large segments of TCP over IPv6.
        GUEST_TSO6 = 0x0000_0100,
        /// The machine takes large datagrams of UDP.
        GUEST_UFO = 0x0000_0400,
        /// VPP takes large segments of TCP over IPv4.
        HOST_TSO4 = 0x0000_0800,
        /// VPP takes large segments of TCP over IPv6.
        HOST_TSO6 = 0x0000_1000,
        /// VPP takes large datagrams of UDP.
        HOST_UFO = 0x0000_4000,
        /// A packet may take several receive buffers.
        MRG_RXBUF = 0x0000_8000,
        /// There is a queue for control.
        CTRL_VQ = 0x0002_0000,
        /// The machine can announce itself after a migration.
        GUEST_ANNOUNCE = 0x0020_0000,
        /// There may be several queues.
        MQ = 0x0040_0000,
        /// Writes to memory are logged, for migration.
        LOG_ALL = 0x0400_0000,
        /// Descriptors may be laid out in any way.
        ANY_LAYOUT = 0x0800_0000,
        /// Descriptors may be indirect.
        INDIRECT_DESC = 0x1000_0000,
        /// Features of the protocol itself are agreed on too.
        PROTOCOL_FEATURES = 0x4000_0000,
    }
}

wire_flags! {
    /// What both sides agreed on, bits 32 to 63 (`enum virtio_net_features_last_32`).
    VirtioNetFeaturesLast32: u32 {
        /// Virtio 1.0 or later.
        VERSION_1 = 0x0000_0001,
    }
}

messages! {
    /// Creates an interface for a socket.
    request CreateVhostUserIfV2("create_vhost_user_if_v2", 0xdba1_cc1d) -> CreateVhostUserIfV2Reply {
        /// Whether VPP listens on the socket, else it connects, again and again until it can.
        is_server: bool,
        /// Path of the socket.
        sock_filename: FixedString<256>,
        /// Whether `custom_dev_instance` counts.
        renumber: bool,
        /// A packet takes one receive buffer.
        disable_mrg_rxbuf: bool,
        /// Descriptors are not indirect.
        disable_indirect_desc: bool,
        /// Segmentation offload.
        enable_gso: bool,
        /// Packed rings.
        enable_packed: bool,
        /// Notifications are asked for by position in the ring.
        enable_event_idx: bool,
        /// The N in `VirtualEthernet0/0/N`.
        custom_dev_instance: u32,
        /// Whether `mac_address` counts, else VPP makes one up.
        use_custom_mac: bool,
        /// Address of VPP's side.
        mac_address: MacAddress,
        /// Tag of the interface, as by `sw_interface_tag_add_del`.
        tag: FixedString<64>,
    }

    /// Answers [`CreateVhostUserIfV2`].
    reply CreateVhostUserIfV2Reply("create_vhost_user_if_v2_reply", 0x5383_d31f) {
        /// The new interface.
        sw_if_index: SwIfIndex,
    }

    /// Gives an interface another socket; the peer is disconnected.
    request ModifyVhostUserIfV2("modify_vhost_user_if_v2", 0xb248_3771) -> ModifyVhostUserIfV2Reply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Whether VPP listens on the socket, else it connects.
        is_server: bool,
        /// Path of the socket.
        sock_filename: FixedString<256>,
        /// Whether `custom_dev_instance` counts.
        renumber: bool,
        /// Segmentation offload.
        enable_gso: bool,
        /// Packed rings.
        enable_packed: bool,
        /// Notifications are asked for by position in the ring.
        enable_event_idx: bool,
        /// The N in `VirtualEthernet0/0/N`.
        custom_dev_instance: u32,
    }

    /// Answers [`ModifyVhostUserIfV2`].
    reply ModifyVhostUserIfV2Reply("modify_vhost_user_if_v2_reply", 0xe8d4_e804) {}

    /// Deletes an interface, and the socket if VPP listens on it.
    request DeleteVhostUserIf("delete_vhost_user_if", 0xf9e6_675e) -> DeleteVhostUserIfReply {
        /// The interface.
        sw_if_index: SwIfIndex,
    }

    /// Answers [`DeleteVhostUserIf`].
    reply DeleteVhostUserIfReply("delete_vhost_user_if_reply", 0xe8d4_e804) {}

    /// Asks for what only interfaces of this kind have.
    dump SwInterfaceVhostUserDump("sw_interface_vhost_user_dump", 0xf9e6_675e) -> SwInterfaceVhostUserDetails {
        /// The one wanted, or [`SwIfIndex::NONE`] for all.
        sw_if_index: SwIfIndex,
    }

    /// One interface.
    details SwInterfaceVhostUserDetails("sw_interface_vhost_user_details", 0x0cee_1e53) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Its name, `VirtualEthernet0/0/N`.
        interface_name: FixedString<64>,
        /// Bytes of the header in front of each packet.
        virtio_net_hdr_sz: u32,
        /// What was agreed on.
        features_first_32: VirtioNetFeaturesFirst32,
        /// What was agreed on.
        features_last_32: VirtioNetFeaturesLast32,
        /// Whether VPP listens on the socket.
        is_server: bool,
        /// Path of the socket.
        sock_filename: FixedString<256>,
        /// Number of the machine's memory regions that are mapped: 0 without a peer.
        num_regions: u32,
        /// Why the socket failed last, as Linux's error number; 0 if it did not.
        sock_errno: i32,
    }
}
