//! The log, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{ColorChoice, Global};

/// Starts the log. `level` is what is logged unless the user asks for more; `WEFT_LOG` takes
/// filters such as `info,weft_agent=trace`.
pub(crate) fn start(global: &Global, level: LevelFilter) {
    let level = match global.verbose {
        0 => level,
        1 => LevelFilter::DEBUG,
        _ => LevelFilter::TRACE,
    };
    // Libraries speak only when something is wrong, or when they are asked for.
    let ours = format!("warn,weft={level}");
    let filter = std::env::var("WEFT_LOG").unwrap_or(ours);
    let filter = EnvFilter::try_new(&filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let is_colored = match global.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            std::io::stderr().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(is_colored)
        .with_writer(std::io::stderr)
        .init();
}
