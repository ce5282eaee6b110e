//! `weft get`: lists.

use weft_server::{HostView, HostsReply, PortView, PortsReply, StateReply};

use super::{group, host, network, record};
use crate::cli::Get;
use crate::client::{Client, PortFilter};
use crate::exit::Exit;
use crate::output::{Cell, Output, Paint, Table};

/// Lists what is asked for.
pub(super) async fn get(
    what: Get,
    client: impl Fn() -> anyhow::Result<Client>,
    output: Output,
) -> anyhow::Result<Exit> {
    match what {
        Get::Ports { id: Some(id), .. } => ports(&client()?.port(&id).await?, output)?,
        Get::Ports {
            id: None,
            host,
            status,
            physnet,
        } => {
            ports(
                &client()?
                    .ports(&PortFilter {
                        host,
                        status,
                        physnet,
                    })
                    .await?,
                output,
            )?;
        }
        Get::Hosts { name: Some(name) } => {
            let host = client()?.host(&name).await?;
            output.result(&host, |paint| {
                hosts_table(std::slice::from_ref(&host)).render(paint, "no hosts")
            })?;
        }
        Get::Hosts { name: None } => hosts(&client()?.hosts().await?, output)?,
        Get::SecurityGroups { id: Some(id) } => {
            let group = client()?.security_group(&id).await?;
            output.result(&group, |paint| {
                group::security_table(std::slice::from_ref(&group)).render(paint, "")
            })?;
        }
        Get::SecurityGroups { id: None } => {
            let reply = client()?.security_groups().await?;
            output.result(&reply, |paint| {
                group::security_table(&reply.security_groups).render(paint, "no security groups")
            })?;
        }
        Get::AddressGroups { id: Some(id) } => {
            let group = client()?.address_group(&id).await?;
            output.result(&group, |paint| {
                group::address_table(std::slice::from_ref(&group)).render(paint, "")
            })?;
        }
        Get::AddressGroups { id: None } => {
            let reply = client()?.address_groups().await?;
            output.result(&reply, |paint| {
                group::address_table(&reply.address_groups).render(paint, "no address groups")
            })?;
        }
        Get::Networks => {
            let reply = client()?.networks().await?;
            output.result(&reply, |paint| {
                network::table(&reply.networks).render(paint, "no networks")
            })?;
        }
        Get::State { host, kind } => {
            state(&client()?.state(host.as_ref(), &kind).await?, output)?;
        }
        Get::Objects(args) => return host::objects(&args, output).await,
    }
    Ok(Exit::Ok)
}

fn ports(reply: &PortsReply, output: Output) -> anyhow::Result<()> {
    output.result(reply, |paint| {
        ports_table(&reply.ports).render(paint, "no ports")
    })
}

/// Ports with their status.
pub(crate) fn ports_table(ports: &[PortView]) -> Table {
    let mut table = Table::new(&[
        "HOST",
        "PORT",
        "NETWORK",
        "MAC ADDRESS",
        "ADDRESSES",
        "STATUS",
        "REASON",
    ]);
    for port in ports {
        let (status, reason) = record::status(port);
        let [network, mac, addresses] = record::binding(port);
        table.row([
            Cell::from(&port.host),
            Cell::from(&port.port),
            Cell::from(network),
            Cell::from(mac),
            Cell::from(addresses),
            Cell::status(status),
            Cell::from(reason),
        ]);
    }
    table
}

fn hosts(reply: &HostsReply, output: Output) -> anyhow::Result<()> {
    output.result(reply, |paint| {
        hosts_table(&reply.hosts).render(paint, "no hosts")
    })
}

fn hosts_table(hosts: &[HostView]) -> Table {
    let mut table = Table::new(&["HOST", "ALIVE", "PHYSNETS", "PORTS"]);
    for host in hosts {
        let ports: Vec<String> = host
            .ports
            .iter()
            .map(|(status, count)| format!("{count} {status}"))
            .collect();
        let alive = if host.alive {
            Cell::styled("yes", Paint::green)
        } else {
            Cell::status("no")
        };
        table.row([
            Cell::from(&host.host),
            alive,
            Cell::from(host.physnets.join(",")),
            Cell::from(ports.join(", ")),
        ]);
    }
    table
}

fn state(reply: &StateReply, output: Output) -> anyhow::Result<()> {
    output.result(reply, |paint| {
        let mut table = Table::new(&["HOST", "KIND", "ID", "REVISION", "VALUE"]);
        for record in &reply.records {
            table.row([
                Cell::from(&record.host),
                Cell::from(record::kind(record.kind)),
                Cell::from(record.id.clone().unwrap_or_default()),
                Cell::from(record.mod_revision),
                Cell::from(record::value(record)),
            ]);
        }
        table.render(paint, "nothing is reported")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hosts_are_told_with_their_ports_by_status() {
        let hosts: Vec<HostView> = serde_json::from_value(json!([
            {"host": "host-a", "alive": true, "physnets": ["p", "q"],
             "ports": {"effective": 2, "failed": 1}},
            {"host": "host-b", "alive": false, "physnets": [], "ports": {}},
        ]))
        .unwrap();
        assert_eq!(
            hosts_table(&hosts).render(Paint::OFF, ""),
            "HOST    ALIVE  PHYSNETS  PORTS\n\
             host-a  yes    p,q       2 effective, 1 failed\n\
             host-b  no\n"
        );
    }

    #[test]
    fn ports_are_told_with_their_reason() {
        let ports: Vec<PortView> = serde_json::from_value(json!([
            {"host": "h", "port": "a", "mod_revision": 7, "record": null,
             "condition": {"status": "failed", "reason": "the record is no JSON", "tries": 0,
                           "revision": 7, "current": true, "since": "2026-11-21T08:30:00Z"}},
        ]))
        .unwrap();
        assert_eq!(
            ports_table(&ports).render(Paint::OFF, ""),
            "HOST  PORT  NETWORK  MAC ADDRESS  ADDRESSES  STATUS  REASON\n\
             h     a     -        -            -          failed  the record is no JSON\n"
        );
    }
}
