//! Overlay networks: machines of several hosts on one network, in tunnels between them.
//!
//! Station `n` has the MAC address `fa:16:3e:00:00:n`, 10.0.0.n and fd00::n. VXLAN-GPE is not tried over IPv6, where no release of VPP builds its headers right.

mod interop;
mod lifetime;
mod moves;
mod network;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;
use weft_store::{Change, Event, Revision};
use weft_tests::packet::Packet;
use weft_tests::{Cloud, Host, HostConfig, Port, Setup, Station, Underlay};

/// The network of all ports.
const VNI: u32 = 7;

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

/// Hosts with an underlay.
fn hosts(count: usize, underlay: Underlay) -> Setup {
    hosts_with_lease(count, underlay, Duration::from_secs(10))
}

/// The same with leases of this length.
fn hosts_with_lease(count: usize, underlay: Underlay, lease_ttl: Duration) -> Setup {
    let config = HostConfig {
        lease_ttl,
        ..HostConfig::default()
    };
    Setup::hosts(count).config(config.underlay(underlay))
}

/// Binds a port of a GPE network and opens the machine behind it.
async fn boot(cloud: &Cloud, host: &Host, port: &str, number: u8) -> Result<Station> {
    let record = Port::overlay(number, "gpe", VNI);
    cloud.bind(host, port, &record).await?;
    cloud.station(host, port, number)
}

/// A packet that no other is like.
fn udp(from: &Station, to: &Station) -> Packet {
    Packet::udp(from.v4(), to.v4(), (1000, 2000))
}

/// The same over IPv6.
fn udp6(from: &Station, to: &Station) -> Packet {
    Packet::udp(from.v6(), to.v6(), (1000, 2000))
}

/// Both reach each other.
async fn connected(one: &Station, two: &Station) -> Result<()> {
    one.will_pass(two, "there", &udp(one, two)).await?;
    two.will_pass(one, "and back", &udp(two, one)).await?;
    one.will_pass(two, "over IPv6", &udp6(one, two)).await?;
    two.will_pass(one, "and back over IPv6", &udp6(two, one))
        .await
}

/// How many tunnels a host's dataplane has.
async fn tunnels(host: &Host) -> Result<usize> {
    let contents = host.contents().await?;
    let is_tunnel = |tag: String| tag.starts_with("weft.gpe.") || tag.starts_with("weft.vxlan.");
    let interfaces = contents.interfaces();
    Ok(interfaces
        .filter(|details| is_tunnel(details.tag.to_string()))
        .count())
}

/// The path of what a host says of a station in the GPE network.
fn advertisement(host: &Host, number: u8) -> String {
    format!(
        "global/networks/gpe/{VNI}/{}/fa:16:3e:00:00:{number:02x}",
        host.name()
    )
}

/// Waits until the store says, or does not say, that a station is on a host.
async fn advertised(cloud: &Cloud, host: &Host, number: u8, there: bool) -> Result<()> {
    let path = advertisement(host, number);
    let what = format!("that {path} is there: {there}");
    let look = cloud.view().until(&what, SOON, |state| {
        if state.get(&path).is_some() == there {
            Ok(())
        } else {
            Err(String::new())
        }
    });
    look.await
}

/// Which hosts the store has ever said to have a station, one revision after the other.
async fn owners(cloud: &Cloud, number: u8) -> Result<Vec<BTreeSet<String>>> {
    let end: Revision = cloud.set("global/networks/vxlan/1", &json!({})).await?;
    let prefix = "/networking-vpp/global/networks/".to_owned();
    let mut history = cloud.store().subscribe_from(vec![prefix], 1);
    let suffix = format!("/fa:16:3e:00:00:{number:02x}");
    let host_of = |key: &str| {
        let key = key.strip_suffix(&suffix)?;
        key.rsplit('/').next().map(str::to_owned)
    };
    let (mut now, mut all) = (BTreeSet::new(), Vec::new());
    while let Some(event) = history.next().await {
        let Event::Changes { revision, changes } = event? else {
            continue;
        };
        for change in changes {
            let Some(host) = host_of(change.key()) else {
                continue;
            };
            match change {
                Change::Put(_) => now.insert(host),
                Change::Delete { .. } => now.remove(&host),
            };
        }
        all.push(now.clone());
        if revision >= end {
            break;
        }
    }
    history.close().await;
    ensure!(!all.is_empty(), "the store has no history");
    Ok(all)
}
