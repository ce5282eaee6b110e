//! The order of a plan: at which level objects of a kind are removed and made.

use crate::object::{InterfaceKey, ObjectKey};

/// How many levels a plan can have.
pub(super) const LEVELS: usize = 9;

/// The level at which an object is removed.
pub(super) fn removal_level(key: &ObjectKey) -> usize {
    match key {
        ObjectKey::BridgeMember(_) => 0,
        // Not before its interface is out of the bridge: without lists all passes.
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) => 1,
        ObjectKey::Interface(
            InterfaceKey::SubInterface(..) | InterfaceKey::Tap(_) | InterfaceKey::VhostUser(_),
        ) => 2,
        ObjectKey::Interface(InterfaceKey::Uplink(_)) => 3,
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
        | ObjectKey::MacIpAcl(_) => 4,
        ObjectKey::Interface(InterfaceKey::SubInterface(..)) => 5,
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) => 6,
        // Not before its interface has its lists. Nothing that was made twice is ever made.
        ObjectKey::BridgeMember(_) | ObjectKey::Surplus(..) => 7,
    }
}
