//! The order of a plan: at which level objects of a kind are removed and made.

use crate::object::{InterfaceKey, ObjectKey};

/// How many levels a plan can have.
pub(super) const LEVELS: usize = 15;

/// The level at which an object is removed, to come back if it is `recreated`.
///
/// A tunnel that goes for good is left in peace until all that was behind it is elsewhere.
pub(super) fn removal_level(key: &ObjectKey, recreated: bool) -> usize {
    match key {
        ObjectKey::StaticMac(..) | ObjectKey::Neighbour(..) | ObjectKey::Route(_) => 0,
        ObjectKey::BridgeMember(InterfaceKey::Tunnel(_)) if !recreated => 12,
        ObjectKey::Interface(InterfaceKey::Tunnel(_)) if !recreated => 13,
        ObjectKey::BridgeMember(_) => 1,
        // Not before its interface is out of the bridge: without lists all passes.
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) => 2,
        ObjectKey::Interface(
            InterfaceKey::SubInterface(..)
            | InterfaceKey::Tap(_)
            | InterfaceKey::VhostUser(_)
            | InterfaceKey::Tunnel(_),
        )
        | ObjectKey::Address(..) => 3,
        ObjectKey::Interface(InterfaceKey::Uplink(_)) => 4,
        // By then nothing is in them or names them, be they wanted no longer or made twice.
        ObjectKey::BridgeDomain(_)
        | ObjectKey::Acl(_)
        | ObjectKey::MacIpAcl(_)
        | ObjectKey::Surplus(..) => LEVELS - 1,
    }
}

/// The level at which an object is made or changed.
pub(super) fn addition_level(key: &ObjectKey) -> usize {
    match key {
        ObjectKey::Interface(
            InterfaceKey::Uplink(_) | InterfaceKey::Tap(_) | InterfaceKey::VhostUser(_),
        )
        | ObjectKey::BridgeDomain(_)
        | ObjectKey::Acl(_)
        | ObjectKey::MacIpAcl(_) => 5,
        ObjectKey::Interface(InterfaceKey::SubInterface(..)) | ObjectKey::Address(..) => 6,
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) | ObjectKey::Route(_) => 7,
        ObjectKey::Interface(InterfaceKey::Tunnel(_)) => 8,
        // What is answered and where it is sent is known before anybody of ours asks.
        ObjectKey::BridgeMember(InterfaceKey::Tunnel(_)) | ObjectKey::Neighbour(..) => 9,
        ObjectKey::StaticMac(..) => 10,
        // Not before its interface has its lists. Nothing that was made twice is ever made.
        ObjectKey::BridgeMember(_) | ObjectKey::Surplus(..) => 11,
    }
}
