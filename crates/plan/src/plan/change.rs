//! What is to be done with each object, and what stands in the way.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::object::{Object, ObjectKey};
use crate::observed::Observed;

use super::bridged;

/// What is to be done with one object.
pub(super) enum Change<'a> {
    Create(&'a Arc<Object>),
    Update(&'a Arc<Object>, &'a Arc<Object>),
    Recreate(&'a Arc<Object>, &'a Arc<Object>),
    Delete(&'a Arc<Object>),
}

/// What is to be done, in no order. The keys are those that the objects have where they are.
pub(super) type Changes<'a> = HashMap<&'a ObjectKey, Change<'a>, FixedState>;

/// An object with its key, as it is observed or wanted.
pub(super) type Entry<'a> = (&'a ObjectKey, &'a Arc<Object>);

impl<'a> Change<'a> {
    /// Whether the object goes, if only for a moment.
    pub(super) fn goes(&self) -> bool {
        matches!(self, Self::Delete(_) | Self::Recreate(..))
    }

    /// The object as it shall be afterwards.
    pub(super) fn wanted(&self) -> Option<&'a Arc<Object>> {
        match self {
            Self::Create(wanted) | Self::Update(_, wanted) | Self::Recreate(_, wanted) => {
                Some(wanted)
            }
            Self::Delete(_) => None,
        }
    }
}

/// Which of `changes` cannot be made, and the object that is in the way: one that is required and
/// neither there to stay nor coming, one that requires what shall go and does not leave it, or a guard
/// that does not come.
pub(super) fn impossible<'a>(
    changes: &Changes<'a>,
    observed: &Observed,
    desired: &impl Fn(&ObjectKey) -> Option<Entry<'a>>,
) -> Vec<(ObjectKey, ObjectKey)> {
    let comes_or_stays = |required: &ObjectKey| match changes.get(required) {
        Some(change) => change.wanted().is_some(),
        None => observed.get(required).is_some() && desired(required).is_some(),
    };
    let leaves = |dependent: &ObjectKey, left: &ObjectKey| match changes.get(dependent) {
        // A member that moves to another bridge domain leaves this one.
        Some(Change::Update(_, to)) => to.requires().all(|required| required != *left),
        Some(change) => change.goes(),
        None => false,
    };
    let mut impossible = Vec::new();
    for (key, change) in changes {
        let mut required = change
            .wanted()
            .into_iter()
            .flat_map(|wanted| wanted.requires());
        let missing = required.find(|required| !comes_or_stays(required));
        let missing = missing.or_else(|| unguarded(key, change, changes, observed, desired));
        let missing = missing.or_else(|| bared(key, change, changes, observed, desired));
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
        impossible.extend(obstacle.map(|obstacle| (ObjectKey::clone(key), obstacle)));
    }
    impossible
}

/// The guard that is missing, if `change` makes a membership whose interface is not going to be
/// secured as is wanted.
fn unguarded<'a>(
    key: &ObjectKey,
    change: &Change<'a>,
    changes: &Changes<'a>,
    observed: &Observed,
    desired: &impl Fn(&ObjectKey) -> Option<Entry<'a>>,
) -> Option<ObjectKey> {
    change.wanted()?;
    key.guards()?.into_iter().find(|guard| {
        desired(guard).is_some_and(|(_, wanted)| {
            let is_coming = || changes.get(guard)?.wanted();
            let is_there = || observed.get(guard).filter(|is| is.satisfies(wanted));
            is_coming().or_else(is_there).is_none()
        })
    })
}

/// The membership that would lose its guard, if `change` takes one away from an interface that stays
/// bridged and is not wanted without guards.
fn bared<'a>(
    key: &ObjectKey,
    change: &Change<'a>,
    changes: &Changes<'a>,
    observed: &Observed,
    desired: &impl Fn(&ObjectKey) -> Option<Entry<'a>>,
) -> Option<ObjectKey> {
    if !change.goes() {
        return None;
    }
    let member = key.guarded()?;
    let stays = observed.get(&member).is_some() && !changes.get(&member).is_some_and(Change::goes);
    let freed = desired(&member).is_some() && change.wanted().is_none();
    (stays && !freed).then_some(member)
}

/// The memberships that are `dirty`, or whose guards are, and are there with nothing of ours to guard them,
/// though they are to be secured, and no guard is coming; each with the guard that is missing.
pub(super) fn exposed<'a>(
    dirty: &[ObjectKey],
    changes: &Changes<'a>,
    observed: &Observed,
    desired: &impl Fn(&ObjectKey) -> Option<Entry<'a>>,
) -> Vec<(ObjectKey, ObjectKey)> {
    let members = bridged(dirty).map(|interface| ObjectKey::BridgeMember(interface.clone()));
    let there = members.filter(|member| {
        let goes = || changes.get(member).is_some_and(Change::goes);
        observed.get(member).is_some() && desired(member).is_some() && !goes()
    });
    let missing = |member: &ObjectKey| {
        member.guards()?.into_iter().find(|guard| {
            let guarded = || observed.get(guard).is_some_and(|is| is.is_guard());
            let coming = || {
                let change = changes.get(guard);
                change.is_some_and(|change| change.wanted().is_some())
            };
            desired(guard).is_some() && !guarded() && !coming()
        })
    };
    there
        .filter_map(|member| {
            let guard = missing(&member)?;
            Some((member, guard))
        })
        .collect()
}
