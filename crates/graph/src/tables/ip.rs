//! The control thread's side of routing: addresses of interfaces, routes, neighbours, and what is made
//! of them for the nodes.
//!
//! Any change only marks what was compiled as stale; the next [publish](super::Tables::publish) compiles it
//! anew: the FIB of both families, and which adjacency each tunnel leads to. An adjacency's number stays
//! while somebody leads to it, so that a next hop that becomes known changes one adjacency and nothing that
//! leads there.
//!
//! What the special prefixes are (network and broadcast addresses, multicast, link-local) is VPP's
//! (`src/vnet/fib/ip4_fib.c`, `ip6_fib.c`, `fib_table.c`).

mod address;
mod compile;
mod neighbour;
mod route;

use std::{
    collections::{BTreeMap, HashMap},
    net::IpAddr,
    sync::Arc,
};

use weft_packet::SwIfIndex;

use super::chunked::Chunked;
use crate::ip::{AdjIndex, Adjacency, IpFib, IpPrefix};

pub use address::InterfaceAddress;
pub(crate) use address::InterfaceIp;
pub use neighbour::Neighbour;
pub(crate) use neighbour::NeighbourQueue;
pub use route::{FibEntryIp, FibEntryKind, FibSource, PathKind, Route, RoutePath};

/// What was configured and learned, and what was made of it.
#[derive(Debug)]
pub(super) struct IpTables {
    /// In the order in which they were given.
    addresses: BTreeMap<SwIfIndex, Vec<InterfaceAddress>>,
    /// By prefix, then by source, the best first.
    routes: BTreeMap<IpPrefix, BTreeMap<FibSource, RoutePath>>,
    neighbours: BTreeMap<(SwIfIndex, IpAddr), Neighbour>,
    numbers: HashMap<AdjacencyKey, AdjIndex>,
    free_numbers: Vec<AdjIndex>,
    next_number: u32,
    pub(super) view: IpView,
    is_stale: bool,
}

/// What the nodes read.
#[derive(Clone, Debug)]
pub(crate) struct IpView {
    pub(crate) fib4: Arc<IpFib<u32>>,
    pub(crate) fib6: Arc<IpFib<u128>>,
    pub(crate) adjacencies: Chunked<Adjacency>,
}

/// What makes two adjacencies the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum AdjacencyKey {
    /// An address of an interface, or one for which a route says that it is this switch's.
    Receive(SwIfIndex, IpAddr),
    /// A connected network, by its own address, or all that an interface reaches.
    Glean(SwIfIndex, IpAddr),
    /// A next hop.
    NextHop(SwIfIndex, IpAddr),
}

impl IpTables {
    pub(super) fn new() -> Self {
        Self {
            addresses: BTreeMap::new(),
            routes: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            numbers: HashMap::new(),
            free_numbers: Vec::new(),
            next_number: 1,
            view: IpView {
                fib4: Arc::new(IpFib::new()),
                fib6: Arc::new(IpFib::new()),
                adjacencies: Chunked::new(),
            },
            is_stale: false,
        }
    }

    /// Something of what the FIB is made of has changed.
    pub(super) fn touch(&mut self) {
        self.is_stale = true;
    }
}

impl IpView {
    /// The adjacency of a number, that of drops if there is none.
    #[inline]
    pub(crate) fn adjacency(&self, index: AdjIndex) -> &Adjacency {
        self.adjacencies.get(index.0)
    }

    /// What an address leads to.
    #[inline]
    pub(crate) fn lookup(&self, address: IpAddr) -> AdjIndex {
        match address {
            IpAddr::V4(address) => self.fib4.lookup(address.to_bits()),
            IpAddr::V6(address) => self.fib6.lookup(address.to_bits()),
        }
    }
}
