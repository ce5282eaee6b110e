//! Machines and records come in either order, with another agent in between, whoever makes the
//! sockets.

use std::os::unix::net::UnixListener;

use anyhow::{Result, ensure};
use weft_lab::wait_until;
use weft_tests::{Group, HostConfig, Rule, Setup, scenario};

use super::{Pair, REACH, machine, port};

#[test]
fn s02_socket_before_key_and_key_before_socket_of_machines() -> Result<()> {
    either_order(false)
}

#[test]
fn s02_socket_before_key_and_key_before_socket_of_the_dataplane() -> Result<()> {
    either_order(true)
}

/// The first machine is there before its record, the second after.
fn either_order(makes_sockets: bool) -> Result<()> {
    let config = HostConfig {
        makes_sockets,
        ..HostConfig::default()
    };
    scenario(Setup::hosts(1).config(config), async |cloud| {
        let host = cloud.a();
        let all = Group::new()
            .ingress(Rule::v4("icmp"))
            .egress(Rule::v4("icmp"));
        cloud.group("all", &all).await?;
        let [first, second] = ["one", "two"].map(|port| host.vhost_socket(port));
        if makes_sockets {
            // What a killed dataplane has left.
            drop(UnixListener::bind(&first)?);
        }
        let one = machine(cloud, 1, &first, !makes_sockets, 1)?;
        let socket = wait_until("the machine's socket", REACH, async || {
            let is_there = first.exists();
            Ok(is_there.then_some(()).ok_or_else(|| "none".to_owned()))
        });
        socket.await?;
        let named = second.to_string_lossy();
        let revision_two = cloud.put(host, "two", &port(2, &["all"])).await?;
        cloud.pending(host, "two", &[&named]).await?;

        host.kill_agent();
        cloud.start_agent(host).await?;
        cloud.pending(host, "two", &[&named]).await?;
        let revision_one = cloud.put(host, "one", &port(1, &["all"])).await?;
        let two = machine(cloud, 2, &second, !makes_sockets, 1)?;
        let mut pair = Pair { one, two };
        pair.booted().await?;
        cloud.effective(host, "one", revision_one).await?;
        cloud.effective(host, "two", revision_two).await?;
        pair.reach_each_other().await?;

        // The record goes and comes back while its machine runs.
        cloud.delete(host, "one").await?;
        cloud.absent(host, "one").await?;
        let interface = host.contents().await?.vhost_user("one").cloned();
        ensure!(interface.is_none(), "{interface:?}");
        let revision = cloud.put(host, "one", &port(1, &["all"])).await?;
        cloud.effective(host, "one", revision).await?;
        pair.reach_each_other().await?;
        cloud.plan_is_empty(host).await
    })
}
