//! Agents and dataplanes die.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::wait_until;
use weft_model::Status;
use weft_store::Op;
use weft_tests::proxy::{Action, Fault};
use weft_tests::{Cloud, Host, Port, Setup, Vm, scenario};
use weft_vpp_wire::messages::interface::CreateLoopback;

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

/// A port on each host, both on one network, and a machine behind each.
async fn pair(cloud: &Cloud, record: impl Fn(u8) -> Port) -> Result<(Vm, Vm)> {
    let (one, two) = (
        cloud.vm("one", [10, 0, 0, 1])?,
        cloud.vm("two", [10, 0, 0, 2])?,
    );
    cloud.boot(cloud.a(), "web", &record(1), &one).await?;
    cloud.boot(cloud.b(), "db", &record(2), &two).await?;
    one.reaches(&two).await?;
    Ok((one, two))
}

#[test]
fn s11_agent_restart_zero_writes_no_packet_loss_flat() -> Result<()> {
    agent_restart(Port::flat)
}

#[test]
fn s11_agent_restart_zero_writes_no_packet_loss_vlan() -> Result<()> {
    agent_restart(|number| Port::vlan(number, 100))
}

fn agent_restart(record: impl Fn(u8) -> Port) -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let (one, two) = pair(cloud, record).await?;
        let told = format!("state/{}/ports/web", a.name());
        let before = cloud.view().now().get(&told).cloned();
        for host in cloud.hosts() {
            host.proxy().reset();
        }
        let ping = one.pings(&two)?;
        a.kill_agent();
        cloud.start_agent(a).await?;
        b.stop_agent()?;
        cloud.start_agent(b).await?;
        cloud.wrote(a, &[])?;
        cloud.wrote(b, &[])?;
        let enough = wait_until("twenty answers", SOON, async || {
            let answers = ping.received();
            Ok(if answers >= 20 {
                Ok(())
            } else {
                Err(answers.to_string())
            })
        });
        enough.await?;
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.duplicates == 0, "{report:?}");
        // Nobody was told again what was known already.
        ensure!(
            cloud.view().now().get(&told).cloned() == before,
            "the port's state was written anew"
        );
        Ok(())
    })
}

#[test]
fn s12_port_deleted_while_agent_down() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let a = cloud.a();
        let (one, two) = pair(cloud, |number| Port::vlan(number, 100)).await?;
        cloud.bind(a, "old", &Port::vlan(3, 100)).await?;
        cloud.bind(a, "alone", &Port::vlan(4, 200)).await?;
        cloud.bind(a, "changed", &Port::vlan(5, 100)).await?;
        let ping = one.pings(&two)?;

        a.kill_agent();
        cloud.delete(a, "old").await?;
        cloud.delete(a, "alone").await?;
        let revision = cloud
            .put(a, "changed", &Port::vlan(5, 100).with("mtu", 1300))
            .await?;
        ensure!(
            a.contents().await?.tap("old").is_some(),
            "without an agent nothing changes"
        );
        a.proxy().reset();
        cloud.start_agent(a).await?;
        cloud.absent(a, "old").await?;
        cloud.absent(a, "alone").await?;
        cloud.effective(a, "changed", revision).await?;
        cloud.wrote(
            a,
            &[
                ("tap_delete_v2", 2),
                // The two TAPs and the sub-interface leave.
                ("sw_interface_set_l2_bridge", 3),
                ("bridge_domain_add_del_v2", 1),
                ("delete_subif", 1),
                ("sw_interface_set_mtu", 1),
            ],
        )?;
        for port in ["old", "alone"] {
            cloud.no_device(a, port)?;
        }
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");
        cloud.plan_is_empty(a).await
    })
}

#[test]
fn s13_dataplane_restart_while_idle_rebuilt_other_sw_if_index() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let a = cloud.a();
        let (one, two) = pair(cloud, |number| Port::vlan(number, 100)).await?;
        let before = a
            .contents()
            .await?
            .tap("web")
            .context("no TAP")?
            .sw_if_index;

        a.proxy().hold();
        a.kill_dataplane();
        // Noticed by itself, and said.
        let noticed = cloud.view().until(
            "that its death is told",
            Duration::from_secs(5),
            |state| match state.condition(a.name(), "web").map(|said| said.status) {
                Some(Status::Pending { .. }) if state.port_state(a.name(), "web").is_none() => {
                    Ok(())
                }
                other => Err(format!("{other:?}")),
            },
        );
        noticed.await?;
        let physnet = format!("state/{}/physnets/physnet1", a.name());
        let unserved = cloud
            .view()
            .until("that its network is not served", SOON, |state| {
                state
                    .get(&physnet)
                    .map_or(Ok(()), |kv| Err(format!("{kv:?}")))
            });
        unserved.await?;

        a.start_dataplane().await?;
        let (api, _events) = a.api().await?;
        for _ in 0..3 {
            api.request(CreateLoopback::default()).await?;
        }
        a.proxy().release();
        cloud.effective(a, "web", 0).await?;
        let after = a
            .contents()
            .await?
            .tap("web")
            .context("no TAP")?
            .sw_if_index;
        ensure!(
            before != after,
            "the index is {before} again, which proves nothing"
        );
        a.plug("web", &one)?;
        one.reaches(&two).await?;
        let served = cloud
            .view()
            .until("that the physical network is served", SOON, |state| {
                state
                    .get(&physnet)
                    .map(drop)
                    .ok_or_else(|| "it is not".to_owned())
            });
        served.await?;
        cloud.plan_is_empty(a).await
    })
}

#[test]
fn s13_a_dataplane_that_is_not_there_yet_is_waited_for() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        host.kill_dataplane();
        let revision = cloud.put(host, "web", &Port::flat(1)).await?;
        host.start_agent()?;
        let said =
            cloud.view().until(
                "that the port waits for the dataplane",
                SOON,
                |state| match state.condition(host.name(), "web").map(|said| said.status) {
                    Some(Status::Pending { reason }) => Ok(reason),
                    other => Err(format!("{other:?}")),
                },
            );
        let reason = said.await?;
        ensure!(reason.contains("VPP"), "{reason}");
        host.start_dataplane().await?;
        cloud.effective(host, "web", revision).await?;
        Ok(())
    })
}

/// Kills the agent as soon as the relay has seen `count` of a message. What it had sent by then is
/// carried out before its successor begins: two agents at work at once are another matter.
async fn kill_at(host: &Host, message: &str, count: u64) -> Result<()> {
    host.proxy().reached(message, count, SOON).await?;
    host.kill_agent();
    host.proxy().drained().await;
    Ok(())
}

#[test]
fn s20_two_restarts_in_a_row_during_bind_bd_id_reuse() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        // Slow enough for the agent to die in between, wherever it is by then.
        let slow = Action::Delay(Duration::from_millis(30));
        for message in [
            "bridge_domain_add_del_v2",
            "create_subif",
            "tap_create_v3_reply",
        ] {
            host.proxy().inject(Fault::new(message, slow));
        }
        host.proxy().reset();
        // The agent writes meanwhile, too: the revisions are not consecutive.
        let mut revisions = Vec::new();
        for number in 1..=8_u8 {
            let vlan = 100 + u16::from(number % 4);
            let port = format!("p{number}");
            let revision = cloud.put(host, &port, &Port::vlan(number, vlan)).await?;
            revisions.push((port, revision));
        }
        kill_at(host, "create_subif", 1).await?;
        host.proxy().reset();
        host.start_agent()?;
        kill_at(host, "tap_create_v3", 2).await?;
        host.proxy().heal();
        cloud.start_agent(host).await?;
        for (port, revision) in &revisions {
            cloud.effective(host, port, *revision).await?;
        }
        cloud.plan_is_empty(host).await?;
        let contents = host.contents().await?;
        // The uplink, four networks of a sub-interface and a bridge domain, eight TAPs, and nothing
        // that was made twice.
        let ours = contents.ours();
        ensure!(ours.len() == 17, "{ours:?}");
        ensure!(
            contents.foreign().interfaces().count() == 1,
            "only local0: {}",
            contents.print()
        );

        // The place of a bridge domain that goes is taken by the next, and nothing leaks through it.
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        let three = cloud.vm("three", [10, 0, 0, 3])?;
        host.plug("p1", &one)?;
        host.plug("p5", &two)?;
        one.reaches(&two).await?;
        host.kill_agent();
        cloud.delete(host, "p2").await?;
        cloud.delete(host, "p6").await?;
        let revision = cloud.put(host, "p9", &Port::vlan(9, 500)).await?;
        cloud.start_agent(host).await?;
        cloud.effective(host, "p9", revision).await?;
        cloud.absent(host, "p6").await?;
        host.plug("p9", &three)?;
        one.reaches_not(&three).await?;
        one.reaches(&two).await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s20_a_crash_in_the_middle_of_many_leaves_nothing_twice() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        host.proxy().reset();
        let ids: Vec<String> = (1..=60).map(|number| format!("p{number}")).collect();
        let ports = (1_u8..).zip(&ids).map(|(number, id)| {
            let port = Port::vlan(number, 100 + u16::from(number % 10));
            Op::put(cloud.key(host, id), port.bytes())
        });
        let revision = cloud.put_all(ports.collect()).await?;
        for (message, count) in [("tap_create_v3", 5), ("bridge_domain_dump", 1)] {
            host.proxy().reached(message, count, SOON).await?;
            host.kill_agent();
            host.proxy().reset();
            host.start_agent()?;
        }
        for id in &ids {
            cloud.effective(host, id, revision).await?;
        }
        let contents = host.contents().await?;
        let ours = contents.ours();
        let different: BTreeSet<&String> = ours.iter().collect();
        ensure!(different.len() == ours.len(), "{}", contents.print());
        ensure!(ours.len() == 1 + 2 * 10 + 60, "{}", contents.print());
        cloud.plan_is_empty(host).await
    })
}
