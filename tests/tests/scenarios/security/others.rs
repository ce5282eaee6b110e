//! Others change the policy in the dataplane, and have access lists of their own.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use weft_tests::packet::Packet;
use weft_tests::{Cloud, Group, HostConfig, Rule, Setup, Station, scenario};
use weft_vpp::Connection;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclAddReplace, AclInterfaceSetAclList, InterfaceAcls, MacipAclAddReplace,
};
use weft_vpp_wire::{FixedString, SwIfIndex};

use super::guarded;

/// A port whose group lets one UDP port in, on a host that looks at its dataplane every second.
fn looks_often() -> Setup {
    Setup::hosts(1).config(HostConfig {
        resync: Duration::from_secs(1),
        ..HostConfig::secured()
    })
}

async fn with_group(cloud: &Cloud) -> Result<(Station, Station)> {
    let rule = Rule::v4("udp").range(81, 81);
    cloud.group("g", &Group::new().ingress(rule)).await?;
    guarded(cloud, &["g"]).await
}

fn udp(from: &Station, to: &Station, port: u16) -> Packet {
    Packet::udp(from.v4(), to.v4(), (1000, port))
}

/// Makes an access list without a rule, which drops everything where it is alone.
async fn empty_acl(api: &Connection, tag: &str, acl_index: u32) -> Result<u32> {
    let reply = api
        .request(AclAddReplace {
            acl_index,
            tag: FixedString::try_from(tag)?,
            ..AclAddReplace::default()
        })
        .await?;
    Ok(reply.acl_index)
}

async fn bind(api: &Connection, interface: SwIfIndex, acls: InterfaceAcls) -> Result<()> {
    api.request(AclInterfaceSetAclList {
        sw_if_index: interface,
        acls,
    })
    .await?;
    Ok(())
}

#[test]
fn s03_policy_that_is_changed_under_us_comes_back() -> Result<()> {
    scenario(looks_often(), async |cloud| {
        let host = cloud.a();
        let (web, peer) = with_group(cloud).await?;
        let (api, _events) = host.api().await?;
        let before = host.contents().await?;
        let interface = before.tap("web").context("no TAP")?.sw_if_index;
        let list = before
            .acl("weft.acl.g.ingress")
            .context("no list")?
            .acl_index;

        // Its lists are taken off, so that everything passes.
        bind(&api, interface, InterfaceAcls::default()).await?;
        peer.will_stop(&web, "what no group allows", &udp(&peer, &web, 82))
            .await?;
        peer.passes(&web, "what the group allows", &udp(&peer, &web, 81))
            .await?;

        // The group's list loses its rules, so that nothing passes.
        empty_acl(&api, "weft.acl.g.ingress", list).await?;
        peer.will_pass(&web, "what the group allows", &udp(&peer, &web, 81))
            .await?;

        // The machine may be anybody.
        let index = before
            .macip_acl("weft.macip.web")
            .context("no list")?
            .acl_index;
        let forged = udp(&web, &peer, 67);
        let forged_ip = Packet::udp(web.v4().at([10, 0, 0, 77]), peer.v4(), (68, 67));
        web.stopped(&peer, "a forged address", &forged_ip).await?;
        api.request(MacipAclAddReplace {
            acl_index: index,
            tag: FixedString::try_from("weft.macip.web")?,
            ..MacipAclAddReplace::default()
        })
        .await?;
        web.will_stop(&peer, "a forged address", &forged_ip).await?;
        web.stopped(&peer, "what no group allows", &forged).await?;
        ensure!(
            host.contents().await?.ours() == before.ours(),
            "other things are there"
        );
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s08_access_lists_of_others_stay_but_not_on_our_ports() -> Result<()> {
    scenario(looks_often(), async |cloud| {
        let host = cloud.a();
        let (web, peer) = with_group(cloud).await?;
        let (api, _events) = host.api().await?;
        let before = host.contents().await?;
        let interface = before.tap("web").context("no TAP")?.sw_if_index;
        let ours = before.binding(interface).context("no lists")?.acls.clone();

        let theirs = empty_acl(&api, "theirs", ACL_NONE).await?;
        bind(
            &api,
            interface,
            InterfaceAcls::new(vec![theirs], vec![theirs])?,
        )
        .await?;
        peer.will_pass(&web, "what the group allows", &udp(&peer, &web, 81))
            .await?;
        let after = host.contents().await?;
        let now = after.binding(interface).context("no lists")?;
        ensure!(now.acls == ours, "{now:?} instead of {ours:?}");
        ensure!(after.acl("theirs").is_some(), "what is not ours is gone");

        // On an interface that is not ours it stays in use.
        let local = SwIfIndex(0);
        bind(&api, local, InterfaceAcls::new(vec![theirs], vec![])?).await?;
        cloud
            .group("g", &Group::new().ingress(Rule::v4("udp").range(82, 82)))
            .await?;
        peer.will_pass(&web, "what the group allows now", &udp(&peer, &web, 82))
            .await?;
        let after = host.contents().await?;
        let now = after.binding(local).context("no lists")?;
        ensure!(now.acls.input() == [theirs], "{now:?}");

        // Nor does it go from an uplink, which is ours: an operator guards his host by it.
        let uplink = before
            .tagged("weft.uplink.physnet1")
            .context("no uplink")?
            .sw_if_index;
        bind(&api, uplink, InterfaceAcls::new(vec![], vec![theirs])?).await?;
        host.kill_agent();
        cloud.start_agent(host).await?;
        cloud.plan_is_empty(host).await?;
        let after = host.contents().await?;
        let now = after.binding(uplink).context("no lists")?;
        ensure!(now.acls.output() == [theirs], "{now:?}");

        // A second list with the mark of one of ours goes.
        empty_acl(&api, "weft.acl.g.ingress", ACL_NONE).await?;
        let doubled = host.contents().await?.ours();
        ensure!(doubled.len() == before.ours().len() + 1, "{doubled:?}");
        let gone = weft_lab::wait_until("that it is gone", Duration::from_secs(20), async || {
            let ours = match host.contents().await {
                Ok(contents) => contents.ours(),
                Err(error) => return Ok(Err(error.to_string())),
            };
            Ok(if ours.len() == before.ours().len() {
                Ok(())
            } else {
                Err(format!("{ours:?}"))
            })
        });
        gone.await?;
        peer.passes(&web, "what the group allows", &udp(&peer, &web, 82))
            .await?;
        cloud.plan_is_empty(host).await
    })
}
