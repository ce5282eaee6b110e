//! Which access lists an interface has.

use weft_model::PortId;

use super::{AclKey, InterfaceKey};

/// The access lists of an interface, in the order of their matching. Set as one
/// (`acl_interface_set_acl_list`); an interface with none at all has no such object.
///
/// `None` is only ever observed: a list that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclBinding {
    /// The interface.
    pub interface: InterfaceKey,
    /// Lists for what VPP receives on it: egress of the machine.
    pub input: Vec<Option<AclKey>>,
    /// Lists for what VPP sends on it: ingress of the machine.
    pub output: Vec<Option<AclKey>>,
}

/// The list of source addresses that an interface has; one at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacIpBinding {
    /// The interface.
    pub interface: InterfaceKey,
    /// Whose list. `None` is only ever observed: a list that is not ours.
    pub acl: Option<PortId>,
}

impl AclBinding {
    /// Our lists among those that it names, those of both directions.
    pub fn acls(&self) -> impl Iterator<Item = &AclKey> {
        self.input.iter().chain(&self.output).flatten()
    }
}
