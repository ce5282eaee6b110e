//! Short commands.
//!
//! Each is a process group of its own, so that the Ctrl-C which interrupts a lab does not reach the
//! commands that clean up after it.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output, Stdio};

use crate::error::LabError;

/// The command with these words, apart from the terminal.
pub(crate) fn command(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().unwrap_or((&"true", &[]));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .process_group(0);
    command
}

/// Runs a command to its end; it must succeed. Returns what it printed.
pub(crate) fn run(words: &[&str]) -> Result<String, LabError> {
    let output = command(words).output().map_err(|source| LabError::Start {
        command: words.join(" "),
        source,
    })?;
    checked(&words.join(" "), output)
}

/// What a command printed, if it succeeded.
pub(crate) fn checked(command: &str, output: Output) -> Result<String, LabError> {
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    Err(LabError::Command {
        command: command.to_owned(),
        status: output.status,
        output: format!("{}{}", errors.trim_end(), tail(&printed, 5)),
    })
}

/// The last `lines` of a text.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.trim_end().lines().collect();
    all.get(all.len().saturating_sub(lines)..)
        .unwrap_or_default()
        .join("\n")
}
