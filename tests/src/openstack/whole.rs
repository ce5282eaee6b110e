//! All of it, and waiting for what shall become of it.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use futures::FutureExt;
use serde_json::{Value, json};
use weft_lab::{Lab, Namespace, Veth};
use weft_store::Store;

use super::etcd::EtcdCluster;
use super::free_port;
use super::keystone::Keystone;
use super::mariadb::MariaDb;
use super::neutron::Neutron;
use super::nova::Nova;
use super::rest::Rest;
use super::setup::{Driver, OpenStackSetup, Places, neutron_conf};
use super::venv::Venv;
use super::weft_server::WeftServer;
use crate::dataplane::DataplaneKind;
use crate::host::Host;
use crate::station::Station;
use crate::view::View;

/// What the names of all labs of this kind begin with.
const KIND: &str = "weft-openstack";

/// How long anything may take that should come about at once. Generous: Neutron is not fast, and the
/// machine may be busy.
const SOON: Duration = Duration::from_secs(120);

/// No test may take longer.
const LIMIT: Duration = Duration::from_secs(900);

/// Between two looks at what only Neutron can tell.
const LOOK: Duration = Duration::from_millis(100);

/// The names of the hosts.
const HOSTS: [&str; 2] = ["compute1", "compute2"];

/// An OpenStack. Everything ends when it is dropped.
#[derive(Debug)]
pub struct OpenStack {
    neutrons: Vec<Neutron>,
    keystone: Keystone,
    nova: Nova,
    hosts: Vec<Host>,
    servers: Vec<WeftServer>,
    view: View,
    store: Store,
    etcd: EtcdCluster,
    database: MariaDb,
    venv: Venv,
    _trunks: Vec<Veth>,
    _nobody: Namespace,
    lab: Arc<Lab>,
}

impl OpenStack {
    /// Makes all of it; agents run, and Neutron knows them.
    pub async fn start(setup: &OpenStackSetup) -> Result<Self> {
        let all = Self::prepare(setup).await?;
        match all.begin(setup.driver).await {
            Ok(()) => Ok(all),
            Err(error) => Err(all.explained(error)),
        }
    }

    /// Starts what Neutron and hosts need.
    async fn prepare(setup: &OpenStackSetup) -> Result<Self> {
        let venv = Venv::find()?;
        let lab = Arc::new(Lab::new(KIND)?);
        let kind = DataplaneKind::from_environment()?;
        let addresses: Vec<SocketAddr> = (0..setup.neutrons)
            .map(|_| Ok(SocketAddr::from(([127, 0, 0, 1], free_port()?))))
            .collect::<Result<_>>()?;
        let first = *addresses.first().context("no Neutron is wanted")?;
        let database = async {
            let database = MariaDb::start(&lab).await?;
            let mut schema = tokio::process::Command::from(venv.script("schema.py"));
            let made = schema
                .arg(database.url())
                .kill_on_drop(true)
                .output()
                .await?;
            let errors = String::from_utf8_lossy(&made.stderr);
            ensure!(made.status.success(), "the tables cannot be made: {errors}");
            Ok(database)
        };
        let (database, etcd) = tokio::try_join!(database, EtcdCluster::start(&lab))?;
        let store = etcd.client().await?;
        let view = View::start(&store);
        let keystone = Keystone::start(first).await?;
        let nova = Nova::start().await?;
        let servers: Vec<WeftServer> = (0..2)
            .map(|at| WeftServer::new(&lab, &format!("server{at}"), &etcd.sockets()))
            .collect::<Result<_>>()?;
        futures::future::try_join_all(servers.iter().map(WeftServer::start)).await?;
        let hosts: Vec<Host> = (1..)
            .zip(HOSTS)
            .take(setup.hosts)
            .map(|(number, name)| {
                let (kind, stores) = (kind.clone(), etcd.sockets());
                Host::new(&lab, name, number, kind, &stores, &setup.config)
            })
            .collect::<Result<_>>()?;
        let nobody = lab.namespace("nobody")?;
        let trunks = trunks(&hosts, &nobody)?;
        let places = Places {
            database: database.url(),
            api_paste: venv
                .directory()
                .join("etc/neutron/api-paste.ini")
                .display()
                .to_string(),
            keystone: keystone.url(),
            nova: nova.url(),
            servers: servers.iter().map(WeftServer::url).collect(),
        };
        let text = neutron_conf(setup, &places);
        let neutrons = addresses.into_iter().enumerate().map(|(at, address)| {
            let name = format!("neutron{at}");
            Neutron::new(&lab, &venv, &name, address, setup.workers, &text)
        });
        let all = Self {
            neutrons: neutrons.collect::<Result<_>>()?,
            keystone,
            nova,
            hosts,
            servers,
            view,
            store,
            etcd,
            database,
            venv,
            _trunks: trunks,
            _nobody: nobody,
            lab,
        };
        Ok(all)
    }

    /// Starts hosts and Neutron, and waits until they know each other.
    async fn begin(&self, driver: Driver) -> Result<()> {
        futures::future::try_join_all(self.hosts.iter().map(Host::start_dataplane)).await?;
        for host in &self.hosts {
            host.start_agent()?;
        }
        futures::future::try_join_all(self.neutrons.iter().map(Neutron::start)).await?;
        for neutron in &self.neutrons {
            neutron.rest().authenticate(&self.keystone.url()).await?;
            // It reads its policies with the first request, and refuses others meanwhile.
            neutron.rest().list("network", "").await?;
        }
        match driver {
            Driver::Weft => self.agents_alive().await,
            Driver::None => self.pretend_agents(),
        }
    }

    // ===== parts =====

    /// The first Neutron's API.
    pub fn api(&self) -> &Rest {
        self.neutrons[0].rest()
    }

    /// The Neutron servers.
    pub fn neutrons(&self) -> &[Neutron] {
        &self.neutrons
    }

    /// The `weft server`s.
    pub fn servers(&self) -> &[WeftServer] {
        &self.servers
    }

    /// The hosts.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// The store's members.
    pub fn etcd(&self) -> &EtcdCluster {
        &self.etcd
    }

    /// A client of the store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What the store says.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Nova.
    pub fn nova(&self) -> &Nova {
        &self.nova
    }

    /// Neutron's database.
    pub fn database(&self) -> &MariaDb {
        &self.database
    }

    /// The files.
    pub fn lab(&self) -> &Arc<Lab> {
        &self.lab
    }

    /// The Python environment.
    pub fn venv(&self) -> &Venv {
        &self.venv
    }

    /// Keystone.
    pub fn keystone(&self) -> &Keystone {
        &self.keystone
    }

    // ===== doing =====

    /// Runs `openstack` with these words as the administrator; gives what it says, from JSON.
    pub async fn openstack(&self, words: &[&str]) -> Result<Value> {
        let mut command = self.venv.command("openstack");
        command
            .args(["--os-auth-type", "password", "--os-username", "admin"])
            .args(["--os-password", "any", "--os-project-name", "admin"])
            .args([
                "--os-user-domain-id",
                "default",
                "--os-project-domain-id",
                "default",
            ])
            .args(["--os-identity-api-version", "3", "--os-auth-url"])
            .arg(format!("{}/v3", self.keystone.url()))
            .args(words);
        // Only what shows something knows formats.
        if !["delete", "set", "unset"]
            .iter()
            .any(|word| words.contains(word))
        {
            command.args(["-f", "json"]);
        }
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await?;
        let errors = String::from_utf8_lossy(&output.stderr);
        let line = words.join(" ");
        ensure!(output.status.success(), "`openstack {line}`: {errors}");
        match output.stdout.as_slice() {
            [] => Ok(Value::Null),
            said => serde_json::from_slice(said).with_context(|| format!("`openstack {line}`")),
        }
    }

    /// Makes a network of these fields with the subnet 10.0.0.0/24; gives its identifier.
    pub async fn network(&self, name: &str, fields: &Value) -> Result<String> {
        let mut all = json!({"name": name, "admin_state_up": true});
        merge(&mut all, fields);
        let network = self.api().create("network", &all).await?;
        let id = identifier(&network)?;
        let subnet = json!({"network_id": id, "cidr": "10.0.0.0/24", "ip_version": 4,
                            "enable_dhcp": false, "gateway_ip": null});
        self.api().create("subnet", &subnet).await?;
        Ok(id)
    }

    /// A TAP of the cloud itself for [`Station`] `number`, to be altered before it is made.
    pub fn tap(network: &str, host: &Host, number: u8) -> Value {
        json!({
            "network_id": network, "name": format!("tap{number}"),
            "mac_address": format!("fa:16:3e:00:00:{number:02x}"),
            "fixed_ips": [{"ip_address": format!("10.0.0.{number}")}],
            "device_owner": "network:weft", "device_id": format!("weft-{number}"),
            "binding:host_id": host.name().as_str(),
        })
    }

    /// Puts the device of a TAP port, which is effective, into a machine that does only what it is
    /// told. `number` is the one of its port.
    pub fn station(&self, host: &Host, port: &str, number: u8) -> Result<Station> {
        let namespace = self.lab.namespace(&format!("st-{number}"))?;
        let device = weft_model::PortId::new(port)?.tap_name();
        host.namespace().give(device.as_str(), &namespace)?;
        Station::open(port, Arc::new(namespace), device.as_str(), number)
    }

    /// Runs one of networking-weft's programs with Neutron's configuration; gives its success and what it
    /// printed.
    pub async fn tool(&self, program: &str, words: &[&str]) -> Result<(bool, String)> {
        let mut command = self.venv.command(program);
        command
            .arg("--config-file")
            .arg(self.neutrons[0].config())
            .args(words);
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output()
            .await?;
        let printed = [output.stdout, output.stderr].concat();
        Ok((
            output.status.success(),
            String::from_utf8_lossy(&printed).into_owned(),
        ))
    }

    // ===== waiting =====

    /// Waits until Neutron says that a port has this status; gives the port.
    pub async fn status(&self, port: &str, status: &str) -> Result<Value> {
        let look = async || {
            let shown = self.api().show("port", port).await?;
            if shown["status"] == status {
                return Ok(Ok(shown));
            }
            Ok(Err(format!("{} {}", shown["status"], shown["weft:status"])))
        };
        self.until(&format!("that port {port} is {status}"), look)
            .await
    }

    /// Looks again and again until `look` gives a value.
    pub async fn until<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Result<T, String>>,
    ) -> Result<T> {
        let mut last = String::new();
        let looking = async {
            loop {
                match look().await {
                    Ok(Ok(value)) => return Ok(value),
                    Ok(Err(seen)) => last = seen,
                    Err(error) => last = format!("{error:#}"),
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        match tokio::time::timeout(SOON, looking).await {
            Ok(value) => value,
            Err(_) => Err(anyhow!("waited in vain for {what}: {last}")),
        }
    }

    async fn agents_alive(&self) -> Result<()> {
        self.until("that Neutron knows all agents", async || {
            let agents = self.api().list("agent", "").await?;
            let alive = agents.iter().filter(|agent| agent["alive"] == true).count();
            Ok(if alive == self.hosts.len() {
                Ok(())
            } else {
                Err(format!("{agents:?}"))
            })
        })
        .await
    }

    /// Rows of agents that live for ever, for the driver that only looks at them.
    fn pretend_agents(&self) -> Result<()> {
        for host in &self.hosts {
            let name = host.name();
            self.database.query(&format!(
                "INSERT INTO agents (id, agent_type, `binary`, topic, host, admin_state_up, \
                 created_at, started_at, heartbeat_timestamp, configurations, `load`) VALUES \
                 (UUID(), 'OFA driver agent', 'fake', 'N/A', '{name}', 1, NOW(), NOW(), \
                 '2037-01-01', '{{\"interface_mappings\": {{\"physnet1\": \"br\"}}, \
                 \"tunnel_types\": [\"vxlan\"]}}', 0)"
            ))?;
        }
        Ok(())
    }

    // ===== agreement =====

    /// Waits until Neutron, the store and the dataplanes say the same of all ports: what Neutron has
    /// bound is in the store where it is bound and nowhere else, each host's dataplane has just
    /// the interfaces of its ports, and every TAP is ACTIVE.
    pub async fn agrees(&self) -> Result<()> {
        self.until("that all agree", async || self.disagreement().await)
            .await
    }

    async fn disagreement(&self) -> Result<Result<(), String>> {
        let waiting = "SELECT COUNT(*) FROM weft_journal WHERE due IS NOT NULL";
        let waiting = self.database.query(waiting)?;
        if waiting != ["0"] {
            return Ok(Err(format!("{waiting:?} rows are in the journal")));
        }
        let mut bound = BTreeSet::new();
        for port in self.api().list("port", "").await? {
            let text = |field: &str| port[field].as_str().unwrap_or_default().to_owned();
            let vif = text("binding:vif_type");
            if vif == "tap" && text("status") != "ACTIVE" {
                return Ok(Err(format!("{} is {}", text("id"), text("status"))));
            }
            if vif == "tap" || vif == "vhostuser" {
                bound.insert((text("binding:host_id"), text("id"), vif));
            }
        }
        let wanted: BTreeSet<_> = bound.iter().map(|(host, id, _)| (host, id)).collect();
        let nodes = self.store.range("/networking-vpp/nodes/").await?;
        let stored = nodes.kvs.iter().filter_map(|kv| {
            let rest = kv.key.strip_prefix("/networking-vpp/nodes/")?;
            rest.split_once("/ports/")
        });
        let stored: BTreeSet<_> = stored.map(|(h, p)| (h.to_owned(), p.to_owned())).collect();
        let stored: BTreeSet<_> = stored.iter().map(|(host, port)| (host, port)).collect();
        if let Some(differs) = wanted.symmetric_difference(&stored).next() {
            return Ok(Err(format!("{differs:?} is not in both Neutron and store")));
        }
        for host in &self.hosts {
            let contents = host.contents().await?;
            let name = host.name().to_string();
            let here: Vec<_> = bound.iter().filter(|(at, ..)| *at == name).collect();
            for (_, id, vif) in &here {
                let found = match vif.as_str() {
                    "tap" => contents.tap(id),
                    _ => contents.vhost_user(id),
                };
                if found.is_none() {
                    return Ok(Err(format!("{name} has no interface for {id}")));
                }
            }
            let taps = contents.taps().count();
            let wanted = here.iter().filter(|(.., vif)| vif == "tap").count();
            if taps != wanted {
                return Ok(Err(format!("{name} has {taps} TAPs, not {wanted}")));
            }
        }
        Ok(Ok(()))
    }

    // ===== the end =====

    /// An error with all that may help to understand it; the files stay.
    fn explained(&self, error: anyhow::Error) -> anyhow::Error {
        self.lab.keep_files();
        let files = self.lab.directory().display().to_string();
        error.context(format!("{}\nfiles: {files}\n", self.picture()))
    }

    /// Everything that may help to understand a failure.
    fn picture(&self) -> String {
        let mut text = format!("===== store\n{}", self.view.now().print());
        for neutron in &self.neutrons {
            let log = neutron.log();
            // What Neutron tells of itself while all is well is no help.
            let told = log
                .lines()
                .filter(|line| !line.contains(" INFO ") || line.contains("networking_weft"));
            let told: Vec<_> = told.collect();
            let told = tail(&told.join("\n"), 60);
            let _ = writeln!(text, "===== {}\n{told}", neutron.address());
        }
        for host in &self.hosts {
            let _ = writeln!(
                text,
                "===== {}\n{}",
                host.name(),
                tail(&host.agent_log(), 20)
            );
        }
        text
    }
}

/// Makes an OpenStack, runs `body` on it, and removes it; one at a time in this process. If `body` fails
/// or panics, the state of everything is printed first, and the files stay.
pub fn openstack(
    setup: OpenStackSetup,
    body: impl AsyncFnOnce(&OpenStack) -> Result<()>,
) -> Result<()> {
    static ONE: Mutex<()> = Mutex::new(());
    // A test that has failed leaves nothing behind that could matter.
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let all = OpenStack::start(&setup).await?;
        let body = AssertUnwindSafe(body(&all)).catch_unwind();
        let limit = if setup.has_limit {
            LIMIT
        } else {
            Duration::MAX
        };
        let result = match tokio::time::timeout(limit, body).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(anyhow!("panicked")),
            Err(_) => Err(anyhow!("not over within {limit:?}")),
        };
        result.map_err(|error| all.explained(error))
    })
}

/// The hosts' cables: between the two, or from the only one to nobody.
fn trunks(hosts: &[Host], nobody: &Namespace) -> Result<Vec<Veth>> {
    let Some(first) = hosts.first() else {
        return Ok(Vec::new());
    };
    let peer = hosts.get(1).map_or(nobody, Host::namespace);
    let cable = |trunk| Ok(first.namespace().cable(trunk, peer, trunk)?);
    ["trunk0", "trunk1"].into_iter().map(cable).collect()
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.clone());
    }
}

/// The identifier of what Neutron has made.
fn identifier(made: &Value) -> Result<String> {
    let id = made["id"].as_str();
    Ok(id
        .with_context(|| format!("{made} has no identifier"))?
        .to_owned())
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}
