//! Any history of desired states, refusals, crashes and drift, of changes while a plan is carried out, ends, once VPP refuses nothing any
//! more and all retries have come due, in observed = wanted, by plans that are each sound. On the way no
//! operation of the agent exposes a port that is to be secured, and no list of a group ever holds
//! anything but what the records of some moment made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use weft_model::{PortId, SecurityGroupId};

use super::store::{Item, Store, group, group_id, member};
use super::world::{World, end, port, proved_plan, record, secured};
use crate::{
    AclKey, AclRule, Direction, InterfaceKey, Object, ObjectKey, Operation, Outcome, PortRecord,
    Reconciler, Surplus,
};

const GROUPS: [&str; 3] = ["a", "b", "c"];

#[derive(Clone, Debug)]
enum Step {
    /// Port `0` gets VLAN `1` (0: flat) and MAC `2`.
    Set(u8, u16, u8),
    /// Port `0` becomes a virtual machine's, with VLAN `1`, MAC `2`, those of the groups for which
    /// `3` has bits, and port security if `4` says so.
    Secure(u8, u16, u8, u8, bool),
    Unset(u8),
    /// The record becomes one that cannot be read.
    Spoil(u8),
    /// A group gets the `1`-th of some records, or none.
    SetGroup(usize, usize),
    UnsetGroup(usize),
    /// A group's member gets an address, or leaves.
    Join(usize, u8, u8),
    Leave(usize, u8),
    /// The address group gets so many addresses.
    SetAddresses(u8),
    /// The agent reads some of what it needs.
    Read(usize),
    /// VPP refuses, from now on, the n-th of the objects that are wanted.
    Refuse(usize),
    RefuseNothing,
    /// Plans are applied.
    Settle,
    /// One plan is applied, and while operations of its `level` are under way records change.
    Overtake {
        level: usize,
        changes: Vec<Step>,
    },
    Pass(u64),
    /// The agent is killed and started again, perhaps in the middle of a plan.
    RestartAgent {
        operations_done: usize,
    },
    RestartVpp,
    /// Somebody removes the interface of a port, or takes it out of its bridge.
    LoseInterface(u8),
    Unbridge(u8),
    /// Somebody takes a port's lists away, or puts another one before them.
    Unbind(u8),
    Interlope(u8),
    /// Somebody changes the n-th object if it is a list.
    Tamper(usize),
    /// What a killed agent left to VPP is done after its successor did the same.
    Double(usize),
}

/// A change of records, or that some are read.
fn change() -> impl Strategy<Value = Step> {
    let id = || 0..5_u8;
    let vlan = || prop_oneof![Just(0), Just(100), Just(200)];
    let group = || 0..GROUPS.len();
    prop_oneof![
        4 => (id(), vlan(), 0..4_u8).prop_map(|(id, vlan, mac)| Step::Set(id, vlan, mac)),
        8 => (id(), vlan(), 0..4_u8, 0..8_u8, prop::bool::weighted(0.8))
            .prop_map(|(id, vlan, mac, groups, on)| Step::Secure(id, vlan, mac, groups, on)),
        2 => id().prop_map(Step::Unset),
        1 => id().prop_map(Step::Spoil),
        5 => (group(), 0..5_usize).prop_map(|(group, n)| Step::SetGroup(group, n)),
        1 => group().prop_map(Step::UnsetGroup),
        3 => (group(), 0..3_u8, 0..4_u8).prop_map(|(group, port, ip)| Step::Join(group, port, ip)),
        1 => (group(), 0..3_u8).prop_map(|(group, port)| Step::Leave(group, port)),
        1 => (0..3_u8).prop_map(Step::SetAddresses),
        6 => (1..4_usize).prop_map(Step::Read),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let id = || 0..5_u8;
    prop_oneof![
        32 => change(),
        4 => (0..60_usize).prop_map(Step::Refuse),
        2 => Just(Step::RefuseNothing),
        8 => Just(Step::Settle),
        6 => (0..8_usize, prop::collection::vec(change(), 1..4))
            .prop_map(|(level, changes)| Step::Overtake { level, changes }),
        2 => (0..100_u64).prop_map(Step::Pass),
        3 => (0..12_usize).prop_map(|operations_done| Step::RestartAgent { operations_done }),
        1 => Just(Step::RestartVpp),
        1 => id().prop_map(Step::LoseInterface),
        1 => id().prop_map(Step::Unbridge),
        1 => id().prop_map(Step::Unbind),
        1 => id().prop_map(Step::Interlope),
        1 => (0..60_usize).prop_map(Step::Tamper),
        1 => (0..40_usize).prop_map(Step::Double),
    ]
}

/// Records of a group: with prefixes, members, addresses, both, malformed.
fn group_record(n: usize) -> Vec<u8> {
    let tcp = json!([{"is_ipv6": 0, "protocol": "tcp"}]);
    let peers: Value = GROUPS
        .iter()
        .flat_map(|group| {
            [0, 1].map(|v| json!({"is_ipv6": v, "remote_group_id": group, "protocol": "udp"}))
        })
        .collect();
    let offices = json!([{"is_ipv6": 0, "remote_address_group_id": "offices"}]);
    let own = json!([{"is_ipv6": 0, "remote_group_id": "a"}]);
    let record = match n {
        0 => group(tcp, json!([])),
        1 => group(peers, tcp),
        2 => group(offices, own),
        3 => group(json!([]), json!([])),
        _ => return b"{\"ingress_rules\": 7}".to_vec(),
    };
    record.to_json().to_string().into_bytes()
}

struct Run {
    world: World,
    host: Reconciler,
    ports: BTreeMap<PortId, PortRecord>,
    store: Store,
    /// What each list of a group was at some moment, by all records together.
    complete: BTreeMap<AclKey, BTreeSet<Vec<AclRule>>>,
    revision: i64,
}

impl Run {
    fn new() -> Self {
        let world = World::default();
        let host = world.reconciler();
        let mut run = Self {
            world,
            host,
            ports: BTreeMap::new(),
            store: Store::default(),
            complete: BTreeMap::new(),
            revision: 0,
        };
        run.note_lists();
        run
    }

    fn put(&mut self, id: u8, mut record: PortRecord) {
        let id = port(&format!("p{id}"));
        if let Some(old) = self.ports.get(&id) {
            record.create_revision = old.create_revision;
        }
        self.ports.insert(id.clone(), record.clone());
        self.host.set_port(&id, Some(record));
    }

    /// Records what the lists of all groups are now.
    fn note_lists(&mut self) {
        for group in GROUPS.map(group_id) {
            for direction in [Direction::Ingress, Direction::Egress] {
                let acl = self.store.complete(&group, direction);
                let rules = self.complete.entry(acl.key).or_default();
                rules.insert(acl.rules.to_vec());
            }
        }
    }

    fn changed(&mut self, item: &Item) {
        self.note_lists();
        self.store.changed(&mut self.host, item);
    }

    fn set_group(&mut self, group: SecurityGroupId, record: Option<Vec<u8>>) {
        match record {
            Some(bytes) => {
                let record = weft_model::decode_security_group(&bytes);
                self.store.groups.insert(group.clone(), record);
            }
            None => {
                self.store.groups.remove(&group);
            }
        }
        self.changed(&Item::Rules(group));
    }

    /// The interface that plays a port at the moment, if VPP has one.
    fn interface(&self, id: u8) -> Option<InterfaceKey> {
        let id = port(&format!("p{id}"));
        let either = [InterfaceKey::Tap(id.clone()), InterfaceKey::VhostUser(id)];
        let there = |key: &InterfaceKey| {
            let key = ObjectKey::Interface(key.clone());
            self.world.holds.get(&key).is_some()
        };
        either.into_iter().find(there)
    }

    /// Somebody else changed what VPP holds, and the agent looked again.
    fn look(&mut self) {
        self.host.refreshed(self.world.holds.clone());
    }

    /// Applies one plan as the agent does: what is possible of a level is sent together.
    fn overtake(&mut self, level: usize, mut changes: Vec<Step>) {
        let now = self.world.now();
        let plan = proved_plan(&mut self.host, now, 2);
        for (at, operations) in plan.levels.iter().enumerate() {
            let operations = operations.iter();
            let possible: Vec<&Operation> = operations
                .filter(|operation| self.host.possible(operation))
                .collect();
            let sent = possible.iter();
            let outcomes: Vec<Outcome> = sent
                .map(|operation| self.world.carry_out(operation, &self.host))
                .collect();
            if at == level {
                changes.drain(..).for_each(|change| self.take(change));
            }
            for (operation, outcome) in possible.into_iter().zip(outcomes) {
                end(operation, outcome, &mut self.host, now);
            }
        }
    }

    fn take(&mut self, step: Step) {
        self.revision += 1;
        match step {
            Step::Set(id, vlan, mac) => self.put(id, record(vlan, mac, self.revision)),
            Step::Secure(id, vlan, mac, groups, on) => {
                let bits = GROUPS.iter().enumerate();
                let groups: Vec<&str> = bits
                    .filter(|(bit, _)| groups & (1 << bit) != 0)
                    .map(|(_, group)| *group)
                    .collect();
                let mut record = secured(vlan, mac, &groups, self.revision);
                record.binding.as_mut().unwrap().port_security_enabled = on;
                self.put(id, record);
            }
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
                self.ports.remove(&id);
                self.host.set_port(&id, None);
            }
            Step::SetGroup(at, n) => self.set_group(group_id(GROUPS[at]), Some(group_record(n))),
            Step::UnsetGroup(at) => self.set_group(group_id(GROUPS[at]), None),
            Step::Join(at, id, ip) => {
                let group = group_id(GROUPS[at]);
                let both = member(&[&format!("10.0.0.{ip}"), &format!("fd00::{ip}")]);
                let members = self.store.members.entry(group.clone()).or_default();
                members.insert(port(&format!("m{id}")), Ok(both));
                self.changed(&Item::Members(group));
            }
            Step::Leave(at, id) => {
                let group = group_id(GROUPS[at]);
                let members = self.store.members.entry(group.clone()).or_default();
                members.remove(&port(&format!("m{id}")));
                self.changed(&Item::Members(group));
            }
            Step::SetAddresses(most) => {
                let addresses: Vec<String> = (0..most).map(|at| format!("192.0.2.{at}")).collect();
                let record =
                    weft_model::AddressGroup::from_json(&json!({ "addresses": addresses }));
                self.store
                    .addresses
                    .insert("offices".parse().unwrap(), record);
                self.changed(&Item::Addresses("offices".parse().unwrap()));
            }
            Step::Read(most) => {
                self.store.serve(&mut self.host, most);
            }
            Step::Refuse(at) => {
                let key = self.host.compiler().keys().nth(at).cloned();
                self.world.refuses.extend(key);
            }
            Step::RefuseNothing => self.world.refuses.clear(),
            Step::Settle => self.world.settle(&mut self.host),
            Step::Overtake { level, changes } => self.overtake(level, changes),
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
                self.host.replace_ports(self.ports.clone());
            }
            Step::RestartVpp => {
                self.host.disconnected("gone");
                self.world.holds = crate::Observed::default();
                self.host.connected(crate::Observed::default());
            }
            Step::LoseInterface(id) => {
                if let Some(interface) = self.interface(id) {
                    let notice = self.world.lose(interface);
                    self.host.notice(&notice);
                }
            }
            Step::Unbridge(id) => {
                if let Some(interface) = self.interface(id) {
                    self.world.holds.remove(&ObjectKey::BridgeMember(interface));
                    self.look();
                }
            }
            Step::Unbind(id) => {
                if let Some(interface) = self.interface(id) {
                    self.world.holds.remove(&ObjectKey::AclBinding(interface));
                    self.look();
                }
            }
            Step::Interlope(id) => {
                let key = self.interface(id).map(ObjectKey::AclBinding);
                let binding =
                    key.and_then(|key| self.world.holds.get(&key).map(|is| Object::clone(is)));
                if let Some(Object::AclBinding(mut binding)) = binding {
                    binding.input.insert(0, None);
                    self.world.holds.insert(Object::AclBinding(binding));
                    self.look();
                }
            }
            Step::Tamper(at) => {
                let object = self.world.holds.objects().nth(at).cloned();
                if let Some(Object::Acl(mut acl)) = object {
                    acl.rules = acl.rules.iter().skip(1).cloned().collect();
                    self.world.holds.insert(Object::Acl(acl));
                    self.look();
                }
            }
            Step::Double(at) => {
                let Some(of) = self.world.holds.keys().nth(at).cloned() else {
                    return;
                };
                let marked = matches!(
                    of,
                    ObjectKey::Interface(_)
                        | ObjectKey::BridgeDomain(_)
                        | ObjectKey::Acl(_)
                        | ObjectKey::MacIpAcl(_)
                );
                if marked {
                    let surplus = Surplus { of, number: 1 };
                    self.world.holds.insert(Object::Surplus(surplus));
                    self.look();
                }
            }
        }
    }

    /// The lists that the agent has sent were all complete.
    fn assert_complete(&self) {
        for acl in &self.world.sent_lists {
            if let Some(complete) = self.complete.get(&acl.key) {
                assert!(
                    complete.contains(&*acl.rules),
                    "{}: {:?}",
                    acl.key,
                    acl.rules
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_as_wanted(steps in prop::collection::vec(step(), 1..60)) {
        let mut run = Run::new();
        for step in steps {
            run.take(step);
            prop_assert_eq!(run.host.overlooked(), []);
        }
        run.assert_complete();
        run.world.refuses.clear();
        run.store.serve_all(&mut run.host);
        run.world.pass(Duration::from_secs(1000));
        run.world.settle(&mut run.host);
        run.assert_complete();

        let wanted: Vec<&Object> = run.host.compiler().entries().map(|(_, object)| object).collect();
        let holds: Vec<&Object> = run.world.holds.objects().collect();
        let names = |objects: &[&Object]| -> Vec<String> {
            objects.iter().map(ToString::to_string).collect()
        };
        prop_assert_eq!(names(&holds), names(&wanted));
        prop_assert_eq!(holds, wanted);
        prop_assert_eq!(run.host.next_try(), None);
        prop_assert!(run.world.exposed(&run.host).is_empty());

        // Compiled anew from the store alone it is the same, and there is nothing to do.
        let mut fresh = run.world.reconciler();
        fresh.replace_ports(run.ports.clone());
        run.store.serve_all(&mut fresh);
        let now = run.world.now();
        prop_assert!(fresh.plan(now).is_empty());
        for id in run.ports.keys() {
            prop_assert_eq!(fresh.port_status(id), run.host.port_status(id), "{}", id);
        }
        for id in GROUPS.map(group_id) {
            prop_assert_eq!(fresh.security_group_status(&id), run.host.security_group_status(&id), "{}", id);
        }
    }
}
