//! `show interface`.

use std::fmt::Write as _;

use weft_graph::{InterfaceTotals, L2Mode, PortType};
use weft_packet::SwIfIndex;

use super::table::{center, centered_row, natural_order};
use super::{CliError, interface_of, name_of};
use crate::control::Control;

const COMMAND: &str = "show interface";
/// Where the counters start.
const COUNTER_COLUMN: usize = 68;

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Counters,
    Address,
    Tag,
    Rewrite,
}

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    let mut what = What::Counters;
    let mut chosen = Vec::new();
    for word in arguments {
        match *word {
            "address" | "addr" => what = What::Address,
            "tag" => what = What::Tag,
            "vtr" => what = What::Rewrite,
            word => chosen.push(interface_of(control, COMMAND, word)?),
        }
    }
    if matches!(what, What::Tag | What::Rewrite) && chosen.is_empty() {
        let message = "Interface not specified...".to_owned();
        return Err(CliError::Failed {
            command: COMMAND,
            message,
        });
    }
    if chosen.is_empty() {
        chosen = control
            .tables
            .interfaces()
            .map(|(index, _)| index)
            .filter(|index| control.is_visible(*index))
            .collect();
        chosen.sort_by(|a, b| natural_order(name_of(control, *a), name_of(control, *b)));
    }
    let mut text = String::new();
    if what == What::Counters {
        let columns = [
            ("Name", 32),
            ("Idx", 5),
            ("State", 10),
            ("MTU (L3/IP4/IP6/MPLS)", 21),
            ("Counter", 16),
            ("Count", 16),
        ];
        let _ = writeln!(text, "{}", centered_row(&columns, ""));
    }
    for index in chosen {
        match what {
            What::Counters => counters(&mut text, control, index),
            What::Address => address(&mut text, control, index),
            What::Tag => tag(&mut text, control, index),
            What::Rewrite => rewrite(&mut text, control, index),
        }
    }
    Ok(text)
}

fn counters(text: &mut String, control: &Control, index: SwIfIndex) {
    let Some((interface, record)) = control.interface(index) else {
        return;
    };
    let [l3, ip4, ip6, mpls] = record.mtu;
    let _ = write!(
        text,
        "{:<32}{}{}{}",
        interface.name,
        center(&index.to_string(), 5),
        center(if interface.admin_up { "up" } else { "down" }, 10),
        center(&format!("{l3}/{ip4}/{ip6}/{mpls}"), 21),
    );
    let totals = control.baselines.totals(&control.tables, index);
    let mut indent = 0;
    for (name, count) in named(&totals).into_iter().filter(|(_, count)| *count > 0) {
        let _ = writeln!(text, "{:indent$}{name:<16}{count:>16}", "");
        indent = COUNTER_COLUMN;
    }
    if indent == 0 {
        text.push('\n');
    }
}

/// Names of the counters in VPP's order.
fn named(totals: &InterfaceTotals) -> [(&'static str, u64); 9] {
    [
        ("rx packets", totals.rx_packets),
        ("rx bytes", totals.rx_bytes),
        ("tx packets", totals.tx_packets),
        ("tx bytes", totals.tx_bytes),
        ("drops", totals.drops),
        ("punt", totals.punts),
        ("rx-no-buf", totals.rx_no_buffer),
        ("rx-error", totals.rx_error),
        ("tx-error", totals.tx_error),
    ]
}

fn address(text: &mut String, control: &Control, index: SwIfIndex) {
    let Some((interface, _)) = control.interface(index) else {
        return;
    };
    let _ = writeln!(
        text,
        "{} ({}):",
        interface.name,
        if interface.admin_up { "up" } else { "dn" }
    );
    match interface.mode {
        L2Mode::L3 => {
            for own in control.tables.addresses(index) {
                let _ = writeln!(text, "  L3 {}/{}", own.address, own.len);
            }
        }
        L2Mode::Bridge {
            bd,
            bd_index,
            shg,
            port_type,
        } => {
            let role = match port_type {
                PortType::Normal => " ",
                PortType::Bvi => "bvi",
                PortType::UnknownUnicastForward => "uu",
            };
            let bd_index = bd_index.0;
            let _ = writeln!(
                text,
                "  L2 bridge bd-id {bd} idx {bd_index} shg {shg} {role}"
            );
        }
        L2Mode::Xconnect { tx } => {
            let _ = writeln!(text, "  L2 xconnect {}", name_of(control, tx));
        }
    }
}

fn tag(text: &mut String, control: &Control, index: SwIfIndex) {
    let Some((interface, record)) = control.interface(index) else {
        return;
    };
    let tag = record.tag.to_str();
    let tag = if tag.is_empty() { "(none)" } else { &tag };
    let _ = writeln!(text, "{}: {tag}", interface.name);
}

fn rewrite(text: &mut String, control: &Control, index: SwIfIndex) {
    let Some((interface, _)) = control.interface(index) else {
        return;
    };
    let rewrite = super::bridge::rewrite_text(interface.rewrite);
    let _ = writeln!(text, "{}:  VTR {rewrite}", interface.name);
}
