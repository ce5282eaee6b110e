//! Rules of access lists and MACIP lists, in our words and in VPP's.
//!
//! What we write is read back as it was: else the lists would be replaced for ever.

#[cfg(test)]
mod tests;

use weft_model::{IpPrefix, IpProtocol, IpVersion, Mac, PortRange};
use weft_plan::{AclAction, AclRule, Direction, MacIpRule, TcpFlags};
use weft_vpp_wire::messages::acl;
use weft_vpp_wire::{MacAddress, Prefix};

/// A rule as VPP takes it.
pub(super) fn write_acl(rule: &AclRule) -> acl::AclRule {
    let types_or_ports = rule.source_ports_or_types();
    let codes_or_ports = rule.destination_ports_or_codes();
    acl::AclRule {
        is_permit: match rule.action() {
            AclAction::Deny => acl::AclAction::DENY,
            AclAction::Permit => acl::AclAction::PERMIT,
            AclAction::PermitReflect => acl::AclAction::PERMIT_REFLECT,
            AclAction::Other(action) => acl::AclAction(action),
        },
        src_prefix: write_prefix(rule.source()),
        dst_prefix: write_prefix(rule.destination()),
        proto: rule.of_protocol().number(),
        srcport_or_icmptype_first: types_or_ports.first(),
        srcport_or_icmptype_last: types_or_ports.last(),
        dstport_or_icmpcode_first: codes_or_ports.first(),
        dstport_or_icmpcode_last: codes_or_ports.last(),
        tcp_flags_mask: rule.of_tcp_flags().mask,
        tcp_flags_value: rule.of_tcp_flags().value,
    }
}

/// A rule as VPP takes it.
pub(super) fn write_macip(rule: &MacIpRule) -> acl::MacipAclRule {
    acl::MacipAclRule {
        is_permit: if rule.permit {
            acl::AclAction::PERMIT
        } else {
            acl::AclAction::DENY
        },
        src_mac: MacAddress(rule.mac.octets()),
        src_mac_mask: MacAddress(rule.mac_mask.octets()),
        src_prefix: write_prefix(rule.prefix),
    }
}

fn write_prefix(prefix: IpPrefix) -> Prefix {
    Prefix {
        address: prefix.address(),
        len: prefix.length(),
    }
}

/// A rule that cannot be said in our words is one that is never wanted.
pub(super) fn read_acl(rule: &acl::AclRule) -> AclRule {
    said(rule).unwrap_or_else(|| {
        let any = IpPrefix::any(IpVersion::V4);
        AclRule::with_remote(AclAction::Other(rule.is_permit.0), Direction::Ingress, any)
    })
}

fn said(rule: &acl::AclRule) -> Option<AclRule> {
    let action = match rule.is_permit {
        acl::AclAction::DENY => AclAction::Deny,
        acl::AclAction::PERMIT => AclAction::Permit,
        acl::AclAction::PERMIT_REFLECT => AclAction::PermitReflect,
        acl::AclAction(other) => AclAction::Other(other),
    };
    let (first, last) = (
        rule.srcport_or_icmptype_first,
        rule.srcport_or_icmptype_last,
    );
    let sources = PortRange::new(first, last).ok()?;
    let (first, last) = (
        rule.dstport_or_icmpcode_first,
        rule.dstport_or_icmpcode_last,
    );
    let destinations = PortRange::new(first, last).ok()?;
    let tcp_flags = TcpFlags {
        mask: rule.tcp_flags_mask,
        value: rule.tcp_flags_value,
    };
    let said = AclRule::new(
        action,
        read_prefix(rule.src_prefix)?,
        read_prefix(rule.dst_prefix)?,
    )
    .ok()?;
    Some(
        said.protocol(IpProtocol::new(rule.proto))
            .ranges(sources, destinations)
            .tcp_flags(tcp_flags),
    )
}

/// VPP takes anything here; what is no prefix, or is for what is sent too, becomes a rule that
/// denies, which is never wanted.
pub(super) fn read_macip(rule: &acl::MacipAclRule) -> MacIpRule {
    let prefix = read_prefix(rule.src_prefix);
    MacIpRule {
        permit: rule.is_permit == acl::AclAction::PERMIT && prefix.is_some(),
        mac: Mac::new(rule.src_mac.0),
        mac_mask: Mac::new(rule.src_mac_mask.0),
        prefix: prefix.unwrap_or(IpPrefix::host(rule.src_prefix.address)),
    }
}

/// The prefix, if it is one: no longer than an address, and without host bits.
fn read_prefix(prefix: Prefix) -> Option<IpPrefix> {
    let masked = IpPrefix::new(prefix.address, prefix.len).ok()?;
    (masked.address() == prefix.address).then_some(masked)
}
