//! Ethernet II (IEEE 802.3 §3) with tags of IEEE 802.1Q and 802.1ad.

use super::front;

/// Destination, source and type.
pub const ETHERNET_HEADER_LEN: usize = 14;

/// Tag control information and the type behind it.
pub const VLAN_TAG_LEN: usize = 4;

/// A MAC address in the order of the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct MacAddr(pub [u8; 6]);

/// An EtherType (IANA "IEEE 802 Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct EtherType(pub u16);

/// The start of a frame.
#[derive(Clone, Copy, Debug)]
pub struct EthernetView<'a> {
    header: &'a [u8; ETHERNET_HEADER_LEN],
    payload: &'a [u8],
}

/// One VLAN tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VlanTag {
    /// Its tag protocol identifier: 802.1Q or 802.1ad.
    pub tpid: EtherType,
    /// Priority code point (3 bits), drop eligible indicator (1 bit), VLAN ID (12 bits).
    pub tci: u16,
}

// ===== impl MacAddr =====

impl MacAddr {
    /// ff:ff:ff:ff:ff:ff.
    pub const BROADCAST: Self = Self([0xff; 6]);

    /// Whether the group bit is set: multicast or broadcast (IEEE 802 §8.2.2).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether it is a virtual router's for IPv4, which answers from another address than its frames'
    /// (RFC 5798 §7.3).
    pub const fn is_vrrp4(self) -> bool {
        matches!(self.0, [0x00, 0x00, 0x5e, 0x00, 0x01, _])
    }
}

impl std::fmt::Display for MacAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl std::fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

// ===== impl EtherType =====

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// Customer tag, IEEE 802.1Q.
    pub const DOT1Q: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
    /// Service tag, IEEE 802.1ad.
    pub const DOT1AD: Self = Self(0x88a8);

    /// Whether a VLAN tag follows.
    pub const fn is_vlan(self) -> bool {
        matches!(self, Self::DOT1Q | Self::DOT1AD)
    }
}

impl std::fmt::Display for EtherType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self::IPV4 => f.write_str("IP4"),
            Self::ARP => f.write_str("ARP"),
            Self::DOT1Q => f.write_str("VLAN"),
            Self::IPV6 => f.write_str("IP6"),
            Self::DOT1AD => f.write_str("DOT1AD"),
            Self(other) => write!(f, "0x{other:04x}"),
        }
    }
}

impl std::fmt::Debug for EtherType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

// ===== impl EthernetView =====

impl<'a> EthernetView<'a> {
    /// Views a frame.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let (header, payload) = front(frame)?;
        Some(Self { header, payload })
    }

    /// Destination address.
    pub fn destination(&self) -> MacAddr {
        let [a, b, c, d, e, f, ..] = *self.header;
        MacAddr([a, b, c, d, e, f])
    }

    /// Source address.
    pub fn source(&self) -> MacAddr {
        let [_, _, _, _, _, _, a, b, c, d, e, f, ..] = *self.header;
        MacAddr([a, b, c, d, e, f])
    }

    /// The type directly behind the addresses: that of the outer tag, if there is one.
    pub fn ethertype(&self) -> EtherType {
        EtherType(u16::from_be_bytes([self.header[12], self.header[13]]))
    }

    /// What follows the type.
    pub fn payload(&self) -> &'a [u8] {
        self.payload
    }
}

// ===== impl VlanTag =====

impl VlanTag {
    /// VLAN ID, 0 to 4095.
    pub const fn vlan_id(self) -> u16 {
        self.tci & 0x0fff
    }

    /// Priority code point, 0 to 7.
    pub const fn priority(self) -> u8 {
        (self.tci >> 13) as u8
    }
}

/// Reads all tags of a frame: calls `visit` for each, outer first, and returns the type of the
/// payload and the payload itself; `None` if the frame ends before that.
pub fn vlan_tags(frame: &[u8], mut visit: impl FnMut(VlanTag)) -> Option<(EtherType, &[u8])> {
    let view = EthernetView::parse(frame)?;
    let (mut ethertype, mut rest) = (view.ethertype(), view.payload());
    while ethertype.is_vlan() {
        let ([a, b, c, d], behind) = front::<VLAN_TAG_LEN>(rest)?;
        visit(VlanTag {
            tpid: ethertype,
            tci: u16::from_be_bytes([*a, *b]),
        });
        ethertype = EtherType(u16::from_be_bytes([*c, *d]));
        rest = behind;
    }
    Some((ethertype, rest))
}
