//! Figures of Weft, each beside a floor or a peer that is measured in the same run. Needs root, a
//! release build of `weft`, and the Debian packages that the tests need.

#![allow(
    clippy::print_stdout,
    reason = "printing figures is what this program is for"
)]
#![allow(clippy::print_stderr, reason = "so is telling how far it has come")]
#![allow(clippy::cast_precision_loss, reason = "no count here comes near 2⁵²")]

mod agent;
mod graph;
mod history;
mod neutron;
mod rates;
mod report;
mod store;
mod switch;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use weft_tests::DataplaneKind;

use report::Table;

/// Figures of Weft, each beside a floor or a peer.
#[derive(Debug, Parser)]
#[command(name = "weft-bench")]
struct Cli {
    /// What to measure
    #[arg(value_enum, default_value_t)]
    what: What,
    /// Of the agent's figures only these
    #[arg(long, value_enum)]
    part: Vec<agent::Part>,
    /// Less of everything, to see whether it works
    #[arg(long)]
    quick: bool,
    /// Append the figures to bench/HISTORY.md
    #[arg(long)]
    record: bool,
    /// The agent's dataplane
    #[arg(long, value_enum, default_value_t)]
    dataplane: Chosen,
    /// VPP's executable, for `--dataplane vpp`
    #[arg(long, env = "WEFT_VPP_BINARY", default_value = "/usr/bin/vpp")]
    vpp_binary: PathBuf,
    /// A library that VPP loads first
    #[arg(long, env = "WEFT_VPP_PRELOAD")]
    vpp_preload: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum What {
    /// All of it
    #[default]
    All,
    /// The agent beside its messages alone
    Agent,
    /// The packet graph: clocks per packet
    Graph,
    /// The embedded store beside etcd
    Store,
    /// Neutron with networking-weft beside Neutron by itself
    Neutron,
    /// Packets between two machines beside a Linux bridge
    Switch,
    /// Packets between two vhost-user ports beside DPDK's vhost
    VhostUser,
    /// Packets and new sessions through access lists, beside VPP if its executable is there
    AccessLists,
    /// Packets between machines of two hosts beside Linux's own VXLAN
    Tunnel,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Chosen {
    /// `weft switch`
    #[default]
    Switch,
    /// VPP
    Vpp,
}

/// What has been printed so far.
#[derive(Debug, Default)]
struct Printed {
    text: String,
    missed: Vec<String>,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let mut printed = Printed::default();
    if matches!(cli.what, What::All | What::Graph) {
        let vectors = if cli.quick { 1000 } else { 20_000 };
        for figures in graph::run(vectors).context("the packet graph")? {
            printed.text(&figures.to_string());
        }
        for figures in graph::acl::run(vectors).context("access lists")? {
            printed.text(&figures.to_string());
        }
        for figures in graph::tunnel::run(vectors).context("tunnels")? {
            printed.text(&figures.to_string());
        }
    }
    let vpp = |is_polling| DataplaneKind::Vpp {
        binary: cli.vpp_binary.clone(),
        preload: cli.vpp_preload.clone(),
        is_polling,
    };
    let kind = match cli.dataplane {
        Chosen::Switch => DataplaneKind::Switch,
        Chosen::Vpp => vpp(false),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    if matches!(cli.what, What::All | What::Store) {
        runtime.block_on(store::run(cli.quick, |table| printed.table(&table)))?;
    }
    if matches!(cli.what, What::All | What::Switch) {
        runtime.block_on(switch::run(&kind, cli.quick, |table| printed.table(&table)))?;
    }
    let (windows, window) = if cli.quick { (3, 100) } else { (15, 250) };
    let window = Duration::from_millis(window);
    if matches!(cli.what, What::All | What::VhostUser) {
        let measured = switch::vhost_user::run(&kind, windows, window);
        printed.table(&runtime.block_on(measured)?);
    }
    if matches!(cli.what, What::All | What::Neutron) {
        runtime.block_on(neutron::run(cli.quick, |table| printed.table(&table)))?;
    }
    if matches!(cli.what, What::All | What::AccessLists) {
        let vpp = cli.vpp_binary.exists().then(|| vpp(true));
        let measured = switch::lists::run(vpp.as_ref(), windows, window);
        printed.table(&runtime.block_on(measured)?);
    }
    if matches!(cli.what, What::All | What::Tunnel) {
        let show = |table| printed.table(&table);
        runtime.block_on(switch::tunnel::run(&kind, cli.quick, show))?;
    }
    if matches!(cli.what, What::All | What::Agent) {
        let parts = &cli.part;
        runtime.block_on(agent::run(&kind, parts, cli.quick, |table| {
            printed.table(&table);
        }))?;
    }
    if !printed.missed.is_empty() {
        printed.text(&format!("missed:\n  {}\n", printed.missed.join("\n  ")));
    }
    if cli.record {
        let words: Vec<String> = std::env::args().skip(1).collect();
        history::append(&format!("weft-bench {}", words.join(" ")), &printed.text)?;
    }
    Ok(())
}

impl Printed {
    fn table(&mut self, table: &Table) {
        self.missed.extend(table.missed());
        self.text(&table.to_string());
    }

    fn text(&mut self, text: &str) {
        println!("{text}");
        self.text.push_str(text);
        self.text.push('\n');
    }
}
