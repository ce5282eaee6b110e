//! Access lists of VPP's acl plugin.

use std::sync::Arc;

use weft_model::{IpPrefix, IpProtocol, IpVersion, PortRange, SecurityGroupId};

/// A direction of traffic, seen from the machine behind the port as Neutron does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// To the machine: VPP's *output*.
    Ingress,
    /// From the machine: VPP's *input*.
    Egress,
}

/// An access list of ours by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclKey {
    /// What holds for every secured port of the host, before its groups.
    AntiSpoofing(Direction),
    /// The rules of a security group in one direction. All ports of the group share it.
    SecurityGroup {
        /// The group.
        group: SecurityGroupId,
        /// The direction.
        direction: Direction,
    },
}

/// An access list: the first rule that matches a packet decides. VPP replaces it in place, at once
/// for all interfaces that have it.
///
/// An interface that has any access lists in a direction drops what none of their rules matches, be
/// they empty (`multi_acl_match_5tuple` in VPP's `public_inlines.h`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    /// Which.
    pub key: AclKey,
    /// The rules in the order of their matching; none is legal. Shared, since plans and what is
    /// observed hold the same ones, and there may be thousands.
    pub rules: Arc<[AclRule]>,
}

/// A rule of an access list (`vl_api_acl_rule_t`). Source and destination are of one IP version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AclRule {
    source: IpPrefix,
    destination: IpPrefix,
    protocol: IpProtocol,
    first: PortRange,
    second: PortRange,
    tcp_flags: TcpFlags,
    action: AclAction,
}

/// What becomes of a packet that a rule matches (`vl_api_acl_action_t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AclAction {
    /// It is dropped.
    Deny,
    /// It passes.
    Permit,
    /// It passes, and so does what answers it.
    PermitReflect,
    /// Something that we never ask for; only ever observed.
    Other(u8),
}

/// Which TCP flags a rule asks for: those of `mask` must be as in `value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TcpFlags {
    /// Which flags count; 0 for none, which is all that we ever ask for.
    pub mask: u8,
    /// How they must be.
    pub value: u8,
}

/// Why there is no such rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a rule from {from} to {to} is not of one IP version", from = .0, to = .1)]
pub struct InvalidAclRule(IpPrefix, IpPrefix);

impl AclRule {
    /// A rule for all packets from `source` to `destination`, of whatever protocol.
    pub fn new(
        action: AclAction,
        source: IpPrefix,
        destination: IpPrefix,
    ) -> Result<Self, InvalidAclRule> {
        if source.version() != destination.version() {
            return Err(InvalidAclRule(source, destination));
        }
        Ok(Self::unchecked(action, source, destination))
    }

    /// A rule for all packets of a version with the prefix `remote` on the other side.
    pub fn with_remote(action: AclAction, direction: Direction, remote: IpPrefix) -> Self {
        let any = IpPrefix::any(remote.version());
        match direction {
            Direction::Ingress => Self::unchecked(action, remote, any),
            Direction::Egress => Self::unchecked(action, any, remote),
        }
    }

    fn unchecked(action: AclAction, source: IpPrefix, destination: IpPrefix) -> Self {
        Self {
            source,
            destination,
            protocol: IpProtocol::new(0),
            first: PortRange::ALL,
            second: PortRange::ALL,
            tcp_flags: TcpFlags::default(),
            action,
        }
    }

    /// The same for packets of one protocol only; 0 is any, and VPP ignores ranges and flags then.
    #[must_use]
    pub fn protocol(self, protocol: IpProtocol) -> Self {
        Self { protocol, ..self }
    }

    /// The same for these source and destination ports (TCP, UDP), or types and codes (ICMP, ICMPv6).
    /// Other protocols have 0 and 0, to VPP.
    #[must_use]
    pub fn ranges(self, first: PortRange, second: PortRange) -> Self {
        Self {
            first,
            second,
            ..self
        }
    }

    /// The same for these flags of TCP only.
    #[must_use]
    pub fn tcp_flags(self, tcp_flags: TcpFlags) -> Self {
        Self { tcp_flags, ..self }
    }

    /// What becomes of what it matches.
    pub fn action(&self) -> AclAction {
        self.action
    }

    /// Which source addresses it matches.
    pub fn source(&self) -> IpPrefix {
        self.source
    }

    /// Which destination addresses it matches.
    pub fn destination(&self) -> IpPrefix {
        self.destination
    }

    /// Of which IP version its packets are.
    pub fn version(&self) -> IpVersion {
        self.source.version()
    }

    /// Which protocol it matches; number 0 is any.
    pub fn of_protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// Which source ports or ICMP types it matches (`srcport_or_icmptype_first`, `_last`).
    pub fn source_ports_or_types(&self) -> PortRange {
        self.first
    }

    /// Which destination ports or ICMP codes it matches (`dstport_or_icmpcode_first`, `_last`).
    pub fn destination_ports_or_codes(&self) -> PortRange {
        self.second
    }

    /// Which TCP flags it asks for.
    pub fn of_tcp_flags(&self) -> TcpFlags {
        self.tcp_flags
    }
}
