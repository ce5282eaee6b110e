//! The field types that VPP's `*_types.api` files define, and the macros for its enumerations.
//!
//! Texts keep the bytes that VPP sent, so that nothing foreign (a tag in another encoding) is an
//! error or is changed; they are built from Rust strings only if they fit.

#[cfg(test)]
mod tests;

pub(crate) mod enums;
mod ip;
mod list;
mod text;

pub use ip::{Address, Ip4Prefix, Ip6Prefix, Prefix};
pub use list::{Length, List, TooManyElements};
pub use text::{FixedString, InvalidText, VarString};

pub(crate) use enums::{wire_enum, wire_flags, wire_word};

use std::fmt;

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};

/// VPP's handle of an interface or sub-interface (`vl_api_interface_index_t`). It is valid until
/// that interface is deleted, and is then used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwIfIndex(pub u32);

impl SwIfIndex {
    /// "No interface" in a field, "all interfaces" in a dump's filter.
    pub const NONE: Self = Self(u32::MAX);
}

/// [`SwIfIndex::NONE`]: index 0 is VPP's `local0`, which is never a sensible default.
impl Default for SwIfIndex {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for SwIfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Number of a bridge domain, chosen by the caller: 1 to 2²⁴ − 1 (`L2_BD_ID_MAX` in
/// `src/vnet/l2/l2_bd.h`); 0 is VPP's own and cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BdId(pub u32);

impl BdId {
    /// "All bridge domains" in a dump's filter, "choose one" when creating.
    pub const ANY: Self = Self(u32::MAX);
    /// The greatest number a bridge domain can have.
    pub const MAX: Self = Self((1 << 24) - 1);
}

impl fmt::Display for BdId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// An Ethernet address (`vl_api_mac_address_t`, `src/vnet/ethernet/ethernet_types.api`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddress(pub [u8; 6]);

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! wire_newtype {
    ($($newtype:ident),*) => {$(
        impl Wire for $newtype {
            fn encode(&self, writer: &mut Writer<'_>) {
                self.0.encode(writer);
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
                Wire::decode(reader).map(Self)
            }
        }
    )*};
}

wire_newtype!(SwIfIndex, BdId, MacAddress, Address);
