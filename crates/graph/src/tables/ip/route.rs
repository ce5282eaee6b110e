//! Routes, each from a source (VPP `src/vnet/fib/fib_source.h`): of several to one prefix that of the
//! source with the lowest priority number counts, and the others wait.

use std::net::IpAddr;

use weft_packet::SwIfIndex;

use crate::{
    ip::IpPrefix,
    tables::{TableError, Tables},
};

/// Who a route is from. Ordered by priority: the lower, the better.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FibSource {
    /// Lower is better.
    pub priority: u8,
    /// Tells sources of one priority apart.
    pub id: u8,
}

/// What a path does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PathKind {
    /// Packets go on.
    #[default]
    Normal,
    /// Packets are for this switch.
    Local,
    /// Packets end.
    Drop,
}

/// Where a route leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoutePath {
    /// What it does.
    pub kind: PathKind,
    /// The interface; `None` if the next hop decides it.
    pub interface: Option<SwIfIndex>,
    /// The next hop; `None` if the destination itself is on the interface's network.
    pub next_hop: Option<IpAddr>,
}

/// A route of one source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// Packets to whom.
    pub prefix: IpPrefix,
    /// Whose route it is.
    pub source: FibSource,
    /// The way.
    pub path: RoutePath,
}

/// What an entry of the FIB is there for, the best reason first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum FibEntryKind {
    /// Always there: multicast and the like.
    Special,
    /// An address of an interface.
    Local,
    /// The network of an address.
    Connected,
    /// The first or last address of a network.
    Edge,
    /// A route.
    Route(FibSource),
    /// A neighbour.
    Neighbour,
    /// The default route that is there when there is no other.
    Default,
}

/// An entry of the FIB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FibEntryIp {
    /// Packets to whom.
    pub prefix: IpPrefix,
    /// Why it is there.
    pub kind: FibEntryKind,
    /// The way.
    pub path: RoutePath,
}

impl RoutePath {
    /// A path on which packets end.
    pub const DROP: Self = Self {
        kind: PathKind::Drop,
        interface: None,
        next_hop: None,
    };
}

impl Tables {
    /// Writes the route of a source, in place of the one that it has to that prefix.
    ///
    /// # Errors
    /// There is no such interface.
    pub fn set_route(&mut self, route: Route) -> Result<(), TableError> {
        if let Some(interface) = route.path.interface {
            self.interface(interface)
                .ok_or(TableError::NoInterface(interface))?;
        }
        let sources = self.ip.routes.entry(route.prefix).or_default();
        sources.insert(route.source, route.path);
        self.ip.touch();
        Ok(())
    }

    /// Removes the route of a source to a prefix; returns whether there was one.
    pub fn delete_route(&mut self, prefix: IpPrefix, source: FibSource) -> bool {
        let Some(sources) = self.ip.routes.get_mut(&prefix) else {
            return false;
        };
        let was_there = sources.remove(&source).is_some();
        if sources.is_empty() {
            self.ip.routes.remove(&prefix);
        }
        if was_there {
            self.ip.touch();
        }
        was_there
    }

    /// The sources that have a route to a prefix, the best first.
    pub fn route_sources(&self, prefix: IpPrefix) -> impl Iterator<Item = FibSource> {
        let sources = self.ip.routes.get(&prefix).into_iter().flatten();
        sources.map(|(source, _)| *source)
    }
}
