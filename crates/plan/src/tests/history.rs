//! Any history of desired states, refusals, crashes and drift ends, once VPP refuses nothing any
//! more and all retries have come due, in observed = wanted, by plans that are each sound.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use weft_model::PortId;

use super::world::{World, port, record};
use crate::{InterfaceKey, Object, ObjectKey, PortRecord, Reconciler, Surplus};

#[derive(Clone, Debug)]
enum Step {
    /// Port `0` gets VLAN `1` (0: flat) and MAC `2`.
    Set(u8, u16, u8),
    Unset(u8),
    /// The record becomes one that cannot be read.
    Spoil(u8),
    /// VPP refuses, from now on, the n-th of the objects that are wanted.
    Refuse(usize),
    RefuseNothing,
    /// Plans are applied.
    Settle,
    Pass(u64),
    /// The agent is killed and started again, perhaps in the middle of a plan.
    RestartAgent {
        operations_done: usize,
    },
    RestartVpp,
    /// Somebody removes the TAP of a port, or takes it out of its bridge.
    LoseTap(u8),
    Unbridge(u8),
    /// What a killed agent left to VPP is done after its successor did the same.
    Double(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let id = 0..5_u8;
    let vlan = prop_oneof![Just(0), Just(100), Just(200)];
    prop_oneof![
        6 => (id.clone(), vlan, 0..4_u8).prop_map(|(id, vlan, mac)| Step::Set(id, vlan, mac)),
        2 => id.clone().prop_map(Step::Unset),
        1 => id.clone().prop_map(Step::Spoil),
        2 => (0..30_usize).prop_map(Step::Refuse),
        1 => Just(Step::RefuseNothing),
        5 => Just(Step::Settle),
        1 => (0..100_u64).prop_map(Step::Pass),
        2 => (0..6_usize).prop_map(|operations_done| Step::RestartAgent { operations_done }),
        1 => Just(Step::RestartVpp),
        1 => id.clone().prop_map(Step::LoseTap),
        1 => id.prop_map(Step::Unbridge),
        1 => (0..20_usize).prop_map(Step::Double),
    ]
}

struct Run {
    world: World,
    host: Reconciler,
    store: BTreeMap<PortId, PortRecord>,
    revision: i64,
}

impl Run {
    fn put(&mut self, id: u8, mut record: PortRecord) {
        let id = port(&format!("p{id}"));
        if let Some(old) = self.store.get(&id) {
            record.create_revision = old.create_revision;
        }
        self.store.insert(id.clone(), record.clone());
        self.host.set_port(&id, Some(record));
    }

    fn take(&mut self, step: Step) {
        self.revision += 1;
        match step {
            Step::Set(id, vlan, mac) => self.put(id, record(vlan, mac, self.revision)),
            Step::Spoil(id) => {
                let binding = weft_model::decode_port(b"{");
                let revision = self.revision;
                self.put(
                    id,
                    PortRecord {
                        create_revision: revision,
                        mod_revision: revision,
                        binding,
                    },
                );
            }
            Step::Unset(id) => {
                let id = port(&format!("p{id}"));
                self.store.remove(&id);
                self.host.set_port(&id, None);
            }
            Step::Refuse(at) => {
                let key = self.host.compiler().keys().nth(at).cloned();
                self.world.refuses.extend(key);
            }
            Step::RefuseNothing => self.world.refuses.clear(),
            Step::Settle => self.world.settle(&mut self.host),
            Step::Pass(seconds) => self.world.pass(Duration::from_secs(seconds)),
            Step::RestartAgent { operations_done } => {
                let now = self.world.now();
                let plan = self.host.plan(now);
                for operation in plan.operations().take(operations_done) {
                    if self.host.possible(operation) {
                        let outcome = self.world.apply(operation);
                        self.host.settle(operation, outcome, now);
                    }
                }
                self.host = self.world.reconciler();
                self.host.replace_ports(self.store.clone());
            }
            Step::RestartVpp => {
                self.host.disconnected("gone");
                self.world.holds = crate::Observed::default();
                self.host.connected(crate::Observed::default());
            }
            Step::LoseTap(id) => {
                let notice = self.world.lose(InterfaceKey::Tap(port(&format!("p{id}"))));
                self.host.notice(&notice);
            }
            Step::Unbridge(id) => {
                let tap = InterfaceKey::Tap(port(&format!("p{id}")));
                self.world.holds.remove(&ObjectKey::BridgeMember(tap));
                self.host.refreshed(self.world.holds.clone());
            }
            Step::Double(at) => {
                let Some(of) = self.world.holds.keys().nth(at).cloned() else {
                    return;
                };
                if !matches!(of, ObjectKey::Surplus(..)) {
                    let surplus = Surplus { of, number: 1 };
                    self.world.holds.insert(Object::Surplus(surplus));
                    self.host.refreshed(self.world.holds.clone());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_as_wanted(steps in prop::collection::vec(step(), 1..40)) {
        let world = World::default();
        let host = world.reconciler();
        let mut run = Run { world, host, store: BTreeMap::new(), revision: 0 };
        for step in steps {
            run.take(step);
        }
        run.world.refuses.clear();
        run.world.pass(Duration::from_secs(1000));
        run.world.settle(&mut run.host);

        let wanted: Vec<&Object> = run.host.compiler().keys().filter_map(|key| run.host.compiler().object(key)).collect();
        let holds: Vec<&Object> = run.world.holds.objects().collect();
        prop_assert_eq!(holds, wanted);
        prop_assert_eq!(run.host.next_try(), None);

        // Compiled anew from the store alone it is the same, and there is nothing to do.
        let mut fresh = run.world.reconciler();
        fresh.replace_ports(run.store.clone());
        let now = run.world.now();
        prop_assert!(fresh.plan(now).is_empty());
        for id in run.store.keys() {
            prop_assert_eq!(fresh.port_status(id), run.host.port_status(id), "{}", id);
        }
    }
}
