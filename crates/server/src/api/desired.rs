//! `/v1/desired`: what a cloud wants of its resources, many at once, guarded by their numbers.
//!
//! [`post`] writes; [`list`] says what stands there, so that a cloud can compare it with what it
//! wants.

mod carry_out;
mod tombstones;

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use weft_model::{Key, LastWritten, Resource, RevisionNumber};

use super::App;
use super::error::{ErrorBody, ErrorCode, ErrorDetail};
use super::extract::{Body, Params};
use crate::desired::{
    DesiredOutcome, DesiredReply, DesiredRequest, DesiredResult, ResourceKind, Wanted,
};

pub(crate) use tombstones::Tombstones;

/// Most items of a request: few enough that the reply comes within a second or so.
const MAX_ITEMS: usize = 500;

/// How to write.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DesiredQuery {
    /// Whether only to say what would be done.
    #[serde(default)]
    dry_run: bool,
}

/// What to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DesiredFilter {
    /// Only resources of these kinds, separated by commas: `port`, `security_group`,
    /// `address_group`.
    kind: Option<String>,
}

/// The resources that have records, at one revision of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredListing {
    /// The revision.
    pub revision: i64,
    /// In the order of their kinds and identifiers.
    pub items: Vec<DesiredEntry>,
}

/// One resource that has a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesiredEntry {
    /// Its kind.
    pub kind: ResourceKind,
    /// Its identifier.
    pub id: String,
    /// The number of the state that was written last; null if it was written past `/v1/desired`.
    #[schema(value_type = Option<u64>)]
    pub revision_number: Option<RevisionNumber>,
    /// Of a port: the hosts that have a record of it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub hosts: BTreeSet<String>,
}

/// Says what shall be of resources, in whatever order and however often.
///
/// An item says all that shall be of its resource: of a port, every host that shall have a record of
/// it. It is written, with what follows from it in security groups, at one revision of the store or
/// not at all; a host that is not named loses the port at the same moment. The number of each state
/// guards it: an item whose number is lower than the one in the store is `stale` and changes
/// nothing, also for one to two hours after the resource is gone. So an item may be sent again, late
/// or in parallel with another one, and the highest number wins.
#[utoipa::path(
    post, path = "/v1/desired", tag = "desired", operation_id = "post_desired",
    params(DesiredQuery),
    request_body = DesiredRequest,
    responses(
        (status = 200, description = "What became of each item, also if some are invalid", body = DesiredReply),
        (status = 400, description = "The body is no such request", body = ErrorBody),
        (status = 408, description = "The body did not come in time", body = ErrorBody),
        (status = 413, description = "More than 500 items, or the body is too large; send it in parts", body = ErrorBody),
        (status = 503, description = "The store does not answer; send it again", body = ErrorBody),
    )
)]
pub(crate) async fn post(
    State(app): State<App>,
    Params(query): Params<DesiredQuery>,
    Body(body): Body,
) -> Result<Json<DesiredReply>, ErrorDetail> {
    let request = request(&body)?;
    let mut named = BTreeSet::new();
    let mut wanted = BTreeMap::new();
    let mut results = Vec::with_capacity(request.items.len());
    for (at, item) in request.items.iter().enumerate() {
        let (kind, id) = item.name();
        let mut outcome = DesiredOutcome {
            kind,
            id: id.to_owned(),
            result: DesiredResult::Unavailable,
            revision_number: None,
            error: None,
        };
        match Wanted::of(item).and_then(|wanted| once(wanted, &mut named)) {
            Ok(item) => {
                wanted.insert(at, item);
            }
            Err(error) => {
                outcome.result = DesiredResult::Invalid;
                outcome.error = Some(error);
            }
        }
        results.push(outcome);
    }
    let revision = carry_out::carry_out(&app, wanted, query.dry_run, &mut results).await?;
    if !query.dry_run {
        for outcome in &results {
            app.metrics.desired(outcome.kind, outcome.result);
        }
    }
    Ok(Json(DesiredReply { revision, results }))
}

/// The resources that have records, without the records: enough to find what is missing, what is
/// left over and what is old.
#[utoipa::path(
    get, path = "/v1/desired", tag = "desired", operation_id = "list_desired",
    params(DesiredFilter),
    responses(
        (status = 200, description = "The resources", body = DesiredListing),
        (status = 400, description = "A filter is illegal", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(filter): Params<DesiredFilter>,
) -> Result<Json<DesiredListing>, ErrorDetail> {
    let kinds = kinds(filter.kind.as_deref())?;
    let keys = &app.keys;
    let mut prefixes = Vec::new();
    for kind in &kinds {
        prefixes.push(match kind {
            ResourceKind::Port => keys.nodes(),
            ResourceKind::SecurityGroup => keys.security_groups(),
            ResourceKind::AddressGroup => keys.address_groups(),
        });
        prefixes.push(keys.revisions_of(kind.word()));
    }
    let snapshot = app.store.snapshot(&prefixes).await?;
    let mut resources = BTreeMap::<Resource, BTreeSet<String>>::new();
    let mut numbers = BTreeMap::<&str, RevisionNumber>::new();
    for kv in &snapshot.kvs {
        match keys.parse(&kv.key) {
            Ok(Key::Port(host, port)) => {
                let hosts = resources.entry(Resource::Port(port)).or_default();
                hosts.insert(host.to_string());
            }
            Ok(Key::SecurityGroup(id)) => {
                resources.entry(Resource::SecurityGroup(id)).or_default();
            }
            Ok(Key::AddressGroup(id)) => {
                resources.entry(Resource::AddressGroup(id)).or_default();
            }
            _ => {
                if let Ok(last) = serde_json::from_slice::<LastWritten>(&kv.value) {
                    numbers.insert(&kv.key, last.revision_number);
                }
            }
        }
    }
    let entry = |(resource, hosts): (Resource, BTreeSet<String>)| DesiredEntry {
        kind: ResourceKind::of(&resource),
        id: resource.id().to_owned(),
        revision_number: numbers.get(keys.revision_of(&resource).as_str()).copied(),
        hosts,
    };
    Ok(Json(DesiredListing {
        revision: snapshot.revision,
        items: resources.into_iter().map(entry).collect(),
    }))
}

/// Reads the body. By way of an object: a list would pass for a request, too.
fn request(body: &[u8]) -> Result<DesiredRequest, ErrorDetail> {
    let object = serde_json::from_slice::<Map<String, Value>>(body);
    let request = object.and_then(|object| serde_json::from_value(Value::Object(object)));
    let request: DesiredRequest = request.map_err(|error| {
        let message = format!("the body is no such request: {error}");
        ErrorDetail::new(ErrorCode::BadRequest, message)
            .with_hint("/openapi.json describes it: DesiredRequest")
    })?;
    if request.items.len() > MAX_ITEMS {
        let message = format!("{} items; {MAX_ITEMS} are taken", request.items.len());
        return Err(ErrorDetail::new(ErrorCode::TooLarge, message).with_hint("send it in parts"));
    }
    Ok(request)
}

/// Refuses what a request names twice: which of the two is meant is open.
fn once(wanted: Wanted, named: &mut BTreeSet<Resource>) -> Result<Wanted, ErrorDetail> {
    if named.insert(wanted.resource.clone()) {
        return Ok(wanted);
    }
    let message = format!("{} is given twice", wanted.resource);
    Err(ErrorDetail::new(ErrorCode::BadRequest, message)
        .with_hint("the first of the two was taken; remove one"))
}

fn kinds(words: Option<&str>) -> Result<BTreeSet<ResourceKind>, ErrorDetail> {
    let Some(words) = words else {
        return Ok(ResourceKind::ALL.into());
    };
    let kind = |word: &str| {
        let mut all = ResourceKind::ALL.into_iter();
        all.find(|kind| kind.word() == word).ok_or_else(|| {
            let all = ResourceKind::ALL.map(ResourceKind::word).join(", ");
            let message = format!("`{word}` is no kind of resource; these are: {all}");
            ErrorDetail::name("kind", message)
        })
    };
    words.split(',').map(|word| kind(word.trim())).collect()
}
