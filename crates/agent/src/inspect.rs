//! Looking at a host from outside its agent: what is wanted, what VPP holds, what would be done.
//!
//! A [`Host`] connects to the store and to VPP by itself, whether or not an agent runs, and changes
//! nothing in either.

mod doctor;
mod trace;

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use weft_model::{PortId, Status};
use weft_plan::{
    Backoff, Now, Object, ObjectKey, Observed, Plan, PortRecord, Reconciler, Standing,
};
use weft_store::{KeyValue, Part, Revision, Store, StoreError};
use weft_vpp::{CallError, ConnectError, Connection, Session, Timeouts};

use crate::config::Config;
use crate::intake::{self, Meaning};
use crate::interest;

pub use doctor::{Check, Verdict, doctor};
pub use trace::{TraceCheck, TraceError, TracedPacket};

/// How this introduces itself to VPP.
const CLIENT_NAME: &str = "weft-inspect";

/// A host: what the store wants of it, and what its VPP holds.
#[derive(Debug)]
pub struct Host {
    reconciler: Reconciler,
    /// For its numbers; its connection is closed.
    session: Session,
    revision: Revision,
}

/// An object that VPP holds, with its number in VPP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The object.
    pub object: Object,
    /// `sw_if_index 7`, `bd_id 3`; nothing for what has no number.
    pub handle: Option<String>,
}

/// How a port of a host has come about, or why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The record in the store.
    pub record: PortRecord,
    /// What would be said of the port now, by an agent that had just looked.
    pub status: Status,
    /// Its objects in the order in which they are made, with their numbers in VPP; or why it has
    /// none.
    pub objects: Result<Vec<(Standing, Option<String>)>, String>,
}

/// Why a host cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The store cannot be read.
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
    /// VPP cannot be reached.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// VPP cannot be looked at.
    #[error("VPP cannot be looked at: {0}")]
    Vpp(#[from] CallError),
}

/// The ports of this host among records.
fn ports(config: &Config, kvs: &[KeyValue]) -> BTreeMap<PortId, PortRecord> {
    let meanings = kvs
        .iter()
        .map(|kv| intake::present(&config.keys, &config.host, kv));
    meanings
        .filter_map(|meaning| match meaning {
            Meaning::Port(id, Some(record)) => Some((id, record)),
            _ => None,
        })
        .collect()
}

/// Reads the groups and networks that the ports need, and what the groups name in turn.
async fn read_interest(
    reconciler: &mut Reconciler,
    config: &Config,
    store: &Store,
) -> Result<(), StoreError> {
    loop {
        let unread = interest::parts(&config.keys, &reconciler.unread());
        if unread.is_empty() {
            return Ok(());
        }
        let parts: Vec<Part> = unread.keys().cloned().collect();
        let snapshot = store.read(&parts).await?;
        let (keys, host) = (&config.keys, &config.host);
        interest::take_read(reconciler, keys, host, unread.values(), &snapshot.kvs);
    }
}

impl Host {
    /// Reads the store and looks at VPP.
    pub async fn look(config: &Config) -> Result<Self, InspectError> {
        let store = Store::connect(config.store.clone()).await?;
        let snapshot = store.range(&config.keys.ports_of(&config.host)).await?;
        let mut reconciler = Reconciler::new(config.network.clone(), Backoff::default());
        reconciler.replace_ports(ports(config, &snapshot.kvs));
        let timeouts = Timeouts::default();
        let (connection, events) =
            Connection::connect(&config.vpp.api_socket, CLIENT_NAME, timeouts).await?;
        let mut session = Session::new(connection);
        let observed = session.observe().await;
        events.close().await;
        let observed = observed?;

        // Only now it is known what carries overlay networks.
        reconciler.connected(observed);
        read_interest(&mut reconciler, config, &store).await?;
        Ok(Self {
            reconciler,
            session,
            revision: snapshot.revision,
        })
    }

    /// The revision of the store at which it was read.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// What an agent that had just looked would do now.
    pub fn plan(&self) -> Plan {
        // Planning notes what it planned; this host is looked at, not managed.
        let now = Now {
            monotonic: Instant::now(),
            wall: SystemTime::now(),
        };
        self.reconciler.clone().plan(now)
    }

    /// All that VPP holds of ours.
    pub fn objects(&self) -> Vec<Held> {
        let objects = self
            .reconciler
            .observed()
            .into_iter()
            .flat_map(Observed::objects);
        objects
            .map(|object| Held {
                object: object.clone(),
                handle: self.handle(&object.key()),
            })
            .collect()
    }

    /// The ports that the store wants here.
    pub fn ports(&self) -> impl Iterator<Item = &PortId> {
        self.reconciler.compiler().ports().map(|(id, _)| id)
    }

    /// How a port has come about; `None` if the store has no such port for this host.
    pub fn explain(&self, id: &PortId) -> Option<Explanation> {
        let record = self.reconciler.compiler().port(id)?.clone();
        let status = self.reconciler.port_status(id)?;
        let objects = self.reconciler.explain(id)?.map(|standings| {
            standings
                .into_iter()
                .map(|standing| {
                    let handle = standing
                        .observed
                        .as_ref()
                        .and_then(|object| self.handle(&object.key()));
                    (standing, handle)
                })
                .collect()
        });
        Some(Explanation {
            record,
            status,
            objects,
        })
    }

    fn handle(&self, key: &ObjectKey) -> Option<String> {
        self.session.handle(key)
    }
}
