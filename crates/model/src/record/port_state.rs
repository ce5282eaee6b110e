//! `state/{host}/ports/{port}`: present while the port is effective; its presence is the message,
//! its value is for people.

use serde::{Deserialize, Serialize};

use crate::mac::Mac;
use crate::name::{IfName, PhysnetName};
use crate::record::PortBinding;
use crate::socket_path::SocketPath;

/// The value of `state/{host}/ports/{port}`, in networking-vpp's words where it has them. Numbers
/// of VPP's own (interface index, bridge domain) are left out: they change with its restarts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortState {
    /// The binding type.
    pub bind_type: String,
    /// The port's MAC address.
    pub mac: Mac,
    /// What the port's user sees of it.
    #[serde(flatten)]
    pub device: PortDevice,
    /// The network.
    pub net_data: NetData,
    /// `mod_revision` of the record that is in effect.
    pub revision: i64,
}

/// What plays a port, seen from its user's side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortDevice {
    /// A TAP.
    Tap {
        /// The device in the kernel.
        int_tap_name: IfName,
    },
    /// A vhost-user interface.
    VhostUser {
        /// Its socket.
        path: SocketPath,
    },
}

/// The network of a [`PortState`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetData {
    /// The physical network; none for an overlay.
    pub physnet: Option<PhysnetName>,
    /// Neutron's type of it.
    pub network_type: String,
    /// The VLAN or the VNI, if it has one.
    pub segmentation_id: Option<u32>,
}

impl From<IfName> for PortDevice {
    fn from(int_tap_name: IfName) -> Self {
        Self::Tap { int_tap_name }
    }
}

impl From<SocketPath> for PortDevice {
    fn from(path: SocketPath) -> Self {
        Self::VhostUser { path }
    }
}

impl PortState {
    /// The state of `port`, played by `device`, as its record of `revision` says.
    pub fn of(port: &PortBinding, device: impl Into<PortDevice>, revision: i64) -> Self {
        Self {
            bind_type: port.binding_type.as_str().to_owned(),
            mac: port.mac,
            device: device.into(),
            net_data: NetData {
                physnet: port.segment.physnet().cloned(),
                network_type: port.segment.network_type().to_owned(),
                segmentation_id: port.segment.segmentation_id(),
            },
            revision,
        }
    }
}
