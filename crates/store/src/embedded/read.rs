//! Reading keys, now and in the past.
//!
//! The same code reads from a committed state and from within a transaction that is being made,
//! which is why it is generic over the tables.

use etcd_client::proto::{PbEvent, PbKeyValue, PbRangeRequest, PbRangeResponse, PbResponseHeader};
use redb::ReadableTable;

use super::interval::Interval;
use super::refusal::Refusal;
use super::schema::{decode_change, decode_present, place_of_present};

/// The tables that reading needs, and where they stand.
pub(super) struct View<'a, K, L, V> {
    pub(super) keys: &'a K,
    pub(super) log: &'a L,
    pub(super) versions: &'a V,
    /// The newest revision in the tables.
    pub(super) revision: i64,
    /// The oldest revision that can still be read.
    pub(super) compacted: i64,
}

/// Where a change stands in the history: its revision and its place within it.
type Place = (i64, u32);

/// Values of `RangeRequest.SortOrder`.
const SORT_NONE: i32 = 0;
const SORT_ASCEND: i32 = 1;
const SORT_DESCEND: i32 = 2;
/// Values of `RangeRequest.SortTarget`.
const BY_KEY: i32 = 0;
const BY_VERSION: i32 = 1;
const BY_CREATE: i32 = 2;
const BY_MOD: i32 = 3;
const BY_VALUE: i32 = 4;

impl<K, L, V> View<'_, K, L, V>
where
    K: ReadableTable<&'static [u8], &'static [u8]>,
    L: ReadableTable<(i64, u32), &'static [u8]>,
    V: ReadableTable<(&'static [u8], i64), (u32, bool)>,
{
    /// The present record of one key.
    pub(super) fn present(&self, key: &[u8]) -> Result<Option<PbKeyValue>, Refusal> {
        self.keys
            .get(key)?
            .map(|record| decode_present(key, record.value()))
            .transpose()
    }

    /// Refuses a revision that is not, or no longer, there; 0 stands for the newest.
    pub(super) fn check_revision(&self, revision: i64) -> Result<(), Refusal> {
        if revision > self.revision {
            return Err(Refusal::FutureRevision);
        }
        if revision > 0 && revision < self.compacted {
            return Err(Refusal::Compacted);
        }
        Ok(())
    }

    /// Answers a range request. The header carries the revision only.
    pub(super) fn range(&self, request: &PbRangeRequest) -> Result<PbRangeResponse, Refusal> {
        self.check_revision(request.revision)?;
        let interval = Interval::new(&request.key, &request.range_end);
        let limit = usize::try_from(request.limit)
            .ok()
            .filter(|limit| *limit > 0);
        // What is filtered or sorted can only be cut short afterwards.
        let whole = request.sort_order != SORT_NONE
            || request.min_mod_revision != 0
            || request.max_mod_revision != 0
            || request.min_create_revision != 0
            || request.max_create_revision != 0;
        let wanted = match limit {
            _ if request.count_only => 0,
            // One more shows that there is more.
            Some(limit) if !whole => limit.saturating_add(1),
            _ => usize::MAX,
        };
        let (mut kvs, count) = self.collect(&interval, request.revision, wanted)?;
        kvs.retain(|kv| passes(kv, request));
        sort(&mut kvs, request);
        let more = limit.is_some_and(|limit| kvs.len() > limit);
        kvs.truncate(limit.unwrap_or(usize::MAX));
        if request.keys_only {
            for kv in &mut kvs {
                kv.value = Vec::new();
            }
        }
        Ok(PbRangeResponse {
            header: Some(PbResponseHeader {
                revision: self.revision,
                ..Default::default()
            }),
            kvs,
            more,
            count: i64::try_from(count).unwrap_or(i64::MAX),
        })
    }

    /// The first `wanted` records of an interval at a revision (0 or less: now), ascending, and
    /// how many there are in all.
    pub(super) fn collect(
        &self,
        interval: &Interval,
        revision: i64,
        wanted: usize,
    ) -> Result<(Vec<PbKeyValue>, usize), Refusal> {
        if interval.is_empty() {
            return Ok((Vec::new(), 0));
        }
        if revision > 0 && revision < self.revision {
            return self.collect_past(interval, revision, wanted);
        }
        let mut kvs = Vec::new();
        let mut count = 0;
        for entry in self.keys.range::<&[u8]>(interval.bounds())? {
            let (key, record) = entry?;
            if count < wanted {
                kvs.push(decode_present(key.value(), record.value())?);
            }
            count += 1;
        }
        Ok((kvs, count))
    }

    fn collect_past(
        &self,
        interval: &Interval,
        revision: i64,
        wanted: usize,
    ) -> Result<(Vec<PbKeyValue>, usize), Refusal> {
        let mut superseded = self.superseded(interval, revision)?.into_iter().peekable();
        let mut kvs = Vec::new();
        let mut count = 0;
        let mut found = |place: Place| -> Result<(), Refusal> {
            if count < wanted {
                kvs.extend(self.change_at(place)?.kv);
            }
            count += 1;
            Ok(())
        };
        for entry in self.keys.range::<&[u8]>(interval.bounds())? {
            let (key, present) = entry?;
            let place = place_of_present(present.value())?;
            if place.0 > revision {
                continue;
            }
            while let Some((_, earlier)) = superseded.next_if(|(other, _)| **other < *key.value()) {
                found(earlier)?;
            }
            superseded.next_if(|(other, _)| **other == *key.value());
            found(place)?;
        }
        superseded.try_for_each(|(_, place)| found(place))?;
        Ok((kvs, count))
    }

    /// The keys of an interval that `versions` says were there at a revision, ascending, and where what
    /// they were then is.
    fn superseded(
        &self,
        interval: &Interval,
        revision: i64,
    ) -> Result<Vec<(Vec<u8>, Place)>, Refusal> {
        let mut places = Vec::new();
        // All versions of a key stand together, the oldest first: the last one that is not too
        // new tells whether the key was there.
        let mut current: Option<(Vec<u8>, Option<Place>)> = None;
        let end = |current: Option<(Vec<u8>, Option<Place>)>| {
            current.and_then(|(key, place)| Some((key, place?)))
        };
        for entry in self.versions.range((interval.start(), 0)..)? {
            let (at, place) = entry?;
            let (key, changed) = at.value();
            if interval.is_past(key) {
                break;
            }
            if current.as_ref().is_none_or(|(known, _)| known != key) {
                places.extend(end(current.replace((key.to_vec(), None))));
            }
            if changed <= revision
                && let Some((_, latest)) = &mut current
            {
                let (place, deleted) = place.value();
                *latest = (!deleted).then_some((changed, place));
            }
        }
        places.extend(end(current));
        Ok(places)
    }

    /// The record of a key as it was just before it changed at `revision`; `None` if there was none or
    /// it is no longer known.
    pub(super) fn before(&self, key: &[u8], revision: i64) -> Result<Option<PbKeyValue>, Refusal> {
        if revision <= self.compacted {
            return Ok(None);
        }
        let Some(entry) = self.versions.range((key, 0)..(key, revision))?.next_back() else {
            return Ok(None);
        };
        let (at, place) = entry?;
        let (place, deleted) = place.value();
        if deleted {
            Ok(None)
        } else {
            Ok(self.change_at((at.value().1, place))?.kv)
        }
    }

    fn change_at(&self, place: Place) -> Result<PbEvent, Refusal> {
        let record = self.log.get(place)?.ok_or_else(|| {
            Refusal::Storage(format!("revision {} is missing in the history", place.0))
        })?;
        decode_change(place.0, record.value())
    }
}

fn passes(kv: &PbKeyValue, request: &PbRangeRequest) -> bool {
    let within = |revision: i64, min: i64, max: i64| {
        (min == 0 || revision >= min) && (max == 0 || revision <= max)
    };
    within(
        kv.mod_revision,
        request.min_mod_revision,
        request.max_mod_revision,
    ) && within(
        kv.create_revision,
        request.min_create_revision,
        request.max_create_revision,
    )
}

fn sort(kvs: &mut [PbKeyValue], request: &PbRangeRequest) {
    let order = match request.sort_order {
        // They come in this order anyway.
        SORT_NONE if request.sort_target == BY_KEY => return,
        SORT_NONE => SORT_ASCEND,
        order => order,
    };
    match request.sort_target {
        BY_VERSION => kvs.sort_by_key(|kv| kv.version),
        BY_CREATE => kvs.sort_by_key(|kv| kv.create_revision),
        BY_MOD => kvs.sort_by_key(|kv| kv.mod_revision),
        BY_VALUE => kvs.sort_by(|a, b| a.value.cmp(&b.value)),
        _ => {}
    }
    if order == SORT_DESCEND {
        kvs.reverse();
    }
}

/// Whether the sort order and target of a request are ones that there are.
pub(super) fn is_sort_known(request: &PbRangeRequest) -> bool {
    (SORT_NONE..=SORT_DESCEND).contains(&request.sort_order)
        && (BY_KEY..=BY_VALUE).contains(&request.sort_target)
}
