//! A `weft server` on the cluster.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use weft_lab::{Lab, wait_until};

use super::free_port;
use super::rest::Rest;
use super::running::Running;
use crate::binary::weft_binary;

/// How long it may take until it answers.
const START: Duration = Duration::from_secs(20);

/// A server that can be killed and started again. Its address stays the same.
#[derive(Debug)]
pub struct WeftServer {
    name: String,
    address: SocketAddr,
    config: PathBuf,
    rest: Rest,
    process: Running,
    lab: Arc<Lab>,
}

impl WeftServer {
    /// Prepares a server on the store at `stores`; [`Self::start`] starts it.
    pub(super) fn new(lab: &Arc<Lab>, name: &str, stores: &[PathBuf]) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let endpoints = stores
            .iter()
            .map(|store| format!("\"unix://{}\"", store.display()));
        let endpoints: Vec<_> = endpoints.collect();
        let text = format!(
            "listen = \"{address}\"\n[store]\nendpoints = [{}]\n",
            endpoints.join(", ")
        );
        Ok(Self {
            name: name.to_owned(),
            address,
            config: lab.write(&format!("{name}.toml"), &text)?,
            rest: Rest::new(address)?,
            process: Running::default(),
            lab: Arc::clone(lab),
        })
    }

    /// Starts it and waits until it answers.
    pub async fn start(&self) -> Result<()> {
        let mut command = Command::new(weft_binary()?);
        command.arg("server").arg("--config").arg(&self.config);
        let mut process = self.lab.spawn(&self.name, command)?;
        wait_until("the server's answer", START, async || {
            process.check()?;
            let health = self.rest.get("/healthz").await;
            Ok(health.map(drop).map_err(|error| error.to_string()))
        })
        .await?;
        self.process.is(process);
        Ok(())
    }

    /// Kills it, as a crash would.
    pub fn kill(&self) {
        self.process.kill();
    }

    /// Where its API is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Its API.
    pub fn rest(&self) -> &Rest {
        &self.rest
    }
}
