//! What VPP does with lists (`public_inlines.h`, `macip_create_classify_tables` in `acl.c`).

use std::net::IpAddr;

use weft_model::{IpProtocol, IpVersion, Mac, PortProtocol};

use super::{Packet, Transport};
use crate::object::{Acl, AclAction, AclRule, MacIpAcl};

/// The action of the first rule that matches a whole packet, over all lists of a direction in their
/// order; `None` if there is none, which drops it.
pub fn first_match(lists: &[&Acl], packet: &Packet) -> Option<AclAction> {
    let (first, second) = ports(packet);
    first_rule(lists, packet, |rule| {
        rule.source_ports_or_types().contains(first)
            && rule.destination_ports_or_codes().contains(second)
    })
}

/// The same for a fragment of the packet that is not its first: it has no ports, and rules of its
/// protocol match whatever theirs.
pub fn fragment_match(lists: &[&Acl], packet: &Packet) -> Option<AclAction> {
    first_rule(lists, packet, |_| true)
}

/// Whether what a list decided lets a packet pass.
pub fn passes(action: Option<AclAction>) -> bool {
    matches!(action, Some(AclAction::Permit | AclAction::PermitReflect))
}

/// Whether a list of source addresses lets this sender pass. All rules are of one kind here: they
/// permit, so that VPP's order of them makes no difference.
pub fn may_send(list: &MacIpAcl, mac: Mac, source: IpAddr) -> bool {
    // An empty list filters nothing.
    list.rules.is_empty()
        || list.rules.iter().any(|rule| {
            let masked = |mac: Mac| {
                let mask = rule.mac_mask.octets();
                let octets = mac.octets();
                std::array::from_fn::<u8, 6, _>(|at| octets[at] & mask[at])
            };
            rule.permit && masked(mac) == masked(rule.mac) && rule.prefix.contains(source)
        })
}

fn first_rule(
    lists: &[&Acl],
    packet: &Packet,
    ranges: impl Fn(&AclRule) -> bool,
) -> Option<AclAction> {
    let rules = lists.iter().flat_map(|list| list.rules.iter());
    let mut matching = rules.filter(|rule| {
        let protocol = rule.of_protocol();
        rule.source().contains(packet.source)
            && rule.destination().contains(packet.destination)
            && (protocol.number() == 0 || (protocol == packet.protocol() && ranges(rule)))
    });
    matching.next().map(AclRule::action)
}

/// What VPP reads as ports: none but those of TCP and UDP, and types and codes of ICMP.
fn ports(packet: &Packet) -> (u16, u16) {
    match (packet.transport, packet.version()) {
        (
            Transport::Ports {
                protocol: PortProtocol::Tcp | PortProtocol::Udp,
                source,
                destination,
            },
            _,
        ) => (source, destination),
        (Transport::Icmp { kind, code }, _) => (kind.into(), code.into()),
        (Transport::Ports { .. }, _) => (0, 0),
        (Transport::Other(protocol), version) => {
            debug_assert!(
                !is_known(protocol, version),
                "{protocol} has a form of its own"
            );
            (0, 0)
        }
    }
}

/// Whether a protocol has a form of its own in [`Transport`].
fn is_known(protocol: IpProtocol, version: IpVersion) -> bool {
    let icmp = match version {
        IpVersion::V4 => IpProtocol::ICMP,
        IpVersion::V6 => IpProtocol::ICMPV6,
    };
    protocol == icmp || PortProtocol::of(protocol).is_some()
}
