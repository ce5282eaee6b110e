//! What is wanted of one host: its configuration and the records of the store.

use std::collections::BTreeMap;

use weft_model::{InvalidRecord, PhysnetName, PortBinding};

use crate::object::UplinkDevice;

/// What the host's configuration says of its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNetwork {
    /// Which interface carries which physical network. No interface carries two.
    pub physnets: BTreeMap<PhysnetName, UplinkDevice>,
    /// After how many minutes bridge domains forget a learned address; 0 never.
    pub mac_age: u8,
}

/// A port as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortRecord {
    /// `create_revision` of its key: who came first.
    pub create_revision: i64,
    /// `mod_revision` of its key: which version of the record this is.
    pub mod_revision: i64,
    /// The record, or why there is none to use.
    pub binding: Result<PortBinding, InvalidRecord>,
}
