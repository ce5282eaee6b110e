//! What the store wants of this host, followed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use weft_model::PortId;
use weft_plan::{PortRecord, Reconciler};
use weft_store::{Event, Store, Subscription};

use super::report::Report;
use crate::config::Config;
use crate::intake::{self, Meaning};
use crate::interest::{self, Following};

/// How long nothing is said while groups are being read. Without it, a port would be said to wait
/// for a group whose rules are on their way, and to work again a moment later.
const READ_WITHIN: Duration = Duration::from_secs(1);

/// The host's ports, and the groups and networks that they need.
pub(super) struct Intent {
    config: Arc<Config>,
    subscription: Subscription,
    /// The groups and networks that are followed in the store.
    following: Following,
    /// Since when something of them is being read.
    reading_since: Option<Instant>,
    /// Whether the store was read, so that it is known what is wanted.
    is_known: bool,
}

impl Intent {
    pub(super) fn new(config: Arc<Config>, store: &Store) -> Self {
        Self {
            subscription: store.subscribe(vec![config.keys.ports_of(&config.host)]),
            following: Following::default(),
            reading_since: None,
            is_known: false,
            config,
        }
    }

    /// Whether it is known what is wanted.
    pub(super) fn is_known(&self) -> bool {
        self.is_known
    }

    /// Whether groups or networks are being read, and not for so long that this should be told.
    pub(super) fn is_reading(&self) -> bool {
        self.silence().is_some()
    }

    /// Until when nothing is said because of what is being read.
    pub(super) fn silence(&self) -> Option<Instant> {
        let until = self.reading_since? + READ_WITHIN;
        (until > Instant::now()).then_some(until)
    }

    /// What the store tells next, for [`Self::take`]. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Event> {
        self.subscription.next().await
    }

    /// Takes in what the store has told; answers how many changes that were.
    pub(super) fn take(
        &mut self,
        event: Option<Event>,
        reconciler: &mut Reconciler,
        report: &mut Report,
    ) -> usize {
        let (keys, host) = (&self.config.keys, &self.config.host);
        let mut count = 0;
        match event {
            Some(Event::Snapshot { revision, kvs }) => {
                tracing::info!(revision, keys = kvs.len(), "the store was read");
                count = kvs.len();
                let mut ports: BTreeMap<PortId, PortRecord> = BTreeMap::new();
                let mut illegal = Vec::new();
                for kv in &kvs {
                    match intake::present(keys, host, kv) {
                        Meaning::Port(id, record) => {
                            ports.extend(record.map(|record| (id, record)));
                        }
                        Meaning::IllegalPort { id, fault } => illegal.push((id, fault)),
                        // Nothing else is below the prefix.
                        _ => {}
                    }
                }
                reconciler.replace_ports(ports);
                for (id, fault) in illegal {
                    report.say_illegal(&id, fault);
                }
                self.is_known = true;
            }
            Some(Event::Changes { changes, .. }) => {
                count = changes.len();
                for change in &changes {
                    match intake::change(keys, host, change) {
                        Meaning::Port(id, record) => reconciler.set_port(&id, record),
                        Meaning::IllegalPort { id, fault } => report.say_illegal(&id, fault),
                        Meaning::Rules(group, record) => {
                            reconciler.set_security_group(&group, record);
                        }
                        Meaning::Member(group, port, member) => {
                            reconciler.set_remote_group_member(&group, &port, member);
                        }
                        Meaning::Addresses(group, record) => {
                            reconciler.set_address_group(&group, record);
                        }
                        Meaning::Network(segment, record) => {
                            reconciler.set_network(segment, record);
                        }
                        Meaning::RemoteMac(segment, host, mac, remote) => {
                            reconciler.set_remote_mac(segment, &host, mac, remote);
                            report.advertised.heard((segment, mac));
                        }
                        Meaning::OwnMac(segment, mac, kv) => {
                            let revision = change.mod_revision();
                            report
                                .advertised
                                .know((segment, mac), kv.as_ref(), revision);
                        }
                        Meaning::Said { .. } | Meaning::Nothing => {}
                    }
                }
            }
            Some(Event::Read { parts, kvs, .. }) => {
                count = kvs.len();
                let needed = self.following.read(&parts);
                let said = interest::take_read(reconciler, keys, host, &needed, &kvs);
                for (segment, kvs) in &said {
                    report.advertised.know_all(*segment, kvs);
                }
            }
            Some(Event::Disconnected { reason }) => {
                tracing::warn!(reason, "the store is away; VPP stays as it is");
            }
            Some(Event::Connected) => tracing::info!("the store is back"),
            // Comes only of no prefixes, and there is one.
            None => tracing::error!("the subscription of what is wanted has ended"),
        }
        self.follow(reconciler);
        count
    }

    /// Follows what is needed now.
    pub(super) fn follow(&mut self, reconciler: &mut Reconciler) {
        if reconciler.take_interest_changed() {
            for interest in self.following.follow(&self.config.keys, reconciler) {
                self.subscription.set_interest(interest);
            }
        }
        self.reading_since = match self.reading_since {
            _ if !self.following.is_waiting() => None,
            None => Some(Instant::now()),
            since => since,
        };
    }

    /// Ends the subscription.
    pub(super) async fn close(self) {
        self.subscription.close().await;
    }
}
