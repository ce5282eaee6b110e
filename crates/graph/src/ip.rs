//! Routing: longest prefix match, and the adjacencies that it leads to.
//!
//! What a route or a tunnel leads to is the number of an [`Adjacency`], which the packet carries to the
//! node that its kind names. The control thread makes both of the configured addresses, routes and
//! neighbours ([`crate::tables`]); workers only read.

mod adjacency;
mod fib;
mod prefix;
mod reassembly;
mod throttle;

#[cfg(test)]
mod tests;

pub(crate) use adjacency::{AdjIndex, Adjacency, AdjacencyKind, LinkHeader};
pub(crate) use fib::IpFib;
pub use prefix::IpPrefix;
pub(crate) use reassembly::{Reassembly, Taken};
pub(crate) use throttle::Throttle;
