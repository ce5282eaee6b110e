//! One host: a namespace with a dataplane, an agent, and a relay on either side of the agent.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Output;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use weft_lab::{Lab, Namespace, Process};
use weft_model::{HostName, PortId};
use weft_vpp::{Connection, Events, Timeouts};

use crate::binary::weft_binary;
use crate::contents::Contents;
use crate::dataplane::{Dataplane, DataplaneKind};
use crate::proxy::Proxy;
use crate::valve::Valve;
use crate::vm::Vm;

/// A host. All its processes are stopped when it is dropped.
#[derive(Debug)]
pub struct Host {
    name: HostName,
    /// Which of the hosts it is, from 1.
    number: u8,
    agent: Mutex<Option<Process>>,
    proxy: Proxy,
    /// One in front of each member of the store.
    valves: Vec<Valve>,
    dataplane: Mutex<Option<Dataplane>>,
    kind: DataplaneKind,
    namespace: Namespace,
    config: PathBuf,
    /// The directory of vhost-user sockets, which the agent makes.
    sockets: PathBuf,
    lab: Arc<Lab>,
}

/// What an agent's configuration says, beside where everything is.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Uplinks by physical network.
    pub physnets: BTreeMap<String, Uplink>,
    /// How long after the agent's death its keys vanish.
    pub lease_ttl: Duration,
    /// How often the dataplane is looked at though nothing happens.
    pub resync: Duration,
    /// Whether TAPs get security groups and anti-spoofing, as machines' ports do.
    pub secure_taps: bool,
    /// Whether the dataplane makes the sockets of vhost-user ports; else the machines do.
    pub makes_sockets: bool,
    /// The underlay of overlay networks, if the host has one.
    pub underlay: Option<Underlay>,
}

/// The version of the underlay's addresses, which [`Host::underlay`] tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Underlay {
    /// 192.0.2.0/24.
    V4,
    /// 2001:db8::/64.
    V6,
}

/// Where an uplink comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uplink {
    /// A device of the host; the agent makes the dataplane's interface.
    HostInterface(String),
    /// An interface that the dataplane has.
    Interface(String),
}

impl Default for HostConfig {
    /// `physnet1` over `trunk0`, as far as everything else as it is by default in the product, but
    /// for a short lease.
    fn default() -> Self {
        Self {
            physnets: BTreeMap::from([(
                "physnet1".to_owned(),
                Uplink::HostInterface("trunk0".to_owned()),
            )]),
            lease_ttl: Duration::from_secs(5),
            resync: Duration::from_secs(300),
            secure_taps: false,
            makes_sockets: false,
            underlay: None,
        }
    }
}

impl HostConfig {
    /// With TAPs that are secured like the ports of machines.
    pub fn secured() -> Self {
        Self {
            secure_taps: true,
            ..Self::default()
        }
    }

    /// The same with this physical network, or with another uplink for it.
    #[must_use]
    pub fn physnet(mut self, name: &str, uplink: Uplink) -> Self {
        self.physnets.insert(name.to_owned(), uplink);
        self
    }

    /// The same with tunnels to other hosts over `trunk1`.
    #[must_use]
    pub fn underlay(mut self, underlay: Underlay) -> Self {
        self.underlay = Some(underlay);
        self.physnet("underlay", Uplink::HostInterface("trunk1".to_owned()))
    }

    fn text(&self, host: &Host) -> String {
        let sockets = host.valves.iter().map(Valve::socket);
        let endpoints: Vec<_> = sockets
            .map(|socket| format!("\"unix://{}\"", socket.display()))
            .collect();
        let mut text = format!(
            "host = \"{}\"\n\
             [store]\nendpoints = [{}]\nlease_ttl = \"{}s\"\n\
             [vpp]\napi_socket = \"{}\"\nresync = \"{}s\"\n\
             [vhost_user]\ndirectory = \"{}\"\nmode = \"{}\"\n",
            host.name,
            endpoints.join(", "),
            self.lease_ttl.as_secs(),
            host.proxy.socket().display(),
            self.resync.as_secs(),
            host.sockets.display(),
            if self.makes_sockets {
                "server"
            } else {
                "client"
            },
        );
        if self.secure_taps {
            text.push_str("[security]\nsecure_taps = true\n");
        }
        if let Some(underlay) = self.underlay {
            let address = host.underlay(underlay);
            let length = if address.is_ipv4() { 24 } else { 64 };
            let _ = write!(
                text,
                "[overlay]\nphysnet = \"underlay\"\naddress = \"{address}/{length}\"\n"
            );
        }
        for (name, uplink) in &self.physnets {
            let (field, value) = match uplink {
                Uplink::HostInterface(device) => ("host_interface", device),
                Uplink::Interface(interface) => ("interface", interface),
            };
            let _ = write!(text, "[physnets.{name}]\n{field} = \"{value}\"\n");
        }
        text
    }
}

impl Host {
    /// Makes the host; neither dataplane nor agent run yet.
    pub(crate) fn new(
        lab: &Arc<Lab>,
        name: &str,
        number: u8,
        kind: DataplaneKind,
        stores: &[PathBuf],
        config: &HostConfig,
    ) -> Result<Self> {
        let api = lab.path(&format!("{name}-dataplane.sock"));
        let proxy = Proxy::start(&lab.path(&format!("{name}-api.sock")), &api)?;
        let valves = stores
            .iter()
            .enumerate()
            .map(|(at, store)| Valve::start(&lab.path(&format!("{name}-store{at}.sock")), store));
        let valves = valves.collect::<Result<_, _>>()?;
        let host = Self {
            name: name.parse()?,
            number,
            agent: Mutex::new(None),
            proxy,
            valves,
            dataplane: Mutex::new(None),
            kind,
            namespace: lab.namespace(name)?,
            config: lab.path(&format!("{name}-agent.toml")),
            sockets: lab.path(&format!("{name}-vhost")),
            lab: Arc::clone(lab),
        };
        host.configure(config)?;
        Ok(host)
    }

    /// Its name in the store.
    pub fn name(&self) -> &HostName {
        &self.name
    }

    /// Its address in the underlay: the first host's ends in 11, as IPv6 does.
    pub fn underlay(&self, underlay: Underlay) -> IpAddr {
        match underlay {
            Underlay::V4 => Ipv4Addr::new(192, 0, 2, 10 + self.number).into(),
            Underlay::V6 => {
                let last = 0x10 + u16::from(self.number);
                Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into()
            }
        }
    }

    /// Where its devices are.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The relay in front of its dataplane.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// The relay in front of the store, or of its first member.
    pub fn valve(&self) -> &Valve {
        &self.valves[0]
    }

    /// Which dataplane it has.
    pub fn kind(&self) -> &DataplaneKind {
        &self.kind
    }

    /// Writes the agent's configuration, which counts from its next start on.
    pub fn configure(&self, config: &HostConfig) -> Result<()> {
        Ok(std::fs::write(&self.config, config.text(self))?)
    }

    /// The agent's configuration file.
    pub fn config(&self) -> &std::path::Path {
        &self.config
    }

    /// The vhost-user socket of a port.
    pub fn vhost_socket(&self, port: &str) -> PathBuf {
        self.sockets.join(port)
    }

    // ===== processes =====

    /// Starts the dataplane and waits until it can be talked to.
    pub async fn start_dataplane(&self) -> Result<()> {
        let name = format!("{}-dataplane", self.name);
        let dataplane = self.kind.start(&self.lab, &self.namespace, &name).await?;
        *lock(&self.dataplane) = Some(dataplane);
        Ok(())
    }

    /// Stops the dataplane in order. `weft switch` must end with success; how VPP ends is its own
    /// affair.
    pub fn stop_dataplane(&self) -> Result<()> {
        if let Some(dataplane) = lock(&self.dataplane).take() {
            let status = dataplane
                .stop()
                .context("how the dataplane ended is not known")?;
            ensure!(
                status.success() || self.kind != DataplaneKind::Switch,
                "the switch of {} ended with {status}",
                self.name
            );
        }
        Ok(())
    }

    /// Kills the dataplane, as a crash would.
    pub fn kill_dataplane(&self) {
        if let Some(mut dataplane) = lock(&self.dataplane).take() {
            dataplane.process().kill();
        }
    }

    /// Stops the dataplane's process without ending it, or lets it go on (SIGSTOP, SIGCONT).
    pub fn freeze_dataplane(&self, frozen: bool) -> Result<()> {
        let Some(pid) = lock(&self.dataplane)
            .as_mut()
            .map(|dataplane| dataplane.process().pid())
        else {
            bail!("the dataplane of {} does not run", self.name);
        };
        let signal = if frozen { "-STOP" } else { "-CONT" };
        self.namespace.run(&["kill", signal, &pid.to_string()])?;
        Ok(())
    }

    /// Starts the agent.
    pub fn start_agent(&self) -> Result<()> {
        let mut command = self.namespace.command(&weft_binary()?.to_string_lossy());
        command.arg("agent").arg("--config").arg(&self.config);
        command.env("RUST_LOG", "info,weft_agent=debug");
        let process = self.lab.spawn(&format!("{}-agent", self.name), command)?;
        *lock(&self.agent) = Some(process);
        Ok(())
    }

    /// Kills the agent, as a crash would.
    pub fn kill_agent(&self) {
        if let Some(mut agent) = lock(&self.agent).take() {
            agent.kill();
        }
    }

    /// Stops the agent in order; it must end with success.
    pub fn stop_agent(&self) -> Result<()> {
        if let Some(agent) = lock(&self.agent).take() {
            let status = agent.stop().context("how the agent ended is not known")?;
            ensure!(
                status.success(),
                "the agent of {} ended with {status}",
                self.name
            );
        }
        Ok(())
    }

    /// The number of the agent's process.
    pub fn agent_pid(&self) -> Option<u32> {
        lock(&self.agent).as_ref().map(Process::pid)
    }

    /// An error unless the processes that were started still run.
    pub fn check(&self) -> Result<()> {
        if let Some(agent) = lock(&self.agent).as_mut() {
            agent.check()?;
        }
        if let Some(dataplane) = lock(&self.dataplane).as_mut() {
            dataplane.process().check()?;
        }
        Ok(())
    }

    /// What the agent has logged, all its processes together.
    pub fn agent_log(&self) -> String {
        let path = self.lab.path(&format!("{}-agent.log", self.name));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    /// What the dataplane has logged.
    pub fn dataplane_log(&self) -> String {
        let path = self.lab.path(&format!("{}-dataplane.log", self.name));
        std::fs::read_to_string(path).unwrap_or_default()
    }

    // ===== the dataplane =====

    /// A connection to the dataplane past the relay.
    pub async fn api(&self) -> Result<(Connection, Events)> {
        let socket = match lock(&self.dataplane).as_ref() {
            Some(dataplane) => dataplane.socket().to_owned(),
            None => bail!("the dataplane of {} does not run", self.name),
        };
        Ok(Connection::connect(&socket, "scenario", Timeouts::default()).await?)
    }

    /// All that the dataplane holds.
    pub async fn contents(&self) -> Result<Contents> {
        let (connection, events) = self.api().await?;
        let contents = Contents::read(&connection).await?;
        events.close().await;
        Ok(contents)
    }

    /// Puts the device of a port into a virtual machine.
    pub fn plug(&self, port: &str, vm: &Vm) -> Result<()> {
        vm.plug(&self.namespace, PortId::new(port)?.tap_name().as_str())
    }

    // ===== the command line =====

    /// Runs `weft` with these words and this host's configuration, in its namespace.
    pub async fn weft(&self, words: &[&str]) -> Result<Output> {
        let mut command = self.namespace.command(&weft_binary()?.to_string_lossy());
        command
            .args(words)
            .arg("--config")
            .arg(&self.config)
            .env("NO_COLOR", "1");
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(20), output);
        output
            .await
            .with_context(|| format!("`weft {}` does not end", words.join(" ")))?
            .context("weft")
    }

    /// The same; it must succeed. Gives what it printed.
    pub async fn weft_prints(&self, words: &[&str]) -> Result<String> {
        let output = self.weft(words).await?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "`weft {}` ended with {}: {errors}{printed}",
            words.join(" "),
            output.status
        );
        Ok(printed)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
