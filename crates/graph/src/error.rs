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
    /// No route, a route to nowhere, or content that nobody here takes.
    NullNode: Error, "null-node", "none", "blackholed packets";
    /// Shorter than a header.
    Ip4TooShort: Error, "ip4-input", "too_short", "ip4 length < 20 bytes";
    /// The packet ends before its length says.
    Ip4BadLength: Error, "ip4-input", "bad_length", "ip4 length > l2 length";
    /// The header's checksum is wrong.
    Ip4BadChecksum: Error, "ip4-input", "bad_checksum", "bad ip4 checksum";
    /// The header is not of version 4.
    Ip4Version: Error, "ip4-input", "version", "ip4 version != 4";
    /// A fragment that would overwrite a transport header (RFC 1858 §4).
    Ip4FragmentOffsetOne: Error, "ip4-input", "fragment_offset_one", "ip4 fragment offset == 1";
    /// Time to live is over.
    Ip4TimeExpired: Error, "ip4-input", "time_expired", "ip4 ttl <= 1";
    /// The header says that it is shorter than a header.
    Ip4HeaderTooShort: Error, "ip4-input", "hdr_too_short", "ip4 IHL < 5";
    /// Too large for the interface, and nobody may fragment it.
    Ip4MtuExceeded: Error, "ip4-input", "mtu_exceeded", "ip4 MTU exceeded and DF set";
    /// Multicast that nobody here listens to.
    Ip4RpfFailure: Error, "ip4-input", "rpf_failure", "Multicast RPF check failed";
    /// For this switch, from where no route leads back.
    Ip4SourceLookupMiss: Error, "ip4-local", "src_lookup_miss", "ip4 source lookup miss";
    /// For this switch, of a protocol that it does not speak.
    Ip4UnknownProtocol: Error, "ip4-local", "unknown_protocol", "unknown ip protocol";
    /// For this switch, with a wrong UDP checksum.
    Ip4UdpChecksum: Error, "ip4-local", "udp_checksum", "bad udp checksum";
    /// For this switch, with a UDP length beyond the packet.
    Ip4UdpLength: Error, "ip4-local", "udp_length", "inconsistent udp/ip lengths";
    /// For this switch, from an address of this switch.
    Ip4Spoofed: Error, "ip4-local", "spoofed_local_packets",
        "ip4 spoofed local-address packet drops";
    /// Shorter than a header.
    Ip6TooShort: Error, "ip6-input", "too_short", "ip6 length < 40 bytes";
    /// The packet ends before its length says.
    Ip6BadLength: Error, "ip6-input", "bad_length", "ip6 length > l2 length";
    /// The header is not of version 6.
    Ip6Version: Error, "ip6-input", "version", "ip6 version != 6";
    /// The hop limit is reached.
    Ip6TimeExpired: Error, "ip6-input", "time_expired", "ip6 ttl <= 1";
    /// Too large for the interface.
    Ip6MtuExceeded: Error, "ip6-input", "mtu_exceeded", "ip6 MTU exceeded";
    /// Multicast that nobody here listens to.
    Ip6RpfFailure: Error, "ip6-input", "rpf_failure", "Multicast RPF check failed";
    /// For this switch, from where no route leads back.
    Ip6SourceLookupMiss: Error, "ip6-input", "src_lookup_miss", "ip6 source lookup miss";
    /// For this switch, of a protocol that it does not speak.
    Ip6UnknownProtocol: Error, "ip6-input", "unknown_protocol", "unknown ip protocol";
    /// For this switch, with a wrong UDP checksum.
    Ip6UdpChecksum: Error, "ip6-input", "udp_checksum", "bad udp checksum";
    /// For this switch, with a wrong ICMPv6 checksum.
    Ip6IcmpChecksum: Error, "ip6-input", "icmp_checksum", "bad icmp checksum";
    /// For this switch, with a UDP length beyond the packet.
    Ip6UdpLength: Error, "ip6-input", "udp_length", "inconsistent udp/ip lengths";
    /// For this switch, from an address of this switch.
    Ip6Spoofed: Error, "ip6-input", "spoofed_local_packets",
        "ip6 spoofed local-address packet drops";
    /// The packet gave its life for a question already asked a moment ago.
    Ip4ArpThrottled: Info, "ip4-arp", "throttled", "ARP requests throttled";
    /// The next hop is asked for in the packet's place.
    Ip4ArpRequestSent: Info, "ip4-arp", "request_sent", "ARP requests sent";
    /// There is no buffer for the question.
    Ip4ArpNoBuffers: Error, "ip4-arp", "no_buffers", "ARP requests out of buffer";
    /// The interface has no address to ask from.
    Ip4ArpNoSource: Error, "ip4-arp", "no_source_address", "no source address for ARP request";
    /// As of `ip4-arp`, on a connected network.
    Ip4GleanThrottled: Info, "ip4-glean", "throttled", "ARP requests throttled";
    /// As of `ip4-arp`, on a connected network.
    Ip4GleanRequestSent: Info, "ip4-glean", "request_sent", "ARP requests sent";
    /// As of `ip4-arp`, on a connected network.
    Ip4GleanNoBuffers: Error, "ip4-glean", "no_buffers", "ARP requests out of buffer";
    /// As of `ip4-arp`, on a connected network.
    Ip4GleanNoSource: Error, "ip4-glean", "no_source_address", "no source address for ARP request";
    /// The packet gave its life for a question already asked a moment ago.
    Ip6NeighborThrottled: Info, "ip6-discover-neighbor", "throttled", "throttled";
    /// The next hop is asked for in the packet's place.
    Ip6NeighborRequestSent: Info, "ip6-discover-neighbor", "request_sent",
        "neighbor solicitations sent";
    /// The interface has no address to ask from.
    Ip6NeighborNoSource: Error, "ip6-discover-neighbor", "no_source_address",
        "no source address for ND solicitation";
    /// There is no buffer for the question.
    Ip6NeighborNoBuffers: Error, "ip6-discover-neighbor", "no_buffers", "no buffers";
    /// As of `ip6-discover-neighbor`, on a connected network.
    Ip6GleanThrottled: Info, "ip6-glean", "throttled", "throttled";
    /// As of `ip6-discover-neighbor`, on a connected network.
    Ip6GleanRequestSent: Info, "ip6-glean", "request_sent", "neighbor solicitations sent";
    /// As of `ip6-discover-neighbor`, on a connected network.
    Ip6GleanNoSource: Error, "ip6-glean", "no_source_address",
        "no source address for ND solicitation";
    /// As of `ip6-discover-neighbor`, on a connected network.
    Ip6GleanNoBuffers: Error, "ip6-glean", "no_buffers", "no buffers";
    /// Fragmented; the original is gone.
    Ip4FragDone: Info, "ip4-frag", "none", "packet fragmented";
    /// Fragments made.
    Ip4FragSent: Info, "ip4-frag", "fragment_sent", "number of sent fragments";
    /// The packet cannot be fragmented.
    Ip4FragMalformed: Error, "ip4-frag", "malformed", "malformed packet";
    /// There are no buffers for fragments.
    Ip4FragMemory: Error, "ip4-frag", "memory", "could not allocate buffer";
    /// Fragments that became packets again.
    Ip4ReassFragments: Info, "ip4-local-full-reassembly", "reass_fragments_reassembled",
        "fragments reassembled";
    /// A fragment that covers what another does.
    Ip4ReassDuplicate: Error, "ip4-local-full-reassembly", "reass_duplicate_fragment",
        "duplicate/overlapping fragments";
    /// Too many packets wait for fragments.
    Ip4ReassLimit: Error, "ip4-local-full-reassembly", "reass_limit_reached",
        "drops due to concurrent reassemblies limit";
    /// A packet of too many fragments.
    Ip4ReassTooLong: Error, "ip4-local-full-reassembly", "reass_fragment_chain_too_long",
        "fragment chain too long (drop)";
    /// A fragment that is not right.
    Ip4ReassMalformed: Error, "ip4-local-full-reassembly", "reass_malformed_packet",
        "malformed packets";
    /// The others did not come in time.
    Ip4ReassTimeout: Error, "ip4-local-full-reassembly", "reass_timeout",
        "fragments dropped due to reassembly timeout";
    /// Not an ARP packet for Ethernet.
    ArpInputHardware: Error, "arp-input", "l2_type_not_ethernet", "L2 type not ethernet";
    /// Not an ARP packet for IPv4.
    ArpInputProtocol: Error, "arp-input", "l3_type_not_ip4", "L3 type not IP4";
    /// The sender has no address.
    ArpInputUnset: Error, "arp-input", "l3_dst_address_unset", "IP4 destination address is unset";
    /// Requests answered.
    ArpReplySent: Info, "arp-reply", "replies_sent", "ARP replies sent";
    /// The sender is not on this network.
    ArpReplySourceNotLocal: Error, "arp-reply", "l3_src_address_not_local",
        "IP4 source address not local to subnet";
    /// Asked for is not this switch.
    ArpReplyTargetNotLocal: Error, "arp-reply", "l3_dst_address_not_local",
        "IP4 destination address not local to subnet";
    /// The sender claims this switch's own address.
    ArpReplySourceIsLocal: Error, "arp-reply", "l3_src_address_is_local",
        "IP4 source address matches local interface";
    /// A reply taken in.
    ArpReplyLearned: Info, "arp-reply", "l3_src_address_learned",
        "ARP request IP4 source address learned";
    /// The frame is from another address than its content.
    ArpReplyMismatch: Error, "arp-reply", "l2_address_mismatch",
        "ARP hw addr does not match L2 frame src addr";
    /// Of an address that nobody here knows.
    ArpReplyGratuitous: Error, "arp-reply", "gratuitous_arp",
        "ARP probe or announcement dropped";
    /// Asked for is an address of another interface.
    ArpReplyUnnumbered: Error, "arp-reply", "unnumbered_mismatch",
        "RX interface is unnumbered to different subnet";
    /// Answered.
    Icmp4EchoReplies: Info, "ip4-icmp-input", "echo_replies_sent", "echo replies sent";
    /// A message that this switch does not answer.
    Icmp4UnknownType: Error, "ip4-icmp-input", "unknown_type", "unknown type";
    /// The message is cut off.
    Icmp4TooSmall: Error, "ip4-icmp-input", "length_too_small_for_type",
        "payload length too small for type";
    /// Answered.
    Icmp6EchoReplies: Info, "ip6-icmp-input", "echo_replies_sent", "echo replies sent";
    /// A message that this switch does not answer.
    Icmp6UnknownType: Error, "ip6-icmp-input", "unknown_type", "unknown type";
    /// The message is cut off.
    Icmp6TooSmall: Error, "ip6-icmp-input", "length_too_small_for_type",
        "payload length too small for type";
    /// Neighbour discovery that came over a router.
    Icmp6HopLimit: Error, "ip6-icmp-input", "invalid_hop_limit_for_type", "hop_limit != 255";
    /// Asked by somebody who is not on this network.
    Icmp6SolicitationNotOnLink: Error, "ip6-icmp-input",
        "neighbor_solicitation_source_not_on_link",
        "neighbor solicitations from source not on link";
    /// Asked for is not this switch.
    Icmp6SolicitationUnknown: Error, "ip6-icmp-input", "neighbor_solicitation_source_unknown",
        "neighbor solicitations for unknown targets";
    /// Solicitations answered.
    Icmp6AdvertisementsSent: Info, "ip6-icmp-input", "neighbor_advertisements_tx",
        "neighbor advertisements sent";
    /// An answer taken in.
    Icmp6AdvertisementsReceived: Info, "ip6-icmp-input", "neighbor_advertisements_rx",
        "neighbor advertisements received";
    /// A router's matter.
    Icmp6RouterDiscovery: Error, "ip6-icmp-input", "router_solicitation_radv_not_config",
        "neighbor discovery not configured";
    /// Nobody listens to the port.
    Udp4NoListener: Error, "ip4-udp-lookup", "no_listener", "No listener for dst port";
    /// The datagram is cut off.
    Udp4Length: Error, "ip4-udp-lookup", "length_error", "Packets with length errors";
    /// Nobody listens to the port.
    Udp6NoListener: Error, "ip6-udp-lookup", "no_listener", "No listener for dst port";
    /// The datagram is cut off.
    Udp6Length: Error, "ip6-udp-lookup", "length_error", "Packets with length errors";
    /// Frames taken out.
    Vxlan4Decapsulated: Info, "vxlan4-input", "decapsulated", "good packets decapsulated";
    /// No tunnel with these addresses, port and VNI.
    Vxlan4NoSuchTunnel: Error, "vxlan4-input", "no_such_tunnel", "no such tunnel packets";
    /// Not the flags of RFC 7348.
    Vxlan4BadFlags: Error, "vxlan4-input", "bad_flags",
        "packets with bad flags field in vxlan header";
    /// As of `vxlan4-input`.
    Vxlan6Decapsulated: Info, "vxlan6-input", "decapsulated", "good packets decapsulated";
    /// As of `vxlan4-input`.
    Vxlan6NoSuchTunnel: Error, "vxlan6-input", "no_such_tunnel", "no such tunnel packets";
    /// As of `vxlan4-input`.
    Vxlan6BadFlags: Error, "vxlan6-input", "bad_flags",
        "packets with bad flags field in vxlan header";
    /// As of `vxlan4-input`.
    VxlanGpe4Decapsulated: Info, "vxlan4-gpe-input", "decapsulated", "good packets decapsulated";
    /// As of `vxlan4-input`.
    VxlanGpe4NoSuchTunnel: Error, "vxlan4-gpe-input", "no_such_tunnel", "no such tunnel packets";
    /// A version other than 0, or a VNI that is not valid, which VPP does not look at.
    VxlanGpe4BadFlags: Error, "vxlan4-gpe-input", "bad_flags",
        "packets with bad flags field in vxlan header";
    /// As of `vxlan4-input`.
    VxlanGpe6Decapsulated: Info, "vxlan6-gpe-input", "decapsulated", "good packets decapsulated";
    /// As of `vxlan4-input`.
    VxlanGpe6NoSuchTunnel: Error, "vxlan6-gpe-input", "no_such_tunnel", "no such tunnel packets";
    /// As of `vxlan4-gpe-input`.
    VxlanGpe6BadFlags: Error, "vxlan6-gpe-input", "bad_flags",
        "packets with bad flags field in vxlan header";
    /// Frames put into tunnels.
    Vxlan4Encapsulated: Info, "vxlan4-encap", "encapsulated", "good packets encapsulated";
    /// Frames put into tunnels.
    Vxlan6Encapsulated: Info, "vxlan6-encap", "encapsulated", "good packets encapsulated";
    /// Frames put into tunnels.
    VxlanGpeEncapsulated: Info, "vxlan-gpe-encap", "encapsulated", "good packets encapsulated";
    /// A super-packet that cannot be cut.
    GsoUnhandled: Error, "gso-l2-ip4", "unhandled_type", "unhandled gso type";
    /// There are no buffers for the segments.
    GsoNoBuffers: Error, "gso-l2-ip4", "no_buffers", "no buffers to segment GSO";
    /// Datagrams joined on their way here that cannot be cut again.
    GsoUdpUnhandled: Error, "gso-udp-local", "unhandled_type", "unhandled gso type";
    /// There are no buffers for the segments.
    GsoUdpNoBuffers: Error, "gso-udp-local", "no_buffers", "no buffers to segment GSO";
    /// Requests answered.
    ArpTermReplies: Info, "arp-term-l2bd", "replies_sent", "ARP replies sent";
    /// Not ARP for Ethernet.
    ArpTermHardware: Error, "arp-term-l2bd", "l2_type_not_ethernet", "L2 type not ethernet";
    /// Not ARP for IPv4.
    ArpTermProtocol: Error, "arp-term-l2bd", "l3_type_not_ip4", "L3 type not IP4";
    /// The sender has a group's address.
    ArpTermSourceNotLocal: Error, "arp-term-l2bd", "l3_src_address_not_local",
        "IP4 source address not local to subnet";
    /// The frame is from another address than its content.
    ArpTermMismatch: Error, "arp-term-l2bd", "l2_address_mismatch",
        "ARP hw addr does not match L2 frame src addr";
    /// An announcement that is not right.
    ArpTermGratuitous: Error, "arp-term-l2bd", "gratuitous_arp",
        "ARP probe or announcement dropped";
    /// The port is administratively down or has no link.
    InterfaceDown: Error, "interface-output", "interface_down", "interface is down";
    /// The port is gone.
    InterfaceDeleted: Error, "interface-output", "interface_deleted", "interface is deleted";
}

impl Error {
    /// How many counters there are.
    pub const COUNT: usize = Self::ALL.len();
}
