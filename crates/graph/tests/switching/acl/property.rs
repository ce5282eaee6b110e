//! Random lists and packets against a model that knows nothing of classifiers and hash tables: all
//! rules one after the other, all sessions as VPP keeps them, with a key for each direction.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use weft_graph::{
    AclAction, AclDirection, AclIndex, AclPrefixes, AclRule, Ipv4Prefix, Ipv6Prefix, PortRange,
    SwIfIndex,
};

use super::packets::{ip4_between, ip6_between, transport};
use crate::lab::Lab;

/// A packet as the model sees it: what it was made of, not what it is parsed to.
#[derive(Clone, Debug)]
struct Packet {
    is_ip6: bool,
    source: u8,
    destination: u8,
    protocol: u8,
    ports: (u8, u8),
    flags: u8,
    kind: Shape,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Whole,
    FirstFragment,
    LaterFragment,
    /// Behind extension headers, or IPv4 options.
    Behind,
    /// With a transport header of 7 bytes.
    CutOff,
}

/// What happens.
#[derive(Clone, Debug)]
enum Step {
    /// A packet, received by the guarded port or sent by it.
    Packet(Packet, AclDirection),
    /// One of the lists gets other rules.
    Replace(usize, Vec<AclRule>),
    /// The guarded port gets other lists.
    Apply(AclDirection, Vec<usize>),
}

const LISTS: usize = 4;

/// Addresses share long prefixes, so that rules with prefixes catch some of them.
fn address4(low: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, low & 0x80, 0, low & 7)
}

fn address6(low: u8) -> Ipv6Addr {
    Ipv6Addr::new(
        0xfd00,
        u16::from(low & 0x80),
        0,
        0,
        0,
        0,
        0,
        u16::from(low & 7),
    )
}

fn protocol() -> impl Strategy<Value = u8> {
    prop_oneof![3 => Just(6), 3 => Just(17), 2 => Just(1), 2 => Just(58), 1 => Just(132), 1 => Just(47)]
}

/// Few ports, and the types of ICMP that make sessions and those that do not.
fn port() -> impl Strategy<Value = u8> {
    prop_oneof![
        0u8..5,
        Just(8),
        Just(13),
        Just(14),
        Just(128),
        Just(129),
        Just(135)
    ]
}

fn low() -> impl Strategy<Value = u8> {
    prop_oneof![0u8..8, 0x80u8..0x88]
}

fn packet() -> impl Strategy<Value = Packet> {
    let shape = prop_oneof![
        6 => Just(Shape::Whole), 1 => Just(Shape::FirstFragment), 2 => Just(Shape::LaterFragment),
        2 => Just(Shape::Behind), 1 => Just(Shape::CutOff),
    ];
    (
        any::<bool>(),
        low(),
        low(),
        protocol(),
        (port(), port()),
        0u8..64,
        shape,
    )
        .prop_map(
            |(is_ip6, source, destination, protocol, ports, flags, kind)| Packet {
                is_ip6,
                source,
                destination,
                protocol,
                ports,
                flags,
                kind,
            },
        )
}

fn range() -> impl Strategy<Value = PortRange> {
    prop_oneof![
        3 => Just(PortRange::ANY),
        2 => port().prop_map(|port| PortRange::new(port.into(), port.into()).unwrap()),
        2 => (port(), 0u16..9).prop_map(|(first, more)| {
            let first = u16::from(first);
            PortRange::new(first, first + more).unwrap()
        }),
    ]
}

fn prefixes() -> impl Strategy<Value = AclPrefixes> {
    let len4 = || prop_oneof![2 => Just(0u8), 2 => Just(32), 3 => 1u8..32];
    let len6 = || prop_oneof![2 => Just(0u8), 2 => Just(128), 3 => 1u8..128];
    let prefix4 = || {
        (low(), len4()).prop_map(|(low, len)| {
            let mask = !u32::MAX.checked_shr(len.into()).unwrap_or(0);
            Ipv4Prefix::new(Ipv4Addr::from_bits(address4(low).to_bits() & mask), len).unwrap()
        })
    };
    let prefix6 = || {
        (low(), len6()).prop_map(|(low, len)| {
            let mask = !u128::MAX.checked_shr(len.into()).unwrap_or(0);
            Ipv6Prefix::new(Ipv6Addr::from_bits(address6(low).to_bits() & mask), len).unwrap()
        })
    };
    prop_oneof![
        (prefix4(), prefix4()).prop_map(|(source, destination)| AclPrefixes::V4 {
            source,
            destination
        }),
        (prefix6(), prefix6()).prop_map(|(source, destination)| AclPrefixes::V6 {
            source,
            destination
        }),
    ]
}

fn rule() -> impl Strategy<Value = AclRule> {
    let action = prop_oneof![
        Just(AclAction::Deny),
        Just(AclAction::Permit),
        Just(AclAction::PermitReflect)
    ];
    let protocol = prop_oneof![1 => Just(0u8), 4 => protocol()];
    let flags = prop_oneof![4 => Just((0u8, 0u8)), 1 => (0u8..64, 0u8..64)];
    (action, prefixes(), protocol, range(), range(), flags).prop_map(
        |(action, prefixes, protocol, source_ports, destination_ports, flags)| AclRule {
            action,
            prefixes,
            protocol,
            source_ports,
            destination_ports,
            tcp_flags_mask: flags.0,
            tcp_flags_value: flags.1,
        },
    )
}

/// Rules that differ in ports and flags more than in anything else.
fn crowd() -> impl Strategy<Value = Vec<AclRule>> {
    let any = AclPrefixes::V4 {
        source: Ipv4Prefix::ANY,
        destination: Ipv4Prefix::ANY,
    };
    let prefixes = prop_oneof![20 => Just(any), 1 => prefixes()];
    // Few take all ports, which would hide the rules behind them.
    let near = || {
        (0u16..14, 0u16..5).prop_map(|(first, more)| PortRange::new(first, first + more).unwrap())
    };
    let destination = prop_oneof![2 => near(), 1 => Just(PortRange::new(3, 3).unwrap())];
    let source = prop_oneof![1 => Just(PortRange::ANY), 2 => near()];
    let one = (rule(), prefixes, source, destination).prop_map(
        |(rule, prefixes, source_ports, destination_ports)| AclRule {
            prefixes,
            protocol: if rule.protocol == 6 { 6 } else { 17 },
            source_ports,
            destination_ports,
            ..rule
        },
    );
    prop::collection::vec(one, 20..60)
}

fn rules() -> impl Strategy<Value = Vec<AclRule>> {
    prop_oneof![
        prop::collection::vec(rule(), 0..6),
        prop::collection::vec(rule(), 30..90),
        crowd(),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let direction = || prop_oneof![Just(AclDirection::Input), Just(AclDirection::Output)];
    let step = prop_oneof![
        24 => (packet(), direction()).prop_map(|(packet, direction)| Step::Packet(packet, direction)),
        2 => (0..LISTS, rules()).prop_map(|(list, rules)| Step::Replace(list, rules)),
        1 => (direction(), Just((0..LISTS).collect::<Vec<_>>()).prop_shuffle(), 0..LISTS)
            .prop_map(|(direction, lists, count)| Step::Apply(direction, lists[..count].to_vec())),
    ];
    prop::collection::vec(step, 1..80)
}

// ===== packets as bytes =====

impl Packet {
    /// The packet that answers this one, with the other ICMP type where there is one.
    fn answer(&self) -> Self {
        let reply = match (self.icmp(), self.ports.0) {
            (true, 8) => 0,
            (true, 13) => 14,
            (true, 128) => 129,
            (true, kind) => kind,
            (false, _) => self.ports.1,
        };
        Self {
            source: self.destination,
            destination: self.source,
            ports: (
                reply,
                if self.icmp() {
                    self.ports.1
                } else {
                    self.ports.0
                },
            ),
            ..self.clone()
        }
    }

    fn icmp(&self) -> bool {
        self.protocol == if self.is_ip6 { 58 } else { 1 }
    }

    fn bytes(&self, ends: (u8, u8)) -> Vec<u8> {
        let (a, b) = self.ports;
        let mut payload = if self.icmp() {
            let mut bytes = transport(0, 0, 0);
            (bytes[0], bytes[1]) = self.ports;
            bytes
        } else {
            transport(a.into(), b.into(), self.flags)
        };
        if self.kind == Shape::CutOff {
            payload.truncate(7);
        }
        if !self.is_ip6 {
            let fragment = match self.kind {
                Shape::FirstFragment => 0x2000,
                Shape::LaterFragment => 0x0007,
                _ => 0,
            };
            let addresses = (address4(self.source), address4(self.destination));
            let mut bytes = ip4_between(ends, addresses, (self.protocol, fragment), &payload);
            if self.kind == Shape::Behind {
                bytes[14] = 0x47;
                bytes.splice(34..34, [1; 8]);
            }
            return bytes;
        }
        let addresses = (address6(self.source), address6(self.destination));
        let fragment = |more: u8, offset: u8| [self.protocol, 0, offset, more, 0, 0, 0, 1];
        let (next, headers) = match self.kind {
            Shape::Whole | Shape::CutOff => (self.protocol, Vec::new()),
            Shape::FirstFragment => (44, fragment(1, 0).to_vec()),
            Shape::LaterFragment => (44, fragment(0, 3).to_vec()),
            Shape::Behind => {
                let mut options = vec![60, 1];
                options.resize(16, 0);
                options.extend([self.protocol, 0, 0, 0, 0, 0, 0, 0]);
                (0, options)
            }
        };
        ip6_between(ends, addresses, next, &[headers, payload].concat())
    }
}

// ===== the model =====

/// VPP's session key: direction, addresses, protocol, ports, and whether it is of the slow path.
type Key = (bool, bool, u8, u8, u8, (u8, u8), bool);

#[derive(Default)]
struct Model {
    lists: Vec<Vec<AclRule>>,
    applied: [Vec<usize>; 2],
    sessions: HashSet<Key>,
}

impl Model {
    fn matches(rule: &AclRule, packet: &Packet) -> bool {
        let addresses_match = match rule.prefixes {
            AclPrefixes::V4 {
                source,
                destination,
            } => {
                let inside = |prefix: Ipv4Prefix, low: u8| {
                    prefix.len() == 0
                        || (address4(low).to_bits() ^ prefix.address().to_bits())
                            >> (32 - prefix.len())
                            == 0
                };
                !packet.is_ip6
                    && inside(source, packet.source)
                    && inside(destination, packet.destination)
            }
            AclPrefixes::V6 {
                source,
                destination,
            } => {
                let inside = |prefix: Ipv6Prefix, low: u8| {
                    prefix.len() == 0
                        || (address6(low).to_bits() ^ prefix.address().to_bits())
                            >> (128 - prefix.len())
                            == 0
                };
                packet.is_ip6
                    && inside(source, packet.source)
                    && inside(destination, packet.destination)
            }
        };
        if !addresses_match || rule.protocol == 0 {
            return addresses_match;
        }
        if rule.protocol != packet.protocol {
            return false;
        }
        if packet.kind == Shape::LaterFragment {
            return true;
        }
        let (source, destination) = packet.read_ports();
        let inside =
            |range: PortRange, port: u8| (range.first()..=range.last()).contains(&port.into());
        packet.kind != Shape::CutOff
            && inside(rule.source_ports, source)
            && inside(rule.destination_ports, destination)
            && (packet.protocol != 6 || packet.flags & rule.tcp_flags_mask == rule.tcp_flags_value)
    }

    /// Whether the packet passes; keeps the session that it makes.
    fn passes(&mut self, packet: &Packet, direction: AclDirection) -> bool {
        let lists = &self.applied[direction as usize];
        if lists.is_empty() {
            return true;
        }
        let key = packet.key(direction == AclDirection::Input);
        if self.sessions.contains(&key) {
            return true;
        }
        let mut rules = lists.iter().flat_map(|list| &self.lists[*list]);
        match rules
            .find(|rule| Self::matches(rule, packet))
            .map(|rule| rule.action)
        {
            None | Some(AclAction::Deny) => false,
            Some(AclAction::Permit) => true,
            Some(AclAction::PermitReflect) => {
                self.sessions.insert(key);
                if let Some(reverse) = packet.reverse(key) {
                    self.sessions.insert(reverse);
                }
                true
            }
        }
    }
}

impl Packet {
    /// The ports as VPP reads them.
    fn read_ports(&self) -> (u8, u8) {
        let has_transport = !matches!(self.kind, Shape::LaterFragment | Shape::CutOff);
        if has_transport && (self.icmp() || matches!(self.protocol, 6 | 17)) {
            self.ports
        } else {
            (0, 0)
        }
    }

    fn key(&self, is_input: bool) -> Key {
        let has_transport = !matches!(self.kind, Shape::LaterFragment | Shape::CutOff);
        let is_slow = has_transport && !matches!(self.protocol, 6 | 17);
        let ends = (self.source, self.destination);
        // Some addresses have two names.
        let canonical = |low: u8| low & 0x87;
        let (source, destination) = (canonical(ends.0), canonical(ends.1));
        (
            is_input,
            self.is_ip6,
            source,
            destination,
            self.protocol,
            self.read_ports(),
            is_slow,
        )
    }

    /// VPP `reverse_l4_u64_slowpath_valid`.
    fn reverse(
        &self,
        (is_input, is_ip6, source, destination, protocol, ports, is_slow): Key,
    ) -> Option<Key> {
        let ports = if is_slow && self.icmp() {
            let reply = match (is_ip6, ports.0) {
                (false, 8) => 0,
                (false, 13) => 14,
                (true, 128) => 129,
                _ => return None,
            };
            (reply, ports.1)
        } else {
            (ports.1, ports.0)
        };
        Some((
            !is_input,
            is_ip6,
            destination,
            source,
            protocol,
            ports,
            is_slow,
        ))
    }
}

/// Both sides of the comparison.
struct Pair {
    lab: Lab,
    model: Model,
    lists: Vec<AclIndex>,
    guarded: SwIfIndex,
    other: SwIfIndex,
}

impl Pair {
    fn new() -> Self {
        let (mut lab, [guarded, other]) = Lab::with_members();
        lab.learn(guarded, 1);
        lab.learn(other, 2);
        let lists = (0..LISTS).map(|_| lab.tables.set_acl(None, b"", Vec::new()).unwrap());
        let lists = lists.collect();
        let model = Model {
            lists: vec![Vec::new(); LISTS],
            ..Model::default()
        };
        Self {
            lab,
            model,
            lists,
            guarded,
            other,
        }
    }

    fn check(&mut self, packet: &Packet, direction: AclDirection) -> Result<(), TestCaseError> {
        let (port, ends) = match direction {
            AclDirection::Input => (self.guarded, (1, 2)),
            AclDirection::Output => (self.other, (2, 1)),
        };
        let found = super::passes(&mut self.lab, port, &packet.bytes(ends));
        let wanted = self.model.passes(packet, direction);
        prop_assert_eq!(found, wanted, "{:?} {:?}", packet, direction);
        Ok(())
    }

    fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Packet(packet, direction) => {
                self.check(&packet, direction)?;
                let back = if direction == AclDirection::Input {
                    AclDirection::Output
                } else {
                    AclDirection::Input
                };
                self.check(&packet.answer(), back)?;
            }
            Step::Replace(list, rules) => {
                let index = Some(self.lists[list]);
                self.lab.tables.set_acl(index, b"", rules.clone()).unwrap();
                self.model.lists[list] = rules;
            }
            Step::Apply(direction, lists) => {
                let indices: Vec<_> = lists.iter().map(|list| self.lists[*list]).collect();
                self.lab
                    .tables
                    .set_acl_list(self.guarded, direction, &indices)
                    .unwrap();
                let sorted = |lists: &[usize]| {
                    let mut lists = lists.to_vec();
                    lists.sort_unstable();
                    lists
                };
                let own = &mut self.model.applied[direction as usize];
                let is_same_set = sorted(own) == sorted(&lists);
                *own = lists;
                if !is_same_set || self.model.applied.iter().all(Vec::is_empty) {
                    self.model.sessions.clear();
                }
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn packets_pass_as_all_rules_in_turn_and_all_sessions_say(
        input in rules(),
        output in rules(),
        steps in steps(),
    ) {
        let mut pair = Pair::new();
        pair.step(Step::Replace(0, input))?;
        pair.step(Step::Replace(1, output))?;
        pair.step(Step::Apply(AclDirection::Input, vec![0, 2]))?;
        pair.step(Step::Apply(AclDirection::Output, vec![1, 3]))?;
        for step in steps {
            pair.step(step)?;
        }
    }
}
