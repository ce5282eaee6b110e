//! What the commands do, one file each.

mod apply;
mod delete;
mod describe;
mod get;
mod group;
mod host;
mod network;
mod record;
mod serve;
mod show;
mod watch;

use clap::CommandFactory;
use tokio::runtime::{Builder, Runtime};
use tracing_subscriber::filter::LevelFilter;

use crate::cli::{Cli, Command, SwitchArgs};
use crate::client::Client;
use crate::exit::Exit;
use crate::output::{Output, print};
use crate::signals::Shutdown;
use crate::{demo, logging};

pub(crate) use get::ports_table;

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> anyhow::Result<Exit> {
    let output = Output::of(&cli.global);
    let is_service = matches!(
        cli.command,
        Command::Server(_) | Command::Agent(_) | Command::Switch(SwitchArgs { ask: None, .. })
    );
    logging::start(
        &cli.global,
        if is_service {
            LevelFilter::INFO
        } else {
            LevelFilter::WARN
        },
    );
    if let Command::Completions { shell } = cli.command {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "weft", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        return Ok(Exit::Ok);
    }
    let runtime = runtime(&cli.command)?;
    let shutdown = {
        let _inside = runtime.enter();
        Shutdown::listen()?
    };
    let client = || Client::new(&cli.global.server);
    let work = async {
        match cli.command {
            Command::Server(args) => serve::server(args, shutdown.token()).await,
            Command::Agent(args) => serve::agent(args, shutdown.token()).await,
            Command::Switch(SwitchArgs {
                ask: None,
                config,
                check,
            }) => serve::switch(config.as_deref(), check, shutdown.token()),
            Command::Demo(args) => demo::run(args, cli.global.verbose > 0, output, &shutdown).await,
            // The others have nothing to put in order, and just end where they are.
            other => {
                let token = shutdown.token();
                let work = Box::pin(short(other, output, client));
                let done = token.run_until_cancelled(work).await;
                done.unwrap_or_else(|| Ok(shutdown.exit()))
            }
        }
    };
    let result = runtime.block_on(work);
    // What still hangs in a system call must not keep the process.
    runtime.shutdown_background();
    result
}

/// The commands that ask, print and end.
async fn short(
    command: Command,
    output: Output,
    client: impl Fn() -> anyhow::Result<Client>,
) -> anyhow::Result<Exit> {
    match command {
        Command::Switch(SwitchArgs { ask: Some(ask), .. }) => show::show(ask, output).await,
        Command::Apply(args) => apply::apply(args, &client()?, output).await,
        Command::Delete(args) => delete::delete(args, &client()?, output).await,
        Command::Get { what } => get::get(what, client, output).await,
        Command::Describe { what } => describe::describe(what, &client()?, output).await,
        Command::Watch(args) => watch::watch(args, client()?, output).await,
        Command::Plan(args) => host::plan(&args, output).await,
        Command::Explain { what } => host::explain(what, output).await,
        Command::Trace { what } => host::trace(what, output).await,
        Command::Doctor(args) => host::doctor(&args, output).await,
        Command::Server(_)
        | Command::Agent(_)
        | Command::Switch(_)
        | Command::Demo(_)
        | Command::Completions { .. } => Ok(Exit::Ok),
    }
}

/// An agent is one serial loop, and on one thread nothing is handed from thread to thread. Two serve
/// any of the other commands; a switch brings its own.
fn runtime(command: &Command) -> std::io::Result<Runtime> {
    let mut builder = if matches!(command, Command::Agent(_)) {
        Builder::new_current_thread()
    } else {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(2);
        builder
    };
    builder.enable_all().build()
}
