//! Access control lists: rules, the classifier that finds the first rule that matches a packet, the
//! sessions that reflexive rules make, and MACIP lists. VPP's acl plugin is the model throughout
//! (`src/plugins/acl`), and decides what is not said here.
//!
//! | part | what |
//! |---|---|
//! | [`rule`] | rules, checked |
//! | [`mod@tuple`] | what of a packet rules look at |
//! | [`classifier`] | a list of rules, compiled |
//! | [`macip`] | lists of source addresses, compiled |
//! | [`session`] | the flows that were let through once |
//!
//! Which lists an interface has stands in [`crate::tables`]; the nodes are in `nodes/acl.rs` and
//! `nodes/l2_input_acl.rs`.

pub(crate) mod address;
pub(crate) mod classifier;
pub(crate) mod macip;
pub(crate) mod rule;
pub(crate) mod session;
pub(crate) mod tuple;

pub use macip::MacIpRule;
pub use rule::{AclAction, AclPrefixes, AclRule, AclRuleError, Ipv4Prefix, Ipv6Prefix, PortRange};
pub use session::{SessionDetails, SessionTimeout, SessionTotals};
