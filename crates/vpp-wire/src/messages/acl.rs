//! `src/plugins/acl/acl.api` (and `acl_types.api`): access lists, and lists of the source addresses
//! that an interface may use (MACIP). It needs the plugin `acl_plugin.so`.
//!
//! The dumps of access lists are answered in one message each, whatever their length.

#[cfg(test)]
mod tests;

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};
use crate::message::messages;
use crate::types::{FixedString, List, MacAddress, Prefix, SwIfIndex, TooManyElements, wire_enum};

/// "All" in the filter of a dump, "a new one" in what creates or replaces, "none" where one is
/// told.
pub const ACL_NONE: u32 = u32::MAX;

wire_enum! {
    /// What becomes of a packet that a rule matches (`enum acl_action`).
    AclAction: u8 {
        /// It is dropped.
        DENY = 0,
        /// It passes.
        PERMIT = 1,
        /// It passes, and so does what belongs to the same session, both ways.
        PERMIT_REFLECT = 2,
    }
}

/// One rule of an access list (`acl_rule`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AclRule {
    /// What becomes of the packet.
    pub is_permit: AclAction,
    /// Where the packet comes from. VPP wants both prefixes of one family.
    pub src_prefix: Prefix,
    /// Where the packet goes.
    pub dst_prefix: Prefix,
    /// IANA number of the protocol; 0 stands for all, and then the ranges do not count.
    pub proto: u8,
    /// First source port, or ICMP type.
    pub srcport_or_icmptype_first: u16,
    /// Last source port, or ICMP type.
    pub srcport_or_icmptype_last: u16,
    /// First destination port, or ICMP code.
    pub dstport_or_icmpcode_first: u16,
    /// Last destination port, or ICMP code.
    pub dstport_or_icmpcode_last: u16,
    /// Which flags of TCP count.
    pub tcp_flags_mask: u8,
    /// What these flags must be.
    pub tcp_flags_value: u8,
}

/// One rule of a MACIP list (`macip_acl_rule`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MacipAclRule {
    /// What becomes of the packet: [`AclAction::DENY`] or [`AclAction::PERMIT`].
    pub is_permit: AclAction,
    /// The Ethernet source address, as far as the mask tells.
    pub src_mac: MacAddress,
    /// Which bits of `src_mac` count.
    pub src_mac_mask: MacAddress,
    /// The IP source, or the sender of ARP.
    pub src_prefix: Prefix,
}

/// The access lists of an interface, by their indices, in the order in which they are looked at
/// (the fields `count`, `n_input` and `acls`). Never more than 255.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceAcls {
    input: Vec<u32>,
    output: Vec<u32>,
}

impl InterfaceAcls {
    /// The lists for what the interface receives, and for what it sends.
    pub fn new(input: Vec<u32>, output: Vec<u32>) -> Result<Self, TooManyElements> {
        let count = input.len() + output.len();
        if u8::try_from(count).is_err() {
            return Err(TooManyElements { count });
        }
        Ok(Self { input, output })
    }

    /// For what the interface receives.
    pub fn input(&self) -> &[u32] {
        &self.input
    }

    /// For what the interface sends.
    pub fn output(&self) -> &[u32] {
        &self.output
    }
}

impl Wire for InterfaceAcls {
    fn encode(&self, writer: &mut Writer<'_>) {
        // `new` and `decode`, by which alone there is a value, take no more than 255 in all.
        let n_input = u8::try_from(self.input.len()).unwrap_or(u8::MAX);
        let n_output = u8::try_from(self.output.len()).unwrap_or(u8::MAX);
        n_input.saturating_add(n_output).encode(writer);
        n_input.encode(writer);
        for index in self.input.iter().chain(&self.output) {
            index.encode(writer);
        }
    }

    /// If `n_input` is more than there are, all are for input, as in VPP
    /// (`vl_api_acl_interface_set_acl_list_t_handler` in `src/plugins/acl/acl.c`).
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        let count = u8::decode(reader)?;
        let n_input = u8::decode(reader)?;
        let (mut input, mut output) = (Vec::new(), Vec::new());
        for position in 0..count {
            let acls = if position < n_input {
                &mut input
            } else {
                &mut output
            };
            acls.push(u32::decode(reader)?);
        }
        Ok(Self { input, output })
    }
}

impl Wire for AclRule {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.is_permit.encode(writer);
        self.src_prefix.encode(writer);
        self.dst_prefix.encode(writer);
        self.proto.encode(writer);
        self.srcport_or_icmptype_first.encode(writer);
        self.srcport_or_icmptype_last.encode(writer);
        self.dstport_or_icmpcode_first.encode(writer);
        self.dstport_or_icmpcode_last.encode(writer);
        self.tcp_flags_mask.encode(writer);
        self.tcp_flags_value.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            is_permit: Wire::decode(reader)?,
            src_prefix: Wire::decode(reader)?,
            dst_prefix: Wire::decode(reader)?,
            proto: Wire::decode(reader)?,
            srcport_or_icmptype_first: Wire::decode(reader)?,
            srcport_or_icmptype_last: Wire::decode(reader)?,
            dstport_or_icmpcode_first: Wire::decode(reader)?,
            dstport_or_icmpcode_last: Wire::decode(reader)?,
            tcp_flags_mask: Wire::decode(reader)?,
            tcp_flags_value: Wire::decode(reader)?,
        })
    }
}

impl Wire for MacipAclRule {
    fn encode(&self, writer: &mut Writer<'_>) {
        self.is_permit.encode(writer);
        self.src_mac.encode(writer);
        self.src_mac_mask.encode(writer);
        self.src_prefix.encode(writer);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            is_permit: Wire::decode(reader)?,
            src_mac: Wire::decode(reader)?,
            src_mac_mask: Wire::decode(reader)?,
            src_prefix: Wire::decode(reader)?,
        })
    }
}

messages! {
    /// Asks for the version of the plugin's API. Its answer has no return value, hence is laid out
    /// as the details of a dump are; there is always exactly one.
    dump AclPluginGetVersion("acl_plugin_get_version", 0x5107_7d14) -> AclPluginGetVersionReply {}

    /// Answers [`AclPluginGetVersion`].
    details AclPluginGetVersionReply("acl_plugin_get_version_reply", 0x9b32_cf86) {
        /// Changes when something breaks.
        major: u32,
        /// Changes with every release.
        minor: u32,
    }

    /// Creates an access list, or replaces all of one.
    request AclAddReplace("acl_add_replace", 0xee5c_2f18) -> AclAddReplaceReply {
        /// The one that is replaced, or [`ACL_NONE`] for a new one.
        acl_index: u32,
        /// What its owner writes on it; also replaced.
        tag: FixedString<64>,
        /// The rules; the first that matches counts. What none matches is dropped.
        r: List<AclRule>,
    }

    /// Answers [`AclAddReplace`].
    retval_last_reply AclAddReplaceReply("acl_add_replace_reply", 0xac40_7b0c) {
        /// The list.
        acl_index: u32,
    }

    /// Deletes an access list that no interface has.
    request AclDel("acl_del", 0xef34_fea4) -> AclDelReply {
        /// The list.
        acl_index: u32,
    }

    /// Answers [`AclDel`], and [`AclStatsIntfCountersEnable`].
    reply AclDelReply("acl_del_reply", 0xe8d4_e804) {}

    /// Asks for one access list or for all.
    dump AclDump("acl_dump", 0xef34_fea4) -> AclDetails {
        /// The one wanted, or [`ACL_NONE`] for all.
        acl_index: u32,
    }

    /// One access list.
    details AclDetails("acl_details", 0x95ba_bae0) {
        /// The list.
        acl_index: u32,
        /// What its owner wrote on it.
        tag: FixedString<64>,
        /// The rules.
        r: List<AclRule>,
    }

    /// Sets the access lists of an interface, whichever it had.
    ///
    /// A refusal may come as return value 1, which elsewhere is success: VPP reduces the error to
    /// whether there was one (`vl_api_acl_interface_set_acl_list_t_handler` in
    /// `src/plugins/acl/acl.c`).
    request AclInterfaceSetAclList("acl_interface_set_acl_list", 0x4739_82bd) -> AclInterfaceSetAclListReply {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Its lists.
        acls: InterfaceAcls,
    }

    /// Answers [`AclInterfaceSetAclList`].
    reply AclInterfaceSetAclListReply("acl_interface_set_acl_list_reply", 0xe8d4_e804) {}

    /// Asks for the access lists of one interface or of each.
    dump AclInterfaceListDump("acl_interface_list_dump", 0xf9e6_675e) -> AclInterfaceListDetails {
        /// The one wanted, or [`SwIfIndex::NONE`] for all, also those without a list.
        sw_if_index: SwIfIndex,
    }

    /// The access lists of one interface.
    details AclInterfaceListDetails("acl_interface_list_details", 0xe695_d256) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Its lists.
        acls: InterfaceAcls,
    }

    /// Creates a MACIP list, or replaces all of one.
    request MacipAclAddReplace("macip_acl_add_replace", 0x2a46_1dd4) -> MacipAclAddReplaceReply {
        /// The one that is replaced, or [`ACL_NONE`] for a new one.
        acl_index: u32,
        /// What its owner writes on it; also replaced.
        tag: FixedString<64>,
        /// The rules. What none matches is dropped.
        r: List<MacipAclRule>,
    }

    /// Answers [`MacipAclAddReplace`].
    retval_last_reply MacipAclAddReplaceReply("macip_acl_add_replace_reply", 0xac40_7b0c) {
        /// The list.
        acl_index: u32,
    }

    /// Deletes a MACIP list, also from the interfaces that have it.
    request MacipAclDel("macip_acl_del", 0xef34_fea4) -> MacipAclDelReply {
        /// The list.
        acl_index: u32,
    }

    /// Answers [`MacipAclDel`].
    reply MacipAclDelReply("macip_acl_del_reply", 0xe8d4_e804) {}

    /// Gives an interface a MACIP list instead of the one that it has, or takes it away.
    request MacipAclInterfaceAddDel("macip_acl_interface_add_del", 0x4b86_90b1) -> MacipAclInterfaceAddDelReply {
        /// Give, else take away.
        is_add: bool,
        /// The interface; what it receives is looked at.
        sw_if_index: SwIfIndex,
        /// The list; of no account when it is taken away.
        acl_index: u32,
    }

    /// Answers [`MacipAclInterfaceAddDel`].
    reply MacipAclInterfaceAddDelReply("macip_acl_interface_add_del_reply", 0xe8d4_e804) {}

    /// Asks for one MACIP list or for all.
    dump MacipAclDump("macip_acl_dump", 0xef34_fea4) -> MacipAclDetails {
        /// The one wanted, or [`ACL_NONE`] for all.
        acl_index: u32,
    }

    /// One MACIP list.
    details MacipAclDetails("macip_acl_details", 0x2713_5b59) {
        /// The list.
        acl_index: u32,
        /// What its owner wrote on it.
        tag: FixedString<64>,
        /// The rules.
        r: List<MacipAclRule>,
    }

    /// Asks for the MACIP list of one interface, or of each that has one.
    dump MacipAclInterfaceListDump("macip_acl_interface_list_dump", 0xf9e6_675e) -> MacipAclInterfaceListDetails {
        /// The one wanted, or [`SwIfIndex::NONE`] for all.
        sw_if_index: SwIfIndex,
    }

    /// The MACIP list of one interface.
    details MacipAclInterfaceListDetails("macip_acl_interface_list_details", 0xa0c5_d56d) {
        /// The interface.
        sw_if_index: SwIfIndex,
        /// Always one; [`ACL_NONE`] if the interface was asked for and has none.
        acls: List<u32, u8>,
    }

    /// Has the rules' matches counted in the statistics segment. VPP answers with the reply of
    /// another message (`vl_api_acl_stats_intf_counters_enable_t_handler`).
    request AclStatsIntfCountersEnable("acl_stats_intf_counters_enable", 0xb3e2_25d2) -> AclDelReply {
        /// Count, else do not.
        enable: bool,
    }
}
