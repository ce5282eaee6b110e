//! One host with everything that belongs to it, as processes of their own: store, dataplane, agent.
//!
//! ```text
//! benchmark ──► store ◄──► agent ──► [ Proxy ] ──► Relay ──► dataplane
//! ```
//!
//! The proxy is there only where a benchmark counts or records messages.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures::{StreamExt, stream};
use serde_json::json;
use weft_lab::{Lab, Namespace, Process};
use weft_model::{Condition, HostName, Key, Keyspace, PortId, SecurityGroupId};
use weft_store::{Change, Event, KeyValue, Op, Store, Subscription, Txn};
use weft_tests::proxy::Proxy;
use weft_tests::{DataplaneKind, StoreKind, StoreServer, weft_binary};

use super::plane::{Plane, TRUNK};
use super::relay::Device;

/// What the names of all labs of this kind begin with.
pub(super) const KIND: &str = "weft-bench";

/// Ports of one network.
pub(super) const PORTS_PER_NETWORK: usize = 100;

/// Transactions with the store that are under way together.
const TXNS_AT_ONCE: usize = 16;

/// The VLAN of the first network.
const FIRST_VLAN: usize = 100;

/// How long anything may take before the benchmark has failed.
const LIMIT: Duration = Duration::from_secs(300);

/// What the ports of a host are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// Everything.
    Open,
    /// What one of so many security groups allows, each with so many rules.
    Groups {
        /// How many; the ports use them by turns.
        groups: usize,
        /// Rules of each: one half for either direction.
        rules: usize,
    },
}

/// What carries the host's networks to other hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// VLANs of its trunk.
    Vlan,
    /// Tunnels over its trunk, between its address there and those of the others.
    Overlay(IpAddr),
}

/// The host. Its processes are stopped when it is dropped.
#[derive(Debug)]
pub(super) struct Bed {
    agent: Option<Process>,
    proxy: Option<Proxy>,
    plane: Plane,
    states: Subscription,
    said: Said,
    store: Store,
    keys: Keyspace,
    host: HostName,
    policy: Policy,
    config: PathBuf,
    server: StoreServer,
    _control: Namespace,
    lab: Arc<Lab>,
}

/// What the agent says in the store.
#[derive(Debug, Default)]
struct Said {
    alive: bool,
    /// When each port became effective.
    effective: BTreeMap<PortId, Instant>,
    conditions: BTreeMap<String, Condition>,
    /// How many of its keys were written or deleted.
    changes: usize,
}

/// Which of the host's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// `weft agent`.
    Agent,
    /// `weft switch` or VPP.
    Dataplane,
    /// `weft server`.
    Store,
}

impl Bed {
    /// A host whose agent does not run yet. With `relayed`, a relay counts and records what the
    /// agent says to its dataplane.
    pub(super) async fn start(
        kind: &DataplaneKind,
        device: Device,
        policy: Policy,
        relayed: bool,
    ) -> Result<Self> {
        Self::start_with(kind, device, policy, Carrier::Vlan, relayed).await
    }

    /// The same with another carrier.
    pub(super) async fn start_with(
        kind: &DataplaneKind,
        device: Device,
        policy: Policy,
        carrier: Carrier,
        relayed: bool,
    ) -> Result<Self> {
        let lab = Arc::new(Lab::new(KIND)?);
        let control = lab.namespace("control")?;
        let server = StoreServer::new(&lab, StoreKind::Embedded)?;
        server.start(&lab, &control).await?;
        let store = server.client().await?;
        let plane = Plane::start(&lab, kind, device, "dataplane").await?;
        let mut api = plane.socket().to_owned();
        let mut proxy = None;
        if relayed {
            let started = Proxy::start(&lab.path("proxy.sock"), &api)?;
            started.socket().clone_into(&mut api);
            proxy = Some(started);
        }
        let host: HostName = "host1".parse()?;
        let overlay = match carrier {
            Carrier::Vlan => String::new(),
            Carrier::Overlay(address) => {
                format!("[overlay]\nphysnet = \"physnet1\"\naddress = \"{address}/16\"\n")
            }
        };
        // Nothing is to be looked at again while something is measured.
        let config = lab.write(
            "agent.toml",
            &format!(
                "host = \"{host}\"\n\
                 [store]\nendpoints = [\"unix://{store}\"]\n\
                 [vpp]\napi_socket = \"{api}\"\nresync = \"24h\"\n\
                 [physnets.physnet1]\nhost_interface = \"{TRUNK}\"\n\
                 [security]\nsecure_taps = true\n{overlay}",
                store = server.socket().display(),
                api = api.display(),
            ),
        )?;
        let keys = Keyspace::default();
        let states = store.subscribe(vec![keys.state_of(&host)]);
        Ok(Self {
            agent: None,
            proxy,
            plane,
            states,
            said: Said::default(),
            store,
            keys,
            host,
            policy,
            config,
            server,
            _control: control,
            lab,
        })
    }

    /// The relay in front of the dataplane.
    pub(super) fn proxy(&self) -> Result<&Proxy> {
        self.proxy
            .as_ref()
            .context("this host was made without a relay")
    }

    /// Its dataplane.
    pub(super) fn plane(&self) -> &Plane {
        &self.plane
    }

    /// Starts the agent's process; it need not have done anything yet.
    pub(super) fn spawn_agent(&mut self) -> Result<()> {
        let mut command = self
            .plane
            .namespace()
            .command(&weft_binary()?.to_string_lossy());
        command.arg("agent").arg("--config").arg(&self.config);
        self.said.alive = false;
        self.agent = Some(self.lab.spawn("agent", command)?);
        Ok(())
    }

    /// What the agent has logged, all its processes together.
    pub(super) fn agent_log(&self) -> Result<&Path> {
        Ok(self.agent.as_ref().context("no agent runs")?.log())
    }

    /// Stops the agent in order, and waits until the store knows.
    pub(super) async fn stop_agent(&mut self) -> Result<()> {
        if let Some(agent) = self.agent.take() {
            agent.stop();
        }
        self.until("the agent's farewell", |said| !said.alive).await
    }

    /// Waits until the agent says that it is alive: it has looked at everything and does its work.
    pub(super) async fn alive(&mut self) -> Result<()> {
        self.until("the agent's sign of life", |said| said.alive)
            .await
    }

    /// How many of the agent's keys in the store were written or deleted so far.
    pub(super) fn said(&self) -> usize {
        self.said.changes
    }

    /// What writes ports into the store.
    pub(super) fn ports(&self, numbers: impl IntoIterator<Item = usize>) -> Result<Vec<Op>> {
        let puts = numbers.into_iter().map(|number| {
            let key = self
                .keys
                .text(&Key::Port(self.host.clone(), port_id(number)?));
            Ok(Op::put(key, port(number, self.policy)?))
        });
        puts.collect()
    }

    /// Writes ports into the store, as many in a transaction as it takes.
    pub(super) async fn put(&self, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
        self.write(self.ports(numbers)?).await.map(drop)
    }

    /// Writes the security groups that the ports use.
    pub(super) async fn put_groups(&self) -> Result<()> {
        let Policy::Groups { groups, rules } = self.policy else {
            return Ok(());
        };
        let puts = (0..groups).map(|number| self.group(number, rules, 0));
        self.write(puts.collect::<Result<Vec<_>>>()?)
            .await
            .map(drop)
    }

    /// Changes one rule of the first group into one for this port.
    pub(super) async fn change_rule(&self, port: u16) -> Result<()> {
        let Policy::Groups { rules, .. } = self.policy else {
            bail!("the ports of this host have no groups");
        };
        self.write(vec![self.group(0, rules, port)?])
            .await
            .map(drop)
    }

    fn group(&self, number: usize, rules: usize, first_port: u16) -> Result<Op> {
        let key = self.keys.text(&Key::SecurityGroup(group_id(number)?));
        Ok(Op::put(key, group(rules, first_port)))
    }

    /// The layout of the store.
    pub(super) fn keys(&self) -> &Keyspace {
        &self.keys
    }

    /// The host's name.
    pub(super) fn host(&self) -> &HostName {
        &self.host
    }

    /// Writes into the store, as much in a transaction as it takes, without waiting for one to send
    /// the next. Answers when the store had the first of them.
    pub(super) async fn write(&self, puts: Vec<Op>) -> Result<Instant> {
        let txns = stream::iter(Txn::chunks(puts)).map(|txn| self.store.txn(txn));
        let mut written = txns.buffer_unordered(TXNS_AT_ONCE);
        let mut first = None;
        while let Some(outcome) = written.next().await {
            outcome?;
            first.get_or_insert_with(Instant::now);
        }
        first.context("nothing was to be written")
    }

    /// Waits until so many ports are effective.
    pub(super) async fn effective(&mut self, count: usize) -> Result<()> {
        let waited = self
            .until("ports", |said| said.effective.len() >= count)
            .await;
        waited.with_context(|| {
            let effective = self.said.effective.len();
            let odd = self
                .said
                .conditions
                .iter()
                .find(|(_, said)| said.status.reason().is_some());
            let odd = odd.map(|(key, said)| format!("; for instance {key}: {:?}", said.status));
            format!(
                "{effective} of {count} are effective{}",
                odd.unwrap_or_default()
            )
        })
    }

    /// When a port became effective.
    pub(super) fn effective_at(&self, number: usize) -> Result<Instant> {
        let at = self.said.effective.get(&port_id(number)?).copied();
        at.with_context(|| format!("port {number} is not effective"))
    }

    /// The resident set of a process, in MB (10⁶ bytes).
    pub(super) fn rss(&mut self, who: Who) -> Result<f64> {
        let pid = self.pid(who)?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: f64 = line
            .and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok())
            .context("no VmRSS")?;
        Ok(kib * 1024.0 / 1e6)
    }

    /// The processor time that a process has taken so far, but for threads of it that have ended.
    pub(super) fn cpu(&mut self, who: Who) -> Result<Duration> {
        let pid = self.pid(who)?;
        let mut nanoseconds = 0;
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            // The first word of `schedstat` is the time spent on a processor (the kernel's
            // `Documentation/scheduler/sched-stats.rst`).
            let schedstat = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            let spent = schedstat.split_whitespace().next();
            nanoseconds += spent.context("an empty schedstat")?.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn pid(&mut self, who: Who) -> Result<u32> {
        match who {
            Who::Agent => self
                .agent
                .as_ref()
                .map(Process::pid)
                .context("no agent runs"),
            Who::Dataplane => Ok(self.plane.pid()),
            Who::Store => self.server.pid().context("no store runs"),
        }
    }

    /// Waits until the agent has said what is waited for.
    async fn until(&mut self, what: &str, done: impl Fn(&Said) -> bool) -> Result<()> {
        let deadline = tokio::time::Instant::now() + LIMIT;
        while !done(&self.said) {
            // A process that died would be waited for in vain.
            let look = tokio::time::Instant::now() + Duration::from_secs(1);
            match tokio::time::timeout_at(look.min(deadline), self.states.next()).await {
                Ok(Some(event)) => self.said.take(&self.keys, event),
                Ok(None) => bail!("the store's subscription ended"),
                Err(_) if tokio::time::Instant::now() >= deadline => {
                    bail!("{what} did not come within {LIMIT:?}")
                }
                Err(_) => {
                    self.plane.check()?;
                    if let Some(agent) = &mut self.agent {
                        agent.check()?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Waits until nothing has come from the agent for so long.
    pub(super) async fn quiet(&mut self, long: Duration) -> Result<()> {
        while let Ok(event) = tokio::time::timeout(long, self.states.next()).await {
            self.said
                .take(&self.keys, event.context("the store's subscription ended")?);
        }
        Ok(())
    }
}

impl Said {
    fn take(&mut self, keys: &Keyspace, event: Event) {
        let now = Instant::now();
        match event {
            Event::Snapshot { kvs, .. } => {
                *self = Self::default();
                for kv in kvs {
                    self.present(keys, &kv, now);
                }
            }
            Event::Changes { changes, .. } => {
                for change in changes {
                    self.changes += 1;
                    match change {
                        Change::Put(kv) => self.present(keys, &kv, now),
                        Change::Delete { key, .. } => self.gone(keys, &key),
                    }
                }
            }
            Event::Read { .. } | Event::Disconnected { .. } | Event::Connected => {}
        }
    }

    fn present(&mut self, keys: &Keyspace, kv: &KeyValue, now: Instant) {
        match keys.parse(&kv.key) {
            Ok(Key::Alive(_)) => self.alive = true,
            Ok(Key::PortState(_, port)) => {
                self.effective.entry(port).or_insert(now);
            }
            Ok(Key::Condition(_, _, id)) => {
                if let Ok(condition) = Condition::from_json(&kv.value) {
                    self.conditions.insert(id, condition);
                }
            }
            _ => {}
        }
    }

    fn gone(&mut self, keys: &Keyspace, key: &str) {
        match keys.parse(key) {
            Ok(Key::Alive(_)) => self.alive = false,
            Ok(Key::PortState(_, port)) => drop(self.effective.remove(&port)),
            _ => {}
        }
    }
}

/// The identifier of a port.
pub(super) fn port_id(number: usize) -> Result<PortId> {
    Ok(PortId::new(format!("p{number:05}"))?)
}

fn group_id(number: usize) -> Result<SecurityGroupId> {
    let id = format!("5ec00000-0000-4000-8000-{number:012x}");
    Ok(SecurityGroupId::new(id)?)
}

/// The record of a port as a cloud would write it.
fn port(number: usize, policy: Policy) -> Result<Vec<u8>> {
    let [.., a, b, c] = number.to_be_bytes();
    let groups = match policy {
        Policy::Open => Vec::new(),
        Policy::Groups { groups, .. } => vec![group_id(number % groups)?.to_string()],
    };
    let record = json!({
        "mac_address": format!("fa:16:3e:{a:02x}:{b:02x}:{c:02x}"),
        "mtu": 1500,
        "physnet": "physnet1",
        "network_type": "vlan",
        "segmentation_id": FIRST_VLAN + number / PORTS_PER_NETWORK,
        "binding_type": "tap",
        "fixed_ips": [{ "subnet_id": "s", "ip_address": format!("10.{a}.{b}.{c}") }],
        "allowed_address_pairs": [],
        "security_groups": groups,
        "port_security_enabled": policy != Policy::Open,
    });
    Ok(record.to_string().into_bytes())
}

/// The record of a security group; the first of its rules for what comes in names this port.
fn group(rules: usize, first_port: u16) -> Vec<u8> {
    let rule = |number: usize| {
        json!({
            "is_ipv6": 0,
            "remote_ip_addr": format!("10.{}.{}.0", number / 256, number % 256),
            "ip_prefix_len": 24,
            "protocol": 6,
            "port_min": number,
            "port_max": number,
        })
    };
    let mut ingress: Vec<_> = (1..=rules / 2).map(rule).collect();
    if let Some(first) = ingress.first_mut() {
        first["port_min"] = first_port.into();
        first["port_max"] = first_port.into();
    }
    let egress: Vec<_> = (1..=rules - rules / 2).map(rule).collect();
    json!({ "ingress_rules": ingress, "egress_rules": egress })
        .to_string()
        .into_bytes()
}
