//! Named counters of the nodes: why a packet was dropped, and what else a node counts.
//!
//! Names and descriptions are VPP's (`show errors`). A drop is attributed to the node that decided
//! it; `error-drop` adds it to the counter when it frees the packet, so that the sum of the drop
//! counters is the number of packets dropped.

/// How bad a count is (`vl_counter_severity_e`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// A packet was lost.
    Error,
    /// Something to look at.
    Warn,
    /// Normal traffic.
    Info,
}

macro_rules! errors {
    ($( $(#[$doc:meta])* $variant:ident: $severity:ident, $node:literal, $name:literal, $text:literal; )*) => {
        /// A counter of a node.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u16)]
        pub enum Error { $( $(#[$doc])* $variant, )* }

        impl Error {
            /// All counters, in the order of their numbers.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )* ];

            /// The node in `show errors`.
            pub const fn node(self) -> &'static str {
                match self { $( Self::$variant => $node, )* }
            }

            /// The short name, unique in its node.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $name, )* }
            }

            /// What is counted, in VPP's words.
            pub const fn description(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }

            /// Whether it stands for lost packets.
            pub const fn severity(self) -> Severity {
                match self { $( Self::$variant => Severity::$severity, )* }
            }
        }
    };
}

errors! {
    /// The frame is shorter than an Ethernet header.
    EthernetTooShort: Error, "ethernet-input", "too_short", "packet too short";
    /// A type that nobody handles, on a layer-3 interface.
    EthernetUnknownType: Error, "ethernet-input", "unknown_type", "unknown ethernet type";
    /// No sub-interface for the frame's tags.
    EthernetUnknownVlan: Error, "ethernet-input", "unknown_vlan", "unknown vlan";
    /// Unicast to another station, on a layer-3 interface.
    EthernetL3MacMismatch: Error, "ethernet-input", "l3_mac_mismatch", "l3 mac mismatch";
    /// The interface that the frame belongs to is administratively down.
    EthernetDown: Error, "ethernet-input", "down", "subinterface down";
    /// IPv4 on a layer-3 interface.
    Ip4NotEnabled: Error, "ip4-not-enabled", "not_enabled", "ip4 not enabled on interface";
    /// IPv6 on a layer-3 interface.
    Ip6NotEnabled: Error, "ip6-not-enabled", "not_enabled", "ip6 not enabled on interface";
    /// ARP on a layer-3 interface.
    ArpDisabled: Error, "arp-disabled", "disabled", "ARP Disabled";
    /// Packets seen.
    L2Input: Info, "l2-input", "l2input", "L2 input packets";
    /// The interface left layer 2 while the packet was on its way.
    L2InputDrop: Error, "l2-input", "drop", "L2 input drops";
    /// No feature is left that would forward the packet.
    FeatureBitmapDrop: Error, "feature-bitmap-drop", "no_fwd", "L2 feature forwarding disabled";
    /// The packet has fewer tags than are to be popped.
    L2InputVtrDrop: Error, "l2-input-vtr", "drop", "L2 input tag rewrite drops";
    /// Packets seen.
    L2Learn: Info, "l2-learn", "l2learn", "L2 learn packets";
    /// Source address not in the table.
    L2LearnMiss: Info, "l2-learn", "miss", "L2 learn misses";
    /// Source address moved to another interface.
    L2LearnMacMove: Info, "l2-learn", "mac_move", "L2 mac moves";
    /// Source address is static on another interface.
    L2LearnMacMoveViolate: Error, "l2-learn", "mac_move_violate", "L2 mac move violations";
    /// Source address not learned, forwarded all the same.
    L2LearnLimit: Warn, "l2-learn", "limit", "L2 not learned due to limit";
    /// Age or sequence number of a known address brought up to date.
    L2LearnHitUpdate: Info, "l2-learn", "hit_update", "L2 learn hit updates";
    /// Source address has a filter entry.
    L2LearnFilterDrop: Error, "l2-learn", "filter_drop", "L2 filter mac drops";
    /// Destination address not in the table, and unknown unicast is not flooded.
    L2FwdFlood: Error, "l2-fwd", "flood", "L2 forward misses";
    /// Destination address is the bridge domain's own, and nothing is routed here.
    L2FwdBviEthertype: Error, "l2-fwd", "bvi_ethertype", "BVI packet with unhandled ethertype";
    /// Destination address has a filter entry.
    L2FwdFilterDrop: Error, "l2-fwd", "filter_drop", "Filter Mac Drop";
    /// Destination address is where the packet came from.
    L2FwdReflectDrop: Error, "l2-fwd", "reflect_drop", "Reflection Drop";
    /// Destination address was flushed, and unknown unicast is not flooded.
    L2FwdStaleDrop: Error, "l2-fwd", "stale_drop", "Stale entry Drop";
    /// Packets seen.
    L2Flood: Info, "l2-flood", "l2flood", "L2 flood packets";
    /// Packets that did not reach all members for want of buffers; those reached are forwarded.
    L2FloodReplFail: Warn, "l2-flood", "repl_fail", "L2 replication failures";
    /// Nobody to flood to.
    L2FloodNoMembers: Error, "l2-flood", "no_members", "L2 replication complete";
    /// Packets seen.
    L2Output: Info, "l2-output", "l2output", "L2 output packets";
    /// The tags differ from those of the interface's own packets, before the rewrite.
    L2OutputEfpDrop: Error, "l2-output", "efp_drop", "L2 EFP filter pre-rewrite drops";
    /// The packet has fewer tags than are to be popped.
    L2OutputVtrDrop: Error, "l2-output", "vtr_drop", "L2 output tag rewrite drops";
    /// Input and output are in the same split-horizon group.
    L2OutputShgDrop: Error, "l2-output", "shg_drop", "L2 split horizon drops";
    /// The interface never was in layer-2 mode.
    L2OutputMappingDrop: Error, "l2-output", "mapping_drop", "L2 Output interface not valid";
    /// The interface left layer 2 or was deleted; a stale entry pointed at it.
    L2OutputBadInterface: Error, "l2-output-bad-intf", "drop",
        "L2 output to interface not in L2 mode or deleted";
    /// Packets seen.
    L2EfpFilter: Info, "l2-efp-filter", "l2_efp_filter", "L2 EFP filter packets";
    /// The tags differ from those of the interface's own packets, after the rewrite.
    L2EfpFilterDrop: Error, "l2-efp-filter", "drop", "L2 EFP filter post-rewrite drops";
    /// A rule denies the packet, or none matches.
    AclInIp4Drop: Error, "acl-plugin-in-ip4-l2", "acl_drop", "ACL deny packets";
    /// A rule lets the packet pass.
    AclInIp4Permit: Info, "acl-plugin-in-ip4-l2", "acl_permit", "ACL permit packets";
    /// A rule let the packet and its session pass.
    AclInIp4NewSession: Info, "acl-plugin-in-ip4-l2", "acl_new_session", "new sessions added";
    /// Packets of sessions.
    AclInIp4ExistSession: Info, "acl-plugin-in-ip4-l2", "acl_exist_session",
        "existing session packets";
    /// Packets seen.
    AclInIp4Check: Info, "acl-plugin-in-ip4-l2", "acl_check", "checked packets";
    /// Another timeout holds for a session from now on.
    AclInIp4RestartTimer: Info, "acl-plugin-in-ip4-l2", "acl_restart_session_timer",
        "restart session timer";
    /// A rule lets the packet pass, but its session finds no room.
    AclInIp4TooManySessions: Error, "acl-plugin-in-ip4-l2", "acl_too_many_sessions",
        "too many sessions to add new";
    /// A rule denies the packet, or none matches.
    AclInIp6Drop: Error, "acl-plugin-in-ip6-l2", "acl_drop", "ACL deny packets";
    /// A rule lets the packet pass.
    AclInIp6Permit: Info, "acl-plugin-in-ip6-l2", "acl_permit", "ACL permit packets";
    /// A rule let the packet and its session pass.
    AclInIp6NewSession: Info, "acl-plugin-in-ip6-l2", "acl_new_session", "new sessions added";
    /// Packets of sessions.
    AclInIp6ExistSession: Info, "acl-plugin-in-ip6-l2", "acl_exist_session",
        "existing session packets";
    /// Packets seen.
    AclInIp6Check: Info, "acl-plugin-in-ip6-l2", "acl_check", "checked packets";
    /// Another timeout holds for a session from now on.
    AclInIp6RestartTimer: Info, "acl-plugin-in-ip6-l2", "acl_restart_session_timer",
        "restart session timer";
    /// A rule lets the packet pass, but its session finds no room.
    AclInIp6TooManySessions: Error, "acl-plugin-in-ip6-l2", "acl_too_many_sessions",
        "too many sessions to add new";
    /// A rule denies the packet, or none matches.
    AclOutIp4Drop: Error, "acl-plugin-out-ip4-l2", "acl_drop", "ACL deny packets";
    /// A rule lets the packet pass.
    AclOutIp4Permit: Info, "acl-plugin-out-ip4-l2", "acl_permit", "ACL permit packets";
    /// A rule let the packet and its session pass.
    AclOutIp4NewSession: Info, "acl-plugin-out-ip4-l2", "acl_new_session", "new sessions added";
    /// Packets of sessions.
    AclOutIp4ExistSession: Info, "acl-plugin-out-ip4-l2", "acl_exist_session",
        "existing session packets";
    /// Packets seen.
    AclOutIp4Check: Info, "acl-plugin-out-ip4-l2", "acl_check", "checked packets";
    /// Another timeout holds for a session from now on.
    AclOutIp4RestartTimer: Info, "acl-plugin-out-ip4-l2", "acl_restart_session_timer",
        "restart session timer";
    /// A rule lets the packet pass, but its session finds no room.
    AclOutIp4TooManySessions: Error, "acl-plugin-out-ip4-l2", "acl_too_many_sessions",
        "too many sessions to add new";
    /// A rule denies the packet, or none matches.
    AclOutIp6Drop: Error, "acl-plugin-out-ip6-l2", "acl_drop", "ACL deny packets";
    /// A rule lets the packet pass.
    AclOutIp6Permit: Info, "acl-plugin-out-ip6-l2", "acl_permit", "ACL permit packets";
    /// A rule let the packet and its session pass.
    AclOutIp6NewSession: Info, "acl-plugin-out-ip6-l2", "acl_new_session", "new sessions added";
    /// Packets of sessions.
    AclOutIp6ExistSession: Info, "acl-plugin-out-ip6-l2", "acl_exist_session",
        "existing session packets";
    /// Packets seen.
    AclOutIp6Check: Info, "acl-plugin-out-ip6-l2", "acl_check", "checked packets";
    /// Another timeout holds for a session from now on.
    AclOutIp6RestartTimer: Info, "acl-plugin-out-ip6-l2", "acl_restart_session_timer",
        "restart session timer";
    /// A rule lets the packet pass, but its session finds no room.
    AclOutIp6TooManySessions: Error, "acl-plugin-out-ip6-l2", "acl_too_many_sessions",
        "too many sessions to add new";
    /// Packets that a rule of the MACIP list is about.
    L2InputAclHit: Info, "l2-input-acl", "hit", "input ACL hits";
    /// Packets that none is about.
    L2InputAclMiss: Info, "l2-input-acl", "miss", "input ACL misses";
    /// The MACIP list does not know the packet's source.
    L2InputAclTableMiss: Error, "l2-input-acl", "table_miss", "input ACL table-miss drops";
    /// A rule of the MACIP list denies the packet's source.
    L2InputAclDeny: Error, "l2-input-acl", "session_deny", "input ACL session deny drops";
    /// The port is administratively down or has no link.
    InterfaceDown: Error, "interface-output", "interface_down", "interface is down";
    /// The port is gone.
    InterfaceDeleted: Error, "interface-output", "interface_deleted", "interface is deleted";
}

impl Error {
    /// How many counters there are.
    pub const COUNT: usize = Self::ALL.len();
}
