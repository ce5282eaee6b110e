//! The `weft` command: server, agent and switch as processes, and what an operator does by hand.
//!
//! [`cli`] is what can be typed, [`commands`] what it does, [`client`] the REST API, [`netfile`] the
//! YAML of `weft apply`, [`output`] what is printed, [`demo`] the whole of it on one machine.

mod cli;
mod client;
mod commands;
mod demo;
mod exit;
mod logging;
mod netfile;
mod output;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use exit::Exit;
use output::{Output, note};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are asked for; clap sends them to stdout and all else to stderr.
            let _ = error.print();
            return if error.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Ok.into()
            };
        }
    };
    let output = Output::of(&cli.global);
    match commands::run(cli) {
        Ok(exit) => exit.into(),
        Err(error) => {
            if !exit::is_broken_pipe(&error) {
                note(&exit::report(&error, output.paint_errors));
            }
            exit::of_error(&error).into()
        }
    }
}
