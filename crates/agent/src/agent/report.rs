//! Telling the store how far everything has come.
//!
//! What the store says of this host already is followed by a subscription of its own: which of both comes
//! first, a change of what is wanted or the echo of what was said, makes no difference to anybody, and a
//! subscription of one part alone is told of changes sooner than one of two, which has to ask whether they
//! are whole.

mod write;

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use weft_model::{
    Alive, BindingType, ConditionKind, IpVersion, Key, MacAdvertisement, OverlayProtocol,
    OverlaySegment, PortBinding, PortDevice, PortId, PortState, SecurityGroupId, Status, Timestamp,
    VhostUserSockets,
};
use weft_plan::Reconciler;
use weft_store::{Event, LeaseSession, LeaseState, Revision, Store, Subscription};

use crate::advertise::Advertised;
use crate::board::Board;
use crate::config::Config;
use crate::intake::{self, Meaning};

use write::Written;

/// What the lease's keys say; networking-vpp's own word.
const PRESENT: &str = "1";

/// What this host says in the store.
pub(super) struct Report {
    config: Arc<Config>,
    store: Store,
    /// What the store says of this host.
    said: Subscription,
    /// Whether that was read, so that it is known what differs.
    is_known: bool,
    board: Board,
    /// What of it ends with this agent.
    lease: LeaseSession,
    /// Of machines on overlay networks.
    pub(super) advertised: Advertised,
    /// The lease of [`Self::advertised`].
    advertisements: LeaseSession,
    advertised_under: watch::Receiver<LeaseState>,
    /// What was told of this host with the word that its agent is alive; nothing yet if it names no
    /// release.
    alive: Alive,
    /// The write to the store that is under way.
    writing: Option<JoinHandle<Written>>,
    /// The revision of the last write, until it comes back by the subscription.
    awaited: Option<Revision>,
    /// The revision up to which the subscription has delivered.
    seen: Revision,
    /// When a write that failed is tried again.
    write_again_at: Option<Instant>,
}

impl Report {
    pub(super) fn new(config: Arc<Config>, store: Store) -> Self {
        let advertisements = store.lease_session(config.lease_ttl);
        Self {
            said: store.subscribe(vec![config.keys.state_of(&config.host)]),
            is_known: false,
            board: Board::default(),
            lease: store.lease_session(config.lease_ttl),
            advertised: Advertised::default(),
            advertised_under: advertisements.state(),
            advertisements,
            alive: Alive::default(),
            writing: None,
            awaited: None,
            seen: 0,
            write_again_at: None,
            config,
            store,
        }
    }

    /// Waits for something that concerns what is said, and takes it in. Cancel-safe.
    pub(super) async fn listen(&mut self) {
        tokio::select! {
            event = self.said.next() => self.take_event(event),
            written = finished(&mut self.writing) => self.take_written(written),
            // The other end lives as long as `advertisements`.
            Ok(()) = self.advertised_under.changed() => {}
        }
    }

    /// When to post again though nothing happens.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.write_again_at
    }

    /// Ends what is under way, in order. What was posted is written if the store takes it soon.
    pub(super) async fn close(mut self) {
        if let Some(writing) = self.writing.take() {
            let _ = tokio::time::timeout(self.config.store.request_timeout, writing).await;
        }
        self.said.close().await;
        self.lease.close().await;
        self.advertisements.abandon().await;
    }

    fn take_event(&mut self, event: Option<Event>) {
        let (keys, host) = (&self.config.keys, &self.config.host);
        match event {
            Some(Event::Snapshot { revision, kvs }) => {
                let said = kvs.iter().map(|kv| intake::present(keys, host, kv));
                let said = said.filter_map(|meaning| match meaning {
                    Meaning::Said { key, value } => Some((key.to_owned(), value?)),
                    _ => None,
                });
                self.board.know_all(said.collect());
                self.is_known = true;
                self.seen(revision);
            }
            Some(Event::Changes { revision, changes }) => {
                for change in &changes {
                    if let Meaning::Said { key, value } = intake::change(keys, host, change) {
                        self.board.know(key, value);
                    }
                }
                self.seen(revision);
            }
            // What was written before is in what is delivered next, or undone again.
            Some(Event::Connected) => self.awaited = None,
            // That the store is away is told by who follows what is wanted.
            Some(Event::Disconnected { .. } | Event::Read { .. }) => {}
            // Comes only of no prefixes, and there is one.
            None => tracing::error!("the subscription of what is said has ended"),
        }
    }

    /// Everything up to `revision` was delivered.
    fn seen(&mut self, revision: Revision) {
        // A store that was wiped begins to count anew, so this is not the maximum.
        self.seen = revision;
        if self.awaited.is_some_and(|awaited| awaited <= revision) {
            self.awaited = None;
        }
    }

    /// Puts what is new on the board, and begins to write it unless a write is under way. `vpp` is the
    /// release of the VPP that is there.
    pub(super) fn post(&mut self, reconciler: &mut Reconciler, vpp: Option<&str>) {
        if !self.is_known {
            return;
        }
        let news = reconciler.take_news();
        for id in &news.ports {
            self.post_port(reconciler, id);
        }
        for group in &news.security_groups {
            self.post_security_group(reconciler, group);
        }
        for (segment, status) in reconciler.network_statuses(&news.networks) {
            self.post_network(reconciler, segment, status);
        }
        for physnet in &news.physnets {
            let Some(status) = reconciler.physnet_status(physnet) else {
                continue;
            };
            let host = self.config.host.clone();
            let served = self
                .config
                .keys
                .text(&Key::Physnet(host.clone(), physnet.clone()));
            match &status {
                Status::Programmed { .. } | Status::Effective => self.lease.set(served, PRESENT),
                Status::Accepted | Status::Pending { .. } | Status::Failed { .. } => {
                    self.lease.remove(&served);
                }
            }
            let condition = Key::Condition(host, ConditionKind::Physnet, physnet.to_string());
            let condition = self.config.keys.text(&condition);
            self.board
                .want_condition(&condition, status, 0, timestamp());
        }
        self.post_alive(reconciler, vpp);
        self.write(reconciler);
    }

    /// Says that this agent is alive, only after everything has been looked at once, and what its host
    /// can do.
    fn post_alive(&mut self, reconciler: &Reconciler, vpp: Option<&str>) {
        let network = &self.config.network;
        let underlay = reconciler.underlay();
        let mut network_types = vec!["flat".to_owned(), "vlan".to_owned()];
        if let Some(underlay) = underlay {
            let version = IpVersion::of(underlay);
            let protocols = OverlayProtocol::ALL.into_iter();
            let carried = protocols.filter(|protocol| protocol.runs_over(version));
            network_types.extend(carried.map(|protocol| protocol.as_str().to_owned()));
        }
        let alive = Alive {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            started_at: self.alive.started_at.or_else(|| Some(timestamp())),
            network_types,
            underlay,
            binding_types: [BindingType::Tap, BindingType::VhostUser]
                .map(|it| it.as_str().to_owned())
                .into(),
            vhost_user: Some(VhostUserSockets {
                directory: network.vhost_user.directory.clone(),
                mode: network.vhost_user.mode.to_string(),
            }),
            vpp: vpp.map(str::to_owned),
        };
        if alive == self.alive {
            return;
        }
        match serde_json::to_vec(&alive) {
            Ok(value) => {
                let key = Key::Alive(self.config.host.clone());
                self.lease.set(self.config.keys.text(&key), value);
                self.alive = alive;
            }
            Err(error) => tracing::error!(%error, "what this host can do cannot be written"),
        }
    }

    fn post_security_group(&mut self, reconciler: &Reconciler, id: &SecurityGroupId) {
        let host = self.config.host.clone();
        let condition = Key::Condition(host, ConditionKind::SecurityGroup, id.to_string());
        let condition = self.config.keys.text(&condition);
        match reconciler.security_group_status(id) {
            None => self.board.want(&condition, None),
            Some(status) => {
                let revision = reconciler.security_group_revision(id).unwrap_or(0);
                self.board
                    .want_condition(&condition, status, revision, timestamp());
            }
        }
    }

    fn post_network(
        &mut self,
        reconciler: &Reconciler,
        segment: OverlaySegment,
        status: Option<Status>,
    ) {
        let host = self.config.host.clone();
        let condition = Key::Condition(host, ConditionKind::Network, segment.to_string());
        let condition = self.config.keys.text(&condition);
        match status {
            None => self.board.want(&condition, None),
            Some(status) => {
                let record = reconciler.compiler().network_record(segment);
                let revision = record.map_or(0, |record| record.mod_revision);
                self.board
                    .want_condition(&condition, status, revision, timestamp());
            }
        }
    }

    /// Says of a port on an overlay network where it is.
    fn advertise(&mut self, reconciler: &Reconciler, id: &PortId) {
        let compiler = reconciler.compiler();
        let is_had = matches!(compiler.objects_of(id), Some(Ok(_)));
        let record = compiler.port(id).filter(|_| is_had);
        let binding = |binding: &PortBinding| binding.segment.overlay();
        let segment = record.and_then(|record| record.binding.as_ref().ok().and_then(binding));
        let says = match (record, segment, reconciler.underlay()) {
            (Some(record), Some(_), Some(underlay)) => {
                let binding = record.binding.as_ref().ok();
                let of = |binding| MacAdvertisement::of(binding, underlay, record.mod_revision);
                binding.map(of).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        // On other networks nobody asks.
        let bridged = segment.and_then(|_| reconciler.is_bridged(id));
        self.advertised.post(id, segment, says, bridged);
    }

    /// What is said of a key among the ports that can be none; nothing once it is gone.
    pub(super) fn say_illegal(&mut self, id: &str, fault: Option<(String, i64)>) {
        let condition =
            Key::Condition(self.config.host.clone(), ConditionKind::Port, id.to_owned());
        let condition = self.config.keys.text(&condition);
        match fault {
            None => self.board.want(&condition, None),
            Some((reason, revision)) => {
                tracing::warn!(id, reason, "a port's key is illegal");
                let status = Status::Failed {
                    reason,
                    tries: 0,
                    next_try: None,
                };
                self.board
                    .want_condition(&condition, status, revision, timestamp());
            }
        }
    }

    fn post_port(&mut self, reconciler: &Reconciler, id: &PortId) {
        self.advertise(reconciler, id);
        let host = &self.config.host;
        let state = self
            .config
            .keys
            .text(&Key::PortState(host.clone(), id.clone()));
        let condition = Key::Condition(host.clone(), ConditionKind::Port, id.to_string());
        let condition = self.config.keys.text(&condition);
        let record = reconciler.compiler().port(id);
        let Some((record, status)) = record.zip(reconciler.port_status(id)) else {
            self.board.want(&state, None);
            self.board.want(&condition, None);
            return;
        };
        let revision = record.mod_revision;
        let value = match (&status, &record.binding) {
            (Status::Effective, Ok(binding)) => {
                let device: PortDevice = match binding.binding_type {
                    BindingType::Tap => id.tap_name().into(),
                    BindingType::VhostUser => {
                        let directory = &self.config.network.vhost_user.directory;
                        directory.socket_of(id).into()
                    }
                };
                serde_json::to_vec(&PortState::of(binding, device, revision))
                    .map_err(
                        |error| tracing::error!(%id, %error, "a port's state cannot be written"),
                    )
                    .ok()
            }
            _ => None,
        };
        self.board.want(&state, value);
        self.board
            .want_condition(&condition, status, revision, timestamp());
    }
}

fn timestamp() -> Timestamp {
    Timestamp::of(SystemTime::now())
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
