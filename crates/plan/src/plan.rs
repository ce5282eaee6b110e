//! A plan: what has to be done to a VPP, in which order, as a value.
//!
//! The operations of one level are independent of each other and may be under way together; a
//! level begins when the one before it has ended. Interfaces that go come first, since they free
//! devices and VLANs that new ones may need; bridge domains and access lists that go come last, since
//! a member may move out of one into a new one, and a binding from one list to another, without being
//! without any in between.
//!
//! An interface that is to be secured is bridged behind its guards: a membership is made once the
//! bindings of its interface are in place as they are wanted, and one that is there is taken away when
//! nothing of ours guards it and nothing can.

mod change;
mod level;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::object::{InterfaceKey, Object, ObjectKey};
use crate::observed::Observed;
use crate::operation::Operation;

use change::{Change, Changes, exposed, impossible};
use level::{LEVELS, addition_level, removal_level};

/// What has to be done, level by level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The levels; none is empty, and the operations of one are in no order.
    pub levels: Vec<Vec<Operation>>,
    /// What should be done but cannot be yet, and the object that it waits for.
    pub blocked: BTreeMap<ObjectKey, ObjectKey>,
}

impl Plan {
    /// What makes `observed` as `desired` says, for the objects in `dirty` and those that cannot
    /// stay when these go. Objects for which `held` is true are left alone for now. What is wanted
    /// under a key comes with the key that belongs to it.
    pub fn new<'a>(
        desired: impl Fn(&ObjectKey) -> Option<(&'a ObjectKey, &'a Arc<Object>)>,
        observed: &'a Observed,
        dirty: &[ObjectKey],
        held: impl Fn(&ObjectKey) -> bool,
    ) -> Self {
        let mut plan = Self::default();
        let mut unbridged = BTreeMap::new();
        // What cannot be done also spares those that would have had to go along with it, so all is
        // thought over again until nothing more turns out to be impossible.
        let changes = loop {
            let changes = plan.expand(&desired, observed, dirty, &held, &unbridged);
            let impossible = impossible(&changes, observed, &desired);
            let exposed = exposed(dirty, &changes, observed, &desired);
            let exposed: Vec<_> = exposed
                .into_iter()
                .filter(|(member, _)| !unbridged.contains_key(member))
                .collect();
            if impossible.is_empty() && exposed.is_empty() {
                break changes;
            }
            plan.blocked.extend(impossible);
            unbridged.extend(exposed);
        };
        for (member, guard) in unbridged {
            plan.blocked.entry(member).or_insert(guard);
        }
        plan.order(changes);
        plan
    }

    /// The changes that are to be made, but for what is held or known to be blocked. An object
    /// that goes takes its dependents along, which come back if they are wanted. The memberships in
    /// `unbridged` go, although they are wanted.
    fn expand<'a>(
        &mut self,
        desired: &impl Fn(&ObjectKey) -> Option<change::Entry<'a>>,
        observed: &'a Observed,
        dirty: &[ObjectKey],
        held: &impl Fn(&ObjectKey) -> bool,
        unbridged: &BTreeMap<ObjectKey, ObjectKey>,
    ) -> Changes<'a> {
        let mut changes = Changes::with_capacity_and_hasher(dirty.len(), FixedState::default());
        // One of them, and then what goes along with it.
        let mut queue = Vec::new();
        for key in with_guards(dirty) {
            queue.push((key, false));
            while let Some((key, must_go)) = queue.pop() {
                let unbridge = unbridged.contains_key(&key);
                let (key, change) = match (observed.entry(&key), desired(&key)) {
                    (None, None) => continue,
                    (None, Some(_)) if unbridge => continue,
                    (Some((key, now)), Some(_)) if unbridge => (key, Change::Delete(now)),
                    (None, Some((key, wanted))) => (key, Change::Create(wanted)),
                    (Some((key, now)), None) => (key, Change::Delete(now)),
                    (Some((key, now)), Some((_, wanted))) if must_go || !now.can_become(wanted) => {
                        (key, Change::Recreate(now, wanted))
                    }
                    (Some((_, now)), Some((_, wanted))) if now.satisfies(wanted) => continue,
                    (Some((key, now)), Some((_, wanted))) => (key, Change::Update(now, wanted)),
                };
                if held(key) {
                    self.blocked.insert(key.clone(), key.clone());
                }
                let blocked = match self.blocked.get(key) {
                    Some(obstacle) => !unbridge || obstacle == key,
                    None => false,
                };
                if blocked {
                    continue;
                }
                let entry = changes.entry(key);
                if let Entry::Occupied(known) = &entry
                    && known.get().goes()
                {
                    continue;
                }
                if change.goes() {
                    // What comes back goes before all else changes, so that nothing leaves it in time.
                    let all_go = matches!(change, Change::Recreate(..));
                    queue.extend(observed.dependents(key).into_iter().map(|dependent| {
                        // One that is wanted elsewhere leaves by itself.
                        let stays = || {
                            let mut required = desired(&dependent)
                                .into_iter()
                                .flat_map(|(_, wanted)| wanted.requires());
                            required.any(|required| required == *key)
                        };
                        let must_go = all_go || stays();
                        (Cow::Owned(dependent), must_go)
                    }));
                }
                entry.insert_entry(change);
            }
        }
        changes
    }

    fn order(&mut self, changes: Changes<'_>) {
        let mut levels: [Vec<Operation>; LEVELS] = Default::default();
        for (key, change) in changes {
            let recreated = matches!(change, Change::Recreate(..));
            let (removed, added) = match change {
                Change::Create(wanted) => (None, Some(Operation::Create(Arc::clone(wanted)))),
                Change::Update(now, wanted) => (
                    None,
                    Some(Operation::Update {
                        from: Arc::clone(now),
                        to: Arc::clone(wanted),
                    }),
                ),
                Change::Recreate(now, wanted) => {
                    (Some(now), Some(Operation::Create(Arc::clone(wanted))))
                }
                Change::Delete(now) => (Some(now), None),
            };
            levels[removal_level(key, recreated)].extend(removed.cloned().map(Operation::Delete));
            levels[addition_level(key)].extend(added);
        }
        self.levels = levels
            .into_iter()
            .filter(|level| !level.is_empty())
            .collect();
    }

    /// All operations in order, those of a level in the order of their objects' keys.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.levels.iter().flat_map(|level| {
            let mut level: Vec<_> = level.iter().collect();
            level.sort_by_cached_key(|operation| operation.key());
            level
        })
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }
}

/// `dirty`, and with a membership the bindings of its interface, and the other way round.
fn with_guards(dirty: &[ObjectKey]) -> impl Iterator<Item = Cow<'_, ObjectKey>> {
    let others = dirty.iter().filter(|key| key.bridges().is_none());
    let bridging = bridged(dirty).flat_map(|interface| {
        let member = ObjectKey::BridgeMember(interface.clone());
        let guards = member.guards().into_iter().flatten();
        guards.chain([member])
    });
    others.map(Cow::Borrowed).chain(bridging.map(Cow::Owned))
}

/// The interfaces whose memberships or bindings are in `dirty`; each is there once, if what is on it came
/// together.
fn bridged(dirty: &[ObjectKey]) -> impl Iterator<Item = &InterfaceKey> {
    let mut last = None;
    let interfaces = dirty.iter().filter_map(ObjectKey::bridges);
    interfaces.filter(move |interface| last.replace(*interface) != Some(*interface))
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for operation in self.operations() {
            writeln!(f, "{operation}")?;
        }
        for (key, obstacle) in &self.blocked {
            if key == obstacle {
                writeln!(f, "! {key}: waits for its next try")?;
            } else {
                writeln!(f, "! {key}: waits for {obstacle}")?;
            }
        }
        Ok(())
    }
}
