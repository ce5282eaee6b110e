//! What is checked with packets.

use std::time::Duration;

use anyhow::{Context, ensure};
use futures::future::try_join_all;
use weft_lab::{Capture, CapturedFrame, ping_within};
use weft_model::Mac;
use weft_server::PortView;

use super::topology::{HOSTS, STATIONS, Station, TRUNK, TUNNELLED, UNDERLAY, pairs};
use super::world::World;

/// Packets of one ping.
const PACKETS: u32 = 3;

/// Pings between every two stations, all at once: who shares a network reaches the other without a
/// loss, and nobody else gets an answer. Returns how many pairs did and did not.
pub(super) async fn reachability(world: &World<'_>) -> anyhow::Result<(usize, usize)> {
    // A tunnel's first packet is what finds the other host by ARP, and VPP drops it.
    let tunnelled = |(a, b): &(Station, Station)| a.reaches(*b) && a.network == TUNNELLED;
    for (a, b) in pairs().filter(tunnelled) {
        for (from, to) in [(b, a), (a, b)] {
            ping_within(world.place(from)?, to.ip(), 1, Duration::from_secs(10)).await?;
        }
    }
    let check = |(a, b): (Station, Station)| async move {
        let must = a.reaches(b);
        // Who answers does so at once unless the machine is very busy; who does not never will.
        let limit = Duration::from_secs(if must { 10 } else { 1 });
        let report = ping_within(world.place(a)?, b.ip(), PACKETS, limit).await?;
        if must {
            ensure!(
                report.received >= PACKETS && report.lost == 0 && report.duplicates == 0,
                "{} must reach {} ({}): {} of {} packets were answered, {} twice",
                a.name,
                b.name,
                a.network,
                report.received,
                report.sent,
                report.duplicates
            );
        } else {
            ensure!(
                report.received == 0,
                "{} ({}) must not reach {} ({}), but {} packets were answered",
                a.name,
                a.network,
                b.name,
                b.network,
                report.received
            );
        }
        Ok(must)
    };
    let reached = try_join_all(pairs().map(check)).await?;
    let must = reached.iter().filter(|must| **must).count();
    Ok((must, reached.len() - must))
}

/// The frames on the trunk, seen at both ends, and those on the underlay, seen at one.
pub(super) struct Trunk {
    captures: Vec<Capture>,
    underlay: Capture,
}

impl Trunk {
    pub(super) fn watch(world: &World<'_>) -> anyhow::Result<Self> {
        let capture = |host| Capture::start(world.host_namespace(host), TRUNK);
        Ok(Self {
            captures: (0..HOSTS.len()).map(capture).collect::<Result<_, _>>()?,
            underlay: Capture::start(world.host_namespace(0), UNDERLAY)?,
        })
    }

    /// Checks that each network's frames have its tag, in both directions, and tells how many there
    /// were of each.
    pub(super) fn check(&self, ports: &[PortView]) -> anyhow::Result<String> {
        let frames: Vec<Vec<CapturedFrame>> = self.captures.iter().map(Capture::frames).collect();
        let mut told = Vec::new();
        for network in ["blue", "green", "outside"] {
            let stations = STATIONS
                .into_iter()
                .filter(|station| station.network == network);
            let (mut macs, mut vlan) = (Vec::new(), None);
            for station in stations {
                vlan = station.vlan;
                if station.has_port() {
                    macs.push(mac_of(station, ports)?);
                }
            }
            let mut count = 0;
            for (end, frames) in HOSTS.iter().zip(&frames) {
                let of_network: Vec<&CapturedFrame> = frames
                    .iter()
                    .filter(|f| macs.contains(&f.source) || macs.contains(&f.destination))
                    .collect();
                ensure!(
                    !of_network.is_empty(),
                    "no frame of {network} has come to {end}"
                );
                let wrong = of_network.iter().find(|frame| frame.vlan != vlan);
                ensure!(
                    wrong.is_none(),
                    "a frame of {network} has come to {end} as {wrong:?}"
                );
                count += of_network.len();
            }
            let tag = vlan.map_or("untagged".to_owned(), |vlan| format!("VLAN {vlan}"));
            told.push(format!("{network} {tag} ({count})"));
        }
        told.push(format!(
            "{TUNNELLED} in tunnels ({})",
            self.tunnelled(ports, &frames)?
        ));
        Ok(told.join(", "))
    }

    /// Checks that no frame of the network in tunnels is on the trunk, and that there are frames
    /// between the hosts on the underlay; tells how many.
    fn tunnelled(
        &self,
        ports: &[PortView],
        frames: &[Vec<CapturedFrame>],
    ) -> anyhow::Result<usize> {
        let stations = STATIONS.into_iter().filter(|it| it.network == TUNNELLED);
        for station in stations {
            let mac = mac_of(station, ports)?;
            let astray = frames.iter().flatten().find(|frame| frame.source == mac);
            ensure!(
                astray.is_none(),
                "a frame of {TUNNELLED} is on the trunk: {astray:?}"
            );
        }
        let count = self.underlay.frames().len();
        ensure!(count > 0, "there is no frame on the underlay");
        Ok(count)
    }
}

fn mac_of(station: Station, ports: &[PortView]) -> anyhow::Result<Mac> {
    let port = ports.iter().find(|port| port.port == station.name);
    let mac = port.and_then(|port| port.record.get("mac_address")?.as_str());
    mac.with_context(|| format!("port {} has no MAC address", station.name))?
        .parse()
        .context("a MAC address is wrong")
}
