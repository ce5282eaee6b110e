//! Changing the tables, inside one transaction of the file.
//!
//! Invariant: a request is either refused before anything is written for it, or carried out
//! whole. That is what lets many requests share one transaction of the file (and one fsync): only
//! a failing file can stop one half-way, and then nothing of the transaction is kept.

use etcd_client::proto::{
    PbDeleteRequest, PbDeleteResponse, PbEvent, PbKeyValue, PbPutRequest, PbPutResponse,
    PbResponseHeader,
};
use redb::{ReadableTable, Table, WriteTransaction};

use super::interval::Interval;
use super::read::View;
use super::refusal::Refusal;
use super::schema::{
    EVENT_DELETE, EVENT_PUT, FIRST_REVISION, KEYS, LEASE_KEYS, LEASES, LOG, META, META_COMPACTED,
    VERSIONS, encode_change, encode_present, place_of_present,
};

/// All tables, open for writing.
pub(super) struct Tables<'t> {
    pub(super) keys: Table<'t, &'static [u8], &'static [u8]>,
    pub(super) log: Table<'t, (i64, u32), &'static [u8]>,
    pub(super) versions: Table<'t, (&'static [u8], i64), (u32, bool)>,
    pub(super) leases: Table<'t, i64, i64>,
    pub(super) lease_keys: Table<'t, (i64, &'static [u8]), ()>,
    pub(super) meta: Table<'t, &'static str, u64>,
    /// The newest revision.
    pub(super) revision: i64,
    /// The oldest revision that can still be read.
    pub(super) compacted: i64,
    /// The changes of the request in hand; they make up revision `revision + 1`.
    events: Vec<PbEvent>,
}

/// The tables within a transaction, open for reading.
type WriteView<'a, 't> = View<
    'a,
    Table<'t, &'static [u8], &'static [u8]>,
    Table<'t, (i64, u32), &'static [u8]>,
    Table<'t, (&'static [u8], i64), (u32, bool)>,
>;

impl<'t> Tables<'t> {
    pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, Refusal> {
        let log = transaction.open_table(LOG)?;
        let revision = log.last()?.map_or(FIRST_REVISION, |(at, _)| at.value().0);
        let meta = transaction.open_table(META)?;
        let compacted = compacted_revision(&meta)?;
        Ok(Self {
            keys: transaction.open_table(KEYS)?,
            log,
            versions: transaction.open_table(VERSIONS)?,
            leases: transaction.open_table(LEASES)?,
            lease_keys: transaction.open_table(LEASE_KEYS)?,
            meta,
            revision,
            compacted,
            events: Vec::new(),
        })
    }

    /// What the request in hand sees: everything so far, its own changes included.
    pub(super) fn view(&self) -> WriteView<'_, 't> {
        View {
            keys: &self.keys,
            log: &self.log,
            versions: &self.versions,
            revision: self.revision + i64::from(!self.events.is_empty()),
            compacted: self.compacted,
        }
    }

    /// Ends the request in hand: its changes, if any, become the next revision. Gives them.
    pub(super) fn finish(&mut self) -> Vec<PbEvent> {
        if !self.events.is_empty() {
            self.revision += 1;
        }
        std::mem::take(&mut self.events)
    }

    /// Refuses a put that names a lease or a value which do not exist.
    pub(super) fn check_put(&self, request: &PbPutRequest) -> Result<(), Refusal> {
        if request.lease != 0 && self.leases.get(request.lease)?.is_none() {
            return Err(Refusal::LeaseNotFound);
        }
        if (request.ignore_value || request.ignore_lease)
            && self.keys.get(request.key.as_slice())?.is_none()
        {
            return Err(Refusal::KeyNotFound);
        }
        Ok(())
    }

    /// Sets a key. The request has been checked.
    pub(super) fn put(&mut self, request: PbPutRequest) -> Result<PbPutResponse, Refusal> {
        let revision = self.revision + 1;
        let before = self.view().present(&request.key)?;
        let (create_revision, version, old_lease) = match &before {
            Some(kv) => (kv.create_revision, kv.version + 1, kv.lease),
            None => (revision, 1, 0),
        };
        let value = match &before {
            Some(kv) if request.ignore_value => kv.value.clone(),
            _ => request.value,
        };
        let lease = if request.ignore_lease {
            old_lease
        } else {
            request.lease
        };
        if lease != old_lease {
            if old_lease != 0 {
                self.lease_keys
                    .remove((old_lease, request.key.as_slice()))?;
            }
            if lease != 0 {
                self.lease_keys
                    .insert((lease, request.key.as_slice()), ())?;
            }
        }
        let kv = PbKeyValue {
            key: request.key,
            create_revision,
            mod_revision: revision,
            version,
            value,
            lease,
        };
        let present = encode_present(self.place()?, &kv);
        let superseded = {
            let old = self.keys.insert(kv.key.as_slice(), present.as_slice())?;
            old.map(|old| place_of_present(old.value())).transpose()?
        };
        self.supersede(&kv.key, superseded)?;
        self.record(PbEvent {
            r#type: EVENT_PUT,
            kv: Some(kv),
            prev_kv: None,
        })?;
        Ok(PbPutResponse {
            header: Some(PbResponseHeader {
                revision,
                ..Default::default()
            }),
            prev_kv: before.filter(|_| request.prev_kv),
        })
    }

    /// Deletes an interval of keys. The request has been checked.
    pub(super) fn delete(
        &mut self,
        request: &PbDeleteRequest,
    ) -> Result<PbDeleteResponse, Refusal> {
        let interval = Interval::new(&request.key, &request.range_end);
        let (kvs, _) = self.view().collect(&interval, 0, usize::MAX)?;
        for kv in &kvs {
            self.delete_present(kv)?;
        }
        Ok(PbDeleteResponse {
            header: Some(PbResponseHeader {
                revision: self.view().revision,
                ..Default::default()
            }),
            deleted: i64::try_from(kvs.len()).unwrap_or(i64::MAX),
            prev_kvs: if request.prev_kv { kvs } else { Vec::new() },
        })
    }

    fn delete_present(&mut self, kv: &PbKeyValue) -> Result<(), Refusal> {
        let revision = self.revision + 1;
        let superseded = {
            let old = self.keys.remove(kv.key.as_slice())?;
            old.map(|old| place_of_present(old.value())).transpose()?
        };
        self.supersede(&kv.key, superseded)?;
        self.versions
            .insert((kv.key.as_slice(), revision), (self.place()?, true))?;
        if kv.lease != 0 {
            self.lease_keys.remove((kv.lease, kv.key.as_slice()))?;
        }
        let gone = PbKeyValue {
            key: kv.key.clone(),
            mod_revision: revision,
            ..Default::default()
        };
        self.record(PbEvent {
            r#type: EVENT_DELETE,
            kv: Some(gone),
            prev_kv: None,
        })
    }

    /// The place of the next change of the request in hand.
    fn place(&self) -> Result<u32, Refusal> {
        u32::try_from(self.events.len())
            .map_err(|_| Refusal::Storage("a revision of more than 2^32 changes".to_owned()))
    }

    /// Notes where the put is that `keys` does not show any more.
    fn supersede(&mut self, key: &[u8], put: Option<(i64, u32)>) -> Result<(), Refusal> {
        if let Some((revision, place)) = put {
            self.versions.insert((key, revision), (place, false))?;
        }
        Ok(())
    }

    /// Writes a change into the history.
    fn record(&mut self, event: PbEvent) -> Result<(), Refusal> {
        let at = (self.revision + 1, self.place()?);
        self.log.insert(at, encode_change(&event).as_slice())?;
        self.events.push(event);
        Ok(())
    }

    /// Grants a lease.
    pub(super) fn grant(&mut self, id: i64, ttl_seconds: i64) -> Result<(), Refusal> {
        if self.leases.get(id)?.is_some() {
            return Err(Refusal::LeaseExists);
        }
        self.leases.insert(id, ttl_seconds)?;
        Ok(())
    }

    /// Ends a lease; its keys go away, all at one revision.
    pub(super) fn revoke(&mut self, id: i64) -> Result<(), Refusal> {
        if self.leases.remove(id)?.is_none() {
            return Err(Refusal::LeaseNotFound);
        }
        for key in lease_keys(&self.lease_keys, id)? {
            if let Some(kv) = self.view().present(&key)? {
                self.delete_present(&kv)?;
            }
        }
        Ok(())
    }

    /// Forgets the history before `revision`: of each key only the last change up to it stays,
    /// and not even that if it was a deletion. What happened at `revision` itself stays, so that
    /// a watch can start there.
    pub(super) fn compact(&mut self, revision: i64) -> Result<(), Refusal> {
        if revision <= self.compacted {
            return Err(Refusal::Compacted);
        }
        if revision > self.revision {
            return Err(Refusal::FutureRevision);
        }
        // A change can be forgotten when a later one of the same key is old enough, or when it
        // deletes. Both kinds of keys changed since the last compaction.
        let mut keys = std::collections::BTreeSet::new();
        for entry in self.log.range((self.compacted, 0)..=(revision, u32::MAX))? {
            let (at, record) = entry?;
            let event = super::schema::decode_change(at.value().0, record.value())?;
            keys.extend(event.kv.map(|kv| kv.key));
        }
        for key in keys {
            let mut versions = Vec::new();
            for entry in self
                .versions
                .range((key.as_slice(), 0)..=(key.as_slice(), revision))?
            {
                let (at, place) = entry?;
                versions.push((at.value().1, place.value()));
            }
            let present = self.keys.get(key.as_slice())?;
            let present = present.map(|present| place_of_present(present.value()));
            let later = present.transpose()?.map(|(changed, _)| changed);
            if later.is_none_or(|changed| changed > revision)
                && let Some((changed, (_, deleted))) = versions.last()
                && (*changed == revision || !deleted)
            {
                versions.pop();
            }
            for (changed, (place, _)) in versions {
                self.versions.remove((key.as_slice(), changed))?;
                self.log.remove((changed, place))?;
            }
        }
        self.meta
            .insert(META_COMPACTED, u64::try_from(revision).unwrap_or(0))?;
        self.compacted = revision;
        Ok(())
    }
}

/// The keys that hang on a lease, ascending.
pub(super) fn lease_keys(
    table: &impl ReadableTable<(i64, &'static [u8]), ()>,
    id: i64,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut keys = Vec::new();
    for entry in table.range((id, &[][..])..)? {
        let (at, ()) = {
            let (at, none) = entry?;
            (at, none.value())
        };
        let (lease, key) = at.value();
        if lease != id {
            break;
        }
        keys.push(key.to_vec());
    }
    Ok(keys)
}

/// How far the history is compacted; -1, as in etcd, if it never was.
pub(super) fn compacted_revision(
    meta: &impl ReadableTable<&'static str, u64>,
) -> Result<i64, Refusal> {
    match meta.get(META_COMPACTED)? {
        None => Ok(-1),
        Some(number) => i64::try_from(number.value())
            .map_err(|_| Refusal::Storage("the compacted revision is wrong".into())),
    }
}

#[cfg(test)]
mod tests;
