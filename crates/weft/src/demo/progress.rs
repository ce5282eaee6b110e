//! What the demo says of itself: a line a step, with what was checked.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::Format;
use crate::output::{Output, note};

/// The teller of the demo.
#[derive(Debug)]
pub(super) struct Progress {
    output: Output,
    is_verbose: bool,
    is_terminal: bool,
    started: Instant,
    is_finished: Cell<bool>,
}

impl Progress {
    pub(super) fn new(output: Output, is_verbose: bool) -> Self {
        let is_table = output.format == Format::Table;
        Self {
            output,
            is_verbose,
            is_terminal: is_table && std::io::stdout().is_terminal(),
            started: Instant::now(),
            is_finished: Cell::new(false),
        }
    }

    /// Where results go.
    pub(super) fn output(&self) -> Output {
        self.output
    }

    /// One step. `title` says what is done while it is done; what the step says it has seen takes
    /// its place.
    pub(super) async fn step<T>(
        &self,
        title: &str,
        work: impl Future<Output = anyhow::Result<(String, T)>>,
    ) -> anyhow::Result<T> {
        let begun = Instant::now();
        if self.is_terminal && !self.is_verbose {
            print(&format!("  {} {title} …", self.output.paint.dim("·")));
        } else if self.is_verbose {
            self.line(&format!("  · {title}"));
        }
        let result = work.await;
        if self.is_terminal && !self.is_verbose {
            // Back to the line's beginning, and clear it (ECMA-48 §8.3.41, EL).
            print("\r\x1b[K");
        }
        match result {
            Ok((seen, value)) => {
                let took = self.output.paint.dim(&seconds(begun.elapsed()));
                self.line(&format!("  {} {seen} {took}", self.output.paint.green("✓")));
                Ok(value)
            }
            Err(error) => {
                self.line(&format!("  {} {title}", self.output.paint.red("✗")));
                Err(error)
            }
        }
    }

    /// Something that is only of interest to who asked for all.
    pub(super) fn detail(&self, text: &str) {
        if self.is_verbose {
            for line in text.lines() {
                self.line(&format!("      {}", self.output.paint.dim(line)));
            }
        }
    }

    /// A line; on stderr where stdout is for programs.
    pub(super) fn line(&self, line: &str) {
        if self.output.format == Format::Table {
            print(&format!("{line}\n"));
        } else {
            note(line);
        }
    }

    /// All checks have held. Returns the time that it took.
    pub(super) fn finish(&self) -> String {
        self.is_finished.set(true);
        format!("{:.1} s", self.started.elapsed().as_secs_f64())
    }

    /// Whether all checks have held.
    pub(super) fn is_finished(&self) -> bool {
        self.is_finished.get()
    }
}

/// Prints what is worth nothing if nobody reads it.
fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

fn seconds(time: Duration) -> String {
    format!("({:.1} s)", time.as_secs_f64())
}
