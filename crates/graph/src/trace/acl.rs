//! What access lists did to a packet, and how VPP writes it (`format_acl_plugin_trace`).

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use weft_packet::SwIfIndex;

use crate::acl::{
    AclAction,
    tuple::{Family, FiveTuple},
};

/// What became of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AclVerdict {
    /// 0 is dropped; the number of the rule's action, or 3 for a session.
    action: u8,
    /// The list whose rule decided.
    acl: Option<u32>,
    /// The rule, or the session's number.
    rule: Option<u32>,
    is_session: bool,
    /// The rule would have let it pass.
    pub(crate) is_for_want_of_room: bool,
}

/// A packet and what became of it.
#[derive(Clone, Debug)]
pub(super) struct AclRecord {
    context: Option<u32>,
    sw_if_index: SwIfIndex,
    verdict: AclVerdict,
    source: IpAddr,
    destination: IpAddr,
    ports: [u16; 2],
    protocol: u8,
    is_input: bool,
    tcp_flags: Option<u8>,
    l4_valid: bool,
    is_later_fragment: bool,
    is_slow_path: bool,
}

/// VPP's bit for "found a session" in `trace_bits`.
const SESSION_BIT: u32 = 0x8000_0000;

impl AclVerdict {
    /// No rule matches.
    pub(crate) const NONE: Self = Self {
        action: 0,
        acl: None,
        rule: None,
        is_session: false,
        is_for_want_of_room: false,
    };

    /// There are no lists.
    pub(crate) const PASS: Self = Self {
        action: 1,
        ..Self::NONE
    };

    pub(crate) const fn session(number: u32) -> Self {
        Self {
            action: 3,
            rule: Some(number),
            is_session: true,
            ..Self::NONE
        }
    }

    pub(crate) const fn rule(acl: u32, rule: u32, action: AclAction) -> Self {
        Self {
            action: action as u8,
            acl: Some(acl),
            rule: Some(rule),
            ..Self::NONE
        }
    }

    pub(crate) const fn without_room(acl: u32, rule: u32) -> Self {
        Self {
            is_for_want_of_room: true,
            ..Self::rule(acl, rule, AclAction::Deny)
        }
    }

    #[inline]
    pub(crate) const fn passes(self) -> bool {
        self.action != 0
    }
}

impl AclRecord {
    pub(super) fn new<A: Family>(
        tuple: &FiveTuple<A>,
        (sw_if_index, is_input): (SwIfIndex, bool),
        context: Option<u32>,
        verdict: AclVerdict,
    ) -> Self {
        let [a, b, c, d] = A::words(tuple.source, tuple.destination);
        let (source, destination) = if A::IS_IP6 {
            let address = |high, low| Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
            (address(a, b).into(), address(c, d).into())
        } else {
            (
                Ipv4Addr::from_bits((a >> 32) as u32).into(),
                Ipv4Addr::from_bits(a as u32).into(),
            )
        };
        Self {
            context,
            sw_if_index,
            verdict,
            source,
            destination,
            ports: tuple.ports,
            protocol: tuple.protocol,
            is_input,
            tcp_flags: tuple.tcp_flags,
            l4_valid: tuple.l4_valid,
            is_later_fragment: tuple.is_later_fragment,
            is_slow_path: tuple.is_slow_path,
        }
    }

    fn l4_flags(&self) -> u8 {
        u8::from(self.is_input) | u8::from(self.is_slow_path) << 1
    }

    /// The lookup context in the packet's own words, which VPP fills in when it looks at rules.
    fn context_word(&self) -> u32 {
        if self.verdict.is_session {
            0
        } else {
            self.context.unwrap_or(u32::MAX)
        }
    }

    /// VPP's `fa_5tuple_t` as six words of a little-endian machine.
    fn words(&self) -> [u64; 6] {
        let [s0, s1, d0, d1] = match (self.source, self.destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let halves = |address: Ipv6Addr| {
                    let bits = u128::from_ne_bytes(address.octets());
                    [bits as u64, (bits >> 64) as u64]
                };
                let ([a, b], [c, d]) = (halves(source), halves(destination));
                [a, b, c, d]
            }
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let bits = |address: Ipv4Addr| u64::from(u32::from_ne_bytes(address.octets()));
                [0, 0, 0, bits(destination) << 32 | bits(source)]
            }
            _ => [0; 4],
        };
        let l4 = u64::from(self.ports[0])
            | u64::from(self.ports[1]) << 16
            | u64::from(self.protocol) << 32
            | u64::from(self.l4_flags()) << 40
            | u64::from(self.sw_if_index.0 & 0xffff) << 48;
        let marks = u64::from(self.tcp_flags.is_some())
            | u64::from(self.l4_valid) << 1
            | u64::from(self.is_later_fragment) << 2
            | u64::from(self.source.is_ipv6()) << 3;
        let info = u64::from(self.context_word())
            | 0xffff << 32
            | u64::from(self.tcp_flags.unwrap_or(0)) << 48
            | marks << 56;
        [s0, s1, d0, d1, l4, info]
    }
}

impl fmt::Display for AclRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |index: Option<u32>| index.map_or(-1, i64::from);
        let verdict = self.verdict;
        let context = number(self.context);
        // VPP looks up no context for packets of sessions.
        let shown = if verdict.is_session { -1 } else { context };
        let next = i32::from(verdict.passes());
        let bits = if verdict.is_session { SESSION_BIT } else { 0 };
        write!(
            f,
            "acl-plugin: lc_index: {shown}, sw_if_index {}",
            self.sw_if_index
        )?;
        write!(f, ", next index {next}, action: {}", verdict.action)?;
        write!(f, ", match: acl {}", number(verdict.acl))?;
        writeln!(f, " rule {} trace_bits {bits:08x}", number(verdict.rule))?;
        f.write_str("  pkt info")?;
        for word in self.words() {
            write!(f, " {word:016x}")?;
        }
        let family = if self.source.is_ipv6() { "ip6" } else { "ip4" };
        let fragment = if self.is_later_fragment {
            " non-initial fragment"
        } else {
            ""
        };
        let context = self.context_word();
        write!(f, "\n   lc_index {context} l3 {family}{fragment}")?;
        write!(f, " {} -> {}", self.source, self.destination)?;
        write!(f, " l4 lsb_of_sw_if_index {}", self.sw_if_index.0 & 0xffff)?;
        write!(f, " proto {}", self.protocol)?;
        write!(f, " l4_is_input {}", u8::from(self.is_input))?;
        write!(f, " l4_slow_path {}", u8::from(self.is_slow_path))?;
        write!(f, " l4_flags 0x{:02x}", self.l4_flags())?;
        let [source, destination] = self.ports;
        write!(f, " port {source} -> {destination}")?;
        let (validity, flags) = match self.tcp_flags {
            Some(flags) => ("valid", flags),
            None => ("invalid", 0),
        };
        write!(f, " tcp flags ({validity}) {flags:02x} rsvd 0")
    }
}
