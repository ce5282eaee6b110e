//! What a cloud wants, late, twice, out of order and from several writers at once.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};

use super::client::{Reply, call};
use super::rig::{Rig, path, record};
use crate::{DesiredListing, DesiredReply, DesiredResult, ErrorCode, PortView};

/// A port with an address and a group.
fn member(address: &str, group: &str) -> Value {
    let mut record = record(1, 1);
    record["fixed_ips"] = json!([{"ip_address": address}]);
    record["security_groups"] = json!([group]);
    record
}

fn port(id: &str, number: u64, hosts: Value) -> Value {
    json!({"kind": "port", "id": id, "revision_number": number, "hosts": hosts})
}

fn group(id: &str, number: u64, record: Value) -> Value {
    json!({"kind": "security_group", "id": id, "revision_number": number, "record": record})
}

impl Rig {
    async fn post(&self, query: &str, items: &[Value]) -> Reply {
        let body = json!({ "items": items }).to_string();
        let path = format!("/v1/desired{query}");
        call(self.address(), "POST", &path, &[], body).await
    }

    /// What became of each item.
    async fn desire(&self, items: &[Value]) -> Vec<DesiredResult> {
        let reply = self.post("", items).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let reply: DesiredReply = reply.body();
        reply.results.into_iter().map(|item| item.result).collect()
    }

    /// All keys below the lead-in, with the revisions of their last changes.
    async fn keys(&self) -> Vec<(String, i64)> {
        let all = self.store.range("/networking-vpp/").await.unwrap();
        let short = |key: String| key.replace("/networking-vpp/", "");
        let kvs = all.kvs.into_iter();
        kvs.map(|kv| (short(kv.key), kv.mod_revision)).collect()
    }

    async fn names(&self) -> Vec<String> {
        self.keys().await.into_iter().map(|(key, _)| key).collect()
    }
}

#[tokio::test]
async fn the_highest_number_wins_in_whatever_order_it_comes() {
    use DesiredResult::{Absent, Created, Deleted, Stale, Unchanged, Updated};
    let rig = Rig::start().await;
    for (number, vlan, expected) in [
        (3, Some(3), Created),
        (3, Some(3), Unchanged),
        (2, Some(2), Stale),
        (2, None, Stale),
        (5, Some(5), Updated),
        (4, Some(4), Stale),
        (6, None, Deleted),
        (5, Some(5), Stale),
        (6, None, Absent),
        (7, Some(7), Created),
        (6, None, Stale),
    ] {
        let hosts = vlan.map_or(json!({}), |vlan| json!({"h": record(1, vlan)}));
        let results = rig.desire(&[port("p", number, hosts)]).await;
        assert_eq!(results, [expected], "port {number}");
        let rules = vlan.map_or(Value::Null, |vlan| {
            json!({"ingress_rules": [{"is_ipv6": 0, "protocol": 6, "port_min": vlan, "port_max": vlan}]})
        });
        let results = rig.desire(&[group("g", number, rules)]).await;
        assert_eq!(results, [expected], "group {number}");
    }
    let view: PortView = rig.get(&path("h", "p")).await.body();
    assert_eq!(view.record["segmentation_id"], 7);
    rig.stop().await;
}

#[tokio::test]
async fn what_never_was_and_is_deleted_does_not_come_late() {
    let rig = Rig::start().await;
    let results = rig.desire(&[port("p", 2, json!({}))]).await;
    assert_eq!(results, [DesiredResult::Absent]);
    let late = port("p", 1, json!({"h": record(1, 1)}));
    assert_eq!(rig.desire(&[late]).await, [DesiredResult::Stale]);
    assert_eq!(rig.names().await, ["global/revisions/port/p"]);
    rig.stop().await;
}

#[tokio::test]
async fn only_what_is_gone_hangs_on_a_lease() {
    let rig = Rig::start().await;
    let key = "/networking-vpp/global/revisions/port/p";
    for (number, hosts, leased) in [
        (1, json!({"h": record(1, 1)}), false),
        (2, json!({}), true),
        (3, json!({"h": record(1, 1)}), false),
    ] {
        rig.desire(&[port("p", number, hosts)]).await;
        let kv = rig.store.get(key).await.unwrap().unwrap();
        assert_eq!(kv.lease != 0, leased, "{number}");
    }
    rig.stop().await;
}

#[tokio::test]
async fn a_port_moves_at_one_revision_and_its_membership_with_it() {
    let rig = Rig::start().await;
    rig.desire(&[port("p", 1, json!({"a": member("10.0.0.1", "g")}))])
        .await;
    let both = json!({"a": member("10.0.0.1", "g"), "b": member("10.0.0.2", "g")});
    rig.desire(&[port("p", 2, both)]).await;
    let members = "/networking-vpp/global/remote_group/g/p";
    let kv = rig.store.get(members).await.unwrap().unwrap();
    assert_eq!(kv.value, r#"["10.0.0.1","10.0.0.2"]"#);

    let reply = rig
        .post("", &[port("p", 3, json!({"b": member("10.0.0.2", "new")}))])
        .await;
    let revision = reply.body::<DesiredReply>().revision;
    assert_eq!(
        rig.keys().await,
        [
            ("global/remote_group/new/p".to_owned(), revision),
            ("global/revisions/port/p".to_owned(), revision),
            ("nodes/b/ports/p".to_owned(), revision),
        ]
    );
    rig.desire(&[port("p", 4, json!({}))]).await;
    assert_eq!(rig.names().await, ["global/revisions/port/p"]);
    rig.stop().await;
}

#[tokio::test]
async fn a_higher_number_alone_leaves_the_record_as_it_is() {
    let rig = Rig::start().await;
    let hosts = json!({"h": member("10.0.0.1", "g")});
    rig.desire(&[port("p", 1, hosts.clone())]).await;
    let before = rig.keys().await;
    let results = rig.desire(&[port("p", 2, hosts.clone())]).await;
    assert_eq!(results, [DesiredResult::Unchanged]);
    let after = rig.keys().await;
    let changed = before.iter().zip(&after).filter(|(old, new)| old != new);
    let changed: Vec<_> = changed.map(|(old, _)| old.0.as_str()).collect();
    assert_eq!(changed, ["global/revisions/port/p"]);
    let results = rig.desire(&[port("p", 1, hosts)]).await;
    assert_eq!(results, [DesiredResult::Stale]);
    rig.stop().await;
}

#[tokio::test]
async fn records_of_others_are_taken_over_where_they_are() {
    let rig = Rig::start().await;
    let text = record(1, 9).to_string();
    let revision = rig.write("nodes/old/ports/p", text).await;
    rig.write("nodes/h/ports/left-over", "{}").await;
    // Its overview has to know where the port is.
    let seen = rig.put(&path("x", "x"), &record(2, 1)).await;
    assert!(seen.json()["mod_revision"].as_i64().unwrap() > revision);
    let listing: DesiredListing = rig.get("/v1/desired?kind=port").await.body();
    let shown = listing.items.iter();
    let shown: Vec<_> = shown
        .map(|item| (item.id.as_str(), item.revision_number.is_some()))
        .collect();
    assert_eq!(shown, [("left-over", false), ("p", false), ("x", false)]);

    let results = rig
        .desire(&[
            port("p", 1, json!({"new": record(1, 1)})),
            port("left-over", 0, json!({})),
        ])
        .await;
    assert_eq!(results, [DesiredResult::Updated, DesiredResult::Deleted]);
    let listing: DesiredListing = rig.get("/v1/desired?kind=port").await.body();
    let shown = listing.items.iter();
    let shown: Vec<_> = shown
        .map(|item| {
            let hosts: Vec<_> = item.hosts.iter().map(String::as_str).collect();
            (item.id.as_str(), hosts.join(","))
        })
        .collect();
    assert_eq!(shown, [("p", "new".to_owned()), ("x", "x".to_owned())]);
    assert_eq!(listing.items[0].revision_number.unwrap().get(), 1);
    rig.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_one_harms_no_other() {
    let rig = Rig::start().await;
    let mut wrong = record(1, 1);
    wrong["mac_address"] = json!("nonsense");
    let items = [
        port("a", 1, json!({"h": wrong})),
        port("b", 1, json!({"h": record(2, 1)})),
        port("b", 2, json!({})),
        port("not a name", 1, json!({})),
        group("g", 1, json!([])),
        group("h", 1, json!({})),
    ];
    let reply: DesiredReply = rig.post("", &items).await.body();
    let results = reply.results.iter();
    let results: Vec<_> = results
        .map(|item| (item.result, item.error.as_ref().map(|error| error.code)))
        .collect();
    let refused = |code| (DesiredResult::Invalid, Some(code));
    assert_eq!(
        results,
        [
            refused(ErrorCode::InvalidRecord),
            (DesiredResult::Created, None),
            refused(ErrorCode::BadRequest),
            refused(ErrorCode::BadRequest),
            refused(ErrorCode::InvalidRecord),
            (DesiredResult::Created, None),
        ]
    );
    assert_eq!(
        rig.names().await,
        [
            "global/revisions/port/b",
            "global/revisions/security_group/h",
            "global/secgroups/h",
            "nodes/h/ports/b",
        ]
    );
    for body in [
        "[]",
        "{}",
        r#"{"items":[{"kind":"port"}]}"#,
        r#"{"items":[{"kind":"security_group","id":"g","revision_number":1}]}"#,
    ] {
        let reply = call(rig.address(), "POST", "/v1/desired", &[], body).await;
        assert_eq!(reply.error().0, 400, "{body}: {}", reply.text);
    }
    let many: Vec<_> = (0..501)
        .map(|n| port(&format!("p{n}"), 1, json!({})))
        .collect();
    assert_eq!(rig.post("", &many).await.error().0, 413);
    assert_eq!(rig.get("/v1/desired?kind=host").await.error().0, 400);
    rig.stop().await;
}

#[tokio::test]
async fn a_rehearsal_writes_nothing() {
    let rig = Rig::start().await;
    rig.desire(&[port("p", 2, json!({"h": record(1, 1)}))])
        .await;
    let before = rig.keys().await;
    let items = [
        port("p", 3, json!({"h": record(1, 2)})),
        port("q", 1, json!({"h": record(2, 2)})),
    ];
    let reply: DesiredReply = rig.post("?dry_run=true", &items).await.body();
    let results: Vec<_> = reply.results.iter().map(|item| item.result).collect();
    assert_eq!(results, [DesiredResult::Updated, DesiredResult::Created]);
    assert_eq!(rig.keys().await, before);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_writers_at_once_the_highest_number_wins() {
    let rig = Arc::new(Rig::start().await);
    let ports: Vec<String> = (0..60).map(|at| format!("p{at}")).collect();
    // Each writer wants the ports on a host of its own.
    let writers = (1..=8_u64).map(|number| {
        let (rig, ports) = (rig.clone(), ports.clone());
        async move {
            let host = format!("h{number}");
            let mut items: Vec<_> = ports
                .iter()
                .map(|id| port(id, number, json!({&host: member("10.0.0.1", "g")})))
                .collect();
            if number.is_multiple_of(2) {
                items.reverse();
            }
            rig.desire(&items).await
        }
    });
    let results = join_all(writers).await;
    assert!(
        results.iter().flatten().all(|result| matches!(
            result,
            DesiredResult::Created | DesiredResult::Updated | DesiredResult::Stale
        )),
        "{results:?}"
    );
    let listing: DesiredListing = rig.get("/v1/desired").await.body();
    assert_eq!(listing.items.len(), 60);
    for item in listing.items {
        assert_eq!(item.revision_number.unwrap().get(), 8, "{}", item.id);
        assert!(
            item.hosts.iter().eq(["h8"]),
            "{}: {:?}",
            item.id,
            item.hosts
        );
    }
    Arc::into_inner(rig).unwrap().stop().await;
}

#[tokio::test]
async fn a_store_that_was_emptied_is_filled_again() {
    let rig = Rig::start().await;
    let items = [
        port("p", 1, json!({"h": record(1, 1)})),
        port("gone", 1, json!({})),
    ];
    rig.desire(&items).await;
    let rig = rig.with_empty_store().await;
    let results = rig.desire(&items).await;
    assert_eq!(results, [DesiredResult::Created, DesiredResult::Absent]);
    let metrics = rig.get("/metrics").await.text;
    for line in [
        r#"weft_desired_total{kind="port",result="created"} 2"#,
        r#"weft_desired_total{kind="port",result="absent"} 2"#,
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}: {metrics}");
    }
    rig.stop().await;
}
