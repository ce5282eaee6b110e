//! `/metrics`, and the counting of requests for it.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use crate::metrics::CONTENT_TYPE;

/// The label for paths that do not exist, which would otherwise be without number.
const NO_ROUTE: &str = "none";

/// Counts and the cloud in numbers, in the text format of Prometheus (OpenMetrics 1.0).
#[utoipa::path(
    get, path = "/metrics", tag = "server", operation_id = "metrics",
    responses((status = 200, description = "The metrics", body = String,
               content_type = "application/openmetrics-text"))
)]
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    match app.metrics.encode(&app.overviews.totals()) {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Counts a request by its route and outcome.
pub(crate) async fn count(State(app): State<App>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = match request.method().as_str() {
        // Anything else may be sent, and each would be a label of its own.
        method @ ("GET" | "PUT" | "POST" | "DELETE" | "HEAD" | "PATCH" | "OPTIONS") => {
            method.to_owned()
        }
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or(NO_ROUTE, MatchedPath::as_str).to_owned();
    let response = next.run(request).await;
    let (status, took) = (response.status(), began.elapsed());
    app.metrics.answered(&method, &route, status.as_u16(), took);
    if status.is_server_error() {
        tracing::warn!(method, route, %status, ?took, "a request could not be met");
    } else {
        tracing::debug!(method, route, %status, ?took, "a request was met");
    }
    response
}
