//! One port more on a host with few ports and on one with many: it must cost the same.
//!
//! Loopbacks stand for TAPs, of which a kernel does not bear so many. Networks are of one size on
//! both hosts, so that the hosts differ in nothing else.

use std::time::Duration;

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use super::bed::{Bed, Policy, Who};
use super::one_by_one::add;
use super::relay::Device;
use crate::report::{Table, milliseconds, percentile, times};

/// Ports of the small host.
const FEW: usize = 10;

/// Added ports take numbers from here on, in a network of their own.
const ADDED: usize = 50_000;

/// Ports that are added first and not measured: the first makes its network.
const WARM_UP: usize = 5;

/// A host, and what adding ports to it takes.
#[derive(Debug)]
struct Side {
    bed: Bed,
    ports: usize,
    messages: u64,
    took: Vec<Duration>,
}

/// Adds `added` ports by turns to a host with few ports and to one with `many`.
pub(super) async fn run(kind: &DataplaneKind, many: usize, added: usize) -> Result<Table> {
    let mut sides = [
        Side::start(kind, FEW)
            .await
            .context("the host with few ports")?,
        Side::start(kind, many)
            .await
            .context("the host with many ports")?,
    ];
    for number in ADDED..ADDED + WARM_UP + added {
        for side in &mut sides {
            side.add(number).await?;
        }
        if number + 1 == ADDED + WARM_UP {
            for side in &mut sides {
                side.took.clear();
                side.bed.quiet(Duration::from_millis(300)).await?;
                side.bed.proxy()?.reset();
            }
        }
    }
    let mut tallies = Vec::new();
    for side in &mut sides {
        side.bed.quiet(Duration::from_millis(300)).await?;
        let tally = side.bed.proxy()?.tally();
        // Signs of life pass at their own pace.
        side.messages =
            tally.total() - tally.of("control_ping") - tally.of("memclnt_keepalive_reply");
        tallies.push(tally.to_string());
    }
    let [few, many] = &mut sides;
    let mut table = Table::new(format!(
        "one port added to a host with {} and to one with {}",
        few.ports, many.ports
    ));
    let per_port = |side: &Side| side.messages as f64 / added as f64;
    table.ratio(
        "messages to the dataplane",
        format!("{:.2}", per_port(many)),
        format!("{:.2}", per_port(few)),
        per_port(many) / per_port(few),
        Some(1.0),
    );
    let time = |side: &Side, percent| milliseconds(percentile(&side.took, percent));
    table.ratio(
        format!("time, p50 of {added}"),
        time(many, 50),
        time(few, 50),
        times(percentile(&many.took, 50), percentile(&few.took, 50)),
        Some(1.5),
    );
    table.ratio(
        "time, p99",
        time(many, 99),
        time(few, 99),
        times(percentile(&many.took, 99), percentile(&few.took, 99)),
        None,
    );
    for (what, who) in [("agent RSS", Who::Agent), ("dataplane RSS", Who::Dataplane)] {
        let (of_few, of_many) = (few.bed.rss(who)?, many.bed.rss(who)?);
        table.ratio(
            what,
            format!("{of_many:.1} MB"),
            format!("{of_few:.1} MB"),
            of_many / of_few,
            None,
        );
    }
    for (side, tally) in [few, many].into_iter().zip(tallies) {
        table.note(format!("{added} ports added to {}: {tally}", side.ports));
    }
    Ok(table)
}

impl Side {
    async fn start(kind: &DataplaneKind, ports: usize) -> Result<Self> {
        let mut bed = Bed::start(kind, Device::Loopback, Policy::Open, true).await?;
        bed.spawn_agent()?;
        bed.alive().await?;
        bed.put(0..ports).await?;
        bed.effective(ports).await?;
        Ok(Self {
            bed,
            ports,
            messages: 0,
            took: Vec::new(),
        })
    }

    async fn add(&mut self, number: usize) -> Result<()> {
        let count = self.ports + number + 1 - ADDED;
        let took = add(&mut self.bed, number, count).await?;
        self.took.push(took);
        Ok(())
    }
}
