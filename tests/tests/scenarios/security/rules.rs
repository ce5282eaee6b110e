//! What a rule lets through, and what it does not.

use anyhow::Result;
use weft_tests::packet::{Packet, tcp};
use weft_tests::{Cloud, Group, Rule, Station, scenario};

use super::{guarded, one_host};

/// A group of this one ingress rule lets exactly these through from the peer. The first of `passes`
/// must be none that the group let through before: it shows that the rule is in effect.
async fn lets_in(
    cloud: &Cloud,
    (web, peer): &(Station, Station),
    rule: Rule,
    passes: &[Packet],
    stops: &[Packet],
) -> Result<()> {
    let what = format!("{rule:?}");
    cloud.group("g", &Group::new().ingress(rule)).await?;
    for (number, packet) in passes.iter().enumerate() {
        let what = format!("{what} {packet:?}");
        if number == 0 {
            peer.will_pass(web, &what, packet).await?;
        } else {
            peer.passes(web, &what, packet).await?;
        }
    }
    for packet in stops {
        let what = format!("{what} {packet:?}");
        peer.stopped(web, &what, packet).await?;
    }
    Ok(())
}

#[test]
fn s09_icmp_types_and_codes() -> Result<()> {
    scenario(one_host(), async |cloud| {
        cloud.group("g", &Group::new()).await?;
        let pair = guarded(cloud, &["g"]).await?;
        let (web, peer) = (&pair.0, &pair.1);
        let icmp = |kind, code| Packet::icmp(peer.v4(), web.v4(), kind, code);
        let icmpv6 = |kind, code| Packet::icmp(peer.v6(), web.v6(), kind, code);
        let udp = || Packet::udp(peer.v4(), web.v4(), (1000, 53));

        // networking-vpp takes a type of 0 for none, and opens everything.
        let rule = Rule::v4("icmp").range(0, 0);
        let stops = [icmp(8, 0), icmp(0, 1), icmp(3, 3), icmpv6(0, 0), udp()];
        lets_in(cloud, &pair, rule, &[icmp(0, 0)], &stops).await?;

        let rule = Rule::v4(1).range(8, 0);
        let stops = [icmp(0, 0), icmp(8, 1), icmp(13, 0), icmpv6(8, 0)];
        lets_in(cloud, &pair, rule, &[icmp(8, 0)], &stops).await?;

        let rule = Rule::v4("icmp").range(3, -1);
        let stops = [icmp(8, 0), icmp(11, 0), icmp(4, 3)];
        lets_in(cloud, &pair, rule, &[icmp(3, 0), icmp(3, 13)], &stops).await?;

        let passes = [icmp(13, 0), icmp(8, 0), icmp(0, 0), icmp(255, 255)];
        let stops = [icmpv6(128, 0), udp()];
        lets_in(
            cloud,
            &pair,
            Rule::v4("icmp").range(-1, -1),
            &passes,
            &stops,
        )
        .await?;

        let rule = Rule::v6("icmp").range(128, 0);
        let stops = [icmpv6(128, 1), icmpv6(129, 0), icmp(128, 0), icmp(8, 0)];
        lets_in(cloud, &pair, rule, &[icmpv6(128, 0)], &stops).await?;

        let passes = [icmpv6(1, 0), icmpv6(2, 0), icmpv6(128, 0)];
        let stops = [icmp(1, 0), Packet::udp(peer.v6(), web.v6(), (1000, 53))];
        lets_in(cloud, &pair, Rule::v6(58), &passes, &stops).await
    })
}

#[test]
fn s09_protocols_and_ports() -> Result<()> {
    scenario(one_host(), async |cloud| {
        cloud.group("g", &Group::new()).await?;
        let pair = guarded(cloud, &["g"]).await?;
        let (web, peer) = (&pair.0, &pair.1);
        let (from, to) = (peer.v4(), web.v4());
        let syn = |port| Packet::tcp(from, to, (1000, port), tcp::SYN);
        let udp = |port| Packet::udp(from, to, (1000, port));
        let gre = || Packet::new(from, to, 47, &[0; 16]);
        let sctp = |port| Packet::sctp(from, to, (1000, port));
        let udp_lite = |port| Packet::udp_lite(from, to, (1000, port));
        let syn6 = |port| Packet::tcp(peer.v6(), web.v6(), (1000, port), tcp::SYN);
        let udp6 = |port| Packet::udp(peer.v6(), web.v6(), (1000, port));

        let rule = Rule::v4("tcp").range(80, 90);
        let stops = [syn(79), syn(91), udp(80), syn6(80), sctp(80)];
        lets_in(cloud, &pair, rule, &[syn(80), syn(85), syn(90)], &stops).await?;

        let rule = Rule::v4(17).range(53, 53);
        let stops = [udp(52), udp(54), syn(53), udp6(53), udp_lite(53)];
        lets_in(cloud, &pair, rule, &[udp(53)], &stops).await?;

        let rule = Rule::v6("tcp").range(1, 65535);
        let stops = [udp6(80), syn(80)];
        lets_in(cloud, &pair, rule, &[syn6(1), syn6(65535)], &stops).await?;

        let passes = [udp(1), syn(2), gre(), sctp(3), Packet::icmp(from, to, 8, 0)];
        let stops = [udp6(1), syn6(1), Packet::icmp(peer.v6(), web.v6(), 128, 0)];
        lets_in(cloud, &pair, Rule::v4(0), &passes, &stops).await?;

        let passes = [
            udp6(1),
            syn6(1),
            Packet::new(peer.v6(), web.v6(), 132, &[0; 16]),
        ];
        lets_in(cloud, &pair, Rule::v6(0), &passes, &[udp(1), syn(2)]).await?;

        let stops = [udp_lite(80), udp(80), syn(80)];
        lets_in(cloud, &pair, Rule::v4("sctp"), &[sctp(80)], &stops).await?;
        lets_in(
            cloud,
            &pair,
            Rule::v4(136),
            &[udp_lite(80)],
            &[udp(80), sctp(80)],
        )
        .await?;
        lets_in(cloud, &pair, Rule::v4(47), &[gre()], &[udp(80), sctp(80)]).await
    })
}

#[test]
fn s09_what_vpp_cannot_tell_apart_is_not_let_in_and_is_said() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let group = Group::new()
            .ingress(Rule::v4("sctp").range(80, 80))
            .ingress(Rule::v4("udplite").range(80, 90))
            .ingress(Rule::v4("tcp").range(80, 80));
        cloud.group("g", &group).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let (from, to) = (peer.v4(), web.v4());
        let syn = Packet::tcp(from, to, (1000, 80), tcp::SYN);
        peer.passes(&web, "TCP", &syn).await?;
        for port in [80, 81] {
            let sctp = Packet::sctp(from, to, (1000, port));
            peer.stopped(&web, "SCTP", &sctp).await?;
            let udp_lite = Packet::udp_lite(from, to, (1000, port));
            peer.stopped(&web, "UDP-Lite", &udp_lite).await?;
        }
        cloud
            .group_says(cloud.a(), "g", &["sctp", "udplite", "VPP"])
            .await
    })
}

#[test]
fn s09_prefixes_have_host_bits() -> Result<()> {
    scenario(one_host(), async |cloud| {
        cloud.group("g", &Group::new()).await?;
        let pair = guarded(cloud, &["g"]).await?;
        let (web, peer) = (&pair.0, &pair.1);
        let udp = |last: [u8; 4], port| Packet::udp(peer.v4().at(last), web.v4(), (1000, port));
        let udp6 = |from: [u16; 8], port| Packet::udp(peer.v6().at(from), web.v6(), (1000, port));

        let rule = Rule::v4("udp").range(1, 1).prefix("10.0.0.77", 24);
        let passes = [udp([10, 0, 0, 2], 1), udp([10, 0, 0, 255], 1)];
        let stops = [udp([10, 0, 1, 2], 1), udp([10, 0, 0, 2], 2)];
        lets_in(cloud, &pair, rule, &passes, &stops).await?;

        let rule = Rule::v4("udp").range(2, 2).prefix("1.2.3.4", 0);
        let passes = [udp([10, 0, 1, 2], 2), udp([192, 168, 1, 1], 2)];
        lets_in(cloud, &pair, rule, &passes, &[udp([10, 0, 1, 2], 1)]).await?;

        let rule = Rule::v4("udp").range(3, 3).prefix("10.0.0.2", 32);
        let stops = [udp([10, 0, 0, 3], 3)];
        lets_in(cloud, &pair, rule, &[udp([10, 0, 0, 2], 3)], &stops).await?;

        let rule = Rule::v6("udp").range(4, 4).prefix("fd00::1:0:0:1", 64);
        let passes = [udp6([0xfd00, 0, 0, 0, 0, 0, 0, 2], 4)];
        let stops = [udp6([0xfd00, 0, 0, 1, 0, 0, 0, 2], 4)];
        lets_in(cloud, &pair, rule, &passes, &stops).await
    })
}

#[test]
fn s09_rules_for_what_a_machine_sends() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let group = Group::new()
            .egress(Rule::v4("tcp").range(80, 80).prefix("10.0.0.2", 32))
            .egress(Rule::v6("udp").range(53, 53));
        cloud.group("g", &group).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let other = peer.v4().at([10, 0, 0, 3]);
        let syn = |to, port| Packet::tcp(web.v4(), to, (1000, port), tcp::SYN);
        web.passes(&peer, "TCP", &syn(peer.v4(), 80)).await?;
        web.stopped(&peer, "another port", &syn(peer.v4(), 81))
            .await?;
        web.stopped(&peer, "another address", &syn(other, 80))
            .await?;
        let udp = Packet::udp(web.v6(), peer.v6(), (1000, 53));
        web.passes(&peer, "UDP over IPv6", &udp).await?;
        let udp = Packet::udp(web.v4(), peer.v4(), (1000, 53));
        web.stopped(&peer, "UDP over IPv4", &udp).await?;
        let syn = Packet::tcp(peer.v4(), web.v4(), (1000, 80), tcp::SYN);
        peer.stopped(&web, "the other way", &syn).await
    })
}

#[test]
fn s09_replies_pass_and_replies_to_nothing_do_not() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let group = Group::new()
            .ingress(Rule::v4("tcp").range(80, 80))
            .ingress(Rule::v6("icmp").range(128, 0))
            .egress(Rule::v4("udp").range(53, 53))
            .egress(Rule::v4("icmp").range(8, 0));
        cloud.group("g", &group).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;

        // Into the machine, and back.
        let syn = Packet::tcp(peer.v4(), web.v4(), (1000, 80), tcp::SYN);
        let answer = Packet::tcp(web.v4(), peer.v4(), (80, 1000), tcp::SYN | tcp::ACK);
        web.stopped(&peer, "an answer to nothing", &answer).await?;
        peer.passes(&web, "a connection", &syn).await?;
        web.passes(&peer, "its answer", &answer).await?;
        let other = Packet::tcp(web.v4(), peer.v4(), (80, 1001), tcp::SYN | tcp::ACK);
        web.stopped(&peer, "an answer to another port", &other)
            .await?;
        let echo = Packet::icmp(peer.v6(), web.v6(), 128, 0);
        let reply = Packet::icmp(web.v6(), peer.v6(), 129, 0);
        web.stopped(&peer, "an echo of nothing", &reply).await?;
        peer.passes(&web, "an echo request", &echo).await?;
        web.passes(&peer, "its reply", &reply).await?;

        // Out of the machine, and back.
        let query = Packet::udp(web.v4(), peer.v4(), (2000, 53));
        peer.stopped(&web, "an answer to nothing", &query.reply())
            .await?;
        web.passes(&peer, "a query", &query).await?;
        peer.passes(&web, "its answer", &query.reply()).await?;
        let other = Packet::udp(peer.v4().at([10, 0, 0, 9]), web.v4(), (53, 2000));
        peer.stopped(&web, "somebody else's answer", &other).await?;
        let reply = Packet::icmp(peer.v4(), web.v4(), 0, 0);
        peer.stopped(&web, "an echo of nothing", &reply).await?;
        let echo = Packet::icmp(web.v4(), peer.v4(), 8, 0);
        web.passes(&peer, "an echo request", &echo).await?;
        peer.passes(&web, "its reply", &reply).await
    })
}

#[test]
fn s09_a_stateless_group_lets_replies_pass_only_by_rules() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let group = Group::new()
            .ingress(Rule::v4("udp").range(53, 53))
            .stateless();
        cloud.group("g", &group).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        let query = Packet::udp(peer.v4(), web.v4(), (1000, 53));
        peer.passes(&web, "a query", &query).await?;
        web.stopped(&peer, "its answer", &query.reply()).await?;
        let group = group.egress(Rule::v4("udp").range(1000, 1000));
        cloud.group("g", &group).await?;
        web.will_pass(&peer, "an answer by a rule", &query.reply())
            .await?;
        peer.passes(&web, "a query", &query).await?;

        // From now on the group remembers.
        let group = Group::new().ingress(Rule::v4("udp").range(53, 53));
        cloud.group("g", &group).await?;
        let other = Packet::udp(peer.v4(), web.v4(), (1001, 53));
        cloud.settled(cloud.a()).await?;
        web.stopped(&peer, "an answer by the rule that is gone", &query.reply())
            .await?;
        peer.passes(&web, "a query", &other).await?;
        web.passes(&peer, "what is remembered", &other.reply())
            .await
    })
}

#[test]
fn s09_fragments_as_vpp_has_them() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let group = Group::new()
            .ingress(Rule::v4("udp").range(53, 53))
            .ingress(Rule::v6("udp").range(53, 53));
        cloud.group("g", &group).await?;
        let (web, peer) = guarded(cloud, &["g"]).await?;
        for (from, to) in [(peer.v4(), web.v4()), (peer.v6(), web.v6())] {
            let packet = Packet::udp(from, to, (1000, 53));
            peer.passes(
                &web,
                "the first of a packet",
                &packet.clone().first_fragment(),
            )
            .await?;
            peer.passes(&web, "what follows it", &packet.last_fragment())
                .await?;
            // The first decides, without which the others are of no use.
            let packet = Packet::udp(from, to, (1000, 54)).first_fragment();
            peer.stopped(&web, "the first of another packet", &packet)
                .await?;
            let packet = Packet::tcp(from, to, (1000, 53), tcp::SYN).last_fragment();
            peer.stopped(&web, "the rest of another protocol", &packet)
                .await?;
        }
        Ok(())
    })
}
