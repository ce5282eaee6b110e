//! A list of rules, compiled: the first rule that matches, without looking at all of them.
//!
//! Tuple space search: rules that fix the same parts of a packet (so many bits of either address,
//! the protocol, either port) form one *kind*; a kind's rules are found by one look-up in a hash
//! table of those parts. Kinds are tried in the order of their first rules, and those that begin
//! behind the best rule found are not tried at all. Rules with the same fixed parts stand together
//! in a *bucket* and are compared one by one, or found by destination port if they are many.
//!
//! So few rules that looking at each costs less than one look-up are not hashed at all.
//!
//! A list whose prefixes have very many lengths is compiled with fewer bits fixed, so that there are
//! few kinds. This changes how fast rules are found, never which: each rule found is compared whole.

mod bucket;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    address::{Address, fold},
    rule::{AclAction, AclPrefixes, AclRule, PortRange, Prefix},
    tuple::FiveTuple,
};
use bucket::Bucket;

/// Up to so many rules are compared one by one.
const FEW: usize = 8;

/// More kinds than this are merged.
const KINDS_MAX: usize = 24;

/// A compiled list.
#[derive(Debug, Default)]
pub(crate) struct Classifier {
    v4: Lists<u32>,
    v6: Lists<u128>,
}

/// The rules of one family.
#[derive(Debug, Default)]
pub(crate) struct Lists<A> {
    whole: Space<A>,
    /// For fragments other than the first, which match whatever the ports: rules that differ in
    /// ports alone are one.
    fragments: Space<A>,
}

#[derive(Debug, Default)]
struct Space<A> {
    /// All rules, if they are few; then there is nothing else.
    few: Box<[Entry<A>]>,
    kinds: Box<[Kind<A>]>,
    /// A power of two, or empty; with an empty slot behind each full one sooner or later.
    slots: Box<[Slot]>,
    buckets: Box<[Bucket<A>]>,
}

/// What the rules of one kind fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Shape {
    source_len: u8,
    destination_len: u8,
    protocol: bool,
    source_port: bool,
    destination_port: bool,
}

#[derive(Debug)]
struct Kind<A> {
    source: A,
    destination: A,
    protocol: u8,
    ports: [u16; 2],
    /// Tells the hashes of kinds apart.
    salt: u64,
    /// Number of its first rule.
    first: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    hash: u64,
    /// 1 + the place in `buckets`; 0 if the slot is empty.
    bucket: u32,
}

/// A rule as it is compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<A> {
    source: A,
    source_mask: A,
    destination: A,
    destination_mask: A,
    source_ports: PortRange,
    destination_ports: PortRange,
    protocol: u8,
    tcp_flags_mask: u8,
    tcp_flags_value: u8,
    pub(crate) action: AclAction,
    /// Its place in the list.
    pub(crate) number: u32,
}

/// Access to the lists of a family.
pub(crate) trait OfFamily: Address {
    fn lists(classifier: &Classifier) -> &Lists<Self>;
}

impl OfFamily for u32 {
    #[inline]
    fn lists(classifier: &Classifier) -> &Lists<Self> {
        &classifier.v4
    }
}

impl OfFamily for u128 {
    #[inline]
    fn lists(classifier: &Classifier) -> &Lists<Self> {
        &classifier.v6
    }
}

impl Classifier {
    pub(crate) fn new(rules: &[AclRule]) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for (number, rule) in rules.iter().enumerate() {
            match rule.prefixes {
                AclPrefixes::V4 {
                    source,
                    destination,
                } => v4.push(Entry::new(number, rule, source, destination)),
                AclPrefixes::V6 {
                    source,
                    destination,
                } => v6.push(Entry::new(number, rule, source, destination)),
            }
        }
        Self {
            v4: Lists::new(v4),
            v6: Lists::new(v6),
        }
    }

    /// The first rule that matches.
    #[inline]
    pub(crate) fn find<A: OfFamily>(&self, tuple: &FiveTuple<A>) -> Option<(u32, AclAction)> {
        let lists = A::lists(self);
        let entry = if tuple.is_later_fragment {
            lists.fragments.find(&tuple.into_fragment())
        } else {
            lists.whole.find(tuple)
        };
        entry.map(|entry| (entry.number, entry.action))
    }
}

impl<A: Address> Lists<A> {
    fn new(rules: Vec<(Shape, Entry<A>)>) -> Self {
        let mut known = HashSet::new();
        let fragments = rules.iter().filter_map(|(shape, entry)| {
            let parts = (
                (entry.source, shape.source_len),
                (entry.destination, shape.destination_len),
                entry.protocol,
            );
            known.insert(parts).then(|| {
                let shape = Shape {
                    source_port: false,
                    destination_port: false,
                    ..*shape
                };
                (shape, entry.without_ports())
            })
        });
        let fragments = fragments.collect();
        Self {
            whole: Space::new(rules),
            fragments: Space::new(fragments),
        }
    }
}

impl<A: Address> Space<A> {
    fn new(mut rules: Vec<(Shape, Entry<A>)>) -> Self {
        if rules.len() <= FEW {
            return Self {
                few: rules.into_iter().map(|(_, entry)| entry).collect(),
                kinds: Box::default(),
                slots: Box::default(),
                buckets: Box::default(),
            };
        }
        let kinds: HashSet<Shape> = rules.iter().map(|(shape, _)| *shape).collect();
        if kinds.len() > KINDS_MAX {
            for (shape, _) in &mut rules {
                *shape = shape.merged::<A>();
            }
        }
        // In the order of the first rules, as the rules come in theirs.
        let mut kinds: Vec<(Shape, Kind<A>)> = Vec::new();
        let mut places: HashMap<Shape, usize> = HashMap::new();
        let mut by_hash: BTreeMap<u64, Vec<Entry<A>>> = BTreeMap::new();
        for (shape, entry) in rules {
            let place = *places.entry(shape).or_insert_with(|| {
                kinds.push((shape, Kind::new(shape, kinds.len() as u64, entry.number)));
                kinds.len() - 1
            });
            let (_, kind) = &kinds[place];
            by_hash.entry(kind.hash_of(&entry)).or_default().push(entry);
        }
        let size = (by_hash.len() * 2).next_power_of_two();
        let mut slots = vec![Slot::default(); size].into_boxed_slice();
        let mut buckets = Vec::with_capacity(by_hash.len());
        for (hash, entries) in by_hash {
            buckets.push(Bucket::new(entries));
            let mut at = hash as usize & (size - 1);
            while slots[at].bucket != 0 {
                at = (at + 1) & (size - 1);
            }
            slots[at] = Slot {
                hash,
                bucket: buckets.len() as u32,
            };
        }
        Self {
            few: Box::default(),
            kinds: kinds.into_iter().map(|(_, kind)| kind).collect(),
            slots,
            buckets: buckets.into_boxed_slice(),
        }
    }

    #[inline]
    fn find(&self, tuple: &FiveTuple<A>) -> Option<&Entry<A>> {
        if let Some(entry) = self.few.iter().find(|entry| entry.matches(tuple)) {
            return Some(entry);
        }
        let mut best: Option<&Entry<A>> = None;
        let mut limit = u32::MAX;
        for kind in &self.kinds {
            if kind.first >= limit {
                break;
            }
            if let Some(bucket) = self.bucket(kind.hash(tuple))
                && let Some(entry) = bucket.find(tuple, limit)
            {
                limit = entry.number;
                best = Some(entry);
            }
        }
        best
    }

    #[inline]
    fn bucket(&self, hash: u64) -> Option<&Bucket<A>> {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        loop {
            // At most half of the slots are full, so this ends.
            let slot = self.slots.get(at)?;
            if slot.bucket == 0 {
                return None;
            }
            if slot.hash == hash {
                return self.buckets.get(slot.bucket as usize - 1);
            }
            at = (at + 1) & mask;
        }
    }
}

// ===== impl Shape =====

impl Shape {
    fn of<A: Address>(rule: &AclRule, source: Prefix<A>, destination: Prefix<A>) -> Self {
        let has_ports = rule.protocol != 0;
        Self {
            source_len: source.len(),
            destination_len: destination.len(),
            protocol: has_ports,
            source_port: has_ports && rule.source_ports.exact().is_some(),
            destination_port: has_ports && rule.destination_ports.exact().is_some(),
        }
    }

    /// With the lengths cut to few.
    fn merged<A: Address>(self) -> Self {
        let cut = |len: u8| {
            let classes = A::CLASSES.iter().copied();
            classes
                .take_while(|class| *class <= len)
                .last()
                .unwrap_or(0)
        };
        Self {
            source_len: cut(self.source_len),
            destination_len: cut(self.destination_len),
            ..self
        }
    }
}

// ===== impl Kind =====

impl<A: Address> Kind<A> {
    fn new(shape: Shape, number: u64, first: u32) -> Self {
        let all = |is_fixed: bool| if is_fixed { u16::MAX } else { 0 };
        Self {
            source: A::mask(shape.source_len),
            destination: A::mask(shape.destination_len),
            protocol: if shape.protocol { u8::MAX } else { 0 },
            ports: [all(shape.source_port), all(shape.destination_port)],
            salt: (number + 1) << 40,
            first,
        }
    }

    #[inline]
    fn hash(&self, tuple: &FiveTuple<A>) -> u64 {
        self.mix(tuple.source, tuple.destination, tuple.protocol, tuple.ports)
    }

    fn hash_of(&self, entry: &Entry<A>) -> u64 {
        // Where a port is not one, its mask is zero.
        let ports = [entry.source_ports.first(), entry.destination_ports.first()];
        self.mix(entry.source, entry.destination, entry.protocol, ports)
    }

    #[inline]
    fn mix(&self, source: A, destination: A, protocol: u8, ports: [u16; 2]) -> u64 {
        const ODD: [u64; 4] = [
            0x9e37_79b9_7f4a_7c15,
            0xc2b2_ae3d_27d4_eb4f,
            0x1656_67b1_9e37_79f9,
            0xd6e8_feb8_6659_fd93,
        ];
        let [a, b, c, d] = A::words(source.and(self.source), destination.and(self.destination));
        let l4 = self.salt
            | u64::from(protocol & self.protocol) << 32
            | u64::from(ports[0] & self.ports[0]) << 16
            | u64::from(ports[1] & self.ports[1]);
        let mut hash = fold(a ^ ODD[0], l4 ^ ODD[1]);
        if A::BITS > 32 {
            hash ^= fold(b ^ ODD[1] ^ hash, c ^ ODD[2]);
            hash = fold(d ^ ODD[3], hash ^ ODD[0]);
        }
        hash
    }
}

// ===== impl Entry =====

impl<A: Address> Entry<A> {
    fn new(
        number: usize,
        rule: &AclRule,
        source: Prefix<A>,
        destination: Prefix<A>,
    ) -> (Shape, Self) {
        let entry = Self {
            source: source.bits(),
            source_mask: A::mask(source.len()),
            destination: destination.bits(),
            destination_mask: A::mask(destination.len()),
            source_ports: rule.source_ports,
            destination_ports: rule.destination_ports,
            protocol: rule.protocol,
            tcp_flags_mask: rule.tcp_flags_mask,
            tcp_flags_value: rule.tcp_flags_value,
            action: rule.action,
            number: number as u32,
        };
        (Shape::of(rule, source, destination), entry)
    }

    fn without_ports(&self) -> Self {
        Self {
            source_ports: PortRange::ANY,
            destination_ports: PortRange::ANY,
            tcp_flags_mask: 0,
            tcp_flags_value: 0,
            ..*self
        }
    }

    /// VPP `single_rule_match_5tuple`.
    #[inline]
    fn matches(&self, tuple: &FiveTuple<A>) -> bool {
        if tuple.source.and(self.source_mask) != self.source
            || tuple.destination.and(self.destination_mask) != self.destination
        {
            return false;
        }
        if self.protocol == 0 {
            return true;
        }
        self.protocol == tuple.protocol
            && tuple.l4_valid
            && self.source_ports.contains(tuple.ports[0])
            && self.destination_ports.contains(tuple.ports[1])
            && tuple
                .tcp_flags
                .is_none_or(|flags| flags & self.tcp_flags_mask == self.tcp_flags_value)
    }
}
