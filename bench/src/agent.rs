//! The agent: what it adds to the messages that must be sent anyway, and how that grows.
//!
//! Real processes (store, agent, dataplane) in a namespace of their own; the words are those in
//! which other systems are measured: *at once* is one write of all ports into the store, *one by
//! one* waits for each, and a port counts once the store says that it is effective.

mod bed;
mod growth;
mod one_by_one;
mod overlay;
mod plane;
mod relay;
mod replay;
mod restart;
mod rule;
mod wiring;

use anyhow::{Context, Result};
use clap::ValueEnum;
use weft_tests::DataplaneKind;

use crate::report::Table;
use bed::Policy;
use relay::Device;

/// What the agent calls itself to its dataplane.
const AGENT: &str = "weft-agent";

/// What secures the ports where they are secured.
const GROUPS: Policy = Policy::Groups {
    groups: 100,
    rules: 100,
};

/// A part of the agent's figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// All ports at once, as TAPs
    Taps,
    /// All ports at once, with loopbacks in place of TAPs
    Loopbacks,
    /// Ports one by one
    OneByOne,
    /// A restart that finds nothing to do
    Restart,
    /// One port more on a small and on a large host
    Growth,
    /// All ports at once, with security groups
    Groups,
    /// A restart that finds nothing to do, with security groups
    GroupsRestart,
    /// One rule changed in a security group
    Rule,
    /// One host of a thousand in overlay networks
    Overlay,
}

/// Measures `parts`, or everything if none is named; `show` gets each table as soon as it is there.
pub(crate) async fn run(
    kind: &DataplaneKind,
    parts: &[Part],
    quick: bool,
    mut show: impl FnMut(Table),
) -> Result<()> {
    let (ports, many, turns, added) = if quick {
        (200, 1000, 1, 10)
    } else {
        (1000, 10_000, 3, 50)
    };
    // VPP takes a quarter of a minute for a thousand TAPs, and a turn makes as many four times.
    let of_taps = if *kind == DataplaneKind::Switch {
        turns
    } else {
        1
    };
    let named = if parts.is_empty() {
        Part::value_variants()
    } else {
        parts
    };
    for part in named {
        let table = match part {
            Part::Taps => wiring::run(kind, Device::Tap, Policy::Open, ports, of_taps).await,
            // Short ones, of which the noise is a good part.
            Part::Loopbacks => {
                wiring::run(kind, Device::Loopback, Policy::Open, ports, turns * 3).await
            }
            Part::OneByOne => one_by_one::run(kind, ports).await,
            Part::Restart => restart::run(kind, Policy::Open, ports, turns).await,
            Part::Growth => growth::run(kind, many, added).await,
            Part::Groups => wiring::run(kind, Device::Tap, GROUPS, ports, of_taps).await,
            Part::GroupsRestart => restart::run(kind, GROUPS, ports, turns).await,
            Part::Rule => rule::run(kind, ports, 20).await,
            Part::Overlay => overlay::run(kind, quick).await,
        };
        show(table.with_context(|| format!("while measuring {part:?}"))?);
    }
    Ok(())
}
