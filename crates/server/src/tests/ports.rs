//! One port: written, read, changed, deleted.

use serde_json::json;

use super::client::call;
use super::rig::{Rig, path, record};
use crate::{ApplyResult, PortView, PortsReply, PutReply};

#[tokio::test]
async fn a_port_is_created_read_changed_and_deleted() {
    let rig = Rig::start().await;
    let at = path("host-1", "web-1");
    let reply = rig.put(&at, &record(1, 100)).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let created: PutReply = reply.body();
    assert_eq!(created.result, ApplyResult::Created);
    assert_eq!(created.record["mtu"], 1500, "the record is written out");
    assert_eq!(reply.etag(), format!("\"{}\"", created.mod_revision));

    let kv = rig
        .store
        .get("/networking-vpp/nodes/host-1/ports/web-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(kv.mod_revision, created.mod_revision);
    assert_eq!(
        serde_json::from_slice::<serde_json::Value>(&kv.value).unwrap(),
        created.record
    );

    let reply = rig.put(&at, &record(1, 101)).await;
    let updated: PutReply = reply.body();
    assert_eq!(
        (reply.status.as_u16(), updated.result),
        (200, ApplyResult::Updated)
    );
    assert!(updated.mod_revision > created.mod_revision);

    let reply = rig.get(&at).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.etag(), format!("\"{}\"", updated.mod_revision));
    assert_eq!(reply.body::<PortView>().record["segmentation_id"], 101);

    let reply = rig.delete(&at).await;
    assert_eq!(reply.status, 200);
    assert!(reply.json()["revision"].as_i64().unwrap() > updated.mod_revision);
    assert_eq!(rig.get(&at).await.error(), (404, "not_found".into()));
    assert_eq!(rig.delete(&at).await.error(), (404, "not_found".into()));
    rig.stop().await;
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_not_written() {
    let rig = Rig::start().await;
    let at = path("host-1", "web-1");
    let first: PutReply = rig.put(&at, &record(1, 100)).await.body();
    let revision = rig.store.revision().await.unwrap();
    let mut same = record(1, 100);
    same["mtu"] = json!(1500);
    same["mac_address"] = json!("FA:16:3E:00:00:01");
    let reply: PutReply = rig.put(&at, &same).await.body();
    assert_eq!(
        (reply.result, reply.mod_revision),
        (ApplyResult::Unchanged, first.mod_revision)
    );
    assert_eq!(rig.store.revision().await.unwrap(), revision);
    rig.stop().await;
}

#[tokio::test]
async fn a_view_holds_what_is_wanted_how_far_it_is_and_what_it_became() {
    let rig = Rig::start().await;
    let at = path("host-1", "web-1");
    let put: PutReply = rig.put(&at, &record(1, 100)).await.body();
    let view: PortView = rig.get(&at).await.body();
    assert_eq!((view.condition, view.state), (None, None));

    rig.condition("host-1", "web-1", "effective", put.mod_revision)
        .await;
    rig.write("state/host-1/ports/web-1", json!({"bind_type": "tap"}))
        .await;
    let view: PortView = rig.get(&at).await.body();
    let condition = view.condition.unwrap();
    assert_eq!(
        (condition.status.as_str(), condition.current),
        ("effective", true)
    );
    assert_eq!(view.state, Some(json!({"bind_type": "tap"})));

    // The record changes, and the agent has not spoken yet.
    rig.put(&at, &record(1, 101)).await;
    let view: PortView = rig.get(&at).await.body();
    assert!(!view.condition.unwrap().current);

    rig.condition("host-1", "web-1", "failed", put.mod_revision)
        .await;
    let condition = rig.get(&at).await.body::<PortView>().condition.unwrap();
    assert_eq!(
        (condition.reason.as_deref(), condition.tries),
        (Some("because"), Some(1))
    );
    rig.stop().await;
}

#[tokio::test]
async fn conditional_requests_hold_or_say_what_is_there() {
    let rig = Rig::start().await;
    let at = path("host-1", "web-1");
    let absent = ("if-none-match", "*");
    let reply = rig.put_if(&at, &record(1, 1), ("if-match", "*")).await;
    assert_eq!(reply.error(), (412, "precondition_failed".into()));
    assert_eq!(reply.json()["error"]["revision"], 0);
    let created = rig.put_if(&at, &record(1, 1), absent).await;
    assert_eq!(created.status, 201);
    assert_eq!(rig.put_if(&at, &record(1, 2), absent).await.status, 412);
    let tag = created.etag();
    let updated = rig.put_if(&at, &record(1, 2), ("if-match", tag)).await;
    assert_eq!(updated.status, 200);
    let stale = rig.put_if(&at, &record(1, 3), ("if-match", tag)).await;
    assert_eq!(stale.error(), (412, "precondition_failed".into()));
    assert_eq!(
        stale.json()["error"]["revision"],
        updated.json()["mod_revision"]
    );
    assert_eq!(
        rig.put_if(&at, &record(1, 3), ("if-match", "12"))
            .await
            .error()
            .0,
        400
    );

    let delete = async |tag: &str| {
        call(
            rig.address(),
            "DELETE",
            &at,
            &[("if-match", tag)],
            String::new(),
        )
        .await
    };
    assert_eq!(delete(tag).await.status, 412);
    let known = [("if-none-match", updated.etag())];
    let reply = call(rig.address(), "GET", &at, &known, String::new()).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (304, ""));
    assert_eq!(delete(updated.etag()).await.status, 200);
    assert_eq!(
        delete(updated.etag()).await.status,
        412,
        "it must have been there"
    );
    rig.stop().await;
}

#[tokio::test]
async fn ports_are_listed_filtered_and_found() {
    let rig = Rig::start().await;
    let a: PutReply = rig.put(&path("host-1", "a"), &record(1, 100)).await.body();
    rig.put(&path("host-1", "b"), &record(2, 100)).await;
    let mut other = record(3, 100);
    other["physnet"] = json!("physnet2");
    rig.put(&path("host-2", "a"), &other).await;
    // Longer by a digit: no prefix may take it for host-1.
    rig.put(&path("host-10", "c"), &record(4, 100)).await;
    rig.condition("host-1", "a", "effective", a.mod_revision)
        .await;
    // Records of others, and what is no record at all.
    rig.write("nodes/host-1/routers/router/r", "{}").await;
    rig.write("nodes/host-1/ports/not a port", "{}").await;
    rig.write("nodes/host-1/ports/broken", "no JSON").await;

    let ports = async |query: &str| {
        let reply = rig.get(&format!("/v1/ports{query}")).await;
        let reply: PortsReply = reply.body();
        reply
            .ports
            .iter()
            .map(|p| format!("{}/{}", p.host, p.port))
            .collect::<Vec<_>>()
    };
    let all = [
        "host-1/a",
        "host-1/b",
        "host-1/broken",
        "host-10/c",
        "host-2/a",
    ];
    assert_eq!(ports("").await, all);
    assert_eq!(ports("?host=host-1").await, all[..3]);
    assert_eq!(ports("?physnet=physnet2").await, ["host-2/a"]);
    assert_eq!(ports("?status=effective").await, ["host-1/a"]);
    assert_eq!(ports("?status=unreported&host=host-1").await, all[1..3]);
    assert_eq!(ports("?host=nobody").await, [""; 0]);
    assert_eq!(
        rig.get("/v1/ports?status=good").await.error(),
        (400, "bad_request".into())
    );
    assert_eq!(
        rig.get("/v1/ports?hots=h").await.error(),
        (400, "bad_request".into())
    );

    let broken: PortView = rig.get(&path("host-1", "broken")).await.body();
    assert!(broken.record.is_null());
    assert!(broken.invalid.unwrap().message.contains("no JSON"));

    let found: PortsReply = rig.get("/v1/ports/a").await.body();
    let hosts: Vec<_> = found.ports.iter().map(|port| port.host.as_str()).collect();
    assert_eq!(hosts, ["host-1", "host-2"]);
    assert_eq!(
        rig.get("/v1/ports/none").await.error(),
        (404, "not_found".into())
    );
    rig.stop().await;
}

#[tokio::test]
async fn a_broken_record_is_mended_by_a_put() {
    let rig = Rig::start().await;
    rig.write("nodes/host-1/ports/web-1", "no JSON").await;
    let reply: PutReply = rig
        .put(&path("host-1", "web-1"), &record(1, 1))
        .await
        .body();
    assert_eq!(reply.result, ApplyResult::Updated);
    rig.stop().await;
}
