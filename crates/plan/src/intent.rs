//! What is wanted of one host: its configuration and the records of the store.

use std::collections::BTreeMap;

use weft_model::{InvalidRecord, PhysnetName, PortBinding, SecurityGroup, SocketDirectory};

use crate::object::{UplinkDevice, VhostUserMode};

/// What the host's configuration says of its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostNetwork {
    /// Which interface carries which physical network. No interface carries two.
    pub physnets: BTreeMap<PhysnetName, UplinkDevice>,
    /// After how many minutes bridge domains forget a learned address; 0 never.
    pub mac_age: u8,
    /// How virtual machines are connected.
    pub vhost_user: VhostUserNetwork,
    /// Whether security groups and anti-spoofing apply to TAPs, too, as far as their records say so.
    /// Else TAPs are trusted as the cloud's own, as networking-vpp does.
    pub secure_taps: bool,
}

/// How vhost-user interfaces are made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VhostUserNetwork {
    /// Where their sockets are.
    pub directory: SocketDirectory,
    /// Which side VPP is.
    pub mode: VhostUserMode,
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

/// A security group as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupRecord {
    /// `mod_revision` of its key: which version of the record this is.
    pub mod_revision: i64,
    /// The record, or why there is none to use.
    pub group: Result<SecurityGroup, InvalidRecord>,
}

impl Default for VhostUserNetwork {
    /// `/run/weft/vhost-user`, where the virtual machines listen.
    fn default() -> Self {
        let directory = SocketDirectory::new("/run/weft/vhost-user");
        Self {
            directory: directory.unwrap_or_else(|_| unreachable!("a constant that is legal")),
            mode: VhostUserMode::default(),
        }
    }
}
