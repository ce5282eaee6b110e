//! The members of the store and which one is in use.
//!
//! One member is asked at a time. A balancer over all of them would keep choosing dead ones,
//! which fail fast and so look idle; here a member that failed is left for the next, and stays
//! left until the next one fails in turn.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions};
use tokio::sync::Mutex;
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

use crate::config::{Credentials, Endpoint, StoreConfig, TlsConfig};
use crate::error::{Attempt, Failure, StoreError, judge};
use crate::kv::Revision;

/// Largest answer that is taken; beyond it the answer is an error, not memory.
pub(crate) const MAX_ANSWER_BYTES: usize = 256 << 20;

/// HTTP/2 ping while a stream is open. etcd closes connections that ping more often than every
/// 5 s (`--grpc-keepalive-min-time`); with the timeout a dead peer is noticed within 8.5 s.
const PING_INTERVAL: Duration = Duration::from_millis(5500);
const PING_TIMEOUT: Duration = Duration::from_secs(3);

/// When a request may be sent again, to another member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Sending it twice is as good as once.
    Always,
    /// Only if it cannot have been received.
    IfNeverSent,
}

#[derive(Debug)]
pub(crate) struct Endpoints {
    members: Vec<Member>,
    /// Index of the member that answered last.
    current: AtomicUsize,
    request_timeout: Duration,
}

/// One member, connected when first used.
#[derive(Debug)]
struct Member {
    endpoint: Endpoint,
    channel: tonic::transport::Channel,
    auth: Option<Credentials>,
    /// `None` until the first use, and again when the login has become stale.
    client: Mutex<Option<Arc<EtcdClient>>>,
}

/// [`Client`] has no `Debug`.
pub(crate) struct EtcdClient(Client);

impl Endpoints {
    pub(crate) fn new(config: StoreConfig) -> Result<Self, StoreError> {
        if config.endpoints.is_empty() {
            return Err(StoreError::NoEndpoints);
        }
        let tls = config.tls.as_ref().map(TlsFiles::read).transpose()?;
        let members = config
            .endpoints
            .iter()
            .map(|endpoint| {
                Ok(Member {
                    endpoint: endpoint.clone(),
                    channel: channel(endpoint, tls.as_ref(), config.connect_timeout)?,
                    auth: config.auth.clone(),
                    client: Mutex::new(None),
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(Self {
            members,
            current: AtomicUsize::new(0),
            request_timeout: config.request_timeout,
        })
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// Asks the member in use and, where `repeat` permits, the others after it. `requested` is
    /// the revision asked for, for the error that it has been compacted.
    pub(crate) async fn call<T, F, Fut>(
        &self,
        repeat: Repeat,
        requested: Revision,
        operation: F,
    ) -> Result<T, StoreError>
    where
        F: Fn(Arc<EtcdClient>) -> Fut,
        Fut: Future<Output = Result<T, etcd_client::Error>>,
    {
        let mut attempts = Vec::new();
        let first = self.current.load(Ordering::Relaxed);
        // One more attempt than members: the first may only have found a connection that had
        // died while idle, or a login that had become stale.
        for turn in 0..=self.members.len() {
            let index = (first + turn) % self.members.len();
            let Some(member) = self.members.get(index) else {
                break;
            };
            let (reason, sent) = match self.ask(member, requested, &operation).await {
                Ok(answer) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(Failure::Answer(error)) => {
                    self.current.store(index, Ordering::Relaxed);
                    return Err(error);
                }
                Err(Failure::NotSent(reason)) => (reason, false),
                Err(Failure::StaleLogin(reason)) => {
                    *member.client.lock().await = None;
                    if turn == self.members.len() {
                        return Err(StoreError::Denied { reason });
                    }
                    (reason, false)
                }
                Err(Failure::Lost(reason)) => (reason, true),
            };
            let following = (index + 1) % self.members.len();
            self.current.store(following, Ordering::Relaxed);
            attempts.push(Attempt {
                endpoint: member.endpoint.clone(),
                reason,
            });
            if sent && repeat == Repeat::IfNeverSent {
                return Err(StoreError::Interrupted { attempts });
            }
        }
        attempts.dedup();
        Err(StoreError::Unreachable { attempts })
    }

    async fn ask<T, F, Fut>(
        &self,
        member: &Member,
        requested: Revision,
        operation: &F,
    ) -> Result<T, Failure>
    where
        F: Fn(Arc<EtcdClient>) -> Fut,
        Fut: Future<Output = Result<T, etcd_client::Error>>,
    {
        let client = match tokio::time::timeout(self.request_timeout, member.client()).await {
            Ok(client) => client?,
            Err(_) => return Err(Failure::NotSent(self.timeout_text())),
        };
        match tokio::time::timeout(self.request_timeout, operation(client)).await {
            Ok(answer) => answer.map_err(|error| judge(error, requested)),
            Err(_) => Err(Failure::Lost(self.timeout_text())),
        }
    }

    fn timeout_text(&self) -> String {
        format!("no answer within {:?}", self.request_timeout)
    }

    /// Gives up the member in use after a stream on it failed.
    pub(crate) fn leave_current(&self) {
        let current = self.current.load(Ordering::Relaxed);
        self.current
            .store((current + 1) % self.members.len(), Ordering::Relaxed);
    }
}

impl Member {
    /// The logged-in client. An error here has changed nothing in the store.
    async fn client(&self) -> Result<Arc<EtcdClient>, Failure> {
        let mut slot = self.client.lock().await;
        if let Some(client) = &*slot {
            return Ok(Arc::clone(client));
        }
        // A member without a leader would otherwise serve a watch that never sees anything.
        let mut options = ConnectOptions::new().with_require_leader(true);
        if let Some(Credentials { user, password }) = &self.auth {
            options = options
                .with_user(user, password)
                .with_auto_token_refresh(true);
        }
        let channel = Channel::Tonic(self.channel.clone());
        let client =
            Client::from_channel(channel, Some(options))
                .await
                .map_err(|error| match judge(error, 0) {
                    Failure::Lost(reason) => Failure::NotSent(reason),
                    Failure::StaleLogin(reason) => Failure::Answer(StoreError::Denied { reason }),
                    other => other,
                })?;
        let client = Arc::new(EtcdClient(client));
        *slot = Some(Arc::clone(&client));
        Ok(client)
    }
}

impl EtcdClient {
    pub(crate) fn kv_client(&self) -> etcd_client::KvClient {
        self.0
            .kv_client()
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }

    pub(crate) fn lease_client(&self) -> etcd_client::LeaseClient {
        self.0.lease_client()
    }

    pub(crate) fn maintenance_client(&self) -> etcd_client::MaintenanceClient {
        self.0.maintenance_client()
    }

    pub(crate) fn watch_client(&self) -> etcd_client::WatchClient {
        self.0
            .watch_client()
            .max_decoding_message_size(MAX_ANSWER_BYTES)
    }
}

impl std::fmt::Debug for EtcdClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdClient").finish_non_exhaustive()
    }
}

/// The contents of the files that [`TlsConfig`] names.
struct TlsFiles {
    ca: Vec<u8>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
    server_name: Option<String>,
}

impl TlsFiles {
    fn read(config: &TlsConfig) -> Result<Self, StoreError> {
        let file = |path: &std::path::Path| {
            std::fs::read(path).map_err(|source| StoreError::TlsFile {
                path: path.to_owned(),
                source,
            })
        };
        Ok(Self {
            ca: file(&config.ca)?,
            identity: match &config.identity {
                Some(identity) => Some((file(&identity.certificate)?, file(&identity.key)?)),
                None => None,
            },
            server_name: config.server_name.clone(),
        })
    }
}

/// A channel that connects when first used and again whenever it was lost.
fn channel(
    endpoint: &Endpoint,
    tls: Option<&TlsFiles>,
    connect_timeout: Duration,
) -> Result<tonic::transport::Channel, StoreError> {
    let unusable = |error: tonic::transport::Error| StoreError::Tls {
        endpoint: endpoint.clone(),
        reason: std::error::Error::source(&error)
            .map_or_else(|| error.to_string(), ToString::to_string),
    };
    let mut builder = tonic::transport::Endpoint::from_shared(endpoint.to_string())
        .map_err(unusable)?
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        // etcd counts pings without a stream as an offence.
        .keep_alive_while_idle(false);
    if let Endpoint::Https(authority) = endpoint {
        let tls = tls.ok_or_else(|| StoreError::TlsMissing {
            endpoint: endpoint.clone(),
        })?;
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        let mut config = ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&tls.ca))
            .domain_name(tls.server_name.as_deref().unwrap_or(host));
        if let Some((certificate, key)) = &tls.identity {
            config = config.identity(Identity::from_pem(certificate, key));
        }
        builder = builder.tls_config(config).map_err(unusable)?;
    }
    Ok(builder.connect_lazy())
}
