//! An IP prefix of either family.

use std::{fmt, net::IpAddr};

/// A network: an address without host bits, and how many bits count.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct IpPrefix {
    address: IpAddr,
    len: u8,
}

impl IpPrefix {
    /// The network of an address; `None` if its family has fewer bits than `len`.
    pub fn new(address: IpAddr, len: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(own) if len <= 32 => {
                let mask = !u32::MAX.checked_shr(u32::from(len)).unwrap_or(0);
                IpAddr::V4((own.to_bits() & mask).into())
            }
            IpAddr::V6(own) if len <= 128 => {
                let mask = !u128::MAX.checked_shr(u32::from(len)).unwrap_or(0);
                IpAddr::V6((own.to_bits() & mask).into())
            }
            _ => return None,
        };
        Some(Self { address, len })
    }

    /// The network of one address.
    pub const fn host(address: IpAddr) -> Self {
        let len = match address {
            IpAddr::V4(_) => 32,
            IpAddr::V6(_) => 128,
        };
        Self { address, len }
    }

    /// The first address.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// Bits that count.
    pub const fn len(self) -> u8 {
        self.len
    }

    /// Whether it is a default route's: no bit counts.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Whether an address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && Self::new(address, self.len) == Some(self)
    }

    /// The last address of an IPv4 network that has a broadcast address.
    pub(crate) fn broadcast(self) -> Option<IpAddr> {
        match self.address {
            IpAddr::V4(first) if self.len < 31 => {
                let host = u32::MAX >> self.len;
                Some(IpAddr::V4((first.to_bits() | host).into()))
            }
            _ => None,
        }
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}
