//! What an operator changes in a configuration, or gets wrong in one.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_lab::Capture;
use weft_tests::{Cloud, HostConfig, Port, Setup, Uplink, scenario, weft_binary};
use weft_vpp_wire::FixedString;
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketMode};
use weft_vpp_wire::messages::interface::IfStatusFlags;

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

#[test]
fn s19_physnet_remapped_in_config() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        let web = cloud.boot(a, "web", &Port::vlan(1, 100), &one).await?;
        let db = cloud.boot(b, "db", &Port::vlan(2, 100), &two).await?;
        one.reaches(&two).await?;

        let other = Uplink::HostInterface("trunk1".to_owned());
        for host in [a, b] {
            host.stop_agent()?;
            host.configure(&HostConfig::default().physnet("physnet1", other.clone()))?;
            host.proxy().reset();
            cloud.start_agent(host).await?;
            // What does not hang on the uplink stays.
            let writes = host.proxy().tally().writes();
            ensure!(
                writes.of("tap_create_v3") + writes.of("tap_delete_v2") == 0,
                "{writes}"
            );
            ensure!(writes.of("af_packet_create_v3") == 1, "{writes}");
            ensure!(writes.of("af_packet_delete") == 1, "{writes}");
        }
        cloud.effective(a, "web", web).await?;
        cloud.effective(b, "db", db).await?;
        let capture = Capture::start(b.namespace(), "trunk1")?;
        one.reaches(&two).await?;
        let frames = capture.frames();
        ensure!(
            frames.iter().any(|frame| frame.vlan == Some(100)),
            "nothing crosses trunk1"
        );
        for host in [a, b] {
            let contents = host.contents().await?;
            ensure!(
                contents.interface("host-trunk0").is_none(),
                "{}",
                contents.print()
            );
            cloud.plan_is_empty(host).await?;
        }
        Ok(())
    })
}

#[test]
fn s19_physnet_removed_in_config_and_back() -> Result<()> {
    let second = Uplink::HostInterface("trunk1".to_owned());
    let config = HostConfig {
        lease_ttl: Duration::from_secs(2),
        ..HostConfig::default()
    };
    let both = config.physnet("physnet2", second);
    scenario(Setup::hosts(1).config(both.clone()), async |cloud| {
        let host = cloud.a();
        let kept = cloud.bind(host, "kept", &Port::vlan(1, 100)).await?;
        let lost = cloud
            .bind(
                host,
                "lost",
                &Port::vlan(2, 100).with("physnet", "physnet2"),
            )
            .await?;
        physnet(cloud, true).await?;

        // Killed, so that it cannot take anything back itself.
        host.kill_agent();
        let mut without = both.clone();
        without.physnets.remove("physnet2");
        host.configure(&without)?;
        cloud.start_agent(host).await?;
        cloud
            .failed(host, "lost", lost, &["physnet2", "physnet1"])
            .await?;
        cloud.effective(host, "kept", kept).await?;
        let contents = host.contents().await?;
        ensure!(
            contents.interface("host-trunk1").is_none(),
            "{}",
            contents.print()
        );
        ensure!(contents.tap("lost").is_none(), "{}", contents.print());
        cloud.no_device(host, "lost")?;
        physnet(cloud, false).await?;
        let condition = cloud
            .view()
            .now()
            .physnet_condition(host.name(), "physnet2");
        ensure!(
            condition.is_none(),
            "what is not configured is still told of: {condition:?}"
        );

        host.stop_agent()?;
        host.configure(&both)?;
        cloud.start_agent(host).await?;
        cloud.effective(host, "lost", lost).await?;
        physnet(cloud, true).await
    })
}

/// Waits until the first host serves `physnet2`, or does not.
async fn physnet(cloud: &Cloud, served: bool) -> Result<()> {
    let path = format!("state/{}/physnets/physnet2", cloud.a().name());
    let what = format!(
        "that physnet2 is {}served",
        if served { "" } else { "not " }
    );
    let seen = cloud
        .view()
        .until(&what, SOON, |state| match state.get(&path) {
            found if found.is_some() == served => Ok(()),
            other => Err(format!("{other:?}")),
        });
    seen.await
}

#[test]
fn s19_an_uplink_that_was_there_before_stays_when_it_is_no_longer_used() -> Result<()> {
    let config =
        HostConfig::default().physnet("physnet1", Uplink::Interface("host-trunk1".to_owned()));
    scenario(
        Setup::hosts(1).config(config).without_agents(),
        async |cloud| {
            let host = cloud.a();
            host.start_agent()?;
            let revision = cloud.put(host, "web", &Port::vlan(1, 100)).await?;
            let waits = cloud
                .view()
                .until("that the uplink is missed", SOON, |state| {
                    let said = state.physnet_condition(host.name(), "physnet1");
                    match said
                        .as_ref()
                        .and_then(|said| said.status.reason().map(str::to_owned))
                    {
                        Some(reason) if reason.contains("host-trunk1") => Ok(()),
                        _ => Err(format!("{said:?}")),
                    }
                });
            waits.await?;

            let (api, _events) = host.api().await?;
            let made = AfPacketCreateV3 {
                mode: AfPacketMode::ETHERNET,
                use_random_hw_addr: true,
                host_if_name: FixedString::try_from("trunk1")?,
                num_rx_queues: 1,
                num_tx_queues: 1,
                ..AfPacketCreateV3::default()
            };
            let made = api.request(made).await?.sw_if_index;
            cloud.effective(host, "web", revision).await?;

            host.stop_agent()?;
            host.configure(&HostConfig::default())?;
            cloud.start_agent(host).await?;
            cloud.effective(host, "web", revision).await?;
            let contents = host.contents().await?;
            let left = contents
                .interface("host-trunk1")
                .context("it was removed")?;
            ensure!(left.sw_if_index == made && left.tag.is_empty(), "{left:?}");
            ensure!(left.flags.contains(IfStatusFlags::ADMIN_UP), "{left:?}");
            ensure!(
                contents.interface("host-trunk1.100").is_none(),
                "{}",
                contents.print()
            );
            Ok(())
        },
    )
}

#[test]
fn config_errors_come_all_at_once_and_nothing_starts() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        let text = "hots = \"host1\"\n\
                    [store]\n\
                    endpoints = [\"ftp://x\"]\n\
                    lease_ttl = \"1 parsec\"\n\
                    [vpp]\n\
                    api_socket = 7\n\
                    [physnets.a]\n\
                    interface = \"GigE0\"\n\
                    [physnets.b]\n\
                    interface = \"GigE0\"\n";
        let said = refused(cloud, "agent", text).await?;
        for place in [":1:", ":3:", ":4:", ":6:", ":10:", "hots", "host", "GigE0"] {
            ensure!(said.contains(place), "`{place}` is missing in: {said}");
        }
        let said = refused(cloud, "switch", "workers = 0\nbufers = 1\n").await?;
        for place in [":1:", ":2:", "buffers"] {
            ensure!(said.contains(place), "`{place}` is missing in: {said}");
        }
        let said = refused(
            cloud,
            "server",
            "listen = 7\n[embedded]\nlisten = [\"https://x\"]\n",
        )
        .await?;
        for place in [":1:", ":3:", "https://x"] {
            ensure!(said.contains(place), "`{place}` is missing in: {said}");
        }
        ensure!(
            host.proxy().tally().total() == 0,
            "the dataplane was asked for something"
        );
        let state = cloud.view().now().print();
        ensure!(state.is_empty(), "the store was written: {state}");
        Ok(())
    })
}

/// Starts a part of `weft` with a configuration that it must refuse; gives what it says of it.
async fn refused(cloud: &Cloud, part: &str, text: &str) -> Result<String> {
    let file = cloud.lab().write(&format!("bad-{part}.toml"), text)?;
    let mut command = cloud
        .a()
        .namespace()
        .command(&weft_binary()?.to_string_lossy());
    command
        .arg(part)
        .arg("--config")
        .arg(&file)
        .env("NO_COLOR", "1");
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(SOON, output)
        .await
        .context("it does not end")??;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        output.status.code() == Some(78),
        "`weft {part}` ended with {}: {said}",
        output.status
    );
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    ensure!(
        said.contains(&name.unwrap_or_default()),
        "the file is not named: {said}"
    );
    Ok(said)
}
