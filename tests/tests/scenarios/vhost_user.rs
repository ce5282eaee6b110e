//! Real virtual machines (QEMU, emulated), plugged by vhost-user.
//!
//! * [`by_api`]: the dataplane alone.
//! * [`lifecycle`]: ports of the agent, from the record to the machine's last packet.
//! * [`order`]: what comes first, the record, the machine or the agent, and who makes the socket.

mod by_api;
mod lifecycle;
mod order;
mod steady_ping;

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use weft_lab::{VirtualMachine, VirtualMachineConfig, wait_until};
use weft_model::Mac;
use weft_tests::{Cloud, Port};

/// How long it may take until packets pass again: a guest resolves addresses, a socket is tried
/// every few seconds.
const REACH: Duration = Duration::from_secs(30);

/// Addresses of the machines.
const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const TWO: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// The VLAN of ports that the agent makes.
const VLAN: u16 = 100;

/// Two machines in one network.
struct Pair {
    one: VirtualMachine,
    two: VirtualMachine,
}

impl Pair {
    async fn booted(&mut self) -> Result<()> {
        self.one.booted().await?;
        Ok(self.two.booted().await?)
    }

    async fn reach_each_other(&mut self) -> Result<()> {
        reaches(&mut self.one, TWO).await?;
        reaches(&mut self.two, ONE).await
    }
}

/// Switches a machine on; it boots when the dataplane has an interface for it. `number` makes its
/// addresses, as that of its port's record does.
fn machine(
    cloud: &Cloud,
    number: u8,
    socket: &Path,
    makes_socket: bool,
    queues: u16,
) -> Result<VirtualMachine> {
    let config = VirtualMachineConfig {
        name: format!("machine{number}"),
        address: format!("10.0.0.{number}/24"),
        mac: mac(number),
        socket: socket.to_owned(),
        is_server: makes_socket,
        queues,
    };
    Ok(VirtualMachine::start(cloud.lab(), &config)?)
}

/// The address of a machine's card.
fn mac(number: u8) -> Mac {
    Mac::new([0xfa, 0x16, 0x3e, 0, 0, number])
}

/// The record of a machine's port, in these groups.
fn port(number: u8, groups: &[&str]) -> Port {
    Port::secured(number, VLAN, groups).with("binding_type", "vhostuser")
}

/// Waits until three packets in a row are answered.
async fn reaches(machine: &mut VirtualMachine, target: Ipv4Addr) -> Result<()> {
    let what = format!("an answer of {target}");
    let seen = wait_until(&what, REACH, async || {
        let (printed, is_good) = machine
            .run(&format!("ping -c 3 -i 0.1 -W 1 {target}"))
            .await?;
        Ok(if is_good && printed.contains(" 0% packet loss") {
            Ok(())
        } else {
            Err(printed)
        })
    });
    Ok(seen.await?)
}
