//! `/v1/state`: what the agents have written, record by record.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::App;
use super::error::{ErrorBody, ErrorDetail};
use super::extract::Params;
use super::select::Selection;
use crate::api::read;
use crate::view::RecordView;

/// Which records to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StateFilter {
    /// Only those of this host.
    host: Option<String>,
    /// Only those of these kinds, separated by commas: `alive`, `physnet`, `port_state`,
    /// `port_condition`, `physnet_condition`, `security_group_condition`, `network_condition`.
    kind: Option<String>,
}

/// Records at one revision of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StateReply {
    /// The revision; `/v1/watch?revision=` goes on from there.
    pub revision: i64,
    /// In the order of their keys.
    pub records: Vec<RecordView>,
}

/// What the agents say of themselves and of their ports.
#[utoipa::path(
    get, path = "/v1/state", tag = "state", operation_id = "list_state",
    params(StateFilter),
    responses(
        (status = 200, description = "The records", body = StateReply),
        (status = 400, description = "A filter is illegal", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(filter): Params<StateFilter>,
) -> Result<Json<StateReply>, ErrorDetail> {
    let mut selection = Selection::of(filter.host.as_deref(), filter.kind.as_deref())?;
    selection.only_said();
    let snapshot = app.store.snapshot(&selection.prefixes(&app.keys)).await?;
    let records = read::records(&app.keys, &snapshot)
        .map(|(key, kv)| RecordView::of(key, kv.mod_revision, Some(&kv.value)))
        .filter(|record| selection.holds(record))
        .collect();
    Ok(Json(StateReply {
        revision: snapshot.revision,
        records,
    }))
}
