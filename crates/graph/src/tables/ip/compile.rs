//! From what is configured and learned to what the nodes read.

use std::{
    collections::{BTreeMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use weft_packet::{
    SwIfIndex,
    header::{EtherType, MacAddr},
};

use super::{AdjacencyKey, FibEntryIp, FibEntryKind, IpTables, PathKind, RoutePath};
use crate::{
    ip::{AdjIndex, Adjacency, AdjacencyKind, IpFib, IpPrefix, LinkHeader},
    tables::Tables,
    vlan::{OuterTag, SubInterfaceMatch},
};

/// Routes that lead to a next hop which another route leads to, and so on: at most so many.
const RECURSION_MAX: usize = 8;

type Entries = BTreeMap<IpPrefix, (FibEntryKind, RoutePath)>;

impl Tables {
    /// All entries of the FIB of both families, by prefix.
    pub fn fib_entries(&self) -> Vec<FibEntryIp> {
        let entries = self.entries().into_iter();
        let entry = |(prefix, (kind, path))| FibEntryIp { prefix, kind, path };
        entries.map(entry).collect()
    }

    /// What of several reasons for one prefix counts: the first that is entered.
    fn entries(&self) -> Entries {
        let mut entries = Entries::new();
        for prefix in special_prefixes() {
            entries.insert(prefix, (FibEntryKind::Special, RoutePath::DROP));
        }
        for (&interface, addresses) in &self.ip.addresses {
            let local = |next_hop| RoutePath {
                kind: PathKind::Local,
                interface: Some(interface),
                next_hop: Some(next_hop),
            };
            for own in addresses {
                let host = IpPrefix::host(own.address);
                entries.insert(host, (FibEntryKind::Local, local(own.address)));
            }
            // Where neighbour discovery works, the link-local address is there too.
            let ip = self.interfaces.get(interface.0).ip.as_ref();
            if let Some(own) = ip.filter(|own| !own.ip6.is_empty()) {
                let address = IpAddr::V6(own.link_local);
                let host = IpPrefix::host(address);
                entries.insert(host, (FibEntryKind::Local, local(address)));
            }
        }
        for (&interface, addresses) in &self.ip.addresses {
            let networks = addresses.iter().filter_map(|own| own.network());
            for network in networks.filter(|own| *own != IpPrefix::host(own.address())) {
                let edges = network
                    .broadcast()
                    .map(|last| [network.address(), last])
                    .into_iter()
                    .flatten();
                for edge in edges {
                    let drop = (FibEntryKind::Edge, RoutePath::DROP);
                    entries.entry(IpPrefix::host(edge)).or_insert(drop);
                }
                let path = RoutePath {
                    kind: PathKind::Normal,
                    interface: Some(interface),
                    next_hop: None,
                };
                let connected = (FibEntryKind::Connected, path);
                entries.entry(network).or_insert(connected);
            }
        }
        for (&prefix, sources) in &self.ip.routes {
            if let Some((&source, &path)) = sources.first_key_value() {
                let route = (FibEntryKind::Route(source), path);
                entries.entry(prefix).or_insert(route);
            }
        }
        for &(interface, address) in self.ip.neighbours.keys() {
            let path = RoutePath {
                kind: PathKind::Normal,
                interface: Some(interface),
                next_hop: Some(address),
            };
            let view = self.interfaces.get(interface.0);
            if view
                .ip
                .as_ref()
                .is_some_and(|own| own.is_connected(address))
            {
                let neighbour = (FibEntryKind::Neighbour, path);
                entries.entry(IpPrefix::host(address)).or_insert(neighbour);
            }
        }
        for default in [
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ] {
            if let Some(prefix) = IpPrefix::new(default, 0) {
                let drop = (FibEntryKind::Default, RoutePath::DROP);
                entries.entry(prefix).or_insert(drop);
            }
        }
        entries
    }

    /// Compiles what has changed since the last time.
    pub(in crate::tables) fn refresh_ip(&mut self) {
        if !std::mem::take(&mut self.ip.is_stale) {
            return;
        }
        let entries = self.entries();
        let mut used = HashSet::new();
        let (mut fib4, mut fib6) = (IpFib::new(), IpFib::new());
        for (&prefix, &(_, path)) in &entries {
            let adjacency = match resolve(&entries, prefix, path) {
                Some(key) => self.number(key),
                None => AdjIndex::DROP,
            };
            used.insert(adjacency);
            match prefix.address() {
                IpAddr::V4(address) => fib4.insert(address.to_bits(), prefix.len(), adjacency),
                IpAddr::V6(address) => fib6.insert(address.to_bits(), prefix.len(), adjacency),
            }
        }
        self.ip.view.fib4 = Arc::new(fib4);
        self.ip.view.fib6 = Arc::new(fib6);
        self.restack_tunnels(&mut used);
        self.ip.forget_unused(&used);
        let keys: Vec<_> = self
            .ip
            .numbers
            .iter()
            .map(|(key, at)| (*key, *at))
            .collect();
        for (key, at) in keys {
            self.write_adjacency(key, at);
        }
    }

    /// What an address leads to, for a tunnel: a packet of it that is for this switch would go round.
    pub(in crate::tables) fn stack(&mut self, remote: IpAddr) -> AdjIndex {
        let at = self.ip.view.lookup(remote);
        let adjacency = self.ip.view.adjacency(at);
        match adjacency.kind {
            AdjacencyKind::Receive => AdjIndex::DROP,
            AdjacencyKind::Glean => {
                let key = AdjacencyKey::NextHop(adjacency.sw_if_index, remote);
                self.number(key)
            }
            _ => at,
        }
    }

    /// The number of an adjacency, a new one if it has none.
    fn number(&mut self, key: AdjacencyKey) -> AdjIndex {
        if let Some(&at) = self.ip.numbers.get(&key) {
            return at;
        }
        let at = self.ip.free_numbers.pop().unwrap_or_else(|| {
            let next = AdjIndex(self.ip.next_number);
            self.ip.next_number += 1;
            next
        });
        self.ip.numbers.insert(key, at);
        self.write_adjacency(key, at);
        at
    }

    fn write_adjacency(&mut self, key: AdjacencyKey, at: AdjIndex) {
        let fresh = match key {
            AdjacencyKey::Receive(interface, address) => Adjacency {
                kind: AdjacencyKind::Receive,
                sw_if_index: interface,
                next_hop: address,
                ..Adjacency::default()
            },
            AdjacencyKey::Glean(interface, address) => {
                self.towards(AdjacencyKind::Glean, interface, address, MacAddr::BROADCAST)
            }
            AdjacencyKey::NextHop(interface, address) => {
                match self.ip.neighbours.get(&(interface, address)) {
                    Some(own) => self.towards(AdjacencyKind::Rewrite, interface, address, own.mac),
                    None => {
                        self.towards(AdjacencyKind::Arp, interface, address, MacAddr::BROADCAST)
                    }
                }
            }
        };
        *self.ip.view.adjacencies.get_mut(at.0) = fresh;
    }

    fn towards(
        &self,
        kind: AdjacencyKind,
        interface: SwIfIndex,
        next_hop: IpAddr,
        mac: MacAddr,
    ) -> Adjacency {
        let Some(own) = self.interface(interface) else {
            return Adjacency::default();
        };
        let (ethertype, mtu) = match next_hop {
            IpAddr::V4(_) => (EtherType::IPV4, own.ip_mtu[0]),
            IpAddr::V6(_) => (EtherType::IPV6, own.ip_mtu[1]),
        };
        let port = self.interface(own.port(interface));
        // Zero stands for the general one, and that of a sub-interface for its port's.
        let mtu = [mtu, own.mtu, port.map_or(0, |port| port.mtu)]
            .into_iter()
            .find(|mtu| *mtu > 0)
            .unwrap_or(u32::from(u16::MAX));
        let tags = own.matched().map(tags_of).unwrap_or_default();
        Adjacency {
            kind,
            sw_if_index: interface,
            mtu,
            link: LinkHeader::new(mac, own.mac, &tags, ethertype),
            next_hop,
        }
    }
}

impl IpTables {
    /// Gives back the numbers of adjacencies to which nobody leads any more.
    fn forget_unused(&mut self, used: &HashSet<AdjIndex>) {
        let (free, view) = (&mut self.free_numbers, &mut self.view);
        self.numbers.retain(|_, at| {
            let is_used = used.contains(at);
            if !is_used {
                *view.adjacencies.get_mut(at.0) = Adjacency::default();
                free.push(*at);
            }
            is_used
        });
    }
}

/// The adjacency of a path; `None` is a drop.
fn resolve(entries: &Entries, prefix: IpPrefix, path: RoutePath) -> Option<AdjacencyKey> {
    let mut path = path;
    for _ in 0..RECURSION_MAX {
        match (path.kind, path.interface, path.next_hop) {
            (PathKind::Drop, _, _) | (PathKind::Normal, None, None) => return None,
            (PathKind::Local, interface, next_hop) => {
                let interface = interface.unwrap_or_default();
                let address = next_hop.unwrap_or(prefix.address());
                return Some(AdjacencyKey::Receive(interface, address));
            }
            (PathKind::Normal, Some(interface), Some(next_hop)) => {
                return Some(AdjacencyKey::NextHop(interface, next_hop));
            }
            (PathKind::Normal, Some(interface), None) => {
                return Some(AdjacencyKey::Glean(interface, prefix.address()));
            }
            (PathKind::Normal, None, Some(next_hop)) => {
                let (_, next) = covering(entries, next_hop, prefix)?;
                path = match (next.kind, next.interface, next.next_hop) {
                    // On a connected network: the next hop itself is asked for.
                    (PathKind::Normal, Some(_), None) => RoutePath {
                        next_hop: Some(next_hop),
                        ..next
                    },
                    // A next hop that is this switch leads nowhere.
                    (PathKind::Local, _, _) => return None,
                    _ => next,
                };
            }
        }
    }
    None
}

/// The longest entry for an address, other than `but`.
fn covering(entries: &Entries, address: IpAddr, but: IpPrefix) -> Option<(IpPrefix, RoutePath)> {
    let longest = IpPrefix::host(address).len();
    let prefixes = (0..=longest).rev();
    let mut prefixes = prefixes.filter_map(|len| IpPrefix::new(address, len));
    prefixes.find_map(|prefix| {
        let (_, path) = entries.get(&prefix).filter(|_| prefix != but)?;
        Some((prefix, *path))
    })
}

/// The tags of a sub-interface's own packets, outer first.
fn tags_of(matched: SubInterfaceMatch) -> Vec<(EtherType, u16)> {
    let tpid = |outer| match outer {
        OuterTag::Dot1q => EtherType::DOT1Q,
        OuterTag::Dot1ad => EtherType::DOT1AD,
    };
    match matched {
        SubInterfaceMatch::OneTag { outer, vlan, .. } => vec![(tpid(outer), vlan)],
        SubInterfaceMatch::TwoTags {
            outer, vlan, inner, ..
        } => vec![
            (tpid(outer), vlan),
            (EtherType::DOT1Q, inner.unwrap_or_default()),
        ],
        SubInterfaceMatch::Default => Vec::new(),
    }
}

/// What is never forwarded: unspecified, broadcast, multicast, reserved and link-local addresses.
fn special_prefixes() -> impl Iterator<Item = IpPrefix> {
    let all: [(IpAddr, u8); 5] = [
        (Ipv4Addr::UNSPECIFIED.into(), 32),
        (Ipv4Addr::new(224, 0, 0, 0).into(), 4),
        (Ipv4Addr::new(240, 0, 0, 0).into(), 4),
        (Ipv4Addr::BROADCAST.into(), 32),
        (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0).into(), 10),
    ];
    all.into_iter()
        .filter_map(|(address, len)| IpPrefix::new(address, len))
}
