//! The agent's loop.
//!
//! One path for everything: an event changes what is wanted or what is known of VPP, then
//! [`Agent::reconcile`] plans and applies until nothing differs, then [`Agent::report`] tells the
//! store. Until the store was read once nothing is planned, since nothing would be wanted; until
//! VPP was reached or found missing once nothing is reported, since nothing would be known.

mod report;
mod write;

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weft_model::{Alive, PortId};
use weft_plan::{Backoff, Now, Operation, PortRecord, Reconciler};
use weft_store::{Event, LeaseSession, LeaseState, Revision, Store, StoreError, Subscription};

use crate::advertise::Advertised;
use crate::board::Board;
use crate::config::Config;
use crate::dataplane::{Dataplane, Happening};
use crate::intake::{self, Meaning};
use crate::interest::{self, Following};

use write::Written;

/// How soon VPP is looked at as a whole again after it was connected; then after twice as long,
/// until the time is that of the configuration. An agent that was killed may have left requests
/// that VPP carries out only after its successor has looked.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Ports that are planned for at once: enough to keep VPP busy, few enough that with thousands to
/// be made the first ones are there soon.
const PORTS_AT_ONCE: usize = 256;

/// How long nothing is said while groups are being read. Without it, a port would be said to wait
/// for a group whose rules are on their way, and to work again a moment later.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// How long work may go on before it is told how far it has come.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Why an agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The store cannot be used as it is configured.
    #[error("the store cannot be used: {0}")]
    Store(#[from] StoreError),
}

/// Runs the agent until `shutdown`. VPP and the store may come, go and come back meanwhile. What
/// VPP holds stays when the agent ends; that it is alive is taken back.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<(), AgentError> {
    make_socket_directory(&config);
    let store = Store::connect(config.store.clone()).await?;
    let lease = store.lease_session(config.lease_ttl);
    let advertisements = store.lease_session(config.lease_ttl);
    let prefixes = vec![
        config.keys.ports_of(&config.host),
        config.keys.state_of(&config.host),
    ];
    let subscription = store.subscribe(prefixes);
    tracing::info!(
        host = %config.host,
        vpp = %config.vpp.api_socket.display(),
        physnets = config.network.physnets.len(),
        "the agent begins"
    );
    let mut agent = Agent {
        reconciler: Reconciler::new(config.network.clone(), Backoff::default()),
        dataplane: Dataplane::start(&config.vpp),
        subscription,
        store,
        lease,
        advertised_under: advertisements.state(),
        advertisements,
        advertised: Advertised::default(),
        board: Board::default(),
        following: Following::default(),
        reading_since: None,
        intent_known: false,
        vpp_judged: false,
        alive: Alive::default(),
        observed_at: None,
        look_again: LOOK_AGAIN.min(config.vpp.resync),
        writing: None,
        awaited: None,
        seen: 0,
        write_again_at: None,
        config,
    };
    shutdown.run_until_cancelled(agent.work()).await;
    tracing::info!("the agent ends");
    agent.close().await;
    Ok(())
}

/// Makes the directory of vhost-user sockets: `/run` is empty after each boot. Who makes it before,
/// with the rights that QEMU's user needs, finds it as it was.
fn make_socket_directory(config: &Config) {
    let directory = config.network.vhost_user.directory.as_str();
    if let Err(error) = std::fs::create_dir_all(directory) {
        tracing::warn!(directory, %error, "the directory of vhost-user sockets cannot be made");
    }
}

/// Everything that the loop owns.
struct Agent {
    config: Config,
    reconciler: Reconciler,
    dataplane: Dataplane,
    store: Store,
    subscription: Subscription,
    lease: LeaseSession,
    /// The lease of [`Agent::advertised`].
    advertisements: LeaseSession,
    advertised_under: watch::Receiver<LeaseState>,
    advertised: Advertised,
    board: Board,
    /// The groups and networks that are followed in the store.
    following: Following,
    /// Since when something of them is being read.
    reading_since: Option<Instant>,
    /// Whether the store was read, so that it is known what is wanted.
    intent_known: bool,
    /// Whether VPP was reached or found missing, so that there is something true to say.
    vpp_judged: bool,
    /// What was told of this host with the word that its agent is alive; nothing yet if it names no
    /// release.
    alive: Alive,
    /// When VPP was looked at as a whole; never, or not since it is there.
    observed_at: Option<Instant>,
    /// How long after that it is looked at again.
    look_again: Duration,
    /// The write to the store that is under way.
    writing: Option<JoinHandle<Written>>,
    /// The revision of the last write, until it comes back by the subscription.
    awaited: Option<Revision>,
    /// The revision up to which the subscription has delivered.
    seen: Revision,
    /// When a write that failed is tried again.
    write_again_at: Option<Instant>,
}

fn now() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::now(),
    }
}

impl Agent {
    /// The loop. Never ends by itself.
    async fn work(&mut self) {
        loop {
            self.wait().await;
            self.reconcile().await;
            self.report();
        }
    }

    /// Waits for something to happen and takes it in, and all else that has happened by then.
    async fn wait(&mut self) {
        let deadline = self.deadline();
        let timer = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            happening = self.dataplane.next() => self.take_happening(happening),
            event = self.subscription.next() => self.take_event(event),
            written = finished(&mut self.writing) => self.take_written(written),
            // The other end lives as long as `advertisements`.
            Ok(()) = self.advertised_under.changed() => {}
            () = timer => {}
        }
        self.take_what_is_there().await;
    }

    /// Takes in everything that has happened by now: it belongs to the same plan.
    async fn take_what_is_there(&mut self) {
        loop {
            tokio::select! {
                biased;
                event = self.subscription.next() => self.take_event(event),
                happening = self.dataplane.next() => self.take_happening(happening),
                () = std::future::ready(()) => return,
            }
        }
    }

    /// When to do something though nothing happens.
    fn deadline(&self) -> Option<Instant> {
        let retry = if self.intent_known {
            self.reconciler.next_try()
        } else {
            None
        };
        let resync = self.observed_at.map(|at| at + self.look_again);
        let silence = self.reading_since.map(|since| since + READ_WITHIN);
        let silence = silence.filter(|until| *until > Instant::now());
        [retry, resync, silence, self.write_again_at]
            .into_iter()
            .flatten()
            .min()
    }

    fn take_happening(&mut self, happening: Happening) {
        match happening {
            Happening::Up => {
                tracing::info!("VPP is connected");
                self.observed_at = None;
            }
            Happening::Down(reason) => {
                tracing::warn!(reason, "VPP is away");
                self.vpp_lost(&reason);
            }
            Happening::Told => {}
            Happening::Overflow => {
                tracing::warn!("VPP told more than could be taken in; looking at all of it again");
                self.observed_at = None;
            }
        }
    }

    fn take_event(&mut self, event: Option<Event>) {
        match event {
            Some(Event::Snapshot { revision, kvs }) => {
                tracing::info!(revision, keys = kvs.len(), "the store was read");
                let mut ports: BTreeMap<PortId, PortRecord> = BTreeMap::new();
                let mut said = BTreeMap::new();
                let mut illegal = Vec::new();
                for kv in &kvs {
                    match intake::present(&self.config.keys, &self.config.host, kv) {
                        Meaning::Port(id, record) => {
                            ports.extend(record.map(|record| (id, record)));
                        }
                        Meaning::IllegalPort { id, fault } => illegal.push((id, fault)),
                        Meaning::Said { key, value } => {
                            said.extend(value.map(|value| (key.to_owned(), value)));
                        }
                        Meaning::Rules(..)
                        | Meaning::Member(..)
                        | Meaning::Addresses(..)
                        | Meaning::Network(..)
                        | Meaning::RemoteMac(..)
                        | Meaning::OwnMac(..)
                        | Meaning::Nothing => {}
                    }
                }
                self.seen(revision);
                self.board.know_all(said);
                self.reconciler.replace_ports(ports);
                for (id, fault) in illegal {
                    self.say_illegal(&id, fault);
                }
                self.intent_known = true;
            }
            Some(Event::Changes { revision, changes }) => {
                self.seen(revision);
                for change in &changes {
                    match intake::change(&self.config.keys, &self.config.host, change) {
                        Meaning::Port(id, record) => self.reconciler.set_port(&id, record),
                        Meaning::IllegalPort { id, fault } => self.say_illegal(&id, fault),
                        Meaning::Said { key, value } => self.board.know(key, value),
                        Meaning::Rules(group, record) => {
                            self.reconciler.set_security_group(&group, record);
                        }
                        Meaning::Member(group, port, member) => {
                            self.reconciler
                                .set_remote_group_member(&group, &port, member);
                        }
                        Meaning::Addresses(group, record) => {
                            self.reconciler.set_address_group(&group, record);
                        }
                        Meaning::Network(segment, record) => {
                            self.reconciler.set_network(segment, record);
                        }
                        Meaning::RemoteMac(segment, host, mac, remote) => {
                            self.reconciler.set_remote_mac(segment, &host, mac, remote);
                            self.advertised.heard((segment, mac));
                        }
                        Meaning::OwnMac(segment, mac, kv) => {
                            let revision = change.mod_revision();
                            self.advertised.know((segment, mac), kv.as_ref(), revision);
                        }
                        Meaning::Nothing => {}
                    }
                }
            }
            Some(Event::Read { parts, kvs, .. }) => {
                let needed = self.following.read(&parts);
                let (keys, host) = (&self.config.keys, &self.config.host);
                let said = interest::take_read(&mut self.reconciler, keys, host, &needed, &kvs);
                for (segment, kvs) in &said {
                    self.advertised.know_all(*segment, kvs);
                }
            }
            Some(Event::Disconnected { reason }) => {
                tracing::warn!(reason, "the store is away; VPP stays as it is");
            }
            Some(Event::Connected) => {
                tracing::info!("the store is back");
                // What was written before is in what is delivered next, or undone again.
                self.awaited = None;
            }
            // Comes only of no prefixes, and there are two.
            None => tracing::error!("the subscription has ended"),
        }
        self.follow();
    }

    /// Follows what is needed now.
    fn follow(&mut self) {
        if self.reconciler.take_interest_changed() {
            for interest in self.following.follow(&self.config.keys, &self.reconciler) {
                self.subscription.set_interest(interest);
            }
        }
        self.reading_since = match self.reading_since {
            _ if !self.following.is_waiting() => None,
            None => Some(Instant::now()),
            since => since,
        };
    }

    /// Everything up to `revision` was delivered.
    fn seen(&mut self, revision: Revision) {
        // A store that was wiped begins to count anew, so this is not the maximum.
        self.seen = revision;
        if self.awaited.is_some_and(|awaited| awaited <= revision) {
            self.awaited = None;
        }
    }

    fn vpp_lost(&mut self, reason: &str) {
        self.reconciler.disconnected(reason);
        self.observed_at = None;
        self.vpp_judged = true;
    }

    /// Looks at VPP where that is due, then plans and applies until nothing differs that could be
    /// mended now.
    async fn reconcile(&mut self) {
        if !self.intent_known {
            return;
        }
        let looked = self.observed_at;
        let mut told = Instant::now();
        // What VPP tells while it is worked on is mostly our own doing, and each look costs a dump:
        // so it waits until the work is done, but not for long.
        let mut look = true;
        loop {
            if look && let Err(reason) = self.look().await {
                return self.give_up(&reason);
            }
            let plan = self.reconciler.plan_for(now(), PORTS_AT_ONCE);
            if plan.is_empty() && look {
                if self.observed_at != looked {
                    tracing::info!("VPP was looked at, and nothing is to be done now");
                }
                return;
            }
            look = plan.is_empty();
            for level in &plan.levels {
                if let Err(reason) = self.apply(level).await {
                    return self.give_up(&reason);
                }
            }
            if told.elapsed() >= REPORT_EVERY {
                told = Instant::now();
                look = true;
                self.report();
            }
            self.take_what_is_there().await;
        }
    }

    /// Learns what VPP holds: all of it where that is due, else what it told of.
    async fn look(&mut self) -> Result<(), String> {
        let due = self
            .observed_at
            .is_none_or(|at| at.elapsed() >= self.look_again);
        if !due {
            let notices = self.dataplane.notices().await;
            for notice in notices.map_err(|error| error.to_string())? {
                self.reconciler.notice(&notice);
            }
            return Ok(());
        }
        let observed = self.dataplane.observe().await;
        let Some(observed) = observed.map_err(|error| error.to_string())? else {
            return Ok(());
        };
        self.observed_at = Some(Instant::now());
        self.vpp_judged = true;
        if self.reconciler.observed().is_none() {
            self.look_again = LOOK_AGAIN.min(self.config.vpp.resync);
            self.reconciler.connected(observed);
        } else {
            self.look_again = (self.look_again * 2).min(self.config.vpp.resync);
            self.reconciler.refreshed(observed);
        }
        // The address of the underlay may have been found, and with it networks.
        self.follow();
        Ok(())
    }

    /// Ends a connection on which VPP does not answer as it should; the next one begins afresh.
    fn give_up(&mut self, reason: &str) {
        tracing::warn!(reason, "VPP was lost at work");
        self.dataplane.disconnect();
        self.vpp_lost(reason);
    }

    async fn apply(&mut self, level: &[Operation]) -> Result<(), String> {
        let possible: Vec<&Operation> = level
            .iter()
            .filter(|operation| self.reconciler.possible(operation))
            .collect();
        if possible.is_empty() {
            return Ok(());
        }
        let Some(session) = self.dataplane.session() else {
            return Err("VPP is not connected".to_owned());
        };
        let outcomes = session
            .apply(&possible)
            .await
            .map_err(|error| error.to_string())?;
        for (operation, outcome) in possible.iter().zip(outcomes) {
            if let weft_plan::Outcome::Refused { reason, .. } = &outcome {
                tracing::warn!(%operation, reason, "VPP refused");
            }
            self.reconciler.settle(operation, outcome, now());
        }
        Ok(())
    }

    /// Ends all tasks, in the order in which they depend on each other.
    async fn close(mut self) {
        // What is known by now is worth telling, if the store takes it soon.
        self.report();
        if let Some(writing) = self.writing.take() {
            let _ = tokio::time::timeout(self.config.store.request_timeout, writing).await;
        }
        self.dataplane.close().await;
        self.subscription.close().await;
        self.lease.close().await;
        self.advertisements.abandon().await;
    }
}

/// Waits for the write that is under way; for ever if there is none.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Option<T> {
    match task {
        Some(handle) => {
            let result = handle.await;
            *task = None;
            result
                .map_err(|error| tracing::error!(%error, "a task failed"))
                .ok()
        }
        None => std::future::pending().await,
    }
}
