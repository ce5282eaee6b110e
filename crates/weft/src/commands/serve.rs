//! `weft server`, `weft agent`, `weft switch`: processes that run until they are told to end.

use std::path::Path;

use tokio_util::sync::CancellationToken;
use weft_config::ConfigErrors;
use weft_switch::{Switch, SwitchConfig};

use crate::cli::{AgentArgs, ServerArgs};
use crate::exit::{Exit, Failure};
use crate::output::print;

/// Serves the REST API until `stop`.
pub(super) async fn server(args: ServerArgs, stop: CancellationToken) -> anyhow::Result<Exit> {
    if args.print_openapi {
        print(&weft_server::openapi())?;
        return Ok(Exit::Ok);
    }
    let config = match &args.config {
        Some(path) => read(path, weft_server::Config::parse)?,
        None => weft_server::Config::default(),
    };
    if args.check {
        return sound(args.config.as_deref());
    }
    weft_server::run(config, stop).await?;
    Ok(Exit::Ok)
}

/// Keeps this host's VPP as it is wanted until `stop`.
pub(super) async fn agent(args: AgentArgs, stop: CancellationToken) -> anyhow::Result<Exit> {
    let config = agent_config(&args.config)?;
    if args.check {
        return sound(Some(&args.config));
    }
    weft_agent::run(config, stop).await?;
    Ok(Exit::Ok)
}

/// Moves packets until `stop`.
pub(super) fn switch(
    config: Option<&Path>,
    check: bool,
    stop: CancellationToken,
) -> anyhow::Result<Exit> {
    let read = switch_config(config)?;
    if check {
        return sound(config);
    }
    let switch = Switch::start(read)?;
    let handle = switch.stop_handle();
    tokio::spawn(async move {
        stop.cancelled().await;
        handle.stop();
    });
    // It serves on the thread that calls it, and has further ones of its own.
    tokio::task::block_in_place(|| switch.run())?;
    Ok(Exit::Ok)
}

/// Reads an agent's configuration.
pub(super) fn agent_config(path: &Path) -> Result<weft_agent::Config, Failure> {
    read(path, weft_agent::Config::parse)
}

/// Reads a switch's configuration; without a file everything has its default.
pub(super) fn switch_config(path: Option<&Path>) -> Result<SwitchConfig, Failure> {
    let Some(path) = path else {
        return Ok(SwitchConfig::default());
    };
    read(path, SwitchConfig::parse)
}

/// Reads a configuration file; `parse` takes its name and its text.
fn read<T>(
    path: &Path,
    parse: impl FnOnce(&str, &str) -> Result<T, ConfigErrors>,
) -> Result<T, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let path = path.display();
        Failure::config(format!("cannot read the configuration {path}: {error}"))
            .hint("`weft agent --help` shows one of an agent; the server and the switch need none")
    })?;
    parse(&path.display().to_string(), &text).map_err(|faults| faulty(&faults))
}

fn faulty(faults: &ConfigErrors) -> Failure {
    let count = faults.iter().count();
    let faults: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
    let what = if count == 1 {
        "one fault"
    } else {
        "these faults"
    };
    Failure::config(format!(
        "the configuration has {what}:\n{}",
        faults.join("\n")
    ))
}

fn sound(path: Option<&Path>) -> anyhow::Result<Exit> {
    let path = path.map_or("the default".to_owned(), |path| path.display().to_string());
    print(&format!("{path}: nothing is wrong\n"))?;
    Ok(Exit::Ok)
}
