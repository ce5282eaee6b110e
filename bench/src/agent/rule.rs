//! One rule changed in a security group: what that costs a host with few ports in it and one with
//! many.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use super::bed::{Bed, Policy};
use super::relay::Device;
use crate::report::{Table, milliseconds, percentile, times};

/// Ports of the small host.
const FEW: usize = 10;

/// Rules of the group.
const RULES: usize = 100;

/// What replaces an access list.
const MESSAGE: &str = "acl_add_replace";

/// How long one change may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the agent has to say more than it must.
const LATER: Duration = Duration::from_millis(300);

/// A host, and what changes cost it.
#[derive(Debug)]
struct Side {
    writes: u64,
    took: Vec<Duration>,
    tally: String,
}

/// Changes a rule `changes` times on a host with few ports and on one with `many`.
pub(super) async fn run(kind: &DataplaneKind, many: usize, changes: u16) -> Result<Table> {
    let few = side(kind, FEW, changes).await.context("few ports")?;
    let big = side(kind, many, changes).await.context("many ports")?;
    let mut table = Table::new(format!(
        "one rule changed in a group of {RULES}, with {many} ports in it and with {FEW}"
    ));
    let each = |side: &Side| side.writes as f64 / f64::from(changes);
    table.ratio(
        "writes to the dataplane",
        format!("{:.2}", each(&big)),
        "one",
        each(&big),
        Some(1.0),
    );
    for percent in [50, 99] {
        let time = |side: &Side| percentile(&side.took, percent);
        table.ratio(
            format!("time from the store to the dataplane, p{percent} of {changes}"),
            milliseconds(time(&big)),
            milliseconds(time(&few)),
            times(time(&big), time(&few)),
            (percent == 50).then_some(1.5),
        );
    }
    table.note(format!(
        "{changes} changes with {many} ports: {}",
        big.tally
    ));
    Ok(table)
}

async fn side(kind: &DataplaneKind, ports: usize, changes: u16) -> Result<Side> {
    let policy = Policy::Groups {
        groups: 1,
        rules: RULES,
    };
    let mut bed = Bed::start(kind, Device::Loopback, policy, true).await?;
    bed.spawn_agent()?;
    bed.alive().await?;
    bed.put_groups().await?;
    bed.put(0..ports).await?;
    bed.effective(ports).await?;
    bed.quiet(LATER).await?;
    bed.proxy()?.reset();
    let mut took = Vec::new();
    for change in 1..=changes {
        let begin = Instant::now();
        bed.change_rule(1000 + change).await?;
        let reached = bed.proxy()?.reached(MESSAGE, change.into(), PATIENCE);
        reached.await?;
        took.push(begin.elapsed());
    }
    bed.quiet(LATER).await?;
    let tally = bed.proxy()?.tally().writes();
    Ok(Side {
        writes: tally.total(),
        took,
        tally: tally.to_string(),
    })
}
