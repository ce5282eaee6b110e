//! The whole: hosts on a common trunk, a store, and what a cloud would do with them.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use weft_lab::{Lab, Namespace, Veth, wait_until};
use weft_model::{Condition, Keyspace, PortId, PortState, Status};
use weft_store::{Op, Revision, Store, Txn};

use crate::dataplane::DataplaneKind;
use crate::group::Group;
use crate::host::Host;
use crate::port::Port;
use crate::scenario::Setup;
use crate::station::Station;
use crate::store::StoreServer;
use crate::view::View;
use crate::vm::Vm;

/// What the names of all labs of this kind begin with.
const KIND: &str = "weft-test";

/// How long anything may take that should come about at once. Generous, since the machine may be
/// busy; nothing waits longer than it must.
const SOON: Duration = Duration::from_secs(20);

/// The names of the hosts: the first is the beginning of the second, and must not be taken for it.
const HOSTS: [&str; 3] = ["host1", "host10", "host2"];

/// A small cloud. Everything ends when it is dropped.
#[derive(Debug)]
pub struct Cloud {
    hosts: Vec<Host>,
    view: View,
    store: Store,
    server: StoreServer,
    _trunks: Vec<Veth>,
    control: Namespace,
    fences: AtomicU32,
    stations: AtomicU32,
    lab: Arc<Lab>,
}

impl Cloud {
    /// Makes all of it; agents run, and have said that they are alive, unless the setup says
    /// otherwise.
    pub async fn start(setup: &Setup) -> Result<Self> {
        let lab = Arc::new(Lab::new(KIND)?);
        let control = lab.namespace("control")?;
        let server = StoreServer::new(&lab, setup.store)?;
        server.start(&lab, &control).await?;
        let store = server.client().await?;
        let view = View::start(&store);
        let kind = DataplaneKind::from_environment()?;
        let hosts: Vec<Host> = (1..)
            .zip(HOSTS)
            .take(setup.hosts)
            .map(|(number, name)| {
                let own = setup.dataplanes.get(usize::from(number) - 1);
                let (kind, stores) = (own.unwrap_or(&kind).clone(), [server.socket()]);
                Host::new(&lab, name, number, kind, &stores, &setup.config)
            })
            .collect::<Result<_>>()?;
        let mut trunks = Vec::new();
        for trunk in ["trunk0", "trunk1"] {
            trunks.extend(lay(trunk, &hosts, &control)?);
        }
        let fences = AtomicU32::new(0);
        let cloud = Self {
            hosts,
            view,
            store,
            server,
            _trunks: trunks,
            control,
            fences,
            stations: AtomicU32::new(0),
            lab,
        };
        futures::future::try_join_all(cloud.hosts.iter().map(Host::start_dataplane)).await?;
        if setup.agents {
            for host in &cloud.hosts {
                host.start_agent()?;
            }
            for host in &cloud.hosts {
                cloud.alive(host).await?;
            }
        }
        Ok(cloud)
    }

    // ===== parts =====

    /// The first host.
    pub fn a(&self) -> &Host {
        &self.hosts[0]
    }

    /// The second host.
    pub fn b(&self) -> &Host {
        &self.hosts[1]
    }

    /// The third host.
    pub fn c(&self) -> &Host {
        &self.hosts[2]
    }

    /// All hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// What the store says.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// A client of the store, past all relays.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The store's process.
    pub fn server(&self) -> &StoreServer {
        &self.server
    }

    /// The files.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// Where the server runs; its REST API is at `127.0.0.1:7090` there.
    pub fn control(&self) -> &Namespace {
        &self.control
    }

    /// Starts the store again after it was killed.
    pub async fn start_store(&self) -> Result<()> {
        self.server.start(&self.lab, &self.control).await
    }

    /// Makes a virtual machine.
    pub fn vm(&self, name: &str, address: [u8; 4]) -> Result<Vm> {
        Vm::new(&self.lab, name, address)
    }

    /// Puts the device of a port, which is effective, into a machine that does only what it is told.
    /// `number` is the one of its record.
    pub fn station(&self, host: &Host, port: &str, number: u8) -> Result<Station> {
        let opened = self.stations.fetch_add(1, Ordering::Relaxed);
        let namespace = self.lab.namespace(&format!("st{opened}-{port}"))?;
        let device = PortId::new(port)?.tap_name();
        host.namespace().give(device.as_str(), &namespace)?;
        Station::open(port, Arc::new(namespace), device.as_str(), number)
    }

    // ===== records =====

    /// The key of a port's record.
    pub fn key(&self, host: &Host, port: &str) -> String {
        format!("/networking-vpp/nodes/{}/ports/{port}", host.name())
    }

    /// Writes a port's record; gives its revision.
    pub async fn put(&self, host: &Host, port: &str, record: &Port) -> Result<Revision> {
        self.put_raw(host, port, record.bytes()).await
    }

    /// Writes any bytes as a port's record.
    pub async fn put_raw(&self, host: &Host, port: &str, value: Vec<u8>) -> Result<Revision> {
        Ok(self.store.put(&self.key(host, port), value).await?)
    }

    /// Writes and removes several records at one revision.
    pub async fn put_all(&self, changes: Vec<Op>) -> Result<Revision> {
        Ok(self.store.txn(Txn::unconditional(changes)).await?.revision)
    }

    /// Removes a port's record; it must be there.
    pub async fn delete(&self, host: &Host, port: &str) -> Result<()> {
        ensure!(
            self.store.delete(&self.key(host, port)).await?,
            "there is no record of {port}"
        );
        Ok(())
    }

    /// Writes any record below the lead-in, for instance at `global/secgroups/web`.
    pub async fn set(&self, path: &str, record: &serde_json::Value) -> Result<Revision> {
        Ok(self
            .store
            .put(&global(path), record.to_string().into_bytes())
            .await?)
    }

    /// Removes one; it must be there.
    pub async fn unset(&self, path: &str) -> Result<()> {
        ensure!(
            self.store.delete(&global(path)).await?,
            "there is no {path}"
        );
        Ok(())
    }

    /// Writes a security group.
    pub async fn group(&self, name: &str, group: &Group) -> Result<Revision> {
        self.set(&format!("global/secgroups/{name}"), &group.record())
            .await
    }

    /// Makes a port a member of a group with these addresses.
    pub async fn join(&self, group: &str, port: &str, addresses: &[&str]) -> Result<Revision> {
        let path = format!("global/remote_group/{group}/{port}");
        self.set(&path, &addresses.into()).await
    }

    /// The port is no member of the group any more.
    pub async fn leave(&self, group: &str, port: &str) -> Result<()> {
        self.unset(&format!("global/remote_group/{group}/{port}"))
            .await
    }

    // ===== waiting =====

    /// Waits until an agent has said that it is alive.
    pub async fn alive(&self, host: &Host) -> Result<Revision> {
        self.alive_again(host, 0).await
    }

    /// Waits until an agent has said so at a revision above this one.
    pub async fn alive_again(&self, host: &Host, above: Revision) -> Result<Revision> {
        let what = format!("that the agent of {} is alive", host.name());
        let path = format!("state/{}/alive", host.name());
        let seen = self
            .view
            .until(&what, SOON, |state| match state.get(&path) {
                Some(kv) if kv.mod_revision > above => Ok(kv.mod_revision),
                Some(kv) => Err(format!("it was at revision {}", kv.mod_revision)),
                None => Err("it does not say so".to_owned()),
            });
        let seen = seen.await;
        host.check()?;
        seen
    }

    /// Waits until a port is effective as the record of this revision, or a later one, says.
    pub async fn effective(
        &self,
        host: &Host,
        port: &str,
        revision: Revision,
    ) -> Result<PortState> {
        let what = format!("that {port} is effective on {}", host.name());
        let seen = self.view.until(&what, SOON, |state| {
            let condition = state.condition(host.name(), port);
            let port_state = state.port_state(host.name(), port);
            match (&condition, port_state) {
                (Some(said), Some(port_state))
                    if said.status == Status::Effective
                        && said.revision >= revision
                        && port_state.revision >= revision =>
                {
                    Ok(port_state)
                }
                (_, port_state) => Err(format!("{condition:?} {port_state:?}")),
            }
        });
        let seen = seen.await;
        host.check()?;
        seen
    }

    /// Writes a record and waits until it is effective.
    pub async fn bind(&self, host: &Host, port: &str, record: &Port) -> Result<Revision> {
        let revision = self.put(host, port, record).await?;
        self.effective(host, port, revision).await?;
        Ok(revision)
    }

    /// Writes a record, waits until it is effective, and puts its device into a machine.
    pub async fn boot(&self, host: &Host, port: &str, record: &Port, vm: &Vm) -> Result<Revision> {
        let revision = self.bind(host, port, record).await?;
        host.plug(port, vm)?;
        Ok(revision)
    }

    /// Waits until a port is `failed` for the record of this revision or a later one; gives the
    /// reason, which must hold all of `words`.
    pub async fn failed(
        &self,
        host: &Host,
        port: &str,
        revision: Revision,
        words: &[&str],
    ) -> Result<String> {
        let what = format!("that {port} has failed on {}", host.name());
        let reason = self.view.until(&what, SOON, |state| {
            let condition = state.condition(host.name(), port);
            match condition {
                Some(said) if said.revision >= revision => match said.status {
                    Status::Failed { reason, .. } => Ok(reason),
                    status => Err(format!("{status:?}")),
                },
                other => Err(format!("{other:?}")),
            }
        });
        let reason = reason.await?;
        for word in words {
            ensure!(
                reason.contains(word),
                "`{word}` is missing in the reason of {port}: {reason}"
            );
        }
        let state = self.view.now().port_state(host.name(), port);
        ensure!(
            state.is_none(),
            "{port} has failed, and yet there is {state:?}"
        );
        host.check()?;
        Ok(reason)
    }

    /// Waits until a port is `pending` for a reason that holds all of `words`.
    pub async fn pending(&self, host: &Host, port: &str, words: &[&str]) -> Result<String> {
        let what = format!("that {port} waits on {} for {words:?}", host.name());
        let reason = self.view.until(&what, SOON, |state| {
            let condition = state.condition(host.name(), port);
            match condition.as_ref().map(|said| &said.status) {
                Some(Status::Pending { reason })
                    if words.iter().all(|word| reason.contains(word))
                        && state.port_state(host.name(), port).is_none() =>
                {
                    Ok(reason.clone())
                }
                _ => Err(format!("{condition:?}")),
            }
        });
        let reason = reason.await;
        host.check()?;
        reason
    }

    /// Waits until a security group has `failed`, in part at least, for a reason that holds all of
    /// `words`.
    pub async fn group_says(&self, host: &Host, group: &str, words: &[&str]) -> Result<()> {
        let what = format!("that {words:?} is said of group {group} on {}", host.name());
        let path = format!("state/{}/conditions/security-group/{group}", host.name());
        let said = self.view.until(&what, SOON, |state| {
            let condition = state
                .get(&path)
                .and_then(|kv| Condition::from_json(&kv.value).ok());
            match condition.map(|said| said.status) {
                Some(Status::Failed { reason, .. })
                    if words.iter().all(|word| reason.contains(word)) =>
                {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            }
        });
        let said = said.await;
        host.check()?;
        said
    }

    /// Waits until nothing is said of a port any more.
    pub async fn absent(&self, host: &Host, port: &str) -> Result<()> {
        let what = format!("that nothing is said of {port} on {}", host.name());
        let seen = self.view.until(&what, SOON, |state| {
            let condition = state.condition(host.name(), port);
            let port_state = state.port_state(host.name(), port);
            match (condition, port_state) {
                (None, None) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        let seen = seen.await;
        host.check()?;
        seen
    }

    /// Waits until the agent has dealt with everything that was written before: it takes events in
    /// order, and answers a record that is no record without touching the dataplane.
    pub async fn fence(&self, host: &Host) -> Result<()> {
        let port = format!("fence-{}", self.fences.fetch_add(1, Ordering::Relaxed));
        let revision = self.put_raw(host, &port, b"no record".to_vec()).await?;
        self.failed(host, &port, revision, &[]).await?;
        self.delete(host, &port).await?;
        self.absent(host, &port).await
    }

    /// The agent of a host is started; waits until it has looked at everything once.
    pub async fn start_agent(&self, host: &Host) -> Result<()> {
        let before = self
            .store
            .get(&format!("/networking-vpp/state/{}/alive", host.name()))
            .await?;
        host.start_agent()?;
        self.alive_again(host, before.map_or(0, |kv| kv.mod_revision))
            .await?;
        self.fence(host).await
    }

    // ===== checks =====

    /// The relay must have passed on exactly these writes since its last reset, and no others.
    pub fn wrote(&self, host: &Host, expected: &[(&str, u64)]) -> Result<()> {
        let writes = host.proxy().tally().writes();
        let total: u64 = expected.iter().map(|(_, count)| count).sum();
        for (message, count) in expected {
            ensure!(
                writes.of(message) == *count,
                "{count} × {message} expected; wrote {writes}"
            );
        }
        ensure!(
            writes.total() == total,
            "only {expected:?} expected; wrote {writes}"
        );
        Ok(())
    }

    /// The device of a port must not exist.
    pub fn no_device(&self, host: &Host, port: &str) -> Result<()> {
        let device = PortId::new(port)?.tap_name();
        ensure!(
            !host.namespace().has_device(device.as_str()),
            "the device {device} is there"
        );
        Ok(())
    }

    /// `weft plan` must find nothing to do.
    pub async fn plan_is_empty(&self, host: &Host) -> Result<()> {
        let output = host.weft(&["plan"]).await?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`weft plan` on {} ended with {}: {printed}{errors}",
            host.name(),
            output.status
        );
        Ok(())
    }

    /// Waits until `weft plan` finds nothing to do: what the store says now is in the dataplane.
    pub async fn settled(&self, host: &Host) -> Result<()> {
        let settled = wait_until("that nothing is left to do", SOON, async || {
            Ok(match self.plan_is_empty(host).await {
                Ok(()) => Ok(()),
                Err(error) => Err(error.to_string()),
            })
        });
        Ok(settled.await?)
    }

    /// Everything that may help to understand a failure.
    pub async fn picture(&self) -> String {
        let mut text = format!("===== store\n{}", self.view.now().print());
        for host in &self.hosts {
            let _ = writeln!(
                text,
                "===== {}: passed on {}",
                host.name(),
                host.proxy().tally()
            );
            let _ = match host.contents().await {
                Ok(contents) => write!(text, "{}", contents.print()),
                Err(error) => writeln!(text, "  {error:#}"),
            };
            let _ = match host.weft(&["plan"]).await {
                Ok(output) => writeln!(
                    text,
                    "----- plan\n{}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                ),
                Err(error) => writeln!(text, "----- plan\n{error:#}"),
            };
            let _ = writeln!(text, "----- agent\n{}", tail(&host.agent_log(), 50));
            let _ = writeln!(text, "----- dataplane\n{}", tail(&host.dataplane_log(), 20));
        }
        text
    }

    /// Ends everything in order; agents and switches must end well, and nobody may have panicked.
    pub fn close(self) -> Result<()> {
        for host in &self.hosts {
            host.check()?;
            host.stop_agent()?;
            host.stop_dataplane()?;
            for (who, log) in [
                ("agent", host.agent_log()),
                ("dataplane", host.dataplane_log()),
            ] {
                ensure!(
                    !log.contains("panicked at"),
                    "the {who} of {} panicked",
                    host.name()
                );
            }
        }
        Ok(())
    }
}

/// Lays a trunk that all hosts are on: between two it is a cable; a single host's ends in the namespace
/// of the store, and those of three or more are bridged there.
fn lay(trunk: &str, hosts: &[Host], control: &Namespace) -> Result<Vec<Veth>> {
    match hosts {
        [] => Ok(Vec::new()),
        [host] => Ok(vec![host.namespace().cable(trunk, control, trunk)?]),
        [one, other] => {
            let cable = one.namespace().cable(trunk, other.namespace(), trunk)?;
            Ok(vec![cable])
        }
        hosts => {
            control.ip(&["link", "add", trunk, "type", "bridge"])?;
            control.ip(&["link", "set", trunk, "up"])?;
            let mut cables = Vec::new();
            for (number, host) in (1..).zip(hosts) {
                let end = format!("{trunk}-{number}");
                cables.push(host.namespace().cable(trunk, control, &end)?);
                control.ip(&["link", "set", &end, "master", trunk])?;
            }
            Ok(cables)
        }
    }
}

/// The key below the lead-in.
fn global(path: &str) -> String {
    format!("{}/{path}", Keyspace::DEFAULT_LEAD_IN)
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}
