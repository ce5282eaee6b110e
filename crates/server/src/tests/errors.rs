//! What bad input gets: a status, a code, and words.

use serde_json::json;

use super::client::call;
use super::rig::{Rig, path, record};

#[tokio::test]
async fn malformed_records_are_refused_with_field_and_reason() {
    let rig = Rig::start().await;
    let at = path("h", "p");
    let with = |field: &str, value: serde_json::Value| {
        let mut record = record(1, 1);
        record[field] = value;
        record.to_string()
    };
    let cases = [
        ("", 400, None),
        ("{", 400, None),
        ("\u{0}", 400, None),
        ("{}{}", 400, None),
        ("[]", 422, None),
        ("null", 422, None),
        ("\"text\"", 422, None),
        ("{}", 422, Some("mac_address")),
        (
            &with("mac_address", json!("01:00:5e:00:00:01")),
            422,
            Some("mac_address"),
        ),
        (
            &with("mac_address", json!(["fa:16:3e:00:00:01"])),
            422,
            Some("mac_address"),
        ),
        (
            &with("segmentation_id", json!(4095)),
            422,
            Some("segmentation_id"),
        ),
        (
            &with("segmentation_id", json!(1.5)),
            422,
            Some("segmentation_id"),
        ),
        (
            &with("segmentation_id", json!(-1)),
            422,
            Some("segmentation_id"),
        ),
        (
            &with("network_type", json!("flat")),
            422,
            Some("segmentation_id"),
        ),
        (
            &with("network_type", json!("gre")),
            422,
            Some("network_type"),
        ),
        (&with("physnet", json!("a/b")), 422, Some("physnet")),
        (&with("physnet", json!("")), 422, Some("physnet")),
        (&with("mtu", json!(67)), 422, Some("mtu")),
        (
            &with("binding_type", json!("ovs")),
            422,
            Some("binding_type"),
        ),
        (
            &with("fixed_ips", json!([{"ip_address": "10.0.0.0/8"}])),
            422,
            Some("fixed_ips[0].ip_address"),
        ),
    ];
    for (body, status, field) in cases {
        let reply = call(rig.address(), "PUT", &at, &[], body.to_owned()).await;
        let error = &reply.json()["error"];
        assert_eq!(reply.status, status, "{body}: {error}");
        assert_eq!(error["field"].as_str(), field, "{body}: {error}");
        assert!(!error["message"].as_str().unwrap().is_empty() && error["hint"].is_string());
    }
    let deep = "[".repeat(100_000);
    assert_eq!(
        call(rig.address(), "PUT", &at, &[], deep).await.error().0,
        400
    );
    let large = with("device_id", json!("x".repeat(70_000)));
    assert_eq!(
        call(rig.address(), "PUT", &at, &[], large).await.error(),
        (413, "too_large".into())
    );
    let revision = rig.store.revision().await.unwrap();
    assert_eq!(revision, 1, "nothing was written");
    rig.stop().await;
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let rig = Rig::start().await;
    let huge = vec![b' '; 33 * 1024 * 1024];
    let reply = call(rig.address(), "POST", "/v1/apply", &[], huge).await;
    assert_eq!(reply.error(), (413, "too_large".into()));
    rig.stop().await;
}

#[tokio::test]
async fn illegal_names_paths_and_methods_are_told_apart() {
    let rig = Rig::start().await;
    let cases = [
        ("GET", "/v1/hosts/a%20b", 400, "bad_request"),
        ("GET", "/v1/hosts/%ff", 400, "bad_request"),
        ("GET", "/v1/hosts/..%2f..%2fetc", 400, "bad_request"),
        ("PUT", "/v1/hosts/a/ports/x%2fy", 400, "bad_request"),
        ("PUT", "/v1/hosts/a%2fb/ports/x", 400, "bad_request"),
        ("GET", "/v1/ports/a%00b", 400, "bad_request"),
        ("GET", "/v1/watch?revision=x", 400, "bad_request"),
        ("GET", "/v1/watch?revision=-1", 400, "bad_request"),
        ("GET", "/v1/watch?kind=ports", 400, "bad_request"),
        ("GET", "/", 404, "not_found"),
        ("GET", "/v1", 404, "not_found"),
        ("GET", "/v1/hosts/h/ports", 404, "not_found"),
        ("POST", "/v1/ports", 405, "method_not_allowed"),
        ("GET", "/v1/apply", 405, "method_not_allowed"),
        ("BREW", "/v1/hosts/h/ports/p", 405, "method_not_allowed"),
        ("POST", "/v1/apply", 400, "bad_request"),
    ];
    for (method, path, status, code) in cases {
        let reply = call(rig.address(), method, path, &[], String::new()).await;
        assert_eq!(reply.error(), (status, code.into()), "{method} {path}");
    }
    let reply = rig.get("/v1/hosts/a%20b").await;
    assert_eq!(reply.json()["error"]["field"], "host");
    rig.stop().await;
}
