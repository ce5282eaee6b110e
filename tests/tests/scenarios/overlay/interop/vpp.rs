//! The embedded switch and VPP as each other's far end, whichever of them the environment asks for. It
//! says where a VPP is (`WEFT_VPP_BINARY`); where there is none, each test says that it was skipped.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result, ensure};
use weft_lab::Namespace;
use weft_model::Mac;
use weft_tests::{Cloud, DataplaneKind, Dissection, HostConfig, Setup, Underlay, Vm, scenario};

use super::{REQUEST, STREAM, device, is_as_the_rfc_wants, kernel, machine, wire};
use kernel::answers;

/// Where neighbours are asked who has fd00::2 and fd00::1 (RFC 4291 §2.7.1, RFC 2464 §7), as the
/// machine of the first and of the second host would.
const SOLICITED: [Mac; 2] = [
    Mac::new([0x33, 0x33, 0xff, 0, 0, 2]),
    Mac::new([0x33, 0x33, 0xff, 0, 0, 1]),
];

/// Two machines, the first behind the switch, the second behind VPP.
fn with_vpp(test: &str, network_type: &str, underlay: Underlay) -> Result<()> {
    let Some(vpp) = DataplaneKind::vpp_from_environment() else {
        // Past the test harness, which keeps what successful tests print.
        writeln!(
            std::io::stderr(),
            "{test}: skipped, since WEFT_VPP_BINARY does not say where a VPP is"
        )?;
        return Ok(());
    };
    let setup = Setup::hosts(2)
        .config(HostConfig::default().underlay(underlay))
        .dataplanes(vec![DataplaneKind::Switch, vpp]);
    scenario(setup, async |cloud| {
        for host in cloud.hosts() {
            wire(host.namespace(), true)?;
        }
        let cable = Dissection::start(cloud.lab(), cloud.b().namespace(), kernel::DEVICE).await?;
        let one = machine(cloud, 1, network_type).await?;
        let two = machine(cloud, 2, network_type).await?;
        for host in cloud.hosts() {
            cloud.fence(host).await?;
        }
        // Each begins, in both versions of IP, and knows nobody before.
        for (from, to) in [
            (&one, ["10.0.0.2", "fd00::2"]),
            (&two, ["10.0.0.1", "fd00::1"]),
        ] {
            let machine = from.namespace();
            machine.ip(&["neighbour", "flush", "dev", &device(from)?])?;
            for address in to {
                answers(machine, address.parse()?).await?;
                what_was_offered_passes(machine, underlay, address.parse()?)?;
            }
        }
        all_is_as_the_rfc_wants(cloud, &cable, network_type, underlay).await?;
        streams_pass(cloud, &one, &two).await
    })
}

/// The longest packet of the MTU that machines are offered, unfragmented.
fn what_was_offered_passes(from: &Namespace, underlay: Underlay, to: IpAddr) -> Result<()> {
    let offered = match underlay {
        Underlay::V4 => 1450,
        Underlay::V6 => 1430,
    };
    // The headers of IP and ICMP.
    let headers = if to.is_ipv4() { 28 } else { 48 };
    let (size, to) = ((offered - headers).to_string(), to.to_string());
    from.run(&[
        "ping", "-n", "-c", "3", "-i", "0.2", "-W", "5", "-M", "do", "-s", &size, &to,
    ])?;
    Ok(())
}

/// What both sent, apart from whatever else is on the cable.
async fn all_is_as_the_rfc_wants(
    cloud: &Cloud,
    cable: &Dissection,
    network_type: &str,
    underlay: Underlay,
) -> Result<()> {
    for (host, solicited) in cloud.hosts().iter().zip(SOLICITED) {
        let near = host.underlay(underlay);
        // Echo and its reply, of both versions.
        for kind in [8, 0, 128, 129] {
            let seen = cable.sees("an echo of ICMP or its reply", |packet| {
                packet.outer.0 == near && packet.icmp == Some(kind)
            });
            seen.await?;
        }
        let packets = cable.packets()?;
        for packet in packets.iter().filter(|packet| packet.outer.0 == near) {
            is_as_the_rfc_wants(packet, near, network_type == "gpe")
                .with_context(|| format!("from {}", host.name()))?;
            // Who the other is was answered on the machine's own host.
            let asks = packet.arp == Some(REQUEST) || packet.inner.1 == solicited;
            ensure!(!asks, "{packet:#?}");
        }
    }
    Ok(())
}

/// TCP from either to the other, whose packets are as long as may be.
async fn streams_pass(cloud: &Cloud, one: &Vm, two: &Vm) -> Result<()> {
    for (from, to) in [(one, two), (two, one)] {
        let _server = to.stream_server(cloud.lab())?;
        let address: Ipv4Addr = to.address();
        let bytes = from.stream(&address.to_string()).await?;
        ensure!(bytes > STREAM, "{bytes} bytes passed to {address}");
    }
    Ok(())
}

#[test]
fn vxlan_over_ipv4_with_vpp() -> Result<()> {
    with_vpp("vxlan_over_ipv4_with_vpp", "vxlan", Underlay::V4)
}

#[test]
fn vxlan_over_ipv6_with_vpp() -> Result<()> {
    with_vpp("vxlan_over_ipv6_with_vpp", "vxlan", Underlay::V6)
}

/// Over IPv6 VPP builds no headers that could be read.
#[test]
fn vxlan_gpe_over_ipv4_with_vpp() -> Result<()> {
    with_vpp("vxlan_gpe_over_ipv4_with_vpp", "gpe", Underlay::V4)
}
