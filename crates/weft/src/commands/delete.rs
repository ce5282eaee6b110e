//! `weft delete`: ports out of the store.

use weft_model::{HostName, PortId};
use weft_server::{ApplyRequest, ApplyResult, DeleteItem};

use super::apply::{print, read_files};
use crate::cli::{Delete, DeleteArgs};
use crate::client::Client;
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Deletes one port, or all that files name.
pub(super) async fn delete(
    args: DeleteArgs,
    client: &Client,
    output: Output,
) -> anyhow::Result<Exit> {
    let (items, dry_run, is_named) = match args.what {
        Some(Delete::Port { id, host, dry_run }) => {
            let host = match host {
                Some(host) => host.to_string(),
                None => host_of(&id, client).await?,
            };
            (
                vec![DeleteItem {
                    host,
                    port: id.to_string(),
                    mod_revision: None,
                }],
                dry_run,
                true,
            )
        }
        None => {
            let item = |host: HostName, id: PortId| DeleteItem {
                host: host.to_string(),
                port: id.to_string(),
                mod_revision: None,
            };
            let ports = read_files(&args.files)?;
            (
                ports
                    .into_iter()
                    .map(|port| item(port.host, port.id))
                    .collect(),
                args.dry_run,
                false,
            )
        }
    };
    let wanted = ApplyRequest {
        delete: items,
        dry_run,
        ..ApplyRequest::default()
    };
    let reply = client.apply(&wanted).await?;
    let exit = print(&reply, dry_run, output)?;
    // A file may be deleted twice, but who names a port expects it to be there.
    let is_absent = reply
        .items
        .iter()
        .any(|item| item.result == ApplyResult::Absent);
    Ok(if is_named && is_absent {
        Exit::Failed
    } else {
        exit
    })
}

/// The one host that has the port.
async fn host_of(id: &PortId, client: &Client) -> anyhow::Result<String> {
    let mut hosts: Vec<String> = client
        .port(id)
        .await?
        .ports
        .into_iter()
        .map(|port| port.host)
        .collect();
    match (hosts.pop(), hosts.is_empty()) {
        (Some(host), true) => Ok(host),
        (Some(host), false) => {
            hosts.push(host);
            let message = format!("port `{id}` is on more than one host: {}", hosts.join(", "));
            Err(Failure::new(message)
                .hint("say from which with --host")
                .into())
        }
        (None, _) => Err(Failure::new(format!("no host has a port `{id}`")).into()),
    }
}
