//! The common start of ICMP (RFC 792) and ICMPv6 (RFC 4443) messages.

use super::front;

/// Type, code and checksum.
#[derive(Clone, Copy, Debug)]
pub struct IcmpView<'a>(&'a [u8; 4]);

impl<'a> IcmpView<'a> {
    /// Views a message.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        front::<4>(bytes).map(|(header, _)| Self(header))
    }

    /// "Type".
    pub fn kind(&self) -> u8 {
        self.0[0]
    }

    /// "Code".
    pub fn code(&self) -> u8 {
        self.0[1]
    }
}
