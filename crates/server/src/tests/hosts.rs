//! Hosts, and what their agents say.

use std::collections::BTreeMap;

use serde_json::json;

use super::rig::{Rig, path, record};
use crate::{HostView, HostsReply, PutReply, RecordKind, StateReply};

#[tokio::test]
async fn hosts_are_what_the_store_speaks_of() {
    let rig = Rig::start().await;
    let a: PutReply = rig.put(&path("host-1", "a"), &record(1, 1)).await.body();
    rig.put(&path("host-1", "b"), &record(2, 1)).await;
    rig.condition("host-1", "a", "effective", a.mod_revision)
        .await;
    let said = json!({"version": "0.1.0", "network_types": ["flat", "gpe"],
        "underlay": "192.0.2.11", "of_the_future": 1});
    rig.write("state/host-1/alive", said).await;
    rig.write("state/host-1/physnets/p2", 1).await;
    rig.write("state/host-1/physnets/p1", 1).await;
    rig.write("state/host-2/conditions/physnet/p1", "{}").await;

    let host_1 = HostView {
        host: "host-1".into(),
        alive: true,
        agent: Some(json!({
            "version": "0.1.0", "started_at": null, "network_types": ["flat", "gpe"],
            "underlay": "192.0.2.11", "binding_types": [], "vhost_user": null, "vpp": null,
        })),
        physnets: vec!["p1".into(), "p2".into()],
        ports: BTreeMap::from([("effective".into(), 1), ("unreported".into(), 1)]),
    };
    let reply: HostsReply = rig.get("/v1/hosts").await.body();
    let names: Vec<_> = reply
        .hosts
        .iter()
        .map(|host| (host.host.as_str(), host.alive))
        .collect();
    assert_eq!(names, [("host-1", true), ("host-2", false)]);
    assert_eq!(reply.hosts[0], host_1);
    assert_eq!(rig.get("/v1/hosts/host-1").await.body::<HostView>(), host_1);
    assert_eq!(
        rig.get("/v1/hosts/host").await.error(),
        (404, "not_found".into())
    );
    rig.stop().await;
}

#[tokio::test]
async fn state_is_listed_record_by_record() {
    let rig = Rig::start().await;
    rig.put(&path("h", "a"), &record(1, 1)).await;
    rig.write("state/h/alive", 1).await;
    rig.write("state/h/ports/a", "debugging detail").await;
    let revision = rig
        .write("state/h/conditions/port/not a port", json!({"x": 1}))
        .await;
    rig.write("state/other/alive", 1).await;
    rig.write("state/h/of-the-future", 1).await;

    let reply: StateReply = rig.get("/v1/state?host=h").await.body();
    let kinds: Vec<_> = reply.records.iter().map(|record| record.kind).collect();
    assert_eq!(
        kinds,
        [
            RecordKind::Alive,
            RecordKind::PortCondition,
            RecordKind::PortState
        ]
    );
    let condition = &reply.records[1];
    assert_eq!(condition.id.as_deref(), Some("not a port"));
    assert_eq!(
        (condition.mod_revision, &condition.value),
        (revision, &Some(json!({"x": 1})))
    );
    assert_eq!(reply.records[2].value, Some(json!("debugging detail")));

    let reply: StateReply = rig.get("/v1/state?kind=alive").await.body();
    assert_eq!(reply.records.len(), 2);
    assert_eq!(
        rig.get("/v1/state?kind=nonsense").await.error(),
        (400, "bad_request".into())
    );
    rig.stop().await;
}
