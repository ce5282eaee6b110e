//! `/v1/watch`: the records and every change of them, as a stream that can be resumed.
//!
//! Lines of JSON (NDJSON). Without `revision` the stream begins with a snapshot: a `put` for each
//! record, then `synced`. With `revision=N` it goes on right after revision N. Everything that one
//! transaction changed has one revision; only its last line lacks `more`, so a reader remembers
//! the `revision` of the last line without `more` and resumes there, missing nothing and seeing
//! nothing twice, on this server or another, over restarts.

mod stream;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use utoipa::{IntoParams, ToSchema};
use weft_store::{Store, StoreError};

use super::App;
use super::error::{ErrorBody, ErrorCode, ErrorDetail};
use super::extract::Params;
use super::select::Selection;
use crate::view::RecordView;

/// The media type of a stream of lines.
const NDJSON: &str = "application/x-ndjson";

/// Where to begin, and what to see.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WatchQuery {
    /// Go on after this revision. Absent or 0: begin with a snapshot.
    revision: Option<i64>,
    /// Only records of this host.
    host: Option<String>,
    /// Only records of these kinds, separated by commas: `port`, `alive`, `physnet`,
    /// `port_state`, `port_condition`, `physnet_condition`, `security_group_condition`,
    /// `network_condition`, `security_group`, `group_member`, `address_group`, `network`,
    /// `mac_advertisement`. The last five do not come with `host`.
    kind: Option<String>,
}

/// One line of `/v1/watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum WatchEvent {
    /// The record is (now) as it says.
    Put(RecordEvent),
    /// The record has ended.
    Delete(RecordEvent),
    /// All of the snapshot has come.
    Synced {
        /// The revision of the snapshot.
        revision: i64,
    },
    /// The stream lives; everything up to this revision has come.
    Progress {
        /// The revision.
        revision: i64,
    },
    /// The server cannot follow the store at the moment. It goes on trying; nothing gets lost.
    Disconnected {
        /// Everything up to this revision has come.
        revision: i64,
        /// Why.
        reason: String,
    },
    /// The server follows the store again.
    Connected {
        /// Everything up to this revision has come.
        revision: i64,
    },
    /// The stream ends because of this. Resume at `revision`; begin anew if it is 0 or the code
    /// is `compacted`.
    Error {
        /// Everything up to this revision has come.
        revision: i64,
        /// What is wrong.
        error: ErrorDetail,
    },
    /// The stream ends because the server stops. Resume at `revision`, begin anew if it is 0.
    End {
        /// Everything up to this revision has come.
        revision: i64,
    },
}

/// A record in a line of `/v1/watch`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordEvent {
    /// The revision of the store at which this is so.
    pub revision: i64,
    /// `true` if more lines of the same revision follow: not to be resumed here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// The record.
    #[serde(flatten)]
    pub record: RecordView,
}

/// Follows the records: what there is, then every change, until either side hangs up.
///
/// A line of `progress` comes whenever nothing else has for ten seconds. A reader that takes
/// nothing for ten seconds while its buffer is full is sent an `error` of code `slow_consumer`
/// and disconnected; it may resume.
#[utoipa::path(
    get, path = "/v1/watch", tag = "watch", operation_id = "watch",
    params(WatchQuery),
    responses(
        (status = 200, description = "A stream of JSON, one event a line", body = WatchEvent,
         content_type = "application/x-ndjson"),
        (status = 400, description = "A parameter is illegal", body = ErrorBody),
        (status = 410, description = "The history after `revision` is not in the store: begin anew; \
                                      `error.revision` is the store's present one", body = ErrorBody),
        (status = 503, description = "The store does not answer, the server stops, or too many \
                                      streams are open", body = ErrorBody),
    )
)]
pub(crate) async fn watch(
    State(app): State<App>,
    Params(query): Params<WatchQuery>,
) -> Result<Response, ErrorDetail> {
    let selection = Selection::of(query.host.as_deref(), query.kind.as_deref())?;
    if query.revision.is_some_and(|revision| revision < 0) {
        let message = "a revision is a whole number from 0";
        return Err(ErrorDetail::name("revision", message));
    }
    let permit = permit(&app)?;
    // A connection of its own: a reader that is slow holds up the flow of its own connection to
    // the store only, not of requests and of other streams.
    let store = Store::connect(app.store_config.clone()).await?;
    let start = match query.revision.filter(|revision| *revision > 0) {
        None => stream::Start::Snapshot(store.snapshot(&selection.prefixes(&app.keys)).await?),
        Some(revision) => {
            check_history(&store, revision).await?;
            stream::Start::After(revision)
        }
    };
    let lines = stream::open(&app, store, selection, start, permit);
    Ok(([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(lines)).into_response())
}

fn permit(app: &App) -> Result<OwnedSemaphorePermit, ErrorDetail> {
    if app.stop.is_cancelled() {
        return Err(ErrorDetail::new(
            ErrorCode::ShuttingDown,
            "the server stops",
        ));
    }
    app.watches.clone().try_acquire_owned().map_err(|_| {
        let message = format!("{} streams are open, which is the most", app.limits.watches);
        ErrorDetail::new(ErrorCode::TooManyWatches, message)
    })
}

/// Refuses a revision after which the store has no history: it has been compacted, or the store
/// is another one, or was set back, and has not come that far.
async fn check_history(store: &Store, revision: i64) -> Result<(), ErrorDetail> {
    let current = store.revision().await?;
    let gone = |message: String| {
        ErrorDetail::new(ErrorCode::Compacted, message)
            .with_hint("begin anew, without `revision`")
            .with_revision(current)
    };
    if revision > current {
        return Err(gone(format!(
            "the store is at revision {current}, not yet at {revision}"
        )));
    }
    match store.check_history(revision + 1).await {
        Ok(()) => Ok(()),
        Err(StoreError::Compacted { .. }) => Err(gone(format!(
            "the history after revision {revision} has been compacted away"
        ))),
        Err(error) => Err(error.into()),
    }
}
