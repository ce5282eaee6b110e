//! `src/vnet/interface.api`: what all interfaces have, loopbacks and sub-interfaces.

use crate::message::messages;
use crate::types::{FixedString, MacAddress, Prefix, SwIfIndex, VarString, wire_enum, wire_flags};

wire_flags! {
    /// State of an interface (`enum if_status_flags`).
    IfStatusFlags: u32 {
        /// The operator wants it up. The only one that can be set.
        ADMIN_UP = 1,
        /// It has a link.
        LINK_UP = 2,
    }
}

wire_enum! {
    /// What kind of software interface it is (`enum if_type`).
    IfType: u32 {
        /// One of its own.
        HARDWARE = 0,
        /// Part of another, by VLAN.
        SUB = 1,
        /// Part of another, by the peer's address.
        P2P = 2,
        /// A pipe.
        PIPE = 3,
    }
}

wire_enum! {
    /// `enum link_duplex`.
    LinkDuplex: u32 {
        /// Not told.
        UNKNOWN = 0,
        /// Half duplex.
        HALF = 1,
        /// Full duplex.
        FULL = 2,
    }
}

wire_flags! {
    /// Which frames belong to a sub-interface (`enum sub_if_flags`).
    SubIfFlags: u32 {
        /// Those without a tag.
        NO_TAGS = 1,
        /// Those with one tag.
        ONE_TAG = 2,
        /// Those with two tags.
        TWO_TAGS = 4,
        /// The outer tag is 802.1ad instead of 802.1Q.
        DOT1AD = 8,
        /// No more tags than those named. VPP routes and bridges with rewrite only such ones.
        EXACT_MATCH = 16,
        /// All those that no other sub-interface takes.
        DEFAULT = 32,
        /// Any outer VLAN.
        OUTER_VLAN_ID_ANY = 64,
        /// Any inner VLAN.
        INNER_VLAN_ID_ANY = 128,
        /// Provider backbone bridging; only in details.
        DOT1AH = 256,
    }
}

messages! {
    /// Asks for one interface or for all.
    dump SwInterfaceDump("sw_interface_dump", 0xaa61_0c27) -> SwInterfaceDetails {
        /// The one wanted. [`SwIfIndex::NONE`], but also 0, stands for all.
        sw_if_index: SwIfIndex,
        /// Whether `name_filter` counts; if so `sw_if_index` does not.
        name_filter_valid: bool,
        /// Only interfaces that have this in their name, without regard to case.
        name_filter: VarString,
    }

    /// One interface.
    details SwInterfaceDetails("sw_interface_details", 0x6c22_1fc7) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// The interface of which it is a part, else itself.
        sup_sw_if_index: SwIfIndex,
        /// Its address; zero for sub-interfaces and for what is no Ethernet.
        l2_address: MacAddress,
        /// State. The link of a sub-interface is that of its parent.
        flags: IfStatusFlags,
        /// What kind it is.
        r#type: IfType,
        /// Duplex mode.
        link_duplex: LinkDuplex,
        /// In kbit/s.
        link_speed: u32,
        /// The greatest frame of the device, without the Ethernet header, in bytes.
        link_mtu: u16,
        /// Greatest packet in bytes: all protocols, IPv4, IPv6, MPLS; 0 stands for "as the first".
        mtu: [u32; 4],
        /// What the creator of the sub-interface called it: the N in `eth0.N`.
        sub_id: u32,
        /// Number of tags that a frame must have: 0 to 2.
        sub_number_of_tags: u8,
        /// VLAN in the outer tag.
        sub_outer_vlan_id: u16,
        /// VLAN in the inner tag.
        sub_inner_vlan_id: u16,
        /// Which frames belong to the sub-interface.
        sub_if_flags: SubIfFlags,
        /// What happens to the tags of a frame, see [`super::l2::VtrOp`].
        vtr_op: super::l2::VtrOp,
        /// Whether the first pushed tag is 802.1Q (else 802.1ad).
        vtr_push_dot1q: u32,
        /// First pushed tag.
        vtr_tag1: u32,
        /// Second pushed tag.
        vtr_tag2: u32,
        /// Provider backbone bridging: outer tag.
        outer_tag: u16,
        /// Provider backbone bridging: destination.
        b_dmac: MacAddress,
        /// Provider backbone bridging: source.
        b_smac: MacAddress,
        /// Provider backbone bridging: VLAN. VPP sends it in its own byte order.
        b_vlanid: u16,
        /// Provider backbone bridging: service. VPP sends it in its own byte order.
        i_sid: u32,
        /// Name, given by VPP from kind and number: `tap0`, `host-eth0`, `tap0.100`, `loop0`.
        interface_name: FixedString<64>,
        /// Class of the device.
        interface_dev_type: FixedString<64>,
        /// What its owner wrote on it.
        tag: FixedString<64>,
    }

    /// Asks for [`SwInterfaceEvent`]s.
    request WantInterfaceEvents("want_interface_events", 0x476f_5a08) -> WantInterfaceEventsReply {
        /// 1: from now on; 0: no longer.
        enable_disable: u32,
        /// Sent back in the events.
        pid: u32,
    }

    /// Answers [`WantInterfaceEvents`].
    reply WantInterfaceEventsReply("want_interface_events_reply", 0xe8d4_e804) {}

    /// An interface has changed its state or is gone.
    event SwInterfaceEvent("sw_interface_event", 0x2d3d_95a7) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Its state now.
        flags: IfStatusFlags,
        /// Whether it is gone.
        deleted: bool,
    }

    /// Sets an interface up or down.
    request SwInterfaceSetFlags("sw_interface_set_flags", 0xf5ae_c1b8) -> SwInterfaceSetFlagsReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// [`IfStatusFlags::ADMIN_UP`] or nothing.
        flags: IfStatusFlags,
    }

    /// Answers [`SwInterfaceSetFlags`].
    reply SwInterfaceSetFlagsReply("sw_interface_set_flags_reply", 0xe8d4_e804) {}

    /// Sets the greatest packet that is sent.
    request SwInterfaceSetMtu("sw_interface_set_mtu", 0x5cbe_85e5) -> SwInterfaceSetMtuReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// In bytes: all protocols, IPv4, IPv6, MPLS; 0 stands for "as the first".
        mtu: [u32; 4],
    }

    /// Answers [`SwInterfaceSetMtu`].
    reply SwInterfaceSetMtuReply("sw_interface_set_mtu_reply", 0xe8d4_e804) {}

    /// Sets the greatest frame of a device.
    request HwInterfaceSetMtu("hw_interface_set_mtu", 0xe674_6899) -> HwInterfaceSetMtuReply {
        /// The interface; no sub-interface.
        sw_if_index: SwIfIndex,
        /// In bytes, without the Ethernet header.
        mtu: u16,
    }

    /// Answers [`HwInterfaceSetMtu`].
    reply HwInterfaceSetMtuReply("hw_interface_set_mtu_reply", 0xe8d4_e804) {}

    /// Writes a tag on an interface, or takes it off.
    request SwInterfaceTagAddDel("sw_interface_tag_add_del", 0x426f_8bc1) -> SwInterfaceTagAddDelReply {
        /// Whether to write; an older tag is replaced.
        is_add: bool,
        /// The interface.
        sw_if_index: SwIfIndex,
        /// The tag.
        tag: FixedString<64>,
    }

    /// Answers [`SwInterfaceTagAddDel`].
    reply SwInterfaceTagAddDelReply("sw_interface_tag_add_del_reply", 0xe8d4_e804) {}

    /// Gives a device another address.
    request SwInterfaceSetMacAddress("sw_interface_set_mac_address", 0xc536_e7eb) -> SwInterfaceSetMacAddressReply {
        /// The interface; no sub-interface.
        sw_if_index: SwIfIndex,
        /// The address.
        mac_address: MacAddress,
    }

    /// Answers [`SwInterfaceSetMacAddress`].
    reply SwInterfaceSetMacAddressReply("sw_interface_set_mac_address_reply", 0xe8d4_e804) {}

    /// Gives an interface an IP address, with the route to its network, or takes it away.
    request SwInterfaceAddDelAddress("sw_interface_add_del_address", 0x5463_d73b) -> SwInterfaceAddDelAddressReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Give, else take.
        is_add: bool,
        /// Take all.
        del_all: bool,
        /// The address, with the length of its network's prefix.
        prefix: Prefix,
    }

    /// Answers [`SwInterfaceAddDelAddress`].
    reply SwInterfaceAddDelAddressReply("sw_interface_add_del_address_reply", 0xe8d4_e804) {}

    /// Creates a loopback with the next free number.
    request CreateLoopback("create_loopback", 0x42bb_5d22) -> CreateLoopbackReply {
        /// Its address; if zero, VPP makes one from the number.
        mac_address: MacAddress,
    }

    /// Answers [`CreateLoopback`].
    reply CreateLoopbackReply("create_loopback_reply", 0x5383_d31f) {
        /// The new interface.
        sw_if_index: SwIfIndex,
    }

    /// Creates a loopback with a number of the caller's choice.
    request CreateLoopbackInstance("create_loopback_instance", 0xd36a_3ee2) -> CreateLoopbackInstanceReply {
        /// Its address; if zero, VPP makes one from the number.
        mac_address: MacAddress,
        /// Whether `user_instance` counts.
        is_specified: bool,
        /// The N in `loopN`.
        user_instance: u32,
    }

    /// Answers [`CreateLoopbackInstance`].
    reply CreateLoopbackInstanceReply("create_loopback_instance_reply", 0x5383_d31f) {
        /// The new interface.
        sw_if_index: SwIfIndex,
    }

    /// Deletes a loopback.
    request DeleteLoopback("delete_loopback", 0xf9e6_675e) -> DeleteLoopbackReply {
        /// The interface.
        sw_if_index: SwIfIndex,
    }

    /// Answers [`DeleteLoopback`].
    reply DeleteLoopbackReply("delete_loopback_reply", 0xe8d4_e804) {}

    /// Creates a sub-interface.
    request CreateSubif("create_subif", 0x790c_a755) -> CreateSubifReply {
        /// The interface of which it will be a part.
        sw_if_index: SwIfIndex,
        /// The N in `eth0.N`.
        sub_id: u32,
        /// Which frames belong to it.
        sub_if_flags: SubIfFlags,
        /// VLAN in the outer tag.
        outer_vlan_id: u16,
        /// VLAN in the inner tag.
        inner_vlan_id: u16,
    }

    /// Answers [`CreateSubif`].
    reply CreateSubifReply("create_subif_reply", 0x5383_d31f) {
        /// The new sub-interface.
        sw_if_index: SwIfIndex,
    }

    /// Creates a sub-interface for one VLAN, exactly one tag, called by the VLAN's number.
    request CreateVlanSubif("create_vlan_subif", 0xaf34_ac8b) -> CreateVlanSubifReply {
        /// The interface of which it will be a part.
        sw_if_index: SwIfIndex,
        /// The VLAN.
        vlan_id: u32,
    }

    /// Answers [`CreateVlanSubif`].
    reply CreateVlanSubifReply("create_vlan_subif_reply", 0x5383_d31f) {
        /// The new sub-interface.
        sw_if_index: SwIfIndex,
    }

    /// Deletes a sub-interface.
    request DeleteSubif("delete_subif", 0xf9e6_675e) -> DeleteSubifReply {
        /// The sub-interface.
        sw_if_index: SwIfIndex,
    }

    /// Answers [`DeleteSubif`].
    reply DeleteSubifReply("delete_subif_reply", 0xe8d4_e804) {}
}
