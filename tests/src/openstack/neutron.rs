//! One Neutron server: its API, gunicorn with workers on a port of the loopback device, and
//! `neutron-periodic-workers`, which runs what drivers have to do besides.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use weft_lab::{Lab, wait_until};

use super::rest::Rest;
use super::running::Running;
use super::venv::{Venv, scripts};

/// How long a server may take until it answers: a few seconds where the machine has nothing else to do.
const START: Duration = Duration::from_secs(180);

/// Threads of a worker.
const THREADS: u32 = 8;

/// A server that can be killed and started again. Its address stays the same.
#[derive(Debug)]
pub struct Neutron {
    name: String,
    address: SocketAddr,
    directory: PathBuf,
    workers: u32,
    venv: Venv,
    rest: Rest,
    api: Running,
    worker: Running,
    lab: Arc<Lab>,
}

impl Neutron {
    /// Prepares a server with the configuration `text`; [`Self::start`] starts it.
    pub(super) fn new(
        lab: &Arc<Lab>,
        venv: &Venv,
        name: &str,
        address: SocketAddr,
        workers: u32,
        text: &str,
    ) -> Result<Self> {
        let directory = lab.path(name);
        std::fs::create_dir(&directory)?;
        // What its machine has for itself.
        let state = directory.display();
        let text = format!(
            "{text}[DEFAULT]\nstate_path = {state}\n[oslo_concurrency]\nlock_path = {state}/lock\n"
        );
        std::fs::write(directory.join("neutron.conf"), text)?;
        Ok(Self {
            name: name.to_owned(),
            address,
            directory,
            workers,
            venv: venv.clone(),
            rest: Rest::new(address)?,
            api: Running::default(),
            worker: Running::default(),
            lab: Arc::clone(lab),
        })
    }

    /// Starts what does not run of it, and waits until it answers.
    pub async fn start(&self) -> Result<()> {
        if !self.worker.is_there() {
            let mut command = self.venv.command("neutron-periodic-workers");
            command.arg("--config-file").arg(self.config());
            self.worker
                .is(self.lab.spawn(&self.worker_name(), command)?);
        }
        if !self.api.is_there() {
            let mut api = self.lab.spawn(&self.name, self.api_command())?;
            wait_until("Neutron's answer", START, async || {
                api.check()?;
                let versions = self.rest.get("/").await;
                Ok(versions.map(drop).map_err(|error| error.to_string()))
            })
            .await?;
            self.api.is(api);
        }
        Ok(())
    }

    fn api_command(&self) -> Command {
        let mut command = self.venv.command("gunicorn");
        command
            .env("PYTHONPATH", scripts())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("OS_NEUTRON_CONFIG_DIR", &self.directory)
            .env("OS_NEUTRON_CONFIG_FILES", "neutron.conf")
            .arg(format!("--bind={}", self.address))
            .arg(format!("--workers={}", self.workers))
            .arg(format!("--threads={THREADS}"))
            .args([
                "--worker-class=gthread",
                "--timeout=600",
                "--graceful-timeout=2",
            ])
            .args(["--log-level=warning", "neutron_api:application"]);
        command
    }

    /// Kills the API with its processes.
    pub fn kill_api(&self) {
        self.api.kill_all();
    }

    /// Kills what drivers have to do besides.
    pub fn kill_worker(&self) {
        self.worker.kill_all();
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its API.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.join("neutron.conf")
    }

    /// What it has logged, all its processes together.
    pub fn log(&self) -> String {
        [self.name.clone(), self.worker_name()]
            .map(|name| self.lab.path(&format!("{name}.log")))
            .map(|path| std::fs::read_to_string(path).unwrap_or_default())
            .concat()
    }

    fn worker_name(&self) -> String {
        format!("{}-worker", self.name)
    }
}
