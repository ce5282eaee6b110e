//! What the server says of itself.

use super::client::call;
use super::rig::{Rig, path, record};
use crate::{Health, PutReply, openapi};

#[tokio::test]
async fn metrics_count_requests_and_the_cloud() {
    let rig = Rig::start().await;
    let put: PutReply = rig.put(&path("h", "a"), &record(1, 1)).await.body();
    rig.put(&path("h", "b"), &record(2, 1)).await;
    rig.condition("h", "a", "effective", put.mod_revision).await;
    rig.write("state/h/alive", 1).await;
    rig.get("/no/such/path").await;
    call(rig.address(), "BREW", "/v1/ports", &[], String::new()).await;
    // The writes past the server reach its overview a moment later.
    let metrics = async {
        loop {
            let reply = rig.get("/metrics").await;
            if reply.text.contains("weft_hosts_alive 1") {
                return reply;
            }
        }
    };
    let reply = tokio::time::timeout(super::client::SOON, metrics)
        .await
        .unwrap();
    let revision = rig.store.revision().await.unwrap();
    for line in [
        r#"weft_ports{status="effective"} 1"#,
        r#"weft_ports{status="unreported"} 1"#,
        &format!("weft_store_revision {revision}"),
        "weft_store_connected 1",
        r#"weft_http_requests_total{method="PUT",route="/v1/hosts/{host}/ports/{port}",status="201"} 2"#,
        r#"weft_http_requests_total{method="GET",route="none",status="404"} 1"#,
        r#"weft_http_requests_total{method="other",route="/v1/ports",status="405"} 1"#,
        r#"weft_http_request_duration_seconds_count{method="PUT",route="/v1/hosts/{host}/ports/{port}"} 2"#,
    ] {
        assert!(
            reply.text.lines().any(|l| l == line),
            "{line} is not in\n{}",
            reply.text
        );
    }
    assert!(
        reply.headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    assert!(reply.text.ends_with("# EOF\n"));
    rig.stop().await;
}

#[tokio::test]
async fn a_server_without_its_store_says_so_and_comes_back() {
    let rig = Rig::start().await;
    let at = path("h", "a");
    rig.put(&at, &record(1, 1)).await;
    assert_eq!(rig.get("/healthz").await.body::<Health>().status, "ok");

    let rig = rig
        .without_store(async |rig: &Rig| {
            for (method, path) in [
                ("GET", "/healthz"),
                ("GET", "/v1/ports"),
                ("GET", at.as_str()),
                ("DELETE", at.as_str()),
                ("GET", "/v1/watch"),
                ("GET", "/v1/hosts"),
            ] {
                let reply = call(rig.address(), method, path, &[], String::new()).await;
                assert_eq!(
                    reply.error(),
                    (503, "store_unavailable".into()),
                    "{method} {path}"
                );
                assert_eq!(reply.headers["retry-after"], "1");
            }
            assert_eq!(rig.put(&at, &record(1, 2)).await.error().0, 503);
            assert_eq!(
                rig.put(&at, &serde_json::json!({})).await.error().0,
                422,
                "that needs no store"
            );
            let request =
                serde_json::json!({"ports": [{"host": "h", "port": "a", "record": record(1, 2)}]});
            assert_eq!(rig.apply(&request).await.error().0, 503);
            assert!(
                rig.get("/metrics")
                    .await
                    .text
                    .contains("weft_store_connected 0")
            );
        })
        .await;

    assert_eq!(rig.get("/healthz").await.status, 200);
    let reply = rig.put(&at, &record(1, 2)).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    rig.stop().await;
}

#[test]
fn the_description_is_the_one_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    if std::env::var_os("WEFT_UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(path, openapi()).unwrap();
    }
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        checked_in == openapi(),
        "docs/openapi.json is not what the handlers say; make it anew: \
         WEFT_UPDATE=1 cargo test -p weft-server the_description"
    );
}

#[tokio::test]
async fn what_is_described_is_served_and_the_other_way_round() {
    let rig = Rig::start().await;
    let description = rig.get("/openapi.json").await.json();
    let paths = description["paths"].as_object().unwrap();
    let mut described = 0;
    for (path, methods) in paths {
        let path = path.replace("{host}", "h").replace("{port}", "p");
        let path = path.replace("{group}", "g");
        for method in ["get", "put", "post", "delete", "patch"] {
            // A stream would not end.
            let path = path.replace("/v1/watch", "/v1/watch?revision=-1");
            let reply = call(
                rig.address(),
                &method.to_uppercase(),
                &path,
                &[],
                String::new(),
            )
            .await;
            let served = reply.status != 405 && !reply.text.contains("there is no path");
            assert_eq!(served, methods.get(method).is_some(), "{method} {path}");
            described += usize::from(served);
        }
    }
    assert_eq!(described, 27);
    rig.stop().await;
}
