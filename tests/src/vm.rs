//! Namespaces that play virtual machines.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use weft_lab::{Lab, Namespace, Ping, Process, ping, wait_until};

/// How long it may take until packets pass: addresses are resolved, links come up.
const REACH: Duration = Duration::from_secs(10);

/// A virtual machine with one address, in a /24.
#[derive(Debug)]
pub struct Vm {
    name: String,
    address: Ipv4Addr,
    namespace: Namespace,
    lab: Arc<Lab>,
}

impl Vm {
    pub(crate) fn new(lab: &Arc<Lab>, name: &str, address: [u8; 4]) -> Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            address: address.into(),
            namespace: lab.namespace(name)?,
            lab: Arc::clone(lab),
        })
    }

    /// Where it runs.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Takes a device out of a host's namespace and uses it.
    pub fn plug(&self, host: &Namespace, device: &str) -> Result<()> {
        host.give(device, &self.namespace)?;
        Ok(self
            .namespace
            .configure(device, &format!("{}/24", self.address))?)
    }

    /// Waits until three packets in a row are answered by `other`.
    pub async fn reaches(&self, other: &Self) -> Result<()> {
        let what = format!("an answer of {} to {}", other.name, self.name);
        let seen = wait_until(&what, REACH, async || {
            let report = ping(&self.namespace, other.address.into(), 3).await?;
            Ok(if report.lost == 0 {
                Ok(())
            } else {
                Err(format!("{report:?}"))
            })
        });
        Ok(seen.await?)
    }

    /// Five packets to `other` must all stay without an answer.
    pub async fn reaches_not(&self, other: &Self) -> Result<()> {
        let report = ping(&self.namespace, other.address.into(), 5).await?;
        ensure!(
            report.received == 0,
            "{} must not reach {}, but there were answers: {report:?}",
            self.name,
            other.name
        );
        Ok(())
    }

    /// Its address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Begins to receive streams (`iperf3`), until the result is dropped.
    pub fn stream_server(&self, lab: &Lab) -> Result<Process> {
        let mut command = self.namespace.command("iperf3");
        command.arg("--server");
        Ok(lab.spawn(&format!("iperf3-{}", self.name), command)?)
    }

    /// Sends a stream to `target` for a second; gives the bytes that the other end says to have
    /// received.
    pub async fn stream(&self, target: &str) -> Result<u64> {
        let received = wait_until("that somebody receives a stream", REACH, async || {
            let words = ["iperf3", "--json", "--time", "1", "--client", target];
            let printed = match self.namespace.run(&words) {
                Ok(printed) => printed,
                Err(error) => return Ok(Err(error.to_string())),
            };
            let report: Value = serde_json::from_str(&printed).unwrap_or_default();
            let bytes = report
                .pointer("/end/sum_received/bytes")
                .and_then(Value::as_u64);
            Ok(bytes.ok_or(printed))
        });
        Ok(received.await?)
    }

    /// Begins to ping `other` until the result is stopped. Every packet counts.
    pub fn pings(&self, other: &Self) -> Result<Ping> {
        let name = format!("ping-{}-{}", self.name, other.name);
        Ok(Ping::start(
            &self.lab,
            &name,
            &self.namespace,
            other.address.into(),
        )?)
    }
}
