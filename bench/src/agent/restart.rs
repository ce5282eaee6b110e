//! A restart of the agent that finds everything as it shall be: beside its dumps alone.
//!
//! Each restart is followed by one replay of its dumps. Figures are those of the fastest restart and of
//! the fastest replay, of as many of each: whatever else the machine does only adds.

use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use super::bed::{Bed, Policy};
use super::relay::Device;
use super::replay::Recording;
use crate::report::{Table, fastest, milliseconds, times};

/// How long the agent has to do something after all.
const LATER: Duration = Duration::from_secs(1);

/// Restarts of a turn: each is a matter of milliseconds.
const RESTARTS: usize = 5;

/// How long the agent has to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the agent logs when it knows that all is as it shall be.
const DONE: &str = "VPP was looked at, and nothing is to be done now";

/// What the agent logs first.
const BEGINS: &str = "the agent begins";

/// One restart.
#[derive(Debug)]
struct Restart {
    /// From its first dump to knowing that nothing is to be done.
    looked: Duration,
    /// From the start of the process to knowing that.
    known: Duration,
    /// From the start of the process to its sign of life in the store.
    alive: Duration,
    /// The same dumps, alone.
    dumps: Duration,
}

/// Restarts the agent of a host with `count` ports `turns` times.
pub(super) async fn run(
    kind: &DataplaneKind,
    policy: Policy,
    count: usize,
    turns: usize,
) -> Result<Table> {
    let mut bed = Bed::start(kind, Device::Tap, policy, true).await?;
    bed.spawn_agent()?;
    bed.alive().await?;
    bed.put_groups().await?;
    bed.put(0..count).await?;
    bed.effective(count).await?;
    bed.quiet(LATER).await?;
    let mut restarts = Vec::new();
    let (mut writes, mut said) = (0, 0);
    let mut names = String::new();
    for _ in 0..turns * RESTARTS {
        bed.stop_agent().await?;
        bed.quiet(LATER).await?;
        let said_before = bed.said();
        bed.proxy()?.reset();
        bed.proxy()?.record();
        let (begin, begin_wall) = (Instant::now(), SystemTime::now());
        bed.spawn_agent()?;
        let first_dump = bed.proxy()?.reached("sw_interface_dump", 1, PATIENCE);
        first_dump.await?;
        let first_dump = begin.elapsed();
        bed.alive().await?;
        let alive = begin.elapsed();
        // Before it looks again: only what it had to read to know is the floor.
        let recorded = Recording::of(super::AGENT, bed.proxy()?.recorded());
        bed.quiet(LATER).await?;
        writes += bed.proxy()?.tally().writes().total();
        said += bed.said() - said_before;
        let dumps = recorded.only(false);
        names = dumps.names();
        let socket = bed.proxy()?.socket().to_owned();
        let replay = tokio::task::spawn_blocking(move || dumps.replay(&socket));
        let known = known_at(bed.agent_log()?)?.duration_since(begin_wall)?;
        restarts.push(Restart {
            looked: known.saturating_sub(first_dump),
            known,
            alive,
            dumps: replay.await?.context("while replaying dumps")?,
        });
    }
    let of =
        |pick: fn(&Restart) -> Duration| fastest(&restarts.iter().map(pick).collect::<Vec<_>>());
    let dumps = of(|restart| restart.dumps);
    let secured = if policy == Policy::Open {
        ""
    } else {
        " secured"
    };
    let mut table = Table::new(format!(
        "agent restarted with {count}{secured} ports, nothing to do"
    ));
    table.ratio(
        "writes to the dataplane",
        format!("{writes}"),
        "none",
        writes as f64,
        Some(0.0),
    );
    table.figure(
        "keys written in the store, a restart",
        format!("{:.1}", said as f64 / restarts.len() as f64),
    );
    let beside = format!("its dumps alone: {}", milliseconds(dumps));
    for (what, time, most) in [
        (
            "from its first dump to knowing that",
            of(|restart| restart.looked),
            Some(2.0),
        ),
        (
            "from process start to knowing that",
            of(|restart| restart.known),
            None,
        ),
        (
            "from process start to alive in the store",
            of(|restart| restart.alive),
            None,
        ),
    ] {
        table.ratio(what, milliseconds(time), &beside, times(time, dumps), most);
    }
    table.note(format!("messages: {names}"));
    Ok(table)
}

/// When the agent that was started last first knew that all is as it shall be, by the clock of its
/// log. It looks again later, and says so again.
fn known_at(log: &Path) -> Result<SystemTime> {
    let log = std::fs::read_to_string(log)?;
    let start = log
        .rfind(BEGINS)
        .context("the agent does not say that it begins")?;
    let line = log
        .get(start..)
        .unwrap_or_default()
        .lines()
        .find(|line| line.contains(DONE));
    let time = line.and_then(|line| line.split_whitespace().next());
    let time = time.context("the agent does not say that nothing is to be done")?;
    Ok(humantime::parse_rfc3339(time)?)
}
