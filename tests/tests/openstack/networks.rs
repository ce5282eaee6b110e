//! What an operator makes with `openstack`, and what passes then.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use weft_tests::openstack::{OpenStack, OpenStackSetup, openstack};
use weft_tests::packet::Packet;
use weft_tests::{Host, Station};

/// Ports of TCP: from, to.
const WEB: (u16, u16) = (40_000, 80);
const OTHER: (u16, u16) = (40_000, 81);

/// The flag of TCP that begins a connection.
const SYN: u8 = 2;

/// A TAP port that `openstack` makes for station `number`; gives its identifier. Its owner is none of
/// `network:`, whose ports Neutron trusts and gives no groups.
async fn port(
    cloud: &OpenStack,
    network: &str,
    host: &Host,
    number: u8,
    more: &[&str],
) -> Result<String> {
    let name = format!("{network}-{number}");
    let mac = format!("fa:16:3e:00:00:{number:02x}");
    let ip = format!("ip-address=10.0.0.{number}");
    let device = format!("weft-{number}");
    let mut words = vec!["port", "create", &name, "--network", network];
    words.extend([
        "--mac-address",
        &mac,
        "--fixed-ip",
        &ip,
        "--host",
        host.name().as_str(),
    ]);
    words.extend(["--device-owner", "neutron:weft", "--device", &device]);
    words.extend(more);
    let made = cloud.openstack(&words).await?;
    let id = made["id"].as_str().context("the port has no identifier")?;
    ensure!(made["binding_vif_type"] == "tap", "bound as {made}");
    Ok(id.to_owned())
}

/// A port that is ACTIVE, and the machine behind it.
async fn station(
    cloud: &OpenStack,
    network: &str,
    host: &Host,
    number: u8,
    more: &[&str],
) -> Result<(String, Station)> {
    let id = port(cloud, network, host, number, more).await?;
    cloud.status(&id, "ACTIVE").await?;
    let station = cloud.station(host, &id, number)?;
    Ok((id, station))
}

fn tcp(from: &Station, to: &Station, ports: (u16, u16)) -> Packet {
    Packet::tcp(from.v4(), to.v4(), ports, SYN)
}

/// Networks of every type by `openstack`: two machines of one network on two hosts reach each other,
/// and nobody else.
#[test]
fn machines_reach_each_other_on_every_type_of_network_and_nobody_else() -> Result<()> {
    openstack(OpenStackSetup::hosts(2), async |cloud: &OpenStack| {
        let agents = cloud.openstack(&["network", "agent", "list"]).await?;
        let agents = agents.as_array().context("no list of agents")?;
        ensure!(
            agents
                .iter()
                .all(|agent| agent["Alive"] == true && agent["Agent Type"] == "Weft agent"),
            "{agents:?}"
        );
        let provider = |words: &[&'static str]| words.to_vec();
        let networks = [
            (
                "flat",
                provider(&[
                    "--provider-network-type",
                    "flat",
                    "--provider-physical-network",
                    "physnet1",
                ]),
            ),
            (
                "vlan",
                provider(&[
                    "--provider-network-type",
                    "vlan",
                    "--provider-physical-network",
                    "physnet1",
                    "--provider-segment",
                    "194",
                ]),
            ),
            ("vxlan", provider(&["--provider-network-type", "vxlan"])),
            (
                "gpe",
                provider(&[
                    "--provider-network-type",
                    "gpe",
                    "--provider-segment",
                    "5001",
                ]),
            ),
        ];
        let mut stations = Vec::new();
        for (at, (network, words)) in (0..).zip(&networks) {
            let create = [&["network", "create", *network][..], words].concat();
            cloud.openstack(&create).await?;
            let subnet = format!("{network}-subnet");
            cloud
                .openstack(&[
                    "subnet",
                    "create",
                    &subnet,
                    "--network",
                    *network,
                    "--subnet-range",
                    "10.0.0.0/24",
                    "--no-dhcp",
                    "--gateway",
                    "none",
                ])
                .await?;
            let open = ["--disable-port-security"];
            let (_, here) = station(cloud, network, &cloud.hosts()[0], 1 + 2 * at, &open).await?;
            let (_, there) = station(cloud, network, &cloud.hosts()[1], 2 + 2 * at, &open).await?;
            stations.push((*network, here, there));
        }
        for (network, here, there) in &stations {
            here.will_pass(there, network, &tcp(here, there, WEB))
                .await?;
            there
                .will_pass(here, network, &tcp(there, here, WEB))
                .await?;
        }
        for (network, here, there) in &stations {
            for (other, elsewhere, far) in &stations {
                if network == other {
                    continue;
                }
                for stranger in [elsewhere, far] {
                    let packet = tcp(here, stranger, OTHER);
                    here.send(&packet.frame())?;
                    // What is sent behind it has come. Not ARP, which overlays answer at home.
                    let behind = tcp(
                        here,
                        there,
                        (41_000 + u16::from(stranger.mac().octets()[5]), 82),
                    );
                    here.passes(there, "what is behind", &behind).await?;
                    ensure!(!stranger.has(&packet.frame()), "from {network} to {other}");
                }
            }
        }
        cloud.agrees().await
    })
}

/// Groups by `openstack`: what a rule allows passes, what none allows does not, also after each change
/// of a rule, of a port's groups, and of an address group.
#[test]
fn what_the_rules_of_a_group_allow_passes_and_nothing_else() -> Result<()> {
    openstack(OpenStackSetup::hosts(2), async |cloud: &OpenStack| {
        let fields = json!({"provider:network_type": "vlan",
                            "provider:physical_network": "physnet1"});
        let network = cloud.network("net", &fields).await?;
        for group in ["web", "clients"] {
            cloud
                .openstack(&["security", "group", "create", group])
                .await?;
        }
        let rule = |words: &[&'static str]| {
            [
                &[
                    "security",
                    "group",
                    "rule",
                    "create",
                    "web",
                    "--protocol",
                    "tcp",
                ][..],
                words,
            ]
            .concat()
        };
        let from_clients = rule(&["--dst-port", "80", "--remote-group", "clients"]);
        let made = cloud.openstack(&from_clients).await?;
        let secured = ["--enable-port-security", "--security-group"];
        let web = [&secured[..], &["web"]].concat();
        let clients = [&secured[..], &["clients"]].concat();
        let (web_id, web) = station(cloud, &network, &cloud.hosts()[0], 1, &web).await?;
        let (client_id, client) = station(cloud, &network, &cloud.hosts()[1], 2, &clients).await?;

        client
            .will_pass(&web, "a member's", &tcp(&client, &web, WEB))
            .await?;
        client
            .stopped(&web, "another port", &tcp(&client, &web, OTHER))
            .await?;

        cloud
            .openstack(&[
                "port",
                "set",
                "--no-security-group",
                &client_id,
                "--security-group",
                "default",
            ])
            .await?;
        client
            .will_stop(&web, "no member's", &tcp(&client, &web, (40_001, 80)))
            .await?;

        cloud
            .openstack(&[
                "address",
                "group",
                "create",
                "offices",
                "--address",
                "10.0.0.2/32",
            ])
            .await?;
        cloud
            .openstack(&rule(&[
                "--dst-port",
                "81",
                "--remote-address-group",
                "offices",
            ]))
            .await?;
        client
            .will_pass(&web, "from an office", &tcp(&client, &web, (40_002, 81)))
            .await?;
        cloud
            .openstack(&[
                "address",
                "group",
                "unset",
                "offices",
                "--address",
                "10.0.0.2/32",
            ])
            .await?;
        client
            .will_stop(&web, "from no office", &tcp(&client, &web, (40_003, 81)))
            .await?;

        let id = made["id"].as_str().context("the rule has no identifier")?;
        cloud
            .openstack(&["port", "set", &client_id, "--security-group", "clients"])
            .await?;
        client
            .will_pass(&web, "a member's again", &tcp(&client, &web, (40_004, 80)))
            .await?;
        cloud
            .openstack(&["security", "group", "rule", "delete", id])
            .await?;
        client
            .will_stop(&web, "without the rule", &tcp(&client, &web, (40_005, 80)))
            .await?;

        for id in [&web_id, &client_id] {
            cloud.openstack(&["port", "delete", id]).await?;
        }
        cloud.agrees().await?;
        let left = cloud
            .store()
            .range("/networking-vpp/global/remote_group/")
            .await?;
        ensure!(left.kvs.is_empty(), "{left:?}");
        Ok(())
    })
}

/// What cannot be is refused for a reason that the operator sees, and comes about once the reason has gone.
#[test]
fn a_port_that_cannot_be_says_why() -> Result<()> {
    openstack(OpenStackSetup::hosts(1), async |cloud: &OpenStack| {
        let host = &cloud.hosts()[0];
        let fields =
            json!({"provider:network_type": "flat", "provider:physical_network": "nowhere"});
        let network = cloud.network("net", &fields).await?;
        let made = cloud
            .api()
            .create("port", &OpenStack::tap(&network, host, 1))
            .await?;
        ensure!(made["binding:vif_type"] == "binding_failed", "{made}");
        let id = made["id"].as_str().context("no identifier")?;
        let shown = cloud.api().show("port", id).await?;
        let reason = shown["weft:status"]["reason"].as_str().unwrap_or_default();
        ensure!(reason.contains("nowhere"), "{shown}");

        // A device that has the name of the port's own.
        let fields =
            json!({"provider:network_type": "flat", "provider:physical_network": "physnet1"});
        let network = cloud.network("other", &fields).await?;
        let mut port = OpenStack::tap(&network, host, 2);
        port["binding:host_id"] = Value::Null;
        let made = cloud.api().create("port", &port).await?;
        let id = made["id"].as_str().context("no identifier")?;
        let device = format!("tap{}", &id[..11]);
        let other = cloud.lab().namespace("other")?;
        let cable = host.namespace().cable(&device, &other, "peer")?;
        let bound = json!({"binding:host_id": host.name().as_str()});
        cloud.api().update("port", id, &bound).await?;
        cloud
            .until("that the failure is told", async || {
                let shown = cloud.api().show("port", id).await?;
                let said = &shown["weft:status"];
                let told = said["status"] == "failed"
                    && said["reason"]
                        .as_str()
                        .is_some_and(|reason| reason.contains(&device));
                Ok(if told { Ok(()) } else { Err(shown.to_string()) })
            })
            .await?;
        ensure!(cloud.api().show("port", id).await?["status"] == "DOWN");
        drop(cable);
        cloud.status(id, "ACTIVE").await?;
        cloud.agrees().await
    })
}
