//! What every secured port may and must not do, whatever its groups: the first lists of each.
//!
//! A machine may ask for addresses and routers and find its neighbours; it must not answer as a DHCP
//! server or a router. What no rule here decides is left to the groups, and denied after them.
//!
//! A fragment that is not the first of its packet matches the first rule of its protocol and
//! addresses, whatever the ports (VPP's `l4-match-nonfirst-fragment`). So of each protocol that is
//! denied anything, a rule that permits comes first: else all its fragments would be dropped. Without
//! the packet's first fragment, which is judged as a whole packet is, they are of no use.
//!
//! VPP's sessions know of no errors that belong to a flow (ICMP "related" of Linux): those need rules
//! of a group.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, LazyLock};

use weft_model::{IpPrefix, IpProtocol, IpVersion, PortRange};

use crate::object::{Acl, AclAction, AclKey, AclRule, Direction};

/// The metadata service of clouds, over IPv4 and (since Neutron 17) over IPv6.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

/// Multicast listener query, report, done; router advertisement; neighbour solicitation and
/// advertisement; multicast listener report version 2 (RFC 2710, 4861, 3810): what a machine must
/// hear for IPv6 to work.
const HEARD: [u8; 7] = [130, 131, 132, 134, 135, 136, 143];

/// Neighbour solicitation and advertisement, router solicitation, multicast listener report, done,
/// report version 2: what a machine must be able to say. Router advertisements (134) are denied.
const SAID: [u8; 6] = [135, 136, 133, 131, 132, 143];

const ROUTER_ADVERTISEMENT: u8 = 134;

/// The list of one direction.
pub(crate) fn anti_spoofing(direction: Direction) -> Acl {
    static TO_MACHINE: LazyLock<Arc<[AclRule]>> = LazyLock::new(|| to_machine().into());
    static FROM_MACHINE: LazyLock<Arc<[AclRule]>> = LazyLock::new(|| from_machine().into());
    let rules = match direction {
        Direction::Ingress => &TO_MACHINE,
        Direction::Egress => &FROM_MACHINE,
    };
    Acl {
        key: AclKey::AntiSpoofing(direction),
        rules: Arc::clone(rules),
    }
}

fn to_machine() -> Vec<AclRule> {
    let mut rules = vec![
        dhcp(
            AclAction::Permit,
            Direction::Ingress,
            IpVersion::V4,
            Role::Server,
        ),
        dhcp(
            AclAction::Permit,
            Direction::Ingress,
            IpVersion::V6,
            Role::Server,
        ),
    ];
    let icmp = |kind| icmpv6(AclAction::Permit, Direction::Ingress, kind);
    rules.extend(HEARD.map(icmp));
    rules
}

fn from_machine() -> Vec<AclRule> {
    let mut rules = Vec::new();
    for version in [IpVersion::V4, IpVersion::V6] {
        rules.push(dhcp(
            AclAction::Permit,
            Direction::Egress,
            version,
            Role::Client,
        ));
        rules.push(dhcp(
            AclAction::Deny,
            Direction::Egress,
            version,
            Role::Server,
        ));
    }
    let icmp = |kind| icmpv6(AclAction::Permit, Direction::Egress, kind);
    rules.extend(SAID.map(icmp));
    rules.push(icmpv6(
        AclAction::Deny,
        Direction::Egress,
        ROUTER_ADVERTISEMENT,
    ));
    let http = PortRange::only(80);
    rules.extend(METADATA.map(|service| {
        AclRule::with_remote(
            AclAction::PermitReflect,
            Direction::Egress,
            IpPrefix::host(service),
        )
        .protocol(IpProtocol::TCP)
        .ranges(PortRange::ALL, http)
    }));
    rules
}

/// Who says something in DHCP.
#[derive(Clone, Copy)]
enum Role {
    Client,
    Server,
}

/// What client or server send: DHCP (RFC 2131 §4.1: ports 68 and 67) or DHCPv6 (RFC 8415 §7.2: ports
/// 546 and 547).
fn dhcp(action: AclAction, direction: Direction, version: IpVersion, role: Role) -> AclRule {
    let (client, server) = match version {
        IpVersion::V4 => (68, 67),
        IpVersion::V6 => (546, 547),
    };
    let (from, to) = match role {
        Role::Client => (client, server),
        Role::Server => (server, client),
    };
    AclRule::with_remote(action, direction, IpPrefix::any(version))
        .protocol(IpProtocol::UDP)
        .ranges(PortRange::only(from), PortRange::only(to))
}

fn icmpv6(action: AclAction, direction: Direction, kind: u8) -> AclRule {
    AclRule::with_remote(action, direction, IpPrefix::any(IpVersion::V6))
        .protocol(IpProtocol::ICMPV6)
        .ranges(PortRange::only(kind.into()), PortRange::OCTETS)
}
