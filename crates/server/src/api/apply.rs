//! `POST /v1/apply`: a set of port records in as few transactions as etcd's limits let.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value};
use weft_model::PortId;
use weft_store::MAX_TXN_OPERATIONS;

use super::error::{ErrorBody, ErrorCode, ErrorDetail};
use super::extract::Body;
use super::{App, standing, write};
use crate::apply::{ApplyReply, ApplyRequest, Plan, Step};
use crate::membership::{Found, Place};

/// Bytes of values in one transaction; half of etcd's limit on a request (`--max-request-bytes`,
/// 1.5 MiB), so that keys and guards have room, too.
const MAX_TXN_BYTES: usize = 768 * 1024;

/// From so many ports of one host on, all of the host is read instead of port by port.
const WHOLE_HOST_FROM: usize = 64;

/// Makes the store hold what the request wants, and says what became of each item.
///
/// Writes only what differs, each write guarded by the revision at which it was planned; what
/// others change at the same moment is planned anew. An item that is illegal, or whose
/// `mod_revision` is not the present one, is `refused` and harms no other. Not atomic as a whole:
/// up to 128 writes are one transaction. Sending the same request again is always safe.
#[utoipa::path(
    post, path = "/v1/apply", tag = "ports", operation_id = "apply",
    request_body = ApplyRequest,
    responses(
        (status = 200, description = "What became of each item, also if some were refused", body = ApplyReply),
        (status = 400, description = "The body is no such request", body = ErrorBody),
        (status = 408, description = "The body did not come in time", body = ErrorBody),
        (status = 413, description = "The body is too large; send it in parts", body = ErrorBody),
        (status = 503, description = "The store does not answer; nothing is known to be written", body = ErrorBody),
    )
)]
pub(crate) async fn apply(
    State(app): State<App>,
    Body(body): Body,
) -> Result<Json<ApplyReply>, ErrorDetail> {
    let request = request(&body).map_err(|error| {
        ErrorDetail::new(
            ErrorCode::BadRequest,
            format!("the body is no request to apply: {error}"),
        )
        .with_hint("/openapi.json describes it: ApplyRequest")
    })?;
    let dry_run = request.dry_run;
    let mut plan = Plan::of(request)?;
    let found = find(&app, &mut plan).await?;
    let places: Vec<_> = plan
        .places()
        .map(|(at, place)| (at, place.clone()))
        .collect();
    let steps: Vec<_> = places
        .iter()
        .filter_map(|(at, place)| plan.step(*at, found.get(place)?))
        .collect();
    let revision = if dry_run {
        for step in &steps {
            plan.settle(step.item, step.result, None);
        }
        None
    } else {
        carry_out(&app, &mut plan, steps).await?
    };
    let revision = match revision {
        Some(revision) => {
            app.overviews.reach(revision).await;
            revision
        }
        None => app.store.revision().await?,
    };
    for at in 0..plan.results.len() {
        let warnings = plan
            .wanted(at)
            .map(|((host, port), record)| app.overviews.warnings(host, port, record));
        if let (Some(warnings), Some(result)) = (warnings, plan.results.get_mut(at)) {
            result.warnings = warnings;
        }
    }
    Ok(Json(ApplyReply {
        revision,
        items: plan.results,
    }))
}

/// Reads the body. By way of an object: a list would pass for a request with all fields left out.
fn request(body: &[u8]) -> serde_json::Result<ApplyRequest> {
    let object: Map<String, Value> = serde_json::from_slice(body)?;
    serde_json::from_value(Value::Object(object))
}

/// Reads the records that the plan is about, and adds to it what is to be pruned.
async fn find(app: &App, plan: &mut Plan) -> Result<BTreeMap<Place, Found>, ErrorDetail> {
    let mut ports_of = BTreeMap::<_, usize>::new();
    for (_, (host, _)) in plan.places() {
        *ports_of.entry(host.clone()).or_default() += 1;
    }
    let mut whole = plan.prune.clone();
    let many = ports_of
        .into_iter()
        .filter(|(_, count)| *count >= WHOLE_HOST_FROM);
    whole.extend(many.map(|(host, _)| host));
    let places: Vec<Place> = plan.places().map(|(_, place)| place.clone()).collect();
    let records = standing::records(app, &places, &whole).await?;
    plan.prune(records.keys().cloned());
    standing::complete(app, &plan.items(), records).await
}

/// Writes `steps`, and settles the items they are for. Gives the highest revision written.
async fn carry_out(
    app: &App,
    plan: &mut Plan,
    steps: Vec<Step>,
) -> Result<Option<i64>, ErrorDetail> {
    let mut revision = None;
    let mut attempts = BTreeMap::<usize, usize>::new();
    let mut todo = chunks(steps);
    while let Some(chunk) = todo.pop() {
        let txn = write::transaction(app, chunk.iter().map(|step| &step.writes));
        match app.store.txn(txn).await {
            Ok(outcome) if outcome.succeeded => {
                revision = revision.max(Some(outcome.revision));
                for step in chunk {
                    plan.settle(step.item, step.result, step.revision(outcome.revision));
                }
            }
            Ok(_) => {
                let (retry, given_up) = split_spent(chunk, &mut attempts);
                for step in given_up {
                    let (host, port) = &step.place;
                    let what = format!("port `{port}` on host `{host}`");
                    plan.refuse(step.item, write::contended(&what));
                }
                match replan(app, plan, retry).await {
                    Ok(steps) => todo.extend(chunks(steps)),
                    Err((items, error)) => refuse_all(plan, &items, &error),
                }
            }
            // The store says no to one of them: find out which, so that the others get through.
            Err(error) if !error.is_transient() && chunk.len() > 1 => {
                let mut chunk = chunk;
                let half = chunk.split_off(chunk.len() / 2);
                todo.extend([chunk, half]);
            }
            Err(error) => {
                let fatal = error.is_transient();
                let error = ErrorDetail::from(error);
                let rest = if fatal {
                    std::mem::take(&mut todo)
                } else {
                    Vec::new()
                };
                let items: Vec<_> = rest
                    .iter()
                    .chain([&chunk])
                    .flatten()
                    .map(|step| step.item)
                    .collect();
                if fatal && revision.is_none() {
                    return Err(error);
                }
                refuse_all(plan, &items, &error);
            }
        }
    }
    Ok(revision)
}

/// Plans `steps` anew by what the store holds now.
async fn replan(
    app: &App,
    plan: &mut Plan,
    steps: Vec<Step>,
) -> Result<Vec<Step>, (Vec<usize>, ErrorDetail)> {
    let items: Vec<_> = steps.iter().map(|step| step.item).collect();
    let places: Vec<Place> = steps.into_iter().map(|step| step.place).collect();
    let wanted: Vec<_> = plan
        .items()
        .into_iter()
        .filter(|(place, _)| places.contains(place))
        .collect();
    let found = async {
        let records = standing::records(app, &places, &BTreeSet::new()).await?;
        standing::complete(app, &wanted, records).await
    };
    let found = match found.await {
        Ok(found) => found,
        Err(error) => return Err((items, error)),
    };
    let step = |(item, place): (&usize, &Place)| plan.step(*item, found.get(place)?);
    Ok(items.iter().zip(&places).filter_map(step).collect())
}

fn refuse_all(plan: &mut Plan, items: &[usize], error: &ErrorDetail) {
    for item in items {
        plan.refuse(*item, error.clone());
    }
}

/// Counts an attempt for each step; those that have had all of theirs come second.
fn split_spent(steps: Vec<Step>, attempts: &mut BTreeMap<usize, usize>) -> (Vec<Step>, Vec<Step>) {
    steps.into_iter().partition(|step| {
        let spent = attempts.entry(step.item).or_default();
        *spent += 1;
        *spent < write::ATTEMPTS
    })
}

/// Groups steps so that each group fits into one transaction, and none touches a key twice.
fn chunks(steps: Vec<Step>) -> Vec<Vec<Step>> {
    let mut chunks: Vec<Vec<Step>> = Vec::new();
    let mut filling = Filling::default();
    for step in steps {
        if chunks.is_empty() || !filling.has_room(&step) {
            filling = Filling::default();
            chunks.push(Vec::new());
        }
        filling.add(&step);
        if let Some(last) = chunks.last_mut() {
            last.push(step);
        }
    }
    chunks
}

/// How full a transaction is.
#[derive(Default)]
struct Filling {
    guards: usize,
    values: usize,
    bytes: usize,
    ports: BTreeSet<PortId>,
}

impl Filling {
    fn has_room(&self, step: &Step) -> bool {
        self.guards + step.writes.guards.len() <= MAX_TXN_OPERATIONS
            && self.values + step.writes.values.len() <= MAX_TXN_OPERATIONS
            && self.bytes + bytes(step) <= MAX_TXN_BYTES
            // One port on two hosts has the same memberships.
            && !self.ports.contains(&step.place.1)
    }

    fn add(&mut self, step: &Step) {
        self.guards += step.writes.guards.len();
        self.values += step.writes.values.len();
        self.bytes += bytes(step);
        self.ports.insert(step.place.1.clone());
    }
}

fn bytes(step: &Step) -> usize {
    let values = step.writes.values.iter().flat_map(|(_, value)| value);
    values.map(Vec::len).sum()
}
