//! Security groups and anti-spoofing, with frames that must pass and frames that must not.
//!
//! The ports are TAPs that are secured like the ports of machines. A `guarded` port `web` is station
//! 1; beside it, in the same network, `peer` is station 2, which may send whatever it wants.

mod anti_spoofing;
mod changes;
mod members;
mod others;
mod restarts;
mod rules;

use anyhow::Result;
use weft_tests::{Cloud, HostConfig, Port, Setup, Station};

/// The VLAN of all ports.
const VLAN: u16 = 100;

/// One host whose TAPs are secured.
fn one_host() -> Setup {
    Setup::hosts(1).config(HostConfig::secured())
}

/// Two such hosts.
fn two_hosts() -> Setup {
    Setup::hosts(2).config(HostConfig::secured())
}

/// The guarded port of the first host, in these groups, and its free peer.
async fn guarded(cloud: &Cloud, groups: &[&str]) -> Result<(Station, Station)> {
    guarded_as(cloud, &Port::secured(1, VLAN, groups)).await
}

/// The same with another record of the guarded port.
async fn guarded_as(cloud: &Cloud, web: &Port) -> Result<(Station, Station)> {
    let host = cloud.a();
    cloud.bind(host, "web", web).await?;
    cloud.bind(host, "peer", &free(2)).await?;
    Ok((
        cloud.station(host, "web", 1)?,
        cloud.station(host, "peer", 2)?,
    ))
}

/// The record of a port that nothing guards.
fn free(number: u8) -> Port {
    Port::secured(number, VLAN, &[]).with("port_security_enabled", false)
}
