//! `/v1/security-groups` and `/v1/address-groups`: what ports may send and receive.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use weft_model::{
    AddressGroup, AddressGroupId, Key, SecurityGroup, SecurityGroupId, decode_address_group,
    decode_group_member, decode_security_group,
};
use weft_store::{KeyValue, Part};

use super::error::{ErrorBody, ErrorCode, ErrorDetail, RecordName};
use super::extract::{AddressGroupPath, Body, Params, SecurityGroupPath};
use super::{App, read, reply, write};
use crate::apply::ApplyResult;
use crate::overview::Warning;
use crate::precondition::Precondition;
use crate::record::Record;
use crate::view::{AddressGroupView, MemberView, SecurityGroupView};

/// Security groups at one revision of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SecurityGroupsReply {
    /// The revision; `/v1/watch?revision=` goes on from there.
    pub revision: i64,
    /// In the order of their identifiers.
    pub security_groups: Vec<SecurityGroupView>,
}

/// Address groups at one revision of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AddressGroupsReply {
    /// The revision; `/v1/watch?revision=` goes on from there.
    pub revision: i64,
    /// In the order of their identifiers.
    pub address_groups: Vec<AddressGroupView>,
}

/// The reply to a PUT of a group or of an overlay network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GroupPutReply {
    /// The group, or the network, such as `gpe.1007`.
    pub id: String,
    /// `created`, `updated` or `unchanged` (with `dry_run`: what it would be).
    pub result: ApplyResult,
    /// The record's revision, for `If-Match`; 0 if there is none because of `dry_run`.
    pub mod_revision: i64,
    /// The record in its normal form.
    #[schema(value_type = Object)]
    pub record: Value,
    /// What will keep it from working, or is likely a mistake.
    pub warnings: Vec<Warning>,
}

/// The reply to a DELETE of a group or of an overlay network's record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupDeleteReply {
    /// The group, or the network, such as `gpe.1007`.
    pub id: String,
    /// The revision of the store from which on the record is gone.
    pub revision: i64,
    /// Who still names it.
    pub warnings: Vec<Warning>,
}

/// How to write.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PutQuery {
    /// Whether only to say what would be done.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// All security groups with their members.
#[utoipa::path(
    get, path = "/v1/security-groups", tag = "groups", operation_id = "list_security_groups",
    responses(
        (status = 200, description = "The groups", body = SecurityGroupsReply),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list_security(
    State(app): State<App>,
) -> Result<Json<SecurityGroupsReply>, ErrorDetail> {
    let prefixes = [app.keys.security_groups(), app.keys.group_members()];
    let snapshot = app.store.snapshot(&prefixes).await?;
    let mut members = BTreeMap::<SecurityGroupId, Vec<MemberView>>::new();
    let mut groups = Vec::new();
    for (key, kv) in read::records(&app.keys, &snapshot) {
        match key {
            Key::SecurityGroup(id) => groups.push((id, kv)),
            Key::GroupMember(group, port) => {
                members.entry(group).or_default().push(member(&port, kv));
            }
            _ => {}
        }
    }
    let view = |(id, kv)| {
        let members = members.remove(&id).unwrap_or_default();
        security_group(&id, kv, members)
    };
    Ok(Json(SecurityGroupsReply {
        revision: snapshot.revision,
        security_groups: groups.into_iter().map(view).collect(),
    }))
}

/// A security group with its members.
#[utoipa::path(
    get, path = "/v1/security-groups/{group}", tag = "groups", operation_id = "get_security_group",
    params(
        ("group" = String, Path, description = "The group"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known already"),
    ),
    responses(
        (status = 200, description = "The group", body = SecurityGroupView,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 304, description = "The record is as it is known (its members may not be)"),
        (status = 400, description = "The identifier is illegal", body = ErrorBody),
        (status = 404, description = "There is no such group", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn get_security(
    State(app): State<App>,
    SecurityGroupPath(id): SecurityGroupPath,
    headers: HeaderMap,
) -> Result<Response, ErrorDetail> {
    let parts = [
        Part::Key(app.keys.text(&Key::SecurityGroup(id.clone()))),
        Part::Prefix(app.keys.members_of(&id)),
    ];
    let snapshot = app.store.read(&parts).await?;
    let mut group = None;
    let mut members = Vec::new();
    for (key, kv) in read::records(&app.keys, &snapshot) {
        match key {
            Key::SecurityGroup(_) => group = Some(kv),
            Key::GroupMember(_, port) => members.push(member(&port, kv)),
            _ => {}
        }
    }
    let kv = group.ok_or_else(|| no_security_group(&id))?;
    reply::shown(&headers, kv.mod_revision, security_group(&id, kv, members))
}

/// Says what a security group allows.
///
/// The body is the record of the store, in networking-vpp's layout; protocols may be given by their
/// names. It is checked, brought into its normal form and written only if it differs from what is
/// there. Agents of hosts with ports in the group follow at once.
#[utoipa::path(
    put, path = "/v1/security-groups/{group}", tag = "groups", operation_id = "put_security_group",
    params(
        ("group" = String, Path, description = "The group"),
        PutQuery,
        ("If-Match" = Option<String>, Header,
         description = "Only if the record has this `ETag` now (`*`: exists)"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet"),
    ),
    request_body(content = super::openapi::SecurityGroupRecord, content_type = "application/json"),
    responses(
        (status = 200, description = "It was there: `updated` or `unchanged`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 201, description = "It is `created`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 400, description = "A name or header is illegal, or the body is no JSON", body = ErrorBody),
        (status = 408, description = "The body did not come in time", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 413, description = "The record is too large", body = ErrorBody),
        (status = 422, description = "A field of the record is missing or wrong", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be written", body = ErrorBody),
    )
)]
pub(crate) async fn put_security(
    State(app): State<App>,
    SecurityGroupPath(id): SecurityGroupPath,
    Params(query): Params<PutQuery>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ErrorDetail> {
    let record = Record::<SecurityGroup>::from_bytes(&body)?;
    let key = Key::SecurityGroup(id.clone());
    let written = put(&app, &key, &record, &headers, query.dry_run).await?;
    let warnings = app.overviews.security_group_warnings(&record);
    Ok(put_reply(id.as_str(), written, record.value, warnings))
}

/// Takes a security group away. Ports that name it stay in it, and nothing is allowed by it.
#[utoipa::path(
    delete, path = "/v1/security-groups/{group}", tag = "groups", operation_id = "delete_security_group",
    params(
        ("group" = String, Path, description = "The group"),
        ("If-Match" = Option<String>, Header, description = "Only if the record has this `ETag` now"),
    ),
    responses(
        (status = 200, description = "The record is gone", body = GroupDeleteReply),
        (status = 400, description = "A name or header is illegal", body = ErrorBody),
        (status = 404, description = "There was no such group", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be gone", body = ErrorBody),
    )
)]
pub(crate) async fn delete_security(
    State(app): State<App>,
    SecurityGroupPath(id): SecurityGroupPath,
    headers: HeaderMap,
) -> Result<Json<GroupDeleteReply>, ErrorDetail> {
    let key = Key::SecurityGroup(id.clone());
    let revision = delete(&app, &key, &headers).await?;
    Ok(Json(GroupDeleteReply {
        id: id.to_string(),
        revision: revision.ok_or_else(|| no_security_group(&id))?,
        warnings: app.overviews.orphans_of(&id),
    }))
}

/// All address groups.
#[utoipa::path(
    get, path = "/v1/address-groups", tag = "groups", operation_id = "list_address_groups",
    responses(
        (status = 200, description = "The groups", body = AddressGroupsReply),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list_address(
    State(app): State<App>,
) -> Result<Json<AddressGroupsReply>, ErrorDetail> {
    let snapshot = app.store.range(&app.keys.address_groups()).await?;
    let groups = read::records(&app.keys, &snapshot).filter_map(|(key, kv)| match key {
        Key::AddressGroup(id) => Some(address_group(&id, kv)),
        _ => None,
    });
    Ok(Json(AddressGroupsReply {
        revision: snapshot.revision,
        address_groups: groups.collect(),
    }))
}

/// An address group.
#[utoipa::path(
    get, path = "/v1/address-groups/{group}", tag = "groups", operation_id = "get_address_group",
    params(
        ("group" = String, Path, description = "The group"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what is known already"),
    ),
    responses(
        (status = 200, description = "The group", body = AddressGroupView,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 304, description = "The record is as it is known"),
        (status = 400, description = "The identifier is illegal", body = ErrorBody),
        (status = 404, description = "There is no such group", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn get_address(
    State(app): State<App>,
    AddressGroupPath(id): AddressGroupPath,
    headers: HeaderMap,
) -> Result<Response, ErrorDetail> {
    let key = app.keys.text(&Key::AddressGroup(id.clone()));
    let kv = app.store.get(&key).await?;
    let kv = kv.ok_or_else(|| no_address_group(&id))?;
    reply::shown(&headers, kv.mod_revision, address_group(&id, &kv))
}

/// Says which addresses are in an address group.
#[utoipa::path(
    put, path = "/v1/address-groups/{group}", tag = "groups", operation_id = "put_address_group",
    params(
        ("group" = String, Path, description = "The group"),
        PutQuery,
        ("If-Match" = Option<String>, Header,
         description = "Only if the record has this `ETag` now (`*`: exists)"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet"),
    ),
    request_body(content = super::openapi::AddressGroupRecord, content_type = "application/json"),
    responses(
        (status = 200, description = "It was there: `updated` or `unchanged`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 201, description = "It is `created`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 400, description = "A name or header is illegal, or the body is no JSON", body = ErrorBody),
        (status = 408, description = "The body did not come in time", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 413, description = "The record is too large", body = ErrorBody),
        (status = 422, description = "A field of the record is missing or wrong", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be written", body = ErrorBody),
    )
)]
pub(crate) async fn put_address(
    State(app): State<App>,
    AddressGroupPath(id): AddressGroupPath,
    Params(query): Params<PutQuery>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ErrorDetail> {
    let record = Record::<AddressGroup>::from_bytes(&body)?;
    let key = Key::AddressGroup(id.clone());
    let written = put(&app, &key, &record, &headers, query.dry_run).await?;
    let warnings = record.unknown.iter().map(|field| Warning::unknown(field));
    let warnings = warnings.collect();
    Ok(put_reply(id.as_str(), written, record.value, warnings))
}

/// Takes an address group away. Rules that name it allow nothing.
#[utoipa::path(
    delete, path = "/v1/address-groups/{group}", tag = "groups", operation_id = "delete_address_group",
    params(
        ("group" = String, Path, description = "The group"),
        ("If-Match" = Option<String>, Header, description = "Only if the record has this `ETag` now"),
    ),
    responses(
        (status = 200, description = "The record is gone", body = GroupDeleteReply),
        (status = 400, description = "A name or header is illegal", body = ErrorBody),
        (status = 404, description = "There was no such group", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be gone", body = ErrorBody),
    )
)]
pub(crate) async fn delete_address(
    State(app): State<App>,
    AddressGroupPath(id): AddressGroupPath,
    headers: HeaderMap,
) -> Result<Json<GroupDeleteReply>, ErrorDetail> {
    let key = Key::AddressGroup(id.clone());
    let revision = delete(&app, &key, &headers).await?;
    Ok(Json(GroupDeleteReply {
        id: id.to_string(),
        revision: revision.ok_or_else(|| no_address_group(&id))?,
        warnings: Vec::new(),
    }))
}

pub(super) async fn put<T>(
    app: &App,
    key: &Key,
    record: &Record<T>,
    headers: &HeaderMap,
    dry_run: bool,
) -> Result<write::Written, ErrorDetail> {
    let precondition = Precondition::of(headers)?;
    let value = record.to_bytes();
    let is_so = |present: &[u8]| record.equals(present);
    write::write_single(app, key, Some(&value), is_so, &precondition, dry_run).await
}

/// Deletes; gives the revision from which on it is gone, `None` if there was nothing.
pub(super) async fn delete(
    app: &App,
    key: &Key,
    headers: &HeaderMap,
) -> Result<Option<i64>, ErrorDetail> {
    let precondition = Precondition::of(headers)?;
    let written = write::write_single(app, key, None, |_| false, &precondition, false).await?;
    Ok((written.result == ApplyResult::Deleted).then_some(written.revision))
}

pub(super) fn put_reply(
    id: &str,
    written: write::Written,
    record: Value,
    warnings: Vec<Warning>,
) -> Response {
    let reply = GroupPutReply {
        id: id.to_owned(),
        result: written.result,
        mod_revision: written.revision,
        record,
        warnings,
    };
    reply::put(written.result, written.revision, reply)
}

fn security_group(
    id: &SecurityGroupId,
    kv: &KeyValue,
    members: Vec<MemberView>,
) -> SecurityGroupView {
    let invalid = decode_security_group(&kv.value).err();
    SecurityGroupView {
        id: id.to_string(),
        mod_revision: kv.mod_revision,
        record: serde_json::from_slice(&kv.value).unwrap_or_default(),
        invalid: invalid.map(|error| ErrorDetail::invalid(error, RecordName::SecurityGroup)),
        members,
    }
}

fn address_group(id: &AddressGroupId, kv: &KeyValue) -> AddressGroupView {
    let invalid = decode_address_group(&kv.value).err();
    AddressGroupView {
        id: id.to_string(),
        mod_revision: kv.mod_revision,
        record: serde_json::from_slice(&kv.value).unwrap_or_default(),
        invalid: invalid.map(|error| ErrorDetail::invalid(error, RecordName::AddressGroup)),
    }
}

fn member(port: &weft_model::PortId, kv: &KeyValue) -> MemberView {
    let member = decode_group_member(&kv.value).unwrap_or_default();
    MemberView {
        port: port.to_string(),
        addresses: member.addresses.iter().map(ToString::to_string).collect(),
    }
}

fn no_security_group(id: &SecurityGroupId) -> ErrorDetail {
    let message = format!("there is no security group `{id}`");
    ErrorDetail::new(ErrorCode::NotFound, message)
        .with_hint("GET /v1/security-groups lists those there are")
}

fn no_address_group(id: &AddressGroupId) -> ErrorDetail {
    let message = format!("there is no address group `{id}`");
    ErrorDetail::new(ErrorCode::NotFound, message)
        .with_hint("GET /v1/address-groups lists those there are")
}
