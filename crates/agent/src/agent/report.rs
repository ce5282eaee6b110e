//! Telling the store how far everything has come.

use std::time::{Duration, Instant, SystemTime};

use weft_model::{
    BindingType, ConditionKind, Key, PortDevice, PortId, PortState, SecurityGroupId, Status,
    Timestamp,
};
use weft_store::{Revision, StoreError, Txn};

use super::{Agent, READ_WITHIN};

/// How long to wait after the store did not take a write.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// What the lease's keys say; networking-vpp's own word.
const PRESENT: &str = "1";

impl Agent {
    /// Puts what is new on the board, and begins to write it unless a write is under way.
    pub(super) fn report(&mut self) {
        if !self.intent_known || !self.vpp_judged || self.is_reading() {
            return;
        }
        let news = self.reconciler.take_news();
        for id in &news.ports {
            self.post_port(id);
        }
        for group in &news.security_groups {
            self.post_security_group(group);
        }
        for physnet in &news.physnets {
            let Some(status) = self.reconciler.physnet_status(physnet) else {
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
        if !self.alive {
            // Only now that everything has been looked at once.
            self.lease.set(
                self.config.keys.text(&Key::Alive(self.config.host.clone())),
                PRESENT,
            );
            self.alive = true;
        }
        self.write();
    }

    /// Whether groups are being read, and not for so long that this should be told.
    fn is_reading(&self) -> bool {
        self.reading_since
            .is_some_and(|since| since.elapsed() < READ_WITHIN)
    }

    fn post_security_group(&mut self, id: &SecurityGroupId) {
        let host = self.config.host.clone();
        let condition = Key::Condition(host, ConditionKind::SecurityGroup, id.to_string());
        let condition = self.config.keys.text(&condition);
        match self.reconciler.security_group_status(id) {
            None => self.board.want(&condition, None),
            Some(status) => {
                let revision = self.reconciler.security_group_revision(id).unwrap_or(0);
                self.board
                    .want_condition(&condition, status, revision, timestamp());
            }
        }
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

    fn post_port(&mut self, id: &PortId) {
        let host = &self.config.host;
        let state = self
            .config
            .keys
            .text(&Key::PortState(host.clone(), id.clone()));
        let condition = Key::Condition(host.clone(), ConditionKind::Port, id.to_string());
        let condition = self.config.keys.text(&condition);
        let record = self.reconciler.compiler().port(id);
        let Some((record, status)) = record.zip(self.reconciler.port_status(id)) else {
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

    /// Begins to write what differs, unless a write is under way, has not come back yet, or has
    /// failed just now.
    fn write(&mut self) {
        if self.write_again_at.is_some_and(|at| at <= Instant::now()) {
            self.write_again_at = None;
        }
        if self.writing.is_some() || self.awaited.is_some() || self.write_again_at.is_some() {
            return;
        }
        let writes = self.board.writes();
        if writes.is_empty() {
            return;
        }
        let store = self.store.clone();
        self.writing = Some(tokio::spawn(async move {
            let mut revision = 0;
            for txn in Txn::chunks(writes) {
                revision = store.txn(txn).await?.revision;
            }
            Ok(revision)
        }));
    }

    /// A write has ended. What it did not write, or somebody else altered since, still differs and
    /// is written by the next one.
    pub(super) fn take_written(&mut self, written: Option<Result<Revision, StoreError>>) {
        match written {
            Some(Ok(revision)) => {
                if self.seen < revision {
                    self.awaited = Some(revision);
                }
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "the store did not take the status; trying again");
                self.write_again_at = Some(Instant::now() + WRITE_RETRY);
            }
            None => self.write_again_at = Some(Instant::now() + WRITE_RETRY),
        }
    }
}

fn timestamp() -> Timestamp {
    Timestamp::of(SystemTime::now())
}
