//! Protocols above IP, by number and by name.

use std::fmt;
use std::str::FromStr;

/// A protocol above IP: the number in the header (IANA, "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProtocol(u8);

/// Why a text names no protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no protocol: a name as `tcp`, or a number from 0 to 255, is wanted")]
pub struct InvalidIpProtocol(String);

/// Names in lower case. Neutron's (`neutron_lib.constants`, `IP_PROTOCOL_MAP`) first where a number
/// has several, then IANA's keywords.
const NAMES: &[(&str, u8)] = &[
    ("hopopt", 0),
    ("icmp", 1),
    ("igmp", 2),
    ("ggp", 3),
    ("ipip", 4),
    ("ipv4", 4),
    ("st", 5),
    ("tcp", 6),
    ("cbt", 7),
    ("egp", 8),
    ("igp", 9),
    ("udp", 17),
    ("hmp", 20),
    ("rdp", 27),
    ("dccp", 33),
    ("idpr", 35),
    ("xtp", 36),
    ("ipv6-encap", 41),
    ("ipv6", 41),
    ("ipv6-route", 43),
    ("ipv6-frag", 44),
    ("rsvp", 46),
    ("gre", 47),
    ("esp", 50),
    ("ah", 51),
    ("ipv6-icmp", 58),
    ("icmpv6", 58),
    ("ipv6-nonxt", 59),
    ("ipv6-opts", 60),
    ("eigrp", 88),
    ("ospf", 89),
    ("ospfigp", 89),
    ("mtp", 92),
    ("etherip", 97),
    ("encap", 98),
    ("pim", 103),
    ("ipcomp", 108),
    ("vrrp", 112),
    ("pgm", 113),
    ("l2tp", 115),
    ("isis", 124),
    ("sctp", 132),
    ("fc", 133),
    ("mobility-header", 135),
    ("udplite", 136),
    ("mpls-in-ip", 137),
    ("manet", 138),
    ("hip", 139),
    ("shim6", 140),
    ("wesp", 141),
    ("rohc", 142),
    ("ethernet", 143),
];

impl IpProtocol {
    /// ICMP for IPv4 (RFC 792).
    pub const ICMP: Self = Self(1);
    /// TCP (RFC 9293).
    pub const TCP: Self = Self(6);
    /// UDP (RFC 768).
    pub const UDP: Self = Self(17);
    /// DCCP (RFC 4340).
    pub const DCCP: Self = Self(33);
    /// ICMPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
    /// SCTP (RFC 9260).
    pub const SCTP: Self = Self(132);
    /// UDP-Lite (RFC 3828).
    pub const UDPLITE: Self = Self(136);

    /// The protocol of this number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The number, 0 to 255.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Its name, if it has a common one.
    pub fn name(self) -> Option<&'static str> {
        let named = NAMES.iter().find(|(_, number)| *number == self.0);
        named.map(|(name, _)| *name)
    }
}

impl FromStr for IpProtocol {
    type Err = InvalidIpProtocol;

    fn from_str(text: &str) -> Result<Self, InvalidIpProtocol> {
        let name = text.to_ascii_lowercase();
        if let Some((_, number)) = NAMES.iter().find(|(known, _)| *known == name) {
            return Ok(Self(*number));
        }
        // `parse` alone would take "+6".
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(InvalidIpProtocol(text.to_owned()));
        }
        text.parse()
            .map(Self)
            .map_err(|_| InvalidIpProtocol(text.to_owned()))
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => f.pad(&format!("protocol {}", self.0)),
        }
    }
}

impl fmt::Debug for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        for (text, number) in [
            ("tcp", 6),
            ("TCP", 6),
            ("ipip", 4),
            ("icmpv6", 58),
            ("ipv6-icmp", 58),
            ("udplite", 136),
            ("0", 0),
            ("255", 255),
            ("112", 112),
        ] {
            assert_eq!(text.parse::<IpProtocol>().unwrap().number(), number);
        }
        for text in ["", "256", "-1", "+6", "quic"] {
            assert!(text.parse::<IpProtocol>().is_err(), "{text:?}");
        }
        assert_eq!(IpProtocol::new(4).to_string(), "ipip");
        assert_eq!(IpProtocol::new(200).to_string(), "protocol 200");
    }
}
