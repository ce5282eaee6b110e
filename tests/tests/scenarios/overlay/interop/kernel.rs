//! The Linux kernel as a host with a machine on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use weft_lab::{Namespace, ping, wait_until};
use weft_model::Mac;
use weft_tests::{Cloud, Underlay};

/// The end of the underlay's cable.
pub(super) const DEVICE: &str = "trunk1";

/// Of the machine there.
pub(super) const MAC: Mac = Mac::new([0xfa, 0x16, 0x3e, 0, 0, 0x63]);

/// Where neighbours are asked who has its address of IPv6 (RFC 4291 §2.7.1, RFC 2464 §7).
pub(super) const SOLICITED: Mac = Mac::new([0x33, 0x33, 0xff, 0, 0, 0x63]);

/// How long it may take until packets pass.
const REACH: Duration = Duration::from_secs(15);

/// A `vxlan` device to the first host in the namespace at the other end of its cable. The machine is
/// the device itself.
#[derive(Debug)]
pub(super) struct FarEnd {
    underlay: Underlay,
    vni: u32,
}

/// Its address in the underlay.
pub(super) fn address(underlay: Underlay) -> IpAddr {
    match underlay {
        Underlay::V4 => Ipv4Addr::new(192, 0, 2, 99).into(),
        Underlay::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x99).into(),
    }
}

/// Another address of the underlay there, with which nobody has a tunnel.
pub(super) fn strange_address(underlay: Underlay) -> IpAddr {
    match underlay {
        Underlay::V4 => Ipv4Addr::new(192, 0, 2, 98).into(),
        Underlay::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x98).into(),
    }
}

impl FarEnd {
    pub(super) fn new(cloud: &Cloud, underlay: Underlay, vni: u32) -> Result<Self> {
        let namespace = cloud.control();
        super::wire(namespace, true)?;
        for local in [address(underlay), strange_address(underlay)] {
            match underlay {
                Underlay::V4 => {
                    let text = format!("{local}/24");
                    namespace.ip(&["address", "add", &text, "dev", DEVICE])?;
                }
                Underlay::V6 => with_ipv6(namespace, DEVICE, &format!("{local}/64"))?,
            }
        }
        let (local, remote) = (
            address(underlay).to_string(),
            cloud.a().underlay(underlay).to_string(),
        );
        let (id, mac) = (vni.to_string(), MAC.to_string());
        namespace.ip(&[
            "link", "add", "machine", "address", &mac, "type", "vxlan", "id", &id, "dstport",
            "4789", "local", &local, "remote", &remote,
        ])?;
        namespace.configure("machine", "10.0.0.99/24")?;
        with_ipv6(namespace, "machine", "fd00::63/64")?;
        Ok(Self { underlay, vni })
    }

    /// Says to all agents what an agent there would.
    pub(super) async fn advertise(&self, cloud: &Cloud, network_type: &str) -> Result<()> {
        let path = format!("global/networks/{network_type}/{}/linux/{MAC}", self.vni);
        let record = json!({
            "host": address(self.underlay),
            "ips": ["10.0.0.99", "fd00::63"],
            "revision": 1,
        });
        cloud.set(&path, &record).await?;
        Ok(())
    }
}

/// Gives a device an address of IPv6, which namespaces have switched off; nobody asks whether
/// another has it.
pub(super) fn with_ipv6(namespace: &Namespace, device: &str, address: &str) -> Result<()> {
    let switch = format!("/proc/sys/net/ipv6/conf/{device}/disable_ipv6");
    namespace.run(&["sh", "-c", &format!("echo 0 > {switch}")])?;
    namespace.ip(&["address", "add", address, "dev", device, "nodad"])?;
    Ok(())
}

/// Waits until three packets in a row to `address` are answered.
pub(super) async fn answers(from: &Namespace, address: IpAddr) -> Result<()> {
    let what = format!("an answer of {address} in {}", from.name());
    let seen = wait_until(&what, REACH, async || {
        let report = ping(from, address, 3).await?;
        Ok(if report.lost == 0 {
            Ok(())
        } else {
            Err(format!("{report:?}"))
        })
    });
    Ok(seen.await?)
}

/// A counter of `/proc/net/snmp`: a line of names and a line of values, each behind the protocol.
pub(super) fn counter(snmp: &str, protocol: &str, name: &str) -> Result<u64> {
    let mut lines = snmp.lines().filter(|line| line.starts_with(protocol));
    let mut words = || Some(lines.next()?.split_whitespace());
    let (names, values) = words().zip(words()).context("no such protocol")?;
    let found = names.zip(values).find(|(found, _)| *found == name);
    let (_, value) = found.with_context(|| format!("no counter {name}"))?;
    Ok(value.parse()?)
}
