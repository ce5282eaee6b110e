//! The nodes, one file each, under VPP's names.

mod acl;
pub(crate) mod error_drop;
mod ethernet_input;
mod feature_bitmap_drop;
pub(crate) mod interface_output;
mod l2_efp_filter;
mod l2_feat_arc;
pub(crate) mod l2_flood;
mod l2_fwd;
mod l2_input;
mod l2_input_acl;
mod l2_input_vtr;
mod l2_learn;
mod l2_output;
pub(crate) mod pg_input;

pub(crate) use acl::AclNode;
pub(crate) use ethernet_input::EthernetInput;
pub(crate) use feature_bitmap_drop::FeatureBitmapDrop;
pub(crate) use l2_efp_filter::L2EfpFilter;
pub(crate) use l2_feat_arc::L2FeatArc;
pub(crate) use l2_fwd::L2Fwd;
pub(crate) use l2_input::L2Input;
pub(crate) use l2_input_acl::L2InputAcl;
pub(crate) use l2_input_vtr::L2InputVtr;
pub(crate) use l2_learn::L2Learn;
pub(crate) use l2_output::L2Output;

/// Packets whose table entries are fetched before the first of them is looked at: few enough that
/// the entries are still in the nearest cache then.
const BATCH: usize = 32;
