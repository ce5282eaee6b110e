//! What is said of ports and physical networks.

use std::sync::Arc;

use weft_model::{PhysnetName, PortId, Status, Timestamp};

use super::{Reconciler, is_as_wanted};
use crate::compile::Unmet;
use crate::object::{InterfaceKey, Object, ObjectKey};
use crate::observed::Observed;

/// One object of a port: wanted, observed, and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is wanted.
    pub wanted: Arc<Object>,
    /// What is there.
    pub observed: Option<Arc<Object>>,
    /// How far it has come; `Effective` for one that is as wanted.
    pub status: Status,
}

impl Reconciler {
    /// How far a port has come; `None` if there is no such port.
    pub fn port_status(&self, id: &PortId) -> Option<Status> {
        let keys = match self.compiler.objects_of(id)? {
            Ok(keys) => keys,
            Err(Unmet::Waiting(reason)) => {
                let reason = reason.clone();
                return Some(Status::Pending { reason });
            }
            Err(Unmet::Refused(reason)) => {
                return Some(Status::Failed {
                    reason: reason.clone(),
                    tries: 0,
                    next_try: None,
                });
            }
        };
        let own = keys.iter().filter(|key| !self.is_updating(key));
        let worst = self.worst(own.chain(&self.underlay_of(id)));
        if let Some(Status::Failed { .. }) = worst {
            return worst;
        }
        if self.observed().is_some()
            && let Some(reason) = self.waits_for_group(keys)
        {
            return Some(Status::Pending { reason });
        }
        if worst.is_some() {
            return worst;
        }
        if let Some(reason) = self.waits_for_underlay(id) {
            return Some(Status::Pending { reason });
        }
        let interface = keys.iter().find_map(|key| match key {
            ObjectKey::Interface(interface) => interface.port().map(|_| interface),
            _ => None,
        })?;
        let up = |observed: &Observed| observed.link_up(interface);
        if self.observed().is_some_and(up) {
            return Some(Status::Effective);
        }
        let wanted = self
            .compiler
            .object(&ObjectKey::Interface(interface.clone()));
        Some(match wanted.map(Arc::as_ref) {
            Some(Object::VhostUser(vhost)) => Status::Pending {
                reason: format!("no machine with a ready card is behind {}", vhost.socket),
            },
            _ => Status::Programmed {
                reason: format!("the link of device {} is down", id.tap_name()),
            },
        })
    }

    /// How far a physical network has come; `None` if the host has no such.
    pub fn physnet_status(&self, physnet: &PhysnetName) -> Option<Status> {
        let device = self.compiler.network().physnets.get(physnet)?;
        if let Some(status) = self.worst([&ObjectKey::uplink(physnet)]) {
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
            Err(unmet) => return Some(Err(unmet.to_string())),
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
    pub(super) fn worst<'a>(
        &self,
        keys: impl IntoIterator<Item = &'a ObjectKey>,
    ) -> Option<Status> {
        let wrong = keys.into_iter().map(|key| self.object_status(key));
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
        if self.compiler.is_undecided(key) {
            return Status::Pending {
                reason: format!("{key} waits for the store to be read"),
            };
        }
        let may_differ = self.dirty.contains(key);
        if !may_differ || is_as_wanted(observed.get(key), self.compiler.object(key)) {
            return Status::Effective;
        }
        match self.blocked.get(key) {
            // What is held is failed or undecided, so this is something else.
            Some(obstacle) => Status::Pending {
                reason: format!("{key} waits for {obstacle}"),
            },
            None => Status::Accepted,
        }
    }

    /// What is not as wanted, though nobody knows that it may be so: nothing, ever.
    #[cfg(test)]
    pub(crate) fn overlooked(&self) -> Vec<ObjectKey> {
        let Ok(observed) = &self.vpp else {
            return Vec::new();
        };
        let all = self.compiler.keys().chain(observed.keys());
        let differing = all.filter(|key| {
            let is_known = self.dirty.contains(key)
                || self.failures.get(key).is_some()
                || self.compiler.is_undecided(key);
            !is_known && !is_as_wanted(observed.get(key), self.compiler.object(key))
        });
        differing.cloned().collect()
    }

    /// Whether this is an access list that is there and only to be brought up to date. The ports that
    /// share it stay what they are meanwhile, or each changed rule would be news of each of them.
    fn is_updating(&self, key: &ObjectKey) -> bool {
        matches!(key, ObjectKey::Acl(_))
            && self
                .observed()
                .is_some_and(|observed| observed.get(key).is_some())
            && self.compiler.object(key).is_some()
            && self.failures.get(key).is_none()
            && !self.blocked.contains_key(key)
            && !self.awaited.contains(key)
    }
}
