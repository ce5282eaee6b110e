//! What stands between two vhost-user ports, with the machines at them. It stands still while it is not
//! measured, so that several can be measured in turns of parts of a second: what else goes on on the
//! machine, or under it, changes figures by more than what they are to show.
//!
//! What stands between has the first core and the machines' packets pass on the second.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::{Lab, Namespace};
use weft_tests::{Dataplane, DataplaneKind};

use super::KIND;
use super::MPACKETS;
use super::ports::{self, Ports};
use super::testpmd::{Machines, Testpmd};
use crate::rates::Rates;

/// One of those that are measured.
pub(super) struct Bed {
    pub(super) machines: Machines,
    /// Of a dataplane.
    pub(super) ports: Option<Ports>,
    /// The process that stands between.
    pid: u32,
    _dataplane: Option<(Dataplane, Namespace)>,
    _dpdk: Option<Testpmd>,
    _lab: Lab,
}

impl Bed {
    /// A dataplane, which stands still; `learn` says whether it learns where addresses are, or floods.
    pub(super) async fn dataplane(kind: &DataplaneKind, learn: bool) -> Result<Self> {
        let lab = Lab::new(KIND)?;
        let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
        let host = lab.namespace("host")?;
        let mut dataplane = kind.start(&lab, &host, "dataplane").await?;
        let pid = dataplane.process().pid();
        let process = pid.to_string();
        let first_core = ["--all-tasks", "--cpu-list", "--pid", "0", &process];
        run("taskset", &first_core)?;
        let ports = ports::make(dataplane.socket(), &sockets, learn).await?;
        let machines = Machines::start(&lab, "machines", &sockets).await?;
        let bed = Self {
            machines,
            ports: Some(ports),
            pid,
            _dataplane: Some((dataplane, host)),
            _dpdk: None,
            _lab: lab,
        };
        bed.set_running(false)?;
        Ok(bed)
    }

    /// DPDK's vhost library, which stands still; else it passes packets on as they come.
    pub(super) async fn dpdk() -> Result<Self> {
        let lab = Lab::new(KIND)?;
        let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
        let mut peer = Testpmd::start(&lab, "peer", &|command| {
            for (number, socket) in sockets.iter().enumerate() {
                let device = format!("net_vhost{number},iface={}", socket.display());
                command.arg("--vdev").arg(device);
            }
            // Its packets pass on the other core than those of the machines.
            command.args(["--main-lcore", "1", "--", "-i", "--nb-cores", "1"]);
        })?;
        peer.is_ready().await?;
        peer.say("start")?;
        let machines = Machines::start(&lab, "machines", &sockets).await?;
        let bed = Self {
            machines,
            ports: None,
            pid: peer.pid(),
            _dataplane: None,
            _dpdk: Some(peer),
            _lab: lab,
        };
        bed.set_running(false)?;
        Ok(bed)
    }

    /// Lets what stands between run, or stand still.
    pub(super) fn set_running(&self, is_running: bool) -> Result<()> {
        let signal = if is_running { "-CONT" } else { "-STOP" };
        run("kill", &[signal, &self.pid.to_string()])
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        // What stands still cannot be ended in order.
        let _ = self.set_running(true);
    }
}

/// Packets that circle through each of `beds`, measured in turns in `windows` windows of `window` each.
pub(super) async fn circle(
    beds: &mut [Bed],
    windows: usize,
    window: Duration,
) -> Result<Vec<Rates>> {
    for bed in &mut *beds {
        bed.set_running(true)?;
        bed.machines.begin_circle().await?;
        bed.set_running(false)?;
    }
    let mut rates = vec![Rates::of(MPACKETS); beds.len()];
    for _ in 0..windows {
        for (bed, rates) in beds.iter_mut().zip(&mut rates) {
            bed.set_running(true)?;
            rates.push(bed.machines.circle(window).await? / 1e6);
            bed.set_running(false)?;
        }
    }
    Ok(rates)
}

/// Runs a program to its end.
pub(super) fn run(program: &str, arguments: &[&str]) -> Result<()> {
    let done = Command::new(program).args(arguments).output();
    let done = done.with_context(|| format!("cannot run `{program}`"))?;
    ensure!(done.status.success(), "`{program}`: {done:?}");
    Ok(())
}
