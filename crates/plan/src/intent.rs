//! What is wanted of one host: its configuration and the records of the store.

use std::collections::BTreeMap;
use std::net::IpAddr;

use weft_model::{
    InvalidRecord, MacAdvertisement, Mtu, Network, PhysnetName, PortBinding, SecurityGroup,
    SocketDirectory,
};

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
    /// What carries overlay networks, if the host has them.
    pub underlay: Option<Underlay>,
}

/// What carries overlay networks in between hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Underlay {
    /// The physical network whose uplink carries the tunnels.
    pub physnet: PhysnetName,
    /// The address to give to the uplink. Where there is none, the one that it has is taken.
    pub address: Option<UnderlayAddress>,
    /// Where the hosts of other networks are reached.
    pub gateway: Option<IpAddr>,
    /// The MTU of the underlay.
    pub mtu: Mtu,
}

/// An address with its connected network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderlayAddress {
    /// The address.
    pub address: IpAddr,
    /// How many bits of it are the network's: 0 to 32 or 128.
    pub prefix_len: u8,
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

/// An overlay network's record as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkRecord {
    /// `mod_revision` of its key: which version of the record this is.
    pub mod_revision: i64,
    /// The record, or why there is none to use.
    pub network: Result<Network, InvalidRecord>,
}

/// A MAC address that another host says is behind it, as the store has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteMac {
    /// `mod_revision` of its key.
    pub mod_revision: i64,
    /// What is said, or why that cannot be used.
    pub advertisement: Result<MacAdvertisement, InvalidRecord>,
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
