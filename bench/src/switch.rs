//! The switch as what it is for: packets between two virtual machines, beside a Linux bridge.
//!
//! Each way of joining the two is measured with the same tools and the same hands: a stream of TCP
//! (`iperf3`), 64-byte packets as fast as one core sends them, and round trips (`ping`). The bridge
//! works in the kernel, on the sender's core; the switch takes a packet out of the kernel and puts it
//! back, on a core of its own. Beside them, what needs no kernel: vhost-user ports ([`vhost_user`]), and
//! access lists between them ([`lists`]).

mod bed;
pub(crate) mod lists;
mod load;
mod path;
mod ports;
mod testpmd;
pub(crate) mod tunnel;
pub(crate) mod vhost_user;

use std::time::Duration;

use anyhow::{Context, Result};
use weft_lab::Lab;
use weft_tests::DataplaneKind;

use crate::report::Table;
use load::Load;
use path::Path;

/// What the names of all labs of this kind begin with.
const KIND: &str = "weft-bench-switch";

/// Measures all paths; `show` gets each table as soon as it is there.
pub(crate) async fn run(
    kind: &DataplaneKind,
    quick: bool,
    mut show: impl FnMut(Table),
) -> Result<()> {
    let time = Duration::from_secs(if quick { 1 } else { 5 });
    let mut bridge = None;
    for path in [Path::Bridge, Path::Tap, Path::Veth] {
        let load = measure(kind, path, time).await;
        let load = load.with_context(|| format!("two machines joined by {path}"))?;
        let table = match &bridge {
            None => alone(format!("two machines joined by {path}"), &load),
            Some(bridge) => beside(path, &load, bridge),
        };
        bridge.get_or_insert(load);
        show(table);
    }
    Ok(())
}

async fn measure(kind: &DataplaneKind, path: Path, time: Duration) -> Result<Load> {
    let lab = Lab::new(KIND)?;
    let joined = path::join(&lab, kind, path).await?;
    load::measure(&joined.machines, time)
}

fn alone(title: impl Into<String>, load: &Load) -> Table {
    let mut table = Table::new(title);
    table.figure("TCP", gigabits(load.bits_per_second));
    table.figure("64-byte packets", millions(load.packets_per_second));
    table.figure("shortest round trip", microseconds(load.round_trip));
    table
}

/// Ratios say how many times better the bridge is.
fn beside(path: Path, load: &Load, bridge: &Load) -> Table {
    let mut table = Table::new(format!("two machines joined by {path}"));
    let peer = "(Linux bridge)";
    let ratio = bridge.bits_per_second / load.bits_per_second;
    table.ratio("TCP", gigabits(load.bits_per_second), peer, ratio, None);
    let ratio = bridge.packets_per_second / load.packets_per_second;
    let packets = millions(load.packets_per_second);
    table.ratio("64-byte packets", packets, peer, ratio, None);
    let ratio = load.round_trip / bridge.round_trip;
    table.ratio(
        "shortest round trip",
        microseconds(load.round_trip),
        peer,
        ratio,
        None,
    );
    table
}

fn gigabits(bits_per_second: f64) -> String {
    format!("{:.2} Gbit/s", bits_per_second / 1e9)
}

/// Millions of packets per second.
const MPACKETS: &str = "Mpackets/s";

fn millions(packets_per_second: f64) -> String {
    format!("{:.3} {MPACKETS}", packets_per_second / 1e6)
}

fn microseconds(seconds: f64) -> String {
    format!("{:.0} µs", seconds * 1e6)
}
