//! `weft demo`: two hosts on this machine, real processes, real packets, real crashes.
//!
//! ```text
//!              weft server (embedded store, unix socket; REST on the loopback)
//!                 ▲                                             ▲
//!   ┌─ host-a ────┴───────────────────┐     ┌─ host-b ──────────┴─────────────┐
//!   │ weft agent ──► weft switch      │     │ weft agent ──► weft switch      │
//!   │  TAPs of web-1, db-1, edge-1    │     │  TAPs of web-2, db-2            │
//!   │                      trunk0 ────┼─────┼─── trunk0, with the address of  │
//!   └─────────────────────────────────┘     │           `router`              │
//!                                           └─────────────────────────────────┘
//! ```
//!
//! Each host is a network namespace, and so is each virtual machine, into which the TAP of its port
//! is moved. All addresses are of one prefix, so that what must not be reached would be if its
//! network were not apart. `router` plays a machine of the physical network: the kernel of host-b
//! on the trunk, untagged.
//!
//! Invariant: every value that stands for something on the machine removes it when dropped, so
//! dropping the future of [`script::play`], wherever it is, cleans up.

mod checks;
mod progress;
mod script;
mod topology;
mod world;

use weft_lab::{Lab, LabError};

use crate::cli::DemoArgs;
use crate::exit::{Exit, Failure, in_words};
use crate::output::{Output, note};
use crate::signals::Shutdown;

use progress::Progress;

/// What its namespaces and its directory are called.
const KIND: &str = "weft-demo";

/// Plays the demo; well only if every check held.
pub(crate) async fn run(
    args: DemoArgs,
    is_verbose: bool,
    output: Output,
    shutdown: &Shutdown,
) -> anyhow::Result<Exit> {
    let lab = Lab::new(KIND).map_err(|error| failure(&error.into(), None))?;
    let progress = Progress::new(output, is_verbose);
    let token = shutdown.token();
    let result = token
        .run_until_cancelled(script::play(&lab, &args, &progress))
        .await;
    match result {
        Some(Ok(())) => Ok(Exit::Ok),
        Some(Err(error)) => {
            lab.keep_files();
            Err(failure(&error, Some(&lab)).into())
        }
        None if progress.is_finished() => Ok(Exit::Ok),
        None => {
            note("\ninterrupted; everything that the demo had made is removed");
            Ok(shutdown.exit())
        }
    }
}

/// What went wrong, and what a person does about it.
fn failure(error: &anyhow::Error, lab: Option<&Lab>) -> Failure {
    let failure = Failure::new(in_words(error));
    let lab_error = error.downcast_ref::<LabError>();
    match (lab_error, lab) {
        (Some(LabError::Start { .. }), _) => {
            failure.hint("the demo needs the packages iproute2 and iputils-ping")
        }
        (_, None) => failure.hint("the demo makes network namespaces, so run it as root"),
        (_, Some(lab)) => failure.hint(format!(
            "everything is removed but the logs and configurations in {}",
            lab.directory().display()
        )),
    }
}
