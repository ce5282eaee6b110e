//! Telling the store how far everything has come.

use std::time::SystemTime;

use weft_model::{
    Alive, BindingType, ConditionKind, IpVersion, Key, MacAdvertisement, OverlayProtocol,
    OverlaySegment, PortBinding, PortDevice, PortId, PortState, SecurityGroupId, Status, Timestamp,
    VhostUserSockets,
};

use super::{Agent, READ_WITHIN};

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
        for (segment, status) in self.reconciler.network_statuses(&news.networks) {
            self.post_network(segment, status);
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
        self.post_alive();
        self.write();
    }

    /// Says that this agent is alive, only after everything has been looked at once, and what its host
    /// can do.
    fn post_alive(&mut self) {
        let network = &self.config.network;
        let underlay = self.reconciler.underlay();
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
            vpp: self.dataplane.version().map(str::to_owned),
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

    /// Whether groups or networks are being read, and not for so long that this should be told.
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

    fn post_network(&mut self, segment: OverlaySegment, status: Option<Status>) {
        let host = self.config.host.clone();
        let condition = Key::Condition(host, ConditionKind::Network, segment.to_string());
        let condition = self.config.keys.text(&condition);
        match status {
            None => self.board.want(&condition, None),
            Some(status) => {
                let record = self.reconciler.compiler().network_record(segment);
                let revision = record.map_or(0, |record| record.mod_revision);
                self.board
                    .want_condition(&condition, status, revision, timestamp());
            }
        }
    }

    /// Says of a port on an overlay network where it is.
    fn advertise(&mut self, id: &PortId) {
        let compiler = self.reconciler.compiler();
        let is_had = matches!(compiler.objects_of(id), Some(Ok(_)));
        let record = compiler.port(id).filter(|_| is_had);
        let binding = |binding: &PortBinding| binding.segment.overlay();
        let segment = record.and_then(|record| record.binding.as_ref().ok().and_then(binding));
        let says = match (record, segment, self.reconciler.underlay()) {
            (Some(record), Some(_), Some(underlay)) => {
                let binding = record.binding.as_ref().ok();
                let of = |binding| MacAdvertisement::of(binding, underlay, record.mod_revision);
                binding.map(of).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let bridged = self.reconciler.is_bridged(id);
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

    fn post_port(&mut self, id: &PortId) {
        self.advertise(id);
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
}

fn timestamp() -> Timestamp {
    Timestamp::of(SystemTime::now())
}
