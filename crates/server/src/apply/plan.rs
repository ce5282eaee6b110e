//! What is to be written so that the store holds what a request wants.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{HostName, PortId};

use super::request::{ApplyRequest, ApplyResult, ItemResult};
use crate::api::{ErrorCode, ErrorDetail};
use crate::record::Record;

/// One port on one host.
pub(crate) type Place = (HostName, PortId);

/// The record that the store has of a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Present {
    /// Its revision.
    pub(crate) mod_revision: i64,
    /// Its value.
    pub(crate) value: Vec<u8>,
}

/// What shall become of one port. An item that names no port is refused before it gets here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) place: Place,
    /// What it shall be; `None` if it shall not be.
    pub(crate) record: Option<Record>,
    /// The revision that the caller expects.
    expected: Option<i64>,
}

/// One write, guarded by the revision at which it was planned.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Index of the item that it is for.
    pub(crate) item: usize,
    pub(crate) place: Place,
    /// The revision that the record must still have; 0 if there must be none.
    pub(crate) guard: i64,
    /// What to write; `None` to delete.
    pub(crate) value: Option<Vec<u8>>,
    /// What has become of the item once it is written.
    pub(crate) result: ApplyResult,
}

/// A request that is being met.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    /// The items that name a port; the index is the one of `results`.
    items: BTreeMap<usize, Item>,
    pub(crate) results: Vec<ItemResult>,
    /// Hosts that are pruned.
    pub(crate) prune: BTreeSet<HostName>,
}

impl Plan {
    /// Reads a request. What is wrong with an item is its result; only a host to prune that is no
    /// name at all refuses the whole, since nobody could say what would be left.
    pub(crate) fn of(request: ApplyRequest) -> Result<Self, ErrorDetail> {
        let mut plan = Self {
            items: BTreeMap::new(),
            results: Vec::new(),
            prune: BTreeSet::new(),
        };
        for host in &request.prune_hosts {
            let host = host
                .parse()
                .map_err(|error| ErrorDetail::name("prune_hosts", error))?;
            plan.prune.insert(host);
        }
        let mut named = BTreeSet::new();
        for item in request.ports {
            let record = Record::from_json(item.record).map(Some);
            plan.add(item.host, item.port, record, item.mod_revision, &mut named);
        }
        for item in request.delete {
            plan.add(
                item.host,
                item.port,
                Ok(None),
                item.mod_revision,
                &mut named,
            );
        }
        Ok(plan)
    }

    fn add(
        &mut self,
        host: String,
        port: String,
        record: Result<Option<Record>, ErrorDetail>,
        expected: Option<i64>,
        named: &mut BTreeSet<Place>,
    ) {
        let at = self.results.len();
        // A duplicate is found even if the record is refused: which of the two is meant is open.
        let item = place(&host, &port)
            .and_then(|place| {
                if named.insert(place.clone()) {
                    return Ok(place);
                }
                let message = format!("port `{port}` on host `{host}` is given twice");
                Err(ErrorDetail::new(ErrorCode::BadRequest, message)
                    .with_hint("the first of the two was taken; remove one"))
            })
            .and_then(|place| {
                Ok(Item {
                    place,
                    record: record?,
                    expected,
                })
            });
        self.results.push(ItemResult {
            host,
            port,
            result: ApplyResult::Refused,
            mod_revision: None,
            error: None,
            warnings: Vec::new(),
        });
        match item {
            Ok(item) => {
                self.items.insert(at, item);
            }
            Err(error) => self.refuse(at, error),
        }
    }

    /// The ports that are to be looked up, besides all those of the hosts to prune.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, &Place)> {
        self.items.iter().map(|(at, item)| (*at, &item.place))
    }

    /// The record that item `at` wants, if it wants one and has not been refused.
    pub(crate) fn wanted(&self, at: usize) -> Option<(&Place, &Record)> {
        let item = self.items.get(&at)?;
        Some((&item.place, item.record.as_ref()?))
    }

    /// Adds the ports among `present` that pruning removes: those on pruned hosts which no item
    /// names, not even one that is refused.
    pub(crate) fn prune(&mut self, present: impl IntoIterator<Item = Place>) {
        let named: BTreeSet<_> = self
            .results
            .iter()
            .filter_map(|r| place(&r.host, &r.port).ok())
            .collect();
        let mut seen = named.clone();
        for (host, port) in present {
            if self.prune.contains(&host) && !named.contains(&(host.clone(), port.clone())) {
                self.add(
                    host.to_string(),
                    port.to_string(),
                    Ok(None),
                    None,
                    &mut seen,
                );
            }
        }
    }

    /// What is to be written for item `at`, given its record of now; if nothing, its result is
    /// settled.
    pub(crate) fn step(&mut self, at: usize, present: Option<&Present>) -> Option<Step> {
        let item = self.items.get(&at)?;
        let guard = present.map_or(0, |present| present.mod_revision);
        if let Some(expected) = item.expected.filter(|expected| *expected != guard) {
            let wanted = match expected {
                0 => "the record must not exist yet".to_owned(),
                expected => format!("the record's mod_revision must be {expected}"),
            };
            self.refuse(at, ErrorDetail::precondition(guard, &wanted));
            return None;
        }
        let place = item.place.clone();
        match (&item.record, present) {
            (None, None) => {
                self.settle(at, ApplyResult::Absent, None);
                None
            }
            (Some(record), Some(present)) if record.equals(&present.value) => {
                self.settle(at, ApplyResult::Unchanged, Some(guard));
                None
            }
            (record, _) => {
                let result = match (record, present) {
                    (None, _) => ApplyResult::Deleted,
                    (Some(_), None) => ApplyResult::Created,
                    (Some(_), Some(_)) => ApplyResult::Updated,
                };
                let value = record.as_ref().map(Record::to_bytes);
                Some(Step {
                    item: at,
                    place,
                    guard,
                    value,
                    result,
                })
            }
        }
    }

    /// Notes what has become of item `at`.
    pub(crate) fn settle(&mut self, at: usize, result: ApplyResult, mod_revision: Option<i64>) {
        if let Some(item) = self.results.get_mut(at) {
            item.result = result;
            item.mod_revision = mod_revision;
            item.error = None;
        }
    }

    /// Notes that item `at` cannot be had, and gives it up.
    pub(crate) fn refuse(&mut self, at: usize, error: ErrorDetail) {
        self.items.remove(&at);
        if let Some(item) = self.results.get_mut(at) {
            item.result = ApplyResult::Refused;
            item.mod_revision = None;
            item.error = Some(error);
        }
    }
}

fn place(host: &str, port: &str) -> Result<Place, ErrorDetail> {
    let host = host
        .parse()
        .map_err(|error| ErrorDetail::name("host", error))?;
    let port = port
        .parse()
        .map_err(|error| ErrorDetail::name("port", error))?;
    Ok((host, port))
}
