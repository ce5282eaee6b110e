//! `/v1/ports`: all ports, and one port wherever it is.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use weft_model::{Key, PhysnetName};

use super::error::{ErrorBody, ErrorCode, ErrorDetail};
use super::extract::{Params, PortPath};
use super::{App, read};
use crate::view::PortView;

/// Which ports to list; all parameters must hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PortFilter {
    /// Only those of this host.
    host: Option<String>,
    /// Only those of this status: `accepted`, `programmed`, `effective`, `pending`, `failed`, or
    /// `unreported` (the host's agent has said nothing).
    status: Option<String>,
    /// Only those on this physical network.
    physnet: Option<String>,
}

/// Ports at one revision of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PortsReply {
    /// The revision; `/v1/watch?revision=` goes on from there.
    pub revision: i64,
    /// In the order of host and port.
    pub ports: Vec<PortView>,
}

/// The words that a port's status can be.
const STATUSES: [&str; 6] = [
    "accepted",
    "programmed",
    "effective",
    "pending",
    "failed",
    crate::view::UNREPORTED,
];

/// All ports that are wanted, with how far each has come.
#[utoipa::path(
    get, path = "/v1/ports", tag = "ports", operation_id = "list_ports",
    params(PortFilter),
    responses(
        (status = 200, description = "The ports", body = PortsReply),
        (status = 400, description = "A filter is illegal", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(filter): Params<PortFilter>,
) -> Result<Json<PortsReply>, ErrorDetail> {
    let host = filter.host.map(|host| ErrorDetail::parse("host", &host));
    let host = host.transpose()?;
    let physnet = filter.physnet.as_deref();
    let physnet = physnet.map(|physnet| ErrorDetail::parse("physnet", physnet));
    let physnet: Option<PhysnetName> = physnet.transpose()?;
    if let Some(status) = &filter.status
        && !STATUSES.contains(&status.as_str())
    {
        let message = format!(
            "`{status}` is no status; these are: {}",
            STATUSES.join(", ")
        );
        return Err(ErrorDetail::name("status", message));
    }
    let snapshot = read::everything(&app, host.as_ref()).await?;
    let mut ports = read::ports(&app.keys, &snapshot);
    ports.retain(|port| {
        let on_physnet = |physnet: &PhysnetName| {
            port.binding()
                .is_some_and(|binding| binding.segment.physnet() == Some(physnet))
        };
        filter
            .status
            .as_deref()
            .is_none_or(|status| port.status() == status)
            && physnet.as_ref().is_none_or(on_physnet)
    });
    Ok(Json(PortsReply {
        revision: snapshot.revision,
        ports,
    }))
}

/// A port on whichever hosts it is wanted: one as a rule, two while it migrates.
#[utoipa::path(
    get, path = "/v1/ports/{port}", tag = "ports", operation_id = "find_port",
    params(("port" = String, Path, description = "The port")),
    responses(
        (status = 200, description = "The port, once a host", body = PortsReply),
        (status = 400, description = "The name is illegal", body = ErrorBody),
        (status = 404, description = "No host has it", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn find(
    State(app): State<App>,
    PortPath(port): PortPath,
) -> Result<Json<PortsReply>, ErrorDetail> {
    // The host comes first in a key, so finding the port means to look at all of them.
    let snapshot = app.store.range(&app.keys.nodes()).await?;
    let mut ports = Vec::new();
    for (key, _) in read::records(&app.keys, &snapshot) {
        if let Key::Port(host, found) = key
            && found == port
        {
            ports.extend(read::port(&app, &host, &port).await?);
        }
    }
    if ports.is_empty() {
        let message = format!("no host has a port `{port}`");
        let detail = ErrorDetail::new(ErrorCode::NotFound, message);
        return Err(detail.with_hint("GET /v1/ports lists all ports"));
    }
    Ok(Json(PortsReply {
        revision: snapshot.revision,
        ports,
    }))
}
