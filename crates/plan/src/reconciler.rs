//! Wanted and observed side by side: what to do next, when, and what to say of each port.
//!
//! | what happens | what is told to the reconciler |
//! |---|---|
//! | a record changed, or all were read anew | [`Reconciler::set_port`], [`Reconciler::replace_ports`] |
//! | something of [`Reconciler::interest`] was read or changed | [`Reconciler::set_security_group`], [`Reconciler::set_remote_group`], [`Reconciler::set_remote_group_member`], [`Reconciler::set_address_group`] |
//! | the same of its overlay networks | [`Reconciler::set_network`], [`Reconciler::set_remote_macs`], [`Reconciler::set_remote_mac`] |
//! | VPP is there and was dumped | [`Reconciler::connected`] |
//! | VPP was dumped again, to look for drift | [`Reconciler::refreshed`] |
//! | VPP told something | [`Reconciler::notice`] |
//! | VPP is gone | [`Reconciler::disconnected`] |
//! | an operation ended | [`Reconciler::settle`] |
//!
//! After each of them [`Reconciler::plan`] says what to do now, [`Reconciler::next_try`] when to ask
//! again if nothing happens, and [`Reconciler::take_news`] of whom there may be something new to say.

mod dirty;
mod failure;
mod group;
mod network;
mod status;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use foldhash::fast::FixedState;
use weft_model::{OverlaySegment, PhysnetName, PortId, SecurityGroupId};

use crate::backoff::Backoff;
use crate::compile::{Compiler, Touched};
use crate::intent::{HostNetwork, PortRecord};
use crate::object::{AclKey, InterfaceKey, Object, ObjectKey};
use crate::observed::{Notice, Observed};
use crate::operation::{Operation, Outcome};
use crate::plan::Plan;
use crate::table::Keys;

use dirty::Dirty;
use failure::Failures;
pub use status::Standing;

/// A reading of the clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For waiting.
    pub monotonic: Instant,
    /// For telling people.
    pub wall: SystemTime,
}

/// Whoever there may be something new to say of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// Ports, those that are gone among them.
    pub ports: HashSet<PortId, FixedState>,
    /// Physical networks.
    pub physnets: BTreeSet<PhysnetName>,
    /// Security groups, those that are used no longer among them.
    pub security_groups: BTreeSet<SecurityGroupId>,
    /// Overlay networks, those that are used no longer among them.
    pub networks: BTreeSet<OverlaySegment>,
}

/// What an object is there for alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Owner {
    Port(PortId),
    Network(OverlaySegment),
}

/// Wanted and observed, and what became of trying.
#[derive(Clone, Debug)]
pub struct Reconciler {
    compiler: Compiler,
    /// What VPP holds, or why that is not known.
    vpp: Result<Observed, String>,
    /// Objects that may differ from what is wanted. All that do are among them, but for what was
    /// refused and what is not decided.
    dirty: Dirty,
    /// Objects that may differ, too, but wait for groups or networks to be read. They are looked at
    /// again when there is something new of what they are there for.
    undecided: BTreeMap<Owner, BTreeSet<ObjectKey>>,
    failures: Failures,
    /// What the last plan could not do, and what it waits for.
    blocked: BTreeMap<ObjectKey, ObjectKey>,
    /// Lists of groups whose ports wait for them, other than those that are only brought up to date.
    awaited: BTreeSet<ObjectKey>,
    news: News,
    interest_changed: bool,
    /// Whether the uplink of the underlay has the address that tunnels begin at.
    underlay_found: bool,
}

impl Reconciler {
    /// A host of which nothing is known yet.
    pub fn new(network: HostNetwork, backoff: Backoff) -> Self {
        let news = News {
            physnets: network.physnets.keys().cloned().collect(),
            ..News::default()
        };
        Self {
            compiler: Compiler::new(network),
            vpp: Err("VPP is not connected yet".to_owned()),
            dirty: Dirty::default(),
            undecided: BTreeMap::new(),
            failures: Failures::new(backoff),
            blocked: BTreeMap::new(),
            awaited: BTreeSet::new(),
            news,
            interest_changed: false,
            underlay_found: false,
        }
    }

    /// What is wanted.
    pub fn compiler(&self) -> &Compiler {
        &self.compiler
    }

    /// What VPP holds, as far as it is known.
    pub fn observed(&self) -> Option<&Observed> {
        self.vpp.as_ref().ok()
    }

    /// A port's record changed, or is gone.
    pub fn set_port(&mut self, id: &PortId, record: Option<PortRecord>) {
        let touched = self.compiler.set_port(id, record);
        self.touch(touched);
    }

    /// All records were read anew.
    pub fn replace_ports(&mut self, records: BTreeMap<PortId, PortRecord>) {
        let known = self.compiler.port_ids();
        let gone = known.filter(|id| !records.contains_key(*id));
        for id in gone.cloned().collect::<Vec<_>>() {
            self.set_port(&id, None);
        }
        for (id, record) in records {
            self.set_port(&id, Some(record));
        }
    }

    /// VPP is there, and this is all that it holds of ours. It may be another than before, so
    /// what was refused is tried at once.
    pub fn connected(&mut self, observed: Observed) {
        self.failures.clear();
        self.refreshed(observed);
    }

    /// VPP was dumped again, and this is all that it holds of ours.
    pub fn refreshed(&mut self, mut observed: Observed) {
        self.find_underlay(&mut observed);
        self.dirty = Dirty::differing(&self.compiler, &observed);
        self.undecided.clear();
        self.failures.retain(|key| self.dirty.contains(key));
        self.blocked.retain(|key, _| self.dirty.contains(key));
        self.awaited.retain(|key| self.dirty.contains(key));
        self.vpp = Ok(observed);
        self.everyone();
    }

    /// VPP is gone, for this reason.
    pub fn disconnected(&mut self, reason: impl Into<String>) {
        self.vpp = Err(reason.into());
        self.dirty = Dirty::default();
        self.undecided.clear();
        self.blocked.clear();
        self.awaited.clear();
        self.everyone();
    }

    /// VPP told something.
    pub fn notice(&mut self, notice: &Notice) {
        let Ok(observed) = &mut self.vpp else { return };
        for key in observed.notice(notice) {
            tell(&mut self.news, &self.compiler, &key);
            let is_settled = is_as_wanted(observed.get(&key), self.compiler.object(&key))
                && self.failures.get(&key).is_none()
                && !self.blocked.contains_key(&key);
            if !is_settled {
                self.dirty.insert(key);
            }
        }
    }

    /// What to do now. Everything that this plan holds is to be told to [`Self::settle`] when it
    /// was done; what is not told is planned again.
    pub fn plan(&mut self, now: Now) -> Plan {
        self.plan_for(now, usize::MAX)
    }

    /// What to do now for shared objects and for at most so many ports, so that with many to be made
    /// the first ones are done soon: those that have waited longest. Asked again, it goes on with the
    /// others; it is empty only when there is nothing to do for any.
    pub fn plan_for(&mut self, now: Now, most_ports: usize) -> Plan {
        let Ok(observed) = &self.vpp else {
            return Plan::default();
        };
        self.dirty.extend(self.failures.due(now.monotonic));
        let mut considered = Vec::new();
        let mut blocked = BTreeMap::new();
        let mut plan = loop {
            let mut group = self.dirty.take(most_ports);
            for key in group.extract_if(.., |key| self.compiler.is_undecided(key)) {
                // It will be another matter then.
                self.failures.forget(&key);
                // A list that is decided is told of anyway, since it was not wanted before.
                if let Some(owner) = owner(&key) {
                    self.undecided.entry(owner).or_default().insert(key);
                }
            }
            let mut plan = Plan::new(
                |key| self.compiler.entry(key),
                observed,
                &group,
                |key| self.failures.holds(key, now.monotonic) || self.compiler.is_undecided(key),
            );
            considered.push(group);
            blocked.append(&mut plan.blocked);
            if !plan.is_empty() || self.dirty.is_empty() {
                break plan;
            }
        };
        let operations = plan.levels.iter().flatten();
        self.dirty.extend(operations.map(Operation::key));
        self.dirty.extend(blocked.keys().cloned());
        for key in considered.iter().flatten().chain(blocked.keys()) {
            // What turned out to be as wanted after all has not failed any more.
            let mended = self.failures.get(key).is_some() && !self.dirty.contains(key);
            if mended {
                self.failures.forget(key);
            }
            if mended || self.blocked.get(key) != blocked.get(key) {
                tell(&mut self.news, &self.compiler, key);
                tell_users(&mut self.news, &self.compiler, key);
            }
        }
        if !self.blocked.is_empty() {
            let considered: Keys = considered.into_iter().flatten().collect();
            self.blocked.retain(|key, _| !considered.contains(key));
        }
        plan.blocked.clone_from(&blocked);
        self.blocked.extend(blocked);
        plan
    }

    /// Whether an operation of the current plan can still be done, and is still to be: an earlier one,
    /// which it needs, may have been refused, and what it makes may be wanted otherwise by now, or no
    /// longer. What is not done is planned anew.
    pub fn possible(&self, operation: &Operation) -> bool {
        let Ok(observed) = &self.vpp else {
            return false;
        };
        match operation {
            Operation::Create(object) | Operation::Update { to: object, .. } => {
                let key = object.key();
                self.compiler.object(&key) == Some(object)
                    && object
                        .requires()
                        .all(|required| observed.get(&required).is_some())
                    && self.is_guarded(&key, observed)
                    && matches!(operation, Operation::Create(_)) != observed.get(&key).is_some()
            }
            Operation::Delete(object) => {
                let key = object.key();
                observed.dependents(&key).is_empty() && !self.would_bare(&key, observed)
            }
        }
    }

    /// Whether the interface of a membership has the bindings that are wanted; true for all else.
    fn is_guarded(&self, key: &ObjectKey, observed: &Observed) -> bool {
        let guards = key.guards().into_iter().flatten();
        guards
            .filter_map(|guard| Some((self.compiler.object(&guard)?, observed.get(&guard))))
            .all(|(wanted, is)| is.is_some_and(|is| is.satisfies(wanted)))
    }

    /// Whether without this binding an interface would stay bridged that is not wanted so.
    fn would_bare(&self, key: &ObjectKey, observed: &Observed) -> bool {
        key.guarded().is_some_and(|member| {
            let freed =
                self.compiler.object(&member).is_some() && self.compiler.object(key).is_none();
            observed.get(&member).is_some() && !freed
        })
    }

    /// An operation ended. What it made may be wanted otherwise by now, or no longer: that it was refused
    /// says nothing of what is wanted instead, so it is no failure, and planned anew at once.
    pub fn settle(&mut self, operation: &Operation, outcome: Outcome, now: Now) {
        let Ok(observed) = &mut self.vpp else { return };
        let key = operation.key();
        let wanted = self.compiler.object(&key);
        let had_failed = self.failures.get(&key).is_some();
        let refused = matches!(outcome, Outcome::Refused { .. });
        let left = match outcome {
            Outcome::Done => {
                self.failures.forget(&key);
                operation.made().cloned()
            }
            Outcome::Refused { reason, left } => {
                let made = operation.made();
                if made.is_none() || made == wanted {
                    self.failures.record(key.clone(), reason, now);
                }
                left
            }
        };
        let left = left.filter(|object| !object.is_foreign_binding());
        let settled = is_as_wanted(left.as_ref(), wanted);
        match left {
            Some(object) => observed.insert(object),
            None => observed.remove(&key),
        }
        if settled || self.failures.get(&key).is_some() {
            self.dirty.remove(&key);
        } else {
            self.dirty.insert(key.clone());
        }
        if refused {
            // A binding that was refused leaves its interface unguarded, perhaps.
            self.dirty.extend(key.guarded());
        }
        self.tell(&key);
        let updated = matches!(operation, Operation::Update { .. });
        if matches!(key, ObjectKey::Acl(_))
            && (refused || had_failed || self.awaited.remove(&key) || !updated)
        {
            tell_users(&mut self.news, &self.compiler, &key);
        }
    }

    /// When something that was refused is to be tried again, if anything is.
    pub fn next_try(&self) -> Option<Instant> {
        self.vpp
            .as_ref()
            .ok()
            .and_then(|_| self.failures.next_try())
    }

    /// Of whom there may be something new to say, since this was last asked.
    pub fn take_news(&mut self) -> News {
        std::mem::take(&mut self.news)
    }

    fn touch(&mut self, touched: Touched) {
        for key in touched.objects {
            // Something else is wanted now; what was refused before says nothing about it.
            if self.failures.forget(&key) {
                tell_users(&mut self.news, &self.compiler, &key);
            }
            // Of what is a port's alone, the port is told of anyway.
            if key.port().is_none() {
                self.tell(&key);
            }
            if self.vpp.is_ok() {
                if touched.awaited.contains(&key) {
                    self.awaited.insert(key.clone());
                }
                self.dirty.insert(key);
            }
        }
        let ports = touched.ports.iter().cloned().map(Owner::Port);
        let networks = touched.networks.iter().copied().map(Owner::Network);
        for owner in ports.chain(networks) {
            self.dirty
                .extend(self.undecided.remove(&owner).into_iter().flatten());
        }
        self.news.networks.extend(touched.networks);
        self.news.ports.extend(touched.ports);
        self.news.security_groups.extend(touched.security_groups);
        self.interest_changed |= touched.interest;
    }

    fn tell(&mut self, key: &ObjectKey) {
        tell(&mut self.news, &self.compiler, key);
    }

    fn everyone(&mut self) {
        self.news.ports.extend(self.compiler.port_ids().cloned());
        self.news
            .physnets
            .extend(self.compiler.network().physnets.keys().cloned());
        let groups = self.compiler.groups_used();
        self.news.security_groups.extend(groups.cloned());
        self.news.networks.extend(self.compiler.overlays_used());
    }
}

/// Whether what is there is what is wanted, or neither is.
fn is_as_wanted(is: Option<&Arc<Object>>, wanted: Option<&Arc<Object>>) -> bool {
    match (is, wanted) {
        (Some(is), Some(wanted)) => is.satisfies(wanted),
        (is, wanted) => is.is_none() && wanted.is_none(),
    }
}

/// Notes that there may be news of everyone whose status is about the object. That is not so of the
/// ports that share an access list: it is the list's own matter while it is brought up to date.
fn tell(news: &mut News, compiler: &Compiler, key: &ObjectKey) {
    match key {
        ObjectKey::Acl(AclKey::SecurityGroup { group, .. }) => {
            news.security_groups.insert(group.clone());
        }
        ObjectKey::Acl(AclKey::AntiSpoofing(_)) => {}
        ObjectKey::Interface(InterfaceKey::Uplink(physnet)) => {
            news.physnets.insert(physnet.clone());
            if compiler.underlay_keys().contains(key) {
                news.ports.extend(compiler.overlay_ports().cloned());
            }
        }
        ObjectKey::Address(..) | ObjectKey::Route(_) => {
            news.ports.extend(compiler.overlay_ports().cloned());
        }
        _ if key.overlay().is_some() => news.networks.extend(key.overlay()),
        _ => tell_users(news, compiler, key),
    }
}

/// Notes that there may be news of all ports that the object is there for, or was.
fn tell_users(news: &mut News, compiler: &Compiler, key: &ObjectKey) {
    match key.port() {
        Some(port) => drop(news.ports.insert(port.clone())),
        None => news.ports.extend(compiler.users(key).cloned()),
    }
}

/// What an object is there for alone; `None` for what ports share.
fn owner(key: &ObjectKey) -> Option<Owner> {
    let network = key.overlay().map(Owner::Network);
    network.or_else(|| key.port().cloned().map(Owner::Port))
}
