//! `/v1/hosts/{host}/ports/{port}`: one port of one host.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::error::{ErrorBody, ErrorDetail};
use super::extract::{Body, PlacePath};
use super::{App, read, reply, write};
use crate::apply::ApplyResult;
use crate::overview::Warning;
use crate::precondition::Precondition;
use crate::record::Record;
use crate::view::PortView;

/// The reply to a PUT.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PutReply {
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// `created`, `updated` or `unchanged`.
    pub result: ApplyResult,
    /// The record's revision, for `If-Match`.
    pub mod_revision: i64,
    /// The record as it stands in the store now.
    #[schema(value_type = Object)]
    pub record: Value,
    /// What will keep it from working, or is likely a mistake.
    pub warnings: Vec<Warning>,
}

/// The reply to a DELETE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeleteReply {
    /// The host.
    pub host: String,
    /// The port.
    pub port: String,
    /// The revision of the store from which on the record is gone.
    pub revision: i64,
}

/// Everything that is known of a port: what is wanted, how far it has come, what it became.
#[utoipa::path(
    get, path = "/v1/hosts/{host}/ports/{port}", tag = "ports", operation_id = "get_port",
    params(
        ("host" = String, Path, description = "The host"),
        ("port" = String, Path, description = "The port"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known already"),
    ),
    responses(
        (status = 200, description = "The port", body = PortView,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 304, description = "The record is as it is known (its condition may not be)"),
        (status = 400, description = "A name is illegal", body = ErrorBody),
        (status = 404, description = "The port is not wanted on the host", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    PlacePath(host, port): PlacePath,
    headers: HeaderMap,
) -> Result<Response, ErrorDetail> {
    let view = read::port(&app, &host, &port).await?;
    let view = view.ok_or_else(|| ErrorDetail::no_port(&host, &port))?;
    reply::shown(&headers, view.mod_revision, view)
}

/// Says what a port shall be.
///
/// The body is the record of the store; `/v1/watch` and the agents see it at once. It is checked,
/// brought into its normal form (every field written out, fields that Weft does not know kept) and
/// written only if it differs from what is there.
///
/// What keeps a valid record from working, such as a host whose agent does not live or a MAC
/// address that another port of the network has, is not refused but told in `warnings`: the store
/// has other writers, and the agent judges in the port's condition.
#[utoipa::path(
    put, path = "/v1/hosts/{host}/ports/{port}", tag = "ports", operation_id = "put_port",
    params(
        ("host" = String, Path, description = "The host"),
        ("port" = String, Path, description = "The port"),
        ("If-Match" = Option<String>, Header,
         description = "Only if the record has this `ETag` now (`*`: exists)"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet"),
    ),
    request_body(content = super::openapi::PortRecord, content_type = "application/json"),
    responses(
        (status = 200, description = "It was there: `updated` or `unchanged`", body = PutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 201, description = "It is `created`", body = PutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 400, description = "A name or header is illegal, or the body is no JSON", body = ErrorBody),
        (status = 408, description = "The body did not come in time", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 413, description = "The record is too large", body = ErrorBody),
        (status = 422, description = "A field of the record is missing or wrong", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be written", body = ErrorBody),
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    PlacePath(host, port): PlacePath,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ErrorDetail> {
    let precondition = Precondition::of(&headers)?;
    let record = Record::from_bytes(&body)?;
    let written = write::write(&app, &host, &port, Some(&record), &precondition).await?;
    if written.result != ApplyResult::Unchanged {
        app.overviews.reach(written.revision).await;
    }
    let warnings = app.overviews.warnings(&host, &port, &record);
    let reply = PutReply {
        host: host.to_string(),
        port: port.to_string(),
        result: written.result,
        mod_revision: written.revision,
        record: record.value,
        warnings,
    };
    Ok(reply::put(written.result, written.revision, reply))
}

/// Says that a port shall not be.
#[utoipa::path(
    delete, path = "/v1/hosts/{host}/ports/{port}", tag = "ports", operation_id = "delete_port",
    params(
        ("host" = String, Path, description = "The host"),
        ("port" = String, Path, description = "The port"),
        ("If-Match" = Option<String>, Header, description = "Only if the record has this `ETag` now"),
    ),
    responses(
        (status = 200, description = "The record is gone; the agent removes the port", body = DeleteReply),
        (status = 400, description = "A name or header is illegal", body = ErrorBody),
        (status = 404, description = "There was no such port", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be gone", body = ErrorBody),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    PlacePath(host, port): PlacePath,
    headers: HeaderMap,
) -> Result<Json<DeleteReply>, ErrorDetail> {
    let precondition = Precondition::of(&headers)?;
    let written = write::write(&app, &host, &port, None, &precondition).await?;
    if written.result == ApplyResult::Absent {
        return Err(ErrorDetail::no_port(&host, &port));
    }
    let (host, port) = (host.to_string(), port.to_string());
    Ok(Json(DeleteReply {
        host,
        port,
        revision: written.revision,
    }))
}
