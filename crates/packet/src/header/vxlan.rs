//! VXLAN (RFC 7348 §5) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12 §3) headers: eight bytes behind UDP.

use super::front;

/// UDP port of VXLAN (RFC 7348 §8).
pub const VXLAN_PORT: u16 = 4789;

/// UDP port of VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12 §3.1).
pub const VXLAN_GPE_PORT: u16 = 4790;

/// Flag I, "the VNI is valid".
const FLAG_I: u8 = 0x08;
/// Flag P, "the next protocol is valid" (VXLAN-GPE).
const FLAG_P: u8 = 0x04;
/// The version's bits among the flags of VXLAN-GPE.
const VERSION_MASK: u8 = 0x30;

/// A VXLAN network identifier, 24 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Vni(u32);

/// A VXLAN header.
#[derive(Clone, Copy, Debug)]
pub struct VxlanView<'a>(&'a [u8; VxlanView::LEN]);

/// A VXLAN-GPE header.
#[derive(Clone, Copy, Debug)]
pub struct VxlanGpeView<'a>(&'a [u8; VxlanView::LEN]);

/// "Next Protocol" of VXLAN-GPE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct VxlanGpeProtocol(pub u8);

impl Vni {
    /// The identifier; `None` if it has more than 24 bits.
    pub const fn new(value: u32) -> Option<Self> {
        if value >> 24 == 0 {
            Some(Self(value))
        } else {
            None
        }
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for Vni {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<'a> VxlanView<'a> {
    /// Bytes of the header.
    pub const LEN: usize = 8;

    /// Views a header, whatever it says.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        front(bytes).map(|(header, _)| Self(header))
    }

    /// The bytes of a header.
    pub const fn build(vni: Vni) -> [u8; VxlanView::LEN] {
        let [_, a, b, c] = vni.0.to_be_bytes();
        [FLAG_I, 0, 0, 0, a, b, c, 0]
    }

    /// Whether the flags are those of RFC 7348: I alone.
    pub const fn has_valid_flags(&self) -> bool {
        self.0[0] == FLAG_I
    }

    /// "VXLAN Network Identifier".
    pub const fn vni(&self) -> Vni {
        vni(*self.0)
    }

    /// The VNI and the reserved byte behind it, as they stand.
    pub const fn vni_word(&self) -> u32 {
        vni_word(*self.0)
    }
}

impl<'a> VxlanGpeView<'a> {
    /// Views a header, whatever it says.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        front(bytes).map(|(header, _)| Self(header))
    }

    /// The bytes of a header.
    pub const fn build(vni: Vni, protocol: VxlanGpeProtocol) -> [u8; VxlanView::LEN] {
        let [_, a, b, c] = vni.0.to_be_bytes();
        [FLAG_I | FLAG_P, 0, 0, protocol.0, a, b, c, 0]
    }

    /// Whether the version is 0 and the VNI valid; others are to be discarded.
    pub const fn has_valid_flags(&self) -> bool {
        self.0[0] & (VERSION_MASK | FLAG_I) == FLAG_I
    }

    /// What follows: "Next Protocol", and Ethernet where flag P says that the field is not there.
    pub const fn protocol(&self) -> VxlanGpeProtocol {
        if self.0[0] & FLAG_P == 0 {
            VxlanGpeProtocol::ETHERNET
        } else {
            VxlanGpeProtocol(self.0[3])
        }
    }

    /// "VXLAN Network Identifier".
    pub const fn vni(&self) -> Vni {
        vni(*self.0)
    }

    /// The VNI and the reserved byte behind it, as they stand.
    pub const fn vni_word(&self) -> u32 {
        vni_word(*self.0)
    }
}

impl VxlanGpeProtocol {
    /// An Ethernet frame.
    pub const ETHERNET: Self = Self(3);
}

const fn vni(header: [u8; VxlanView::LEN]) -> Vni {
    Vni(vni_word(header) >> 8)
}

const fn vni_word(header: [u8; VxlanView::LEN]) -> u32 {
    u32::from_be_bytes([header[4], header[5], header[6], header[7]])
}
