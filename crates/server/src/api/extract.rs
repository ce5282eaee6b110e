//! What handlers take out of requests, with errors in the API's own form.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;
use weft_model::{AddressGroupId, HostName, OverlaySegment, PortId, SecurityGroupId};

use super::error::{ErrorCode, ErrorDetail};

/// How long a client may take for a body; it holds a connection meanwhile.
const BODY_WITHIN: Duration = Duration::from_secs(30);

/// `{host}` of the path.
#[derive(Debug)]
pub(crate) struct HostPath(pub(crate) HostName);

/// `{port}` of the path.
#[derive(Debug)]
pub(crate) struct PortPath(pub(crate) PortId);

/// `{group}` of the path: a security group.
#[derive(Debug)]
pub(crate) struct SecurityGroupPath(pub(crate) SecurityGroupId);

/// `{group}` of the path: an address group.
#[derive(Debug)]
pub(crate) struct AddressGroupPath(pub(crate) AddressGroupId);

/// `{type}` and `{vni}` of the path.
#[derive(Debug)]
pub(crate) struct NetworkPath(pub(crate) OverlaySegment);

/// `{host}` and `{port}` of the path.
#[derive(Debug)]
pub(crate) struct PlacePath(pub(crate) HostName, pub(crate) PortId);

/// The query; a parameter that is not known is an error, not a filter that matches everything.
#[derive(Debug)]
pub(crate) struct Params<T>(pub(crate) T);

/// The body, of whatever media type.
#[derive(Debug)]
pub(crate) struct Body(pub(crate) Bytes);

async fn path<T, S>(parts: &mut Parts, state: &S) -> Result<T, ErrorDetail>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    let path = Path::<T>::from_request_parts(parts, state).await;
    path.map(|path| path.0)
        .map_err(|error| ErrorDetail::new(ErrorCode::BadRequest, error.body_text()))
}

/// The one parameter of the path, which is the name of a `what`.
async fn named<T, S>(what: &'static str, parts: &mut Parts, state: &S) -> Result<T, ErrorDetail>
where
    T: FromStr<Err: Display>,
    S: Send + Sync,
{
    let name: String = path(parts, state).await?;
    ErrorDetail::parse(what, &name)
}

impl<S: Send + Sync> FromRequestParts<S> for HostPath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        named("host", parts, state).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PortPath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        named("port", parts, state).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SecurityGroupPath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        named("group", parts, state).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for AddressGroupPath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        named("group", parts, state).await.map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for NetworkPath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        let (protocol, vni): (String, String) = path(parts, state).await?;
        let segment = format!("{protocol}.{vni}");
        ErrorDetail::parse("network", &segment).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PlacePath {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        let (host, port): (String, String) = path(parts, state).await?;
        let host = ErrorDetail::parse("host", &host)?;
        Ok(Self(host, ErrorDetail::parse("port", &port)?))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = ErrorDetail;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ErrorDetail> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|query| Self(query.0))
            .map_err(|error| ErrorDetail::new(ErrorCode::BadRequest, error.body_text()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ErrorDetail;

    async fn from_request(request: Request, state: &S) -> Result<Self, ErrorDetail> {
        let body = tokio::time::timeout(BODY_WITHIN, Bytes::from_request(request, state)).await;
        match body {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(
                _,
            )))) => {
                let message = "the body is larger than is taken";
                Err(ErrorDetail::new(ErrorCode::TooLarge, message))
            }
            Ok(Err(error)) => Err(ErrorDetail::new(ErrorCode::BadRequest, error.body_text())),
            Err(_) => {
                let message = format!("the body has not come within {} s", BODY_WITHIN.as_secs());
                Err(ErrorDetail::new(ErrorCode::Timeout, message))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let request = Request::new(axum::body::Body::from_stream(never));
        let error = Body::from_request(request, &()).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::Timeout);
    }
}
