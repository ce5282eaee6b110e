//! What a host needs to read besides its own ports.

use std::collections::BTreeSet;

use weft_model::{AddressGroupId, OverlaySegment, SecurityGroupId};

/// What a host needs to know: the groups of its secured ports and what their rules name, and the
/// overlay networks of its ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Groups whose rules are needed: `global/secgroups/{group}`.
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Groups whose members are needed: `global/remote_group/{group}/`.
    pub remote_groups: BTreeSet<SecurityGroupId>,
    /// Address groups that are needed: `global/address_groups/{group}`.
    pub address_groups: BTreeSet<AddressGroupId>,
    /// Overlay networks whose records are needed: `global/networks/{type}/{vni}`.
    pub networks: BTreeSet<OverlaySegment>,
    /// Overlay networks of which it is needed where the MAC addresses are:
    /// `global/networks/{type}/{vni}/`.
    pub advertisements: BTreeSet<OverlaySegment>,
}
