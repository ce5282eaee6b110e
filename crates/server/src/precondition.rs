//! Optimistic concurrency over HTTP: `If-Match` and `If-None-Match` (RFC 9110 §13.1).
//!
//! The entity tag of a record is its `mod_revision` in quotes, so that a tag never comes back
//! with other contents, whatever happened in between.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::api::{ErrorCode, ErrorDetail};

/// What a caller wants of a record before it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// Nothing.
    None,
    /// `If-None-Match: *`: it must not exist.
    Absent,
    /// `If-Match: *`: it must exist, whatever it says.
    Present,
    /// `If-Match: "12", "15"`: it must have one of these `mod_revision`s.
    Revision(Vec<i64>),
}

impl Precondition {
    /// Reads both headers of a request that changes a record.
    pub(crate) fn of(headers: &HeaderMap) -> Result<Self, ErrorDetail> {
        let matching = tags(headers, &header::IF_MATCH)?;
        let unmatching = tags(headers, &header::IF_NONE_MATCH)?;
        match (matching, unmatching) {
            (None, None) => Ok(Self::None),
            (Some(Tags::Any), None) => Ok(Self::Present),
            (Some(Tags::Revisions(revisions)), None) => Ok(Self::Revision(revisions)),
            (None, Some(Tags::Any)) => Ok(Self::Absent),
            (None, Some(Tags::Revisions(_))) => Err(ErrorDetail::new(
                ErrorCode::BadRequest,
                "`If-None-Match` of a change can only be `*`: create it, never replace it",
            )),
            (Some(_), Some(_)) => Err(ErrorDetail::new(
                ErrorCode::BadRequest,
                "`If-Match` and `If-None-Match` cannot both hold; send one of them",
            )),
        }
    }

    /// Whether a record of `mod_revision` (0: there is none) meets it.
    pub(crate) fn check(&self, mod_revision: i64) -> Result<(), ErrorDetail> {
        let (met, wanted) = match self {
            Self::None => return Ok(()),
            Self::Absent => (mod_revision == 0, "the record must not exist yet"),
            Self::Present => (mod_revision != 0, "the record must exist"),
            Self::Revision(revisions) => (
                mod_revision != 0 && revisions.contains(&mod_revision),
                "the record must be as `If-Match` says",
            ),
        };
        if met {
            Ok(())
        } else {
            Err(ErrorDetail::precondition(mod_revision, wanted))
        }
    }
}

/// The value of the header `ETag` for a record of `mod_revision`.
pub(crate) fn etag(mod_revision: i64) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{mod_revision}\"")).ok()
}

/// Whether a reader has the record of `mod_revision` already (`If-None-Match` of a GET).
pub(crate) fn is_known(headers: &HeaderMap, mod_revision: i64) -> Result<bool, ErrorDetail> {
    Ok(match tags(headers, &header::IF_NONE_MATCH)? {
        None => false,
        Some(Tags::Any) => true,
        Some(Tags::Revisions(revisions)) => revisions.contains(&mod_revision),
    })
}

enum Tags {
    Any,
    Revisions(Vec<i64>),
}

/// The entity tags of the header `name`. Weak tags are refused: a record has none.
fn tags(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Tags>, ErrorDetail> {
    let mut revisions = Vec::new();
    for value in headers.get_all(name) {
        let text = value
            .to_str()
            .map_err(|_| malformed(name, "something unprintable"))?;
        if text.trim() == "*" {
            return Ok(Some(Tags::Any));
        }
        for tag in text.split(',').map(str::trim) {
            let revision = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            let revision = revision.and_then(|revision| revision.parse().ok());
            revisions.push(revision.ok_or_else(|| malformed(name, tag))?);
        }
    }
    Ok((!revisions.is_empty()).then_some(Tags::Revisions(revisions)))
}

fn malformed(name: &HeaderName, tag: &str) -> ErrorDetail {
    ErrorDetail::name(
        name.as_str(),
        format!(
            "`{tag}` is no entity tag of a record: its mod_revision in quotes, as in \"12\", or *"
        ),
    )
}

#[cfg(test)]
mod tests;
