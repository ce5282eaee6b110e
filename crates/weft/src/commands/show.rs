//! `weft switch show …`: a command of VPP's debug CLI over the binary API, which the embedded switch
//! and VPP serve alike.

use std::path::PathBuf;

use weft_vpp::{Connection, Timeouts};

use super::serve::switch_config;
use crate::cli::{SwitchAsk, SwitchWords};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Asks a running dataplane and prints what it answers.
pub(super) async fn show(ask: SwitchAsk, output: Output) -> anyhow::Result<Exit> {
    let (verb, words) = match ask {
        SwitchAsk::Show(words) => ("show", words),
        SwitchAsk::Trace(words) => ("trace", words),
        SwitchAsk::Clear(words) => ("clear", words),
    };
    let socket = socket(&words)?;
    let command = format!("{verb} {}", words.words.join(" "));
    let connected = Connection::connect(&socket, "weft-show", Timeouts::default()).await;
    let (connection, events) = connected.map_err(|error| {
        Failure::new(error).hint("say where its socket is with --socket, or --config of the switch")
    })?;
    let answer = connection.cli(&command).await;
    events.close().await;
    let (retval, text) = answer?;
    if retval.is_error() {
        let reason = if text.trim().is_empty() {
            retval.to_string()
        } else {
            text.trim().to_owned()
        };
        return Err(Failure::new(format!("{command:?} failed: {reason}")).into());
    }
    output.result(
        &serde_json::json!({ "command": command, "reply": text }),
        |_| {
            if text.is_empty() || text.ends_with('\n') {
                text.clone()
            } else {
                format!("{text}\n")
            }
        },
    )?;
    Ok(Exit::Ok)
}

fn socket(words: &SwitchWords) -> Result<PathBuf, Failure> {
    match &words.socket {
        Some(socket) => Ok(socket.clone()),
        None => Ok(switch_config(words.config.as_deref())?.api_socket),
    }
}
