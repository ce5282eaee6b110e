//! Many ports at once: from the first write into the store to the last port effective, beside the
//! messages alone.
//!
//! Each figure is the median of the turns, its floor's, too: on two processors it is a matter of luck how
//! the kernel spreads four processes over them, for the messages alone as well.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use weft_lab::Lab;
use weft_tests::DataplaneKind;

use super::bed::{Bed, PORTS_PER_NETWORK, Policy, Who};
use super::plane::Plane;
use super::relay::Device;
use super::replay::Recording;
use crate::report::{Table, percentile, seconds, times};

/// What one turn takes.
#[derive(Debug)]
struct Turn {
    /// From the first write to the answer that the last one is in the store.
    written: Duration,
    /// From the first write to the last port programmed.
    programmed: Duration,
    /// From the store having the first of them to the last port programmed.
    from_store: Duration,
    /// From the first write to each port effective.
    ports: Vec<Duration>,
    agent_cpu: Duration,
    dataplane_cpu: Duration,
    store_cpu: Duration,
    agent_rss: f64,
    dataplane_rss: f64,
    store_rss: f64,
}

/// Measures `count` ports, `turns` times.
pub(super) async fn run(
    kind: &DataplaneKind,
    device: Device,
    policy: Policy,
    count: usize,
    turns: usize,
) -> Result<Table> {
    let recording = record(kind, device, policy, count)
        .await
        .context("while recording")?;
    let mut measured = Vec::new();
    let (mut floors, mut write_floors) = (Vec::new(), Vec::new());
    let mut starts = Vec::new();
    for _ in 0..turns {
        measured.push(
            turn(kind, device, policy, count)
                .await
                .context("while measuring")?,
        );
        starts.push(
            start(kind, device, policy, count)
                .await
                .context("while starting")?,
        );
        floors.push(
            replay(kind, device, &recording)
                .await
                .context("while replaying")?,
        );
        let writes = recording.only(true);
        write_floors.push(
            replay(kind, device, &writes)
                .await
                .context("while replaying")?,
        );
    }
    let networks = networks(count);
    let devices = match device {
        Device::Tap => "TAPs",
        Device::Loopback => "loopbacks in place of TAPs",
    };
    let secured = match policy {
        Policy::Open => String::new(),
        Policy::Groups { groups, rules } => {
            format!(", secured by {groups} groups of {rules} rules")
        }
    };
    let mut table = Table::new(format!(
        "{count} ports with {devices} in {networks} VLAN networks{secured}, at once"
    ));
    let of = |pick: fn(&Turn) -> Duration| usual(&measured.iter().map(pick).collect::<Vec<_>>());
    let (floor, write_floor) = (usual(&floors), usual(&write_floors));
    let all = format!(
        "floor: all {} messages replayed, {}",
        recording.len(),
        seconds(floor)
    );
    let written = recording.only(true).len();
    let written = format!(
        "floor: its {written} writes replayed, {}",
        seconds(write_floor)
    );
    let total = of(|turn| percentile(&turn.ports, 100));
    let start = usual(&starts);
    for (what, time, most) in [
        (
            "the store having the first to last port programmed",
            of(|turn| turn.from_store),
            Some(1.5),
        ),
        (
            "first write to last port programmed",
            of(|turn| turn.programmed),
            None,
        ),
        (
            "first write to last port effective in the store",
            total,
            None,
        ),
        (
            "start of an agent with all in the store to last port programmed",
            start,
            (policy != Policy::Open).then_some(1.5),
        ),
    ] {
        table.ratio(what, seconds(time), &all, times(time, floor), most);
        table.ratio(
            "… beside its writes alone",
            "",
            &written,
            times(time, write_floor),
            None,
        );
    }
    table.figure(
        "first write to the store having them all",
        seconds(of(|turn| turn.written)),
    );
    table.figure(
        "a port effective, since the first write",
        format!(
            "p50 {}, p99 {}",
            seconds(of(|turn| percentile(&turn.ports, 50))),
            seconds(of(|turn| percentile(&turn.ports, 99)))
        ),
    );
    table.figure(
        "processor time",
        format!(
            "agent {}, dataplane {}, store {}",
            seconds(of(|turn| turn.agent_cpu)),
            seconds(of(|turn| turn.dataplane_cpu)),
            seconds(of(|turn| turn.store_cpu))
        ),
    );
    let greatest = |pick: fn(&Turn) -> f64| measured.iter().map(pick).fold(0.0, f64::max);
    let memory = [
        ("agent RSS", greatest(|turn| turn.agent_rss), Some(40.0)),
        (
            "dataplane RSS",
            greatest(|turn| turn.dataplane_rss),
            (*kind == DataplaneKind::Switch).then_some(100.0),
        ),
        ("store RSS", greatest(|turn| turn.store_rss), None),
    ];
    for (what, rss, most) in memory {
        match most {
            Some(most) => {
                let beside = format!("at most {most} MB");
                table.ratio(what, format!("{rss:.1} MB"), beside, rss / most, Some(1.0));
            }
            None => table.figure(what, format!("{rss:.1} MB")),
        }
    }
    let from_store: Vec<_> = measured.iter().map(|turn| turn.from_store).collect();
    table.note(format!(
        "turns: from the store to programmed {}, floor {}",
        runs(&from_store),
        runs(&floors)
    ));
    table.note(format!("messages: {}", recording.names()));
    table.note(
        "OVN 23.03 with OVS 3.1, 1,000 ports, another run on two cores: 8.5 s, all at the end",
    );
    Ok(table)
}

/// The median.
fn usual(times: &[Duration]) -> Duration {
    percentile(times, 50)
}

/// All turns, for people.
fn runs(times: &[Duration]) -> String {
    let times: Vec<_> = times.iter().map(|time| seconds(*time)).collect();
    times.join(" ")
}

/// What the agent says to its dataplane for `count` ports.
async fn record(
    kind: &DataplaneKind,
    device: Device,
    policy: Policy,
    count: usize,
) -> Result<Recording> {
    let mut bed = Bed::start(kind, device, policy, true).await?;
    bed.proxy()?.record();
    bed.spawn_agent()?;
    bed.alive().await?;
    bed.put_groups().await?;
    bed.put(0..count).await?;
    bed.effective(count).await?;
    Ok(Recording::of(super::AGENT, bed.proxy()?.recorded()))
}

async fn turn(kind: &DataplaneKind, device: Device, policy: Policy, count: usize) -> Result<Turn> {
    let mut bed = Bed::start(kind, device, policy, false).await?;
    bed.spawn_agent()?;
    bed.alive().await?;
    bed.put_groups().await?;
    let ports = bed.ports(0..count)?;
    let before = [Who::Agent, Who::Dataplane, Who::Store].map(|who| bed.cpu(who));
    let begin = Instant::now();
    let first = bed.write(ports).await?;
    let written = begin.elapsed();
    bed.effective(count).await?;
    let programmed = bed.plane().bridged(count + networks(count))?;
    let ports = (0..count).map(|number| Ok(bed.effective_at(number)?.duration_since(begin)));
    let ports = ports.collect::<Result<_>>()?;
    let [agent, dataplane, store] = before;
    Ok(Turn {
        written,
        programmed: programmed.duration_since(begin),
        from_store: programmed.duration_since(first),
        ports,
        agent_cpu: bed.cpu(Who::Agent)?.saturating_sub(agent?),
        dataplane_cpu: bed.cpu(Who::Dataplane)?.saturating_sub(dataplane?),
        store_cpu: bed.cpu(Who::Store)?.saturating_sub(store?),
        agent_rss: bed.rss(Who::Agent)?,
        dataplane_rss: bed.rss(Who::Dataplane)?,
        store_rss: bed.rss(Who::Store)?,
    })
}

/// How long an agent takes that finds all ports in the store when it starts.
async fn start(
    kind: &DataplaneKind,
    device: Device,
    policy: Policy,
    count: usize,
) -> Result<Duration> {
    let mut bed = Bed::start(kind, device, policy, false).await?;
    bed.put_groups().await?;
    bed.put(0..count).await?;
    let begin = Instant::now();
    bed.spawn_agent()?;
    bed.effective(count).await?;
    Ok(bed
        .plane()
        .bridged(count + networks(count))?
        .duration_since(begin))
}

/// Networks of so many ports; the interface of each is bridged, too.
fn networks(count: usize) -> usize {
    count.div_ceil(PORTS_PER_NETWORK)
}

/// The same messages at a fresh dataplane.
async fn replay(kind: &DataplaneKind, device: Device, recording: &Recording) -> Result<Duration> {
    let lab = Lab::new(super::bed::KIND)?;
    let plane = Plane::start(&lab, kind, device, "floor").await?;
    let (recording, socket) = (recording.clone(), plane.socket().to_owned());
    tokio::task::spawn_blocking(move || recording.replay(&socket)).await?
}
