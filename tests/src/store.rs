//! The store of a cloud: the server's embedded one, or etcd.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use weft_lab::{Lab, Namespace, Process};
use weft_store::{Endpoint, Store, StoreConfig};

use crate::binary::weft_binary;

/// How long a store may take until it answers.
const START: Duration = Duration::from_secs(20);

/// Which store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The one within `weft server`.
    Embedded,
    /// Debian's etcd.
    Etcd,
}

/// A store that can be stopped, started again, and wiped. Its socket stays the same.
#[derive(Debug)]
pub struct StoreServer {
    kind: StoreKind,
    directory: PathBuf,
    server_config: PathBuf,
    process: Mutex<Option<Process>>,
}

/// Its socket in the directory. etcd wants the form `host:port`.
const SOCKET: &str = "store:1";

impl StoreServer {
    /// Prepares a store; [`Self::start`] starts it.
    pub fn new(lab: &Lab, kind: StoreKind) -> Result<Self> {
        let directory = lab.path("store");
        std::fs::create_dir(&directory)?;
        let server_config = lab.write(
            "server.toml",
            &format!(
                "listen = \"127.0.0.1:7090\"\n[embedded]\npath = \"{0}/data/store.db\"\n\
                 listen = [\"unix://{0}/{SOCKET}\"]\n",
                directory.display()
            ),
        )?;
        Ok(Self {
            kind,
            directory,
            server_config,
            process: Mutex::new(None),
        })
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    /// A client that talks to it directly.
    pub async fn client(&self) -> Result<Store> {
        let mut config = StoreConfig::new([Endpoint::Unix(self.socket())]);
        config.request_timeout = Duration::from_secs(10);
        Ok(Store::connect(config).await?)
    }

    /// Starts it in `namespace` and waits until it answers.
    pub async fn start(&self, lab: &Lab, namespace: &Namespace) -> Result<()> {
        let _ = std::fs::remove_file(self.socket());
        let command = match self.kind {
            StoreKind::Embedded => {
                let mut command = namespace.command(&weft_binary()?.to_string_lossy());
                command
                    .arg("server")
                    .arg("--config")
                    .arg(&self.server_config);
                command
            }
            StoreKind::Etcd => self.etcd(namespace),
        };
        let mut process = lab.spawn("store", command)?;
        let client = self.client().await?;
        let answers = weft_lab::wait_until("the store's answer", START, async || {
            process.check()?;
            Ok(client.revision().await.map_err(|error| error.to_string()))
        });
        answers.await?;
        *self.process() = Some(process);
        Ok(())
    }

    /// The number of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process().as_ref().map(Process::pid)
    }

    /// Kills it, as a crash would. Its data stays.
    pub fn kill(&self) {
        if let Some(mut process) = self.process().take() {
            process.kill();
        }
    }

    /// Kills it and removes its data.
    pub fn wipe(&self) -> Result<()> {
        self.kill();
        std::fs::remove_dir_all(self.directory.join("data"))?;
        Ok(())
    }

    fn process(&self) -> std::sync::MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn etcd(&self, namespace: &Namespace) -> Command {
        let mut command = namespace.command("etcd");
        command.current_dir(&self.directory).args([
            "--data-dir=data",
            "--log-level=warn",
            "--logger=zap",
            "--initial-cluster=default=unix://peer:1",
            "--initial-advertise-peer-urls=unix://peer:1",
            "--listen-peer-urls=unix://peer:1",
        ]);
        command.arg(format!("--listen-client-urls=unix://{SOCKET}"));
        command.arg(format!("--advertise-client-urls=unix://{SOCKET}"));
        command
    }
}
