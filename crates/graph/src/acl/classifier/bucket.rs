//! Rules with the same fixed parts, in their order.

use super::Entry;
use crate::acl::{address::Address, rule::PortRange, tuple::FiveTuple};

/// From so many rules on they are found by destination port.
const INDEXED_MIN: usize = 8;

/// Where rules overlap so much that the index would have this many times as many entries as there
/// are rules, there is none.
const BLOW_UP_MAX: usize = 8;

#[derive(Debug)]
pub(super) struct Bucket<A> {
    rules: Box<[Entry<A>]>,
    ports: Option<PortIndex>,
}

/// The rules that a destination port leaves: those of the last interval that starts at or before it.
#[derive(Debug)]
struct PortIndex {
    /// Where intervals start, ascending; the first is 0.
    starts: Box<[u16]>,
    /// Where an interval's rules start in `rules`; one more than there are intervals.
    offsets: Box<[u32]>,
    /// Places in the bucket, in order.
    rules: Box<[u32]>,
}

impl<A: Address> Bucket<A> {
    /// `rules` in ascending order of their numbers.
    pub(super) fn new(rules: Vec<Entry<A>>) -> Self {
        let ports = (rules.len() >= INDEXED_MIN)
            .then(|| PortIndex::new(&rules))
            .flatten();
        Self {
            rules: rules.into_boxed_slice(),
            ports,
        }
    }

    /// The first rule that matches, if its number is below `limit`.
    #[inline]
    pub(super) fn find(&self, tuple: &FiveTuple<A>, limit: u32) -> Option<&Entry<A>> {
        let Some(index) = &self.ports else {
            let before = self.rules.iter().take_while(|rule| rule.number < limit);
            return before.into_iter().find(|rule| rule.matches(tuple));
        };
        let places = index.of(tuple.ports[1]).iter();
        places
            .filter_map(|place| self.rules.get(*place as usize))
            .take_while(|rule| rule.number < limit)
            .find(|rule| rule.matches(tuple))
    }
}

impl PortIndex {
    /// `None` where it would help little.
    fn new<A: Address>(rules: &[Entry<A>]) -> Option<Self> {
        let mut starts = vec![0];
        for rule in rules {
            let ports = ports_of(rule);
            starts.push(ports.first());
            starts.extend(ports.last().checked_add(1));
        }
        starts.sort_unstable();
        starts.dedup();
        if starts.len() < 3 {
            return None;
        }
        let mut lists: Vec<Vec<u32>> = vec![Vec::new(); starts.len()];
        let are_uniform = are_uniform(rules);
        // Nothing behind a rule that takes all can be found.
        let mut is_closed = vec![false; starts.len()];
        let mut open = starts.len();
        let mut entries = 0;
        for (place, rule) in rules.iter().enumerate() {
            if open == 0 {
                break;
            }
            let ports = ports_of(rule);
            let from = starts.partition_point(|start| *start < ports.first());
            let to = starts.partition_point(|start| *start <= ports.last());
            let closes = are_uniform && takes_all_sources(rule);
            for at in from..to {
                if is_closed[at] {
                    continue;
                }
                lists[at].push(place as u32);
                is_closed[at] = closes;
                open -= usize::from(closes);
                entries += 1;
                if entries > rules.len() * BLOW_UP_MAX {
                    return None;
                }
            }
        }
        let mut offsets = vec![0];
        let mut sum = 0;
        for list in &lists {
            sum += list.len() as u32;
            offsets.push(sum);
        }
        Some(Self {
            starts: starts.into_boxed_slice(),
            offsets: offsets.into_boxed_slice(),
            rules: lists.into_iter().flatten().collect(),
        })
    }

    #[inline]
    fn of(&self, port: u16) -> &[u32] {
        let at = self.starts.partition_point(|start| *start <= port);
        let (Some(from), Some(to)) = (self.offsets.get(at.wrapping_sub(1)), self.offsets.get(at))
        else {
            return &[];
        };
        self.rules.get(*from as usize..*to as usize).unwrap_or(&[])
    }
}

/// The destination ports that a rule looks at.
fn ports_of<A>(rule: &Entry<A>) -> PortRange {
    if rule.protocol == 0 {
        PortRange::ANY
    } else {
        rule.destination_ports
    }
}

/// Whether all rules look at the same addresses and protocol, so that they differ in ports and flags
/// alone.
fn are_uniform<A: Address>(rules: &[Entry<A>]) -> bool {
    let parts = |rule: &Entry<A>| {
        (
            (rule.source, rule.source_mask),
            (rule.destination, rule.destination_mask),
            rule.protocol,
        )
    };
    rules
        .windows(2)
        .all(|pair| parts(&pair[0]) == parts(&pair[1]))
}

/// Whether a rule of such rules matches all packets with its destination ports that a later one does.
fn takes_all_sources<A>(rule: &Entry<A>) -> bool {
    let has_flags = rule.tcp_flags_mask != 0 || rule.tcp_flags_value != 0;
    rule.protocol == 0 || rule.source_ports == PortRange::ANY && !has_flags
}
