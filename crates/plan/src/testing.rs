//! What security means, told twice and slowly, for tests: once as Neutron has it ([`Cloud`]), once as
//! VPP carries out lists ([`first_match`]). Whoever compiles, applies or executes lists can be held
//! against it.
//!
//! Here only to say what is right: each question walks over everything. Not part of any program; it is
//! compiled for tests, and with the feature `testing` for those of other crates.

mod cloud;
mod lists;
mod packet;

pub use cloud::Cloud;
pub use lists::{first_match, fragment_match, may_send, passes};
pub use packet::{Packet, Transport};
