//! What the store says, followed by watching it, and waiting for it to say something else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use weft_model::{Condition, HostName, Keyspace, PortState};
use weft_store::{Change, Event, KeyValue, Store};

/// The store's contents, kept up to date.
#[derive(Debug)]
pub struct View {
    state: watch::Receiver<Arc<State>>,
    task: JoinHandle<()>,
}

/// All keys under the lead-in at one revision.
#[derive(Clone, Debug, Default)]
pub struct State {
    keys: BTreeMap<String, KeyValue>,
    /// How often each key was written since the view began.
    writes: BTreeMap<String, u32>,
}

impl View {
    /// Begins to follow the store.
    pub fn start(store: &Store) -> Self {
        let mut subscription = store.subscribe(vec![format!("{}/", Keyspace::DEFAULT_LEAD_IN)]);
        let (sender, state) = watch::channel(Arc::new(State::default()));
        let task = tokio::spawn(async move {
            let mut state = State::default();
            while let Some(event) = subscription.next().await {
                state.take(event);
                sender.send_replace(Arc::new(state.clone()));
            }
        });
        Self { state, task }
    }

    /// As it is now.
    pub fn now(&self) -> Arc<State> {
        Arc::clone(&self.state.borrow())
    }

    /// Waits until `look` finds what it looks for; until then it says what it sees instead.
    pub async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        look: impl Fn(&State) -> Result<T, String>,
    ) -> Result<T> {
        let mut state = self.state.clone();
        let mut last = String::new();
        let wait = async {
            loop {
                match look(&state.borrow_and_update()) {
                    Ok(value) => return Ok(value),
                    Err(seen) => last = seen,
                }
                state.changed().await?;
            }
        };
        let result: Result<Result<T>, _> = tokio::time::timeout(limit, wait).await;
        match result {
            Ok(result) => result,
            Err(_) => Err(anyhow!(
                "{what} did not come about within {limit:?}: {last}"
            )),
        }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    fn take(&mut self, event: Event) {
        match event {
            Event::Snapshot { kvs, .. } => {
                self.keys = kvs.into_iter().map(|kv| (kv.key.clone(), kv)).collect();
            }
            Event::Changes { changes, .. } => {
                for change in changes {
                    match change {
                        Change::Put(kv) => {
                            *self.writes.entry(kv.key.clone()).or_default() += 1;
                            self.keys.insert(kv.key.clone(), kv);
                        }
                        Change::Delete { key, .. } => drop(self.keys.remove(&key)),
                    }
                }
            }
            Event::Read { .. } | Event::Disconnected { .. } | Event::Connected => {}
        }
    }

    /// One key; `path` is what stands behind the lead-in, such as `state/a/alive`.
    pub fn get(&self, path: &str) -> Option<&KeyValue> {
        self.keys
            .get(&format!("{}/{path}", Keyspace::DEFAULT_LEAD_IN))
    }

    /// How often a key was written since the view began.
    pub fn writes(&self, path: &str) -> u32 {
        let key = format!("{}/{path}", Keyspace::DEFAULT_LEAD_IN);
        self.writes.get(&key).copied().unwrap_or(0)
    }

    /// What a host says of a port, legal or not.
    pub fn condition(&self, host: &HostName, port: &str) -> Option<Condition> {
        let kv = self.get(&format!("state/{host}/conditions/port/{port}"))?;
        Condition::from_json(&kv.value).ok()
    }

    /// What a host says of a physical network.
    pub fn physnet_condition(&self, host: &HostName, physnet: &str) -> Option<Condition> {
        let kv = self.get(&format!("state/{host}/conditions/physnet/{physnet}"))?;
        Condition::from_json(&kv.value).ok()
    }

    /// The state of a port, present while it is effective.
    pub fn port_state(&self, host: &HostName, port: &str) -> Option<PortState> {
        let kv = self.get(&format!("state/{host}/ports/{port}"))?;
        serde_json::from_slice(&kv.value).ok()
    }

    /// All of it, for people: a key and its value a line.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for (key, kv) in &self.keys {
            let value = String::from_utf8_lossy(&kv.value);
            let _ = writeln!(text, "{:>6} {key} {value}", kv.mod_revision);
        }
        text
    }
}
