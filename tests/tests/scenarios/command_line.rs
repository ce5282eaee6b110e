//! What a person sees of a live host.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use weft_tests::{Cloud, Port, Setup, scenario, weft_binary};

/// Runs `weft` where the server is; it must succeed. Gives what it printed.
async fn weft(cloud: &Cloud, words: &[&str]) -> Result<String> {
    let mut command = cloud.control().command(&weft_binary()?.to_string_lossy());
    command.args(words).env("NO_COLOR", "1");
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(20), output)
        .await
        .context("no end")??;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "`weft {}`: {}: {said}",
        words.join(" "),
        output.status
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn holds(printed: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(printed.contains(word), "`{word}` is missing in:\n{printed}");
    }
    Ok(())
}

#[test]
fn a_host_is_planned_explained_and_examined() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        cloud.bind(host, "web", &Port::vlan(1, 100)).await?;
        let bad = cloud
            .put(host, "bad", &Port::vlan(2, 100).with("physnet", "physnet9"))
            .await?;
        cloud.failed(host, "bad", bad, &[]).await?;
        host.proxy().reset();

        holds(
            &host.weft_prints(&["doctor"]).await?,
            &["VPP socket", "VPP version", "store", "physnet1"],
        )?;
        let printed = host.weft_prints(&["plan"]).await?;
        holds(&printed, &["nothing to do"])?;
        let printed = host.weft_prints(&["explain", "port", "web"]).await?;
        holds(
            &printed,
            &[
                "effective",
                "tap web",
                "sw_if_index",
                "bridge-domain physnet1.vlan.100",
                "bd_id",
                "requires",
            ],
        )?;
        holds(
            &host.weft_prints(&["explain", "port", "bad"]).await?,
            &["failed", "physnet9"],
        )?;
        let printed = host.weft_prints(&["get", "objects", "-o", "json"]).await?;
        let objects: Value = serde_json::from_str(&printed)?;
        let objects = objects
            .pointer("/objects")
            .and_then(Value::as_array)
            .context("no objects")?;
        ensure!(objects.len() == 6, "{printed}");

        // With the agent away the plan shows what it would do, and does nothing.
        host.kill_agent();
        cloud.delete(host, "web").await?;
        cloud.put(host, "db", &Port::flat(3)).await?;
        let output = host.weft(&["plan", "-o", "json"]).await?;
        ensure!(output.status.code() == Some(2), "{}", output.status);
        let plan: Value = serde_json::from_slice(&output.stdout)?;
        let operations = plan
            .pointer("/operations")
            .and_then(Value::as_array)
            .context("no plan")?;
        let of = |action: &str| {
            operations
                .iter()
                .filter(|operation| operation["action"] == action)
                .count()
        };
        ensure!(of("create") == 4, "{plan}");
        ensure!(of("delete") == 5, "{plan}");
        cloud.wrote(host, &[])?;
        Ok(())
    })
}

#[test]
fn ports_and_hosts_are_told_of_over_the_server() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let file = cloud.lab().write(
            "net.yaml",
            "networks:\n\
             - {name: blue, network_type: vlan, physnet: physnet1, segmentation_id: 100}\n\
             ports:\n\
             - {id: web, host: host1, network: blue, fixed_ips: [10.0.0.1]}\n\
             - {id: db, host: host10, network: blue, fixed_ips: [10.0.0.2]}\n",
        )?;
        let file = file.display().to_string();
        holds(
            &weft(cloud, &["apply", "-f", &file, "--wait", "20s"]).await?,
            &["web", "created"],
        )?;
        holds(&weft(cloud, &["apply", "-f", &file]).await?, &["unchanged"])?;
        holds(
            &weft(cloud, &["get", "ports"]).await?,
            &["host1", "host10", "web", "db", "physnet1", "effective"],
        )?;
        holds(
            &weft(cloud, &["get", "hosts"]).await?,
            &["host1", "yes", "physnet1", "1 effective"],
        )?;
        let bad = cloud.put_raw(cloud.a(), "bad", b"{".to_vec()).await?;
        cloud.failed(cloud.a(), "bad", bad, &[]).await?;
        holds(
            &weft(cloud, &["describe", "port", "bad"]).await?,
            &["failed", "JSON"],
        )?;
        holds(
            &weft(cloud, &["describe", "port", "web"]).await?,
            &["effective", "10.0.0.1", "host1"],
        )?;
        holds(
            &weft(cloud, &["describe", "host", "host1"]).await?,
            &["physnet1", "web", "bad"],
        )?;
        weft(cloud, &["delete", "port", "web"]).await?;
        cloud.absent(cloud.a(), "web").await?;
        Ok(())
    })
}

#[test]
fn the_demo_holds_what_it_promises() -> Result<()> {
    let mut command = std::process::Command::new(weft_binary()?);
    command
        .arg("demo")
        .env("NO_COLOR", "1")
        .env_remove("WEFT_DATAPLANE");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let output = tokio::process::Command::from(command)
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(Duration::from_secs(90), output);
        let output = output.await.context("the demo does not end")??;
        let (said, errors) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        ensure!(output.status.success(), "{}: {said}{errors}", output.status);
        Ok(())
    })
}
