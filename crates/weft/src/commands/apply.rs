//! `weft apply`: the ports and groups of the store as files say.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use weft_server::{
    ApplyItem, ApplyReply, ApplyRequest, ApplyResult, ItemResult, PortView, Warning, WarningCode,
};

use super::record::status;
use crate::cli::ApplyArgs;
use crate::client::{Client, GroupKind, PortFilter};
use crate::exit::{Exit, Failure};
use crate::netfile::{NetFiles, Wanted, WantedPort};
use crate::output::{Output, note};

/// Between two looks at whether ports are effective, at first and at most.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_AT_MOST: Duration = Duration::from_secs(1);

/// Applies files.
pub(super) async fn apply(
    args: ApplyArgs,
    client: &Client,
    output: Output,
) -> anyhow::Result<Exit> {
    let wanted = read_files(&args.files)?;
    // What is named comes before what names it.
    let groups = put_groups(&wanted, args.dry_run, client).await?;
    let request = request(&wanted.ports, args.prune, args.dry_run);
    let mut reply = client.apply(&request).await?;
    if args.dry_run {
        forgive(&mut reply, &wanted);
    }
    let exit = print(&Applied { groups, reply }, args.dry_run, output)?;
    match args.wait {
        Some(limit) if exit == Exit::Ok => wait(&wanted.ports, limit, client).await,
        _ => Ok(exit),
    }
}

/// What became of everything, as programs see it.
#[derive(Debug, Serialize)]
pub(super) struct Applied {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<AppliedGroup>,
    #[serde(flatten)]
    pub(super) reply: ApplyReply,
}

/// What became of a group or of a network's record.
#[derive(Debug, Serialize)]
pub(super) struct AppliedGroup {
    /// `security group`, `address group` or `network`.
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) result: ApplyResult,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<Warning>,
}

/// Takes back warnings of groups that are not there because this is a rehearsal.
fn forgive(reply: &mut ApplyReply, wanted: &Wanted) {
    let groups: Vec<String> = wanted
        .security_groups
        .iter()
        .map(|group| format!("`{}`", group.id))
        .collect();
    for item in &mut reply.items {
        item.warnings.retain(|warning| {
            warning.code != WarningCode::GroupMissing
                || !groups.iter().any(|group| warning.message.contains(group))
        });
    }
}

async fn put_groups(
    wanted: &Wanted,
    dry_run: bool,
    client: &Client,
) -> anyhow::Result<Vec<AppliedGroup>> {
    let address = wanted.address_groups.iter();
    let security = wanted.security_groups.iter();
    let networks = wanted.networks.iter();
    let all = networks
        .map(|network| (GroupKind::Network, network))
        .chain(address.map(|group| (GroupKind::Address, group)))
        .chain(security.map(|group| (GroupKind::Security, group)));
    let mut applied = Vec::new();
    for (kind, group) in all {
        let reply = client.put_group(kind, &group.id, &group.record, dry_run);
        let reply = reply.await.with_context(|| {
            format!(
                "{kind} {} was not applied, nor what comes after it",
                group.id
            )
        })?;
        applied.push(AppliedGroup {
            kind: kind.to_string(),
            id: reply.id,
            result: reply.result,
            // Of what a rehearsal does not make it would only say that it is not there.
            warnings: if dry_run { Vec::new() } else { reply.warnings },
        });
    }
    Ok(applied)
}

/// Reads files; all that is wrong in any of them is one error.
pub(crate) fn read_files(paths: &[PathBuf]) -> anyhow::Result<Wanted> {
    let mut files = NetFiles::default();
    for path in paths {
        files.add(&path.display().to_string(), &read(path)?);
    }
    files.finish().map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(|fault| format!("  {fault}")).collect();
        let message = format!(
            "nothing was applied, because of this:\n{}",
            faults.join("\n")
        );
        Failure::config(message)
            .hint("`weft apply --help` shows a file")
            .into()
    })
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read stdin")?;
        return Ok(text);
    }
    std::fs::read_to_string(path)
        .map_err(|error| Failure::config(format!("cannot read {}: {error}", path.display())).into())
}

/// What the server is asked for.
pub(crate) fn request(ports: &[WantedPort], prune: bool, dry_run: bool) -> ApplyRequest {
    let hosts: BTreeSet<String> = ports.iter().map(|port| port.host.to_string()).collect();
    let item = |port: &WantedPort| ApplyItem {
        host: port.host.to_string(),
        port: port.id.to_string(),
        record: port.record.clone(),
        mod_revision: None,
    };
    ApplyRequest {
        ports: ports.iter().map(item).collect(),
        prune_hosts: if prune {
            hosts.into_iter().collect()
        } else {
            Vec::new()
        },
        dry_run,
        ..ApplyRequest::default()
    }
}

/// Prints what became of each item.
pub(super) fn print(applied: &Applied, dry_run: bool, output: Output) -> anyhow::Result<Exit> {
    let reply = &applied.reply;
    output.result(applied, |paint| {
        let dry = if dry_run { " (dry run)" } else { "" };
        let word = |result: ApplyResult| {
            let word = word(result);
            match result {
                ApplyResult::Created | ApplyResult::Updated => paint.green(word),
                ApplyResult::Deleted => paint.yellow(word),
                ApplyResult::Refused => paint.red(word),
                ApplyResult::Unchanged | ApplyResult::Absent => paint.dim(word),
            }
        };
        let group = |group: &AppliedGroup| {
            format!("{} {} {}{dry}\n", group.kind, group.id, word(group.result))
        };
        let line = |item: &ItemResult| {
            let why = item
                .error
                .as_ref()
                .map(|e| format!(": {}", e.message))
                .unwrap_or_default();
            let word = word(item.result);
            format!("port {} on {} {word}{dry}{why}\n", item.port, item.host)
        };
        let groups = applied.groups.iter().map(group);
        groups.chain(reply.items.iter().map(line)).collect()
    })?;
    for group in &applied.groups {
        for warning in &group.warnings {
            output.warn(&format!("{} {}: {}", group.kind, group.id, warning.message));
        }
    }
    for item in &reply.items {
        for warning in &item.warnings {
            output.warn(&format!(
                "port {} on {}: {}",
                item.port, item.host, warning.message
            ));
        }
    }
    let refused = reply
        .items
        .iter()
        .filter(|item| item.result == ApplyResult::Refused)
        .count();
    if refused > 0 {
        let message = format!("{refused} of {} could not be had", reply.items.len());
        return Err(Failure::new(message)
            .hint("the others are as they should be")
            .into());
    }
    Ok(Exit::Ok)
}

fn word(result: ApplyResult) -> &'static str {
    match result {
        ApplyResult::Created => "created",
        ApplyResult::Updated => "updated",
        ApplyResult::Unchanged => "unchanged",
        ApplyResult::Deleted => "deleted",
        ApplyResult::Absent => "was not there",
        ApplyResult::Refused => "refused",
    }
}

/// Waits until all ports are effective, and says which are not if they do not become so in time.
async fn wait(ports: &[WantedPort], limit: Duration, client: &Client) -> anyhow::Result<Exit> {
    let deadline = tokio::time::Instant::now() + limit;
    let mut look = LOOK;
    loop {
        let present = client.ports(&PortFilter::default()).await?.ports;
        let missing: Vec<String> = ports
            .iter()
            .filter_map(|port| not_effective(port, &present))
            .collect();
        if missing.is_empty() {
            note(&format!("all {} ports are effective", ports.len()));
            return Ok(Exit::Ok);
        }
        if tokio::time::Instant::now() >= deadline {
            let message = format!(
                "{} of {} ports are not effective after {}:\n  {}",
                missing.len(),
                ports.len(),
                humantime::format_duration(limit),
                missing.join("\n  ")
            );
            return Err(Failure::new(message)
                .hint("`weft describe port` says more")
                .into());
        }
        tokio::time::sleep(look).await;
        look = (look * 3 / 2).min(LOOK_AT_MOST);
    }
}

fn not_effective(wanted: &WantedPort, present: &[PortView]) -> Option<String> {
    let is_it =
        |view: &&PortView| view.host == wanted.host.as_str() && view.port == wanted.id.as_str();
    let Some(view) = present.iter().find(is_it) else {
        return Some(format!(
            "{} on {}: deleted meanwhile",
            wanted.id, wanted.host
        ));
    };
    let (word, reason) = status(view);
    let is_current = view
        .condition
        .as_ref()
        .is_some_and(|condition| condition.current);
    if word == "effective" && is_current {
        return None;
    }
    let reason = if reason.is_empty() {
        String::new()
    } else {
        format!(" ({reason})")
    };
    Some(format!("{} on {}: {word}{reason}", wanted.id, wanted.host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hosts_that_are_named_are_pruned() {
        let mut files = NetFiles::default();
        files.add(
            "f",
            "ports: [{id: a, host: h, network_type: flat, physnet: p}]",
        );
        let ports = files.finish().unwrap().ports;
        let wanted = request(&ports, true, false);
        assert_eq!(
            (wanted.ports.len(), wanted.prune_hosts),
            (1, vec!["h".to_owned()])
        );
        assert!(request(&ports, false, true).prune_hosts.is_empty());
    }
}
