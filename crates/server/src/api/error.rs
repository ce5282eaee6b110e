//! What a caller is told when a request cannot be met: an HTTP status, and a body for programs
//! (`code`) and people (`message`, `field`, `hint`).

use std::fmt::Display;
use std::str::FromStr;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use weft_model::{InvalidRecord, Keyspace};

/// What kind of trouble it is, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the path, the query, a header or the body's syntax is wrong.
    BadRequest,
    /// 404: there is no such thing.
    NotFound,
    /// 405: the path exists, the method does not.
    MethodNotAllowed,
    /// 408: the body did not come in time.
    Timeout,
    /// 409: others kept changing the same record meanwhile.
    Conflict,
    /// 410: the revision to resume at is no longer (or not yet) in the store.
    Compacted,
    /// 412: the record is not in the state that `If-Match` or `If-None-Match` asks for.
    PreconditionFailed,
    /// 413: the body or a record is larger than is taken.
    TooLarge,
    /// 422: the record is JSON, but a field of it is missing or wrong.
    InvalidRecord,
    /// The stream ends because its reader is too slow; it may resume.
    SlowConsumer,
    /// 503: the store does not answer. Nothing is known of a write: send it again.
    StoreUnavailable,
    /// 503: too many streams are open.
    TooManyWatches,
    /// The server stops.
    ShuttingDown,
}

/// One error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what is wrong, and why.
    pub message: String,
    /// The field at fault, with positions in lists: `fixed_ips[1].ip_address`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// With `precondition_failed` the record's present `mod_revision` (0: there is none); with
    /// `compacted` the store's present revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}

/// What a record is of, for errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordName {
    /// A port.
    Port,
    /// A security group.
    SecurityGroup,
    /// An address group.
    AddressGroup,
    /// An overlay network.
    Network,
}

/// The body of every reply with a status of 400 or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// The error.
    pub error: ErrorDetail,
}

/// Longest time that a caller should wait before it tries again after a 503, in seconds.
const RETRY_AFTER_SECS: HeaderValue = HeaderValue::from_static("1");

impl ErrorCode {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Compacted => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::InvalidRecord => StatusCode::UNPROCESSABLE_ENTITY,
            Self::SlowConsumer
            | Self::StoreUnavailable
            | Self::TooManyWatches
            | Self::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl ErrorDetail {
    pub(crate) fn new(code: ErrorCode, message: impl ToString) -> Self {
        let message = message.to_string();
        Self {
            code,
            message,
            field: None,
            hint: None,
            revision: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl ToString) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    pub(crate) fn with_revision(mut self, revision: i64) -> Self {
        self.revision = Some(revision);
        self
    }

    /// There is no port `port` on `host`.
    pub(crate) fn no_port(host: &weft_model::HostName, port: &weft_model::PortId) -> Self {
        Self::new(
            ErrorCode::NotFound,
            format!("no port `{port}` is wanted on host `{host}`"),
        )
        .with_hint("GET /v1/ports/{port} finds a port on whatever host; GET /v1/ports lists all")
    }

    /// The record that is a `name` cannot be used.
    pub(crate) fn invalid(error: InvalidRecord, name: RecordName) -> Self {
        let field = error.field_name().map(str::to_owned);
        let code = match error {
            InvalidRecord::NoJson(_) => ErrorCode::BadRequest,
            _ => ErrorCode::InvalidRecord,
        };
        let (what, path) = match name {
            RecordName::Port => ("port", "nodes/{host}/ports/{port}"),
            RecordName::SecurityGroup => ("security group", "global/secgroups/{group}"),
            RecordName::AddressGroup => ("address group", "global/address_groups/{group}"),
            RecordName::Network => ("network", "global/networks/{type}/{vni}"),
        };
        let hint = match code {
            ErrorCode::BadRequest => format!("send the {what}'s record as a JSON object"),
            _ => format!(
                "the record has the fields of `{}/{path}`; /openapi.json describes them",
                Keyspace::DEFAULT_LEAD_IN
            ),
        };
        Self {
            field,
            ..Self::new(code, error)
        }
        .with_hint(hint)
    }

    /// Reads a part of the path or of an item that names something.
    pub(crate) fn parse<T: FromStr<Err: Display>>(field: &str, text: &str) -> Result<T, Self> {
        text.parse().map_err(|error| Self::name(field, error))
    }

    /// A part of the path or of an item that names something is no such name.
    pub(crate) fn name(field: &str, error: impl ToString) -> Self {
        Self {
            field: Some(field.to_owned()),
            ..Self::new(ErrorCode::BadRequest, error)
        }
    }

    /// The record's present revision is not the one that was asked for.
    pub(crate) fn precondition(present: i64, wanted: &str) -> Self {
        let present_text = match present {
            0 => "it does not exist".to_owned(),
            present => format!("its mod_revision is {present}"),
        };
        Self::new(
            ErrorCode::PreconditionFailed,
            format!("{wanted}, but {present_text}"),
        )
        .with_hint("read the record again, and send the change for what it is now")
        .with_revision(present)
    }
}

impl IntoResponse for ErrorDetail {
    fn into_response(self) -> Response {
        let status = self.code.status();
        let mut response = (status, Json(ErrorBody { error: self })).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, RETRY_AFTER_SECS);
        }
        response
    }
}
