//! Running one scenario.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures::FutureExt;

use crate::cloud::Cloud;
use crate::dataplane::DataplaneKind;
use crate::host::HostConfig;
use crate::store::StoreKind;

/// No scenario may take longer.
const LIMIT: Duration = Duration::from_secs(120);

/// The cloud that a scenario begins with.
#[derive(Clone, Debug)]
pub struct Setup {
    pub(crate) hosts: usize,
    pub(crate) store: StoreKind,
    pub(crate) config: HostConfig,
    pub(crate) agents: bool,
    pub(crate) dataplanes: Vec<DataplaneKind>,
}

impl Setup {
    /// This many hosts, one to three, with running agents, on the embedded store.
    pub fn hosts(hosts: usize) -> Self {
        Self {
            hosts,
            store: StoreKind::Embedded,
            config: HostConfig::default(),
            agents: true,
            dataplanes: Vec::new(),
        }
    }

    /// On another store.
    #[must_use]
    pub fn store(mut self, store: StoreKind) -> Self {
        self.store = store;
        self
    }

    /// With another configuration of the agents.
    #[must_use]
    pub fn config(mut self, config: HostConfig) -> Self {
        self.config = config;
        self
    }

    /// With these dataplanes, host by host, whatever the environment asks for; it chooses for hosts that
    /// are not named.
    #[must_use]
    pub fn dataplanes(mut self, dataplanes: Vec<DataplaneKind>) -> Self {
        self.dataplanes = dataplanes;
        self
    }

    /// The agents do not run yet.
    #[must_use]
    pub fn without_agents(mut self) -> Self {
        self.agents = false;
        self
    }
}

/// Makes a cloud, runs `body` on it, and removes it. If `body` fails or panics, the state of
/// everything is printed first, and the files stay.
pub fn scenario(setup: Setup, body: impl AsyncFnOnce(&Cloud) -> Result<()>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let cloud = Cloud::start(&setup).await?;
        let body = AssertUnwindSafe(body(&cloud)).catch_unwind();
        let result = match tokio::time::timeout(LIMIT, body).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(anyhow!("panicked: {}", message(panic.as_ref()))),
            Err(_) => Err(anyhow!("not over within {LIMIT:?}")),
        };
        if let Err(error) = result {
            cloud.lab().keep_files();
            let files = cloud.lab().directory().display().to_string();
            let picture = cloud.picture().await;
            return Err(error.context(format!("{picture}\nfiles: {files}\n")));
        }
        cloud.close()
    })
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message")
}
