//! The agent: what it adds to the messages that must be sent anyway, and how that grows.
//!
//! Real processes (store, agent, dataplane) in a namespace of their own; the words are those in
//! which other systems are measured: *at once* is one write of all ports into the store, *one by
//! one* waits for each, and a port counts once the store says that it is effective.

mod bed;
mod growth;
mod one_by_one;
mod plane;
mod relay;
mod replay;
mod restart;
mod wiring;

use anyhow::{Context, Result};
use weft_tests::DataplaneKind;

use crate::report::Table;
use relay::Device;

/// What the agent calls itself to its dataplane.
const AGENT: &str = "weft-agent";

/// Measures everything; `show` gets each table as soon as it is there.
pub(crate) async fn run(
    kind: &DataplaneKind,
    quick: bool,
    mut show: impl FnMut(Table),
) -> Result<()> {
    let (ports, many, turns, added) = if quick {
        (200, 1000, 1, 10)
    } else {
        (1000, 10_000, 3, 50)
    };
    for device in [Device::Tap, Device::Loopback] {
        let table = wiring::run(kind, device, ports, turns).await;
        show(table.with_context(|| format!("ports at once, {device:?}"))?);
    }
    show(
        one_by_one::run(kind, ports)
            .await
            .context("ports one by one")?,
    );
    show(restart::run(kind, ports, turns).await.context("restart")?);
    show(
        growth::run(kind, many, added)
            .await
            .context("one port more")?,
    );
    Ok(())
}
