//! Neutron's own tests of its API, with networking-weft and without it. `make tempest` shows what they say.

#![allow(
    clippy::print_stdout,
    reason = "what passes is for people, and nothing that a test could know"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use weft_tests::openstack::{Driver, OpenStack, OpenStackSetup, openstack};

/// The tests of networks, ports and security groups, of Tempest and of Neutron's plugin for it.
const TESTS: &str = "^(tempest\\.api\\.network|neutron_tempest_plugin\\.api)\\.(admin\\.)?\
                     test_(networks?|ports?|security_groups?|default_security_group|address_groups?|\
                     allowed_address_pair|shared_network|extra_dhcp_options|revisions|binding|\
                     external_network|subnets)(_|\\.)";

/// What became of the tests of a run.
struct Outcome {
    counts: String,
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

/// What passes without the driver passes with it.
#[test]
fn what_passes_without_the_driver_passes_with_it() -> Result<()> {
    let without = run(Driver::None)?;
    let with = run(Driver::Weft)?;
    println!(
        "without networking-weft: {}\nwith networking-weft:    {}",
        without.counts, with.counts
    );
    let lost: Vec<_> = without.passed.difference(&with.passed).collect();
    let won: Vec<_> = with.passed.difference(&without.passed).collect();
    println!("only with it: {won:#?}\nonly without it: {lost:#?}");
    println!(
        "failed without it: {:#?}\nfailed with it: {:#?}",
        without.failed, with.failed
    );
    ensure!(lost.is_empty() && !with.passed.is_empty());
    Ok(())
}

fn run(driver: Driver) -> Result<Outcome> {
    let mut outcome = None;
    let setup = OpenStackSetup::hosts(1).neutrons(1, 2).driver(driver);
    openstack(setup.without_limit(), async |cloud: &OpenStack| {
        let external = json!({"router:external": true});
        let external = cloud.network("public", &external).await?;
        let directory = cloud.lab().path("tempest");
        let mut init = cloud.venv().command("tempest");
        // Not in the list of workspaces that this user has.
        let list = cloud.lab().path("workspaces.yaml");
        init.arg("init")
            .arg("--workspace-path")
            .arg(list)
            .arg(&directory);
        ensure!(
            tokio::process::Command::from(init)
                .output()
                .await?
                .status
                .success()
        );
        let config = config(cloud, &directory, &external).await?;
        std::fs::write(directory.join("etc/tempest.conf"), config)?;
        let mut run = cloud.venv().command("tempest");
        run.current_dir(&directory)
            .args(["run", "--concurrency", "2", "--regex", TESTS]);
        let run = tokio::process::Command::from(run)
            .kill_on_drop(true)
            .output()
            .await?;
        let printed = String::from_utf8_lossy(&run.stdout).into_owned();
        outcome = Some(read(&printed).with_context(|| printed.clone())?);
        Ok(())
    })?;
    outcome.context("there is no outcome")
}

/// Reads what stestr prints: a line a test, and totals at the end.
fn read(printed: &str) -> Result<Outcome> {
    // `{0} neutron_tempest_plugin.api.test_ports.PortsTest.test_x [0.5s] ... ok`, perhaps with tags
    // behind the name.
    let that_end = |end: &str| -> BTreeSet<String> {
        let lines = printed.lines().filter(|line| line.ends_with(end));
        lines
            .filter_map(|line| Some(line.split(' ').nth(1)?.split('[').next()?.to_owned()))
            .collect()
    };
    let totals = printed
        .lines()
        .filter(|line| line.starts_with(" - ") && line.contains(':'));
    let totals: Vec<_> = totals.map(|line| line.trim_start_matches(" - ")).collect();
    ensure!(!totals.is_empty(), "tempest gives no totals");
    Ok(Outcome {
        counts: totals.join(", "),
        passed: that_end("... ok"),
        failed: that_end("... FAILED"),
    })
}

async fn config(cloud: &OpenStack, directory: &Path, external: &str) -> Result<String> {
    let extensions = cloud.api().list("extension", "").await?;
    let aliases = extensions
        .iter()
        .filter_map(|extension| extension["alias"].as_str());
    let aliases: Vec<_> = aliases.collect();
    let keystone = cloud.keystone().url();
    let directory = directory.display();
    let mut text = format!(
        "[DEFAULT]\nlog_file = {directory}/tempest.log\n\
         [oslo_concurrency]\nlock_path = {directory}/lock\n\
         [auth]\nuse_dynamic_credentials = true\nadmin_username = admin\nadmin_password = any\n\
         admin_project_name = admin\nadmin_domain_name = Default\n\
         create_isolated_networks = false\ntempest_roles = member\n\
         [identity]\nuri_v3 = {keystone}/v3\nauth_version = v3\nregion = RegionOne\n\
         v3_endpoint_type = public\n[identity-feature-enabled]\napi_v2 = false\n\
         [service_available]\nneutron = true\n"
    );
    for service in ["nova", "glance", "cinder", "swift", "horizon", "designate"] {
        let _ = writeln!(text, "{service} = false");
    }
    let _ = write!(
        text,
        "[network]\npublic_network_id = {external}\nproject_network_cidr = 10.100.0.0/16\n\
         project_network_mask_bits = 28\n\
         [network-feature-enabled]\napi_extensions = {}\nipv6 = true\n\
         ipv6_subnet_attributes = true\nport_security = true\n\
         [enforce_scope]\nneutron = true\n[validation]\nrun_validation = false\n\
         [neutron_plugin_options]\nprovider_vlans = physnet1\n\
         available_type_drivers = flat,vlan,vxlan\n",
        aliases.join(",")
    );
    Ok(text)
}
