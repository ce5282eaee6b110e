//! A cluster of three members of etcd, each of which can be killed and started again.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use weft_lab::{Lab, wait_until};
use weft_store::{Endpoint, Store, StoreConfig};

use super::free_port;
use super::running::Running;

/// How long a member may take until it answers.
const START: Duration = Duration::from_secs(30);

/// How many there are.
const MEMBERS: usize = 3;

/// The cluster; it ends when this is dropped.
#[derive(Debug)]
pub struct EtcdCluster {
    members: Vec<Member>,
}

#[derive(Debug)]
struct Member {
    name: String,
    directory: PathBuf,
    arguments: Vec<String>,
    process: Running,
}

/// A member's socket in its directory. etcd wants the form `host:port`.
const SOCKET: &str = "client:1";

impl EtcdCluster {
    /// Starts one and waits until every member answers.
    pub async fn start(lab: &Lab) -> Result<Self> {
        let peers: Vec<String> = (0..MEMBERS)
            .map(|_| Ok(format!("http://127.0.0.1:{}", free_port()?)))
            .collect::<Result<_>>()?;
        let names = (0..MEMBERS).map(|at| format!("etcd{at}"));
        let cluster: Vec<String> = names
            .clone()
            .zip(&peers)
            .map(|(name, peer)| format!("{name}={peer}"))
            .collect();
        let mut members = Vec::new();
        for (name, peer) in names.zip(&peers) {
            let directory = lab.path(&name);
            std::fs::create_dir(&directory)?;
            members.push(Member {
                arguments: vec![
                    format!("--name={name}"),
                    "--data-dir=data".to_owned(),
                    "--log-level=warn".to_owned(),
                    "--logger=zap".to_owned(),
                    format!("--listen-client-urls=unix://{SOCKET}"),
                    format!("--advertise-client-urls=unix://{SOCKET}"),
                    format!("--listen-peer-urls={peer}"),
                    format!("--initial-advertise-peer-urls={peer}"),
                    format!("--initial-cluster={}", cluster.join(",")),
                ],
                name,
                directory,
                process: Running::default(),
            });
        }
        let cluster = Self { members };
        for at in 0..MEMBERS {
            cluster.spawn(lab, at)?;
        }
        for at in 0..MEMBERS {
            cluster.answers(at).await?;
        }
        Ok(cluster)
    }

    /// The sockets of all members.
    pub fn sockets(&self) -> Vec<PathBuf> {
        let members = self.members.iter();
        members
            .map(|member| member.directory.join(SOCKET))
            .collect()
    }

    /// A client of all members.
    pub async fn client(&self) -> Result<Store> {
        let mut config = StoreConfig::new(self.sockets().into_iter().map(Endpoint::Unix));
        config.request_timeout = Duration::from_secs(10);
        Ok(Store::connect(config).await?)
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Kills a member, as a crash would. Its data stay.
    pub fn kill(&self, at: usize) {
        self.members[at].process.kill();
    }

    /// Starts a member that was killed, and waits until it answers.
    pub async fn start_again(&self, lab: &Lab, at: usize) -> Result<()> {
        self.spawn(lab, at)?;
        self.answers(at).await
    }

    fn spawn(&self, lab: &Lab, at: usize) -> Result<()> {
        let member = &self.members[at];
        let _ = std::fs::remove_file(member.directory.join(SOCKET));
        let mut command = Command::new("etcd");
        command
            .current_dir(&member.directory)
            .args(&member.arguments);
        member.process.is(lab.spawn(&member.name, command)?);
        Ok(())
    }

    async fn answers(&self, at: usize) -> Result<()> {
        let socket = self.members[at].directory.join(SOCKET);
        let store = Store::connect(StoreConfig::new([Endpoint::Unix(socket)])).await?;
        wait_until("the answer of a member of etcd", START, async || {
            Ok(store.revision().await.map_err(|error| error.to_string()))
        })
        .await?;
        Ok(())
    }
}
