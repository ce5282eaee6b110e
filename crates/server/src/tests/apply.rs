//! Sets of ports.

use serde_json::{Value, json};

use super::rig::{Rig, path, record};
use crate::{ApplyReply, ApplyResult, PortsReply};

fn item(host: &str, port: &str, record: Value) -> Value {
    json!({"host": host, "port": port, "record": record})
}

fn results(reply: &ApplyReply) -> Vec<ApplyResult> {
    reply.items.iter().map(|item| item.result).collect()
}

async fn names(rig: &Rig) -> Vec<String> {
    let reply: PortsReply = rig.get("/v1/ports").await.body();
    reply.ports.into_iter().map(|port| port.port).collect()
}

#[tokio::test]
async fn what_differs_is_written_and_nothing_else() {
    use ApplyResult::{Absent, Created, Deleted, Refused, Unchanged, Updated};
    let rig = Rig::start().await;
    rig.put(&path("h", "same"), &record(1, 1)).await;
    rig.put(&path("h", "changed"), &record(2, 1)).await;
    rig.put(&path("h", "gone"), &record(3, 1)).await;
    let request = json!({
        "ports": [item("h", "same", record(1, 1)), item("h", "changed", record(2, 2)),
                  item("h", "new", record(4, 1)), item("h", "bad", json!({}))],
        "delete": [{"host": "h", "port": "gone"}, {"host": "h", "port": "never"}],
    });
    let mut rehearsal = request.clone();
    rehearsal["dry_run"] = json!(true);
    let before = rig.store.revision().await.unwrap();
    let rehearsed: ApplyReply = rig.apply(&rehearsal).await.body();
    assert_eq!(
        rig.store.revision().await.unwrap(),
        before,
        "nothing is written"
    );
    let reply: ApplyReply = rig.apply(&request).await.body();
    assert_eq!(
        results(&reply),
        [Unchanged, Updated, Created, Refused, Deleted, Absent]
    );
    assert_eq!(results(&rehearsed), results(&reply));
    assert_eq!(reply.revision, before + 1, "all of it in one transaction");
    assert_eq!(reply.items[1].mod_revision, Some(before + 1));
    assert_eq!(
        reply.items[3].error.as_ref().unwrap().field.as_deref(),
        Some("mac_address")
    );
    assert_eq!(names(&rig).await, ["changed", "new", "same"]);

    let again: ApplyReply = rig.apply(&request).await.body();
    assert_eq!(
        results(&again),
        [Unchanged, Unchanged, Unchanged, Refused, Absent, Absent]
    );
    assert_eq!(rig.store.revision().await.unwrap(), before + 1);
    rig.stop().await;
}

#[tokio::test]
async fn many_ports_are_few_transactions() {
    let rig = Rig::start().await;
    let ports: Vec<_> = (0..300_u16)
        .map(|n| {
            item(
                &format!("h{}", n % 3),
                &format!("p{n:03}"),
                record(1, 1 + n),
            )
        })
        .collect();
    let before = rig.store.revision().await.unwrap();
    let reply: ApplyReply = rig.apply(&json!({"ports": ports})).await.body();
    assert!(
        results(&reply)
            .iter()
            .all(|result| *result == ApplyResult::Created)
    );
    assert_eq!(
        rig.store.revision().await.unwrap(),
        before + 3,
        "128 + 128 + 44"
    );
    assert_eq!(names(&rig).await.len(), 300);

    let reply: ApplyReply = rig
        .apply(&json!({"prune_hosts": ["h0", "h1"]}))
        .await
        .body();
    assert!(
        results(&reply)
            .iter()
            .all(|result| *result == ApplyResult::Deleted)
    );
    assert_eq!((reply.items.len(), names(&rig).await.len()), (200, 100));
    rig.stop().await;
}

#[tokio::test]
async fn large_records_are_split_by_size() {
    let rig = Rig::start().await;
    let mut large = record(1, 1);
    large["device_id"] = json!("x".repeat(60_000));
    let ports: Vec<_> = (0..60)
        .map(|n| item("h", &format!("p{n}"), large.clone()))
        .collect();
    let reply: ApplyReply = rig.apply(&json!({"ports": ports})).await.body();
    assert!(
        results(&reply)
            .iter()
            .all(|result| *result == ApplyResult::Created)
    );
    rig.stop().await;
}

#[tokio::test]
async fn an_item_whose_revision_is_stale_harms_no_other() {
    let rig = Rig::start().await;
    let put = rig.put(&path("h", "a"), &record(1, 1)).await;
    let stale = put.json()["mod_revision"].as_i64().unwrap();
    rig.put(&path("h", "a"), &record(1, 2)).await;
    let mut guarded = item("h", "a", record(1, 3));
    guarded["mod_revision"] = json!(stale);
    let request = json!({"ports": [guarded, item("h", "b", record(2, 1))]});
    let reply: ApplyReply = rig.apply(&request).await.body();
    assert_eq!(
        results(&reply),
        [ApplyResult::Refused, ApplyResult::Created]
    );
    assert_eq!(
        reply.items[0].error.as_ref().unwrap().code,
        crate::ErrorCode::PreconditionFailed
    );
    rig.stop().await;
}

#[tokio::test]
async fn items_of_one_request_are_warned_of_each_other() {
    let rig = Rig::start().await;
    rig.write("state/h/alive", 1).await;
    rig.write("state/h/physnets/physnet1", 1).await;
    let ports = [item("h", "a", record(1, 1)), item("h", "b", record(1, 1))];
    let reply: ApplyReply = rig.apply(&json!({"ports": ports})).await.body();
    for item in &reply.items {
        assert_eq!(
            item.warnings[0].code,
            crate::WarningCode::DuplicateMac,
            "{item:?}"
        );
    }
    rig.stop().await;
}

#[tokio::test]
async fn what_is_no_request_is_refused_as_a_whole() {
    let rig = Rig::start().await;
    for request in [
        json!([]),
        json!({"port": []}),
        json!({"ports": [{"host": "h", "port": "p"}]}),
        json!({"prune_hosts": ["a b"]}),
    ] {
        assert_eq!(
            rig.apply(&request).await.error(),
            (400, "bad_request".into()),
            "{request}"
        );
    }
    assert_eq!(
        rig.apply(&json!({})).await.status,
        200,
        "nothing is wanted, nothing is done"
    );
    rig.stop().await;
}
