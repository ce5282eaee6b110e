//! A rule of a security group as rules of VPP.
//!
//! VPP knows ports of TCP and UDP and types and codes of ICMP and ICMPv6; a packet of another
//! protocol has ports 0 and 0 to it (`acl_fill_5tuple_l4_and_pkt_data` in `public_inlines.h`). So a
//! rule for some ports of SCTP would match no packet, or, with port 0 among them, all of them. Such a
//! rule is left out: never is more allowed than was asked for, and the group's status tells.

use weft_model::{
    IcmpMessages, IpPrefix, IpProtocol, IpVersion, PortProtocol, PortRange, SecurityRule, Traffic,
};

use crate::object::{AclAction, AclRule, Direction};

/// Headers of IPv6 behind which VPP looks for the protocol, so that it never sees these as one:
/// `fa_ipv6_known_eh_bitmap` in VPP's `acl.c`.
const SKIPPED_HEADERS: [u8; 9] = [0, 43, 44, 60, 135, 139, 140, 253, 254];

/// Which packets a rule speaks of, besides their addresses: the protocol, and the ranges of ports or
/// of types and codes.
type Matching = (IpProtocol, PortRange, PortRange);

/// The rules of VPP for `rule`, of a group that is stateful or not, with these others; or why VPP
/// cannot have them.
pub(super) fn compile(
    rule: &SecurityRule,
    direction: Direction,
    stateful: bool,
    remotes: &[IpPrefix],
) -> Result<Vec<AclRule>, String> {
    let (protocol, first, second) = matching(rule)?;
    let action = if stateful {
        AclAction::PermitReflect
    } else {
        AclAction::Permit
    };
    let version = rule.version();
    let remotes = remotes.iter().filter(|remote| remote.version() == version);
    let rules = remotes.map(|remote| {
        AclRule::with_remote(action, direction, *remote)
            .protocol(protocol)
            .ranges(first, second)
    });
    Ok(rules.collect())
}

fn matching(rule: &SecurityRule) -> Result<Matching, String> {
    let any = |protocol| (protocol, PortRange::ALL, PortRange::ALL);
    match rule.traffic {
        Traffic::Any => Ok(any(IpProtocol::new(0))),
        Traffic::Ports(protocol, PortRange::ALL) => Ok(any(protocol.number())),
        Traffic::Ports(protocol @ (PortProtocol::Tcp | PortProtocol::Udp), ports) => {
            Ok((protocol.number(), PortRange::ALL, ports))
        }
        Traffic::Ports(protocol, _) => Err(format!(
            "VPP does not know the ports of {}",
            protocol.number()
        )),
        Traffic::Icmp(messages) => {
            let (types, codes) = match messages {
                IcmpMessages::All => (PortRange::OCTETS, PortRange::OCTETS),
                IcmpMessages::Type(kind) => (PortRange::only(kind.into()), PortRange::OCTETS),
                IcmpMessages::TypeCode(kind, code) => {
                    (PortRange::only(kind.into()), PortRange::only(code.into()))
                }
            };
            Ok((rule.icmp(), types, codes))
        }
        Traffic::Protocol(protocol) => {
            let skipped =
                rule.version() == IpVersion::V6 && SKIPPED_HEADERS.contains(&protocol.number());
            // 0 would be any protocol to VPP.
            if skipped || protocol.number() == 0 {
                return Err(format!(
                    "VPP takes {protocol} for a header before the protocol, not for a protocol"
                ));
            }
            Ok(any(protocol))
        }
    }
}
