//! IP addresses and prefixes (`src/vnet/ip/ip_types.api`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::codec::{DecodeErrorKind, Reader, Wire, Writer};

/// `ADDRESS_IP4` of `enum address_family`.
const ADDRESS_IP4: u8 = 0;
/// `ADDRESS_IP6` of `enum address_family`.
const ADDRESS_IP6: u8 = 1;
/// Bytes that follow an IPv4 address in `union address_union`.
const UNION_PADDING: [u8; 12] = [0; 12];

/// An address of either family (`vl_api_address_t`) as a field of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Address(pub IpAddr);

/// An IPv4 address with a prefix length (`ip4_prefix` and `ip4_address_with_prefix`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip4Prefix {
    /// The address, host bits as they are.
    pub address: Ipv4Addr,
    /// Prefix length in bits; as sent, VPP does not check it here.
    pub len: u8,
}

/// An IPv6 address with a prefix length (`ip6_prefix` and `ip6_address_with_prefix`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip6Prefix {
    /// The address, host bits as they are.
    pub address: Ipv6Addr,
    /// Prefix length in bits; as sent, VPP does not check it here.
    pub len: u8,
}

/// An address of either family with a prefix length (`prefix` and `address_with_prefix`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The address, host bits as they are.
    pub address: IpAddr,
    /// Prefix length in bits; as sent, VPP does not check it here.
    pub len: u8,
}

/// `0.0.0.0`: what a field of zeros says.
impl Default for Address {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED.into())
    }
}

/// `0.0.0.0/0`: what a field of zeros says.
impl Default for Prefix {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED.into(),
            len: 0,
        }
    }
}

/// `0.0.0.0/0`, which VPP reads as "not set" where it is optional.
impl Default for Ip4Prefix {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::UNSPECIFIED,
            len: 0,
        }
    }
}

/// `::/0`, which VPP reads as "not set" where it is optional.
impl Default for Ip6Prefix {
    fn default() -> Self {
        Self {
            address: Ipv6Addr::UNSPECIFIED,
            len: 0,
        }
    }
}

impl Wire for Ipv4Addr {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.put(&self.octets());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        reader.array::<4>().map(Self::from)
    }
}

impl Wire for Ipv6Addr {
    fn encode(&self, writer: &mut Writer<'_>) {
        writer.put(&self.octets());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        reader.array::<16>().map(Self::from)
    }
}

/// `vl_api_address_t`: the family, then 16 bytes of which IPv4 uses the first four.
impl Wire for IpAddr {
    fn encode(&self, writer: &mut Writer<'_>) {
        match self {
            Self::V4(address) => {
                ADDRESS_IP4.encode(writer);
                address.encode(writer);
                writer.put(&UNION_PADDING);
            }
            Self::V6(address) => {
                ADDRESS_IP6.encode(writer);
                address.encode(writer);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
        match u8::decode(reader)? {
            ADDRESS_IP4 => {
                let address = Ipv4Addr::decode(reader)?;
                reader.take(UNION_PADDING.len())?;
                Ok(Self::V4(address))
            }
            ADDRESS_IP6 => Ipv6Addr::decode(reader).map(Self::V6),
            family => Err(DecodeErrorKind::Invalid {
                value: family.into(),
            }),
        }
    }
}

macro_rules! wire_prefix {
    ($($prefix:ident),*) => {$(
        impl Wire for $prefix {
            fn encode(&self, writer: &mut Writer<'_>) {
                self.address.encode(writer);
                self.len.encode(writer);
            }

            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeErrorKind> {
                Ok(Self {
                    address: Wire::decode(reader)?,
                    len: u8::decode(reader)?,
                })
            }
        }
    )*};
}

wire_prefix!(Ip4Prefix, Ip6Prefix, Prefix);
