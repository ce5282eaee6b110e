//! Rules that speak of members of groups: security groups and address groups.

use anyhow::Result;
use serde_json::json;
use weft_store::Op;
use weft_tests::packet::{Packet, tcp};
use weft_tests::{Group, Port, Rule, Station, scenario};

use super::{VLAN, free, guarded, one_host, two_hosts};

/// Everything from members of `group` may come in, over both versions.
fn from_members_of(group: &str) -> Group {
    Group::new()
        .ingress(Rule::v4(0).members_of(group))
        .ingress(Rule::v6(0).members_of(group))
}

fn udp(from: &Station, to: &Station, port: u16) -> Packet {
    Packet::udp(from.v4(), to.v4(), (1000, port))
}

fn udp6(from: &Station, to: &Station, port: u16) -> Packet {
    Packet::udp(from.v6(), to.v6(), (1000, port))
}

#[test]
fn s08_members_of_the_default_group_reach_each_other_and_nobody_else_does() -> Result<()> {
    scenario(two_hosts(), async |cloud| {
        let default = from_members_of("default")
            .egress(Rule::v4(0))
            .egress(Rule::v6(0));
        cloud.group("default", &default).await?;
        let other = Group::new().egress(Rule::v4(0)).egress(Rule::v6(0));
        cloud.group("other", &other).await?;
        // As the server writes it: the port and its memberships at once.
        let (a, b) = (cloud.a(), cloud.b());
        let ports = [
            (a, "web", 1, "default"),
            (b, "db", 2, "default"),
            (b, "other", 3, "other"),
        ];
        for (host, name, number, group) in ports {
            let record = Port::secured(number, VLAN, &[group]);
            let members = json!([format!("10.0.0.{number}"), format!("fd00::{number}")]);
            let revision = cloud
                .put_all(vec![
                    Op::put(cloud.key(host, name), record.bytes()),
                    Op::put(
                        format!("/networking-vpp/global/remote_group/{group}/{name}"),
                        members.to_string().into_bytes(),
                    ),
                ])
                .await?;
            cloud.effective(host, name, revision).await?;
        }
        let web = cloud.station(a, "web", 1)?;
        let db = cloud.station(b, "db", 2)?;
        let other = cloud.station(b, "other", 3)?;
        for (from, to) in [(&web, &db), (&db, &web)] {
            // The other host may have heard of the member a moment later.
            from.will_pass(to, "UDP of a member", &udp(from, to, 53))
                .await?;
            from.will_pass(to, "UDP over IPv6", &udp6(from, to, 53))
                .await?;
            let syn = Packet::tcp(from.v4(), to.v4(), (2000, 80), tcp::SYN);
            from.passes(to, "TCP of a member", &syn).await?;
            let echo = Packet::icmp(from.v6(), to.v6(), 128, 0);
            from.passes(to, "an echo request of a member", &echo)
                .await?;
        }
        for member in [&web, &db] {
            other
                .stopped(member, "who is no member", &udp(&other, member, 53))
                .await?;
            other
                .stopped(member, "who is no member", &udp6(&other, member, 53))
                .await?;
            let request = Packet::udp(member.v4(), other.v4(), (1000, 54));
            member
                .stopped(&other, "a member to who is none", &request)
                .await?;
        }
        // A member's own address does not help who is none: nobody sends from it.
        let forged = Packet::udp(other.v4().at(db.ipv4()), web.v4(), (1000, 55));
        other.stopped(&web, "a member's address", &forged).await?;
        cloud.plan_is_empty(a).await?;
        cloud.plan_is_empty(b).await
    })
}

#[test]
fn s08_a_member_joins_and_leaves() -> Result<()> {
    scenario(one_host(), async |cloud| {
        cloud.group("g", &from_members_of("clients")).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        peer.stopped(&web, "who is no member yet", &udp(&peer, &web, 1))
            .await?;
        peer.stopped(&web, "who is no member yet", &udp6(&peer, &web, 1))
            .await?;

        cloud.join("clients", "peer", &["10.0.0.2"]).await?;
        peer.will_pass(&web, "a member", &udp(&peer, &web, 2))
            .await?;
        peer.stopped(&web, "its other version", &udp6(&peer, &web, 2))
            .await?;
        web.passes(&peer, "a reply to a member", &udp(&peer, &web, 2).reply())
            .await?;
        cloud.join("clients", "peer", &["fd00::2"]).await?;
        peer.will_pass(&web, "a member", &udp6(&peer, &web, 3))
            .await?;
        peer.will_stop(&web, "its former address", &udp(&peer, &web, 3))
            .await?;
        cloud
            .join("clients", "peer", &["10.0.0.2", "fd00::2"])
            .await?;
        peer.will_pass(&web, "both versions", &udp(&peer, &web, 4))
            .await?;
        peer.passes(&web, "both versions", &udp6(&peer, &web, 4))
            .await?;

        // Another member comes and goes; nobody notices.
        cloud.join("clients", "another", &["10.0.0.9"]).await?;
        let another = Packet::udp(peer.v4().at([10, 0, 0, 9]), web.v4(), (1000, 5));
        peer.will_pass(&web, "another member", &another).await?;
        cloud.leave("clients", "another").await?;
        peer.will_stop(&web, "another former member", &another)
            .await?;
        peer.passes(&web, "a member's flow", &udp(&peer, &web, 4))
            .await?;
        web.passes(&peer, "its reply", &udp(&peer, &web, 4).reply())
            .await?;

        // With the member go its flows, established ones included.
        cloud.leave("clients", "peer").await?;
        peer.will_stop(&web, "an established flow", &udp(&peer, &web, 4))
            .await?;
        web.stopped(&peer, "its reply", &udp(&peer, &web, 4).reply())
            .await?;
        peer.stopped(&web, "a new flow", &udp(&peer, &web, 6))
            .await?;
        peer.stopped(&web, "a new flow", &udp6(&peer, &web, 6))
            .await
    })
}

#[test]
fn s08_one_group_in_the_rules_of_many() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let groups: Vec<String> = (1..=4).map(|number| format!("g{number}")).collect();
        for (group, port) in groups.iter().zip(81..) {
            // The last one speaks of others.
            let members = if port == 84 { "others" } else { "clients" };
            let rule = Rule::v4("udp").range(port, port).members_of(members);
            cloud.group(group, &Group::new().ingress(rule)).await?;
        }
        let names: Vec<&str> = groups.iter().map(String::as_str).collect();
        let (web, peer) = guarded(cloud, &names).await?;
        host.proxy().reset();
        cloud.join("clients", "peer", &["10.0.0.2"]).await?;
        for port in 81..=83 {
            peer.will_pass(&web, "a member", &udp(&peer, &web, port))
                .await?;
        }
        peer.stopped(&web, "a group of others", &udp(&peer, &web, 84))
            .await?;
        cloud.wrote(host, &[("acl_add_replace", 3)])?;
        // The same once more is no news.
        cloud.join("clients", "peer", &["10.0.0.2"]).await?;
        cloud.fence(host).await?;
        cloud.wrote(host, &[("acl_add_replace", 3)])?;
        cloud.leave("clients", "peer").await?;
        for port in 81..=83 {
            peer.will_stop(&web, "who is no member", &udp(&peer, &web, port))
                .await?;
        }
        cloud.wrote(host, &[("acl_add_replace", 6)])?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s08_a_group_is_deleted_while_a_port_is_in_it() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let only = |port| Group::new().ingress(Rule::v4("udp").range(port, port));
        cloud.group("going", &only(81)).await?;
        cloud.group("staying", &only(82)).await?;
        let (web, peer) = guarded(cloud, &["going", "staying"]).await?;
        // Another port, which has nothing to do with it.
        cloud
            .bind(host, "db", &Port::secured(3, VLAN, &["staying"]))
            .await?;
        peer.passes(&web, "the one group", &udp(&peer, &web, 81))
            .await?;
        peer.passes(&web, "the other group", &udp(&peer, &web, 82))
            .await?;

        cloud.unset("global/secgroups/going").await?;
        cloud.pending(host, "web", &["going"]).await?;
        peer.will_stop(&web, "the group that is gone", &udp(&peer, &web, 81))
            .await?;
        peer.passes(&web, "the other group", &udp(&peer, &web, 82))
            .await?;
        cloud.effective(host, "db", 0).await?;

        cloud.group("going", &only(83)).await?;
        cloud.effective(host, "web", 0).await?;
        peer.will_pass(&web, "the group that is back", &udp(&peer, &web, 83))
            .await?;
        peer.stopped(&web, "what it allowed before", &udp(&peer, &web, 81))
            .await?;

        // What is no group is as good as none, and says why.
        cloud
            .set("global/secgroups/going", &json!({"ingress_rules": 7}))
            .await?;
        cloud.pending(host, "web", &["going"]).await?;
        cloud.group_says(host, "going", &["ingress_rules"]).await?;
        peer.will_stop(&web, "a group that is none", &udp(&peer, &web, 83))
            .await?;
        peer.passes(&web, "the other group", &udp(&peer, &web, 82))
            .await?;
        cloud.group("going", &only(81)).await?;
        cloud.effective(host, "web", 0).await?;
        peer.will_pass(&web, "the group as it was", &udp(&peer, &web, 81))
            .await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s08_address_groups() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let host = cloud.a();
        let group = Group::new()
            .ingress(Rule::v4("udp").addresses_of("offices"))
            .ingress(Rule::v6("udp").addresses_of("offices"));
        cloud.group("g", &group).await?;
        let addresses = |addresses: &[&str]| json!({"addresses": addresses});
        let path = "global/address_groups/offices";
        cloud
            .set(path, &addresses(&["10.0.0.2", "fd00::/64"]))
            .await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let other = Packet::udp(peer.v4().at([10, 0, 0, 3]), web.v4(), (1000, 1));
        let other6 = Packet::udp(
            peer.v6().at([0xfd01, 0, 0, 0, 0, 0, 0, 1]),
            web.v6(),
            (1, 1),
        );
        peer.passes(&web, "an address", &udp(&peer, &web, 1))
            .await?;
        peer.passes(&web, "a prefix", &udp6(&peer, &web, 1)).await?;
        peer.stopped(&web, "another address", &other).await?;
        peer.stopped(&web, "another prefix", &other6).await?;

        host.proxy().reset();
        cloud
            .set(path, &addresses(&["10.0.0.3/32", "fd01::/16"]))
            .await?;
        peer.will_pass(&web, "what was added", &other).await?;
        peer.passes(&web, "what was added", &other6).await?;
        peer.stopped(&web, "what was removed", &udp(&peer, &web, 2))
            .await?;
        cloud.wrote(host, &[("acl_add_replace", 1)])?;

        cloud.unset(path).await?;
        peer.will_stop(&web, "a group that is gone", &other).await?;
        cloud.set(path, &addresses(&["10.0.0.0/24"])).await?;
        peer.will_pass(&web, "a group that is back", &other).await?;
        cloud.effective(host, "web", 0).await?;

        // A port that nobody guards has no use for groups.
        cloud.bind(host, "free", &free(4)).await?;
        cloud.plan_is_empty(host).await
    })
}
