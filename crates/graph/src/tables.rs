//! The tables that the nodes read: interfaces, bridge domains, the layer-2 FIB, routes and tunnels.
//!
//! # Concurrency
//!
//! [`Tables`] belongs to the control thread, which changes it and then [publishes](Tables::publish).
//! Workers never wait for it:
//!
//! * Configuration is an immutable snapshot behind an `Arc`. A worker compares one atomic number at
//!   the start of each [`Graph::run`](crate::Graph::run) and takes the new snapshot if it changed;
//!   within one run all nodes see one configuration. Parts that did not change are shared between
//!   snapshots, so publishing costs the same whatever the number of interfaces.
//! * The layer-2 FIB is shared and changed in place; see [`crate::fib`].
//! * Counters are per worker: only their worker writes them, anyone reads them.
//!
//! [`Tables::is_settled`] tells when no worker uses an older snapshot any more, which is when a port
//! that was deleted may be closed.

mod acl;
mod bridge_domain;
mod chunked;
mod interface;
mod ip;
mod mac;
mod publish;
mod report;
mod tunnel;

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use weft_packet::SwIfIndex;

use crate::{
    fib::{Ageing, FibTable},
    generator::Stream,
    vlan::{SubInterfaceMatch, TagRewriteError},
};

pub use acl::{
    Acl, AclDirection, AclError, AclIndex, InterfaceAcls, LookupContext, MacIpAcl, MacIpIndex,
    RuleMatches,
};
pub use bridge_domain::{BdFlags, BdId, BdIndex, BridgeDomain, FloodMember};
pub use interface::{DeviceClass, Interface, InterfaceKind, L2Flags, L2Mode, PortType};
pub use ip::{
    FibEntryIp, FibEntryKind, FibSource, InterfaceAddress, Neighbour, PathKind, Route, RoutePath,
};
pub use mac::MacTarget;
pub use publish::{Generation, TablesHandle};
pub use report::{ErrorCount, InterfaceTotals, NodeRuntime};
pub use tunnel::Tunnel;

pub(crate) use acl::{AclView, Binding, InterfaceAclView, MacIpView};
pub(crate) use bridge_domain::BdView;
pub(crate) use chunked::Chunked;
pub(crate) use interface::{InterfaceView, ViewMode};
pub(crate) use ip::{InterfaceIp, IpView, NeighbourQueue};
pub(crate) use publish::{Shared, Snapshot};
pub(crate) use tunnel::TunnelsView;

/// The control thread's side of the tables.
#[derive(Debug)]
pub struct Tables {
    /// What the next snapshot is made of.
    interfaces: Chunked<InterfaceView>,
    bridge_domains: Chunked<BdView>,
    acl_views: Chunked<Option<Arc<AclView>>>,
    macip_views: Chunked<MacIpView>,
    /// The configuration as the operator gave it, by index; what the views are made from.
    records: Vec<Option<Interface>>,
    /// Indices given back, the last of which is used first, as VPP's pools do.
    free_indices: Vec<SwIfIndex>,
    domains: Vec<Option<BridgeDomain>>,
    /// Places in `domains` that are free, the lowest of which is used first, as VPP does.
    free_domains: BTreeSet<u16>,
    bd_by_id: HashMap<BdId, BdIndex>,
    pub(crate) streams: Vec<Arc<Stream>>,
    acl: acl::AclTables,
    ip: ip::IpTables,
    tunnels: tunnel::Tunnels,
    ageing: Ageing,
    /// The FIB of the newest configuration, and of the next one.
    fib: Arc<FibTable>,
    shared: Arc<Shared>,
}

/// Why a change of the tables was refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum TableError {
    /// There is no such interface.
    #[error("there is no interface with {0:?}")]
    NoInterface(SwIfIndex),
    /// There is no such bridge domain.
    #[error("there is no bridge domain {0}")]
    NoBridgeDomain(BdId),
    /// The bridge domain exists.
    #[error("bridge domain {0} exists already")]
    BridgeDomainExists(BdId),
    /// The bridge domain has members.
    #[error("bridge domain {bd} still has {members} members")]
    BridgeDomainInUse {
        /// The bridge domain.
        bd: BdId,
        /// How many interfaces are in it.
        members: usize,
    },
    /// No more bridge domains fit.
    #[error("there are {} bridge domains already, the most there can be", u16::MAX)]
    TooManyBridgeDomains,
    /// A sub-interface can only be made on a port.
    #[error("{0:?} is a sub-interface and cannot have sub-interfaces")]
    NotAPort(SwIfIndex),
    /// The match's frames belong to another sub-interface.
    #[error("{matched:?} on {parent:?} belongs to {owner:?} already")]
    VlanInUse {
        /// The port.
        parent: SwIfIndex,
        /// What was asked for.
        matched: SubInterfaceMatch,
        /// Who has it.
        owner: SwIfIndex,
    },
    /// The rewrite cannot be undone on output.
    #[error("rewrite of {interface:?}: {source}")]
    TagRewrite {
        /// The interface.
        interface: SwIfIndex,
        /// Why.
        source: TagRewriteError,
    },
    /// The bridge domain has a bridged virtual interface already.
    #[error("bridge domain {0} has a BVI already")]
    BviExists(BdId),
    /// No such entry, or not of that interface.
    #[error("the bridge domain has no such MAC address on that interface")]
    NoMac,
    /// The family has not so many bits.
    #[error("an address has fewer than {0} bits")]
    PrefixLength(u8),
    /// The interface has the address already.
    #[error("the interface has address {0} already")]
    DuplicateAddress(IpAddr),
    /// The network overlaps with another.
    #[error("the network of {0} overlaps with that of another address")]
    AddressInUse(IpAddr),
    /// The interface has no such address.
    #[error("the interface has no address {0} with that prefix length")]
    NoAddress(IpAddr),
    /// A tunnel with these ends, port and VNI is there.
    #[error("a tunnel with these ends, UDP port and VNI exists already")]
    TunnelExists,
    /// A tunnel cannot be between IPv4 and IPv6.
    #[error("the ends of a tunnel must be of one address family")]
    TunnelFamilies,
    /// The FIB is full until its next scan.
    #[error("the layer-2 FIB is full")]
    FibFull,
}
