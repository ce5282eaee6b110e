//! The store dies, forgets, or cannot be reached: packets go on, and afterwards only what changed is
//! done. On the embedded store and on etcd.

use std::time::Duration;

use anyhow::{Result, ensure};
use weft_lab::wait_until;
use weft_tests::{Cloud, Host, HostConfig, Port, Setup, StoreKind, Vm, scenario};

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

/// The shortest lease that makes sense.
const LEASE: Duration = Duration::from_secs(2);

fn setup(store: StoreKind) -> Setup {
    Setup::hosts(1).store(store).config(HostConfig {
        lease_ttl: LEASE,
        ..HostConfig::default()
    })
}

/// Two ports on one host, and a machine behind each.
async fn pair(cloud: &Cloud) -> Result<(Vm, Vm)> {
    let (one, two) = (
        cloud.vm("one", [10, 0, 0, 1])?,
        cloud.vm("two", [10, 0, 0, 2])?,
    );
    cloud
        .boot(cloud.a(), "web", &Port::vlan(1, 100), &one)
        .await?;
    cloud
        .boot(cloud.a(), "db", &Port::vlan(2, 100), &two)
        .await?;
    one.reaches(&two).await?;
    Ok((one, two))
}

/// Waits until a host's lease has run out.
async fn lease_gone(cloud: &Cloud, host: &Host) -> Result<()> {
    let alive = format!("state/{}/alive", host.name());
    let physnet = format!("state/{}/physnets/physnet1", host.name());
    let gone = cloud
        .view()
        .until("that the lease runs out", SOON, |state| {
            match (state.get(&alive), state.get(&physnet)) {
                (None, None) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
    gone.await
}

/// Waits until both keys of a host's lease are there.
async fn lease_back(cloud: &Cloud, host: &Host) -> Result<()> {
    let alive = format!("state/{}/alive", host.name());
    let physnet = format!("state/{}/physnets/physnet1", host.name());
    let back = cloud.view().until("that the host is back", SOON, |state| {
        match (state.get(&alive), state.get(&physnet)) {
            (Some(_), Some(_)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    back.await
}

#[test]
fn s16_store_away_longer_than_lease_and_compacted_embedded() -> Result<()> {
    away_and_compacted(StoreKind::Embedded)
}

#[test]
fn s16_store_away_longer_than_lease_and_compacted_etcd() -> Result<()> {
    away_and_compacted(StoreKind::Etcd)
}

fn away_and_compacted(store: StoreKind) -> Result<()> {
    scenario(setup(store), async |cloud| {
        let host = cloud.a();
        let (one, two) = pair(cloud).await?;
        cloud.bind(host, "old", &Port::vlan(3, 100)).await?;
        let ping = one.pings(&two)?;
        host.proxy().reset();

        host.valve().shut();
        lease_gone(cloud, host).await?;
        // Meanwhile a port goes, one comes and changes, and how that came about is forgotten.
        cloud.delete(host, "old").await?;
        cloud.put(host, "new", &Port::vlan(4, 200)).await?;
        let revision = cloud.put(host, "new", &Port::vlan(4, 100)).await?;
        cloud.store().compact(revision).await?;
        cloud.wrote(host, &[])?;

        host.valve().open();
        cloud.effective(host, "new", revision).await?;
        cloud.absent(host, "old").await?;
        lease_back(cloud, host).await?;
        cloud.fence(host).await?;
        cloud.wrote(
            host,
            &[
                ("sw_interface_set_l2_bridge", 2),
                ("tap_delete_v2", 1),
                ("tap_create_v3", 1),
                ("sw_interface_set_mtu", 1),
                ("sw_interface_set_flags", 1),
            ],
        )?;
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");
        ensure!(
            host.agent_log().contains("the store is away"),
            "the agent does not say so"
        );
        Ok(())
    })
}

#[test]
fn s16_store_killed_and_back_embedded() -> Result<()> {
    killed_and_back(StoreKind::Embedded)
}

#[test]
fn s16_store_killed_and_back_etcd() -> Result<()> {
    killed_and_back(StoreKind::Etcd)
}

fn killed_and_back(store: StoreKind) -> Result<()> {
    scenario(setup(store), async |cloud| {
        let host = cloud.a();
        let (one, two) = pair(cloud).await?;
        let ping = one.pings(&two)?;
        host.proxy().reset();
        cloud.server().kill();
        let noticed = wait_until("that the agent says so", SOON, async || {
            Ok(if host.agent_log().contains("the store is away") {
                Ok(())
            } else {
                Err(String::new())
            })
        });
        noticed.await?;
        cloud.start_store().await?;
        lease_back(cloud, host).await?;
        cloud.fence(host).await?;
        cloud.wrote(host, &[])?;

        // An agent that starts while there is no store touches nothing, and comes to work later.
        host.kill_agent();
        cloud.server().kill();
        host.start_agent()?;
        host.proxy().reached("sockclnt_create", 1, SOON).await?;
        cloud.start_store().await?;
        cloud.fence(host).await?;
        lease_back(cloud, host).await?;
        cloud.wrote(host, &[])?;
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");
        Ok(())
    })
}

#[test]
fn s16_store_wiped_and_filled_again_embedded() -> Result<()> {
    wiped(StoreKind::Embedded)
}

#[test]
fn s16_store_wiped_and_filled_again_etcd() -> Result<()> {
    wiped(StoreKind::Etcd)
}

fn wiped(store: StoreKind) -> Result<()> {
    scenario(setup(store), async |cloud| {
        let host = cloud.a();
        let (one, two) = pair(cloud).await?;
        let ping = one.pings(&two)?;
        host.proxy().reset();
        host.valve().shut();
        cloud.server().wipe()?;
        cloud.start_store().await?;
        // Whoever knows writes it again; revisions begin anew, below those that the agent has seen.
        let web = cloud.put(host, "web", &Port::vlan(1, 100)).await?;
        let db = cloud.put(host, "db", &Port::vlan(2, 100)).await?;
        host.valve().open();
        cloud.effective(host, "web", web).await?;
        cloud.effective(host, "db", db).await?;
        lease_back(cloud, host).await?;
        cloud.fence(host).await?;
        cloud.wrote(host, &[])?;
        let state = cloud.view().now().port_state(host.name(), "db");
        ensure!(
            state.is_some_and(|state| state.revision == db),
            "the revision is the new one"
        );
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s17_lease_expiry_and_prefix_delete_embedded() -> Result<()> {
    expiry_and_prefix(StoreKind::Embedded)
}

#[test]
fn s17_lease_expiry_and_prefix_delete_etcd() -> Result<()> {
    expiry_and_prefix(StoreKind::Etcd)
}

fn expiry_and_prefix(store: StoreKind) -> Result<()> {
    let config = HostConfig {
        lease_ttl: LEASE,
        ..HostConfig::default()
    };
    scenario(Setup::hosts(2).store(store).config(config), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        for number in 1..=5 {
            cloud
                .bind(a, &format!("p{number}"), &Port::vlan(number, 100))
                .await?;
        }
        let kept = cloud.bind(b, "p1", &Port::vlan(9, 100)).await?;
        b.proxy().reset();

        // One deletion of many keys is as many deletions; the other host's name begins alike.
        let gone = cloud
            .store()
            .delete_prefix("/networking-vpp/nodes/host1/ports/")
            .await?;
        ensure!(gone == 5, "{gone}");
        for number in 1..=5 {
            cloud.absent(a, &format!("p{number}")).await?;
        }
        cloud.fence(a).await?;
        cloud.fence(b).await?;
        let ours = a.contents().await?.ours();
        ensure!(ours.len() == 1, "only the uplink is left: {ours:?}");
        cloud.wrote(b, &[])?;
        cloud.effective(b, "p1", kept).await?;

        // What the agent said of itself is put right when somebody deletes it, its lease's keys too.
        let before = cloud.store().revision().await?;
        cloud
            .store()
            .delete_prefix("/networking-vpp/state/host10/")
            .await?;
        for key in [
            "ports/p1",
            "conditions/port/p1",
            "conditions/physnet/physnet1",
            "physnets/physnet1",
            "alive",
        ] {
            let path = format!("state/{}/{key}", b.name());
            let again = cloud
                .view()
                .until(&path, SOON, |state| match state.get(&path) {
                    Some(kv) if kv.create_revision > before => Ok(()),
                    other => Err(format!("{other:?}")),
                });
            again.await?;
        }

        // A host that dies is gone for everybody after its lease, and what it forwards is not.
        b.kill_agent();
        lease_gone(cloud, b).await?;
        cloud.start_agent(b).await?;
        lease_back(cloud, b).await?;
        cloud.wrote(b, &[])?;
        // One that ends in order says so at once.
        b.stop_agent()?;
        let alive = format!("state/{}/alive", b.name());
        let gone = cloud
            .view()
            .until("that it takes its leave", SOON, |state| {
                state
                    .get(&alive)
                    .map_or(Ok(()), |kv| Err(format!("{kv:?}")))
            });
        gone.await
    })
}
