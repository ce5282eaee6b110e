//! Doing what a plan says: operations into messages.
//!
//! The operations of one level are under way together, each as a short sequence of messages of its
//! own. A refusal is the outcome of its operation; only the loss of the connection stops the level,
//! and then nothing is known of what VPP holds.
//!
//! Making an interface that VPP cannot tag in the same message takes two: if the connection is lost
//! between them, an interface without a tag is left. It is recognised when VPP refuses to make it
//! again: nobody has marked, raised or bridged it, so that nobody uses it. See [`adopt`].
//!
//! Before the first access list is touched, VPP is told to look at sessions again when lists change:
//! what an ended rule permitted shall end with it.

mod acl;
mod adopt;
mod bridge;
mod interface;
mod macip;
mod overlay;
mod tunnel;
mod underlay;
mod vhost_user;

use std::borrow::Borrow;
use std::sync::Arc;

use futures::{StreamExt, stream};
use weft_plan::{InterfaceKey, Object, ObjectKey, Operation, Outcome, Surplus};
use weft_vpp_wire::{Request, Retval, SwIfIndex};

use super::Session;
use super::handles::{Change, Handles, Number};
use crate::connection::Connection;
use crate::error::CallError;

/// The most operations of a level that are under way at once. Enough to keep VPP busy while answers
/// travel, and far below the window of the connection.
const CONCURRENCY: usize = 256;

/// See [`Session::reclassify_sessions`].
const RECLASSIFY_SESSIONS: &str = "set acl-plugin reclassify-sessions 1";

/// What an operation needs.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    connection: &'a Connection,
    handles: &'a Handles,
    fib_source: Option<u8>,
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
    pub async fn apply<O: Borrow<Operation>>(
        &mut self,
        level: &[O],
    ) -> Result<Vec<Outcome>, CallError> {
        let operations = level.iter().map(Borrow::borrow);
        if !self.reclassifies && operations.clone().any(concerns_acls) {
            self.reclassify_sessions().await?;
        }
        self.prepare_routes(operations.clone()).await?;
        let context = Context {
            connection: &self.connection,
            handles: &self.handles,
            fib_source: self.fib_source,
        };
        // On the heap, since what is under way is large and is moved about.
        let operations = operations.map(|operation| Box::pin(context.perform(operation)));
        let mut operations = stream::iter(operations).buffered(CONCURRENCY);
        let mut ended = Vec::with_capacity(level.len());
        while let Some(one) = operations.next().await {
            ended.push(one);
        }
        drop(operations);
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

impl Session {
    /// Has VPP look at the sessions of permitted traffic again when access lists change. Else what
    /// was permitted once would pass for as long as it flows, whatever the rules say by then.
    ///
    /// It is a setting of the acl plugin for which there is no message (`acl_set_aclplugin_fn` in
    /// `src/plugins/acl/acl.c`).
    async fn reclassify_sessions(&mut self) -> Result<(), CallError> {
        match self.connection.cli(RECLASSIFY_SESSIONS).await {
            Ok((Retval::OK, _)) => {}
            Ok((_, said)) => tracing::warn!(
                "VPP refuses `{RECLASSIFY_SESSIONS}` ({}): traffic that was permitted once may \
                 outlive the rule that permits it",
                said.trim()
            ),
            Err(error @ (CallError::Refused { .. } | CallError::Unsupported(_))) => {
                tracing::warn!(%error, "`{RECLASSIFY_SESSIONS}` cannot be asked for");
            }
            Err(error) => return Err(error),
        }
        self.reclassifies = true;
        Ok(())
    }
}

impl Context<'_> {
    async fn perform(self, operation: &Operation) -> Result<Ended, CallError> {
        let object = match operation {
            Operation::Create(object) => object,
            Operation::Update { from, to } => return self.update(from, to).await,
            Operation::Delete(object) => return self.delete(object).await,
        };
        match &**object {
            // Few have these steps, and each operation of a level has room for the longest.
            Object::Uplink(uplink) => Box::pin(self.create_uplink(uplink)).await,
            Object::SubInterface(sub) => Box::pin(self.create_sub_interface(sub)).await,
            Object::Tap(tap) => self.create_tap(tap).await,
            Object::VhostUser(vhost) => self.create_vhost_user(vhost).await,
            Object::BridgeDomain(bridge) => self.create_bridge(bridge).await,
            Object::BridgeMember(member) => self.join_bridge(member).await,
            Object::Acl(acl) => self.create_acl(acl).await,
            Object::AclBinding(binding) => self.bind_acls(binding, None).await,
            Object::MacIpAcl(acl) => self.create_macip_acl(acl).await,
            Object::MacIpBinding(binding) => self.bind_macip_acl(binding, None).await,
            Object::Tunnel(tunnel) => self.create_tunnel(tunnel).await,
            Object::Address(address) => Ended::of_step(self.create_address(address).await, None),
            Object::Route(route) => Ended::of_step(self.write_route(route).await, None),
            Object::StaticMac(entry) => Ended::of_step(self.write_static_mac(entry).await, None),
            Object::Neighbour(entry) => Ended::of_step(self.write_neighbour(entry).await, None),
            Object::Surplus(_) => {
                let reason = format!("{} is nothing that is made", object.key());
                Ok(Ended::refused(reason, None))
            }
        }
    }

    async fn update(self, from: &Arc<Object>, to: &Object) -> Result<Ended, CallError> {
        let unchanged = || Some(Arc::clone(from));
        match (&**from, to) {
            (Object::Uplink(from), Object::Uplink(to)) => self.update_uplink(from, to).await,
            (Object::SubInterface(from), Object::SubInterface(to)) => {
                self.update_sub_interface(from, to).await
            }
            (Object::Tap(from), Object::Tap(to)) => self.update_tap(from, to).await,
            (Object::VhostUser(from), Object::VhostUser(to)) => {
                self.update_vhost_user(from, to).await
            }
            (Object::BridgeDomain(from), Object::BridgeDomain(to)) => {
                self.update_bridge(from, to).await
            }
            (Object::BridgeMember(from), Object::BridgeMember(to)) => {
                self.update_member(from, to).await
            }
            (Object::Acl(_), Object::Acl(to)) => self.update_acl(to, unchanged()).await,
            (Object::AclBinding(_), Object::AclBinding(to)) => {
                self.bind_acls(to, unchanged()).await
            }
            (Object::MacIpAcl(_), Object::MacIpAcl(to)) => {
                self.update_macip_acl(to, unchanged()).await
            }
            (Object::MacIpBinding(_), Object::MacIpBinding(to)) => {
                self.bind_macip_acl(to, unchanged()).await
            }
            (Object::Tunnel(from), Object::Tunnel(to)) => self.update_tunnel(from, to).await,
            (Object::Route(_), Object::Route(to)) => {
                Ended::of_step(self.write_route(to).await, unchanged())
            }
            (Object::StaticMac(_), Object::StaticMac(to)) => {
                Ended::of_step(self.write_static_mac(to).await, unchanged())
            }
            (Object::Neighbour(_), Object::Neighbour(to)) => {
                Ended::of_step(self.write_neighbour(to).await, unchanged())
            }
            _ => {
                let reason = format!("{} cannot become {}", from.key(), to.key());
                Ok(Ended::refused(reason, unchanged()))
            }
        }
    }

    async fn delete(self, object: &Arc<Object>) -> Result<Ended, CallError> {
        let deleted = match &**object {
            Object::Uplink(uplink) => self.delete_uplink(uplink).await,
            Object::SubInterface(sub) => self.delete_sub_interface(sub).await,
            Object::Tap(tap) => self.delete_tap(tap).await,
            Object::BridgeDomain(bridge) => self.delete_bridge(bridge).await,
            Object::BridgeMember(member) => self.leave_bridge(member).await,
            Object::VhostUser(vhost) => self.delete_vhost_user(vhost).await,
            Object::Acl(acl) => self.delete_acl(acl).await,
            Object::AclBinding(binding) => self.unbind_acls(binding).await,
            Object::MacIpAcl(acl) => self.delete_macip_acl(acl).await,
            Object::MacIpBinding(binding) => self.unbind_macip_acl(binding).await,
            Object::Tunnel(tunnel) => self.delete_tunnel(tunnel).await,
            Object::Address(address) => self.delete_address(address).await,
            Object::Route(route) => self.delete_route(route).await,
            Object::StaticMac(entry) => self.delete_static_mac(entry).await,
            Object::Neighbour(entry) => self.delete_neighbour(entry).await,
            Object::Surplus(surplus) => self.delete_surplus(surplus).await,
        };
        Ended::of_step(deleted, Some(Arc::clone(object)))
    }

    /// Removes what has the mark of another.
    async fn delete_surplus(self, surplus: &Surplus) -> Result<Option<Change>, Failure> {
        let key = Object::Surplus(surplus.clone()).key();
        match self.handles.surplus(&key) {
            Some(Number::Interface(sw_if_index)) => match surplus.of {
                ObjectKey::Interface(InterfaceKey::VhostUser(_)) => {
                    self.delete_vhost_user_at(sw_if_index).await?;
                }
                ObjectKey::Interface(InterfaceKey::Tunnel(key)) => {
                    self.delete_surplus_tunnel(key, sw_if_index).await?;
                }
                _ => self.delete_tap_at(sw_if_index).await?,
            },
            Some(Number::Bridge(bd_id)) => self.delete_bridge_at(bd_id).await?,
            Some(Number::Acl(index)) => self.delete_acl_at(index).await?,
            Some(Number::MacIpAcl(index)) => self.delete_unused_macip_acl_at(index).await?,
            None => {}
        }
        Ok(Some(Change::NoSurplus(key)))
    }

    /// A request of the kind whose handler says no more of an error than that there was one, by the
    /// number 1, which else is success (`rv = rv || …` in `src/plugins/acl/acl.c`).
    async fn request_exactly<R: Request>(self, request: R) -> Result<R::Reply, CallError> {
        let retval = match self.connection.exchange(&request).await? {
            (Retval::OK, reply) => return Ok(reply),
            (retval, _) if retval.is_error() => retval,
            _ => Retval::UNSPECIFIED,
        };
        let message = R::NAME;
        Err(CallError::Refused { message, retval })
    }

    /// The number of an interface that an operation counts on.
    fn interface(self, key: &InterfaceKey) -> Result<SwIfIndex, Failure> {
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

    fn refused(reason: String, left: Option<Arc<Object>>) -> Self {
        Self {
            outcome: Outcome::Refused { reason, left },
            change: None,
        }
    }

    /// The end of steps that changed an object bit by bit: all of them, or as far as they came, which makes
    /// of it what is `left`.
    fn of_steps(
        steps: Result<(), Failure>,
        left: impl FnOnce() -> Object,
    ) -> Result<Self, CallError> {
        match steps {
            Ok(()) => Ok(Self::done(None)),
            Err(Failure::Refused(reason)) => Ok(Self::refused(reason, Some(left().into()))),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    /// The end of one step that does all or nothing.
    fn of_step(
        step: Result<Option<Change>, Failure>,
        left: Option<Arc<Object>>,
    ) -> Result<Self, CallError> {
        match step {
            Ok(change) => Ok(Self::done(change)),
            Err(Failure::Refused(reason)) => Ok(Self::refused(reason, left)),
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

fn concerns_acls(operation: &Operation) -> bool {
    matches!(operation.object(), Object::Acl(_) | Object::AclBinding(_))
}

/// Deleting what is gone already is no failure.
fn gone<T>(result: Result<T, CallError>, gone: Retval) -> Result<(), Failure> {
    match result {
        Err(CallError::Refused { retval, .. }) if retval == gone => Ok(()),
        result => Ok(result.map(|_| ())?),
    }
}
