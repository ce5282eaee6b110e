//! Ports one by one: the next is written when the previous one is effective.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use super::bed::{Bed, Policy};
use super::relay::Device;
use crate::report::{Table, milliseconds, percentile, seconds, times};

/// Ports at either end that are compared.
const ENDS: usize = 100;

/// Measures `count` ports with TAPs.
pub(super) async fn run(kind: &DataplaneKind, count: usize) -> Result<Table> {
    let mut bed = Bed::start(kind, Device::Tap, Policy::Open, false).await?;
    bed.spawn_agent()?;
    bed.alive().await?;
    let begin = Instant::now();
    let mut took = Vec::with_capacity(count);
    for number in 0..count {
        took.push(add(&mut bed, number, number + 1).await?);
    }
    let total = begin.elapsed();
    let ends = ENDS.min(count / 2);
    let (first, last) = (&took[..ends], &took[count - ends..]);
    let mut table = Table::new(format!("{count} ports with TAPs, one by one"));
    table.figure("total", seconds(total));
    let of = |ports: &[Duration], percent| milliseconds(percentile(ports, percent));
    table.figure(
        "a port, from its write to effective",
        format!(
            "p50 {}, p99 {}, max {}",
            of(&took, 50),
            of(&took, 99),
            of(&took, 100)
        ),
    );
    table.ratio(
        format!("last {ends} ports"),
        format!("p50 {}, p99 {}", of(last, 50), of(last, 99)),
        format!("first {ends}: p50 {}, p99 {}", of(first, 50), of(first, 99)),
        times(percentile(last, 50), percentile(first, 50)),
        None,
    );
    table.note(
        "OVN 23.03 with OVS 3.1, 1,000 ports, another run on two cores: 109.9 s, p50 115 ms, p99 237 ms; \
         p50 of the first 100 14 ms, of the last 100 201 ms",
    );
    Ok(table)
}

/// Adds one port; how long it takes until it is effective. There are `count` with it.
pub(super) async fn add(bed: &mut Bed, number: usize, count: usize) -> Result<Duration> {
    let begin = Instant::now();
    bed.put([number]).await?;
    bed.effective(count)
        .await
        .with_context(|| format!("port {number}"))?;
    Ok(bed.effective_at(number)?.duration_since(begin))
}
