//! Ports whose security changes while they are in use.

use std::sync::Arc;

use anyhow::{Result, ensure};
use weft_model::Mac;
use weft_tests::packet::Packet;
use weft_tests::{Flow, Group, Port, Rule, Station, scenario};

use super::{VLAN, guarded, one_host};

/// Somebody else's address on the link.
const STRANGER: Mac = Mac::new([0xfa, 0x16, 0x3e, 0, 0, 0x77]);

/// A group that lets UDP in to one port.
fn only(port: u16) -> Group {
    Group::new().ingress(Rule::v4("udp").range(port, port))
}

fn udp(from: &Station, to: &Station, port: u16) -> Packet {
    Packet::udp(from.v4(), to.v4(), (1000, port))
}

#[test]
fn s10_port_security_is_taken_off_a_live_port_and_put_back() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        cloud.group("g", &only(81)).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let forged = Packet::udp(web.v4().with_mac(STRANGER), peer.v4(), (1000, 53));
        peer.passes(&web, "what the group allows", &udp(&peer, &web, 81))
            .await?;
        peer.stopped(&web, "what no group allows", &udp(&peer, &web, 82))
            .await?;
        web.stopped(&peer, "what no group allows", &udp(&web, &peer, 53))
            .await?;
        web.stopped(&peer, "a forged MAC", &forged).await?;
        for _ in 0..2 {
            let open = Port::secured(1, VLAN, &["g"]).with("port_security_enabled", false);
            cloud.bind(host, "web", &open).await?;
            peer.passes(&web, "anything", &udp(&peer, &web, 82)).await?;
            web.passes(&peer, "anything", &udp(&web, &peer, 53)).await?;
            web.passes(&peer, "any MAC", &forged).await?;
            ensure!(
                policy(&host.contents().await?.ours()).is_empty(),
                "policy is left: {:?}",
                host.contents().await?.ours()
            );
            cloud.plan_is_empty(host).await?;

            cloud
                .bind(host, "web", &Port::secured(1, VLAN, &["g"]))
                .await?;
            peer.passes(&web, "what the group allows", &udp(&peer, &web, 81))
                .await?;
            peer.stopped(&web, "what no group allows", &udp(&peer, &web, 82))
                .await?;
            web.stopped(&peer, "what no group allows", &udp(&web, &peer, 53))
                .await?;
            web.stopped(&peer, "a forged MAC", &forged).await?;
            cloud.plan_is_empty(host).await?;
        }
        Ok(())
    })
}

/// Of the marks in a dataplane, those of access lists.
fn policy(ours: &[String]) -> Vec<&String> {
    let lists = ours.iter();
    lists
        .filter(|mark| mark.contains(".acl.") || mark.contains(".macip."))
        .collect()
}

#[test]
fn s10_the_list_of_groups_changes_and_what_stays_allowed_loses_nothing() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        for (group, port) in [("g", 81), ("h", 82), ("i", 83)] {
            cloud.group(group, &only(port)).await?;
        }
        let (web, peer) = guarded(cloud, &["g", "h"]).await?;
        let (web, peer) = (Arc::new(web), Arc::new(peer));
        let flow = Flow::start(&peer, &web, Packet::udp(peer.v4(), web.v4(), (2000, 82)));
        peer.passes(&web, "the first group", &udp(&peer, &web, 81))
            .await?;
        peer.stopped(&web, "a group of others", &udp(&peer, &web, 83))
            .await?;

        host.proxy().reset();
        cloud
            .bind(host, "web", &Port::secured(1, VLAN, &["i", "h"]))
            .await?;
        peer.passes(&web, "the new group", &udp(&peer, &web, 83))
            .await?;
        peer.passes(&web, "the group that stays", &udp(&peer, &web, 82))
            .await?;
        peer.stopped(&web, "the group that is gone", &udp(&peer, &web, 84))
            .await?;
        peer.stopped(
            &web,
            "a flow of the group that is gone",
            &udp(&peer, &web, 81),
        )
        .await?;
        // The new group's lists come, the port gets its list of lists, the others go.
        cloud.wrote(
            host,
            &[
                ("acl_add_replace", 2),
                ("acl_interface_set_acl_list", 1),
                ("acl_del", 2),
            ],
        )?;
        // The order in which a record names its groups is no difference.
        cloud
            .bind(host, "web", &Port::secured(1, VLAN, &["h", "i"]))
            .await?;
        cloud.fence(host).await?;
        ensure!(
            host.proxy().tally().writes().total() == 5,
            "written for nothing"
        );
        flow.goes_on(20).await?;
        let report = flow.stop().await?;
        ensure!(report.lost == 0 && report.replies_lost == 0, "{report:?}");

        cloud
            .bind(host, "web", &Port::secured(1, VLAN, &[]))
            .await?;
        peer.stopped(&web, "no group", &udp(&peer, &web, 82))
            .await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s10_a_port_waits_for_a_group_without_a_storm() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        cloud.group("g", &only(81)).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let (web, peer) = (Arc::new(web), Arc::new(peer));
        let both = Port::secured(1, VLAN, &["g", "late"]);
        cloud.put(host, "web", &both).await?;
        cloud.pending(host, "web", &["late"]).await?;
        cloud.fence(host).await?;

        // A second of waiting costs the dataplane nothing; what the port has works meanwhile.
        host.proxy().reset();
        let flow = Flow::start(&peer, &web, Packet::udp(peer.v4(), web.v4(), (2000, 81)));
        flow.goes_on(200).await?;
        let tally = host.proxy().tally();
        ensure!(tally.writes().total() == 0, "wrote {tally} for nothing");
        // It may look at the dataplane once, as it does of itself: 13 dumps, each with its ping.
        let looks = tally.of("sw_interface_dump");
        ensure!(looks <= 1, "looked {looks} times for nothing: {tally}");
        ensure!(tally.total() <= 30, "asked {tally} for nothing");
        peer.stopped(&web, "the group that is not there", &udp(&peer, &web, 82))
            .await?;

        let revision = cloud.group("late", &only(82)).await?;
        cloud.effective(host, "web", 0).await?;
        peer.passes(&web, "the group that has come", &udp(&peer, &web, 82))
            .await?;
        ensure!(revision > 0, "the store counts");
        cloud.wrote(host, &[("acl_add_replace", 1)])?;
        let report = flow.stop().await?;
        ensure!(report.lost == 0 && report.replies_lost == 0, "{report:?}");
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s10_a_new_port_of_a_group_that_comes_later() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        cloud
            .put(host, "web", &Port::secured(1, VLAN, &["late"]))
            .await?;
        cloud.pending(host, "web", &["late"]).await?;
        cloud.group("late", &only(81)).await?;
        cloud.effective(host, "web", 0).await?;
        let (web, peer) = guarded(cloud, &["late"]).await?;
        peer.passes(&web, "what the group allows", &udp(&peer, &web, 81))
            .await?;
        peer.stopped(&web, "what it does not", &udp(&peer, &web, 82))
            .await
    })
}
