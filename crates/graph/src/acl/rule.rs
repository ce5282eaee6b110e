//! One rule of an access control list (VPP `acl_rule_t`), checked when it is made.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::address::Address;

/// What becomes of a packet that a rule matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(u8)]
pub enum AclAction {
    /// It is dropped.
    Deny = 0,
    /// It passes.
    Permit = 1,
    /// It passes, and so does what belongs to the same flow, in both directions.
    PermitReflect = 2,
}

/// An address and how many of its first bits count. The others are zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Prefix<A> {
    address: A,
    len: u8,
}

/// An IPv4 prefix.
pub type Ipv4Prefix = Prefix<u32>;

/// An IPv6 prefix.
pub type Ipv6Prefix = Prefix<u128>;

/// Source and destination of a rule, which are of one family.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum AclPrefixes {
    /// IPv4.
    V4 {
        /// Where packets come from.
        source: Ipv4Prefix,
        /// Where they go.
        destination: Ipv4Prefix,
    },
    /// IPv6.
    V6 {
        /// Where packets come from.
        source: Ipv6Prefix,
        /// Where they go.
        destination: Ipv6Prefix,
    },
}

/// Ports, or ICMP types or codes, from the first to the last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct AclRule {
    /// What becomes of a packet that matches.
    pub action: AclAction,
    /// Source and destination.
    pub prefixes: AclPrefixes,
    /// IP protocol number; 0 is any, and then neither ports nor TCP flags count.
    pub protocol: u8,
    /// Source ports, or ICMP types. Protocols other than TCP, UDP and ICMP have port 0.
    pub source_ports: PortRange,
    /// Destination ports, or ICMP codes.
    pub destination_ports: PortRange,
    /// Which TCP flags are looked at.
    pub tcp_flags_mask: u8,
    /// What they must be.
    pub tcp_flags_value: u8,
}

/// Why there is no such rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AclRuleError {
    /// More bits than the address has, or bits behind them that are not zero.
    #[error(
        "/{len} is not the length of a prefix with this address: too long, or host bits are set"
    )]
    Prefix {
        /// Bits that should count.
        len: u8,
    },
    /// A range that ends before it starts.
    #[error("range of ports {first}-{last} ends before it starts")]
    Ports {
        /// Its first.
        first: u16,
        /// Its last.
        last: u16,
    },
}

// ===== impl Prefix =====

fn checked<A: Address>(address: A, len: u8) -> Result<Prefix<A>, AclRuleError> {
    if len > A::BITS || address.and(A::mask(len)) != address {
        return Err(AclRuleError::Prefix { len });
    }
    Ok(Prefix { address, len })
}

impl<A: Copy> Prefix<A> {
    pub(crate) const fn bits(self) -> A {
        self.address
    }

    /// How many bits count.
    #[allow(
        clippy::len_without_is_empty,
        reason = "a prefix of length 0 is no empty prefix"
    )]
    pub const fn len(self) -> u8 {
        self.len
    }
}

impl Ipv4Prefix {
    /// All addresses.
    pub const ANY: Self = Self { address: 0, len: 0 };

    /// A prefix of 0 to 32 bits without host bits.
    pub fn new(address: Ipv4Addr, len: u8) -> Result<Self, AclRuleError> {
        checked(address.to_bits(), len)
    }

    /// The address.
    pub const fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address)
    }
}

impl Ipv6Prefix {
    /// All addresses.
    pub const ANY: Self = Self { address: 0, len: 0 };

    /// A prefix of 0 to 128 bits without host bits.
    pub fn new(address: Ipv6Addr, len: u8) -> Result<Self, AclRuleError> {
        checked(address.to_bits(), len)
    }

    /// The address.
    pub const fn address(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(self.address)
    }
}

// ===== impl PortRange =====

impl PortRange {
    /// All of them.
    pub const ANY: Self = Self {
        first: 0,
        last: u16::MAX,
    };

    /// From `first` to `last`, both included.
    pub const fn new(first: u16, last: u16) -> Result<Self, AclRuleError> {
        if first > last {
            return Err(AclRuleError::Ports { first, last });
        }
        Ok(Self { first, last })
    }

    /// The first.
    pub const fn first(self) -> u16 {
        self.first
    }

    /// The last.
    pub const fn last(self) -> u16 {
        self.last
    }

    /// The only one, if it is one.
    pub(crate) fn exact(self) -> Option<u16> {
        (self.first == self.last).then_some(self.first)
    }

    #[inline]
    pub(crate) const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }
}
