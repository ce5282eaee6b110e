//! What Neutron means: the records, and what they allow.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use weft_model::{
    AddressGroup, AddressGroupId, GroupMember, IcmpMessages, IpPrefix, IpVersion, Mac, PortBinding,
    PortId, PortProtocol, Remote, SecurityGroup, SecurityGroupId, SecurityRule, Traffic,
};

use super::{Packet, Transport};
use crate::object::Direction;

/// The records that are about security. A group that is not here allows nothing.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    /// `global/secgroups/{group}`.
    pub security_groups: BTreeMap<SecurityGroupId, SecurityGroup>,
    /// `global/remote_group/{group}/{port}`.
    pub members: BTreeMap<SecurityGroupId, BTreeMap<PortId, GroupMember>>,
    /// `global/address_groups/{group}`.
    pub address_groups: BTreeMap<AddressGroupId, AddressGroup>,
}

impl Cloud {
    /// Whether a packet that answers nothing may go to or come from a secured port. Its source
    /// address is another matter: see [`Self::may_send`].
    pub fn allows(&self, port: &PortBinding, direction: Direction, packet: &Packet) -> bool {
        match basics(direction, packet) {
            Some(decided) => decided,
            None => port
                .security_groups
                .iter()
                .any(|group| self.group_allows(group, direction, packet)),
        }
    }

    /// Whether a group allows a packet.
    pub fn group_allows(
        &self,
        group: &SecurityGroupId,
        direction: Direction,
        packet: &Packet,
    ) -> bool {
        let Some(group) = self.security_groups.get(group) else {
            return false;
        };
        let (rules, remote) = match direction {
            Direction::Ingress => (&group.ingress_rules, packet.source),
            Direction::Egress => (&group.egress_rules, packet.destination),
        };
        rules
            .iter()
            .any(|rule| self.speaks_of(&rule.remote, remote) && matches(rule, packet))
    }

    /// Whether a port may send with these source addresses.
    pub fn may_send(port: &PortBinding, mac: Mac, source: IpAddr) -> bool {
        let mut stations = vec![port.mac];
        for pair in &port.allowed_address_pairs {
            let station = pair.mac.unwrap_or(port.mac);
            if pair.ip_address.version() == IpVersion::V6 {
                stations.push(station);
            }
            if station == mac && pair.ip_address.contains(source) {
                return true;
            }
        }
        let own = mac == port.mac
            && (source == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
                || port.fixed_ips.iter().any(|ip| ip.ip_address == source));
        let neighbour = stations.contains(&mac)
            && (source == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
                || source == IpAddr::V6(mac.link_local()));
        own || neighbour
    }

    fn speaks_of(&self, remote: &Remote, address: IpAddr) -> bool {
        let within = |prefixes: &[IpPrefix]| prefixes.iter().any(|prefix| prefix.contains(address));
        match remote {
            Remote::Prefix(prefix) => prefix.contains(address),
            Remote::Group(group, version) => {
                let members = self.members.get(group).into_iter().flatten();
                IpVersion::of(address) == *version
                    && members
                        .into_iter()
                        .any(|(_, member)| within(&member.addresses))
            }
            Remote::AddressGroup(group, version) => {
                IpVersion::of(address) == *version
                    && self
                        .address_groups
                        .get(group)
                        .is_some_and(|group| within(&group.addresses))
            }
        }
    }
}

/// What holds for every secured port, if it decides about the packet.
fn basics(direction: Direction, packet: &Packet) -> Option<bool> {
    let ports = match packet.transport {
        Transport::Ports {
            protocol,
            source,
            destination,
        } => Some((protocol, source, destination)),
        _ => None,
    };
    let message = match (packet.version(), packet.transport) {
        (IpVersion::V6, Transport::Icmp { kind, .. }) => Some(kind),
        _ => None,
    };
    let (client, server) = match packet.version() {
        IpVersion::V4 => (68, 67),
        IpVersion::V6 => (546, 547),
    };
    let from_client = ports == Some((PortProtocol::Udp, client, server));
    let from_server = ports == Some((PortProtocol::Udp, server, client));
    let metadata = ["169.254.169.254", "fe80::a9fe:a9fe"].map(|text| text.parse().ok());
    let to_metadata = metadata.contains(&Some(packet.destination))
        && matches!(ports, Some((PortProtocol::Tcp, _, 80)));
    match direction {
        Direction::Ingress if from_server => Some(true),
        Direction::Ingress => match message {
            Some(130..=132 | 134..=136 | 143) => Some(true),
            _ => None,
        },
        Direction::Egress if from_client || to_metadata => Some(true),
        Direction::Egress if from_server => Some(false),
        Direction::Egress => match message {
            Some(131..=133 | 135 | 136 | 143) => Some(true),
            Some(134) => Some(false),
            _ => None,
        },
    }
}

fn matches(rule: &SecurityRule, packet: &Packet) -> bool {
    if rule.version() != packet.version() {
        return false;
    }
    match (rule.traffic, packet.transport) {
        (Traffic::Any, _) => true,
        (
            Traffic::Ports(wanted, range),
            Transport::Ports {
                protocol,
                destination,
                ..
            },
        ) => wanted == protocol && range.contains(destination),
        (Traffic::Icmp(messages), Transport::Icmp { kind, code }) => match messages {
            IcmpMessages::All => true,
            IcmpMessages::Type(wanted) => wanted == kind,
            IcmpMessages::TypeCode(wanted, of) => wanted == kind && of == code,
        },
        (Traffic::Protocol(wanted), _) => wanted == packet.protocol(),
        _ => false,
    }
}
