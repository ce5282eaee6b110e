//! `show errors`, `show runtime`, `show threads`.

use std::fmt::Write as _;

use weft_graph::Severity;

use super::table::{center, centered_row};
use super::{CliError, no_more};
use crate::control::Control;

pub(super) fn show_errors(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show errors", arguments)?;
    let columns = [
        ("Count", 10),
        ("Node", 35),
        ("Reason", 35),
        ("Severity", 10),
    ];
    let mut text = format!("{}\n", centered_row(&columns, ""));
    for counted in control.baselines.errors(&control.tables) {
        let error = counted.error;
        let severity = match error.severity() {
            Severity::Error => "error",
            Severity::Warn => "warn",
            Severity::Info => "info",
        };
        let columns = [
            (error.node(), 35),
            (error.description(), 35),
            (severity, 10),
        ];
        let _ = writeln!(text, "{:>10}{}", counted.count, centered_row(&columns, ""));
    }
    Ok(text)
}

pub(super) fn show_runtime(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show runtime", arguments)?;
    let runtime = control.baselines.runtime(&control.tables);
    let mut text = String::new();
    for (number, (name, _)) in control.workers.threads().enumerate() {
        let _ = writeln!(text, "Thread {} {name}", number + 1);
        let columns = [
            ("Name", 30),
            ("Calls", 16),
            ("Vectors", 16),
            ("Packet-Clocks", 16),
            ("Vectors/Call", 16),
        ];
        let _ = writeln!(text, "{}", centered_row(&columns, ""));
        for node in runtime.iter().filter(|own| own.worker == number) {
            let _ = writeln!(
                text,
                "{:<30}{:>16}{:>16}{:>16.2e}{:>16.2}",
                node.node.name(),
                node.calls,
                node.vectors,
                node.clocks_per_packet(),
                node.vectors_per_call(),
            );
        }
    }
    Ok(text)
}

pub(super) fn show_threads(control: &mut Control, arguments: &[&str]) -> Result<String, CliError> {
    no_more("show threads", arguments)?;
    let mut text = "ID     Name                Type        LWP     \n".to_owned();
    let main = ("weft_main".to_owned(), std::process::id());
    let workers = control.workers.threads();
    for (id, (name, tid)) in std::iter::once(main).chain(workers).enumerate() {
        let kind = if id == 0 { "" } else { "workers" };
        let _ = writeln!(
            text,
            "{id:<7}{name:<20}{kind:<12}{}",
            center(&tid.to_string(), 8)
        );
    }
    Ok(text)
}
