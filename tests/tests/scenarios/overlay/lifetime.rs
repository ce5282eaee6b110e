//! Hosts, agents and stores that die.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use weft_lab::wait_until;
use weft_tests::{Flow, Host, Underlay, scenario};

use super::{SOON, advertised, boot, connected, hosts, hosts_with_lease, tunnels, udp};

/// A lease that runs out soon.
const SHORT: Duration = Duration::from_secs(3);

/// A host's dataplane was not told of any tunnel or machine since the relay was reset.
fn nothing_forgotten(host: &Host) -> Result<()> {
    let writes = host.proxy().tally().writes();
    for message in [
        "vxlan_gpe_add_del_tunnel_v2",
        "l2fib_add_del",
        "bd_ip_mac_add_del",
    ] {
        ensure!(
            writes.of(message) == 0,
            "nothing has changed; wrote {writes}"
        );
    }
    Ok(())
}

#[test]
fn a_dead_host_vanishes_for_all_others_and_comes_back() -> Result<()> {
    scenario(hosts_with_lease(2, Underlay::V4, SHORT), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = boot(cloud, a, "one", 1).await?;
        let two = boot(cloud, b, "two", 2).await?;
        connected(&one, &two).await?;
        b.kill_agent();
        advertised(cloud, b, 2, false).await?;
        let gone = wait_until("that the tunnel is gone", SOON, async || {
            Ok(match tunnels(a).await {
                Ok(0) => Ok(()),
                other => Err(format!("{other:?}")),
            })
        });
        gone.await?;
        cloud.start_agent(b).await?;
        connected(&one, &two).await
    })
}

#[test]
fn an_agent_that_is_stopped_and_started_is_not_noticed_elsewhere() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = Arc::new(boot(cloud, a, "one", 1).await?);
        let two = Arc::new(boot(cloud, b, "two", 2).await?);
        connected(&one, &two).await?;
        cloud.settled(a).await?;
        let flow = Flow::start(&one, &two, udp(&one, &two));
        flow.goes_on(20).await?;
        a.proxy().reset();
        b.stop_agent()?;
        cloud.start_agent(b).await?;
        advertised(cloud, b, 2, true).await?;
        cloud.fence(a).await?;
        // Twelve seconds; the lease of the agent that is gone has ten.
        flow.goes_on(2400).await?;
        nothing_forgotten(a)?;
        let report = flow.stop().await?;
        ensure!(report.lost == 0 && report.replies_lost == 0, "{report:?}");
        Ok(())
    })
}

#[test]
fn s16_the_store_away_for_longer_than_the_leases_is_not_noticed_by_packets() -> Result<()> {
    scenario(hosts_with_lease(2, Underlay::V4, SHORT), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = Arc::new(boot(cloud, a, "one", 1).await?);
        let two = Arc::new(boot(cloud, b, "two", 2).await?);
        connected(&one, &two).await?;
        let flow = Flow::start(&one, &two, udp(&one, &two));
        flow.goes_on(20).await?;
        cloud.server().kill();
        for host in [a, b] {
            let away = wait_until("that the agent says so", SOON, async || {
                Ok(if host.agent_log().contains("the store is away") {
                    Ok(())
                } else {
                    Err(String::new())
                })
            });
            away.await?;
        }
        // Five seconds, and a lease is three.
        flow.goes_on(1000).await?;
        cloud.start_store().await?;
        for (host, number) in [(a, 1), (b, 2)] {
            cloud.fence(host).await?;
            advertised(cloud, host, number, true).await?;
        }
        flow.goes_on(200).await?;
        let report = flow.stop().await?;
        ensure!(report.lost == 0 && report.replies_lost == 0, "{report:?}");
        connected(&one, &two).await
    })
}

#[test]
fn a_dataplane_that_comes_back_empty_is_not_forgotten_by_other_hosts() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = boot(cloud, a, "one", 1).await?;
        let two = boot(cloud, b, "two", 2).await?;
        connected(&one, &two).await?;
        cloud.settled(a).await?;
        a.proxy().reset();
        drop(two);
        b.kill_dataplane();
        b.start_dataplane().await?;
        let back = tokio::time::timeout(Duration::from_secs(20), async {
            while tunnels(b).await? == 0 {
                cloud.fence(b).await?;
            }
            anyhow::Ok(())
        });
        back.await??;
        cloud.settled(b).await?;
        cloud.effective(b, "two", 0).await?;
        let two = cloud.station(b, "two", 2)?;
        // Its uplink has another MAC address, of which the other host learns by its question.
        two.will_pass(&one, "from there", &udp(&two, &one)).await?;
        connected(&one, &two).await?;
        nothing_forgotten(a)
    })
}
