//! Overlay networks.

use serde_json::json;

use super::rig::Rig;
use crate::{ApplyResult, GroupDeleteReply, GroupPutReply, MacView, NetworkView};

#[tokio::test]
async fn a_network_is_said_how_to_forward_and_shows_who_is_on_it() {
    let rig = Rig::start().await;
    let at = "/v1/networks/gpe/1007";
    assert_eq!(rig.get(at).await.error(), (404, "not_found".into()));
    let reply = rig.put(at, &json!({"flood": false})).await;
    assert_eq!(reply.status, 201, "{}", reply.text);
    let created: GroupPutReply = reply.body();
    let record = json!({"flood": false, "unknown_unicast_flood": true});
    assert_eq!(created.record, record);
    let again: GroupPutReply = rig.put(at, &record).await.body();
    assert_eq!(again.result, ApplyResult::Unchanged);

    let mac = "fa:16:3e:00:00:01";
    let said = json!({"host": "192.0.2.11", "ips": ["10.0.0.1", "fd00::1"], "revision": 3});
    rig.write(&format!("global/networks/gpe/1007/host-1/{mac}"), said)
        .await;
    rig.write(
        &format!("global/networks/gpe/10070/host-2/{mac}"),
        "192.0.2.12",
    )
    .await;
    let view: NetworkView = rig.get(at).await.body();
    assert_eq!(view.mod_revision, created.mod_revision);
    assert_eq!(view.record, record);
    let on_it = MacView {
        host: "host-1".into(),
        mac_address: mac.into(),
        underlay: Some("192.0.2.11".into()),
        ip_addresses: vec!["10.0.0.1".into(), "fd00::1".into()],
    };
    assert_eq!(view.mac_addresses, [on_it]);

    let _: GroupDeleteReply = rig.delete(at).await.body();
    let view: NetworkView = rig.get(at).await.body();
    assert_eq!((view.mod_revision, view.mac_addresses.len()), (0, 1));
    assert_eq!(rig.delete(at).await.error(), (404, "not_found".into()));
    rig.stop().await;
}

#[tokio::test]
async fn what_can_be_no_network_or_no_record_of_one_is_refused() {
    let rig = Rig::start().await;
    for path in ["gre/7", "gpe/0", "gpe/16777216", "vxlan/x"] {
        let reply = rig.get(&format!("/v1/networks/{path}")).await;
        assert_eq!(reply.error(), (400, "bad_request".into()), "{path}");
    }
    let reply = rig
        .put("/v1/networks/vxlan/7", &json!({"flood": "no"}))
        .await;
    assert_eq!(reply.error(), (422, "invalid_record".into()));
    rig.stop().await;
}
