//! `src/vnet/l2/l2.api`: bridge domains, their members, MAC addresses and tag rewriting.

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{
    Address, BdId, FixedString, List, MacAddress, SwIfIndex, wire_enum, wire_flags,
};

wire_enum! {
    /// What is done to the tags of frames as they come in, and undone as they go out
    /// (`l2_vtr_op_t`, `src/vnet/l2/l2_vtr.h`).
    VtrOp: u32 {
        /// Nothing.
        DISABLED = 0,
        /// One tag is put on.
        PUSH_1 = 1,
        /// Two tags are put on.
        PUSH_2 = 2,
        /// The outer tag is taken off.
        POP_1 = 3,
        /// Two tags are taken off.
        POP_2 = 4,
        /// The outer tag is replaced by one.
        TRANSLATE_1_1 = 5,
        /// The outer tag is replaced by two.
        TRANSLATE_1_2 = 6,
        /// Two tags are replaced by one.
        TRANSLATE_2_1 = 7,
        /// Two tags are replaced by two.
        TRANSLATE_2_2 = 8,
    }
}

wire_enum! {
    /// What a member is to its bridge domain (`enum l2_port_type`).
    L2PortType: u32 {
        /// A port.
        NORMAL = 0,
        /// The port through which VPP itself takes part (bridge virtual interface).
        BVI = 1,
        /// Where frames to unknown addresses go instead of being flooded.
        UU_FWD = 2,
    }
}

wire_flags! {
    /// What a bridge domain does (`enum bd_flags`).
    BdFlags: u32 {
        /// Learn addresses.
        LEARN = 0x1,
        /// Forward to known addresses.
        FWD = 0x2,
        /// Flood broadcast and multicast.
        FLOOD = 0x4,
        /// Flood what goes to unknown addresses.
        UU_FLOOD = 0x8,
        /// Answer ARP and neighbour discovery.
        ARP_TERM = 0x10,
        /// Forward ARP as unicast.
        ARP_UFWD = 0x20,
    }
}

wire_flags! {
    /// What a member takes part in, as VPP keeps it (`foreach_l2input_feat`, `src/vnet/l2/l2_input.h`):
    /// those that [`L2Flags`] can set, whose bits are the same from 23.10 to 26.06.
    L2InputFeatures: u32 {
        /// Its frames are flooded.
        FLOOD = 0x0004,
        /// ARP and neighbour discovery from it are answered.
        ARP_TERM = 0x0010,
        /// Its frames to unknown addresses are flooded.
        UU_FLOOD = 0x0020,
        /// Its frames are forwarded.
        FWD = 0x0080,
        /// Addresses are learned from its frames.
        LEARN = 0x0200,
    }
}

/// What a bridge domain answers ARP and neighbour discovery with (`bd_ip_mac`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BdIpMac {
    /// The bridge domain.
    pub bd_id: BdId,
    /// The address asked for.
    pub ip: Address,
    /// The answer.
    pub mac: MacAddress,
}

impl Wire for BdIpMac {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.bd_id.encode(writer);
        self.ip.encode(writer);
        self.mac.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            bd_id: Wire::decode(reader)?,
            ip: Wire::decode(reader)?,
            mac: Wire::decode(reader)?,
        })
    }
}

/// One member of a bridge domain (`bridge_domain_sw_if`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BridgeDomainSwIf {
    /// Without meaning.
    pub context: u32,
    /// The member.
    pub sw_if_index: SwIfIndex,
    /// Split horizon group: members of one group (but 0) do not reach each other.
    pub shg: u8,
}

impl Wire for BridgeDomainSwIf {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.context.encode(writer);
        self.sw_if_index.encode(writer);
        self.shg.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            context: Wire::decode(reader)?,
            sw_if_index: Wire::decode(reader)?,
            shg: Wire::decode(reader)?,
        })
    }
}

messages! {
    /// Creates a bridge domain, or deletes one without members.
    request BridgeDomainAddDelV2("bridge_domain_add_del_v2", 0x600b_7170) -> BridgeDomainAddDelV2Reply {
        /// Its number; [`BdId::ANY`] to have one chosen.
        bd_id: BdId,
        /// Flood broadcast and multicast.
        flood: bool,
        /// Flood what goes to unknown addresses.
        uu_flood: bool,
        /// Forward to known addresses.
        forward: bool,
        /// Learn addresses.
        learn: bool,
        /// Answer ARP and neighbour discovery.
        arp_term: bool,
        /// Forward ARP as unicast.
        arp_ufwd: bool,
        /// Minutes until a learned address is forgotten; 0: never.
        mac_age: u8,
        /// What its owner writes on it.
        bd_tag: FixedString<64>,
        /// Create, else delete.
        is_add: bool,
    }

    /// Answers [`BridgeDomainAddDelV2`].
    reply BridgeDomainAddDelV2Reply("bridge_domain_add_del_v2_reply", 0xfcb1_e980) {
        /// The bridge domain.
        bd_id: BdId,
    }

    /// Asks for one bridge domain or for all.
    dump BridgeDomainDump("bridge_domain_dump", 0x7439_6a43) -> BridgeDomainDetails {
        /// The one wanted, or [`BdId::ANY`].
        bd_id: BdId,
        /// Only the one with this member. VPP returns nothing unless this is [`SwIfIndex::NONE`].
        sw_if_index: SwIfIndex,
    }

    /// One bridge domain.
    details BridgeDomainDetails("bridge_domain_details", 0x0fa5_06fd) {
        /// Its number.
        bd_id: BdId,
        /// Whether it floods broadcast and multicast.
        flood: bool,
        /// Whether it floods what goes to unknown addresses.
        uu_flood: bool,
        /// Whether it forwards to known addresses.
        forward: bool,
        /// Whether it learns addresses.
        learn: bool,
        /// Whether it answers ARP and neighbour discovery.
        arp_term: bool,
        /// Whether it forwards ARP as unicast.
        arp_ufwd: bool,
        /// Minutes until a learned address is forgotten; 0: never.
        mac_age: u8,
        /// What its owner wrote on it.
        bd_tag: FixedString<64>,
        /// Its bridge virtual interface, if any.
        bvi_sw_if_index: SwIfIndex,
        /// Where frames to unknown addresses go, if not flooded.
        uu_fwd_sw_if_index: SwIfIndex,
        /// Its members.
        sw_if_details: List<BridgeDomainSwIf>,
    }

    /// Switches some of what a bridge domain does on or off.
    request BridgeFlags("bridge_flags", 0x1b0c_5fbd) -> BridgeFlagsReply {
        /// The bridge domain.
        bd_id: BdId,
        /// On, else off.
        is_set: bool,
        /// What.
        flags: BdFlags,
    }

    /// Answers [`BridgeFlags`].
    reply BridgeFlagsReply("bridge_flags_reply", 0x29b2_a2b3) {
        /// All that it does now, as VPP's internal bitmap.
        resulting_feature_bitmap: u32,
    }

    /// Sets when learned addresses are forgotten.
    request BridgeDomainSetMacAge("bridge_domain_set_mac_age", 0xb537_ad7b) -> BridgeDomainSetMacAgeReply {
        /// The bridge domain.
        bd_id: BdId,
        /// In minutes; 0: never.
        mac_age: u8,
    }

    /// Answers [`BridgeDomainSetMacAge`].
    reply BridgeDomainSetMacAgeReply("bridge_domain_set_mac_age_reply", 0xe8d4_e804) {}

    /// Makes an interface a member of a bridge domain, or a routed interface again.
    request SwInterfaceSetL2Bridge("sw_interface_set_l2_bridge", 0xd067_8b13) -> SwInterfaceSetL2BridgeReply {
        /// The interface.
        rx_sw_if_index: SwIfIndex,
        /// The bridge domain.
        bd_id: BdId,
        /// What it is to the bridge domain.
        port_type: L2PortType,
        /// Split horizon group: members of one group (but 0) do not reach each other.
        shg: u8,
        /// Member, else not.
        enable: bool,
    }

    /// Answers [`SwInterfaceSetL2Bridge`].
    reply SwInterfaceSetL2BridgeReply("sw_interface_set_l2_bridge_reply", 0xe8d4_e804) {}

    /// Sets what is done to the tags of frames on a bridged interface.
    request L2InterfaceVlanTagRewrite("l2_interface_vlan_tag_rewrite", 0x62cc_0bbc) -> L2InterfaceVlanTagRewriteReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// What is done.
        vtr_op: VtrOp,
        /// Not 0: the first tag pushed is 802.1Q, else 802.1ad.
        push_dot1q: u32,
        /// First tag, if one is pushed or translated to.
        tag1: u32,
        /// Second tag, if two are.
        tag2: u32,
    }

    /// Answers [`L2InterfaceVlanTagRewrite`].
    reply L2InterfaceVlanTagRewriteReply("l2_interface_vlan_tag_rewrite_reply", 0xe8d4_e804) {}

    /// Writes or deletes an entry of a bridge domain's address table.
    request L2fibAddDel("l2fib_add_del", 0xeddd_a487) -> L2fibAddDelReply {
        /// The address.
        mac: MacAddress,
        /// The bridge domain.
        bd_id: BdId,
        /// Where the address is.
        sw_if_index: SwIfIndex,
        /// Write, else delete.
        is_add: bool,
        /// Not aged and not moved by learning.
        static_mac: bool,
        /// Frames to and from it are dropped.
        filter_mac: bool,
        /// It is the address of the bridge virtual interface.
        bvi_mac: bool,
    }

    /// Answers [`L2fibAddDel`].
    reply L2fibAddDelReply("l2fib_add_del_reply", 0xe8d4_e804) {}

    /// Asks for the address table of a bridge domain.
    dump L2FibTableDump("l2_fib_table_dump", 0xc25f_dce6) -> L2FibTableDetails {
        /// The bridge domain, or [`BdId::ANY`].
        bd_id: BdId,
    }

    /// One address.
    details L2FibTableDetails("l2_fib_table_details", 0xa44e_f6b8) {
        /// The bridge domain.
        bd_id: BdId,
        /// The address.
        mac: MacAddress,
        /// Where it is.
        sw_if_index: SwIfIndex,
        /// Not aged and not moved by learning.
        static_mac: bool,
        /// Frames to and from it are dropped.
        filter_mac: bool,
        /// It is the address of the bridge virtual interface.
        bvi_mac: bool,
    }

    /// Sets what a member of a bridge domain takes part in, or takes that from it. Joining a bridge
    /// domain sets all. With no flags it changes nothing, and the reply tells what is set.
    request L2Flags("l2_flags", 0xfc41_cfe8) -> L2FlagsReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Set, else cleared.
        is_set: bool,
        /// What: [`BdFlags`] but [`BdFlags::ARP_UFWD`], which VPP passes over here.
        feature_bitmap: BdFlags,
    }

    /// Answers [`L2Flags`].
    reply L2FlagsReply("l2_flags_reply", 0x29b2_a2b3) {
        /// All that is set.
        resulting_feature_bitmap: L2InputFeatures,
    }

    /// Writes or deletes what a bridge domain answers ARP and neighbour discovery with.
    request BdIpMacAddDel("bd_ip_mac_add_del", 0x0257_c869) -> BdIpMacAddDelReply {
        /// Write (an older MAC address of that IP address is replaced), else delete.
        is_add: bool,
        /// The entry.
        entry: BdIpMac,
    }

    /// Answers [`BdIpMacAddDel`].
    reply BdIpMacAddDelReply("bd_ip_mac_add_del_reply", 0xe8d4_e804) {}

    /// Asks for what a bridge domain answers ARP and neighbour discovery with.
    dump BdIpMacDump("bd_ip_mac_dump", 0xc25f_dce6) -> BdIpMacDetails {
        /// The bridge domain, or [`BdId::ANY`].
        bd_id: BdId,
    }

    /// One entry.
    details BdIpMacDetails("bd_ip_mac_details", 0x545a_f86a) {
        /// The entry.
        entry: BdIpMac,
    }

    /// Forgets all learned addresses.
    request L2fibFlushAll("l2fib_flush_all", 0x5107_7d14) -> L2fibFlushAllReply {}

    /// Answers [`L2fibFlushAll`].
    reply L2fibFlushAllReply("l2fib_flush_all_reply", 0xe8d4_e804) {}

    /// Forgets the learned addresses of a bridge domain.
    request L2fibFlushBd("l2fib_flush_bd", 0xc25f_dce6) -> L2fibFlushBdReply {
        /// The bridge domain.
        bd_id: BdId,
    }

    /// Answers [`L2fibFlushBd`].
    reply L2fibFlushBdReply("l2fib_flush_bd_reply", 0xe8d4_e804) {}

    /// Forgets the learned addresses of an interface.
    request L2fibFlushInt("l2fib_flush_int", 0xf9e6_675e) -> L2fibFlushIntReply {
        /// The interface.
        sw_if_index: SwIfIndex,
    }

    /// Answers [`L2fibFlushInt`].
    reply L2fibFlushIntReply("l2fib_flush_int_reply", 0xe8d4_e804) {}
}
