//! A host in words, and a VPP that is nothing but a map.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use weft_model::{PortBinding, PortId};

use crate::{
    Backoff, HostNetwork, InterfaceKey, Notice, Now, Object, ObjectKey, Observed, Operation,
    Outcome, PortRecord, Reconciler, UplinkDevice, check,
};

/// The record of a port on `physnet1`, VLAN `vlan` or flat if 0, with a MAC that ends in `mac`.
pub(super) fn record(vlan: u16, mac: u8, revision: i64) -> PortRecord {
    let (network_type, id) = if vlan == 0 {
        ("flat", None)
    } else {
        ("vlan", Some(vlan))
    };
    let binding = PortBinding::from_json(&serde_json::json!({
        "mac_address": format!("fa:16:3e:00:00:{mac:02x}"), "physnet": "physnet1",
        "network_type": network_type, "segmentation_id": id, "binding_type": "tap", "mtu": 1500,
    }));
    PortRecord {
        create_revision: revision,
        mod_revision: revision,
        binding,
    }
}

pub(super) fn port(name: &str) -> PortId {
    name.parse().unwrap()
}

/// A host whose `physnet1` is the device `trunk0`.
pub(super) fn network() -> HostNetwork {
    let device = UplinkDevice::HostInterface("trunk0".parse().unwrap());
    HostNetwork {
        physnets: BTreeMap::from([("physnet1".parse().unwrap(), device)]),
        mac_age: 5,
        ..HostNetwork::default()
    }
}

/// The key that begins with this text.
pub(super) fn keys(text: &[&str], reconciler: &Reconciler) -> Vec<ObjectKey> {
    let all = reconciler.compiler().keys();
    all.filter(|key| text.iter().any(|text| key.to_string() == *text))
        .cloned()
        .collect()
}

/// A VPP that does what it is told, but for what it is made to refuse.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) holds: Observed,
    /// Objects whose operations are refused.
    pub(super) refuses: Vec<ObjectKey>,
    /// Operations that were sent, refused ones too.
    pub(super) sent: usize,
    elapsed: Duration,
    start: Option<Instant>,
}

impl World {
    pub(super) fn now(&mut self) -> Now {
        let start = *self.start.get_or_insert_with(Instant::now);
        Now {
            monotonic: start + self.elapsed,
            wall: SystemTime::UNIX_EPOCH + self.elapsed,
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.elapsed += time;
    }

    /// A host that was just connected to this VPP.
    pub(super) fn reconciler(&self) -> Reconciler {
        let mut reconciler = Reconciler::new(network(), Backoff::default());
        reconciler.connected(self.holds.clone());
        reconciler
    }

    /// Plans and applies until there is nothing to do; panics if that never comes.
    pub(super) fn settle(&mut self, reconciler: &mut Reconciler) {
        for _ in 0..60 {
            let now = self.now();
            let plan = reconciler.plan_for(now, 2);
            check(&plan, reconciler.observed().unwrap())
                .unwrap_or_else(|fault| panic!("{fault}\n{plan}"));
            if plan.is_empty() {
                return;
            }
            for level in &plan.levels {
                let level: Vec<_> = level
                    .iter()
                    .filter(|operation| reconciler.possible(operation))
                    .collect();
                for operation in level {
                    let outcome = self.apply(operation);
                    reconciler.settle(operation, outcome, now);
                    if let Operation::Create(object) = operation
                        && let ObjectKey::Interface(interface) = object.key()
                    {
                        reconciler.notice(&Notice::State {
                            interface,
                            admin_up: true,
                            link_up: true,
                        });
                    }
                }
            }
        }
        panic!("the plans never end");
    }

    pub(super) fn apply(&mut self, operation: &Operation) -> Outcome {
        self.sent += 1;
        let key = operation.key();
        if self.refuses.contains(&key) {
            let left = self.holds.get(&key).cloned();
            return Outcome::Refused {
                reason: "made to refuse".to_owned(),
                left,
            };
        }
        match operation {
            Operation::Create(object) | Operation::Update { to: object, .. } => {
                self.holds.insert(object.clone());
                if let ObjectKey::Interface(interface) = key {
                    self.holds.set_link(interface, true);
                }
            }
            Operation::Delete(_) => self.holds.remove(&key),
        }
        Outcome::Done
    }

    /// Somebody else removes an interface.
    pub(super) fn lose(&mut self, interface: InterfaceKey) -> Notice {
        let notice = Notice::Deleted(interface);
        self.holds.notice(&notice);
        notice
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.holds.objects().map(Object::to_string).collect()
    }
}
