//! VXLAN network identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A VXLAN network identifier: 24 bits (RFC 7348 §5), and not zero, which Neutron never assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Vni(u32);

/// Why a number is no VNI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no VNI: 1 to 16777215 is wanted")]
pub struct InvalidVni(String);

impl Vni {
    /// The identifier with this number.
    pub fn new(number: u32) -> Result<Self, InvalidVni> {
        if (1..1 << 24).contains(&number) {
            Ok(Self(number))
        } else {
            Err(InvalidVni(number.to_string()))
        }
    }

    /// The number, 1 to 2^24 - 1.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Vni {
    type Error = InvalidVni;

    fn try_from(number: u32) -> Result<Self, InvalidVni> {
        Self::new(number)
    }
}

impl From<Vni> for u32 {
    fn from(vni: Vni) -> Self {
        vni.0
    }
}

impl FromStr for Vni {
    type Err = InvalidVni;

    /// One number has one text, since it is part of keys: no sign, no leading zero.
    fn from_str(text: &str) -> Result<Self, InvalidVni> {
        let number = text.parse().ok().and_then(|number| Self::new(number).ok());
        let vni = number.filter(|vni| vni.to_string() == text);
        vni.ok_or_else(|| InvalidVni(format!("`{text}`")))
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_24_bits_and_not_zero() {
        assert!(Vni::new(0).is_err());
        assert!(Vni::new(1 << 24).is_err());
        assert_eq!(Vni::new((1 << 24) - 1).unwrap().get(), 16_777_215);
    }
}
