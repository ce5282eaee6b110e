//! Reading what there is of the wanted resources, and writing what differs: as many resources as
//! fit into one transaction, several transactions at a time, and again for those that others
//! changed meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, stream};
use weft_model::{Key, Resource};
use weft_store::{Compare, MAX_TXN_OPERATIONS, Op, Part, Snapshot, StoreError, Txn, TxnOutcome};

use crate::api::error::ErrorDetail;
use crate::api::{App, read, write};
use crate::desired::{
    Change, DesiredOutcome, DesiredResult, Found, Wanted, Writes, change, concerned, hosts,
};
use crate::membership::Present;

/// Transactions under way for one request.
const AT_A_TIME: usize = 4;

/// Bytes of values in one transaction; half of etcd's limit on a request (`--max-request-bytes`,
/// 1.5 MiB), so that keys and guards have room, too.
const MAX_TXN_BYTES: usize = 768 * 1024;

/// The writes for one item.
struct Step {
    item: usize,
    writes: Writes,
    result: DesiredResult,
}

/// Makes the store hold what is wanted, by the place of its item in `results`, and says there what
/// has become of it. Gives a revision of the store that holds all of it.
pub(super) async fn carry_out(
    app: &App,
    mut open: BTreeMap<usize, Wanted>,
    dry_run: bool,
    results: &mut [DesiredOutcome],
) -> Result<i64, ErrorDetail> {
    let mut revision = 0;
    let mut alone = BTreeSet::new();
    for _ in 0..write::ATTEMPTS {
        let (found, read_at) = match find(app, &open).await {
            Ok(found) => found,
            // What was written before is written, and the rest still says that it is not.
            Err(error) if revision > 0 => {
                fail(results, open.keys(), &ErrorDetail::from(error));
                return Ok(revision);
            }
            Err(error) => return Err(error.into()),
        };
        revision = revision.max(read_at);
        let mut steps = Vec::new();
        for (at, wanted) in &open {
            let found = found.get(at).cloned().unwrap_or_default();
            match change(wanted, &found, &app.keys) {
                Change::Write(result, writes) if !dry_run => steps.push(Step {
                    item: *at,
                    writes,
                    result,
                }),
                Change::Write(result, _) | Change::None(result) => {
                    settle(results, *at, result, Some(wanted.number));
                }
                Change::Stale(number) => {
                    settle(results, *at, DesiredResult::Stale, Some(number));
                }
            }
        }
        let mut again = BTreeSet::new();
        let mut written = stream::iter(chunks(steps, &alone))
            .map(|chunk| async { (write(app, &chunk).await, chunk) })
            .buffer_unordered(AT_A_TIME);
        while let Some((outcome, chunk)) = written.next().await {
            let items = chunk.iter().map(|step| step.item);
            match outcome {
                Ok(outcome) if outcome.succeeded => {
                    revision = revision.max(outcome.revision);
                    for step in &chunk {
                        let number = open.get(&step.item).map(|wanted| wanted.number);
                        settle(results, step.item, step.result, number);
                    }
                }
                Ok(_) => again.extend(items),
                // The store says no to one of them: find out which, so that the others get through.
                Err(error) if !error.is_transient() && chunk.len() > 1 => {
                    again.extend(items.clone());
                    alone.extend(items);
                }
                Err(error) => {
                    let items: Vec<usize> = items.collect();
                    fail(results, &items, &ErrorDetail::from(error));
                }
            }
        }
        open.retain(|at, _| again.contains(at));
        if open.is_empty() {
            return Ok(revision);
        }
    }
    for (at, wanted) in &open {
        if let Some(outcome) = results.get_mut(*at) {
            outcome.result = DesiredResult::Conflict;
            outcome.error = Some(write::contended(&wanted.resource.to_string()));
        }
    }
    Ok(revision)
}

fn settle(
    results: &mut [DesiredOutcome],
    at: usize,
    result: DesiredResult,
    number: Option<weft_model::RevisionNumber>,
) {
    if let Some(outcome) = results.get_mut(at) {
        outcome.result = result;
        outcome.revision_number = number;
    }
}

/// The store did not take them, or did not say whether it has.
fn fail<'i>(
    results: &mut [DesiredOutcome],
    items: impl IntoIterator<Item = &'i usize>,
    error: &ErrorDetail,
) {
    for at in items {
        if let Some(outcome) = results.get_mut(*at) {
            outcome.result = DesiredResult::Unavailable;
            outcome.error = Some(error.clone());
        }
    }
}

// ===== reading =====

/// What the store has of each wanted resource, and the revision at which the last of it was read.
///
/// Where others have a port is known to the overview, which may be a moment behind; a port whose
/// every write came this way is where its own key says.
async fn find(
    app: &App,
    open: &BTreeMap<usize, Wanted>,
) -> Result<(BTreeMap<usize, Found>, i64), StoreError> {
    let numbers = open
        .values()
        .map(|wanted| app.keys.revision_of(&wanted.resource));
    let snapshot = read_keys(app, numbers).await?;
    let mut last = values(snapshot);
    let ports = open.values().filter_map(|wanted| match &wanted.resource {
        Resource::Port(port) => Some(port.clone()),
        _ => None,
    });
    let mut elsewhere = app.overviews.hosts_of(&ports.collect());
    let mut found = BTreeMap::new();
    let mut keys_of = BTreeMap::<usize, Vec<Key>>::new();
    for (at, wanted) in open {
        let last = last.remove(&app.keys.revision_of(&wanted.resource));
        let keys = match &wanted.resource {
            Resource::Port(port) => {
                let others = elsewhere.remove(port).unwrap_or_default();
                let hosts = hosts(wanted, last.as_ref(), others).into_iter();
                hosts.map(|host| Key::Port(host, port.clone())).collect()
            }
            Resource::SecurityGroup(id) => vec![Key::SecurityGroup(id.clone())],
            Resource::AddressGroup(id) => vec![Key::AddressGroup(id.clone())],
        };
        keys_of.insert(*at, keys);
        found.insert(
            *at,
            Found {
                last,
                ..Found::default()
            },
        );
    }
    let texts = keys_of.values().flatten().map(|key| app.keys.text(key));
    let snapshot = read_keys(app, texts).await?;
    let mut records: BTreeMap<Key, Present> = read::records(&app.keys, &snapshot)
        .map(|(key, kv)| (key, present(kv)))
        .collect();
    let mut memberships = Vec::new();
    for (at, keys) in keys_of {
        let (Some(wanted), Some(found)) = (open.get(&at), found.get_mut(&at)) else {
            continue;
        };
        let of_item = keys.into_iter();
        found.records = of_item
            .filter_map(|key| records.remove_entry(&key))
            .collect();
        if let Resource::Port(port) = &wanted.resource {
            for group in concerned(wanted, found.records.values()) {
                memberships.push((at, group, port.clone()));
            }
        }
    }
    let key = |group: &weft_model::SecurityGroupId, port: &weft_model::PortId| {
        let key = Key::GroupMember(group.clone(), port.clone());
        app.keys.text(&key)
    };
    let texts = memberships.iter().map(|(_, group, port)| key(group, port));
    let members = read_keys(app, texts).await?;
    let revision = snapshot.revision.max(members.revision);
    let mut members = values(members);
    for (at, group, port) in memberships {
        let present = members.remove(&key(&group, &port));
        if let (Some(present), Some(found)) = (present, found.get_mut(&at)) {
            found.memberships.insert(group, present);
        }
    }
    Ok((found, revision))
}

async fn read_keys(app: &App, keys: impl Iterator<Item = String>) -> Result<Snapshot, StoreError> {
    let parts: Vec<Part> = keys.map(Part::Key).collect();
    if parts.is_empty() {
        return Ok(Snapshot {
            revision: 0,
            kvs: Vec::new(),
        });
    }
    app.store.read(&parts).await
}

fn values(snapshot: Snapshot) -> BTreeMap<String, Present> {
    let kvs = snapshot.kvs.into_iter();
    kvs.map(|kv| {
        let present = present(&kv);
        (kv.key, present)
    })
    .collect()
}

fn present(kv: &weft_store::KeyValue) -> Present {
    Present {
        mod_revision: kv.mod_revision,
        value: kv.value.to_vec(),
    }
}

// ===== writing =====

/// Writes steps in one transaction, which fails if anything of them has changed.
async fn write(app: &App, steps: &[Step]) -> Result<TxnOutcome, StoreError> {
    if steps.iter().all(|step| step.writes.tombstone.is_none()) {
        return app.store.txn(transaction(steps, 0)).await;
    }
    let lease = app.tombstones.lease(&app.store).await?;
    match app.store.txn(transaction(steps, lease)).await {
        Err(error) if error.is_no_lease() => {
            tracing::info!(%error, "the store has forgotten a lease; another one is granted");
            app.tombstones.forget(lease).await;
            let lease = app.tombstones.lease(&app.store).await?;
            app.store.txn(transaction(steps, lease)).await
        }
        other => other,
    }
}

fn transaction(steps: &[Step], lease: i64) -> Txn {
    let mut txn = Txn::default();
    for Step { writes, .. } in steps {
        let guards = writes.guards.iter();
        txn.compares
            .extend(guards.map(|(key, equals)| Compare::ModRevision {
                key: key.clone(),
                equals: *equals,
            }));
        for (key, value) in &writes.values {
            txn.success.push(match value {
                Some(value) => Op::put(key, value.clone()),
                None => Op::delete(key),
            });
        }
        if let Some((key, value)) = &writes.tombstone {
            txn.success.push(Op::Put {
                key: key.clone(),
                value: value.clone().into(),
                lease,
            });
        }
    }
    txn
}

/// Groups steps so that each group fits into one transaction; those `alone` are by themselves.
fn chunks(steps: Vec<Step>, alone: &BTreeSet<usize>) -> Vec<Vec<Step>> {
    let mut chunks = Vec::<Vec<Step>>::new();
    let (mut guards, mut values, mut bytes) = (0, 0, 0);
    for step in steps {
        let writes = &step.writes;
        let own_values = writes.values.len() + usize::from(writes.tombstone.is_some());
        let own_bytes = writes
            .values
            .iter()
            .flat_map(|(_, value)| value)
            .map(Vec::len);
        let own_bytes: usize = own_bytes.sum();
        let fits = guards + writes.guards.len() <= MAX_TXN_OPERATIONS
            && values + own_values <= MAX_TXN_OPERATIONS
            && bytes + own_bytes <= MAX_TXN_BYTES;
        if chunks.is_empty() || !fits || alone.contains(&step.item) {
            (guards, values, bytes) = (0, 0, 0);
            chunks.push(Vec::new());
        }
        guards += writes.guards.len();
        values += own_values;
        bytes += own_bytes;
        if alone.contains(&step.item) {
            // Nothing joins it.
            guards = MAX_TXN_OPERATIONS;
        }
        if let Some(last) = chunks.last_mut() {
            last.push(step);
        }
    }
    chunks
}
