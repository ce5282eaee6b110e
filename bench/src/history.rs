//! `HISTORY.md`: what was measured when, on which machine, of which commit.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};

/// Where it is kept.
const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/HISTORY.md");

/// Appends what was printed by a run of `words`.
pub(crate) fn append(words: &str, printed: &str) -> Result<()> {
    let mut file = open(Path::new(PATH))?;
    let date = humantime::format_rfc3339_seconds(SystemTime::now());
    let commit = output("git", &["describe", "--always", "--dirty"]);
    write!(
        file,
        "\n## {date}, {commit}\n\n`{words}` on {}\n\n```text\n{printed}```\n",
        machine()
    )
    .with_context(|| format!("cannot write {PATH}"))
}

fn open(path: &Path) -> Result<File> {
    OpenOptions::new()
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {PATH}"))
}

/// The machine in a few words.
fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("an unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{cores} × {model}, Linux {}",
        output("uname", &["--kernel-release"])
    )
}

fn output(program: &str, words: &[&str]) -> String {
    let output = Command::new(program)
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_else(|error| format!("({program}: {error})"))
}
