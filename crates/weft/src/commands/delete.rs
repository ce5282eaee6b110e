//! `weft delete`: ports and groups out of the store.

use weft_model::{HostName, PortId};
use weft_server::{ApplyRequest, ApplyResult, DeleteItem};

use super::apply::{Applied, AppliedGroup, print, read_files};
use crate::cli::{Delete, DeleteArgs};
use crate::client::{Client, GroupKind};
use crate::exit::{Exit, Failure};
use crate::output::Output;

/// Deletes one port or group, or all that files name.
pub(super) async fn delete(
    args: DeleteArgs,
    client: &Client,
    output: Output,
) -> anyhow::Result<Exit> {
    let mut groups = Vec::new();
    let (items, dry_run, is_named) = match args.what {
        Some(Delete::SecurityGroup { id }) => {
            groups.push((GroupKind::Security, id.to_string()));
            (Vec::new(), false, true)
        }
        Some(Delete::AddressGroup { id }) => {
            groups.push((GroupKind::Address, id.to_string()));
            (Vec::new(), false, true)
        }
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
            let wanted = read_files(&args.files)?;
            let security = wanted.security_groups.into_iter();
            groups.extend(security.map(|group| (GroupKind::Security, group.id)));
            let address = wanted.address_groups.into_iter();
            groups.extend(address.map(|group| (GroupKind::Address, group.id)));
            let networks = wanted.networks.into_iter();
            groups.extend(networks.map(|network| (GroupKind::Network, network.id)));
            (
                wanted
                    .ports
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
    // What names comes before what is named.
    let reply = client.apply(&wanted).await?;
    let groups = delete_groups(groups, dry_run, client).await?;
    let applied = Applied { groups, reply };
    let exit = print(&applied, dry_run, output)?;
    // A file may be deleted twice, but who names a port or group expects it to be there.
    let ports = applied.reply.items.iter().map(|item| item.result);
    let groups = applied.groups.iter().map(|group| group.result);
    let is_absent = ports
        .chain(groups)
        .any(|result| result == ApplyResult::Absent);
    Ok(if is_named && is_absent {
        Exit::Failed
    } else {
        exit
    })
}

async fn delete_groups(
    groups: Vec<(GroupKind, String)>,
    dry_run: bool,
    client: &Client,
) -> anyhow::Result<Vec<AppliedGroup>> {
    let mut deleted = Vec::new();
    for (kind, id) in groups {
        let reply = if dry_run {
            client.group_exists(kind, &id).await?.then(Vec::new)
        } else {
            let reply = client.delete_group(kind, &id).await?;
            reply.map(|reply| reply.warnings)
        };
        deleted.push(AppliedGroup {
            kind: kind.to_string(),
            id,
            result: match reply {
                Some(_) => ApplyResult::Deleted,
                None => ApplyResult::Absent,
            },
            warnings: reply.unwrap_or_default(),
        });
    }
    Ok(deleted)
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
