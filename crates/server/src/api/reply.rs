//! Replies about one record: its revision goes along as `ETag` (RFC 9110 §8.8.3).

use axum::Json;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::error::ErrorDetail;
use crate::apply::ApplyResult;
use crate::precondition::{etag, is_known};

/// The record, or that it is as the client knows it already.
pub(super) fn shown(
    headers: &HeaderMap,
    revision: i64,
    view: impl Serialize,
) -> Result<Response, ErrorDetail> {
    if is_known(headers, revision)? {
        return Ok(tagged(revision, StatusCode::NOT_MODIFIED));
    }
    Ok(tagged(revision, Json(view)))
}

/// What became of a PUT.
pub(super) fn put(result: ApplyResult, revision: i64, reply: impl Serialize) -> Response {
    let status = match result {
        ApplyResult::Created => StatusCode::CREATED,
        _ => StatusCode::OK,
    };
    tagged(revision, (status, Json(reply)))
}

fn tagged(revision: i64, reply: impl IntoResponse) -> Response {
    let mut response = reply.into_response();
    if let Some(tag) = etag(revision) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}
