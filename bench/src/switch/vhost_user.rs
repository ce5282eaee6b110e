//! Packets between two vhost-user ports, beside DPDK's own vhost library.
//!
//! One `dpdk-testpmd` has both ends (virtio-user) and sends on at the one what comes in by the
//! other, so that 64-byte packets circle through the dataplane both ways for as long as it is
//! measured. In the dataplane's place a second `dpdk-testpmd` then passes them between two of its
//! vhost devices: it polls without end, looks at no address, and is as fast as this gets. Each has the
//! first core, and the machines the second.

use std::time::Duration;

use anyhow::Result;
use weft_lab::Lab;
use weft_tests::DataplaneKind;

use super::testpmd::{Machines, Testpmd};
use super::{KIND, Rates, pin, ports};
use crate::report::Table;

/// Windows in a turn.
const WINDOWS: usize = 4;

/// Measures both, in turns, with windows of `window`.
pub(crate) async fn run(kind: &DataplaneKind, turns: usize, window: Duration) -> Result<Table> {
    let (mut own, mut peer) = (Rates::default(), Rates::default());
    for _ in 0..turns {
        own.extend(dataplane(kind, window).await?);
        peer.extend(dpdk(window).await?);
    }
    let mut table = Table::new("64-byte packets between two vhost-user ports");
    let beside = format!("(DPDK's vhost, polling: {peer})");
    let ratio = peer.median() / own.median();
    table.ratio("both ways together", own.to_string(), beside, ratio, None);
    Ok(table)
}

async fn dataplane(kind: &DataplaneKind, window: Duration) -> Result<Vec<f64>> {
    let lab = Lab::new(KIND)?;
    let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
    let host = lab.namespace("host")?;
    let mut dataplane = kind.start(&lab, &host, "dataplane").await?;
    pin(dataplane.process().pid())?;
    let _ports = ports::make(dataplane.socket(), &sockets, true).await?;
    let mut machines = Machines::start(&lab, "machines", &sockets).await?;
    machines.circle(WINDOWS, window).await
}

async fn dpdk(window: Duration) -> Result<Vec<f64>> {
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
    let mut machines = Machines::start(&lab, "machines", &sockets).await?;
    machines.circle(WINDOWS, window).await
}
