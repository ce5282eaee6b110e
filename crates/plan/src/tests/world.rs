//! A host in words, and a VPP that is nothing but a map.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use weft_model::{BindingType, FixedIp, PortBinding, PortId};

use crate::{
    Acl, Backoff, HostNetwork, InterfaceKey, Notice, Now, Object, ObjectKey, Observed, Operation,
    Outcome, Plan, PortRecord, Reconciler, UplinkDevice, check, check_guards,
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

/// The record of a virtual machine's port as [`record`] has it, with 10.0.0.`mac` and these groups.
pub(super) fn secured(vlan: u16, mac: u8, groups: &[&str], revision: i64) -> PortRecord {
    let mut record = record(vlan, mac, revision);
    let binding = record.binding.as_mut().unwrap();
    binding.binding_type = BindingType::VhostUser;
    binding.security_groups = groups.iter().map(|id| id.parse().unwrap()).collect();
    binding.fixed_ips = vec![FixedIp {
        ip_address: [10, 0, 0, mac].into(),
        subnet_id: None,
    }];
    record
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
    /// Objects whose last operation was refused.
    refused: BTreeSet<ObjectKey>,
    /// The access lists that were sent.
    pub(super) sent_lists: Vec<Acl>,
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
        self.reconciler_of(network())
    }

    /// A host with this configuration that was just connected to this VPP.
    pub(super) fn reconciler_of(&self, network: HostNetwork) -> Reconciler {
        let mut reconciler = Reconciler::new(network, Backoff::default());
        reconciler.connected(self.holds.clone());
        reconciler
    }

    /// Plans and applies until there is nothing to do; panics if that never comes.
    pub(super) fn settle(&mut self, reconciler: &mut Reconciler) {
        self.settle_by(reconciler, 2);
    }

    /// The same, with so many ports in a plan.
    pub(super) fn settle_by(&mut self, reconciler: &mut Reconciler, most_ports: usize) {
        for _ in 0..60 {
            let now = self.now();
            let plan = proved_plan(reconciler, now, most_ports);
            if plan.is_empty() {
                self.assert_guarded(reconciler);
                return;
            }
            for level in &plan.levels {
                let level: Vec<_> = level
                    .iter()
                    .filter(|operation| reconciler.possible(operation))
                    .collect();
                for operation in level {
                    let outcome = self.carry_out(operation, reconciler);
                    end(operation, outcome, reconciler, now);
                }
            }
        }
        panic!("the plans never end");
    }

    /// Applies an operation that is possible; panics if it exposes a port or makes what is not wanted.
    pub(super) fn carry_out(&mut self, operation: &Operation, reconciler: &Reconciler) -> Outcome {
        if let Some(made) = operation.made() {
            let wanted = reconciler.compiler().object(&operation.key());
            assert_eq!(wanted, Some(made), "{operation}");
        }
        let exposed = self.exposed(reconciler);
        let outcome = self.apply(operation);
        let now_exposed = self.exposed(reconciler);
        assert!(
            now_exposed.is_subset(&exposed),
            "{operation} exposes {now_exposed:?}"
        );
        outcome
    }

    pub(super) fn apply(&mut self, operation: &Operation) -> Outcome {
        self.sent += 1;
        let key = operation.key();
        if let Some(Object::Acl(acl)) = operation.made().map(Arc::as_ref) {
            self.sent_lists.push(acl.clone());
        }
        if self.refuses.contains(&key) {
            self.refused.insert(key.clone());
            let left = self.holds.get(&key).cloned();
            return Outcome::Refused {
                reason: "made to refuse".to_owned(),
                left,
            };
        }
        self.refused.remove(&key);
        match operation {
            Operation::Create(object) | Operation::Update { to: object, .. } => {
                for required in object.requires() {
                    assert!(
                        self.holds.get(&required).is_some(),
                        "{operation} without {required}"
                    );
                }
                match key {
                    ObjectKey::Interface(_) => self.holds.add_interface(Arc::clone(object), true),
                    _ => self.holds.insert(Arc::clone(object)),
                }
            }
            Operation::Delete(_) => {
                let dependents = self.holds.dependents(&key);
                assert!(dependents.is_empty(), "{operation} under {dependents:?}");
                self.holds.remove(&key);
            }
        }
        Outcome::Done
    }

    /// The interfaces that are bridged with nothing of ours to guard them, though they are to be
    /// secured.
    pub(super) fn exposed(&self, reconciler: &Reconciler) -> BTreeSet<ObjectKey> {
        let wanted = reconciler.compiler();
        let unguarded = |guard: &ObjectKey| {
            wanted.object(guard).is_some() && !self.holds.get(guard).is_some_and(|is| is.is_guard())
        };
        let members = self.holds.keys().filter(|key| wanted.object(key).is_some());
        members
            .filter(|key| {
                key.guards()
                    .is_some_and(|guards| guards.iter().any(unguarded))
            })
            .cloned()
            .collect()
    }

    /// Nothing is left exposed but what VPP does not let go, and what waits for groups to be read.
    fn assert_guarded(&self, reconciler: &Reconciler) {
        for key in self.exposed(reconciler) {
            assert!(
                self.refused.contains(&key) || reconciler.compiler().is_undecided(&key),
                "{key} is exposed"
            );
        }
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

/// Tells that an operation ended, and that the link of an interface that was made is up.
pub(super) fn end(operation: &Operation, outcome: Outcome, reconciler: &mut Reconciler, now: Now) {
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

/// What is to be done now for so many ports; panics if the plan is not sound.
pub(super) fn proved_plan(reconciler: &mut Reconciler, now: Now, most_ports: usize) -> Plan {
    let plan = reconciler.plan_for(now, most_ports);
    let observed = reconciler.observed().unwrap();
    let desired = |key: &ObjectKey| reconciler.compiler().object(key);
    check(&plan, observed)
        .and_then(|_| check_guards(&plan, observed, desired))
        .unwrap_or_else(|fault| panic!("{fault}\n{plan}"));
    plan
}
