//! What can go wrong between us and the store, told apart by what the caller must do about it.
//!
//! The line that matters runs between "was never sent" ([`StoreError::Unreachable`]), "was sent,
//! the answer is lost" ([`StoreError::Interrupted`]) and "was answered: no" (all others).

use std::path::PathBuf;

use etcd_client::Error as EtcdError;
use tonic::Code;

use crate::config::Endpoint;
use crate::kv::Revision;

/// The text of an endpoint is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Nothing was given.
    #[error("a store endpoint is empty: give http://host:port, https://host:port or unix:///path")]
    Empty,
    /// Neither http, https nor unix.
    #[error("store endpoint \"{endpoint}\": scheme \"{scheme}\" is not http, https or unix")]
    Scheme {
        /// The endpoint as it was given.
        endpoint: String,
        /// What stands before `://`.
        scheme: String,
    },
    /// No host, or one that is neither a name nor an address.
    #[error("store endpoint \"{endpoint}\": the host is missing or is no name or IP address")]
    NoHost {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// An IPv6 address without brackets cannot be told from host and port.
    #[error("store endpoint \"{endpoint}\": write an IPv6 address in brackets, [::1]:2379")]
    Brackets {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// The port is no number from 1 to 65535.
    #[error("store endpoint \"{endpoint}\": port \"{port}\" is not a number from 1 to 65535")]
    Port {
        /// The endpoint as it was given.
        endpoint: String,
        /// What stands for the port.
        port: String,
    },
    /// etcd's gRPC has no path.
    #[error("store endpoint \"{endpoint}\": no path may follow the port")]
    Path {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// User and password have settings of their own.
    #[error("store endpoint \"{endpoint}\": user and password do not belong into the endpoint")]
    UserInfo {
        /// The endpoint as it was given.
        endpoint: String,
    },
    /// A socket path that is not absolute, or lacks `unix://`.
    #[error("store endpoint \"{endpoint}\": write a socket as unix:///absolute/path")]
    Socket {
        /// The endpoint as it was given.
        endpoint: String,
    },
}

/// An operation on the store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The configuration names no endpoint.
    #[error("the store has no endpoints: name at least one")]
    NoEndpoints,
    /// An `https` endpoint without a CA to check it against.
    #[error("store endpoint {endpoint} needs TLS settings: name at least the CA file")]
    TlsMissing {
        /// The endpoint in question.
        endpoint: Endpoint,
    },
    /// A certificate or key could not be read.
    #[error("cannot read the TLS file {}: {source}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Certificates or keys were read but are not usable.
    #[error("TLS settings for store endpoint {endpoint} are unusable: {reason}")]
    Tls {
        /// The endpoint in question.
        endpoint: Endpoint,
        /// What the TLS library found.
        reason: String,
    },
    /// No endpoint could be asked: nothing was sent, nothing has changed.
    #[error("the store is unreachable: {}", attempts_text(attempts))]
    Unreachable {
        /// Each endpoint tried, and why it failed.
        attempts: Vec<Attempt>,
    },
    /// The request was sent and the answer is lost: it may or may not have taken effect.
    /// Reads were already retried on the other endpoints.
    #[error(
        "the store's answer is lost, the change may or may not be in effect: {}",
        attempts_text(attempts)
    )]
    Interrupted {
        /// Each endpoint tried, and why it failed; the last one is the one that was asked.
        attempts: Vec<Attempt>,
    },
    /// The revision asked for is no longer kept.
    #[error("revision {requested} has been compacted away{}: read afresh",
            oldest.map_or_else(String::new, |at| format!(" (the oldest kept is {at})")))]
    Compacted {
        /// The revision that was asked for.
        requested: Revision,
        /// The oldest revision which the store still has, where it said so.
        oldest: Option<Revision>,
    },
    /// The store has never reached the revision asked for: it was wiped, or restored from an
    /// older copy.
    #[error(
        "the store is at revision {current}, revision {requested} is not there: it was \
             wiped or restored; read afresh"
    )]
    RevisionLost {
        /// The revision that was asked for.
        requested: Revision,
        /// Where the store is.
        current: Revision,
    },
    /// The store knows us and refuses, or does not accept who we say we are.
    #[error("the store denies access: {reason}")]
    Denied {
        /// The store's words.
        reason: String,
    },
    /// More operations than etcd takes in one transaction (`--max-txn-ops`, 128 unless changed).
    #[error("{count} operations are too many for one transaction (at most {limit}): split them")]
    TooManyOperations {
        /// How many there were.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// The store understood the request and said no.
    #[error("the store refuses: {message} ({code:?})")]
    Refused {
        /// gRPC status code.
        code: Code,
        /// The store's words.
        message: String,
    },
    /// The store's answer makes no sense.
    #[error("the store's answer is malformed: {what}")]
    Malformed {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// One endpoint that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// Why it did not work.
    pub reason: String,
}

impl StoreError {
    /// Whether the same request may well work a little later, without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Interrupted { .. } => true,
            Self::Refused { code, .. } => matches!(
                code,
                Code::Unavailable
                    | Code::DeadlineExceeded
                    | Code::ResourceExhausted
                    | Code::Aborted
            ),
            _ => false,
        }
    }

    /// Whether a lease is not there: what a write names that should hang on it, nothing else of a
    /// write can be missing.
    pub fn is_no_lease(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                code: Code::NotFound,
                ..
            }
        )
    }

    /// Whether the change that failed may be in effect nevertheless.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Interrupted { .. })
    }
}

fn attempts_text(attempts: &[Attempt]) -> String {
    let texts: Vec<String> = attempts
        .iter()
        .map(|attempt| format!("{}: {}", attempt.endpoint, attempt.reason))
        .collect();
    texts.join("; ")
}

/// What a failed call at one endpoint means.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The connection could not be made: the request never left.
    NotSent(String),
    /// The connection broke, or the member could not answer: nobody knows.
    Lost(String),
    /// Our authentication is stale: authenticate again, then retry; nothing has happened.
    StaleLogin(String),
    /// An answer.
    Answer(StoreError),
}

/// etcd's words when the roles have changed since our token was made (`ErrGRPCAuthOldRevision`).
const AUTH_REVISION_IS_OLD: &str = "etcdserver: revision of auth store is old";

/// Judges an error of the client library. `requested` is the revision that was asked for.
pub(crate) fn judge(error: EtcdError, requested: Revision) -> Failure {
    let status = match error {
        EtcdError::GRpcStatus(status) => status,
        EtcdError::TransportError(error) => return Failure::NotSent(chain(&error)),
        EtcdError::IoError(error) => return Failure::NotSent(chain(&error)),
        other => return Failure::Lost(other.to_string()),
    };
    if never_sent(&status) {
        return Failure::NotSent(reason(&status));
    }
    match status.code() {
        Code::OutOfRange if status.message().contains("has been compacted") => {
            Failure::Answer(StoreError::Compacted {
                requested,
                oldest: None,
            })
        }
        Code::Unauthenticated => Failure::StaleLogin(status.message().to_owned()),
        Code::InvalidArgument if status.message() == AUTH_REVISION_IS_OLD => {
            Failure::StaleLogin(status.message().to_owned())
        }
        Code::PermissionDenied => Failure::Answer(StoreError::Denied {
            reason: status.message().to_owned(),
        }),
        Code::InvalidArgument if status.message().contains("authentication failed") => {
            Failure::Answer(StoreError::Denied {
                reason: status.message().to_owned(),
            })
        }
        // A broken connection surfaces as Unavailable, Unknown, Cancelled or Internal with the
        // transport's error as its source; a member without a leader says Unavailable itself.
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
            Failure::Lost(reason(&status))
        }
        _ if std::error::Error::source(&status).is_some() => Failure::Lost(reason(&status)),
        code => {
            let message = status.message().to_owned();
            Failure::Answer(StoreError::Refused { code, message })
        }
    }
}

fn never_sent(status: &tonic::Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        source = error.source();
    }
    false
}

/// The message and the innermost cause: "tcp connect error: Connection refused (os error 111)".
fn reason(status: &tonic::Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if error.source().is_none() {
            let innermost = error.to_string();
            if !text.contains(&innermost) {
                text = format!("{text}: {innermost}");
            }
        }
        source = error.source();
    }
    text
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
