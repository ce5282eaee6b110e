//! The dataplane's API breaks off: a clear error and another connection, never a wrong answer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_model::Status;
use weft_tests::proxy::{Action, Fault};
use weft_tests::{Cloud, Host, Port, Setup, Vm, scenario};

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

/// Two ports on one host, and a machine behind each.
async fn pair(cloud: &Cloud, host: &Host) -> Result<(Vm, Vm)> {
    let (one, two) = (
        cloud.vm("one", [10, 0, 0, 1])?,
        cloud.vm("two", [10, 0, 0, 2])?,
    );
    cloud.boot(host, "web", &Port::vlan(1, 100), &one).await?;
    cloud.boot(host, "db", &Port::vlan(2, 100), &two).await?;
    one.reaches(&two).await?;
    Ok((one, two))
}

/// What is written for one more port of a network that is there.
const ONE_MORE: &[(&str, u64)] = &[
    ("tap_create_v3", 1),
    ("sw_interface_set_mtu", 1),
    ("sw_interface_set_flags", 1),
    ("sw_interface_set_l2_bridge", 1),
];

#[test]
fn a_dump_that_breaks_off_is_never_taken_for_a_whole_one() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let (one, two) = pair(cloud, host).await?;
        let ping = one.pings(&two)?;
        for (number, (message, action)) in (3_u8..).zip([
            // Half of a message, and whole ones but not all of them.
            ("sw_interface_details", Action::CutWithin),
            ("sw_interface_details", Action::CutBehind),
            ("bridge_domain_details", Action::CutWithin),
            ("sw_interface_tap_v2_details", Action::CutBehind),
            // The request itself, and the answer that ends the dump.
            ("sw_interface_dump", Action::CutWithin),
            ("control_ping_reply", Action::CutWithin),
            ("sockclnt_create_reply", Action::CutWithin),
        ]) {
            host.kill_agent();
            host.proxy().reset();
            host.proxy().inject(Fault::new(message, action).times(1));
            host.start_agent()?;
            host.proxy().reached("sockclnt_create", 2, SOON).await?;
            // Once a new port works, the whole of the dataplane was looked at, and nothing else done.
            cloud
                .bind(host, &format!("p{number}"), &Port::vlan(number, 100))
                .await?;
            cloud
                .wrote(host, ONE_MORE)
                .with_context(|| format!("{message} {action:?}"))?;
        }
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");
        Ok(())
    })
}

#[test]
fn a_connection_lost_at_any_write_ends_in_the_same_state() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        // Whether the dataplane has done what was asked is not known: it has, or it has not.
        for (number, message) in (1_u8..).zip([
            "create_subif",
            "sw_interface_tag_add_del",
            "bridge_domain_add_del_v2",
            "tap_create_v3",
            "sw_interface_set_mtu",
            "sw_interface_set_flags",
            "l2_interface_vlan_tag_rewrite",
            "sw_interface_set_l2_bridge",
        ]) {
            for (half, action) in [(0, Action::CutWithin), (1, Action::CutBehind)] {
                host.proxy().reset();
                host.proxy().inject(Fault::new(message, action).times(1));
                let port = format!("p{number}-{half}");
                let vlan = 100 + 2 * u16::from(number) + half;
                let record = Port::vlan(2 * number + u8::from(half == 1), vlan);
                let revision = cloud.put(host, &port, &record).await?;
                host.proxy().reached(message, 1, SOON).await?;
                cloud.effective(host, &port, revision).await?;
            }
        }
        cloud.fence(host).await?;
        cloud.plan_is_empty(host).await?;
        let contents = host.contents().await?;
        ensure!(contents.ours().len() == 1 + 3 * 16, "{}", contents.print());
        ensure!(
            contents.foreign().interfaces().count() == 1,
            "only local0: {}",
            contents.print()
        );
        Ok(())
    })
}

#[test]
fn a_busy_dataplane_is_not_taken_for_dead_and_a_hung_one_is() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let web = cloud.bind(host, "web", &Port::vlan(1, 100)).await?;

        // Silent for longer than it takes to be asked whether it lives.
        host.proxy().reset();
        let busy = Action::Delay(Duration::from_secs(4));
        host.proxy()
            .inject(Fault::new("tap_create_v3_reply", busy).times(1));
        cloud.bind(host, "db", &Port::vlan(2, 100)).await?;
        cloud.wrote(host, ONE_MORE)?;
        let tally = host.proxy().tally();
        ensure!(tally.of("control_ping") > 0, "it was not asked: {tally}");
        ensure!(
            tally.of("sockclnt_create") == 0,
            "it was taken for dead: {tally}"
        );

        // Its socket is open, and nobody answers.
        host.freeze_dataplane(true)?;
        let noticed =
            cloud.view().until(
                "that it is noticed",
                Duration::from_secs(30),
                |state| match state.condition(host.name(), "web").map(|said| said.status) {
                    Some(Status::Pending { reason }) => Ok(reason),
                    other => Err(format!("{other:?}")),
                },
            );
        let reason = noticed.await?;
        ensure!(reason.contains("VPP"), "{reason}");
        host.freeze_dataplane(false)?;
        cloud.effective(host, "web", web).await?;
        cloud.wrote(host, ONE_MORE)?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn an_agent_that_waits_for_its_dataplane_ends_when_it_is_told_to() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        host.proxy().reset();
        let stuck = Action::Delay(Duration::from_secs(60));
        host.proxy().inject(Fault::new("tap_create_v3", stuck));
        let revision = cloud.put(host, "web", &Port::vlan(1, 100)).await?;
        host.proxy().reached("tap_create_v3", 1, SOON).await?;
        // With success, hence within the five seconds after which it would be killed.
        host.stop_agent()?;
        host.proxy().heal();
        cloud.start_agent(host).await?;
        cloud.effective(host, "web", revision).await?;
        cloud.plan_is_empty(host).await
    })
}
