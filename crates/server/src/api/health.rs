//! `/healthz`: whether this server can do its work.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::App;
use super::error::{ErrorBody, ErrorCode, ErrorDetail};

/// How long the store may take to answer before it counts as away.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

/// The server works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
    /// The store's revision at this moment.
    pub revision: i64,
}

/// Asks the store for its revision.
#[utoipa::path(
    get, path = "/healthz", tag = "server", operation_id = "health",
    responses(
        (status = 200, description = "The store answers", body = Health),
        (status = 503, description = "The store does not answer, and why", body = ErrorBody),
    )
)]
pub(crate) async fn health(State(app): State<App>) -> Result<Json<Health>, ErrorDetail> {
    if app.stop.is_cancelled() {
        return Err(ErrorDetail::new(
            ErrorCode::ShuttingDown,
            "the server stops",
        ));
    }
    let revision = tokio::time::timeout(ANSWER_WITHIN, app.store.revision()).await;
    let revision = revision.map_err(|_| {
        let message = format!(
            "the store has not answered within {} s",
            ANSWER_WITHIN.as_secs()
        );
        ErrorDetail::new(ErrorCode::StoreUnavailable, message)
    })??;
    Ok(Json(Health {
        status: "ok".to_owned(),
        revision,
    }))
}
