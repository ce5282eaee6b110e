//! Every message, declared once, in a module for each of VPP's `.api` files.
//!
//! Fields have the names they have there, so that VPP's documentation applies; what it leaves out
//! (units, special values) stands at the field.

pub mod acl;
pub mod af_packet;
pub mod fib;
pub mod graph;
pub mod interface;
pub mod ip;
pub mod l2;
pub mod memclnt;
pub mod tapv2;
pub mod vhost_user;
pub mod vlib;
pub mod vpe;
pub mod vxlan;
pub mod vxlan_gpe;

#[cfg(test)]
mod tests;

use crate::message::Declared;

/// All declared messages, file by file.
pub fn declared() -> impl Iterator<Item = &'static Declared> {
    [
        memclnt::DECLARED,
        vpe::DECLARED,
        vlib::DECLARED,
        interface::DECLARED,
        tapv2::DECLARED,
        af_packet::DECLARED,
        l2::DECLARED,
        fib::DECLARED,
        ip::DECLARED,
        vxlan::DECLARED,
        vxlan_gpe::DECLARED,
        graph::DECLARED,
        acl::DECLARED,
        vhost_user::DECLARED,
    ]
    .into_iter()
    .flatten()
}
