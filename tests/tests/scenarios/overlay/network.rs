//! What a network is: who is reached, who answers, what is left at the end.

use anyhow::{Result, ensure};
use serde_json::json;
use weft_model::Status;
use weft_tests::packet::{Packet, arp};
use weft_tests::proxy::{Action, Fault};
use weft_tests::{Cloud, Port, Setup, Station, Underlay, scenario};

use super::{SOON, VNI, advertised, boot, connected, hosts, tunnels, udp};

#[test]
fn s23_dual_stack_ports_answered_and_last_port_cleans_up_gpe_over_ipv4() -> Result<()> {
    dual_stack("gpe", Underlay::V4)
}

#[test]
fn s23_dual_stack_ports_answered_and_last_port_cleans_up_vxlan_over_ipv4() -> Result<()> {
    dual_stack("vxlan", Underlay::V4)
}

#[test]
fn s23_dual_stack_ports_answered_and_last_port_cleans_up_vxlan_over_ipv6() -> Result<()> {
    dual_stack("vxlan", Underlay::V6)
}

fn dual_stack(network_type: &str, underlay: Underlay) -> Result<()> {
    scenario(hosts(2, underlay), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        cloud
            .bind(a, "one", &Port::overlay(1, network_type, VNI))
            .await?;
        cloud
            .bind(b, "two", &Port::overlay(2, network_type, VNI))
            .await?;
        let (one, two) = (cloud.station(a, "one", 1)?, cloud.station(b, "two", 2)?);
        connected(&one, &two).await?;
        cloud.settled(a).await?;
        cloud.settled(b).await?;
        ensure!(tunnels(a).await? == 1 && tunnels(b).await? == 1);
        let tap = a.contents().await?.tap("one").map(|details| details.mtu);
        let overhead = if underlay == Underlay::V4 { 50 } else { 70 };
        ensure!(tap.is_some_and(|mtu| mtu[0] == 1500 - overhead), "{tap:?}");

        asked_for_and_answered_here(&one, &two).await?;

        // The other host's last port takes the tunnel along, this one's the network.
        cloud.delete(b, "two").await?;
        cloud.absent(b, "two").await?;
        cloud.settled(a).await?;
        cloud.settled(b).await?;
        ensure!(tunnels(a).await? == 0 && tunnels(b).await? == 0);
        let segment = format!("{network_type}.{VNI}");
        ensure!(a.contents().await?.bridge(&segment).is_some());
        ensure!(b.contents().await?.bridge(&segment).is_none());
        cloud.delete(a, "one").await?;
        cloud.absent(a, "one").await?;
        cloud.settled(a).await?;
        let path = format!("state/{}/conditions/network/{segment}", a.name());
        ensure!(a.contents().await?.bridge(&segment).is_none());
        ensure!(cloud.view().now().get(&path).is_none(), "{path} is left");
        Ok(())
    })
}

/// `one` asks for `two`, which never hears of it: the bridge answers.
async fn asked_for_and_answered_here(one: &Station, two: &Station) -> Result<()> {
    let question = arp(one.mac(), one.v4(), two.ipv4());
    one.send(&question)?;
    let answer = |frame: &[u8]| {
        frame.get(12..14) == Some(&[0x08, 0x06])
            && frame.get(20..22) == Some(&[0, 2])
            && frame.get(22..28) == Some(&two.mac().octets()[..])
            && frame.get(28..32) == Some(&two.ipv4().octets()[..])
    };
    one.sees("an answer of ARP", answer).await?;

    let mut solicitation = Packet::neighbour_solicitation(one.v6(), two.v6()).frame();
    let [.., a, b, c] = two.ipv6().octets();
    solicitation[..6].copy_from_slice(&[0x33, 0x33, 0xff, a, b, c]);
    one.send(&solicitation)?;
    let advertisement = |frame: &[u8]| {
        frame.get(12..14) == Some(&[0x86, 0xdd])
            && frame.get(20) == Some(&58)
            && frame.get(54) == Some(&136)
            && frame.get(62..78) == Some(&two.ipv6().octets()[..])
    };
    one.sees("a neighbour advertisement", advertisement).await?;

    // What is sent behind them has arrived, so they would have, too.
    one.passes(two, "what marks the end", &udp(one, two))
        .await?;
    ensure!(
        !two.has(&question),
        "a question that was answered was flooded"
    );
    ensure!(
        !two.has(&solicitation),
        "a solicitation that was answered was flooded"
    );
    Ok(())
}

#[test]
fn fault15_all_addresses_are_advertised_and_a_port_without_any_is_reached() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = boot(cloud, a, "one", 1).await?;
        let pairs = json!([{"ip_address": "10.0.0.99"},
                           {"ip_address": "10.0.0.98", "mac_address": "fa:16:3e:00:00:98"}]);
        let many = Port::overlay(2, "gpe", VNI).with("allowed_address_pairs", pairs);
        cloud.bind(b, "many", &many).await?;
        let bare = Port::overlay(3, "gpe", VNI).with("fixed_ips", json!([]));
        cloud.bind(b, "bare", &bare).await?;
        let (many, bare) = (cloud.station(b, "many", 2)?, cloud.station(b, "bare", 3)?);
        one.will_pass(&bare, "to a port without addresses", &udp(&one, &bare))
            .await?;
        let pair = many.v4().with_mac("fa:16:3e:00:00:98".parse()?);
        let to_pair = Packet::udp(one.v4(), pair, (1, 2));
        one.will_pass(&many, "to a pair's own MAC address", &to_pair)
            .await?;
        cloud.settled(a).await?;
        let contents = a.contents().await?.print();
        for address in ["10.0.0.2", "fd00::2", "10.0.0.99", "10.0.0.98"] {
            let asked: std::net::IpAddr = address.parse()?;
            if let std::net::IpAddr::V4(ip) = asked {
                one.send(&arp(one.mac(), one.v4(), ip))?;
                let answered = |frame: &[u8]| {
                    frame.get(20..22) == Some(&[0, 2])
                        && frame.get(28..32) == Some(&ip.octets()[..])
                };
                one.sees(&format!("an answer for {address}\n{contents}"), answered)
                    .await?;
            }
        }
        // Nobody knows whose 10.0.0.3 is, so that everybody is asked.
        let question = arp(one.mac(), one.v4(), bare.ipv4());
        one.passes_frame(&bare, "a question for an unknown address", &question)
            .await
    })
}

/// Waits until all that `from` has sent to `to` is delivered or dropped, as [`Station::settle`] does:
/// questions of ARP do not get there.
async fn settle(from: &Station, to: &Station) -> Result<()> {
    for _ in 0..2 {
        from.passes(to, "what marks the end", &udp(from, to))
            .await?;
    }
    Ok(())
}

#[test]
fn broadcast_reaches_every_host_once_and_is_switched_off() -> Result<()> {
    scenario(hosts(3, Underlay::V4), async |cloud| {
        let one = boot(cloud, cloud.a(), "one", 1).await?;
        let two = boot(cloud, cloud.b(), "two", 2).await?;
        let three = boot(cloud, cloud.c(), "three", 3).await?;
        for (from, to) in [(&one, &two), (&two, &three), (&three, &one)] {
            connected(from, to).await?;
        }
        for host in cloud.hosts() {
            cloud.settled(host).await?;
            ensure!(tunnels(host).await? == 2);
        }
        let frame = weft_tests::packet::raw(one.mac(), 0x88b5);
        one.passes_frame(&two, "a broadcast", &frame).await?;
        one.passes_frame(&three, "a broadcast", &frame).await?;
        // Those frames are two; what was sent behind them tells that there are no more.
        for station in [&two, &three] {
            settle(&one, station).await?;
            let copies = station.count(&frame);
            ensure!(
                copies == 2,
                "a broadcast arrived {copies} times, sent twice"
            );
        }
        ensure!(!one.has(&frame), "a broadcast came back");

        let path = format!("global/networks/gpe/{VNI}");
        let quiet = json!({"flood": false, "unknown_unicast_flood": false});
        cloud.set(&path, &quiet).await?;
        for host in cloud.hosts() {
            cloud.settled(host).await?;
        }
        let frame = weft_tests::packet::raw(one.mac(), 0x88b5);
        one.send(&frame)?;
        settle(&one, &two).await?;
        ensure!(!two.has(&frame), "flooding is switched off");
        cloud.unset(&path).await?;
        cloud.settled(cloud.a()).await?;
        one.passes_frame(&two, "a broadcast again", &frame).await
    })
}

#[test]
fn s07_gpe_port_on_a_host_without_underlay_fails_and_no_other() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let revision = cloud
            .put(host, "far", &Port::overlay(1, "gpe", VNI))
            .await?;
        cloud
            .failed(host, "far", revision, &["no underlay"])
            .await?;
        cloud.bind(host, "near", &Port::vlan(2, 100)).await?;
        let alive = said_alive(cloud);
        ensure!(alive.network_types == ["flat", "vlan"], "{alive:?}");
        ensure!(alive.vpp.is_some() && alive.underlay.is_none(), "{alive:?}");
        Ok(())
    })
}

#[test]
fn s07_the_underlays_uplink_is_no_flat_network() -> Result<()> {
    scenario(hosts(1, Underlay::V4), async |cloud| {
        let host = cloud.a();
        let flat = Port::flat(1).with("physnet", "underlay");
        let revision = cloud.put(host, "flat", &flat).await?;
        let words = ["carries the overlay networks"];
        cloud.failed(host, "flat", revision, &words).await?;
        cloud
            .bind(host, "far", &Port::overlay(2, "vxlan", VNI))
            .await?;
        let alive = said_alive(cloud);
        ensure!(
            alive.network_types == ["flat", "vlan", "gpe", "vxlan"],
            "{alive:?}"
        );
        ensure!(
            alive.underlay == Some(host.underlay(Underlay::V4)),
            "{alive:?}"
        );
        Ok(())
    })
}

fn said_alive(cloud: &Cloud) -> weft_model::Alive {
    let path = format!("state/{}/alive", cloud.a().name());
    let state = cloud.view().now();
    let value = state.get(&path).map(|kv| kv.value.clone());
    weft_model::decode_alive(&value.unwrap_or_default())
}

#[test]
fn s14_a_refused_tunnel_is_the_networks_fault_and_is_tried_again() -> Result<()> {
    scenario(hosts(2, Underlay::V4), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let message = "vxlan_gpe_add_del_tunnel_v2";
        a.proxy().inject(Fault::new(message, Action::Refuse(-1)));
        let one = boot(cloud, a, "one", 1).await?;
        let two = boot(cloud, b, "two", 2).await?;
        advertised(cloud, b, 2, true).await?;
        let path = format!("state/{}/conditions/network/gpe.{VNI}", a.name());
        let said = cloud
            .view()
            .until("that the network has failed", SOON, |state| {
                let kv = state.get(&path).ok_or("nothing is said of it")?;
                let said = weft_model::Condition::from_json(&kv.value);
                match said.map_err(|error| error.to_string())?.status {
                    Status::Failed { reason, .. } if reason.contains(message) => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            });
        said.await?;
        cloud.effective(a, "one", 0).await?;
        a.proxy().heal();
        connected(&one, &two).await
    })
}
