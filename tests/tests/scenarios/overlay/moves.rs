//! Machines that move between hosts.

use anyhow::{Result, ensure};
use weft_store::Op;
use weft_tests::{Port, Underlay, scenario};

use super::{VNI, advertised, boot, connected, hosts, owners, tunnels, udp};

#[test]
fn s05_a_machine_moves_and_never_has_two_owners() -> Result<()> {
    scenario(hosts(3, Underlay::V4), async |cloud| {
        let (a, b, c) = (cloud.a(), cloud.b(), cloud.c());
        let one = boot(cloud, a, "one", 1).await?;
        let there = boot(cloud, b, "vm", 2).await?;
        connected(&one, &there).await?;
        advertised(cloud, b, 2, true).await?;
        cloud.settled(a).await?;

        let record = Port::overlay(2, "gpe", VNI).bytes();
        let moved = cloud
            .put_all(vec![
                Op::delete(cloud.key(b, "vm")),
                Op::put(cloud.key(c, "vm"), record),
            ])
            .await?;
        cloud.effective(c, "vm", moved).await?;
        cloud.absent(b, "vm").await?;
        drop(there);
        let here = cloud.station(c, "vm", 2)?;
        connected(&one, &here).await?;
        advertised(cloud, c, 2, true).await?;
        advertised(cloud, b, 2, false).await?;
        for host in cloud.hosts() {
            cloud.settled(host).await?;
        }
        ensure!(tunnels(a).await? == 1, "the old host's tunnel is left");
        ensure!(b.contents().await?.bridge("gpe.7").is_none());

        let history = owners(cloud, 2).await?;
        let most = history.iter().map(std::collections::BTreeSet::len).max();
        ensure!(most == Some(1), "two owners at once: {history:?}");
        let last = history
            .last()
            .is_some_and(|owners| owners.contains(c.name().as_str()));
        ensure!(last, "{history:?}");
        Ok(())
    })
}

#[test]
fn s05_a_record_left_behind_does_not_win_the_machine_back() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let _here = boot(cloud, a, "vm", 2).await?;
        advertised(cloud, a, 2, true).await?;
        // The cloud binds it elsewhere first, and cleans up afterwards.
        let there = cloud.bind(b, "vm", &Port::overlay(2, "gpe", VNI)).await;
        there?;
        advertised(cloud, b, 2, true).await?;
        advertised(cloud, a, 2, false).await?;
        // Not even after the old host's agent has begun anew.
        a.kill_agent();
        cloud.start_agent(a).await?;
        cloud.settled(a).await?;
        advertised(cloud, a, 2, false).await?;
        let history = owners(cloud, 2).await?;
        let most = history.iter().map(std::collections::BTreeSet::len).max();
        ensure!(most == Some(1), "two owners at once: {history:?}");
        // The new host gives it up: the old record is the only one.
        cloud.delete(b, "vm").await?;
        advertised(cloud, a, 2, true).await
    })
}

#[test]
fn a_machine_that_comes_here_is_no_longer_sought_elsewhere() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = boot(cloud, a, "one", 1).await?;
        let there = boot(cloud, b, "vm", 2).await?;
        connected(&one, &there).await?;
        let record = Port::overlay(2, "gpe", VNI).bytes();
        let moved = cloud
            .put_all(vec![
                Op::delete(cloud.key(b, "vm")),
                Op::put(cloud.key(a, "vm"), record),
            ])
            .await?;
        cloud.effective(a, "vm", moved).await?;
        drop(there);
        let here = cloud.station(a, "vm", 2)?;
        here.passes(&one, "from here", &udp(&here, &one)).await?;
        one.will_pass(&here, "to here", &udp(&one, &here)).await?;
        cloud.settled(a).await?;
        ensure!(tunnels(a).await? == 0, "the tunnel is left");
        Ok(())
    })
}
