//! `nodes/{host}/ports/{port}`: the binding of a port to a host.

use std::fmt;
use std::net::IpAddr;

use serde_json::{Value, json};

use super::fields::{Fields, InvalidRecord};
use super::json::Json;
use crate::group_id::SecurityGroupId;
use crate::ip_prefix::IpPrefix;
use crate::mac::Mac;
use crate::name::PhysnetName;
use crate::overlay::{OverlayProtocol, OverlaySegment};
use crate::segment::NetworkSegment;
use crate::vlan::VlanId;
use crate::vni::Vni;

/// What a cloud wants of one port on one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortBinding {
    /// The MAC address of whatever stands behind the port.
    pub mac: Mac,
    /// The network's MTU.
    pub mtu: Mtu,
    /// The network.
    pub segment: NetworkSegment,
    /// What kind of interface plays the port.
    pub binding_type: BindingType,
    /// The addresses that Neutron gave the port.
    pub fixed_ips: Vec<FixedIp>,
    /// Further addresses that may be used behind the port.
    pub allowed_address_pairs: Vec<AddressPair>,
    /// The port's security groups.
    pub security_groups: Vec<SecurityGroupId>,
    /// Whether security groups and anti-spoofing apply. Ports of type [`BindingType::Tap`] are
    /// those of the cloud itself and trusted whatever this says, unless the host's configuration
    /// says otherwise.
    pub port_security_enabled: bool,
    /// What the port belongs to (Neutron's `device_id`); for people only.
    pub device_id: Option<String>,
}

/// What kind of interface plays a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BindingType {
    /// A TAP of VPP in the kernel of the host (networking-vpp's older word: `plugtap`).
    Tap,
    /// A vhost-user interface of VPP, the other end of which is a virtual machine.
    VhostUser,
}

/// A maximum transmission unit of layer 3 in bytes: 68 (RFC 791 §3.2, the least that IPv4 works
/// over) to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtu(u16);

/// An address of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FixedIp {
    /// The address.
    pub ip_address: IpAddr,
    /// Neutron's identifier of the subnet; for people only.
    pub subnet_id: Option<String>,
}

/// An address or prefix that a port may use beside its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressPair {
    /// Which.
    pub ip_address: IpPrefix,
    /// With which MAC; the port's own if absent.
    pub mac: Option<Mac>,
}

/// Reads the value of `nodes/{host}/ports/{port}`.
pub fn decode_port(bytes: &[u8]) -> Result<PortBinding, InvalidRecord> {
    read(&Json::of(bytes)?)
}

impl PortBinding {
    /// Reads the record from JSON.
    pub fn from_json(value: &Value) -> Result<Self, InvalidRecord> {
        read(&Json::of_value(value)?)
    }

    /// Writes the record as JSON, in networking-vpp's layout.
    pub fn to_json(&self) -> Value {
        json!({
            "mac_address": self.mac,
            "mtu": self.mtu.get(),
            "physnet": self.segment.physnet(),
            "network_type": self.segment.network_type(),
            "segmentation_id": self.segment.segmentation_id(),
            "binding_type": self.binding_type.as_str(),
            "fixed_ips": self.fixed_ips.iter().map(|ip| json!({
                "ip_address": ip.ip_address,
                "subnet_id": ip.subnet_id,
            })).collect::<Vec<_>>(),
            "allowed_address_pairs": self.allowed_address_pairs.iter().map(|pair| json!({
                "ip_address": pair.ip_address,
                "mac_address": pair.mac,
            })).collect::<Vec<_>>(),
            "security_groups": self.security_groups,
            "port_security_enabled": self.port_security_enabled,
            "device_id": self.device_id,
        })
    }
}

fn read(json: &Json<'_>) -> Result<PortBinding, InvalidRecord> {
    let fields = Fields::of(json)?;
    Ok(PortBinding {
        mac: station(&fields)?,
        mtu: match fields.optional_number("mtu")? {
            None => Mtu::DEFAULT,
            Some(bytes) => Mtu::new(bytes).map_err(|error| fields.wrong("mtu", error))?,
        },
        segment: segment(&fields)?,
        binding_type: match fields.text("binding_type")? {
            "tap" | "plugtap" => BindingType::Tap,
            "vhostuser" => BindingType::VhostUser,
            other => {
                return Err(fields.wrong(
                    "binding_type",
                    format!("`{other}` is not served; `tap` and `vhostuser` are"),
                ));
            }
        },
        fixed_ips: fields.objects("fixed_ips", |ip| {
            Ok(FixedIp {
                ip_address: ip.parsed("ip_address")?,
                subnet_id: ip.optional_text("subnet_id")?.map(str::to_owned),
            })
        })?,
        allowed_address_pairs: fields.objects("allowed_address_pairs", address_pair)?,
        security_groups: fields
            .list("security_groups")?
            .map(|(place, group)| match group {
                Json::Text(id) => id
                    .parse()
                    .map_err(|error| InvalidRecord::field(place, error)),
                _ => Err(InvalidRecord::field(
                    place,
                    "the text of an identifier is wanted",
                )),
            })
            .collect::<Result<_, InvalidRecord>>()?,
        port_security_enabled: fields.boolean_or("port_security_enabled", true)?,
        device_id: fields.optional_text("device_id")?.map(str::to_owned),
    })
}

fn segment(fields: &Fields<'_>) -> Result<NetworkSegment, InvalidRecord> {
    let id = fields.optional_number("segmentation_id")?;
    let network_type = fields.text("network_type")?;
    let physnet = || fields.parsed::<PhysnetName>("physnet");
    match (network_type, id) {
        // Neutron writes null, networking-vpp also wrote 0.
        ("flat", None | Some(0)) => Ok(NetworkSegment::Flat {
            physnet: physnet()?,
        }),
        ("flat", Some(id)) => Err(fields.wrong(
            "segmentation_id",
            format!("{id} contradicts `network_type` flat, which has none"),
        )),
        ("vlan", None) => Err(fields.missing("segmentation_id")),
        ("vlan", Some(id)) => {
            let vlan = VlanId::new(id).map_err(|error| fields.wrong("segmentation_id", error))?;
            Ok(NetworkSegment::Vlan {
                physnet: physnet()?,
                vlan,
            })
        }
        (other, id) => match OverlayProtocol::parse(other) {
            Some(protocol) => Ok(NetworkSegment::Overlay(OverlaySegment {
                protocol,
                vni: vni(fields, id)?,
            })),
            None => Err(fields.wrong(
                "network_type",
                format!("`{other}` is not served; `flat`, `vlan`, `gpe` and `vxlan` are"),
            )),
        },
    }
}

/// The VNI of an overlay network, which no physical network carries: it is each host's configuration
/// that says where its underlay is.
fn vni(fields: &Fields<'_>, id: Option<u32>) -> Result<Vni, InvalidRecord> {
    if let Some(physnet) = fields.optional_text("physnet")? {
        return Err(fields.wrong(
            "physnet",
            format!("`{physnet}` contradicts `network_type`: an overlay network has none"),
        ));
    }
    let id = id.ok_or_else(|| fields.missing("segmentation_id"))?;
    Vni::new(id).map_err(|error| fields.wrong("segmentation_id", error))
}

fn address_pair(fields: &Fields<'_>) -> Result<AddressPair, InvalidRecord> {
    let ip_address = fields.parsed("ip_address")?;
    let mac = match fields.get("mac_address") {
        None => None,
        Some(_) => Some(station(fields)?),
    };
    Ok(AddressPair { ip_address, mac })
}

/// The field `mac_address`, which is the address of one station.
fn station(fields: &Fields<'_>) -> Result<Mac, InvalidRecord> {
    let mac: Mac = fields.parsed("mac_address")?;
    if mac.is_unicast() {
        return Ok(mac);
    }
    Err(fields.wrong("mac_address", format!("{mac} is no address of one station")))
}

impl BindingType {
    /// The word in the record.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tap => "tap",
            Self::VhostUser => "vhostuser",
        }
    }
}

/// Why a number is no MTU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no MTU: 68 to 65535 bytes are wanted")]
pub struct InvalidMtu(u32);

impl Mtu {
    /// What Ethernet offers where nothing else is said.
    pub const DEFAULT: Self = Self(1500);

    /// The MTU of this many bytes.
    pub fn new(bytes: u32) -> Result<Self, InvalidMtu> {
        match u16::try_from(bytes) {
            Ok(bytes @ 68..) => Ok(Self(bytes)),
            _ => Err(InvalidMtu(bytes)),
        }
    }

    /// Bytes, 68 to 65535.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
