//! `src/plugins/af_packet/af_packet.api`: interfaces that use a Linux network device by a packet
//! socket.

use crate::message::messages;
use crate::types::{FixedString, MacAddress, SwIfIndex, wire_enum, wire_flags};

wire_enum! {
    /// What the device carries (`enum af_packet_mode`).
    AfPacketMode: u32 {
        /// Ethernet frames.
        ETHERNET = 1,
        /// IP packets.
        IP = 2,
    }
}

wire_flags! {
    /// Properties (`enum af_packet_flags`).
    AfPacketFlags: u32 {
        /// Send past Linux's queueing discipline.
        QDISC_BYPASS = 1,
        /// Checksum and segmentation offload.
        CKSUM_GSO = 2,
        /// Version 2 of the ring instead of 3.
        VERSION_2 = 8,
    }
}

messages! {
    /// Creates an interface for a Linux device.
    request AfPacketCreateV3("af_packet_create_v3", 0xb3a8_09d4) -> AfPacketCreateV3Reply {
        /// What it carries.
        mode: AfPacketMode,
        /// Address of VPP's side, unless made up.
        hw_addr: MacAddress,
        /// Whether VPP makes up the address.
        use_random_hw_addr: bool,
        /// Name of the Linux device; VPP calls the interface `host-NAME`.
        host_if_name: FixedString<64>,
        /// Bytes of a received frame in the ring; 0 for VPP's default.
        rx_frame_size: u32,
        /// Bytes of a sent frame in the ring; 0 for VPP's default.
        tx_frame_size: u32,
        /// Frames of a block of the receive ring; 0 for VPP's default.
        rx_frames_per_block: u32,
        /// Frames of a block of the transmit ring; 0 for VPP's default.
        tx_frames_per_block: u32,
        /// Properties.
        flags: AfPacketFlags,
        /// Number of receive queues.
        num_rx_queues: u16,
        /// Number of transmit queues.
        num_tx_queues: u16,
    }

    /// Answers [`AfPacketCreateV3`].
    reply AfPacketCreateV3Reply("af_packet_create_v3_reply", 0x5383_d31f) {
        /// The new interface.
        sw_if_index: SwIfIndex,
    }

    /// Deletes the interface of a Linux device.
    request AfPacketDelete("af_packet_delete", 0x863f_a648) -> AfPacketDeleteReply {
        /// Name of the Linux device.
        host_if_name: FixedString<64>,
    }

    /// Answers [`AfPacketDelete`].
    reply AfPacketDeleteReply("af_packet_delete_reply", 0xe8d4_e804) {}

    /// Asks for all interfaces of this kind.
    dump AfPacketDump("af_packet_dump", 0x5107_7d14) -> AfPacketDetails {}

    /// One interface.
    details AfPacketDetails("af_packet_details", 0x58c7_c042) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Name of the Linux device.
        host_if_name: FixedString<64>,
    }
}
