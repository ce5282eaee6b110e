//! What a machine may and must not do whatever its groups: who it says it is, and DHCP, neighbour
//! discovery and metadata, which work without any group.

use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use serde_json::json;
use weft_model::Mac;
use weft_tests::packet::{Packet, Party, arp, raw, tcp};
use weft_tests::{Cloud, Group, Port, Rule, Station, scenario};

use super::{VLAN, guarded, guarded_as, one_host};

/// Somebody else's address on the link.
const STRANGER: Mac = Mac::new([0xfa, 0x16, 0x3e, 0, 0, 0x77]);

/// The group of those whose address ends in 1 (RFC 4291 §2.7.1), station 1 among them.
const SOLICITED: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 1);

/// All routers, all nodes, all DHCP servers, all routers capable of MLDv2, on a link.
const ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const DHCP_SERVERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 2);
const MLD_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);

/// A group that allows everything in both directions, so that only anti-spoofing stops anything.
async fn everything(cloud: &Cloud) -> Result<()> {
    let group = Group::new()
        .ingress(Rule::v4(0))
        .ingress(Rule::v6(0))
        .egress(Rule::v4(0))
        .egress(Rule::v6(0));
    cloud.group("all", &group).await?;
    Ok(())
}

#[test]
fn s09_without_groups_dhcp_neighbours_and_metadata_work() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let (web, peer) = guarded(cloud, &[]).await?;
        dhcp(&web, &peer).await?;
        neighbours(&web, &peer).await?;
        metadata(&web, &peer).await?;

        // And nothing else does.
        let (one, two) = (&web, &peer);
        for (from, to) in [(one, two), (two, one)] {
            for (source, destination) in [(from.v4(), to.v4()), (from.v6(), to.v6())] {
                let udp = Packet::udp(source, destination, (1000, 53));
                from.stopped(to, "UDP", &udp).await?;
                let syn = Packet::tcp(source, destination, (1000, 80), tcp::SYN);
                from.stopped(to, "TCP", &syn).await?;
                let echo = if source.ip.is_ipv6() { 128 } else { 8 };
                let echo = Packet::icmp(source, destination, echo, 0);
                from.stopped(to, "an echo request", &echo).await?;
                let gre = Packet::new(source, destination, 47, &[0; 16]);
                from.stopped(to, "GRE", &gre).await?;
                from.stopped(to, "a fragment of TCP", &syn.last_fragment())
                    .await?;
            }
        }
        Ok(())
    })
}

async fn dhcp(web: &Station, peer: &Station) -> Result<()> {
    let nobody = web.v4().at(Ipv4Addr::UNSPECIFIED);
    let discover = Packet::udp(nobody, Party::broadcast(), (68, 67));
    web.passes(peer, "DHCPDISCOVER", &discover).await?;
    let offer = Packet::udp(peer.v4(), web.v4(), (67, 68));
    peer.passes(web, "DHCPOFFER", &offer).await?;
    let offer = Packet::udp(peer.v4(), Party::broadcast(), (67, 68));
    peer.passes(web, "DHCPOFFER to all", &offer).await?;
    let renew = Packet::udp(web.v4(), peer.v4(), (68, 67));
    web.passes(peer, "DHCPREQUEST", &renew).await?;
    let offer = Packet::udp(web.v4(), peer.v4(), (67, 68));
    web.stopped(peer, "DHCPOFFER of a machine", &offer).await?;

    let servers = Party::multicast(DHCP_SERVERS);
    let solicit = Packet::udp(web.link_local(), servers, (546, 547));
    web.passes(peer, "DHCPv6 Solicit", &solicit).await?;
    let advertise = Packet::udp(peer.link_local(), web.link_local(), (547, 546));
    peer.passes(web, "DHCPv6 Advertise", &advertise).await?;
    let advertise = Packet::udp(web.link_local(), peer.link_local(), (547, 546));
    web.stopped(peer, "DHCPv6 Advertise of a machine", &advertise)
        .await
}

async fn neighbours(web: &Station, peer: &Station) -> Result<()> {
    let all = Party::multicast(NODES);
    for (from, to) in [(web, peer), (peer, web)] {
        let question = arp(from.mac(), from.v4(), to.ipv4());
        from.passes_frame(to, "ARP", &question).await?;
        for (source, target) in [(from.v6(), to.v6()), (from.link_local(), to.link_local())] {
            let solicitation = Packet::neighbour_solicitation(source, target);
            from.passes(to, "neighbour solicitation", &solicitation)
                .await?;
            let advertisement = Packet::icmp(source, target, 136, 0);
            from.passes(to, "neighbour advertisement", &advertisement)
                .await?;
        }
    }
    let nobody = web.v6().at(Ipv6Addr::UNSPECIFIED);
    let detection = Packet::icmp(nobody, Party::multicast(SOLICITED), 135, 0);
    web.passes(peer, "duplicate address detection", &detection)
        .await?;
    let solicitation = Packet::icmp(web.link_local(), Party::multicast(ROUTERS), 133, 0);
    web.passes(peer, "router solicitation", &solicitation)
        .await?;
    let report = Packet::icmp(web.link_local(), Party::multicast(MLD_ROUTERS), 143, 0);
    web.passes(peer, "multicast listener report", &report)
        .await?;
    let advertisement = Packet::icmp(peer.link_local(), all, 134, 0);
    peer.passes(web, "router advertisement", &advertisement)
        .await?;
    let advertisement = Packet::icmp(web.link_local(), all, 134, 0);
    web.stopped(peer, "router advertisement of a machine", &advertisement)
        .await
}

async fn metadata(web: &Station, peer: &Station) -> Result<()> {
    let service = peer.v4().at([169, 254, 169, 254]);
    let early = Packet::tcp(service, web.v4(), (80, 1000), tcp::SYN | tcp::ACK);
    peer.stopped(web, "an answer of metadata to nothing", &early)
        .await?;
    let syn = |port| Packet::tcp(web.v4(), service, (1000, port), tcp::SYN);
    web.passes(peer, "a question for metadata", &syn(80))
        .await?;
    let answer = Packet::tcp(service, web.v4(), (80, 1000), tcp::SYN | tcp::ACK);
    peer.passes(web, "its answer", &answer).await?;
    web.stopped(peer, "another port of metadata", &syn(81))
        .await?;
    let service = peer
        .v6()
        .at(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe));
    let syn = Packet::tcp(web.v6(), service, (1000, 80), tcp::SYN);
    web.passes(peer, "a question over IPv6", &syn).await?;
    peer.passes(web, "its answer", &syn.reply()).await
}

#[test]
fn s09_nobody_is_a_server_or_router_by_a_group_that_allows_all() -> Result<()> {
    scenario(one_host(), async |cloud| {
        everything(cloud).await?;
        let (web, peer) = guarded(cloud, &["all"]).await?;
        let udp = Packet::udp(web.v4(), peer.v4(), (67, 67));
        web.passes(&peer, "a relay's packet", &udp).await?;
        let offer = Packet::udp(web.v4(), peer.v4(), (67, 68));
        web.stopped(&peer, "DHCPOFFER of a machine", &offer).await?;
        let advertise = Packet::udp(web.link_local(), peer.link_local(), (547, 546));
        web.stopped(&peer, "DHCPv6 Advertise of a machine", &advertise)
            .await?;
        let advertisement = Packet::icmp(web.link_local(), Party::multicast(NODES), 134, 0);
        web.stopped(&peer, "router advertisement of a machine", &advertisement)
            .await
    })
}

#[test]
fn s09_nobody_is_somebody_else() -> Result<()> {
    scenario(one_host(), async |cloud| {
        everything(cloud).await?;
        let (web, peer) = guarded(cloud, &["all"]).await?;
        let udp = |from| Packet::udp(from, peer.v4(), (1000, 53));
        let udp6 = |from| Packet::udp(from, peer.v6(), (1000, 53));
        web.passes(&peer, "its own addresses", &udp(web.v4()))
            .await?;
        web.passes(&peer, "its own addresses", &udp6(web.v6()))
            .await?;
        web.passes(&peer, "its link-local address", &udp6(web.link_local()))
            .await?;
        for (what, from) in [
            ("a forged MAC", web.v4().with_mac(STRANGER)),
            ("the peer's MAC", web.v4().with_mac(peer.mac())),
            ("a forged address", web.v4().at([10, 0, 0, 77])),
            ("the peer's address", web.v4().at(peer.ipv4())),
        ] {
            web.stopped(&peer, what, &udp(from)).await?;
        }
        let other_link_local = Party::new(web.mac(), STRANGER.link_local());
        for (what, from) in [
            ("a forged MAC", web.v6().with_mac(STRANGER)),
            ("a forged address", web.v6().at(peer.ipv6())),
            ("a forged link-local address", other_link_local),
        ] {
            web.stopped(&peer, what, &udp6(from)).await?;
        }

        let (mac, me, target) = (web.mac(), web.v4(), peer.ipv4());
        let probe = arp(mac, me.at(Ipv4Addr::UNSPECIFIED), web.ipv4());
        web.passes_frame(&peer, "a probe of ARP", &probe).await?;
        for (what, frame) in [
            ("ARP for somebody else", arp(mac, me.at(target), target)),
            (
                "ARP of another sender",
                arp(mac, me.with_mac(STRANGER), target),
            ),
            ("ARP in another's frame", arp(STRANGER, me, target)),
            (
                "ARP of somebody else",
                arp(STRANGER, me.with_mac(STRANGER), target),
            ),
            ("what is no IP", raw(mac, 0x88cc)),
        ] {
            web.stopped_frame(&peer, what, &frame).await?;
        }
        // What comes to the machine is not looked at but by its groups.
        let lldp = raw(peer.mac(), 0x88cc);
        peer.passes_frame(&web, "what is no IP", &lldp).await
    })
}

#[test]
fn s09_allowed_address_pairs() -> Result<()> {
    scenario(one_host(), async |cloud| {
        everything(cloud).await?;
        let pairs = json!([
            {"ip_address": "10.9.0.0/24"},
            {"ip_address": "10.0.0.99", "mac_address": STRANGER.to_string()},
            {"ip_address": "fd09::/64"},
            {"ip_address": "fd00::99", "mac_address": STRANGER.to_string()},
        ]);
        let record = Port::secured(1, VLAN, &["all"]).with("allowed_address_pairs", pairs);
        let (web, peer) = guarded_as(cloud, &record).await?;
        let (v4, v6) = (web.v4(), web.v6());
        let udp = |from: Party| {
            let to = if from.ip.is_ipv6() {
                peer.v6()
            } else {
                peer.v4()
            };
            Packet::udp(from, to, (1000, 53))
        };
        let six = |a, b, h| Ipv6Addr::new(a, 0, 0, b, 0, 0, 0, h);
        for (what, from) in [
            ("its own address", v4),
            ("an address of the prefix", v4.at([10, 9, 0, 5])),
            (
                "the pair's MAC and address",
                v4.at([10, 0, 0, 99]).with_mac(STRANGER),
            ),
            ("its own address", v6),
            ("an address of the prefix", v6.at(six(0xfd09, 0, 5))),
            (
                "the pair's MAC and address",
                v6.at(six(0xfd00, 0, 0x99)).with_mac(STRANGER),
            ),
            (
                "its link-local address",
                v6.at(STRANGER.link_local()).with_mac(STRANGER),
            ),
        ] {
            web.passes(&peer, &format!("{what} {from:?}"), &udp(from))
                .await?;
        }
        for (what, from) in [
            ("beside the prefix", v4.at([10, 9, 1, 5])),
            ("the pair's address with its own MAC", v4.at([10, 0, 0, 99])),
            ("its own address with the pair's MAC", v4.with_mac(STRANGER)),
            (
                "the prefix with the pair's MAC",
                v4.at([10, 9, 0, 5]).with_mac(STRANGER),
            ),
            ("beside the prefix", v6.at(six(0xfd09, 1, 5))),
            (
                "the pair's address with its own MAC",
                v6.at(six(0xfd00, 0, 0x99)),
            ),
            ("its own address with the pair's MAC", v6.with_mac(STRANGER)),
        ] {
            web.stopped(&peer, &format!("{what} {from:?}"), &udp(from))
                .await?;
        }
        let pair = v4.at([10, 0, 0, 99]).with_mac(STRANGER);
        let question = arp(STRANGER, pair, peer.ipv4());
        web.passes_frame(&peer, "ARP of the pair", &question)
            .await?;
        let question = arp(STRANGER, v4.with_mac(STRANGER), peer.ipv4());
        web.stopped_frame(&peer, "ARP of half the pair", &question)
            .await
    })
}

#[test]
fn s09_fragments_of_what_every_machine_says_pass() -> Result<()> {
    scenario(one_host(), async |cloud| {
        let (web, peer) = guarded(cloud, &[]).await?;
        let (from, to) = (web.link_local(), peer.link_local());
        let solicitation = Packet::icmp(from, to, 135, 0);
        let first = solicitation.clone().first_fragment();
        web.passes(&peer, "the first of ICMPv6", &first).await?;
        let last = solicitation.last_fragment();
        web.passes(&peer, "the rest of ICMPv6", &last).await?;
        peer.passes(&web, "the rest of ICMPv6", &last.reply())
            .await?;
        let advertisement = Packet::icmp(from, to, 134, 0).first_fragment();
        web.stopped(&peer, "the first of a router's", &advertisement)
            .await?;
        let offer = Packet::udp(web.v4(), peer.v4(), (67, 68)).first_fragment();
        web.stopped(&peer, "the first of a DHCP server's", &offer)
            .await
    })
}
