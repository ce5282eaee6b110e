//! IP prefixes, masked.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A version of the Internet protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// RFC 791.
    V4,
    /// RFC 8200.
    V6,
}

/// An IPv4 or IPv6 prefix whose host bits are zero: VPP refuses others, clouds write them all the
/// same (`10.0.0.7/24`), and mean the network.
///
/// Its text is the address alone where the prefix is one address, else CIDR notation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IpPrefix {
    address: IpAddr,
    length: u8,
}

/// Why a text or a pair of values is no prefix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an IP address nor a prefix")]
pub struct InvalidIpPrefix(String);

impl IpVersion {
    /// Bits of an address: 32 or 128.
    pub const fn address_bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    /// The version of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

impl IpPrefix {
    /// The prefix of `length` bits that `address` lies in; host bits are masked.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, InvalidIpPrefix> {
        if length > IpVersion::of(address).address_bits() {
            return Err(InvalidIpPrefix(format!("{address}/{length}")));
        }
        // A shift by all bits is none at all for the processor, so it is asked for explicitly.
        let address = match address {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(u32::from(32 - length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(u32::from(128 - length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
        };
        Ok(Self { address, length })
    }

    /// One address.
    pub const fn host(address: IpAddr) -> Self {
        Self {
            address,
            length: IpVersion::of(address).address_bits(),
        }
    }

    /// All addresses of a version.
    pub const fn any(version: IpVersion) -> Self {
        let address = match version {
            IpVersion::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpVersion::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, length: 0 }
    }

    /// The first address, with host bits zero.
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// How many bits count: 0 to 32 or 128.
    pub const fn length(self) -> u8 {
        self.length
    }

    /// IPv4 or IPv6.
    pub const fn version(self) -> IpVersion {
        IpVersion::of(self.address)
    }

    /// Whether it is all addresses of its version.
    pub const fn is_any(self) -> bool {
        self.length == 0
    }

    /// Whether `address` lies in it; one of the other version never does.
    pub fn contains(self, address: IpAddr) -> bool {
        IpVersion::of(address) == self.version()
            && Self::new(address, self.length).is_ok_and(|prefix| prefix == self)
    }
}

impl From<IpAddr> for IpPrefix {
    fn from(address: IpAddr) -> Self {
        Self::host(address)
    }
}

impl FromStr for IpPrefix {
    type Err = InvalidIpPrefix;

    fn from_str(text: &str) -> Result<Self, InvalidIpPrefix> {
        let invalid = || InvalidIpPrefix(text.to_owned());
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| invalid())?;
        match length {
            None => Ok(Self::host(address)),
            // `parse` alone would take "+8".
            Some(length) if length.bytes().all(|b| b.is_ascii_digit()) => {
                let length = length.parse().map_err(|_| invalid())?;
                Self::new(address, length).map_err(|_| invalid())
            }
            Some(_) => Err(invalid()),
        }
    }
}

impl fmt::Display for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.length == self.version().address_bits() {
            f.pad(&self.address.to_string())
        } else {
            f.pad(&format!("{}/{}", self.address, self.length))
        }
    }
}

impl fmt::Debug for IpPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl TryFrom<String> for IpPrefix {
    type Error = InvalidIpPrefix;

    fn try_from(text: String) -> Result<Self, InvalidIpPrefix> {
        text.parse()
    }
}

impl From<IpPrefix> for String {
    fn from(prefix: IpPrefix) -> Self {
        prefix.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> IpPrefix {
        text.parse().unwrap()
    }

    #[test]
    fn host_bits_are_masked() {
        for (text, masked) in [
            ("1.2.3.4/0", "0.0.0.0/0"),
            ("10.1.2.3/9", "10.0.0.0/9"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.3", "10.1.2.3"),
            ("fd00::ffff/0", "::/0"),
            ("fd00::ffff/121", "fd00::ff80/121"),
            ("fd00::1/128", "fd00::1"),
        ] {
            assert_eq!(prefix(text).to_string(), masked);
            assert_eq!(prefix(masked), prefix(text));
        }
    }

    #[test]
    fn what_is_no_prefix_is_refused() {
        for text in [
            "",
            "10.0.0",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/+8",
            "10.0.0.0/",
            "::/-1",
        ] {
            assert!(text.parse::<IpPrefix>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_lies_in_prefixes_of_its_version() {
        assert!(prefix("10.0.0.0/8").contains("10.255.0.1".parse().unwrap()));
        assert!(!prefix("10.0.0.0/8").contains("11.0.0.1".parse().unwrap()));
        assert!(prefix("0.0.0.0/0").contains("1.2.3.4".parse().unwrap()));
        assert!(!prefix("0.0.0.0/0").contains("::1".parse().unwrap()));
    }
}
