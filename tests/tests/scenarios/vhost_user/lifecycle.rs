//! Two machines behind ports of the agent: plugged, guarded, rebooted, and in use while the agent and
//! the dataplane die.

use std::net::Ipv4Addr;

use anyhow::{Context, Result, ensure};
use weft_lab::wait_until;
use weft_model::Mac;
use weft_tests::packet::{Packet, Party, arp};
use weft_tests::{Cloud, Group, Host, Port, Rule, Setup, Station, scenario};
use weft_vpp_wire::SwIfIndex;
use weft_vpp_wire::messages::acl::MacipAclInterfaceListDump;
use weft_vpp_wire::messages::interface::IfStatusFlags;

use super::steady_ping::SteadyPing;
use super::{ONE, Pair, REACH, TWO, VLAN, mac, machine, port};

/// Number of the station, in the machines' network, that sees what they send to everybody.
const STRANGER: u8 = 9;

/// Addresses that no machine has.
const FORGED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 66);
const FORGED_MAC: Mac = Mac::new([0xfa, 0x16, 0x3e, 0, 0, 0x66]);

/// EtherTypes.
const IPV4: [u8; 2] = [0x08, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];

#[test]
fn s01_machines_are_plugged_guarded_rebooted_and_outlive_agent_and_dataplane() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let stranger = Port::vlan(STRANGER, VLAN);
        cloud.bind(host, "stranger", &stranger).await?;
        let stranger = cloud.station(host, "stranger", STRANGER)?;

        let mut pair = plugged(cloud).await?;
        guarded(cloud, &mut pair, &stranger).await?;
        pair.reach_each_other().await?;
        rebooted(cloud, &mut pair).await?;
        agent_restarted(cloud, &mut pair).await?;
        dataplane_restarted(cloud, &mut pair).await?;
        cloud.plan_is_empty(host).await
    })
}

/// A port is effective when its policy is bound and the machine's card is ready, whichever comes
/// last: of the first port it is the card, of the second the policy.
async fn plugged(cloud: &Cloud) -> Result<Pair> {
    let host = cloud.a();
    cloud.group("there", &from_members()).await?;
    for (name, address) in [("one", ONE), ("two", TWO)] {
        cloud
            .join("machines", name, &[&address.to_string()])
            .await?;
    }
    let one = cloud.put(host, "one", &port(1, &["there"])).await?;
    let two = cloud.put(host, "two", &port(2, &["late"])).await?;
    let sockets = ["one", "two"].map(|port| host.vhost_socket(port));
    let named = sockets[0].to_string_lossy();
    cloud.pending(host, "one", &[&named]).await?;
    cloud.pending(host, "two", &["late"]).await?;
    is_secured_member(host, "one", 2).await?;

    let mut pair = Pair {
        one: machine(cloud, 1, &sockets[0], true, 1)?,
        two: machine(cloud, 2, &sockets[1], true, 1)?,
    };
    pair.booted().await?;
    cloud.effective(host, "one", one).await?;
    let link = wait_until("the link of the second machine", REACH, async || {
        let seen = host.contents().await;
        let flags = seen.map(|contents| contents.vhost_user("two").map(|details| details.flags));
        Ok(match flags {
            Ok(Some(flags)) if flags.contains(IfStatusFlags::LINK_UP) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    });
    link.await?;
    cloud.fence(host).await?;
    cloud.pending(host, "two", &["late"]).await?;
    cloud.group("late", &from_members()).await?;
    cloud.effective(host, "two", two).await?;
    is_secured_member(host, "two", 2).await?;
    Ok(pair)
}

/// Echo requests of machines may come in, everything may go out.
fn from_members() -> Group {
    Group::new()
        .ingress(Rule::v4("icmp").range(8, -1).members_of("machines"))
        .egress(Rule::v4(0))
}

/// The port's interface must be in the bridge domain of its network, with so many access lists in
/// either direction, and its MACIP list.
async fn is_secured_member(host: &Host, port: &str, lists: usize) -> Result<()> {
    let contents = host.contents().await?;
    let interface = contents.vhost_user(port).context("no interface")?;
    let index = interface.sw_if_index;
    let bridge = format!("physnet1.vlan.{VLAN}");
    let bridge = contents.bridge(&bridge).context("no bridge domain")?;
    let mut members = bridge.sw_if_details.iter();
    ensure!(
        members.any(|member| member.sw_if_index == index),
        "{port} is no member: {bridge:?}"
    );
    let binding = contents.binding(index).context("no access lists")?;
    ensure!(
        [binding.acls.input(), binding.acls.output()].map(<[u32]>::len) == [lists; 2],
        "{binding:?}"
    );
    let macip = contents.macip_acl(&format!("weft.macip.{port}"));
    let macip = macip.context("no MACIP list")?.acl_index;
    let (api, _events) = host.api().await?;
    let all = MacipAclInterfaceListDump {
        sw_if_index: SwIfIndex::NONE,
    };
    let bound = api.dump(all).await?;
    ensure!(
        bound.iter().any(|details| details.sw_if_index == index
            && details.acls.iter().copied().eq([macip])),
        "{bound:?}"
    );
    Ok(())
}

/// What goes out: a machine's first packet, for DHCP, and nothing in another's name. What comes in:
/// only what members of the group send.
async fn guarded(cloud: &Cloud, pair: &mut Pair, stranger: &Station) -> Result<()> {
    // One question, without a second try. There is nobody to answer it.
    let discover = "udhcpc -i eth0 -f -q -n -t 1 -T 1 -s /bin/true";
    pair.one.run(discover).await?;
    let seen = stranger.sees("a DHCP discover", |frame| {
        // Op, hardware type and length at 42; the message type is the first option (RFC 2131 §2).
        sent_by(frame, 1, IPV4)
            && frame.get(23) == Some(&17)
            && frame.get(34..38) == Some(&[0, 68, 0, 67])
            && frame.get(282..285) == Some(&[53, 1, 1])
    });
    seen.await?;

    // An answer is not to be had either way.
    let target = stranger.ipv4();
    let neighbour = format!("arp -s {target} {}", stranger.mac());
    runs(pair, &format!("ip address add {FORGED}/24 dev eth0")).await?;
    runs(pair, &neighbour).await?;
    let forged = format!("ping -c 1 -W 1 -I {FORGED} {target}");
    pair.one.run(&forged).await?;
    runs(pair, &format!("ip address del {FORGED}/24 dev eth0")).await?;
    let own = format!("ping -c 1 -W 1 {target}");
    for card in [FORGED_MAC, mac(1)] {
        runs(pair, &format!("ip link set eth0 address {card}")).await?;
        // The kernel forgets its neighbours with its address.
        runs(pair, &neighbour).await?;
        pair.one.run(&own).await?;
    }
    stranger
        .sees("an echo request", |frame| is_icmp(frame, 8, ONE))
        .await?;
    ensure!(
        !stranger.saw(|frame| is_icmp(frame, 8, FORGED)),
        "a forged address has passed"
    );
    ensure!(
        !stranger.saw(|frame| frame.get(6..12) == Some(&FORGED_MAC.octets())),
        "a forged card has passed"
    );

    let one = Party::new(mac(1), ONE);
    let request = Packet::icmp(stranger.v4(), one, 8, 0);
    stranger.send(&request.frame())?;
    // A machine answers in order; behind two questions, one after the other's answer, the
    // dataplane is done with what came before. They are asked until they are answered: VPP may
    // leave a packet with a card untold until the next one comes.
    for sender in [[10, 0, 0, STRANGER], [10, 0, 0, STRANGER + 1]] {
        let question = arp(stranger.mac(), stranger.v4().at(sender), ONE);
        let answer = |frame: &[u8]| {
            sent_by(frame, 1, ARP)
                && frame.get(20..22) == Some(&[0, 2])
                && frame.get(38..42) == Some(&sender)
        };
        answered(stranger, &question, answer).await?;
    }
    ensure!(
        !stranger.saw(|frame| is_icmp(frame, 0, ONE)),
        "a stranger was answered"
    );
    let address = target.to_string();
    cloud.join("machines", "stranger", &[&address]).await?;
    answered(stranger, &request.frame(), |frame| is_icmp(frame, 0, ONE)).await
}

/// Runs a command on the first machine that must succeed.
async fn runs(pair: &mut Pair, line: &str) -> Result<()> {
    let (printed, is_good) = pair.one.run(line).await?;
    ensure!(is_good, "`{line}`: {printed}");
    Ok(())
}

/// Sends a frame again and again until what looks like an answer arrives.
async fn answered(from: &Station, frame: &[u8], look: impl Fn(&[u8]) -> bool) -> Result<()> {
    let answer = wait_until("an answer of the first machine", REACH, async || {
        Ok(match from.send(frame) {
            Ok(()) if from.saw(&look) => Ok(()),
            other => Err(format!("{other:?}")),
        })
    });
    Ok(answer.await?)
}

/// Whether a frame comes from a machine's card and has this EtherType.
fn sent_by(frame: &[u8], machine: u8, ether_type: [u8; 2]) -> bool {
    frame.get(6..12) == Some(&mac(machine).octets()) && frame.get(12..14) == Some(&ether_type)
}

/// Whether the first machine's card has sent an ICMP message of this type from this address.
fn is_icmp(frame: &[u8], kind: u8, source: Ipv4Addr) -> bool {
    sent_by(frame, 1, IPV4)
        && frame.get(23) == Some(&1)
        && frame.get(26..30) == Some(&source.octets())
        && frame.get(34) == Some(&kind)
}

/// The port is not effective while its machine has no driver. Both changes are told by the
/// dataplane: an agent that only looks now and then would find the link up again.
async fn rebooted(cloud: &Cloud, pair: &mut Pair) -> Result<()> {
    let host = cloud.a();
    let socket = host.vhost_socket("one");
    let pending = async {
        cloud
            .pending(host, "one", &[&socket.to_string_lossy()])
            .await
    };
    let reboot = async { Ok(pair.one.reboot().await?) };
    tokio::try_join!(pending, reboot)?;
    cloud.effective(host, "one", 0).await?;
    cloud.effective(host, "two", 0).await?;
    pair.reach_each_other().await
}

/// A new agent finds everything as it should be.
async fn agent_restarted(cloud: &Cloud, pair: &mut Pair) -> Result<()> {
    let host = cloud.a();
    let told = |port| {
        let path = format!("state/{}/ports/{port}", host.name());
        cloud.view().now().get(&path).cloned()
    };
    let before = ["one", "two"].map(told);
    host.proxy().reset();
    let mut ping = SteadyPing::start(&mut pair.one, TWO).await?;
    ping.goes_on(5).await?;
    host.kill_agent();
    cloud.start_agent(host).await?;
    ping.goes_on(5).await?;
    host.stop_agent()?;
    cloud.start_agent(host).await?;
    ping.goes_on(5).await?;
    cloud.wrote(host, &[])?;
    ping.nothing_lost().await?;
    ensure!(
        before[0].is_some() && ["one", "two"].map(told) == before,
        "the ports' state was written anew"
    );
    Ok(())
}

/// A new dataplane gets everything again, and the machines' cards are plugged again.
async fn dataplane_restarted(cloud: &Cloud, pair: &mut Pair) -> Result<()> {
    let host = cloud.a();
    let mut ping = SteadyPing::start(&mut pair.two, ONE).await?;
    ping.goes_on(5).await?;
    host.kill_dataplane();
    for port in ["one", "two"] {
        cloud.pending(host, port, &[]).await?;
    }
    host.start_dataplane().await?;
    for port in ["one", "two"] {
        cloud.effective(host, port, 0).await?;
        is_secured_member(host, port, 2).await?;
    }
    ping.goes_on(10).await?;
    ping.stop().await
}
