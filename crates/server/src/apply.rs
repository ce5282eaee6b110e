//! Applying a set of port records: what is wanted, what is there, and the writes that differ.
//!
//! Pure: the handler reads the store, asks [`Plan::of`] what to write, writes it in guarded
//! transactions, and plans again what others changed meanwhile. One item that cannot be had is
//! reported as such and harms no other.

mod plan;
mod request;

pub(crate) use plan::{Plan, Step};
pub use request::{ApplyItem, ApplyReply, ApplyRequest, ApplyResult, DeleteItem, ItemResult};

#[cfg(test)]
mod tests;
