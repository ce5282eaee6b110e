//! Which objects guard which: an interface that is to be secured is bridged behind its access lists.

use super::{AclKey, Direction, InterfaceKey, Object, ObjectKey};

impl ObjectKey {
    /// What must be in place before this membership is made, where it is wanted at all: the bindings
    /// of its interface. `None` for all other objects.
    pub fn guards(&self) -> Option<[Self; 2]> {
        match self {
            Self::BridgeMember(interface) => Some(guards_of(interface)),
            _ => None,
        }
    }

    /// The interface, if this is its membership or one of its bindings.
    pub(crate) fn bridges(&self) -> Option<&InterfaceKey> {
        match self {
            Self::BridgeMember(interface)
            | Self::AclBinding(interface)
            | Self::MacIpBinding(interface) => Some(interface),
            _ => None,
        }
    }

    /// The membership that this binding guards. `None` for all other objects.
    pub fn guarded(&self) -> Option<Self> {
        match self {
            Self::AclBinding(interface) | Self::MacIpBinding(interface) => {
                Some(Self::BridgeMember(interface.clone()))
            }
            _ => None,
        }
    }
}

impl Object {
    /// Whether this binding, as it is, lets nothing pass but what some policy of ours allows, be it
    /// an older one than is wanted.
    pub fn is_guard(&self) -> bool {
        let first = |lists: &[Option<AclKey>], direction| {
            lists.first() == Some(&Some(AclKey::AntiSpoofing(direction)))
        };
        match self {
            Self::AclBinding(binding) => {
                first(&binding.input, Direction::Egress)
                    && first(&binding.output, Direction::Ingress)
            }
            Self::MacIpBinding(binding) => {
                binding.acl.is_some() && binding.acl.as_ref() == binding.interface.port()
            }
            _ => false,
        }
    }

    /// Whether this is a binding without any list of ours: somebody else gave the interface lists.
    pub(crate) fn is_foreign_binding(&self) -> bool {
        match self {
            Self::AclBinding(binding) => binding.acls().next().is_none(),
            Self::MacIpBinding(binding) => binding.acl.is_none(),
            _ => false,
        }
    }
}

fn guards_of(interface: &InterfaceKey) -> [ObjectKey; 2] {
    [
        ObjectKey::AclBinding(interface.clone()),
        ObjectKey::MacIpBinding(interface.clone()),
    ]
}
