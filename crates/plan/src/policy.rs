//! What may pass a secured port: anti-spoofing, source addresses, security groups.
//!
//! | file | what |
//! |---|---|
//! | `anti_spoofing.rs` | the two lists that every secured port has first |
//! | `macip.rs` | the source addresses of one port |
//! | `rules.rs` | a rule of a security group as rules of VPP |
//! | `groups.rs` | what is known of groups, and the lists that they make |
//!
//! The lists of a group belong to the group, not to its ports: a port only names them. So a changed
//! rule or member is one list replaced in place, whatever the number of ports.

mod anti_spoofing;
mod groups;
mod macip;
mod rules;

pub(crate) use anti_spoofing::anti_spoofing;
pub(crate) use groups::{Groups, Recompiled, Trouble};
pub(crate) use macip::source_addresses;
