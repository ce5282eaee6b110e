//! What a host needs to read besides its own ports.

use std::collections::BTreeSet;

use weft_model::{AddressGroupId, SecurityGroupId};

/// The groups that a host needs to know: those of its secured ports, and what their rules name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Groups whose rules are needed: `global/secgroups/{group}`.
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Groups whose members are needed: `global/remote_group/{group}/`.
    pub remote_groups: BTreeSet<SecurityGroupId>,
    /// Address groups that are needed: `global/address_groups/{group}`.
    pub address_groups: BTreeSet<AddressGroupId>,
}
