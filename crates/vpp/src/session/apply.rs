//! Doing what a plan says: operations into messages.
//!
//! The operations of one level are under way together, each as a short sequence of messages of its
//! own. A refusal is the outcome of its operation; only the loss of the connection stops the level,
//! and then nothing is known of what VPP holds.
//!
//! Making an interface that VPP cannot tag in the same message takes two: if the connection is lost
//! between them, an interface without a tag is left. It is recognised when VPP refuses to make it
//! again: nobody has marked, raised or bridged it, so that nobody uses it. See [`adopt`].

mod adopt;
mod bridge;
mod interface;

use futures::{StreamExt, stream};
use weft_plan::{Object, ObjectKey, Operation, Outcome};
use weft_vpp_wire::{Retval, SwIfIndex};

use super::Session;
use super::handles::{Change, Handles, Number};
use crate::connection::Connection;
use crate::error::CallError;

/// The most operations of a level that are under way at once. Enough to keep VPP busy while answers
/// travel, and far below the window of the connection.
const CONCURRENCY: usize = 256;

/// What an operation needs.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    connection: &'a Connection,
    handles: &'a Handles,
}

/// What became of an operation, and of VPP's numbers.
#[derive(Debug)]
struct Ended {
    outcome: Outcome,
    change: Option<Change>,
}

/// Why a step did not succeed.
#[derive(Debug)]
enum Failure {
    /// VPP refuses, and here is why in words for a person.
    Refused(String),
    /// The connection is over.
    Lost(CallError),
}

impl Session {
    /// Does the operations of one level; answers what became of each, in their order. With an error
    /// nothing is known any more: some may have been done.
    ///
    /// Events that have come belong to [`Self::notices`] first: a number whose interface somebody
    /// else deleted may be another interface's by now.
    pub async fn apply(&mut self, level: &[Operation]) -> Result<Vec<Outcome>, CallError> {
        let context = Context {
            connection: &self.connection,
            handles: &self.handles,
        };
        let operations = stream::iter(level).map(|operation| context.perform(operation));
        let ended: Vec<_> = operations.buffered(CONCURRENCY).collect().await;
        let mut outcomes = Vec::with_capacity(level.len());
        for ended in ended {
            let Ended { outcome, change } = ended?;
            if let Some(change) = change {
                self.handles.apply(change);
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

impl Context<'_> {
    async fn perform(self, operation: &Operation) -> Result<Ended, CallError> {
        match operation {
            Operation::Create(Object::Uplink(uplink)) => self.create_uplink(uplink).await,
            Operation::Create(Object::SubInterface(sub)) => self.create_sub_interface(sub).await,
            Operation::Create(Object::Tap(tap)) => self.create_tap(tap).await,
            Operation::Create(Object::BridgeDomain(bridge)) => self.create_bridge(bridge).await,
            Operation::Create(Object::BridgeMember(member)) => self.join_bridge(member).await,
            Operation::Create(object @ Object::Surplus(_)) => {
                let reason = format!("{} is nothing that is made", object.key());
                Ok(Ended::refused(reason, None))
            }
            Operation::Update { from, to } => self.update(from, to).await,
            Operation::Delete(object) => self.delete(object).await,
        }
    }

    async fn update(self, from: &Object, to: &Object) -> Result<Ended, CallError> {
        match (from, to) {
            (Object::Uplink(from), Object::Uplink(to)) => self.update_uplink(from, to).await,
            (Object::SubInterface(from), Object::SubInterface(to)) => {
                self.update_sub_interface(from, to).await
            }
            (Object::Tap(from), Object::Tap(to)) => self.update_tap(from, to).await,
            (Object::BridgeDomain(from), Object::BridgeDomain(to)) => {
                self.update_bridge(from, to).await
            }
            (Object::BridgeMember(from), Object::BridgeMember(to)) => {
                self.update_member(from, to).await
            }
            (from, to) => {
                let reason = format!("{} cannot become {}", from.key(), to.key());
                Ok(Ended::refused(reason, Some(from.clone())))
            }
        }
    }

    async fn delete(self, object: &Object) -> Result<Ended, CallError> {
        let deleted = match object {
            Object::Uplink(uplink) => self.delete_uplink(uplink).await,
            Object::SubInterface(sub) => self.delete_sub_interface(sub).await,
            Object::Tap(tap) => self.delete_tap(tap).await,
            Object::BridgeDomain(bridge) => self.delete_bridge(bridge).await,
            Object::BridgeMember(member) => self.leave_bridge(member).await,
            Object::Surplus(_) => self.delete_surplus(object.key()).await,
        };
        match deleted {
            Ok(change) => Ok(Ended::done(change)),
            Err(Failure::Refused(reason)) => Ok(Ended::refused(reason, Some(object.clone()))),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    /// Removes what has the mark of another.
    async fn delete_surplus(self, key: ObjectKey) -> Result<Option<Change>, Failure> {
        match self.handles.surplus(&key) {
            Some(Number::Interface(sw_if_index)) => self.delete_tap_at(sw_if_index).await?,
            Some(Number::Bridge(bd_id)) => self.delete_bridge_at(bd_id).await?,
            None => {}
        }
        Ok(Some(Change::NoSurplus(key)))
    }

    /// The number of an interface that an operation counts on.
    fn interface(self, key: &weft_plan::InterfaceKey) -> Result<SwIfIndex, Failure> {
        self.handles
            .interface(key)
            .ok_or_else(|| Failure::Refused(format!("{key} is not in VPP")))
    }
}

impl Ended {
    fn done(change: Option<Change>) -> Self {
        Self {
            outcome: Outcome::Done,
            change,
        }
    }

    fn refused(reason: String, left: Option<Object>) -> Self {
        Self {
            outcome: Outcome::Refused { reason, left },
            change: None,
        }
    }

    /// The end of steps that changed an object bit by bit: all of them, or as far as they came.
    fn of_steps(steps: Result<(), Failure>, left: Object) -> Result<Self, CallError> {
        match steps {
            Ok(()) => Ok(Self::done(None)),
            Err(Failure::Refused(reason)) => Ok(Self::refused(reason, Some(left))),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    fn with(self, change: Change) -> Self {
        Self {
            change: Some(change),
            ..self
        }
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused { .. } | CallError::Unsupported(_) => {
                Self::Refused(error.to_string())
            }
            CallError::Malformed(_) | CallError::TimedOut { .. } | CallError::Disconnected(_) => {
                Self::Lost(error)
            }
        }
    }
}

/// Deleting what is gone already is no failure.
fn gone<T>(result: Result<T, CallError>, gone: Retval) -> Result<(), Failure> {
    match result {
        Err(CallError::Refused { retval, .. }) if retval == gone => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}
