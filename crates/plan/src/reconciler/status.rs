//! What is said of ports and physical networks.

use weft_model::{PhysnetName, PortId, Status, Timestamp};

use super::Reconciler;
use crate::object::{InterfaceKey, Object, ObjectKey};

/// One object of a port: wanted, observed, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is wanted.
    pub wanted: Object,
    /// What is there.
    pub observed: Option<Object>,
    /// How far it has come; `Effective` for one that is as wanted.
    pub status: Status,
}

impl Reconciler {
    /// How far a port has come; `None` if there is no such port.
    pub fn port_status(&self, id: &PortId) -> Option<Status> {
        let keys = match self.compiler.objects_of(id)? {
            Ok(keys) => keys,
            Err(reason) => {
                let reason = reason.to_owned();
                return Some(Status::Failed {
                    reason,
                    tries: 0,
                    next_try: None,
                });
            }
        };
        if let Some(status) = self.worst(keys) {
            return Some(status);
        }
        let tap = InterfaceKey::Tap(id.clone());
        if self
            .observed()
            .is_some_and(|observed| observed.link_up(&tap))
        {
            return Some(Status::Effective);
        }
        Some(Status::Programmed {
            reason: format!("the link of device {} is down", id.tap_name()),
        })
    }

    /// How far a physical network has come; `None` if the host has no such.
    pub fn physnet_status(&self, physnet: &PhysnetName) -> Option<Status> {
        let device = self.compiler.network().physnets.get(physnet)?;
        if let Some(status) = self.worst(&[ObjectKey::uplink(physnet)]) {
            return Some(status);
        }
        let uplink = InterfaceKey::Uplink(physnet.clone());
        if self
            .observed()
            .is_some_and(|observed| observed.link_up(&uplink))
        {
            return Some(Status::Effective);
        }
        Some(Status::Programmed {
            reason: format!("the link of interface {} is down", device.vpp_name()),
        })
    }

    /// The objects of a port one by one, or why it has none; `None` if there is no such port.
    pub fn explain(&self, id: &PortId) -> Option<Result<Vec<Standing>, String>> {
        let keys = match self.compiler.objects_of(id)? {
            Ok(keys) => keys,
            Err(reason) => return Some(Err(reason.to_owned())),
        };
        let standings = keys.iter().filter_map(|key| {
            Some(Standing {
                wanted: self.compiler.object(key)?.clone(),
                observed: self
                    .observed()
                    .and_then(|observed| observed.get(key))
                    .cloned(),
                status: self.object_status(key),
            })
        });
        Some(Ok(standings.collect()))
    }

    /// The status of the first object that is refused, else of the first that is not as wanted.
    fn worst(&self, keys: &[ObjectKey]) -> Option<Status> {
        let wrong = keys.iter().map(|key| self.object_status(key));
        let wrong: Vec<Status> = wrong
            .filter(|status| *status != Status::Effective)
            .collect();
        let failed = wrong
            .iter()
            .find(|status| matches!(status, Status::Failed { .. }));
        failed.or(wrong.first()).cloned()
    }

    fn object_status(&self, key: &ObjectKey) -> Status {
        let observed = match &self.vpp {
            Ok(observed) => observed,
            Err(reason) => {
                return Status::Pending {
                    reason: reason.clone(),
                };
            }
        };
        if let Some(failure) = self.failures.get(key) {
            return Status::Failed {
                reason: format!("{key}: {}", failure.reason),
                tries: failure.tries,
                next_try: Some(Timestamp::of(failure.next_try_wall)),
            };
        }
        let as_wanted = match (observed.get(key), self.compiler.object(key)) {
            (Some(is), Some(wanted)) => is.satisfies(wanted),
            (is, wanted) => is.is_none() && wanted.is_none(),
        };
        if as_wanted {
            return Status::Effective;
        }
        match self.blocked.get(key) {
            // What is held is failed, so this is something else.
            Some(obstacle) => Status::Pending {
                reason: format!("{key} waits for {obstacle}"),
            },
            None => Status::Accepted,
        }
    }
}
