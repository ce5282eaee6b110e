//! VLAN sub-interfaces: which tagged frames belong to which interface, and how tags are rewritten.

mod classify;
mod rewrite;

#[cfg(test)]
mod tests;

pub use classify::{OuterTag, SubInterfaceMatch};
pub(crate) use classify::{Tags, VlanTable};
pub(crate) use rewrite::RewritePair;
pub use rewrite::{TagRewrite, TagRewriteError, VlanTci};
