//! One host of many in overlay networks: from the start of its agent, with all that the others say in
//! the store, to its last tunnel, MAC address and neighbour; and one port more on another host.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::json;
use weft_model::{HostName, Key, Mac, MacAdvertisement, OverlaySegment};
use weft_store::Op;
use weft_tests::DataplaneKind;

use super::bed::{Bed, Carrier, Policy, Who, port_id};
use super::plane::Plane;
use super::relay::Device;
use super::replay::Recording;
use crate::report::{Table, milliseconds, seconds, times};

/// How long the agent may take for all of it.
const LIMIT: Duration = Duration::from_secs(120);

/// How long nothing must come of it until it counts as done.
const LATER: Duration = Duration::from_millis(500);

/// The message that makes a remote MAC address known.
const STATIC_MAC: &str = "l2fib_add_del";

/// The message that has ARP and ND answered.
const NEIGHBOUR: &str = "bd_ip_mac_add_del";

/// How many hosts there are, each with how many ports, on how many networks together. Host 0 is the
/// real one.
#[derive(Clone, Copy, Debug)]
struct Cloud {
    hosts: usize,
    ports: usize,
    networks: usize,
}

impl Cloud {
    /// The network of a port, from 0. Ports go round the networks.
    fn network(self, host: usize, port: usize) -> usize {
        (host * self.ports + port) % self.networks
    }

    fn segment(self, host: usize, port: usize) -> Result<OverlaySegment> {
        let vni = self.network(host, port) + 1;
        Ok(format!("gpe.{vni}").parse()?)
    }

    /// The other hosts and their ports that share a network with the real one.
    fn neighbours(self) -> impl Iterator<Item = (usize, usize)> {
        let all =
            (1..self.hosts).flat_map(move |host| (0..self.ports).map(move |port| (host, port)));
        all.filter(move |(host, port)| self.network(*host, *port) < self.ports)
    }
}

/// Measures it.
pub(super) async fn run(kind: &DataplaneKind, quick: bool) -> Result<Table> {
    let cloud = Cloud {
        hosts: if quick { 100 } else { 1000 },
        ports: 100,
        networks: 500,
    };
    let carrier = Carrier::Overlay(underlay(0));
    let mut bed = Bed::start_with(kind, Device::Loopback, Policy::Open, carrier, true).await?;
    let ours = (0..cloud.ports).map(|port| our_port(&bed, cloud, port));
    bed.write(ours.collect::<Result<_>>()?).await?;
    let others = (1..cloud.hosts).flat_map(|host| (0..cloud.ports).map(move |port| (host, port)));
    let said = others.map(|(host, port)| advertisement(&bed, cloud, host, port));
    bed.write(said.collect::<Result<_>>()?).await?;

    let remote = cloud.neighbours().count();
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (macs, neighbours) = (count(remote), count(remote + cloud.ports));
    bed.proxy()?.record();
    let begin = Instant::now();
    bed.spawn_agent()?;
    bed.proxy()?.reached(STATIC_MAC, macs, LIMIT).await?;
    bed.proxy()?.reached(NEIGHBOUR, neighbours, LIMIT).await?;
    let programmed = begin.elapsed();
    bed.effective(cloud.ports).await?;
    bed.quiet(LATER).await?;
    let recording = Recording::of(super::AGENT, bed.proxy()?.recorded());
    let floor = floor(kind, &recording).await.context("while replaying")?;

    let mut table = Table::new(format!(
        "one host of {} with {} ports each on {} GPE networks: {remote} MAC addresses behind other \
         hosts are its business",
        cloud.hosts, cloud.ports, cloud.networks
    ));
    table.ratio(
        "start of the agent to all of it programmed",
        seconds(programmed),
        format!(
            "floor: its {} messages replayed, {}",
            recording.len(),
            seconds(floor)
        ),
        times(programmed, floor),
        None,
    );
    let memory = [
        ("agent RSS", Who::Agent),
        ("dataplane RSS", Who::Dataplane),
        ("store RSS", Who::Store),
    ];
    for (what, who) in memory {
        let rss = bed.rss(who)?;
        table.figure(what, format!("{rss:.1} MB"));
    }
    let (host, port) = cloud
        .neighbours()
        .next()
        .context("nobody shares a network with it")?;
    let known = one_more(&bed, cloud, host, port, cloud.hosts).await?;
    told(
        &mut table,
        "one port more on a host with a tunnel",
        known,
        Some(2.0),
    );
    let stranger = one_more(&bed, cloud, cloud.hosts + 1, 0, cloud.hosts + 1).await?;
    told(&mut table, "one port on a host without", stranger, None);
    table.note(format!("messages: {}", recording.names()));
    Ok(table)
}

fn told(table: &mut Table, what: &str, (messages, took): (u64, Duration), most: Option<f64>) {
    table.ratio(
        format!("{what}: messages to the dataplane"),
        format!("{messages}"),
        "",
        messages as f64,
        most,
    );
    table.figure(
        format!("{what}: from the store to its last message"),
        milliseconds(took),
    );
}

/// Has a host say that it has one more port on the network of `host`'s port; answers how many messages
/// came of it and after what time the last one was sent.
async fn one_more(
    bed: &Bed,
    cloud: Cloud,
    host: usize,
    port: usize,
    station: usize,
) -> Result<(u64, Duration)> {
    let segment = if host < cloud.hosts {
        cloud.segment(host, port)?
    } else {
        cloud.segment(0, 0)?
    };
    let put = put(bed, segment, host, cloud.ports * station)?;
    bed.proxy()?.reset();
    let begin = Instant::now();
    bed.write(vec![put]).await?;
    bed.proxy()?.reached(STATIC_MAC, 1, LIMIT).await?;
    bed.proxy()?.reached(NEIGHBOUR, 1, LIMIT).await?;
    let took = begin.elapsed();
    // What it has to say, it has said by then.
    tokio::time::sleep(LATER).await;
    let tally = bed.proxy()?.tally();
    let signs_of_life = tally.of("control_ping") + tally.of("memclnt_keepalive_reply");
    Ok((tally.total() - signs_of_life, took))
}

fn our_port(bed: &Bed, cloud: Cloud, port: usize) -> Result<Op> {
    let segment = cloud.segment(0, port)?;
    let record = json!({
        "mac_address": mac(port),
        "mtu": 1450,
        "physnet": null,
        "network_type": "gpe",
        "segmentation_id": segment.vni.get(),
        "binding_type": "tap",
        "fixed_ips": [{ "subnet_id": "s", "ip_address": station(port) }],
        "allowed_address_pairs": [],
        "security_groups": [],
        "port_security_enabled": false,
    });
    let key = Key::Port(bed.host().clone(), port_id(port)?);
    Ok(Op::put(
        bed.keys().text(&key),
        record.to_string().into_bytes(),
    ))
}

fn advertisement(bed: &Bed, cloud: Cloud, host: usize, port: usize) -> Result<Op> {
    put(
        bed,
        cloud.segment(host, port)?,
        host,
        host * cloud.ports + port,
    )
}

fn put(bed: &Bed, segment: OverlaySegment, host: usize, number: usize) -> Result<Op> {
    let name = HostName::new(format!("compute-{host}"))?;
    let key = bed
        .keys()
        .text(&Key::MacAdvertisement(segment, name, mac(number)));
    let said = MacAdvertisement {
        host: underlay(host),
        ips: [station(number)].into(),
        revision: 1,
    };
    Ok(Op::put(key, said.to_json().to_string().into_bytes()))
}

fn octets(number: usize) -> [u8; 3] {
    let [.., a, b, c] = number.to_be_bytes();
    [a, b, c]
}

fn mac(number: usize) -> Mac {
    let [a, b, c] = octets(number);
    Mac::new([0xfa, 0x16, 0x3e, a, b, c])
}

/// The address of a machine.
fn station(number: usize) -> IpAddr {
    let [a, b, c] = octets(number);
    Ipv4Addr::new(10, a, b, c).into()
}

/// The address of a host on the underlay.
fn underlay(host: usize) -> IpAddr {
    let [_, a, b] = octets(host + 1);
    Ipv4Addr::new(172, 16, a, b).into()
}

/// The same messages at a fresh dataplane.
async fn floor(kind: &DataplaneKind, recording: &Recording) -> Result<Duration> {
    let lab = weft_lab::Lab::new(super::bed::KIND)?;
    let plane = Plane::start(&lab, kind, Device::Loopback, "floor").await?;
    let (recording, socket) = (recording.clone(), plane.socket().to_owned());
    tokio::task::spawn_blocking(move || recording.replay(&socket)).await?
}
