//! What Wireshark, which is not ours, makes of the VXLAN packets on a cable.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::Mutex;
use weft_lab::{Lab, Namespace, Process, wait_until};
use weft_model::Mac;

/// How long `tshark` may take until it captures.
const START: Duration = Duration::from_secs(20);

/// How long a packet may take until it is captured, dissected and written.
const SOON: Duration = Duration::from_secs(10);

/// UDP ports of VXLAN (RFC 7348 §5) and VXLAN-GPE (draft-ietf-nvo3-vxlan-gpe-12 §3.4), whatever the
/// fragment.
const FILTER: &str = "udp port 4789 or udp port 4790";

/// What is asked of each packet, in the order of [`Tunnelled::parse`].
const FIELDS: [&str; 19] = [
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ip.ttl",
    "ip.checksum.status",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.hlim",
    "udp.checksum.status",
    "udp.srcport",
    "udp.dstport",
    "udp.payload",
    "vxlan.vni",
    "vxlan.next_proto",
    "eth.src",
    "eth.dst",
    "arp.opcode",
    "icmp.type",
    "icmpv6.type",
];

/// A capture of what passes a device with tunnels on it, in both directions, until it is dropped.
#[derive(Debug)]
pub struct Dissection {
    log: PathBuf,
    process: Mutex<Process>,
}

/// A packet of a tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnelled {
    /// The outer addresses.
    pub outer: (IpAddr, IpAddr),
    /// Time to live or hop limit of the outer header.
    pub ttl: u8,
    /// Of the outer headers: of IP (none for IPv6) and of UDP.
    pub checksums: (Option<Checksum>, Checksum),
    /// Source and destination port of UDP.
    pub ports: (u16, u16),
    /// The header of VXLAN or VXLAN-GPE.
    pub header: [u8; 8],
    /// The VNI that Wireshark reads in it, if it takes it for what it is.
    pub vni: Option<u32>,
    /// What Wireshark says is inside, if it takes the header for that of VXLAN-GPE
    /// (draft-ietf-nvo3-vxlan-gpe-12 §3.2).
    pub next_protocol: Option<u8>,
    /// Source and destination of the frame inside.
    pub inner: (Mac, Mac),
    /// The operation, if the frame inside is ARP.
    pub arp: Option<u16>,
    /// The type, if the frame inside is ICMP or ICMPv6.
    pub icmp: Option<u8>,
}

/// What Wireshark says of a checksum (`proto_checksum_enum_e`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is wrong, or may not be what it is.
    Bad,
    /// It is right.
    Good,
    /// There is none: zero in UDP over IPv4 (RFC 768).
    Absent,
}

impl Dissection {
    /// Begins to watch a device.
    pub async fn start(lab: &Lab, namespace: &Namespace, device: &str) -> Result<Self> {
        let mut command = namespace.command("tshark");
        // It leaves its file of packets behind when it is stopped.
        command.env("TMPDIR", lab.directory());
        command.args(["-i", device, "-f", FILTER, "-n", "-l", "-T", "fields"]);
        command.args(["-o", "ip.check_checksum:TRUE"]);
        command.args(["-o", "udp.check_checksum:TRUE"]);
        command.args(["-o", "udp.ignore_ipv6_zero_checksum:FALSE"]);
        for field in FIELDS {
            command.args(["-e", field]);
        }
        let name = format!("{}-{device}-tshark", namespace.name());
        let mut process = lab.spawn(&name, command)?;
        let log = process.log().to_owned();
        wait_until("tshark to capture", START, async || {
            process.check()?;
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            Ok(if said.contains("Capturing on") {
                Ok(())
            } else {
                Err(said)
            })
        })
        .await?;
        let process = Mutex::new(process);
        Ok(Self { log, process })
    }

    /// What has passed so far, in order.
    pub fn packets(&self) -> Result<Vec<Tunnelled>> {
        let said = std::fs::read_to_string(&self.log)?;
        // The last line may not be whole.
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| line.starts_with("eth:"));
        lines
            .map(|line| Tunnelled::parse(line).with_context(|| format!("`{line}`")))
            .collect()
    }

    /// Waits until a packet has passed that looks so; gives it.
    pub async fn sees(&self, what: &str, look: impl Fn(&Tunnelled) -> bool) -> Result<Tunnelled> {
        let seen = wait_until(what, SOON, async || {
            self.process.lock().await.check()?;
            Ok(match self.packets() {
                Ok(packets) => match packets.iter().find(|packet| look(packet)) {
                    Some(found) => Ok(found.clone()),
                    None => Err(format!("{packets:#?}")),
                },
                Err(error) => Err(format!("{error:#}")),
            })
        });
        Ok(seen.await?)
    }
}

impl Tunnelled {
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split('\t').collect();
        let &[
            protocols,
            ip_source,
            ip_destination,
            ttl,
            ip_checksum,
            ipv6_source,
            ipv6_destination,
            hop_limit,
            udp_checksum,
            source_port,
            destination_port,
            payload,
            vni,
            next_protocol,
            sources,
            destinations,
            arp,
            icmp,
            icmpv6,
        ] = fields.as_slice()
        else {
            return None;
        };
        let is_ipv4 = protocols.starts_with("eth:ethertype:ip:");
        let (source, destination, ttl) = if is_ipv4 {
            (ip_source, ip_destination, ttl)
        } else {
            (ipv6_source, ipv6_destination, hop_limit)
        };
        let mut header = [0; 8];
        for (index, byte) in header.iter_mut().enumerate() {
            let digits = first(payload).get(2 * index..2 * index + 2)?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Self {
            outer: (
                first(source).parse().ok()?,
                first(destination).parse().ok()?,
            ),
            ttl: first(ttl).parse().ok()?,
            checksums: (
                is_ipv4.then(|| Checksum::parse(first(ip_checksum))),
                Checksum::parse(first(udp_checksum)),
            ),
            ports: (
                first(source_port).parse().ok()?,
                first(destination_port).parse().ok()?,
            ),
            header,
            vni: first(vni).parse().ok(),
            next_protocol: first(next_protocol).parse().ok(),
            inner: (
                last(sources).parse().ok()?,
                last(destinations).parse().ok()?,
            ),
            arp: last(arp).parse().ok(),
            icmp: last(icmp).parse().or_else(|_| last(icmpv6).parse()).ok(),
        })
    }
}

impl Checksum {
    fn parse(status: &str) -> Self {
        match status {
            "1" => Self::Good,
            "3" => Self::Absent,
            _ => Self::Bad,
        }
    }
}

/// The outermost of several values of a field.
fn first(field: &str) -> &str {
    field.split(',').next().unwrap_or_default()
}

/// The innermost of several values of a field.
fn last(field: &str) -> &str {
    field.rsplit(',').next().unwrap_or_default()
}
