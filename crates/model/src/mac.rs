//! IEEE 802 MAC addresses.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// A 48-bit MAC address, in the order of the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Mac([u8; 6]);

/// Characters of its text.
const TEXT_LEN: usize = "00:00:00:00:00:00".len();

/// Why a text is no MAC address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no MAC address: six pairs of hexadecimal digits with colons between are wanted")]
pub struct InvalidMac(String);

impl Mac {
    /// The address with these octets.
    pub const fn new(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The octets in the order of the wire.
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// Whether one station can own it: the group bit is clear (IEEE 802-2014 §8.2.2) and it is not
    /// all zeroes.
    pub fn is_unicast(self) -> bool {
        self.0[0] & 1 == 0 && self.0 != [0; 6]
    }

    /// The link-local IPv6 address that a station makes of it (RFC 4291 appendix A: modified
    /// EUI-64).
    pub const fn link_local(self) -> Ipv6Addr {
        let [a, b, c, d, e, f] = self.0;
        Ipv6Addr::from_octets([
            0xfe,
            0x80,
            0,
            0,
            0,
            0,
            0,
            0,
            a ^ 2,
            b,
            c,
            0xff,
            0xfe,
            d,
            e,
            f,
        ])
    }
}

impl FromStr for Mac {
    type Err = InvalidMac;

    fn from_str(text: &str) -> Result<Self, InvalidMac> {
        let invalid = || InvalidMac(text.to_owned());
        if text.len() != TEXT_LEN {
            return Err(invalid());
        }
        let mut octets = [0; 6];
        // Each pair with what stands behind it: nothing behind the last one.
        for (octet, pair) in octets.iter_mut().zip(text.as_bytes().chunks(3)) {
            let (&[high, low] | &[high, low, b':' | b'-']) = pair else {
                return Err(invalid());
            };
            let digit = |digit| char::from(digit).to_digit(16);
            let (high, low) = digit(high).zip(digit(low)).ok_or_else(invalid)?;
            *octet = u8::try_from(high << 4 | low).map_err(|_| invalid())?;
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b':'; TEXT_LEN];
        for (pair, octet) in text.chunks_mut(3).zip(self.0) {
            if let [high, low, ..] = pair {
                *high = DIGITS[usize::from(octet >> 4)];
                *low = DIGITS[usize::from(octet & 15)];
            }
        }
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Mac {
    type Error = InvalidMac;

    fn try_from(text: String) -> Result<Self, InvalidMac> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_round() {
        for text in ["fa:16:3e:03:ce:ff", "00:00:00:00:00:01"] {
            assert_eq!(text.parse::<Mac>().unwrap().to_string(), text);
        }
        assert_eq!(
            "FA-16-3E-03-CE-FF".parse::<Mac>().unwrap().to_string(),
            "fa:16:3e:03:ce:ff"
        );
    }

    #[test]
    fn what_is_no_mac_is_refused() {
        for text in [
            "",
            "fa:16:3e:03:ce",
            "fa:16:3e:03:ce:ff:00",
            "fa:16:3e:03:ce:+f",
            "fa163e03ceff",
            "fa:16:3e:03:ce:f",
            "fa:16:3e:03:ce:f:",
            "fa:16:3e03::ce:ff",
            "fa.16.3e.03.ce.ff",
            "fa:16:3e:03:ce:fg",
            "é:16:3e:03:ce:ff",
        ] {
            assert!(text.parse::<Mac>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_link_local_address_is_made_of_it() {
        let mac: Mac = "fa:16:3e:03:ce:ff".parse().unwrap();
        assert_eq!(mac.link_local().to_string(), "fe80::f816:3eff:fe03:ceff");
    }

    #[test]
    fn group_and_zero_addresses_are_not_unicast() {
        assert!("fa:16:3e:03:ce:ff".parse::<Mac>().unwrap().is_unicast());
        assert!(!"01:00:5e:00:00:01".parse::<Mac>().unwrap().is_unicast());
        assert!(!"00:00:00:00:00:00".parse::<Mac>().unwrap().is_unicast());
    }
}
