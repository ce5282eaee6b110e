//! A vector packet graph after VPP's model: switching, routing and tunnels in vectors of up to 256 packets.
//!
//! Pure: no I/O and no clock; ports hand packets in and take them out, time is an argument.
//!
//! | side | type | what |
//! |---|---|---|
//! | control thread | [`Tables`] | interfaces, bridge domains, MAC addresses, routes, tunnels; counters and traces |
//! | each worker | [`Graph`] | runs packets through the nodes |
//!
//! How the two go together without locks stands at the head of [`tables`]. Nodes are files of
//! `nodes/`, named as in VPP 26.06, whose behaviour they follow:
//!
//! ```text
//! *-input → ethernet-input → l2-input → [access lists] → [l2-input-acl] → [l2-input-vtr] → l2-learn
//!   → l2-fwd or l2-flood → l2-output → [access lists] → [l2-efp-filter] → interface-output → tx
//! ARP, neighbour discovery: l2-learn → arp-term-l2bd → l2-output or l2-flood
//! layer 3: ethernet-input → arp-input → arp-reply → interface-output
//!   ethernet-input → ip*-input → ip*-lookup → ip*-rewrite → interface-output
//!                                           → ip*-arp, ip*-glean (asks for the next hop)
//!                                           → ip*-receive → ip*-icmp-input, ip*-udp-lookup
//! tunnels: l2-output → [gso-l2-ip4] → vxlan*-encap → ip*-rewrite
//!          l2-output → [gso-l2-ip4] → vxlan-gpe-encap → ip*-lookup → ip*-rewrite
//!          ip*-udp-lookup → [gso-udp-local → ip*-udp-lookup] → vxlan*-input → l2-input
//! access lists: l2-*-feat-arc → acl-plugin-*-ip4-l2 or acl-plugin-*-ip6-l2
//! any of them → error-drop, with a named counter
//! ```
//!
//! Every packet that comes in is sent, copied and sent, or ends in `error-drop` under one [`Error`]: of
//! severity [`Severity::Error`], but for those that did what they were there for (ARP replies) or made way
//! for others (fragments, questions for a next hop).
#![allow(
    unsafe_code,
    reason = "index masks and prefetches on the packet path, each measured and small"
)]
#![allow(
    clippy::cast_possible_truncation,
    reason = "fields are packed into words of the FIB, counts are bounded by the pool (2^20), lengths of headers are small"
)]
#![allow(clippy::cast_precision_loss, reason = "averages are for people")]

mod acl;
mod clock;
mod counters;
mod cycles;
pub mod error;
mod feature;
pub mod fib;
mod frame;
mod generator;
mod graph;
mod ip;
mod node;
mod nodes;
mod prefetch;
pub mod tables;
mod trace;
mod transmit;
mod tunnel;
mod vlan;

pub use acl::{
    AclAction, AclPrefixes, AclRule, AclRuleError, Ipv4Prefix, Ipv6Prefix, MacIpRule, PortRange,
    SessionDetails, SessionTimeout, SessionTotals,
};
pub use error::{Error, Severity};
pub use fib::{FibEntry, FibFlags};
pub use frame::FRAME_SIZE;
pub use generator::StreamConfig;
pub use graph::Graph;
pub use ip::IpPrefix;
pub use node::NodeId;
pub use tables::{
    Acl, AclDirection, AclError, AclIndex, InterfaceAcls, LookupContext, MacIpAcl, MacIpIndex,
    RuleMatches,
};
pub use tables::{
    BdFlags, BdId, BdIndex, BridgeDomain, DeviceClass, ErrorCount, FloodMember, Generation,
    Interface, InterfaceKind, InterfaceTotals, L2Flags, L2Mode, MacTarget, NodeRuntime, PortType,
    TableError, Tables, TablesHandle,
};
pub use tables::{
    FibEntryIp, FibEntryKind, FibSource, InterfaceAddress, Neighbour, PathKind, Route, RoutePath,
    Tunnel,
};
pub use trace::{PacketTrace, Record};
pub use tunnel::Encapsulation;
pub use vlan::{OuterTag, SubInterfaceMatch, TagRewrite, TagRewriteError, VlanTci};
pub use weft_packet::SwIfIndex;
