//! What a person sees of a live host.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use weft_tests::{Cloud, Port, Setup, scenario, weft_binary};

/// Runs `weft` where the server is; gives how it ended and what it printed on stdout and stderr.
async fn run(cloud: &Cloud, words: &[&str]) -> Result<(ExitStatus, String, String)> {
    let mut command = cloud.control().command(&weft_binary()?.to_string_lossy());
    command.args(words).env("NO_COLOR", "1");
    let output = tokio::process::Command::from(command)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(30), output)
        .await
        .with_context(|| format!("`weft {}` does not end", words.join(" ")))??;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status, text(&output.stdout), text(&output.stderr)))
}

/// The same; it must succeed. Gives what it printed.
async fn weft(cloud: &Cloud, words: &[&str]) -> Result<String> {
    let (status, said, errors) = run(cloud, words).await?;
    ensure!(
        status.success(),
        "`weft {}`: {status}: {errors}",
        words.join(" ")
    );
    Ok(said)
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
fn s07_whoever_writes_is_told_what_is_refused_and_what_will_not_work() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let file = |name: &str, port: &str| -> Result<String> {
            let text = format!("ports:\n- {{id: web, network_type: vlan, {port}}}\n");
            Ok(cloud.lab().write(name, &text)?.display().to_string())
        };
        // What can never be is refused, and nothing of it is written.
        for (name, port, words) in [
            (
                "type.yaml",
                "host: host1, physnet: physnet1, segmentation_id: 4095",
                &["segmentation_id", "4095"],
            ),
            (
                "binding.yaml",
                "host: host1, physnet: physnet1, segmentation_id: 5, binding_type: hw_veb",
                &["binding_type", "hw_veb"],
            ),
        ] {
            let (status, _, errors) = run(cloud, &["apply", "-f", &file(name, port)?]).await?;
            ensure!(!status.success(), "{name} was taken: {errors}");
            holds(&errors, words)?;
        }
        let ports = cloud.store().range("/networking-vpp/nodes/").await?.kvs;
        ensure!(ports.is_empty(), "{ports:?}");

        // What may yet come right is taken, with a warning.
        for (name, port, words) in [
            (
                "physnet.yaml",
                "host: host1, physnet: physnet9, segmentation_id: 5",
                &["physnet9", "physnet1"],
            ),
            (
                "host.yaml",
                "host: host2, physnet: physnet1, segmentation_id: 5",
                &["host2", "no agent"],
            ),
        ] {
            let (status, said, errors) = run(cloud, &["apply", "-f", &file(name, port)?]).await?;
            ensure!(status.success(), "{name} was refused: {errors}");
            holds(&said, &["created"])?;
            holds(&errors, words)?;
        }
        cloud.failed(cloud.a(), "web", 0, &["physnet9"]).await?;
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
