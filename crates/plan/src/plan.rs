//! A plan: what has to be done to a VPP, in which order, as a value.
//!
//! The operations of one level are independent of each other and may be under way together; a
//! level begins when the one before it has ended. Interfaces that go come first, since they free
//! devices and VLANs that new ones may need; bridge domains that go come last, since a member may
//! move out of one into a new one without being unbridged in between.

use std::collections::BTreeMap;
use std::fmt;

use crate::object::{InterfaceKey, Object, ObjectKey};
use crate::observed::Observed;
use crate::operation::Operation;

/// What has to be done, level by level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The levels; none is empty.
    pub levels: Vec<Vec<Operation>>,
    /// What should be done but cannot be yet, and the object that it waits for.
    pub blocked: BTreeMap<ObjectKey, ObjectKey>,
}

/// What is to be done with one object.
enum Change<'a> {
    Create(&'a Object),
    Update(&'a Object, &'a Object),
    Recreate(&'a Object, &'a Object),
    Delete(&'a Object),
}

type Changes<'a> = BTreeMap<ObjectKey, Change<'a>>;

impl<'a> Change<'a> {
    /// Whether the object goes, if only for a moment.
    fn goes(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::Recreate(..))
    }

    /// The object as it shall be afterwards.
    fn wanted(&self) -> Option<&'a Object> {
        match self {
            Self::Create(wanted) | Self::Update(_, wanted) | Self::Recreate(_, wanted) => {
                Some(wanted)
            }
            Self::Delete(_) => None,
        }
    }
}

/// Which of `changes` cannot be made, and the object that is in the way: one that is required and
/// neither there to stay nor coming, or one that requires what shall go and does not leave it.
fn impossible<'a>(
    changes: &Changes<'a>,
    observed: &Observed,
    desired: &impl Fn(&ObjectKey) -> Option<&'a Object>,
) -> Vec<(ObjectKey, ObjectKey)> {
    let comes_or_stays = |required: &ObjectKey| match changes.get(required) {
        Some(change) => change.wanted().is_some(),
        None => observed.get(required).is_some() && desired(required).is_some(),
    };
    let leaves = |dependent: &ObjectKey, left: &ObjectKey| match changes.get(dependent) {
        // A member that moves to another bridge domain leaves this one.
        Some(Change::Update(_, to)) => !to.requires().contains(left),
        Some(change) => change.goes(),
        None => false,
    };
    let mut impossible = Vec::new();
    for (key, change) in changes {
        let required = change.wanted().map(Object::requires).unwrap_or_default();
        let missing = required
            .into_iter()
            .find(|required| !comes_or_stays(required));
        let obstacle = missing.or_else(|| {
            let dependents = if change.goes() {
                observed.dependents(key)
            } else {
                Vec::new()
            };
            dependents
                .into_iter()
                .find(|dependent| !leaves(dependent, key))
        });
        impossible.extend(obstacle.map(|obstacle| (key.clone(), obstacle)));
    }
    impossible
}

/// How many levels a plan can have.
const LEVELS: usize = 9;

/// The level at which an object is removed.
fn removal_level(key: &ObjectKey) -> usize {
    match key {
        ObjectKey::BridgeMember(_) => 0,
        // Not before its interface is out of the bridge: without lists all passes.
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) => 1,
        ObjectKey::Interface(
            InterfaceKey::SubInterface(..) | InterfaceKey::Tap(_) | InterfaceKey::VhostUser(_),
        ) => 2,
        ObjectKey::Interface(InterfaceKey::Uplink(_)) => 3,
        // By then nothing is in them or names them, be they wanted no longer or made twice.
        ObjectKey::BridgeDomain(_)
        | ObjectKey::Acl(_)
        | ObjectKey::MacIpAcl(_)
        | ObjectKey::Surplus(..) => LEVELS - 1,
    }
}

/// The level at which an object is made or changed.
fn addition_level(key: &ObjectKey) -> usize {
    match key {
        ObjectKey::Interface(
            InterfaceKey::Uplink(_) | InterfaceKey::Tap(_) | InterfaceKey::VhostUser(_),
        )
        | ObjectKey::BridgeDomain(_)
        | ObjectKey::Acl(_)
        | ObjectKey::MacIpAcl(_) => 4,
        ObjectKey::Interface(InterfaceKey::SubInterface(..)) => 5,
        ObjectKey::AclBinding(_) | ObjectKey::MacIpBinding(_) => 6,
        // Not before its interface has its lists. Nothing that was made twice is ever made.
        ObjectKey::BridgeMember(_) | ObjectKey::Surplus(..) => 7,
    }
}

impl Plan {
    /// What makes `observed` as `desired` says, for the objects in `dirty` and those that cannot
    /// stay when these go. Objects for which `held` is true are left alone for now.
    pub fn new<'a>(
        desired: impl Fn(&ObjectKey) -> Option<&'a Object>,
        observed: &'a Observed,
        dirty: impl IntoIterator<Item = ObjectKey>,
        held: impl Fn(&ObjectKey) -> bool,
    ) -> Self {
        let dirty: Vec<ObjectKey> = dirty.into_iter().collect();
        let mut plan = Self::default();
        // What cannot be done also spares those that would have had to go along with it, so all is
        // thought over again until nothing more turns out to be impossible.
        let changes = loop {
            let changes = plan.expand(&desired, observed, &dirty, &held);
            let impossible = impossible(&changes, observed, &desired);
            if impossible.is_empty() {
                break changes;
            }
            plan.blocked.extend(impossible);
        };
        plan.order(changes);
        plan
    }

    /// The changes that are to be made, but for what is held or known to be blocked. An object
    /// that goes takes its dependents along, which come back if they are wanted.
    fn expand<'a>(
        &mut self,
        desired: &impl Fn(&ObjectKey) -> Option<&'a Object>,
        observed: &'a Observed,
        dirty: &[ObjectKey],
        held: &impl Fn(&ObjectKey) -> bool,
    ) -> Changes<'a> {
        let mut changes = Changes::new();
        let mut queue: Vec<(ObjectKey, bool)> =
            dirty.iter().map(|key| (key.clone(), false)).collect();
        while let Some((key, must_go)) = queue.pop() {
            let change = match (observed.get(&key), desired(&key)) {
                (None, None) => continue,
                (None, Some(wanted)) => Change::Create(wanted),
                (Some(now), None) => Change::Delete(now),
                (Some(now), Some(wanted)) if must_go || !now.can_become(wanted) => {
                    Change::Recreate(now, wanted)
                }
                (Some(now), Some(wanted)) if now.satisfies(wanted) => continue,
                (Some(now), Some(wanted)) => Change::Update(now, wanted),
            };
            if held(&key) {
                self.blocked.insert(key.clone(), key.clone());
            }
            if self.blocked.contains_key(&key) || changes.get(&key).is_some_and(Change::goes) {
                continue;
            }
            if change.goes() {
                queue.extend(observed.dependents(&key).into_iter().map(|dependent| {
                    // One that is wanted elsewhere leaves by itself.
                    let stays =
                        desired(&dependent).is_some_and(|wanted| wanted.requires().contains(&key));
                    (dependent, stays)
                }));
            }
            changes.insert(key, change);
        }
        changes
    }

    fn order(&mut self, changes: Changes<'_>) {
        let mut levels: [Vec<Operation>; LEVELS] = Default::default();
        for (key, change) in changes {
            let (removed, added) = match change {
                Change::Create(wanted) => (None, Some(Operation::Create(wanted.clone()))),
                Change::Update(now, wanted) => (
                    None,
                    Some(Operation::Update {
                        from: now.clone(),
                        to: wanted.clone(),
                    }),
                ),
                Change::Recreate(now, wanted) => {
                    (Some(now), Some(Operation::Create(wanted.clone())))
                }
                Change::Delete(now) => (Some(now), None),
            };
            levels[removal_level(&key)].extend(removed.cloned().map(Operation::Delete));
            levels[addition_level(&key)].extend(added);
        }
        self.levels = levels
            .into_iter()
            .filter(|level| !level.is_empty())
            .collect();
    }

    /// All operations in order.
    pub fn operations(&self) -> impl Iterator<Item = &Operation> {
        self.levels.iter().flatten()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }
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
