//! Overlay networks.

use serde_json::json;

use super::rig::{Rig, path, record};
use crate::{
    ApplyResult, GroupDeleteReply, GroupPutReply, MacView, NetworkSummary, NetworkView,
    NetworksReply,
};

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

#[tokio::test]
async fn networks_are_those_of_ports_and_those_with_records() {
    let rig = Rig::start().await;
    let list: NetworksReply = rig.get("/v1/networks").await.body();
    assert_eq!(list.networks, []);

    let gpe = |mtu: u16| {
        let mut port = record(1, 1);
        port["network_type"] = json!("gpe");
        port["physnet"] = json!(null);
        port["segmentation_id"] = json!(1007);
        port["mtu"] = json!(mtu);
        port
    };
    rig.put(&path("a", "migrates"), &gpe(1450)).await;
    rig.put(&path("b", "migrates"), &gpe(1450)).await;
    rig.put(&path("b", "other"), &gpe(1400)).await;
    let mut flat = record(2, 1);
    flat["network_type"] = json!("flat");
    flat["segmentation_id"] = json!(null);
    rig.put(&path("a", "flat"), &flat).await;
    rig.write("nodes/a/ports/broken", "{}").await;
    let said = json!({"host": "192.0.2.11", "ips": [], "revision": 3});
    rig.write("global/networks/gpe/8/a/fa:16:3e:00:00:01", said)
        .await;
    let said = json!({"flood": false});
    let put: GroupPutReply = rig.put("/v1/networks/gpe/1007", &said).await.body();
    rig.write("global/networks/vxlan/7", "none").await;

    let list: NetworksReply = rig.get("/v1/networks").await.body();
    assert_eq!(list.revision, rig.store.revision().await.unwrap());
    let [flat, gpe, broken] = &list.networks[..] else {
        panic!("three networks: {list:?}");
    };
    let expected = NetworkSummary {
        id: "physnet1.flat".into(),
        network_type: "flat".into(),
        physnet: Some("physnet1".into()),
        segmentation_id: None,
        mtus: vec![1500],
        ports: 1,
        mod_revision: 0,
        record: json!(null),
        invalid: None,
    };
    assert_eq!(*flat, expected);
    let expected = NetworkSummary {
        id: "gpe.1007".into(),
        network_type: "gpe".into(),
        physnet: None,
        segmentation_id: Some(1007),
        mtus: vec![1400, 1450],
        ports: 2,
        mod_revision: put.mod_revision,
        record: json!({"flood": false, "unknown_unicast_flood": true}),
        invalid: None,
    };
    assert_eq!(*gpe, expected);
    assert_eq!(
        (
            broken.network_type.as_str(),
            broken.segmentation_id,
            broken.ports
        ),
        ("vxlan", Some(7), 0)
    );
    assert!(broken.record.is_null() && broken.invalid.is_some());
    rig.stop().await;
}
