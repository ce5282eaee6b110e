//! `/v1/hosts`: the hosts, as far as the store knows of them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weft_model::{Key, Keyspace, decode_alive};
use weft_store::Snapshot;

use super::error::{ErrorBody, ErrorCode, ErrorDetail};
use super::extract::HostPath;
use super::{App, read};
use crate::view::HostView;

/// Hosts at one revision of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostsReply {
    /// The revision.
    pub revision: i64,
    /// In the order of their names.
    pub hosts: Vec<HostView>,
}

/// Every host whose agent lives or has left something, or of which a port is wanted.
#[utoipa::path(
    get, path = "/v1/hosts", tag = "hosts", operation_id = "list_hosts",
    responses(
        (status = 200, description = "The hosts", body = HostsReply),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<HostsReply>, ErrorDetail> {
    let snapshot = read::everything(&app, None).await?;
    let hosts = hosts(&app.keys, &snapshot);
    Ok(Json(HostsReply {
        revision: snapshot.revision,
        hosts,
    }))
}

/// One host.
#[utoipa::path(
    get, path = "/v1/hosts/{host}", tag = "hosts", operation_id = "get_host",
    params(("host" = String, Path, description = "The host")),
    responses(
        (status = 200, description = "The host", body = HostView),
        (status = 400, description = "The name is illegal", body = ErrorBody),
        (status = 404, description = "Nothing in the store speaks of it", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    HostPath(host): HostPath,
) -> Result<Json<HostView>, ErrorDetail> {
    let snapshot = read::everything(&app, Some(&host)).await?;
    hosts(&app.keys, &snapshot).pop().map(Json).ok_or_else(|| {
        let message = format!("nothing in the store speaks of a host `{host}`");
        let hint = "GET /v1/hosts lists those that have an agent or ports";
        ErrorDetail::new(ErrorCode::NotFound, message).with_hint(hint)
    })
}

fn hosts(keys: &Keyspace, snapshot: &Snapshot) -> Vec<HostView> {
    let mut hosts = BTreeMap::new();
    for (key, kv) in read::records(keys, snapshot) {
        let (Key::Port(host, _)
        | Key::Alive(host)
        | Key::Physnet(host, _)
        | Key::PortState(host, _)
        | Key::Condition(host, ..)) = &key
        else {
            continue;
        };
        let view = hosts
            .entry(host.to_string())
            .or_insert_with_key(|host| HostView {
                host: host.clone(),
                alive: false,
                agent: None,
                physnets: Vec::new(),
                ports: BTreeMap::new(),
            });
        match key {
            Key::Alive(_) => {
                view.alive = true;
                let said = serde_json::to_value(decode_alive(&kv.value));
                view.agent = said.ok();
            }
            Key::Physnet(_, physnet) => view.physnets.push(physnet.to_string()),
            _ => {}
        }
    }
    for port in read::ports(keys, snapshot) {
        if let Some(view) = hosts.get_mut(&port.host) {
            *view.ports.entry(port.status().to_owned()).or_default() += 1;
        }
    }
    hosts.into_values().collect()
}
