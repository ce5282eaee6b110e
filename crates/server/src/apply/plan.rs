//! What is to be written so that the store holds what a request wants.

use std::collections::{BTreeMap, BTreeSet};

use weft_model::{HostName, PortBinding};

use super::request::{ApplyRequest, ApplyResult, ItemResult};
use crate::api::{ErrorCode, ErrorDetail};
use crate::membership::{self, Found, Place, Writes};
use crate::record::Record;

/// What shall become of one port. An item that names no port is refused before it gets here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) place: Place,
    /// What it shall be; `None` if it shall not be.
    pub(crate) record: Option<Record<PortBinding>>,
    /// The revision that the caller expects.
    expected: Option<i64>,
}

/// The writes for one item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// Index of the item that it is for.
    pub(crate) item: usize,
    pub(crate) place: Place,
    /// The revision that the record has before; 0 if there is none.
    pub(crate) present: i64,
    pub(crate) writes: Writes,
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
            plan.prune.insert(ErrorDetail::parse("prune_hosts", host)?);
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
        record: Result<Option<Record<PortBinding>>, ErrorDetail>,
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

    /// The ports that are to be looked up with what they shall be.
    pub(crate) fn items(&self) -> Vec<(Place, Option<&Record<PortBinding>>)> {
        let items = self.items.values();
        items
            .map(|item| (item.place.clone(), item.record.as_ref()))
            .collect()
    }

    /// The record that item `at` wants, if it wants one and has not been refused.
    pub(crate) fn wanted(&self, at: usize) -> Option<(&Place, &Record<PortBinding>)> {
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

    /// What is to be written for item `at`, given what there is of it; if nothing, its result is
    /// settled.
    pub(crate) fn step(&mut self, at: usize, found: &Found) -> Option<Step> {
        let item = self.items.get(&at)?;
        let present = found
            .record
            .as_ref()
            .map_or(0, |record| record.mod_revision);
        if let Some(expected) = item.expected.filter(|expected| *expected != present) {
            let wanted = match expected {
                0 => "the record must not exist yet".to_owned(),
                expected => format!("the record's mod_revision must be {expected}"),
            };
            self.refuse(at, ErrorDetail::precondition(present, &wanted));
            return None;
        }
        let place = item.place.clone();
        let (result, writes) = membership::change(&place, item.record.as_ref(), found);
        let Some(writes) = writes else {
            let mod_revision = (result == ApplyResult::Unchanged).then_some(present);
            self.settle(at, result, mod_revision);
            return None;
        };
        Some(Step {
            item: at,
            place,
            present,
            writes,
            result,
        })
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

impl Step {
    /// The record's revision once this was written at `written`; `None` if it is gone.
    pub(crate) fn revision(&self, written: i64) -> Option<i64> {
        match self.result {
            ApplyResult::Created | ApplyResult::Updated => Some(written),
            // Only memberships were missing.
            ApplyResult::Unchanged => Some(self.present),
            ApplyResult::Deleted | ApplyResult::Absent | ApplyResult::Refused => None,
        }
    }
}

fn place(host: &str, port: &str) -> Result<Place, ErrorDetail> {
    let host = ErrorDetail::parse("host", host)?;
    Ok((host, ErrorDetail::parse("port", port)?))
}
