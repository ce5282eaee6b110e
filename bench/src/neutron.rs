//! Neutron with networking-weft beside the same Neutron by itself.
//!
//! By itself means with a driver that binds ports as agents' drivers do, by looking at the host's row
//! among the agents, and does nothing else. Neutron, its database, the clients, etcd, `weft server`,
//! agent and dataplane share this machine's cores, so that whatever networking-weft does behind a
//! request takes from the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use weft_tests::openstack::{Driver, OpenStack, OpenStackSetup};

use crate::rates::Rates;
use crate::report::{Table, milliseconds, percentile, seconds};

/// Ports of a turn, and turns of each.
const COUNT: usize = 40;
const TURNS: usize = 6;

/// What the rates are told in.
const PORTS: &str = "ports/s";

/// Clients that make ports at once, where it is not one.
const CLIENTS: usize = 4;

/// The least share of Neutron's own speed that is aimed at.
const SHARE: f64 = 0.95;

/// Objects of the full comparison and of the journal.
const MANY: usize = 10_000;

/// The host of these: it has no agent, so that only what is written is measured.
const NOWHERE: &str = "nowhere";

/// Between two bursts.
const APART: Duration = Duration::from_secs(1);

/// How long anything may take before the benchmark has failed.
const LIMIT: Duration = Duration::from_secs(900);

/// Between two looks into the database, each of which starts a client.
const LOOK: Duration = Duration::from_millis(20);

/// The same beside many ports in the making, which have the processors to themselves.
const RARE_LOOK: Duration = Duration::from_millis(200);

/// Measures both; `show` gets the tables.
pub(crate) async fn run(quick: bool, mut show: impl FnMut(Table)) -> Result<()> {
    let setup = OpenStackSetup::hosts(1).neutrons(1, 2);
    let alone = OpenStack::start(&setup.clone().driver(Driver::None)).await?;
    // The full comparison comes when it is asked for.
    let setup = setup.neutron_conf("sync_interval = 0\n");
    let cloud = OpenStack::start(&setup).await?;
    let mut table =
        Table::new("Ports made in Neutron with networking-weft, beside Neutron by itself");
    let turns = if quick { 1 } else { TURNS };
    for clients in [1, CLIENTS] {
        let made = creations(&cloud, &alone, clients, turns).await?;
        let what = if clients == 1 { "client" } else { "clients" };
        let (ours, theirs) = (made.ours.to_string(), made.alone.to_string());
        let (longer, aim) = (made.alone.times(&made.ours), Some(1.0 / SHARE));
        table.ratio(format!("{clients} {what}"), ours, theirs, longer, aim);
        let after = seconds(made.after);
        table.figure("… until all of a turn's are ACTIVE besides", after);
    }
    table.note(format!(
        "median of {turns} turns of {COUNT} ports each, [least to greatest]; the ratio is the median of theirs"
    ));
    show(table);
    drop(alone);

    let mut table = Table::new("From Neutron's 201 to ACTIVE");
    let one = active(&cloud, if quick { 5 } else { 30 }, 1, 1).await?;
    let burst = if quick { 20 } else { 500 };
    let many = active(&cloud, 1, burst, CLIENTS).await?;
    for (what, times) in [
        ("1 port".to_owned(), one),
        (format!("{burst} ports at once"), many),
    ] {
        for percent in [50, 99] {
            let value = milliseconds(percentile(&times, percent));
            table.figure(format!("{what}, p{percent}"), value);
        }
    }
    show(table);

    let mut table = Table::new(format!("{MANY} ports in Neutron's database"));
    pretend(&cloud).await?;
    let drained = drained(&cloud).await?;
    table.figure("journal rows carried out", seconds(drained));
    let began = Instant::now();
    let (is_same, printed) = cloud.tool("neutron-weft-sync", &["--check"]).await?;
    ensure!(is_same, "{printed}");
    table.figure("neutron-weft-sync --check", seconds(began.elapsed()));
    show(table);
    Ok(())
}

/// What was measured of both in turns.
struct Creations {
    ours: Rates,
    alone: Rates,
    /// From the last answer of a turn to its last port being ACTIVE.
    after: Duration,
}

/// How many ports are made in a second by both in turns: a machine's speed does not stay the same for
/// the minutes that this takes.
async fn creations(
    ours: &OpenStack,
    alone: &OpenStack,
    clients: usize,
    turns: usize,
) -> Result<Creations> {
    let (own, other) = tokio::try_join!(network(ours, "turns"), network(alone, "turns"))?;
    // What Neutron makes with the first port is not measured.
    tokio::try_join!(make(ours, &own, 1, 1), make(alone, &other, 1, 1))?;
    let (mut rates, mut others) = (Rates::of(PORTS), Rates::of(PORTS));
    let mut afters = Vec::new();
    for turn in 0..turns {
        for is_ours in [turn % 2 == 0, turn % 2 == 1] {
            let (what, cloud, network, rates) = if is_ours {
                ("with networking-weft", ours, &own, &mut rates)
            } else {
                ("Neutron by itself", alone, &other, &mut others)
            };
            let began = Instant::now();
            let made = make(cloud, network, COUNT, clients).await;
            made.context(what)?;
            rates.push(COUNT as f64 / began.elapsed().as_secs_f64());
            if is_ours {
                let began = Instant::now();
                all_active(ours).await?;
                afters.push(began.elapsed());
            }
        }
    }
    Ok(Creations {
        ours: rates,
        alone: others,
        after: percentile(&afters, 50),
    })
}

async fn network(cloud: &OpenStack, name: &str) -> Result<String> {
    let network = json!({"name": name, "provider:network_type": "vlan",
                         "provider:physical_network": "physnet1", "port_security_enabled": false});
    let network = cloud.api().create("network", &network).await?;
    let subnet = json!({"network_id": network["id"], "cidr": "10.0.0.0/16", "ip_version": 4,
                        "enable_dhcp": false, "gateway_ip": null});
    cloud.api().create("subnet", &subnet).await?;
    identifier(&network)
}

/// Makes bound ports; gives when each was answered.
async fn make(
    cloud: &OpenStack,
    network: &str,
    count: usize,
    clients: usize,
) -> Result<BTreeMap<String, Instant>> {
    let next = Arc::new(AtomicUsize::new(0));
    let client = async || {
        let mut made = Vec::new();
        while next.fetch_add(1, Ordering::Relaxed) < count {
            let port = json!({"network_id": network, "device_owner": "network:weft",
                              "device_id": "bench", "binding:host_id": "compute1"});
            let port = cloud.api().create("port", &port).await?;
            let answered = Instant::now();
            // One that is not bound took other ways.
            let vif = port["binding:vif_type"].as_str().unwrap_or_default();
            ensure!(matches!(vif, "tap" | "ovs"), "{port} is not bound");
            made.push((identifier(&port)?, answered));
        }
        anyhow::Ok(made)
    };
    let mut clients: Vec<_> = (0..clients).map(|_| Box::pin(client())).collect();
    let mut all = BTreeMap::new();
    // All of them go on within this task, which only waits.
    let made = futures::future::try_join_all(clients.drain(..)).await?;
    all.extend(made.into_iter().flatten());
    Ok(all)
}

/// Waits until nothing is left to be done for the ports that there are.
async fn all_active(cloud: &OpenStack) -> Result<()> {
    let others = "SELECT COUNT(*) FROM ports WHERE status <> 'ACTIVE'";
    let look = async {
        while cloud.database().query(others)? != ["0"] {
            tokio::time::sleep(RARE_LOOK).await;
        }
        anyhow::Ok(())
    };
    let done = tokio::time::timeout(LIMIT, look).await;
    done.context("not all are ACTIVE")?
}

/// How long after its 201 each port of `rounds` bursts was ACTIVE, to within a look.
async fn active(
    cloud: &OpenStack,
    rounds: usize,
    burst: usize,
    clients: usize,
) -> Result<Vec<Duration>> {
    let network = network(cloud, &format!("active{burst}")).await?;
    let mut took = Vec::new();
    for _ in 0..rounds {
        let look = async {
            let mut seen = BTreeMap::<String, Instant>::new();
            let sql = format!(
                "SELECT id FROM ports WHERE status = 'ACTIVE' AND network_id = '{network}'"
            );
            let before = cloud.database().query(&sql)?.len();
            let pause = if burst == 1 { LOOK } else { RARE_LOOK };
            while seen.len() < before + burst {
                for id in cloud.database().query(&sql)? {
                    seen.entry(id).or_insert_with(Instant::now);
                }
                tokio::time::sleep(pause).await;
            }
            anyhow::Ok(seen)
        };
        let look = async {
            let seen = tokio::time::timeout(LIMIT, look).await;
            seen.context("not all are ACTIVE")?
        };
        // Each is the first one for a while.
        tokio::time::sleep(APART).await;
        let (made, seen) = tokio::try_join!(make(cloud, &network, burst, clients), look)?;
        for (id, answered) in made {
            let at = seen.get(&id).context("a port is ACTIVE, and is not")?;
            took.push(at.saturating_duration_since(answered));
        }
    }
    took.sort_unstable();
    Ok(took)
}

/// Makes many bound ports, by the database alone, like one that Neutron has made.
async fn pretend(cloud: &OpenStack) -> Result<()> {
    let network = network(cloud, "many").await?;
    let port = json!({"network_id": network, "device_owner": "network:weft", "device_id": "bench",
                      "binding:host_id": "compute1", "port_security_enabled": false});
    let port = identifier(&cloud.api().create("port", &port).await?)?;
    let id = "CONCAT('00000000-0000-4000-8000-', LPAD(HEX(seq), 12, '0'))";
    let mac =
        "CONCAT('fa:16:3f:', INSERT(INSERT(LPAD(LOWER(HEX(seq)), 6, '0'), 5, 0, ':'), 3, 0, ':'))";
    let numbers = format!("seq_1_to_{MANY}");
    for sql in [
        format!(
            "INSERT INTO standardattributes (id, resource_type, revision_number) \
             SELECT 10000000 + seq, 'ports', 1 FROM {numbers}"
        ),
        format!(
            "INSERT INTO ports (project_id, id, name, network_id, mac_address, admin_state_up, \
             status, device_id, device_owner, standard_attr_id) \
             SELECT project_id, {id}, '', network_id, {mac}, 1, 'DOWN', device_id, device_owner, \
             10000000 + seq FROM ports, {numbers} WHERE id = '{port}'"
        ),
        format!(
            "INSERT INTO portsecuritybindings (port_id, port_security_enabled) \
             SELECT {id}, 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO ml2_port_bindings (port_id, host, vif_type, vnic_type, profile, \
             vif_details, status) SELECT {id}, '{NOWHERE}', vif_type, vnic_type, profile, \
             vif_details, status FROM ml2_port_bindings, {numbers} WHERE port_id = '{port}'"
        ),
        format!(
            "INSERT INTO ml2_port_binding_levels (port_id, host, level, driver, segment_id) \
             SELECT {id}, '{NOWHERE}', level, driver, segment_id \
             FROM ml2_port_binding_levels, {numbers} WHERE port_id = '{port}'"
        ),
    ] {
        cloud.database().query(&sql)?;
    }
    Ok(())
}

/// How long it takes until rows for all of these are carried out.
async fn drained(cloud: &OpenStack) -> Result<Duration> {
    let began = Instant::now();
    cloud.database().query(
        "INSERT INTO weft_journal (object_id, object_type, revision, due, since, tries) \
         SELECT id, 'port', 1, 0, UNIX_TIMESTAMP(), 0 FROM ports \
         WHERE id LIKE '00000000-0000-4000-8000-%'",
    )?;
    let waiting = "SELECT COUNT(*) FROM weft_journal WHERE due IS NOT NULL";
    let drain = async {
        while cloud.database().query(waiting)? != ["0"] {
            tokio::time::sleep(LOOK).await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(LIMIT, drain)
        .await
        .context("the journal is not carried out")??;
    let stored = cloud
        .store()
        .range(&format!("/networking-vpp/nodes/{NOWHERE}/"))
        .await?;
    ensure!(
        stored.kvs.len() == MANY,
        "{} of {MANY} are stored",
        stored.kvs.len()
    );
    Ok(began.elapsed())
}

fn identifier(made: &Value) -> Result<String> {
    let id = made["id"]
        .as_str()
        .context("what was made has no identifier")?;
    Ok(id.to_owned())
}
