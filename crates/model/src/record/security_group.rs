//! `global/secgroups/{group}`: the rules of a security group.

mod decode;

use std::fmt;

use serde_json::{Value, json};

use crate::group_id::{AddressGroupId, SecurityGroupId};
use crate::ip_prefix::{IpPrefix, IpVersion};
use crate::ip_protocol::IpProtocol;

pub use decode::decode_security_group;

/// What may reach the ports of a group, and what they may send. All rules allow; what no rule
/// allows is denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// What may go to a port.
    pub ingress_rules: Vec<SecurityRule>,
    /// What may come from a port.
    pub egress_rules: Vec<SecurityRule>,
    /// Whether what answers allowed traffic is allowed, too.
    pub stateful: bool,
}

/// One rule: this traffic with these others is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityRule {
    /// With whom: the source of what comes in, the destination of what goes out.
    pub remote: Remote,
    /// What.
    pub traffic: Traffic,
}

/// Whom a rule speaks of besides the port itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remote {
    /// The addresses of a prefix.
    Prefix(IpPrefix),
    /// The addresses of one version that the members of a security group have.
    Group(SecurityGroupId, IpVersion),
    /// The addresses of one version in an address group.
    AddressGroup(AddressGroupId, IpVersion),
}

/// What a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// All of the rule's IP version.
    Any,
    /// Messages of ICMP, or of ICMPv6 where the rule is of IPv6.
    Icmp(IcmpMessages),
    /// Packets of a protocol with ports, to these destination ports.
    Ports(PortProtocol, PortRange),
    /// Packets of another protocol.
    Protocol(IpProtocol),
}

/// Messages of ICMP or ICMPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpMessages {
    /// All.
    All,
    /// Those of one type.
    Type(u8),
    /// Those of one type and code.
    TypeCode(u8, u8),
}

/// A protocol whose packets have ports (those for which Neutron takes port ranges).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PortProtocol {
    /// RFC 9293.
    Tcp,
    /// RFC 768.
    Udp,
    /// RFC 3828.
    UdpLite,
    /// RFC 9260.
    Sctp,
    /// RFC 4340.
    Dccp,
}

/// Ports from one to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// Why two numbers make no range of ports.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{first} to {last} is no range of ports: the second is less than the first")]
pub struct InvalidPortRange {
    first: u16,
    last: u16,
}

impl SecurityGroup {
    /// Writes the record as JSON, in networking-vpp's layout.
    pub fn to_json(&self) -> Value {
        let rules = |rules: &[SecurityRule]| -> Vec<Value> {
            rules.iter().map(SecurityRule::to_json).collect()
        };
        json!({
            "ingress_rules": rules(&self.ingress_rules),
            "egress_rules": rules(&self.egress_rules),
            "stateful": self.stateful,
        })
    }
}

impl SecurityRule {
    fn to_json(&self) -> Value {
        let (prefix, group, address_group) = match &self.remote {
            Remote::Prefix(prefix) => (Some(prefix), None, None),
            Remote::Group(group, _) => (None, Some(group), None),
            Remote::AddressGroup(group, _) => (None, None, Some(group)),
        };
        // Where there is nothing to say of ports, networking-vpp writes 0 and 0.
        let (protocol, port_min, port_max) = match self.traffic {
            Traffic::Any => (IpProtocol::new(0), 0, 0),
            Traffic::Protocol(protocol) => (protocol, 0, 0),
            Traffic::Ports(protocol, range) => (
                protocol.number(),
                i32::from(range.first),
                i32::from(range.last),
            ),
            Traffic::Icmp(messages) => {
                let (first, second) = match messages {
                    IcmpMessages::All => (-1, -1),
                    IcmpMessages::Type(kind) => (i32::from(kind), -1),
                    IcmpMessages::TypeCode(kind, code) => (i32::from(kind), i32::from(code)),
                };
                (self.icmp(), first, second)
            }
        };
        let mut rule = json!({
            "is_ipv6": u8::from(self.version() == IpVersion::V6),
            "remote_ip_addr": prefix.map(|prefix| prefix.address()),
            "ip_prefix_len": prefix.map_or(0, |prefix| prefix.length()),
            "remote_group_id": group,
            "protocol": protocol.number(),
            "port_min": port_min,
            "port_max": port_max,
        });
        if let (Some(group), Value::Object(fields)) = (address_group, &mut rule) {
            fields.insert("remote_address_group_id".to_owned(), json!(group));
        }
        rule
    }

    /// Of which IP version its packets are.
    pub fn version(&self) -> IpVersion {
        match &self.remote {
            Remote::Prefix(prefix) => prefix.version(),
            Remote::Group(_, version) | Remote::AddressGroup(_, version) => *version,
        }
    }

    /// ICMP as the rule's version has it.
    pub fn icmp(&self) -> IpProtocol {
        match self.version() {
            IpVersion::V4 => IpProtocol::ICMP,
            IpVersion::V6 => IpProtocol::ICMPV6,
        }
    }
}

impl PortProtocol {
    /// The protocol of a number, if it has ports.
    pub fn of(protocol: IpProtocol) -> Option<Self> {
        [Self::Tcp, Self::Udp, Self::UdpLite, Self::Sctp, Self::Dccp]
            .into_iter()
            .find(|known| known.number() == protocol)
    }

    /// Its number.
    pub const fn number(self) -> IpProtocol {
        match self {
            Self::Tcp => IpProtocol::TCP,
            Self::Udp => IpProtocol::UDP,
            Self::UdpLite => IpProtocol::UDPLITE,
            Self::Sctp => IpProtocol::SCTP,
            Self::Dccp => IpProtocol::DCCP,
        }
    }
}

impl PortRange {
    /// All ports.
    pub const ALL: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// All values of an octet, as types and codes of ICMP are.
    pub const OCTETS: Self = Self {
        first: 0,
        last: 255,
    };

    /// One port.
    pub const fn only(port: u16) -> Self {
        Self {
            first: port,
            last: port,
        }
    }

    /// From `first` to `last`, both included.
    pub fn new(first: u16, last: u16) -> Result<Self, InvalidPortRange> {
        if first > last {
            return Err(InvalidPortRange { first, last });
        }
        Ok(Self { first, last })
    }

    /// The lowest port.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// Whether `port` is one of them.
    pub const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Group(group, version) => write!(f, "{version} of group {group}"),
            Self::AddressGroup(group, version) => {
                write!(f, "{version} of address group {group}")
            }
        }
    }
}

impl fmt::Display for SecurityRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.traffic {
            Traffic::Any => write!(f, "any {}", self.version())?,
            Traffic::Icmp(IcmpMessages::All) => self.icmp().fmt(f)?,
            Traffic::Icmp(IcmpMessages::Type(kind)) => write!(f, "{} type {kind}", self.icmp())?,
            Traffic::Icmp(IcmpMessages::TypeCode(kind, code)) => {
                write!(f, "{} type {kind} code {code}", self.icmp())?;
            }
            Traffic::Ports(protocol, PortRange::ALL) => protocol.number().fmt(f)?,
            Traffic::Ports(protocol, range) => write!(f, "{} port {range}", protocol.number())?,
            Traffic::Protocol(protocol) => protocol.fmt(f)?,
        }
        write!(f, " with {}", self.remote)
    }
}
