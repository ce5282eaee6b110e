//! Security groups, address groups, and the memberships that come with ports.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::client::call;
use super::rig::{Rig, path, record};
use crate::{
    AddressGroupsReply, ApplyReply, ApplyResult, GroupDeleteReply, GroupPutReply, PutReply,
    SecurityGroupView, SecurityGroupsReply, WarningCode,
};

fn group() -> Value {
    json!({"ingress_rules": [{"remote_ip_addr": "10.1.2.3", "ip_prefix_len": 8, "is_ipv6": 0,
                              "protocol": "tcp", "port_min": 22, "port_max": 22}]})
}

/// A port with an address and groups.
fn port(address: &str, groups: &[&str]) -> Value {
    let mut record = record(1, 1);
    record["binding_type"] = json!("vhostuser");
    record["fixed_ips"] = json!([{"ip_address": address}]);
    record["security_groups"] = json!(groups);
    record
}

/// What the store has under `global/remote_group/`, as `group/port=value`.
async fn memberships(rig: &Rig) -> Vec<String> {
    let prefix = "/networking-vpp/global/remote_group/";
    let snapshot = rig.store.range(prefix).await.unwrap();
    let shown = snapshot.kvs.iter().map(|kv| {
        let value = String::from_utf8_lossy(&kv.value);
        format!("{}={value}", kv.key.strip_prefix(prefix).unwrap())
    });
    shown.collect()
}

#[tokio::test]
async fn a_security_group_is_created_read_changed_and_deleted() {
    let rig = Rig::start().await;
    let at = "/v1/security-groups/web";
    assert_eq!(rig.get(at).await.error(), (404, "not_found".into()));
    let reply = rig.put(&format!("{at}?dry_run=true"), &group()).await;
    assert_eq!(reply.body::<GroupPutReply>().result, ApplyResult::Created);
    assert_eq!(rig.get(at).await.status, 404, "only rehearsed");

    let reply = rig.put(at, &group()).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let created: GroupPutReply = reply.body();
    assert_eq!(created.record["ingress_rules"][0]["protocol"], 6);
    assert_eq!(
        created.record["ingress_rules"][0]["remote_ip_addr"],
        "10.0.0.0"
    );
    assert_eq!(created.record["stateful"], true);
    assert_eq!(created.warnings, []);
    let again: GroupPutReply = rig.put(at, &group()).await.body();
    assert_eq!(
        (again.result, again.mod_revision),
        (ApplyResult::Unchanged, created.mod_revision)
    );

    let stale = rig.put_if(at, &json!({}), ("if-match", "\"1\"")).await;
    assert_eq!(stale.error(), (412, "precondition_failed".into()));
    let updated = rig.put_if(at, &json!({}), ("if-match", reply.etag())).await;
    assert_eq!(updated.body::<GroupPutReply>().result, ApplyResult::Updated);

    rig.put(&path("h", "p"), &port("10.0.0.1", &["web"])).await;
    let view: SecurityGroupView = rig.get(at).await.body();
    assert_eq!(view.members[0].port, "p");
    assert_eq!(view.members[0].addresses, ["10.0.0.1"]);
    let list: SecurityGroupsReply = rig.get("/v1/security-groups").await.body();
    assert_eq!(list.security_groups, [view]);

    let gone: GroupDeleteReply = rig.delete(at).await.body();
    assert_eq!(gone.warnings[0].code, WarningCode::GroupInUse);
    assert_eq!(rig.delete(at).await.error(), (404, "not_found".into()));
    rig.stop().await;
}

#[tokio::test]
async fn an_address_group_is_created_read_and_deleted() {
    let rig = Rig::start().await;
    let at = "/v1/address-groups/offices";
    let reply = rig
        .put(at, &json!({"addresses": ["10.1.2.3/8", "fd00::1"]}))
        .await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let list: AddressGroupsReply = rig.get("/v1/address-groups").await.body();
    assert_eq!(
        list.address_groups[0].record,
        json!({"addresses": ["10.0.0.0/8", "fd00::1"]})
    );
    let known = [("if-none-match", reply.etag())];
    let known = call(rig.address(), "GET", at, &known, String::new()).await;
    assert_eq!(known.status, 304);
    assert_eq!(rig.delete(at).await.status, 200);
    assert_eq!(rig.get(at).await.error(), (404, "not_found".into()));
    rig.stop().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_group_is_told_with_its_field() {
    let rig = Rig::start().await;
    let cases = [
        (
            "/v1/security-groups/web",
            json!({"ingress_rules": [{"is_ipv6": 0, "protocol": "tpc"}]}),
            "ingress_rules[0].protocol",
        ),
        (
            "/v1/security-groups/web",
            json!({"egress_rules": [{"is_ipv6": 1}, {"is_ipv6": 0, "protocol": 6, "port_min": 9, "port_max": 1}]}),
            "egress_rules[1].port_max",
        ),
        (
            "/v1/address-groups/a",
            json!({"addresses": ["10.0.0.0/33"]}),
            "addresses[0]",
        ),
    ];
    for (at, body, field) in cases {
        let reply = rig.put(at, &body).await;
        assert_eq!(reply.error(), (422, "invalid_record".into()), "{body}");
        assert_eq!(reply.json()["error"]["field"], field, "{}", reply.text);
    }
    let reply = rig
        .put("/v1/security-groups/anti-spoofing", &json!({}))
        .await;
    assert_eq!(reply.error(), (400, "bad_request".into()));
    let rule =
        json!({"ingress_rules": [{"is_ipv6": 0, "remote_address_group_id": "a", "colour": "red"}]});
    let reply: GroupPutReply = rig.put("/v1/security-groups/web", &rule).await.body();
    let codes: Vec<_> = reply.warnings.iter().map(|warning| warning.code).collect();
    assert_eq!(
        codes,
        [WarningCode::GroupMissing, WarningCode::UnknownField]
    );
    rig.stop().await;
}

#[tokio::test]
async fn memberships_come_and_go_with_the_port_in_its_transaction() {
    let rig = Rig::start().await;
    let at = path("h", "p");
    let put: PutReply = rig.put(&at, &port("10.0.0.1", &["x", "y"])).await.body();
    assert_eq!(put.warnings.last().unwrap().code, WarningCode::GroupMissing);
    assert_eq!(
        memberships(&rig).await,
        [r#"x/p=["10.0.0.1"]"#, r#"y/p=["10.0.0.1"]"#]
    );
    assert_eq!(rig.store.revision().await.unwrap(), put.mod_revision);
    let put: PutReply = rig.put(&at, &port("10.0.0.2", &["y"])).await.body();
    assert_eq!(memberships(&rig).await, [r#"y/p=["10.0.0.2"]"#]);
    assert_eq!(rig.store.revision().await.unwrap(), put.mod_revision);

    // What somebody else took away comes back though the port is as it was.
    rig.store
        .delete("/networking-vpp/global/remote_group/y/p")
        .await
        .unwrap();
    let again: PutReply = rig.put(&at, &port("10.0.0.2", &["y"])).await.body();
    assert_eq!(
        (again.result, again.mod_revision),
        (ApplyResult::Unchanged, put.mod_revision)
    );
    assert_eq!(memberships(&rig).await, [r#"y/p=["10.0.0.2"]"#]);
    rig.delete(&at).await;
    assert_eq!(memberships(&rig).await, [""; 0]);
    rig.stop().await;
}

#[tokio::test]
async fn a_port_that_migrates_stays_in_its_groups() {
    let rig = Rig::start().await;
    rig.put(&path("a", "p"), &port("10.0.0.1", &["x", "y"]))
        .await;
    // The overview does not know of it when it is deleted, and must be waited for.
    let elsewhere = port("10.0.0.1", &["x"]).to_string();
    rig.write("nodes/b/ports/p", elsewhere).await;
    rig.write("global/remote_group/x/p", r#"["10.0.0.1"]"#)
        .await;
    rig.delete(&path("a", "p")).await;
    assert_eq!(memberships(&rig).await, [r#"x/p=["10.0.0.1"]"#]);
    let request = json!({
        "ports": [{"host": "c", "port": "p", "record": port("10.0.0.1", &["z"])}],
        "delete": [{"host": "b", "port": "p"}],
    });
    let reply: ApplyReply = rig.apply(&request).await.body();
    let results: Vec<_> = reply.items.iter().map(|item| item.result).collect();
    assert_eq!(results, [ApplyResult::Created, ApplyResult::Deleted]);
    assert_eq!(memberships(&rig).await, [r#"z/p=["10.0.0.1"]"#]);
    rig.stop().await;
}

#[tokio::test]
async fn many_ports_with_groups_are_few_transactions() {
    let rig = Rig::start().await;
    let item = |n: u16| {
        let record = port(&format!("10.0.{}.{}", n / 200, n % 200), &["x", "y"]);
        json!({"host": "h", "port": format!("p{n:03}"), "record": record})
    };
    let ports: Vec<_> = (0..100).map(item).collect();
    let before = rig.store.revision().await.unwrap();
    let reply: ApplyReply = rig.apply(&json!({"ports": ports})).await.body();
    assert!(reply.items.iter().all(|i| i.result == ApplyResult::Created));
    assert_eq!(memberships(&rig).await.len(), 200);
    // 42 ports with two memberships each are 126 operations.
    assert_eq!(rig.store.revision().await.unwrap(), before + 3);
    let reply: ApplyReply = rig.apply(&json!({"prune_hosts": ["h"]})).await.body();
    assert_eq!(reply.items.len(), 100);
    assert_eq!(memberships(&rig).await, [""; 0]);
    rig.stop().await;
}

#[tokio::test]
async fn a_port_in_too_many_groups_is_refused() {
    let rig = Rig::start().await;
    let groups: Vec<String> = (0..61).map(|n| format!("g{n}")).collect();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let at = path("h", "p");
    let reply = rig.put(&at, &port("10.0.0.1", &groups)).await;
    assert_eq!(reply.error(), (422, "invalid_record".into()));
    // All that are left and entered at once fit into one transaction.
    let put = rig.put(&at, &port("10.0.0.1", &groups[..60])).await;
    assert_eq!(put.status, 201);
    let others: Vec<String> = (0..60).map(|n| format!("h{n}")).collect();
    let others: Vec<&str> = others.iter().map(String::as_str).collect();
    assert_eq!(rig.put(&at, &port("10.0.0.1", &others)).await.status, 200);
    assert_eq!(memberships(&rig).await.len(), 60);
    rig.stop().await;
}

#[tokio::test]
async fn whoever_writes_a_port_on_two_hosts_at_once_its_memberships_are_right() {
    const ROUNDS: usize = 25;
    let rig = Rig::start().await;
    for round in 0..ROUNDS {
        // Each host's record comes, changes or goes, at the same moment.
        let act = async |host: &str, choice: usize, address: &str| {
            let groups: &[&str] = if choice % 4 == 1 { &["x", "y"] } else { &["y"] };
            if choice.is_multiple_of(3) {
                rig.delete(&path(host, "p")).await;
            } else {
                rig.put(&path(host, "p"), &port(address, groups)).await;
            }
        };
        tokio::join!(
            act("a", round, "10.0.0.1"),
            act("b", round / 2, "10.0.0.2"),
            act("c", round / 3, "10.0.0.3"),
        );
        let mut wanted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let nodes = rig.store.range("/networking-vpp/nodes/").await.unwrap();
        for kv in nodes.kvs {
            let record = weft_model::decode_port(&kv.value).unwrap();
            for group in &record.security_groups {
                let address = record.fixed_ips[0].ip_address.to_string();
                let members = wanted.entry(group.to_string()).or_default();
                members.insert(address);
            }
        }
        let shown = wanted.iter().map(|(group, addresses)| {
            let addresses: Vec<String> = addresses.iter().map(|a| format!("\"{a}\"")).collect();
            format!("{group}/p=[{}]", addresses.join(","))
        });
        let shown: Vec<String> = shown.collect();
        assert_eq!(memberships(&rig).await, shown, "round {round}");
    }
    rig.stop().await;
}
