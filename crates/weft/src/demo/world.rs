//! The processes, namespaces and devices of the demo.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::Context;
use weft_lab::{Lab, LabError, Namespace, Process, Veth, wait_until};
use weft_model::PortId;
use weft_server::PortView;

use super::progress::Progress;
use super::topology::{FILE, HOSTS, ROUTER, STATIONS, Station, TRUNK, UNDERLAY, underlay};
use crate::client::{Client, PortFilter};

/// How long may be waited for anything: far beyond what it takes.
pub(super) const LIMIT: Duration = Duration::from_secs(20);

/// All of it. The order of the fields is the order in which it goes.
#[derive(Debug)]
pub(super) struct World<'a> {
    pub(super) hosts: Vec<Host>,
    server: Option<Process>,
    vms: Vec<Vm>,
    _cables: [Veth; 2],
    namespaces: Vec<Namespace>,
    pub(super) client: Client,
    pub(super) url: String,
    pub(super) file: PathBuf,
    progress: &'a Progress,
    lab: &'a Lab,
}

/// A host's processes, which can be killed and started again.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: &'static str,
    pub(super) agent: Option<Process>,
    pub(super) switch: Option<Process>,
    pub(super) agent_config: PathBuf,
    switch_config: PathBuf,
}

#[derive(Debug)]
struct Vm {
    station: Station,
    namespace: Namespace,
    tap: String,
}

/// How one of our own commands ended.
#[derive(Debug)]
pub(super) struct Ended {
    line: String,
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    stderr: String,
}

impl<'a> World<'a> {
    /// Makes hosts, virtual machines and the cables; starts nothing yet.
    pub(super) fn build(
        lab: &'a Lab,
        progress: &'a Progress,
        listen: Option<SocketAddr>,
    ) -> anyhow::Result<Self> {
        let namespaces = HOSTS.map(|name| lab.namespace(name));
        let namespaces = namespaces.into_iter().collect::<Result<Vec<_>, _>>()?;
        let [a, b] = namespaces.as_slice() else {
            anyhow::bail!("there are two hosts")
        };
        let cables = [a.cable(TRUNK, b, TRUNK)?, a.cable(UNDERLAY, b, UNDERLAY)?];
        let mut vms = Vec::new();
        for station in STATIONS.into_iter().filter(|station| station.has_port()) {
            let tap = PortId::new(station.name)?.tap_name().to_string();
            vms.push(Vm {
                station,
                namespace: lab.namespace(station.name)?,
                tap,
            });
        }
        for router in STATIONS.into_iter().filter(|station| !station.has_port()) {
            b.configure(TRUNK, &router.interface_address())?;
        }
        let listen = match listen {
            Some(listen) => listen,
            None => free_address()?,
        };
        let hosts = HOSTS.into_iter().enumerate();
        let hosts = hosts.map(|(number, name)| Host::configure(lab, name, number));
        lab.write("server.toml", &server_config(lab, listen))?;
        let url = format!("http://{listen}");
        Ok(Self {
            hosts: hosts.collect::<Result<_, LabError>>()?,
            server: None,
            vms,
            _cables: cables,
            namespaces,
            client: Client::new(&url)?,
            url,
            file: lab.write("net.yaml", FILE)?,
            progress,
            lab,
        })
    }

    /// Starts the server.
    pub(super) fn start_server(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(this_program()?);
        command
            .arg("server")
            .arg("--config")
            .arg(self.lab.path("server.toml"));
        self.progress.detail(&format!("{command:?}"));
        self.server = Some(self.lab.spawn("server", command)?);
        Ok(())
    }

    /// Starts the switch of a host.
    pub(super) fn start_switch(&mut self, host: usize) -> anyhow::Result<()> {
        let (config, name) = (
            self.hosts[host].switch_config.clone(),
            self.hosts[host].name,
        );
        let process = self.start(host, &format!("switch-{name}"), "switch", &config)?;
        self.hosts[host].switch = Some(process);
        Ok(())
    }

    /// Starts the agent of a host.
    pub(super) fn start_agent(&mut self, host: usize) -> anyhow::Result<()> {
        let (config, name) = (self.hosts[host].agent_config.clone(), self.hosts[host].name);
        let process = self.start(host, &format!("agent-{name}"), "agent", &config)?;
        self.hosts[host].agent = Some(process);
        Ok(())
    }

    fn start(
        &self,
        host: usize,
        name: &str,
        what: &str,
        config: &PathBuf,
    ) -> anyhow::Result<Process> {
        let program = this_program()?;
        let mut command = self.namespaces[host].command(&program.display().to_string());
        command.arg(what).arg("--config").arg(config);
        self.progress.detail(&format!("{command:?}"));
        Ok(self.lab.spawn(name, command)?)
    }

    /// An error if a process that should run has ended.
    pub(super) fn check(&mut self) -> Result<(), LabError> {
        let of_hosts = self
            .hosts
            .iter_mut()
            .flat_map(|host| [&mut host.agent, &mut host.switch]);
        of_hosts
            .chain([&mut self.server])
            .flatten()
            .try_for_each(Process::check)
    }

    /// Waits until `look` finds what it looks for in the list of ports.
    pub(super) async fn wait_for_ports(
        &mut self,
        what: &str,
        mut look: impl FnMut(&[PortView]) -> Result<(), String>,
    ) -> anyhow::Result<Vec<PortView>> {
        let client = self.client.clone();
        let ports = wait_until(what, LIMIT, async || {
            self.check()?;
            Ok(match client.ports(&PortFilter::default()).await {
                Ok(reply) => look(&reply.ports).map(|()| reply.ports),
                Err(error) => Err(error.to_string()),
            })
        });
        Ok(ports.await?)
    }

    /// Waits until every host has a live agent that serves a physical network.
    pub(super) async fn wait_for_hosts(&mut self) -> anyhow::Result<()> {
        let client = self.client.clone();
        wait_until("that both agents are alive", LIMIT, async || {
            self.check()?;
            Ok(match client.hosts().await {
                Ok(reply) => {
                    let ready = reply
                        .hosts
                        .iter()
                        .filter(|h| h.alive && !h.physnets.is_empty());
                    match ready.count() {
                        2 => Ok(()),
                        ready => Err(format!("{ready} of 2 are")),
                    }
                }
                Err(error) => Err(error.to_string()),
            })
        })
        .await?;
        Ok(())
    }

    /// Waits until nothing is left to do on either host: each knows the machines of the other.
    pub(super) async fn wait_for_plans(&mut self) -> anyhow::Result<()> {
        for (host, name) in HOSTS.iter().enumerate() {
            let config = self.hosts[host].agent_config.display().to_string();
            let what = format!("that {name} has nothing left to do");
            wait_until(&what, LIMIT, async || {
                self.check()?;
                let words = ["plan", "--config", &config];
                Ok(match self.weft(host, &words).await {
                    Ok(ended) if ended.code == Some(0) => Ok(()),
                    Ok(ended) => Err(ended.stdout),
                    Err(error) => Err(error.to_string()),
                })
            })
            .await?;
        }
        Ok(())
    }

    /// Runs this program in a host as a person would, with these words.
    pub(super) async fn weft(&self, host: usize, words: &[&str]) -> anyhow::Result<Ended> {
        let program = this_program()?;
        let mut command = self.namespaces[host].command(&program.display().to_string());
        self.finish(command.args(words), words).await
    }

    /// Runs this program beside the server as a person would, with these words.
    pub(super) async fn weft_here(&self, words: &[&str]) -> anyhow::Result<Ended> {
        let mut command = Command::new(this_program()?);
        self.finish(command.args(words).args(["--server", &self.url]), words)
            .await
    }

    async fn finish(&self, command: &mut Command, words: &[&str]) -> anyhow::Result<Ended> {
        let command = std::mem::replace(command, Command::new("true"));
        let line = format!("weft {}", words.join(" "));
        self.progress.detail(&format!("$ {line}"));
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = output
            .await
            .with_context(|| format!("cannot run `{line}`"))?;
        let ended = Ended {
            line,
            code: status.code(),
            stdout: String::from_utf8_lossy(&stdout).into_owned(),
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
        };
        self.progress.detail(&ended.stdout);
        self.progress.detail(&ended.stderr);
        Ok(ended)
    }

    /// Moves the TAP of a port into its virtual machine and gives it its address, as soon as it is
    /// there.
    pub(super) async fn plug(&self, port: &str) -> anyhow::Result<()> {
        let vm = self.vm(port)?;
        let host = &self.namespaces[vm.station.host];
        wait_until(&format!("the TAP of {port}"), LIMIT, async || {
            Ok(if host.has_device(&vm.tap) {
                Ok(())
            } else {
                Err("it is not there".to_owned())
            })
        })
        .await?;
        host.give(&vm.tap, &vm.namespace)?;
        vm.namespace
            .configure(&vm.tap, &vm.station.interface_address())?;
        Ok(())
    }

    /// Whether a port's TAP is in its virtual machine.
    pub(super) fn is_plugged(&self, port: &str) -> anyhow::Result<bool> {
        let vm = self.vm(port)?;
        Ok(vm.namespace.has_device(&vm.tap))
    }

    /// Where a station sends its pings.
    pub(super) fn place(&self, station: Station) -> anyhow::Result<&Namespace> {
        if station.name == ROUTER {
            return Ok(&self.namespaces[station.host]);
        }
        Ok(&self.vm(station.name)?.namespace)
    }

    /// The namespace of a host.
    pub(super) fn host_namespace(&self, host: usize) -> &Namespace {
        &self.namespaces[host]
    }

    fn vm(&self, port: &str) -> anyhow::Result<&Vm> {
        self.vms
            .iter()
            .find(|vm| vm.station.name == port)
            .with_context(|| format!("there is no virtual machine {port}"))
    }

    /// Ends all processes in order; each must end well.
    pub(super) fn stop(&mut self) -> anyhow::Result<usize> {
        let agents = self.hosts.iter_mut().filter_map(|host| host.agent.take());
        let mut processes: Vec<Process> = agents.collect();
        processes.extend(self.hosts.iter_mut().filter_map(|host| host.switch.take()));
        processes.extend(self.server.take());
        let count = processes.len();
        for process in processes {
            let (name, log) = (process.name().to_owned(), process.log().to_owned());
            let status = process.stop();
            let is_well = status.is_some_and(|status| status.success());
            anyhow::ensure!(
                is_well,
                "{name} ended with {status:?}; see {}",
                log.display()
            );
        }
        Ok(count)
    }
}

impl Host {
    fn configure(lab: &Lab, name: &'static str, number: usize) -> Result<Self, LabError> {
        let directory = lab.directory().display();
        let socket = format!("{directory}/switch-{name}.sock");
        let switch_config = lab.write(
            &format!("switch-{name}.toml"),
            &format!("api_socket = {socket:?}\n"),
        )?;
        let agent_config = lab.write(
            &format!("agent-{name}.toml"),
            &format!(
                "host = {name:?}\n\n\
                 [store]\nendpoints = [\"unix://{directory}/store.sock\"]\nlease_ttl = \"5s\"\n\n\
                 [vpp]\napi_socket = {socket:?}\n\n\
                 [physnets.physnet1]\nhost_interface = {TRUNK:?}\n\n\
                 [physnets.underlay]\nhost_interface = {UNDERLAY:?}\n\n\
                 [overlay]\nphysnet = \"underlay\"\naddress = {:?}\n",
                underlay(number)
            ),
        )?;
        Ok(Self {
            name,
            agent: None,
            switch: None,
            agent_config,
            switch_config,
        })
    }
}

impl Ended {
    /// What it printed, if it ended with `code`.
    pub(super) fn expect(self, code: i32) -> anyhow::Result<String> {
        if self.code == Some(code) {
            return Ok(self.stdout);
        }
        let ended = self
            .code
            .map_or("by a signal".to_owned(), |code| format!("with {code}"));
        let said = format!("{}{}", self.stdout, self.stderr);
        anyhow::bail!(
            "`{}` ended {ended} instead of with {code}:\n{}",
            self.line,
            said.trim_end()
        )
    }
}

fn server_config(lab: &Lab, listen: SocketAddr) -> String {
    let directory = lab.directory().display();
    format!(
        "listen = \"{listen}\"\n\n\
         [embedded]\npath = \"{directory}/store.db\"\nlisten = [\"unix://{directory}/store.sock\"]\n"
    )
}

/// A TCP port of the loopback that nobody uses at the moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free TCP port")?;
    Ok(listener.local_addr()?)
}

fn this_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("cannot find this program")
}
