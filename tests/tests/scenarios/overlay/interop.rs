//! With others than ourselves: the Linux kernel's `vxlan` device and VPP as the far end, both ways, and
//! Wireshark for what is on the cable (RFC 7348, draft-ietf-nvo3-vxlan-gpe).
//!
//! The kernel's device has no mode for Ethernet in VXLAN-GPE: there the far end is VPP, or another host
//! of ours with Wireshark as the judge.

mod kernel;
mod vpp;

use std::net::{IpAddr, SocketAddr, UdpSocket};

use anyhow::{Context, Result, ensure};
use weft_lab::Namespace;
use weft_model::Mac;
use weft_ports::NetNs;
use weft_tests::packet::{Packet, Party};
use weft_tests::{
    Checksum, Cloud, Dissection, HostConfig, Port, Setup, Tunnelled, Underlay, Vm, scenario,
};

use kernel::{FarEnd, answers};

const VNI: u32 = 0x00a5_0001;

/// Bytes that a stream must bring in its second for more than single packets to have passed.
const STREAM: u64 = 1 << 20;

/// ARP's question (RFC 826).
const REQUEST: u16 = 1;

/// A machine with both versions of IP on a port of the network.
async fn machine(cloud: &Cloud, number: u8, network_type: &str) -> Result<Vm> {
    let host = cloud
        .hosts()
        .get(usize::from(number) - 1)
        .context("a host")?;
    let name = format!("m{number}");
    let vm = cloud.vm(&name, [10, 0, 0, number])?;
    let port = Port::overlay(number, network_type, VNI);
    cloud
        .boot(host, &format!("port-{number}"), &port, &vm)
        .await?;
    let address = format!("fd00::{number:x}/64");
    kernel::with_ipv6(vm.namespace(), &device(&vm)?, &address)?;
    Ok(vm)
}

/// What every packet that a host of ours sends must be.
fn is_as_the_rfc_wants(packet: &Tunnelled, from: IpAddr, gpe: bool) -> Result<()> {
    let (port, head, next_protocol) = if gpe {
        // Version 0, instance and next protocol bit; Ethernet.
        (4790, [0x0c, 0, 0, 3], Some(3))
    } else {
        // The I flag, all else reserved (RFC 7348 §5).
        (4789, [0x08, 0, 0, 0], None)
    };
    ensure!(packet.outer.0 == from, "the source: {packet:#?}");
    let known = (packet.vni, packet.next_protocol);
    ensure!(
        known == (Some(VNI), next_protocol),
        "what it is: {packet:#?}"
    );
    ensure!(packet.ports.1 == port, "the port: {packet:#?}");
    let [_, a, b, c] = VNI.to_be_bytes();
    let [flags, version, reserved, protocol] = head;
    let header = [flags, version, reserved, protocol, a, b, c, 0];
    ensure!(packet.header == header, "the header: {packet:#?}");
    ensure!(packet.ttl > 1, "time to live: {packet:#?}");
    // Over IPv4 there need not be one (RFC 7348 §5); those that leave together get one.
    let has_right_checksums = match packet.checksums {
        (Some(Checksum::Good), udp) => udp == Checksum::Absent || udp == Checksum::Good,
        (None, udp) => from.is_ipv6() && udp == Checksum::Good,
        _ => false,
    };
    ensure!(has_right_checksums, "checksums: {packet:#?}");
    Ok(())
}

/// Has the end of a cable do, or leave to a card, what a card would do, so that at the other end there is
/// what would be on a wire. (VPP takes for broken what is left to a card, and a cable is none.)
fn wire(end: &Namespace, on: bool) -> Result<()> {
    let tx = if on { "off" } else { "on" };
    end.run(&["ethtool", "--offload", kernel::DEVICE, "tx", tx])?;
    Ok(())
}

fn vxlan_with_linux(underlay: Underlay) -> Result<()> {
    let setup = Setup::hosts(1).config(HostConfig::default().underlay(underlay));
    scenario(setup, async |cloud| {
        let host = cloud.a();
        let near = host.underlay(underlay);
        wire(host.namespace(), true)?;
        let far = FarEnd::new(cloud, underlay, VNI)?;
        far.advertise(cloud, "vxlan").await?;
        let cable = Dissection::start(cloud.lab(), cloud.control(), kernel::DEVICE).await?;
        let vm = machine(cloud, 1, "vxlan").await?;
        cloud.fence(host).await?;

        // Both ways, each begun by either side, in both versions of IP.
        for (from, to) in [
            (vm.namespace(), ["10.0.0.99", "fd00::63"]),
            (cloud.control(), ["10.0.0.1", "fd00::1"]),
        ] {
            for address in to {
                answers(from, address.parse()?).await?;
            }
        }
        let echo = |kind| {
            cable.sees("an echo of ICMP from here", move |packet| {
                packet.outer.0 == near && packet.icmp == Some(kind)
            })
        };
        let (v4, v6) = (echo(8).await?, echo(128).await?);
        ensure!(
            v4.inner == (Mac::new([0xfa, 0x16, 0x3e, 0, 0, 1]), kernel::MAC),
            "{v4:#?}"
        );
        // Flows can be told apart, and one flow keeps its way.
        ensure!(v4.ports.0 != v6.ports.0, "{v4:#?} {v6:#?}");
        let packets = cable.packets()?;
        let ours: Vec<_> = packets
            .iter()
            .filter(|packet| packet.outer.0 == near)
            .collect();
        for packet in &ours {
            is_as_the_rfc_wants(packet, near, false)?;
            if packet.icmp == Some(8) {
                ensure!(packet.ports.0 == v4.ports.0, "{packet:#?} {v4:#?}");
            }
        }
        // Who the far end is was answered here. (That the machine asks for itself, once, is no question.)
        for packet in ours {
            let asks = packet.arp == Some(REQUEST) || packet.inner.1 == kernel::SOLICITED;
            ensure!(!asks, "{packet:#?}");
        }
        // As much as possible at once.
        wire(host.namespace(), false)?;
        let mut server = cloud.control().command("iperf3");
        server.arg("--server");
        let _server = cloud.lab().spawn("iperf3-linux", server)?;
        let bytes = vm.stream("10.0.0.99").await?;
        ensure!(bytes > STREAM, "a stream of {bytes} bytes");
        what_is_too_long_is_not_lost_unsaid(cloud, underlay, &vm).await?;
        what_is_not_ours_is_dropped_by_name(cloud, underlay, &vm).await
    })
}

/// What a machine was offered passes unfragmented. Of what is longer, VPP fragments the outer packet of
/// IPv4, and drops that of IPv6 (`ip4_rewrite` and `ip6_rewrite` in `src/vnet/ip`).
async fn what_is_too_long_is_not_lost_unsaid(
    cloud: &Cloud,
    underlay: Underlay,
    vm: &Vm,
) -> Result<()> {
    let machine = vm.namespace();
    // The underlay's 1500 octets without the headers of the tunnel.
    let (offered, longest) = match underlay {
        Underlay::V4 => ("1450", "1422"),
        Underlay::V6 => ("1430", "1402"),
    };
    let device = device(vm)?;
    let mtu = machine.run(&["cat", &format!("/sys/class/net/{device}/mtu")])?;
    ensure!(mtu.trim() == offered, "the MTU of {device}: {mtu}");
    let to = "10.0.0.99";
    machine.run(&[
        "ping", "-n", "-c", "1", "-W", "5", "-M", "do", "-s", longest, to,
    ])?;
    machine.ip(&["link", "set", &device, "mtu", "1500"])?;
    let reassembled = || -> Result<u64> {
        let counters = cloud.control().run(&["cat", "/proc/net/snmp"])?;
        kernel::counter(&counters, "Ip:", "ReasmOKs")
    };
    let dropped = async || count(cloud, "ip6-input", "ip6 MTU exceeded").await;
    let before = (reassembled()?, dropped().await?);
    // What comes back is as long, and is no matter here.
    let _ = machine.run(&["ping", "-n", "-c", "1", "-W", "1", "-s", "1472", to]);
    let seen = weft_lab::wait_until(
        "a long packet",
        std::time::Duration::from_secs(5),
        async || {
            let now = (reassembled().unwrap_or(0), dropped().await.unwrap_or(0));
            let come = match underlay {
                Underlay::V4 => now.0 > before.0,
                Underlay::V6 => now.1 > before.1,
            };
            Ok(if come {
                Ok(())
            } else {
                Err(format!(
                    "reassembled there and dropped here: {before:?}, then {now:?}"
                ))
            })
        },
    );
    seen.await?;
    machine.ip(&["link", "set", &device, "mtu", offered])?;
    Ok(())
}

/// The device of a machine.
fn device(vm: &Vm) -> Result<String> {
    let devices = vm.namespace().run(&["ls", "/sys/class/net"])?;
    let device = devices.split_whitespace().find(|name| *name != "lo");
    Ok(device.context("its device")?.to_owned())
}

/// Packets of strangers, in pieces or malformed, count and go no further.
async fn what_is_not_ours_is_dropped_by_name(
    cloud: &Cloud,
    underlay: Underlay,
    vm: &Vm,
) -> Result<()> {
    let host = cloud.a();
    let node = match underlay {
        Underlay::V4 => "vxlan4-input",
        Underlay::V6 => "vxlan6-input",
    };
    let before = received(vm)?;
    let to = SocketAddr::new(host.underlay(underlay), 4789);
    let far = SocketAddr::new(kernel::address(underlay), 0);
    let stranger = SocketAddr::new(kernel::strange_address(underlay), 0);
    let sockets = NetNs::open(cloud.control().name())?;
    let bind = |address| sockets.run(|| Ok(UdpSocket::bind(address)));
    let (far, stranger) = (bind(far)??, bind(stranger)??);
    let party = |mac, ip: [u8; 4]| Party::new(mac, std::net::Ipv4Addr::from(ip));
    let from = party(kernel::MAC, [10, 0, 0, 99]);
    let here = party(Mac::new([0xfa, 0x16, 0x3e, 0, 0, 1]), [10, 0, 0, 1]);
    let frame = Packet::udp(from, here, (7, 7)).frame();
    let [_, a, b, c] = VNI.to_be_bytes();
    let no_tunnel = "no such tunnel packets";
    let bad_flags = "packets with bad flags";
    for (what, socket, header, reason) in [
        (
            "another network",
            &far,
            [8, 0, 0, 0, a, b, c ^ 1, 0],
            no_tunnel,
        ),
        (
            "another host",
            &stranger,
            [8, 0, 0, 0, a, b, c, 0],
            no_tunnel,
        ),
        ("no VNI", &far, [0, 0, 0, 0, a, b, c, 0], bad_flags),
        (
            "flags that nobody knows",
            &far,
            [0xff, 0, 0, 0, a, b, c, 0],
            bad_flags,
        ),
    ] {
        let counted = count(cloud, node, reason).await?;
        socket.send_to(&[&header[..], &frame].concat(), to)?;
        weft_lab::wait_until(what, std::time::Duration::from_secs(5), async || {
            let now = count(cloud, node, reason).await.unwrap_or_default();
            Ok(if now == counted + 1 {
                Ok(())
            } else {
                Err(format!("{reason} at {node}: {now}, was {counted}"))
            })
        })
        .await?;
    }
    // Nothing at all inside, half of a frame, and then a good one: all is as it was.
    for cut in [0, 5, 13] {
        let header = [8, 0, 0, 0, a, b, c, 0];
        far.send_to(
            &[&header[..], frame.get(..cut).unwrap_or_default()].concat(),
            to,
        )?;
    }
    far.send_to(&[8, 0, 0], to)?;
    answers(vm.namespace(), "10.0.0.99".parse()?).await?;
    let after = received(vm)?;
    ensure!(
        before == after,
        "datagrams that arrived: {before}, then {after}"
    );
    Ok(())
}

/// How many datagrams of UDP have come to a machine, wanted or not.
fn received(vm: &Vm) -> Result<u64> {
    let counters = vm.namespace().run(&["cat", "/proc/net/snmp"])?;
    let counter = |name| kernel::counter(&counters, "Udp:", name);
    Ok(counter("InDatagrams")? + counter("NoPorts")?)
}

/// How often a node of the first host's dataplane had this reason.
async fn count(cloud: &Cloud, node: &str, reason: &str) -> Result<u64> {
    let (connection, events) = cloud.a().api().await?;
    let (_, said) = connection.cli("show errors").await?;
    events.close().await;
    let line = said
        .lines()
        .find(|line| line.contains(node) && line.contains(reason));
    let count = line.and_then(|line| line.split_whitespace().next());
    Ok(count.unwrap_or("0").parse()?)
}

#[test]
fn vxlan_over_ipv4_with_the_kernel_of_linux() -> Result<()> {
    vxlan_with_linux(Underlay::V4)
}

#[test]
fn vxlan_over_ipv6_with_the_kernel_of_linux() -> Result<()> {
    vxlan_with_linux(Underlay::V6)
}

#[test]
fn vxlan_gpe_is_what_wireshark_knows_as_such() -> Result<()> {
    let setup = Setup::hosts(2).config(HostConfig::default().underlay(Underlay::V4));
    scenario(setup, async |cloud| {
        for host in cloud.hosts() {
            wire(host.namespace(), true)?;
        }
        let cable = Dissection::start(cloud.lab(), cloud.b().namespace(), kernel::DEVICE).await?;
        let one = machine(cloud, 1, "gpe").await?;
        let two = machine(cloud, 2, "gpe").await?;
        for address in ["10.0.0.2", "fd00::2"] {
            answers(one.namespace(), address.parse()?).await?;
        }
        for address in ["10.0.0.1", "fd00::1"] {
            answers(two.namespace(), address.parse()?).await?;
        }
        for host in cloud.hosts() {
            let near = host.underlay(Underlay::V4);
            for kind in [8, 128] {
                cable
                    .sees("an echo of ICMP", |packet| {
                        packet.outer.0 == near && packet.icmp == Some(kind)
                    })
                    .await?;
            }
            let packets = cable.packets()?;
            for packet in packets.iter().filter(|packet| packet.outer.0 == near) {
                is_as_the_rfc_wants(packet, near, true)?;
            }
        }
        Ok(())
    })
}
