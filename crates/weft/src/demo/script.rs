//! What happens, step by step.

use anyhow::{Context, ensure};
use serde_json::Value;
use weft_lab::{Lab, Ping, PingReport, wait_until};
use weft_server::PortView;

use super::checks::{Trunk, reachability};
use super::progress::Progress;
use super::topology::{HOSTS, ROUTER, STATIONS, Station, port_count};
use super::world::{LIMIT, World};
use crate::cli::DemoArgs;
use crate::client::PortFilter;
use crate::commands::ports_table;

/// The port that is deleted while its agent is dead, and its host.
const DELETED: &str = "db-1";
const HOST_A: usize = 0;
const HOST_B: usize = 1;

/// Plays the demo. Every check that does not hold is an error.
pub(super) async fn play(lab: &Lab, args: &DemoArgs, progress: &Progress) -> anyhow::Result<()> {
    progress.line("Two hosts, seven ports, four networks, on this machine:");
    let mut world = progress
        .step("making two hosts and seven virtual machines", async {
            let world = World::build(lab, progress, args.listen)?;
            Ok((
                "two hosts on a veth trunk and a veth underlay, seven virtual machines".to_owned(),
                world,
            ))
        })
        .await?;
    if let Err(error) = steps(&mut world, lab, progress).await {
        // A process that has died by itself is why, whatever it was that did not come about.
        return Err(match world.check() {
            Err(died) => error.context(died),
            Ok(()) => error,
        });
    }
    finish(world, args, progress).await
}

async fn steps(world: &mut World<'_>, lab: &Lab, progress: &Progress) -> anyhow::Result<()> {
    start(world, progress).await?;
    let ports = apply(world, progress).await?;
    packets(world, &ports, progress).await?;
    agent_crash(world, lab, progress).await?;
    port_returns(world, progress).await?;
    switch_crash(world, progress).await
}

async fn start(world: &mut World<'_>, progress: &Progress) -> anyhow::Result<()> {
    progress
        .step("starting the server, two switches and two agents", async {
            world.start_server()?;
            for host in 0..HOSTS.len() {
                world.start_switch(host)?;
                world.start_agent(host)?;
            }
            world.wait_for_hosts().await?;
            Ok((
                "server, two switches, two agents: both hosts alive, physnet1 served".to_owned(),
                (),
            ))
        })
        .await?;
    progress
        .step("asking `weft doctor`", async {
            for (host, name) in HOSTS.iter().enumerate() {
                let config = world.hosts[host].agent_config.display().to_string();
                let ended = world.weft(host, &["doctor", "--config", &config]).await?;
                ended.expect(0).with_context(|| format!("on {name}"))?;
            }
            Ok(("`weft doctor` finds both hosts fit".to_owned(), ()))
        })
        .await
}

async fn apply(world: &mut World<'_>, progress: &Progress) -> anyhow::Result<Vec<PortView>> {
    let ports = progress
        .step("applying four networks and seven ports", async {
            let file = world.file.display().to_string();
            let ended = world
                .weft_here(&["apply", "-f", &file, "--wait", "20s"])
                .await?;
            let printed = ended.expect(0)?;
            let created = printed
                .lines()
                .filter(|line| line.ends_with("created"))
                .count();
            let all = port_count();
            ensure!(created == all, "{all} ports are new, not {created}");
            world.check()?;
            let ports = world.client.ports(&PortFilter::default()).await?.ports;
            Ok((
                "`weft apply`: two VLAN networks, a flat one, one in VXLAN-GPE tunnels, seven ports effective".to_owned(),
                ports,
            ))
        })
        .await?;
    progress
        .step("moving the TAPs into the virtual machines", async {
            for station in STATIONS.into_iter().filter(|station| station.has_port()) {
                world.plug(station.name).await?;
            }
            Ok((
                "the TAPs are in their virtual machines, with addresses".to_owned(),
                (),
            ))
        })
        .await?;
    Ok(ports)
}

async fn packets(
    world: &mut World<'_>,
    ports: &[PortView],
    progress: &Progress,
) -> anyhow::Result<()> {
    let trunk = progress
        .step("pinging every two machines", async {
            world.wait_for_plans().await?;
            let trunk = Trunk::watch(world)?;
            let (reach, apart) = reachability(world).await?;
            let seen = format!(
                "{reach} pairs of one network reach each other across the hosts, {apart} others do not"
            );
            Ok((seen, trunk))
        })
        .await?;
    progress
        .step("looking at the frames on the trunk", async {
            Ok((format!("frames on the trunk: {}", trunk.check(ports)?), ()))
        })
        .await
}

/// A port is deleted while its agent is dead; what remains is never disturbed.
async fn agent_crash(world: &mut World<'_>, lab: &Lab, progress: &Progress) -> anyhow::Result<()> {
    let config = world.hosts[HOST_A].agent_config.display().to_string();
    let plan = ["plan", "--config", &config, "--output", "json"];
    let pings = [("web-1", "web-2"), ("edge-1", ROUTER)];
    let pings = pings.map(|(from, to)| begin(world, lab, from, to));
    let pings: Vec<Ping> = pings.into_iter().collect::<anyhow::Result<_>>()?;
    progress
        .step("killing an agent and deleting a port meanwhile", async {
            wait_for_answers(&pings, 5).await?;
            if let Some(mut agent) = world.hosts[HOST_A].agent.take() {
                agent.kill();
            }
            world.weft_here(&["delete", "port", DELETED]).await?.expect(0)?;
            ensure!(world.is_plugged(DELETED)?, "the TAP of {DELETED} has gone without an agent");
            let printed = world.weft(HOST_A, &plan).await?.expect(2)?;
            let count = only_deletions(&printed)?;
            let seen = format!(
                "agent of host-a killed (-9), {DELETED} deleted: `weft plan` has {count} deletions, nothing else"
            );
            Ok((seen, ()))
        })
        .await?;
    progress
        .step("starting the agent again", async {
            world.start_agent(HOST_A)?;
            wait_until(&format!("that {DELETED} is gone"), LIMIT, async || {
                world.check()?;
                Ok(match world.is_plugged(DELETED) {
                    Ok(false) => Ok(()),
                    Ok(true) => Err("its TAP is still there".to_owned()),
                    Err(error) => Err(error.to_string()),
                })
            })
            .await?;
            no_reports(world).await?;
            world.weft(HOST_A, &plan).await?.expect(0)?;
            Ok((
                "agent started again: the leftover is gone, `weft plan` for the rest is empty"
                    .to_owned(),
                (),
            ))
        })
        .await?;
    progress
        .step("counting the pings that ran all the while", async {
            let target = pings.iter().map(Ping::received).max().unwrap_or(0) + 5;
            wait_for_answers(&pings, target).await?;
            let mut sent = 0;
            for ping in pings {
                let report = ping.stop()?;
                ensure!(
                    is_lossless(report),
                    "a ping that ran all the while: {report:?}"
                );
                sent += report.sent;
            }
            Ok((
                format!("the pings that ran all the while lost none of {sent} packets"),
                (),
            ))
        })
        .await
}

fn begin(world: &World<'_>, lab: &Lab, from: &str, to: &str) -> anyhow::Result<Ping> {
    let station = |name: &str| -> anyhow::Result<Station> {
        let mut all = STATIONS.into_iter();
        all.find(|station| station.name == name)
            .context("there is no such station")
    };
    let place = world.place(station(from)?)?;
    Ok(Ping::start(
        lab,
        &format!("ping-{from}-{to}"),
        place,
        station(to)?.ip(),
    )?)
}

async fn wait_for_answers(pings: &[Ping], count: usize) -> anyhow::Result<()> {
    wait_until("that the pings are answered", LIMIT, async || {
        let least = pings.iter().map(Ping::received).min().unwrap_or(0);
        Ok(if least >= count {
            Ok(())
        } else {
            Err(format!("{least} packets of {count}"))
        })
    })
    .await?;
    Ok(())
}

fn is_lossless(report: PingReport) -> bool {
    report.received > 0 && report.lost == 0 && report.duplicates == 0
}

/// Checks that a plan only deletes, and only what belonged to the deleted port; returns how much.
fn only_deletions(plan: &str) -> anyhow::Result<usize> {
    let plan: Value = serde_json::from_str(plan).context("`weft plan` printed no JSON")?;
    let operations = plan
        .get("operations")
        .and_then(Value::as_array)
        .context("no operations")?;
    ensure!(!operations.is_empty(), "the plan is empty");
    for operation in operations {
        let text = |name: &str| {
            operation
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let object = text("object");
        let is_its = object.contains(DELETED) || object.contains("vlan.200");
        ensure!(
            text("action") == "delete" && is_its,
            "the plan has {operation}"
        );
    }
    Ok(operations.len())
}

/// Waits until nothing is said of the deleted port any more.
async fn no_reports(world: &mut World<'_>) -> anyhow::Result<()> {
    let client = world.client.clone();
    wait_until(
        &format!("that nothing is said of {DELETED}"),
        LIMIT,
        async || {
            world.check()?;
            Ok(match client.state(None, &[]).await {
                Ok(state)
                    if state
                        .records
                        .iter()
                        .any(|r| r.id.as_deref() == Some(DELETED)) =>
                {
                    Err("its records are still there".to_owned())
                }
                Ok(_) => Ok(()),
                Err(error) => Err(error.to_string()),
            })
        },
    )
    .await?;
    Ok(())
}

async fn port_returns(world: &mut World<'_>, progress: &Progress) -> anyhow::Result<()> {
    progress
        .step("applying the same file again", async {
            let file = world.file.display().to_string();
            let ended = world.weft_here(&["apply", "-f", &file, "--wait", "20s"]).await?;
            let printed = ended.expect(0)?;
            let unchanged = printed.lines().filter(|line| line.ends_with("unchanged")).count();
            let others = port_count() - 1;
            ensure!(unchanged == others, "{others} ports are as they were, not {unchanged}");
            world.plug(DELETED).await?;
            world.wait_for_plans().await?;
            let (reach, apart) = reachability(world).await?;
            let seen = format!(
                "`weft apply` again: {DELETED} is back, the others unchanged; {reach} pairs reach each other, {apart} do not"
            );
            Ok((seen, ()))
        })
        .await
}

/// A switch dies and takes all of its devices with it.
async fn switch_crash(world: &mut World<'_>, progress: &Progress) -> anyhow::Result<()> {
    let here = |port: &&PortView| port.host == HOSTS[HOST_B];
    let word = |port: &PortView| port.condition.as_ref().map(|c| c.status.clone());
    progress
        .step("killing a switch", async {
            if let Some(mut switch) = world.hosts[HOST_B].switch.take() {
                switch.kill();
            }
            let what = "that the ports of host-b are no longer effective";
            let ports = world
                .wait_for_ports(what, |ports| {
                    let all = ports.iter().filter(here);
                    let still = all
                        .filter(|port| word(port).as_deref() == Some("effective"))
                        .count();
                    if still == 0 {
                        Ok(())
                    } else {
                        Err(format!("{still} are said to be"))
                    }
                })
                .await?;
            let first = ports.iter().find(here).context("host-b has ports")?;
            let status = word(first).unwrap_or_default();
            let reason = first.condition.as_ref().and_then(|c| c.reason.clone());
            let reason = reason
                .map(|reason| format!(" ({reason})"))
                .unwrap_or_default();
            Ok((
                format!("switch of host-b killed (-9): its ports are {status}{reason}"),
                (),
            ))
        })
        .await?;
    progress
        .step("starting the switch again", async {
            world.start_switch(HOST_B)?;
            world.wait_for_ports("that all ports are effective", all_effective).await?;
            let its = STATIONS.into_iter().filter(|s| s.host == HOST_B && s.has_port());
            for station in its {
                world.plug(station.name).await?;
            }
            world.wait_for_plans().await?;
            let (reach, apart) = reachability(world).await?;
            let seen = format!(
                "switch started again, and rebuilt by its agent: {reach} pairs reach each other, {apart} do not"
            );
            Ok((seen, ()))
        })
        .await
}

fn all_effective(ports: &[PortView]) -> Result<(), String> {
    let is_effective = |port: &&PortView| {
        port.condition
            .as_ref()
            .is_some_and(|c| c.status == "effective" && c.current)
    };
    let (effective, all) = (ports.iter().filter(is_effective).count(), port_count());
    if effective == all {
        Ok(())
    } else {
        Err(format!("{effective} of {all} are"))
    }
}

async fn finish(mut world: World<'_>, args: &DemoArgs, progress: &Progress) -> anyhow::Result<()> {
    let ports = world
        .wait_for_ports("that all ports are effective", all_effective)
        .await?;
    progress.line("");
    progress.output().result(&ports, |paint| {
        ports_table(&ports).render(paint, "no ports")
    })?;
    progress.line("");
    if args.keep {
        let took = progress.finish();
        progress.line(&format!(
            "every check has held ({took}). All of it runs on; look around:"
        ));
        let config = world.hosts[HOST_A].agent_config.display();
        let namespace = world.host_namespace(HOST_A).name();
        progress.line(&format!("  export WEFT_SERVER={}", world.url));
        progress.line("  weft get ports; weft describe port web-1; weft watch");
        progress.line(&format!("  weft explain port web-1 --config {config}"));
        progress.line(&format!("  ip netns exec {namespace} ip link"));
        progress.line("Ctrl-C ends it.");
        let () = std::future::pending().await;
    }
    progress
        .step("stopping everything", async {
            let count = world.stop()?;
            drop(world);
            Ok((
                format!("{count} processes have ended in order, nothing is left behind"),
                (),
            ))
        })
        .await?;
    progress.line(&format!("\nevery check has held ({})", progress.finish()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_that_touches_anything_else_is_told() {
        let plan = |action: &str, object: &str| {
            let operation = serde_json::json!({"action": action, "object": object, "value": ""});
            only_deletions(&serde_json::json!({"operations": [operation]}).to_string())
        };
        assert_eq!(plan("delete", "tap db-1").unwrap(), 1);
        assert_eq!(
            plan("delete", "sub-interface physnet1.vlan.200").unwrap(),
            1
        );
        assert!(plan("delete", "tap web-1").is_err());
        assert!(plan("update", "tap db-1").is_err());
        assert!(only_deletions(r#"{"operations": []}"#).is_err());
    }
}
