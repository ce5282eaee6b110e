//! What goes to stdout: tables for people, JSON and YAML for programs.

mod paint;
mod table;

use std::io::{self, Write};

use serde::Serialize;

use crate::cli::{Format, Global};

pub(crate) use paint::Paint;
pub(crate) use table::{Cell, Table};

/// Where results go, and how they look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    pub(crate) format: Format,
    /// Colours on stdout.
    pub(crate) paint: Paint,
    /// Colours on stderr.
    pub(crate) paint_errors: Paint,
}

impl Output {
    pub(crate) fn of(global: &Global) -> Self {
        Self {
            format: global.output,
            paint: Paint::choose(global.color, &io::stdout()),
            paint_errors: Paint::choose(global.color, &io::stderr()),
        }
    }

    /// Prints a result: `value` for programs, `text` for people.
    pub(crate) fn result(
        self,
        value: &impl Serialize,
        text: impl FnOnce(Paint) -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Table => text(self.paint),
            Format::Json => serde_json::to_string_pretty(value)? + "\n",
            Format::Yaml => serde_yaml_ng::to_string(value)?,
        };
        print(&text)
    }

    /// Prints one of many results that come one by one: a line of JSON, a document of YAML.
    pub(crate) fn event(
        self,
        value: &impl Serialize,
        text: impl FnOnce(Paint) -> String,
    ) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Table => text(self.paint),
            Format::Json => serde_json::to_string(value)? + "\n",
            Format::Yaml => format!("---\n{}", serde_yaml_ng::to_string(value)?),
        };
        print(&text)
    }

    /// Warns, on stderr.
    pub(crate) fn warn(self, text: &str) {
        note(&format!("{} {text}", self.paint_errors.yellow("warning:")));
    }
}

/// Says something beside the result, on stderr.
pub(crate) fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// Prints text to stdout; an error if nobody reads it any more.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()?;
    Ok(())
}
