//! Packets between two vhost-user ports, beside DPDK's own vhost library.
//!
//! One `dpdk-testpmd` has both ends (virtio-user) and sends on at the one what comes in by the
//! other, so that 64-byte packets circle through the dataplane both ways for as long as it is
//! measured. In the dataplane's place a second `dpdk-testpmd` then passes them between two of its
//! vhost devices: it polls without end, looks at no address, and is as fast as this gets.

use std::time::Duration;

use anyhow::Result;
use weft_lab::Lab;
use weft_tests::DataplaneKind;

use super::ports;
use super::testpmd::{Testpmd, Traffic, send};

/// Packets per second that arrived, both ways together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    /// Through the dataplane.
    pub(super) dataplane: f64,
    /// Through DPDK.
    pub(super) dpdk: f64,
}

/// Measures both for `time` each.
pub(super) async fn measure(lab: &Lab, kind: &DataplaneKind, time: Duration) -> Result<Rates> {
    let sockets = [lab.path("a.vhost"), lab.path("b.vhost")];
    let dataplane = {
        let host = lab.namespace("host")?;
        let dataplane = kind.start(lab, &host, "dataplane").await?;
        let _ports = ports::make(dataplane.socket(), &sockets, true).await?;
        send(lab, "through-dataplane", &sockets, Traffic::Circling, time).await?
    };
    let mut peer = Testpmd::start(lab, "peer", &|command| {
        for (number, socket) in sockets.iter().enumerate() {
            let _ = std::fs::remove_file(socket);
            let device = format!("net_vhost{number},iface={}", socket.display());
            command.arg("--vdev").arg(device);
        }
        // Its packets pass on the other core than those of the source.
        command.args(["--main-lcore", "1", "--", "-i", "--nb-cores", "1"]);
    })?;
    peer.is_ready().await?;
    peer.say("start")?;
    let dpdk = send(lab, "through-dpdk", &sockets, Traffic::Circling, time).await?;
    Ok(Rates { dataplane, dpdk })
}
