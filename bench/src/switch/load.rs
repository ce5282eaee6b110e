//! What is sent between two machines, and how much of it arrives.

use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use weft_lab::Namespace;
use weft_packet::BufferPool;
use weft_ports::{NetNs, PacketPort, PacketPortConfig, TxScratch};

use super::path::{ADDRESSES, DEVICE};

/// Bytes of a short packet, without frame check sequence.
const SHORT: usize = 60;
/// Short packets sent at a time.
const BATCH: usize = 64;
/// Pings for the round trip.
const PINGS: u32 = 400;
/// How long a program may take to be ready.
const PATIENCE: Duration = Duration::from_secs(10);

/// What got through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// TCP payload.
    pub(super) bits_per_second: f64,
    /// Short packets.
    pub(super) packets_per_second: f64,
    /// The shortest of many, seconds: the others tell how busy the machine is.
    pub(super) round_trip: f64,
}

/// Measures everything, each for `time`.
pub(super) fn measure([one, two]: &[Namespace; 2], time: Duration) -> Result<Load> {
    let round_trip = round_trip(one).context("ping")?;
    Ok(Load {
        round_trip,
        bits_per_second: stream(one, two, time).context("iperf3")?,
        packets_per_second: short_packets(one, two, time).context("short packets")?,
    })
}

/// The shortest of many pings, after a few that let everybody learn.
fn round_trip(from: &Namespace) -> Result<f64> {
    let [_, to] = ADDRESSES;
    from.run(&["ping", "-n", "-q", "-c", "5", "-i", "0.05", "-W", "2", to])?;
    let count = PINGS.to_string();
    let report = from.run(&["ping", "-n", "-q", "-c", &count, "-i", "0.002", to])?;
    let times = report
        .lines()
        .find_map(|line| line.strip_prefix("rtt min/avg/max/mdev = "))
        .context("ping says nothing of round trips")?;
    let shortest = times.split('/').next().context("ping's times")?;
    let milliseconds: f64 = shortest.parse()?;
    Ok(milliseconds / 1e3)
}

/// What `iperf3` brings across on one connection.
fn stream(from: &Namespace, to: &Namespace, time: Duration) -> Result<f64> {
    let mut server = to
        .command("iperf3")
        .arg("--server")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("install Debian's iperf3")?;
    let received = stream_from(from, time);
    server.kill()?;
    server.wait()?;
    received
}

/// The client's side; tries again until the server listens.
fn stream_from(from: &Namespace, time: Duration) -> Result<f64> {
    let [_, address] = ADDRESSES;
    let seconds = time.as_secs().max(1).to_string();
    let client = ["iperf3", "--client", address, "--time", &seconds, "--json"];
    let started = Instant::now();
    loop {
        let report = from.run(&client).map_err(anyhow::Error::from);
        // A failure is told in the report, too, and not always by the exit code.
        match report.and_then(|report| bits_received(&report)) {
            Ok(bits) => return Ok(bits),
            Err(error) if started.elapsed() > PATIENCE => return Err(error),
            Err(_) => std::thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn bits_received(report: &str) -> Result<f64> {
    let report: serde_json::Value = serde_json::from_str(report)?;
    report["end"]["sum_received"]["bits_per_second"]
        .as_f64()
        .with_context(|| format!("iperf3: {}", report["error"]))
}

/// Short packets that arrive in a second while they are sent as fast as one thread can.
fn short_packets(from: &Namespace, to: &Namespace, time: Duration) -> Result<f64> {
    let frame = frame(mac(from)?, mac(to)?);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| send(from, &frame, &is_over));
        // The first moments belong to the caches.
        std::thread::sleep(Duration::from_millis(200));
        let (before, started) = (received(to)?, Instant::now());
        std::thread::sleep(time);
        let (after, elapsed) = (received(to)?, started.elapsed());
        is_over.store(true, Ordering::Relaxed);
        match sender.join() {
            Ok(sent) => sent?,
            Err(_) => bail!("the sender panicked"),
        }
        Ok((after - before) as f64 / elapsed.as_secs_f64())
    })
}

fn send(from: &Namespace, frame: &[u8], is_over: &AtomicBool) -> Result<()> {
    let config = PacketPortConfig {
        host_if_name: DEVICE.to_owned(),
        qdisc_bypass: true,
        ..PacketPortConfig::default()
    };
    let (port, _receiver) =
        NetNs::open(from.name()).and_then(|home| home.run(|| PacketPort::open(&config)))?;
    let mut pool = BufferPool::new(2 * BATCH);
    let mut scratch = TxScratch::default();
    while !is_over.load(Ordering::Relaxed) {
        let batch: Option<Vec<_>> = (0..BATCH).map(|_| pool.alloc_from(frame)).collect();
        let batch = batch.context("no buffers")?;
        port.tx().tx(&mut pool, &batch, &mut scratch);
    }
    Ok(())
}

/// A frame of a type that no one answers (IEEE 802 local experimental).
fn frame(from: [u8; 6], to: [u8; 6]) -> Vec<u8> {
    let mut frame = [&to[..], &from[..], &[0x88, 0xb5]].concat();
    frame.resize(SHORT, 0);
    frame
}

fn mac(machine: &Namespace) -> Result<[u8; 6]> {
    let link = link(machine)?;
    let text = link["address"].as_str().context("no address")?;
    let bytes: Result<Vec<u8>, _> = text
        .split(':')
        .map(|byte| u8::from_str_radix(byte, 16))
        .collect();
    bytes?
        .try_into()
        .ok()
        .context("an address of another length")
}

fn received(machine: &Namespace) -> Result<u64> {
    let packets = &link(machine)?["stats64"]["rx"]["packets"];
    packets.as_u64().context("no count of packets")
}

fn link(machine: &Namespace) -> Result<serde_json::Value> {
    let text = machine.ip(&["-json", "-statistics", "link", "show", "dev", DEVICE])?;
    let mut links: Vec<serde_json::Value> = serde_json::from_str(&text)?;
    links.pop().context("no such device")
}
