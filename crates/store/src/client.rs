//! The client: one [`Store`] for all that the rest of Weft does with the store.
//!
//! Invariants: constructing a [`Store`] asks nothing of the network; every read is linearizable;
//! a write is sent at most once (it is repeated only where the connection was never made, so that
//! nothing can have been applied); no call takes longer than the request timeout times the number
//! of endpoints.

use std::sync::Arc;

use bytes::Bytes;
use etcd_client::{
    DeleteOptions, GetOptions, LeaseTimeToLiveOptions, PutOptions, TxnOp, TxnOpResponse,
};

use crate::config::StoreConfig;
use crate::error::{Failure, StoreError, judge};
use crate::kv::{KeyValue, Revision, Snapshot};
use crate::lease::LeaseSession;
use crate::part::Part;
use crate::subscription::{ResumedSubscription, Subscription};
use crate::txn::{MAX_TXN_OPERATIONS, Txn, TxnOutcome};

pub(crate) mod endpoints;
mod history;

use endpoints::{Endpoints, Repeat};

/// Keys read by one request of a snapshot. Keeps one answer, at typical sizes (1 kB a value),
/// far below [`endpoints::MAX_ANSWER_BYTES`].
const PAGE: i64 = 1000;

/// A handle on the store; cheap to clone, all clones share their connections.
#[derive(Debug, Clone)]
pub struct Store {
    endpoints: Arc<Endpoints>,
}

impl Store {
    /// Checks the configuration and reads the TLS files. The store itself need not be up: it is
    /// connected when first used, and again whenever the connection was lost.
    ///
    /// Async because connections belong to the Tokio runtime that this is called in; it does not
    /// wait for anything.
    #[allow(
        clippy::unused_async,
        reason = "ties the call to a runtime, which channels need"
    )]
    pub async fn connect(config: StoreConfig) -> Result<Self, StoreError> {
        Ok(Self {
            endpoints: Arc::new(Endpoints::new(config)?),
        })
    }

    /// Reads one key; `None` if it does not exist.
    pub async fn get(&self, key: &str) -> Result<Option<KeyValue>, StoreError> {
        let mut response = self
            .endpoints
            .call(Repeat::Always, 0, |client| async move {
                client.kv_client().get(key, None).await
            })
            .await?;
        Ok(response
            .take_kvs()
            .into_iter()
            .next()
            .and_then(|kv| KeyValue::from_wire(kv.0)))
    }

    /// Reads every key that starts with `prefix` (all keys if it is empty) at one revision.
    pub async fn range(&self, prefix: &str) -> Result<Snapshot, StoreError> {
        self.read(&[Part::Prefix(prefix.to_owned())]).await
    }

    /// Reads several prefixes, all at one revision, however much they hold.
    pub async fn snapshot<P: AsRef<str>>(&self, prefixes: &[P]) -> Result<Snapshot, StoreError> {
        let part = |prefix: &P| Part::Prefix(prefix.as_ref().to_owned());
        self.read(&prefixes.iter().map(part).collect::<Vec<_>>())
            .await
    }

    /// Reads several keys and prefixes, all at one revision, however much they hold.
    pub async fn read(&self, parts: &[Part]) -> Result<Snapshot, StoreError> {
        loop {
            match self.read_once(parts).await {
                // The revision of the first pages was compacted before the last was read: what
                // has been read is of no use, a newer revision is.
                Err(StoreError::Compacted { .. }) => {}
                other => return other,
            }
        }
    }

    async fn read_once(&self, parts: &[Part]) -> Result<Snapshot, StoreError> {
        // The first page of the first parts in one transaction settles the revision, and in
        // the usual case everything else as well.
        let mut revision = 0;
        let mut kvs = Vec::new();
        for group in parts.chunks(MAX_TXN_OPERATIONS) {
            let pages = self.first_pages(group, revision).await?;
            revision = pages.revision;
            for (part, mut page) in group.iter().zip(pages.pages) {
                loop {
                    let next = page.next.take();
                    kvs.append(&mut page.kvs);
                    let Some(start) = next else { break };
                    page = self.page(start, part, revision).await?;
                }
            }
        }
        Ok(Snapshot { revision, kvs })
    }

    async fn first_pages(&self, group: &[Part], at: Revision) -> Result<FirstPages, StoreError> {
        let operations: Vec<TxnOp> = group
            .iter()
            .map(|part| {
                let (key, end) = part.range();
                let options = GetOptions::new()
                    .with_range(end)
                    .with_limit(PAGE)
                    .with_revision(at);
                TxnOp::get(key, Some(options))
            })
            .collect();
        let txn = etcd_client::Txn::new().and_then(operations);
        let response = self
            .endpoints
            .call(Repeat::Always, at, |client| {
                let txn = txn.clone();
                async move { client.kv_client().txn(txn).await }
            })
            .await?;
        let header = response
            .header()
            .ok_or(StoreError::Malformed { what: "no header" })?;
        let revision = if at == 0 { header.revision() } else { at };
        let pages = response
            .op_responses()
            .into_iter()
            .map(|response| match response {
                TxnOpResponse::Get(response) => Ok(Page::new(response)),
                _ => Err(StoreError::Malformed {
                    what: "a read was not answered by a range",
                }),
            })
            .collect::<Result<Vec<_>, _>>()?;
        if pages.len() != group.len() {
            return Err(StoreError::Malformed {
                what: "not every read was answered",
            });
        }
        Ok(FirstPages { revision, pages })
    }

    async fn page(
        &self,
        start: Vec<u8>,
        part: &Part,
        revision: Revision,
    ) -> Result<Page, StoreError> {
        let (_, end) = part.range();
        let options = GetOptions::new()
            .with_range(end)
            .with_limit(PAGE)
            .with_revision(revision);
        let response = self
            .endpoints
            .call(Repeat::Always, revision, |client| {
                let (start, options) = (start.clone(), options.clone());
                async move { client.kv_client().get(start, Some(options)).await }
            })
            .await?;
        Ok(Page::new(response))
    }

    /// The current revision of the store: no write acknowledged before this call is above it.
    pub async fn revision(&self) -> Result<Revision, StoreError> {
        let response = self
            .endpoints
            .call(Repeat::Always, 0, |client| async move {
                let options = GetOptions::new().with_count_only();
                client.kv_client().get("\0", Some(options)).await
            })
            .await?;
        let header = response
            .header()
            .ok_or(StoreError::Malformed { what: "no header" })?;
        Ok(header.revision())
    }

    /// Sets a key that hangs on no lease; gives the revision of the change.
    pub async fn put(&self, key: &str, value: impl Into<Bytes>) -> Result<Revision, StoreError> {
        self.put_with_lease(key, value, 0).await
    }

    /// Sets a key and hangs it on a lease (0: none); gives the revision of the change.
    pub async fn put_with_lease(
        &self,
        key: &str,
        value: impl Into<Bytes>,
        lease: i64,
    ) -> Result<Revision, StoreError> {
        let value: Bytes = value.into();
        let response = self
            .endpoints
            .call(Repeat::IfNeverSent, 0, |client| {
                let (value, options) = (value.to_vec(), PutOptions::new().with_lease(lease));
                async move { client.kv_client().put(key, value, Some(options)).await }
            })
            .await?;
        let header = response
            .header()
            .ok_or(StoreError::Malformed { what: "no header" })?;
        Ok(header.revision())
    }

    /// Deletes a key; gives whether it was there.
    pub async fn delete(&self, key: &str) -> Result<bool, StoreError> {
        let response = self
            .endpoints
            .call(Repeat::IfNeverSent, 0, |client| async move {
                client.kv_client().delete(key, None).await
            })
            .await?;
        Ok(response.deleted() > 0)
    }

    /// Deletes every key that starts with `prefix` in one revision; gives how many there were.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<u64, StoreError> {
        let (key, end) = Part::Prefix(prefix.to_owned()).range();
        let response = self
            .endpoints
            .call(Repeat::IfNeverSent, 0, |client| {
                let (key, options) = (key.clone(), DeleteOptions::new().with_range(end.clone()));
                async move { client.kv_client().delete(key, Some(options)).await }
            })
            .await?;
        Ok(u64::try_from(response.deleted()).unwrap_or(0))
    }

    /// Carries out a transaction: all of it at one revision, or nothing.
    ///
    /// Nothing is split: more than [`MAX_TXN_OPERATIONS`] is an error; [`Txn::chunks`] splits
    /// what need not be atomic.
    pub async fn txn(&self, txn: Txn) -> Result<TxnOutcome, StoreError> {
        txn.check()?;
        let request = txn.to_etcd();
        let response = self
            .endpoints
            .call(Repeat::IfNeverSent, 0, |client| {
                let request = request.clone();
                async move { client.kv_client().txn(request).await }
            })
            .await?;
        let header = response
            .header()
            .ok_or(StoreError::Malformed { what: "no header" })?;
        Ok(TxnOutcome {
            succeeded: response.succeeded(),
            revision: header.revision(),
        })
    }

    /// Forgets the history before `revision`: watches and reads can no longer start there.
    pub async fn compact(&self, revision: Revision) -> Result<(), StoreError> {
        self.endpoints
            .call(Repeat::IfNeverSent, revision, |client| async move {
                client.kv_client().compact(revision, None).await
            })
            .await?;
        Ok(())
    }

    /// Follows everything under `prefixes`: first what is there, then each change, for ever and
    /// through every loss of the store. Prefixes that lie within another one are left out.
    pub fn subscribe(&self, prefixes: Vec<String>) -> Subscription {
        Subscription::start(self.clone(), prefixes)
    }

    /// Follows the changes under `prefixes` from `revision` on (inclusive), without reading what
    /// is there. Ends with an error where that revision is no longer, or not yet, in the store.
    pub fn subscribe_from(&self, prefixes: Vec<String>, revision: Revision) -> ResumedSubscription {
        ResumedSubscription::start(self.clone(), prefixes, revision)
    }

    /// Starts a lease that is kept, and granted anew whenever it was lost, with keys that are
    /// present as long as it is held. `ttl` is how long after our death they vanish; etcd counts
    /// in whole seconds and takes no less than about 2 s.
    pub fn lease_session(&self, ttl: std::time::Duration) -> LeaseSession {
        LeaseSession::start(self.clone(), ttl)
    }

    /// Grants a lease that nobody keeps: what hangs on it vanishes after `ttl`, in whole seconds.
    pub async fn grant_lease(&self, ttl: std::time::Duration) -> Result<i64, StoreError> {
        let seconds = i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX);
        Ok(self.lease_grant(seconds).await?.id)
    }

    pub(crate) fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(crate) async fn lease_grant(&self, ttl_seconds: i64) -> Result<GrantedLease, StoreError> {
        // Granted twice, the first lease holds no keys and runs out by itself.
        let response = self
            .endpoints
            .call(Repeat::Always, 0, |client| async move {
                client.lease_client().grant(ttl_seconds, None).await
            })
            .await?;
        Ok(GrantedLease {
            id: response.id(),
            ttl_seconds: response.ttl(),
        })
    }

    pub(crate) async fn lease_revoke(&self, id: i64) -> Result<(), StoreError> {
        self.endpoints
            .call(Repeat::Always, 0, |client| async move {
                client.lease_client().revoke(id).await
            })
            .await?;
        Ok(())
    }

    /// Renews a lease; gives whether it still exists.
    pub(crate) async fn lease_keep_alive(&self, id: i64) -> Result<bool, StoreError> {
        let result = self
            .endpoints
            .call(Repeat::Always, 0, |client| async move {
                match client.lease_client().keep_alive(id).await {
                    Ok(_) => Ok(true),
                    // How the library words an answer with TTL 0, which is etcd's "no such lease".
                    Err(etcd_client::Error::LeaseKeepAliveError(text))
                        if text == "lease not found" =>
                    {
                        Ok(false)
                    }
                    Err(error) => Err(error),
                }
            })
            .await;
        match result {
            Err(StoreError::Refused {
                code: tonic::Code::NotFound,
                ..
            }) => Ok(false),
            other => other,
        }
    }

    /// The keys that hang on a lease; `None` if it does not exist.
    pub(crate) async fn lease_keys(&self, id: i64) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
        let response = self
            .endpoints
            .call(Repeat::Always, 0, |client| async move {
                let options = LeaseTimeToLiveOptions::new().with_keys();
                client.lease_client().time_to_live(id, Some(options)).await
            })
            .await?;
        Ok((response.ttl() > 0).then(|| response.keys().to_vec()))
    }
}

/// A lease as it was granted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GrantedLease {
    pub(crate) id: i64,
    /// What the store made of the time asked for.
    pub(crate) ttl_seconds: i64,
}

struct FirstPages {
    revision: Revision,
    pages: Vec<Page>,
}

/// Part of a prefix.
struct Page {
    kvs: Vec<KeyValue>,
    /// Where the next page starts; `None` if this is the last.
    next: Option<Vec<u8>>,
}

impl Page {
    fn new(mut response: etcd_client::GetResponse) -> Self {
        let more = response.more();
        let kvs = response.take_kvs();
        // The smallest key above the last one of this page.
        let next = kvs
            .last()
            .filter(|_| more)
            .map(|last| [last.key(), &[0][..]].concat());
        Self {
            kvs: kvs
                .into_iter()
                .filter_map(|kv| KeyValue::from_wire(kv.0))
                .collect(),
            next,
        }
    }
}

/// Judges an error that came outside of [`Endpoints::call`], from a stream.
pub(crate) fn stream_failure(error: etcd_client::Error, requested: Revision) -> Failure {
    judge(error, requested)
}
