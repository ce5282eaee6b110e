//! What Nova hears of a machine's port: that it is plugged when packets would pass, and not before.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;
use weft_lab::{VirtualMachine, VirtualMachineConfig};
use weft_tests::openstack::{OpenStack, OpenStackSetup, openstack};

/// How long a machine may take until its driver is ready, and Neutron until it has told.
const PLUGGED: Duration = Duration::from_secs(90);

/// Nova's identifier of the machine.
const SERVER: &str = "5b0a3c1e-8f43-4f0e-9d53-0c8b6f8e7a11";

/// The machine's address on the link.
const MAC: &str = "fa:16:3e:00:00:01";

#[test]
fn nova_hears_of_a_port_when_it_works_and_when_it_stops() -> Result<()> {
    openstack(OpenStackSetup::hosts(1), async |cloud: &OpenStack| {
        let fields = json!({"provider:network_type": "vlan",
                            "provider:physical_network": "physnet1"});
        let network = cloud.network("net", &fields).await?;
        let port = json!({
            "network_id": network, "mac_address": MAC, "device_id": SERVER,
            "fixed_ips": [{"ip_address": "10.0.0.1"}], "device_owner": "compute:nova",
            "binding:host_id": cloud.hosts()[0].name().as_str(),
        });
        let port = cloud.api().create("port", &port).await?;
        ensure!(port["binding:vif_type"] == "vhostuser", "{port}");
        let id = port["id"].as_str().context("no identifier")?;
        let details = &port["binding:vif_details"];
        let socket = details["vhostuser_socket"].as_str().context("no socket")?;
        let config = VirtualMachineConfig {
            name: "machine".to_owned(),
            address: "10.0.0.1/24".to_owned(),
            mac: MAC.parse()?,
            socket: socket.into(),
            is_server: details["vhostuser_mode"] == "server",
            queues: 1,
        };
        // It is made, and waits for its machine.
        let waits = async || {
            let shown = cloud.api().show("port", id).await?;
            let waits = shown["weft:status"]["status"] == "pending";
            Ok(if waits {
                Ok(shown)
            } else {
                Err(shown.to_string())
            })
        };
        let shown = cloud
            .until("that the port waits for its machine", waits)
            .await?;
        ensure!(shown["status"] == "DOWN", "{shown}");
        ensure!(heard(cloud, id).is_empty(), "{:?}", heard(cloud, id));

        let mut machine = VirtualMachine::start(cloud.lab(), &config)?;
        let plugged = cloud
            .nova()
            .until(id, "network-vif-plugged", PLUGGED)
            .await?;
        ensure!(
            plugged.server == SERVER && plugged.status == "completed",
            "{plugged:?}"
        );
        cloud.status(id, "ACTIVE").await?;
        machine.booted().await?;

        // Its end is the port's, and it may come back.
        machine.process().kill();
        cloud
            .nova()
            .until(id, "network-vif-unplugged", PLUGGED)
            .await?;
        cloud.status(id, "DOWN").await?;
        drop(machine);
        let _machine = VirtualMachine::start(cloud.lab(), &config)?;
        cloud.status(id, "ACTIVE").await?;
        cloud.api().delete("port", id).await?;
        cloud
            .nova()
            .until(id, "network-vif-deleted", PLUGGED)
            .await?;
        cloud.agrees().await?;
        let heard = heard(cloud, id);
        ensure!(
            heard
                == [
                    "network-vif-plugged",
                    "network-vif-unplugged",
                    "network-vif-plugged",
                    "network-vif-deleted"
                ],
            "{heard:?}"
        );
        Ok(())
    })
}

/// The names of the events of a port, in the order in which they came.
fn heard(cloud: &OpenStack, port: &str) -> Vec<String> {
    let events = cloud.nova().events_of(port).into_iter();
    events.map(|event| event.name).collect()
}
