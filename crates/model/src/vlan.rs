//! IEEE 802.1Q VLAN identifiers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A VLAN identifier that may be assigned: 1 to 4094. Zero marks a priority tag and 4095 is
/// reserved (IEEE 802.1Q-2018 table 9-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct VlanId(u16);

/// Why a number is no VLAN identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no VLAN id: 1 to 4094 is wanted")]
pub struct InvalidVlanId(String);

impl VlanId {
    /// The identifier with this number.
    pub fn new(number: u32) -> Result<Self, InvalidVlanId> {
        match u16::try_from(number) {
            Ok(number @ 1..=4094) => Ok(Self(number)),
            _ => Err(InvalidVlanId(number.to_string())),
        }
    }

    /// The number, 1 to 4094.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u32> for VlanId {
    type Error = InvalidVlanId;

    fn try_from(number: u32) -> Result<Self, InvalidVlanId> {
        Self::new(number)
    }
}

impl From<VlanId> for u32 {
    fn from(vlan: VlanId) -> Self {
        vlan.0.into()
    }
}

impl FromStr for VlanId {
    type Err = InvalidVlanId;

    fn from_str(text: &str) -> Result<Self, InvalidVlanId> {
        let number = text
            .parse()
            .map_err(|_| InvalidVlanId(format!("`{text}`")))?;
        Self::new(number)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assignable_numbers() {
        assert_eq!(VlanId::new(1).unwrap().get(), 1);
        assert_eq!(VlanId::new(4094).unwrap().get(), 4094);
        for number in [0, 4095, 4096, 65_537, u32::MAX] {
            assert!(VlanId::new(number).is_err(), "{number}");
        }
    }
}
