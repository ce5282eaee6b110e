//! `trace add`, `show trace`, `clear trace`.

use std::fmt::Write as _;

use weft_graph::NodeId;

use super::{CliError, no_more, unknown};
use crate::control::Control;

/// Packets shown unless told otherwise, as in VPP.
const DEFAULT_MAX: usize = 50;

pub(super) fn add(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    const COMMAND: &str = "trace add";
    let [node, count] = arguments else {
        return Err(unknown(COMMAND, arguments));
    };
    let id = NodeId::from_name(node)
        .filter(|id| id.is_input())
        .ok_or_else(|| {
            let inputs = NodeId::ALL
                .iter()
                .filter(|id| id.is_input())
                .map(|id| id.name());
            let inputs = inputs.collect::<Vec<_>>().join(", ");
            let message = format!("`{node}' is no input node; these are: {inputs}");
            CliError::Failed {
                command: COMMAND,
                message,
            }
        })?;
    let count = count.parse().map_err(|_| unknown(COMMAND, &[count]))?;
    control.tables.trace_add(id, count);
    Ok(String::new())
}

pub(super) fn show(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    const COMMAND: &str = "show trace";
    let max = match arguments {
        [] => DEFAULT_MAX,
        ["max", max] => max.parse().map_err(|_| unknown(COMMAND, arguments))?,
        rest => return Err(unknown(COMMAND, rest)),
    };
    let traces = control.tables.traces();
    let mut text = String::new();
    for (number, (name, _)) in control.workers.threads().enumerate() {
        let thread = number + 1;
        let line = "-------------------";
        let _ = writeln!(text, "{line} Start of thread {thread} {name} {line}");
        let own: Vec<_> = traces
            .iter()
            .filter(|trace| trace.worker == number)
            .collect();
        if own.is_empty() {
            text.push_str("No packets in trace buffer\n");
        }
        for (place, trace) in own.iter().take(max).enumerate() {
            let _ = writeln!(text, "Packet {}\n\n{trace}", place + 1);
        }
        if own.len() > max {
            let _ = writeln!(text, "Limiting display to {max} packets.");
        }
    }
    Ok(text)
}

pub(super) fn clear(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("clear trace", arguments)?;
    control.tables.clear_traces();
    Ok(String::new())
}
