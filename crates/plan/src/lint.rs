//! The proof that a plan is sound: each step can be done when its turn comes.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::object::{Object, ObjectKey};
use crate::observed::Observed;
use crate::operation::Operation;
use crate::plan::Plan;

/// Why a plan is not sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// A level holds two operations on one object.
    #[error("level {level} has two operations on {key}")]
    Twice {
        /// The level, from 0.
        level: usize,
        /// The object.
        key: ObjectKey,
    },
    /// Something is made that is there, or changed or removed when it is not there as the plan
    /// believes.
    #[error("level {level} believes something else of {key} than what is so then")]
    Mistaken {
        /// The level, from 0.
        level: usize,
        /// The object.
        key: ObjectKey,
    },
    /// Something is made before what it requires.
    #[error("level {level} makes {key} before {requirement}")]
    Early {
        /// The level, from 0.
        level: usize,
        /// The object.
        key: ObjectKey,
        /// What it requires.
        requirement: ObjectKey,
    },
    /// Something is removed while it is still required.
    #[error("level {level} removes {key} before {dependent}")]
    Clung {
        /// The level, from 0.
        level: usize,
        /// The object.
        key: ObjectKey,
        /// What requires it.
        dependent: ObjectKey,
    },
    /// An interface that is to be secured is bridged before a binding of it is as wanted.
    #[error("level {level} makes {key} before {guard} is as wanted")]
    Unguarded {
        /// The level, from 0.
        level: usize,
        /// The membership.
        key: ObjectKey,
        /// The binding.
        guard: ObjectKey,
    },
    /// A binding is taken from an interface that is bridged and not wanted so without it.
    #[error("level {level} removes {key} while its interface is bridged")]
    Bared {
        /// The level, from 0.
        level: usize,
        /// The binding.
        key: ObjectKey,
    },
}

/// Plays `plan` on what is observed; answers what is there at its end, or the first fault.
pub fn check(plan: &Plan, observed: &Observed) -> Result<Observed, Box<Unsound>> {
    let mut state = observed.clone();
    for (level, operations) in plan.levels.iter().enumerate() {
        let mut seen = BTreeSet::new();
        let before = state.clone();
        for operation in operations {
            let key = operation.key();
            if !seen.insert(key.clone()) {
                return Err(Box::new(Unsound::Twice { level, key }));
            }
            let believed = match operation {
                Operation::Create(_) => None,
                Operation::Update { from, .. } => Some(from),
                Operation::Delete(object) => Some(object),
            };
            if before.get(&key) != believed {
                return Err(Box::new(Unsound::Mistaken { level, key }));
            }
            match operation {
                Operation::Create(object) | Operation::Update { to: object, .. } => {
                    if let Some(requirement) = missing(object, &before) {
                        return Err(Box::new(Unsound::Early {
                            level,
                            key,
                            requirement,
                        }));
                    }
                    state.insert(Arc::clone(object));
                }
                Operation::Delete(_) => {
                    if let Some(dependent) = before.dependents(&key).pop() {
                        return Err(Box::new(Unsound::Clung {
                            level,
                            key,
                            dependent,
                        }));
                    }
                    state.remove(&key);
                }
            }
        }
    }
    Ok(state)
}

/// Plays `plan` on what is observed, and proves that it secures what is to be secured before it
/// bridges it; answers the first fault. `desired` is what the plan was made for.
pub fn check_guards<'a>(
    plan: &Plan,
    observed: &Observed,
    desired: impl Fn(&ObjectKey) -> Option<&'a Arc<Object>>,
) -> Result<(), Box<Unsound>> {
    let mut state = observed.clone();
    for (level, operations) in plan.levels.iter().enumerate() {
        let before = state.clone();
        for operation in operations {
            let key = operation.key();
            match operation {
                Operation::Create(object) | Operation::Update { to: object, .. } => {
                    let guards = key.guards().into_iter().flatten();
                    let mut lacking = guards.filter(|guard| {
                        desired(guard).is_some_and(|wanted| before.get(guard) != Some(wanted))
                    });
                    if let Some(guard) = lacking.next() {
                        return Err(Box::new(Unsound::Unguarded { level, key, guard }));
                    }
                    state.insert(Arc::clone(object));
                }
                Operation::Delete(_) => {
                    let bared = key.guarded().is_some_and(|member| {
                        let freed = desired(&member).is_some() && desired(&key).is_none();
                        before.get(&member).is_some() && !freed
                    });
                    if bared {
                        return Err(Box::new(Unsound::Bared { level, key }));
                    }
                    state.remove(&key);
                }
            }
        }
    }
    Ok(())
}

fn missing(object: &Object, state: &Observed) -> Option<ObjectKey> {
    object
        .requires()
        .find(|required| state.get(required).is_none())
}
