//! Agents start again: what is right already stays as it is, and nobody who is in use notices.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use weft_lab::{Ping, wait_until};
use weft_tests::packet::Packet;
use weft_tests::{Cloud, Flow, Group, Port, Rule, Vm, scenario};

use super::{VLAN, guarded, one_host, two_hosts};

/// How long something may take that should come about at once.
const SOON: Duration = Duration::from_secs(20);

/// Two members of one group on two hosts, whose rules speak of the group, in use: by a flow between
/// stations, and by a ping between machines.
struct InUse {
    flow: Flow,
    ping: Ping,
    _machines: (Vm, Vm),
}

impl InUse {
    async fn start(cloud: &Cloud) -> Result<Self> {
        let group = Group::new()
            .ingress(Rule::v4("udp").range(53, 53).members_of("g"))
            .ingress(Rule::v4("icmp").range(8, -1).members_of("g"))
            .egress(Rule::v4(0).addresses_of("all"));
        cloud.group("g", &group).await?;
        let all = serde_json::json!({"addresses": ["10.0.0.0/24"]});
        cloud.set("global/address_groups/all", &all).await?;
        let (a, b) = (cloud.a(), cloud.b());
        for (host, name, number) in [(a, "web", 1), (b, "db", 2), (a, "one", 3), (b, "two", 4)] {
            cloud
                .join("g", name, &[&format!("10.0.0.{number}")])
                .await?;
            cloud
                .bind(host, name, &Port::secured(number, VLAN, &["g"]))
                .await?;
        }
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 3])?,
            cloud.vm("two", [10, 0, 0, 4])?,
        );
        a.plug("one", &one)?;
        b.plug("two", &two)?;
        one.reaches(&two).await?;
        two.reaches(&one).await?;
        let web = Arc::new(cloud.station(a, "web", 1)?);
        let db = Arc::new(cloud.station(b, "db", 2)?);
        let request = Packet::udp(web.v4(), db.v4(), (1000, 53));
        web.will_pass(&db, "a member's request", &request).await?;
        let flow = Flow::start(&web, &db, request);
        flow.goes_on(1).await?;
        let ping = one.pings(&two)?;
        for host in cloud.hosts() {
            cloud.fence(host).await?;
            host.proxy().reset();
        }
        Ok(Self {
            flow,
            ping,
            _machines: (one, two),
        })
    }

    /// Both go on for a while longer; then nothing may be missing.
    async fn nothing_lost(self) -> Result<()> {
        self.flow.goes_on(50).await?;
        let answers = wait_until("twenty answers", SOON, async || {
            let answers = self.ping.received();
            Ok(if answers >= 20 {
                Ok(())
            } else {
                Err(answers.to_string())
            })
        });
        answers.await?;
        let report = self.ping.stop()?;
        ensure!(report.lost == 0 && report.duplicates == 0, "{report:?}");
        let report = self.flow.stop().await?;
        ensure!(report.lost == 0 && report.replies_lost == 0, "{report:?}");
        Ok(())
    }
}

#[test]
fn s11_agent_restart_zero_writes_no_packet_loss_remote_groups() -> Result<()> {
    scenario(two_hosts(), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let in_use = InUse::start(cloud).await?;
        a.kill_agent();
        cloud.start_agent(a).await?;
        b.stop_agent()?;
        cloud.start_agent(b).await?;
        for host in [a, b] {
            cloud.wrote(host, &[])?;
            cloud.plan_is_empty(host).await?;
        }
        in_use.nothing_lost().await
    })
}

#[test]
fn s11_agent_restart_while_the_store_is_slow() -> Result<()> {
    scenario(two_hosts(), async |cloud| {
        let a = cloud.a();
        let in_use = InUse::start(cloud).await?;
        // Ports, groups and members come one after the other, with time between.
        a.valve().slow(Duration::from_millis(100));
        a.kill_agent();
        cloud.start_agent(a).await?;
        cloud.wrote(a, &[])?;
        a.valve().slow(Duration::ZERO);
        cloud.effective(a, "web", 0).await?;
        in_use.nothing_lost().await
    })
}

#[test]
fn s11_agent_restart_while_the_store_is_away() -> Result<()> {
    scenario(two_hosts(), async |cloud| {
        let a = cloud.a();
        let in_use = InUse::start(cloud).await?;
        a.kill_agent();
        a.valve().shut();
        a.start_agent()?;
        // Half a second in which there is nothing to know.
        in_use.flow.goes_on(100).await?;
        cloud.wrote(a, &[])?;
        a.valve().open();
        // Both the agent's word and what it answers come from the new one.
        cloud.fence(a).await?;
        cloud.wrote(a, &[])?;
        cloud.plan_is_empty(a).await?;
        in_use.nothing_lost().await
    })
}

#[test]
fn s11_a_rule_that_was_removed_meanwhile_is_gone_at_once() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let rule = |port| Rule::v4("udp").range(port, port).members_of("clients");
        cloud
            .group("g", &Group::new().ingress(rule(81)).ingress(rule(82)))
            .await?;
        cloud.join("clients", "peer", &["10.0.0.2"]).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let udp = |port| Packet::udp(peer.v4(), web.v4(), (1000, port));
        peer.passes(&web, "the one rule", &udp(81)).await?;
        peer.passes(&web, "the other rule", &udp(82)).await?;
        host.kill_agent();
        cloud.group("g", &Group::new().ingress(rule(82))).await?;
        peer.passes(&web, "what nobody has removed", &udp(81))
            .await?;
        host.proxy().reset();
        cloud.start_agent(host).await?;
        peer.will_stop(&web, "what is removed", &udp(81)).await?;
        peer.passes(&web, "what is left", &udp(82)).await?;
        cloud.wrote(host, &[("acl_add_replace", 1), ("cli_inband", 1)])?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s11_one_rule_of_a_group_of_many_ports_is_one_message() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let rule = |port| Rule::v4("udp").range(port, port);
        cloud.group("g", &Group::new().ingress(rule(81))).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        for number in 3..13 {
            let name = format!("p{number}");
            cloud
                .bind(host, &name, &Port::secured(number, VLAN, &["g"]))
                .await?;
        }
        host.proxy().reset();
        cloud.group("g", &Group::new().ingress(rule(82))).await?;
        let udp = |port| Packet::udp(peer.v4(), web.v4(), (1000, port));
        peer.will_pass(&web, "the new rule", &udp(82)).await?;
        peer.stopped(&web, "the old rule", &udp(81)).await?;
        cloud.fence(host).await?;
        cloud.wrote(host, &[("acl_add_replace", 1)])?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s11_a_new_dataplane_gets_all_security_before_it_forwards() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let rule = Rule::v4("udp").range(81, 81).members_of("clients");
        cloud.group("g", &Group::new().ingress(rule)).await?;
        cloud.join("clients", "peer", &["10.0.0.2"]).await?;
        cloud
            .bind(host, "web", &Port::secured(1, VLAN, &["g"]))
            .await?;
        host.proxy().hold();
        host.kill_dataplane();
        cloud.pending(host, "web", &[]).await?;
        host.start_dataplane().await?;
        host.proxy().release();
        cloud.effective(host, "web", 0).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let udp = |port| Packet::udp(peer.v4(), web.v4(), (1000, port));
        peer.passes(&web, "what the group allows", &udp(81)).await?;
        peer.stopped(&web, "what it does not", &udp(82)).await?;
        cloud.plan_is_empty(host).await
    })
}
