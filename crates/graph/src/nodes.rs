//! The nodes, one file each, under VPP's names.

mod acl;
mod arp;
mod arp_term;
pub(crate) mod error_drop;
mod ethernet_input;
mod feature_bitmap_drop;
pub(crate) mod gso;
mod icmp4;
mod icmp6;
mod icmp_echo;
pub(crate) mod interface_output;
mod ip;
mod ip4;
pub(crate) mod ip4_frag;
pub(crate) mod ip4_reassembly;
mod ip6;
mod l2_efp_filter;
mod l2_feat_arc;
pub(crate) mod l2_flood;
mod l2_fwd;
mod l2_input;
mod l2_input_acl;
mod l2_input_vtr;
mod l2_learn;
mod l2_output;
pub(crate) mod neighbor_probe;
pub(crate) mod pg_input;
mod udp_lookup;
mod vxlan_encap;
mod vxlan_input;

pub(crate) use acl::AclNode;
pub(crate) use arp::{ArpInput, ArpReply};
pub(crate) use arp_term::ArpTermL2bd;
pub(crate) use ethernet_input::EthernetInput;
pub(crate) use feature_bitmap_drop::FeatureBitmapDrop;
pub(crate) use icmp_echo::IcmpEchoRequest;
pub(crate) use icmp4::Ip4IcmpInput;
pub(crate) use icmp6::{Icmp6NeighborAdvertisement, Icmp6NeighborSolicitation, Ip6IcmpInput};
pub(crate) use ip::{IpLookup, IpRewrite};
pub(crate) use ip4::{Ip4Input, Ip4Receive};
pub(crate) use ip6::{Ip6Input, Ip6MfibForwardLookup, Ip6Receive};
pub(crate) use l2_efp_filter::L2EfpFilter;
pub(crate) use l2_feat_arc::L2FeatArc;
pub(crate) use l2_fwd::L2Fwd;
pub(crate) use l2_input::L2Input;
pub(crate) use l2_input_acl::L2InputAcl;
pub(crate) use l2_input_vtr::L2InputVtr;
pub(crate) use l2_learn::L2Learn;
pub(crate) use l2_output::L2Output;
pub(crate) use udp_lookup::UdpLookup;
pub(crate) use vxlan_encap::VxlanEncap;
pub(crate) use vxlan_input::VxlanInput;

/// Packets whose table entries are fetched before the first of them is looked at: few enough that
/// the entries are still in the nearest cache then.
const BATCH: usize = 32;
