//! Packets between two vhost-user ports, beside DPDK's own vhost library.
//!
//! One `dpdk-testpmd` has both ends (virtio-user) and sends on at the one what comes in by the
//! other, so that 64-byte packets circle through the dataplane both ways for as long as it is
//! measured. In the dataplane's place a second `dpdk-testpmd` then passes them between two of its
//! vhost devices: it polls without end, looks at no address, and is as fast as this gets.

use std::time::Duration;

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use super::bed::{Bed, circle};
use crate::report::Table;

/// Measures both, in turns, in `windows` windows of `window` each.
pub(crate) async fn run(kind: &DataplaneKind, windows: usize, window: Duration) -> Result<Table> {
    let mut beds = [Bed::dataplane(kind, true).await?, Bed::dpdk().await?];
    let mut rates = circle(&mut beds, windows, window).await?.into_iter();
    let (own, peer) = rates.next().zip(rates.next()).context("rates of both")?;
    let mut table = Table::new("64-byte packets between two vhost-user ports, both ways together");
    let beside = format!("(DPDK's vhost, polling: {peer})");
    let ratio = peer.times(&own);
    table.ratio("learned addresses", own.to_string(), beside, ratio, None);
    table.note(format!(
        "median of {windows} windows of {} ms in turns, the least and the greatest; the ratio is the median of \
         theirs",
        window.as_millis()
    ));
    Ok(table)
}
