//! Somebody dies in the middle of a burst of changes, and in the end all agree.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::sync::watch;
use weft_tests::openstack::{OpenStack, OpenStackSetup, Rest, openstack};

/// Ports that are made in a burst; two thirds of them are deleted again.
const BURST: usize = 500;

/// Requests that are carried out between one death and the next, at least.
const BETWEEN: usize = 25;

/// Requests at a time.
const AT_A_TIME: usize = 4;

/// Who dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    NeutronApi,
    NeutronWorker,
    Database,
    Server,
    Etcd,
    Agent,
    Dataplane,
}

impl Victim {
    /// It dies, and comes back a moment later.
    async fn falls(self, cloud: &OpenStack, round: usize) -> Result<()> {
        /// For how long it is away: long enough that everybody notices.
        const AWAY: Duration = Duration::from_millis(1500);
        match self {
            Self::NeutronApi => {
                let neutron = &cloud.neutrons()[round % 2];
                neutron.kill_api();
                tokio::time::sleep(AWAY).await;
                neutron.start().await
            }
            Self::NeutronWorker => {
                let neutron = &cloud.neutrons()[round % 2];
                neutron.kill_worker();
                tokio::time::sleep(AWAY).await;
                neutron.start().await
            }
            Self::Database => {
                cloud.database().kill();
                tokio::time::sleep(AWAY).await;
                cloud.database().start_again(cloud.lab()).await
            }
            Self::Server => {
                let server = &cloud.servers()[round % 2];
                server.kill();
                tokio::time::sleep(AWAY).await;
                server.start().await
            }
            Self::Etcd => {
                let member = round % cloud.etcd().members();
                cloud.etcd().kill(member);
                tokio::time::sleep(AWAY).await;
                cloud.etcd().start_again(cloud.lab(), member).await
            }
            Self::Agent => {
                let host = &cloud.hosts()[round % 2];
                host.kill_agent();
                tokio::time::sleep(AWAY).await;
                host.start_agent()
            }
            Self::Dataplane => {
                let host = &cloud.hosts()[round % 2];
                host.kill_dataplane();
                tokio::time::sleep(AWAY).await;
                host.start_dataplane().await
            }
        }
    }
}

/// Makes ports and deletes most of them, at both Neutron servers, until there were [`BURST`]; a request
/// that a dying server leaves without an answer is neither repeated nor missed. `done` is how many
/// requests were carried out.
async fn burst(cloud: &OpenStack, network: &str, done: &watch::Sender<usize>) -> Result<()> {
    let clients: Vec<Rest> = cloud.neutrons().iter().map(|n| n.rest().clone()).collect();
    let hosts: Vec<String> = cloud
        .hosts()
        .iter()
        .map(|host| host.name().to_string())
        .collect();
    let next = AtomicUsize::new(0);
    let made = AtomicUsize::new(0);
    let workers = (0..AT_A_TIME).map(|_| async {
        while made.load(Ordering::Relaxed) < BURST {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let port = json!({"network_id": network, "name": format!("burst-{number}"),
                              "device_owner": "network:weft", "device_id": format!("burst-{number}"),
                              "binding:host_id": hosts[number % hosts.len()]});
            let rest = &clients[number % clients.len()];
            let body = json!({ "port": port });
            let answer = rest.send(Method::POST, "/v2.0/ports", Some(&body)).await;
            // No answer, one of a server that goes down, or of one that comes up and has not read its
            // policies yet (403): whether there is a port is Neutron's to say in the end.
            let Ok((StatusCode::CREATED, port)) = answer else { continue };
            let Some(id) = port["port"]["id"].as_str() else { continue };
            made.fetch_add(1, Ordering::Relaxed);
            done.send_modify(|done| *done += 1);
            if number.is_multiple_of(3) {
                continue;
            }
            let _ = rest.send(Method::DELETE, &format!("/v2.0/ports/{id}"), None).await;
            done.send_modify(|done| *done += 1);
        }
        anyhow::Ok(())
    });
    futures::future::try_join_all(workers).await?;
    Ok(())
}

/// The burst goes on while one after the other of the victims dies.
fn all_agree_though(victims: &[Victim]) -> Result<()> {
    openstack(OpenStackSetup::hosts(2), async |cloud: &OpenStack| {
        let fields = json!({"provider:network_type": "vlan", "port_security_enabled": false,
                            "provider:physical_network": "physnet1"});
        let network = cloud.network("net", &fields).await?;
        let (done, mut progress) = watch::channel(0);
        let falls = async {
            for (round, victim) in victims.iter().cycle().enumerate() {
                victim.falls(cloud, round / victims.len()).await?;
                // The next one when those who are back have done something again.
                let enough = *progress.borrow() + BETWEEN;
                if progress.wait_for(|done| *done >= enough).await.is_err() {
                    break;
                }
            }
            anyhow::Ok(())
        };
        let work = async {
            let result = burst(cloud, &network, &done).await;
            drop(done);
            result
        };
        tokio::try_join!(falls, work)?;
        cloud.agrees().await
    })
}

#[test]
fn all_agree_though_neutron_servers_and_their_database_die() -> Result<()> {
    all_agree_though(&[Victim::NeutronApi, Victim::NeutronWorker, Victim::Database])
}

#[test]
fn all_agree_though_servers_and_members_of_the_store_die() -> Result<()> {
    all_agree_though(&[Victim::Server, Victim::Etcd])
}

#[test]
fn all_agree_though_agents_and_dataplanes_die() -> Result<()> {
    all_agree_though(&[Victim::Agent, Victim::Dataplane])
}

/// A store that was emptied comes back by itself, and the check says what is missing until then.
#[test]
fn an_emptied_store_comes_back() -> Result<()> {
    // Only when it is asked for.
    let setup = OpenStackSetup::hosts(1);
    let setup = setup.neutron_conf("sync_interval = 0\n");
    openstack(setup, async |cloud: &OpenStack| {
        let fields = json!({"provider:network_type": "flat",
                            "provider:physical_network": "physnet1"});
        let network = cloud.network("net", &fields).await?;
        let host = &cloud.hosts()[0];
        let mut ids = Vec::new();
        for number in 1..=5 {
            let made = cloud
                .api()
                .create("port", &OpenStack::tap(&network, host, number))
                .await?;
            ids.push(made["id"].as_str().unwrap_or_default().to_owned());
        }
        for id in &ids {
            cloud.status(id, "ACTIVE").await?;
        }
        cloud.agrees().await?;
        let (is_same, printed) = cloud.tool("neutron-weft-sync", &["--check"]).await?;
        ensure!(is_same, "{printed}");

        cloud
            .store()
            .delete_prefix("/networking-vpp/nodes/")
            .await?;
        cloud
            .store()
            .delete_prefix("/networking-vpp/global/")
            .await?;
        let stray = format!("/networking-vpp/nodes/{}/ports/stray", host.name());
        cloud.store().put(&stray, "{}").await?;
        cloud.status(&ids[0], "DOWN").await?;
        let (is_same, printed) = cloud.tool("neutron-weft-sync", &["--check"]).await?;
        ensure!(!is_same && printed.contains(&ids[0]), "{printed}");
        ensure!(
            cloud
                .store()
                .range("/networking-vpp/nodes/")
                .await?
                .kvs
                .len()
                == 1
        );

        let (_, printed) = cloud
            .tool("neutron-weft-sync", &["--repair", "--adopt"])
            .await?;
        for id in &ids {
            cloud.status(id, "ACTIVE").await?;
        }
        cloud.agrees().await?;
        let (is_same, again) = cloud.tool("neutron-weft-sync", &["--check"]).await?;
        ensure!(is_same, "{printed}\n{again}");
        Ok(())
    })
}
