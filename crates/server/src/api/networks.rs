//! `/v1/networks`: which networks there are; with `/{type}/{vni}`: how an overlay network forwards, and who is
//! on it where.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use weft_model::{
    Key, Network, NetworkSegment, OverlaySegment, PortId, decode_mac_advertisement, decode_network,
    decode_port,
};
use weft_store::{KeyValue, Part};

use super::error::{ErrorBody, ErrorCode, ErrorDetail, RecordName};
use super::extract::{Body, NetworkPath, Params};
use super::groups::{self, GroupDeleteReply, GroupPutReply, PutQuery};
use super::{App, read, reply};
use crate::overview::Warning;
use crate::record::Record;

/// Networks at one revision of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NetworksReply {
    /// The revision; `/v1/watch?revision=` goes on from there.
    pub revision: i64,
    /// Flat ones, those of VLANs, overlays; each in the order of physical network and number.
    pub networks: Vec<NetworkSummary>,
}

/// What the records of its ports say of a network and, if it is an overlay, its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NetworkSummary {
    /// Its segment, such as `physnet1.vlan.194` or `gpe.1007`.
    pub id: String,
    /// `flat`, `vlan`, `gpe` or `vxlan`.
    pub network_type: String,
    /// The physical network that carries it; null of an overlay.
    pub physnet: Option<String>,
    /// The VLAN or the VNI; null if it is flat.
    pub segmentation_id: Option<u32>,
    /// The MTUs of its ports, ascending: one, unless they differ.
    pub mtus: Vec<u16>,
    /// How many ports are wanted on it; one that migrates is on two hosts and counts once.
    pub ports: usize,
    /// Its record's revision; 0 if there is none, and defaults are in effect.
    pub mod_revision: i64,
    /// Its record as it stands in the store, `null` if there is none or it is no JSON.
    pub record: Value,
    /// What is wrong with its record, if it was written by somebody who does not check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<ErrorDetail>,
}

/// An overlay network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NetworkView {
    /// `gpe` or `vxlan`.
    pub network_type: String,
    /// Its number, 1 to 16777215.
    pub vni: u32,
    /// The record's revision, for `If-Match`; 0 if there is none, and defaults are in effect.
    pub mod_revision: i64,
    /// The record as it stands in the store, `null` if there is none or it is no JSON.
    pub record: Value,
    /// What is wrong with the record, if it was written by somebody who does not check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invalid: Option<ErrorDetail>,
    /// The MAC addresses that hosts say are behind them, by host.
    pub mac_addresses: Vec<MacView>,
}

/// A MAC address of an overlay network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MacView {
    /// The host.
    pub host: String,
    /// The address.
    pub mac_address: String,
    /// The host's underlay address; absent if what it says cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub underlay: Option<String>,
    /// The IP addresses that are answered for.
    pub ip_addresses: Vec<String>,
}

/// What is known of a network while the store is gone through.
#[derive(Debug, Default)]
struct Gathered<'s> {
    ports: BTreeSet<PortId>,
    mtus: BTreeSet<u16>,
    record: Option<&'s KeyValue>,
}

/// The networks that ports are wanted on, and overlays that have a record.
#[utoipa::path(
    get, path = "/v1/networks", tag = "networks", operation_id = "list_networks",
    responses(
        (status = 200, description = "The networks", body = NetworksReply),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<NetworksReply>, ErrorDetail> {
    let prefixes = [app.keys.nodes(), app.keys.networks()];
    let snapshot = app.store.snapshot(&prefixes).await?;
    let mut networks = BTreeMap::<NetworkSegment, Gathered<'_>>::new();
    for (key, kv) in read::records(&app.keys, &snapshot) {
        match key {
            Key::Port(_, port) => {
                if let Ok(binding) = decode_port(&kv.value) {
                    let network = networks.entry(binding.segment).or_default();
                    network.ports.insert(port);
                    network.mtus.insert(binding.mtu.get());
                }
            }
            Key::Network(segment) => networks.entry(segment.into()).or_default().record = Some(kv),
            _ => {}
        }
    }
    Ok(Json(NetworksReply {
        revision: snapshot.revision,
        networks: networks.iter().map(summary).collect(),
    }))
}

fn summary((segment, network): (&NetworkSegment, &Gathered<'_>)) -> NetworkSummary {
    let (mod_revision, record, invalid) = network.record.map(stored).unwrap_or_default();
    NetworkSummary {
        id: segment.to_string(),
        network_type: segment.network_type().to_owned(),
        physnet: segment.physnet().map(ToString::to_string),
        segmentation_id: segment.segmentation_id(),
        mtus: network.mtus.iter().copied().collect(),
        ports: network.ports.len(),
        mod_revision,
        record,
        invalid,
    }
}

/// Revision, content and fault of a network's record.
fn stored(kv: &KeyValue) -> (i64, Value, Option<ErrorDetail>) {
    let invalid = decode_network(&kv.value).err();
    let invalid = invalid.map(|error| ErrorDetail::invalid(error, RecordName::Network));
    let record = serde_json::from_slice(&kv.value).unwrap_or_default();
    (kv.mod_revision, record, invalid)
}

/// An overlay network: its record, and where the MAC addresses on it are.
#[utoipa::path(
    get, path = "/v1/networks/{type}/{vni}", tag = "networks", operation_id = "get_network",
    params(
        ("type" = String, Path, description = "`gpe` or `vxlan`"),
        ("vni" = u32, Path, description = "1 to 16777215"),
    ),
    responses(
        (status = 200, description = "The network", body = NetworkView,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 400, description = "There can be no such network", body = ErrorBody),
        (status = 404, description = "It has no record, and nobody is on it", body = ErrorBody),
        (status = 503, description = "The store does not answer", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    State(app): State<App>,
    NetworkPath(segment): NetworkPath,
    headers: HeaderMap,
) -> Result<Response, ErrorDetail> {
    let parts = [
        Part::Key(app.keys.text(&Key::Network(segment))),
        Part::Prefix(app.keys.mac_advertisements_of(segment)),
    ];
    let snapshot = app.store.read(&parts).await?;
    let mut view = NetworkView {
        network_type: segment.protocol.to_string(),
        vni: segment.vni.get(),
        mod_revision: 0,
        record: Value::Null,
        invalid: None,
        mac_addresses: Vec::new(),
    };
    for (key, kv) in read::records(&app.keys, &snapshot) {
        match key {
            Key::Network(_) => {
                (view.mod_revision, view.record, view.invalid) = stored(kv);
            }
            Key::MacAdvertisement(_, host, mac) => {
                let said = decode_mac_advertisement(&kv.value).ok();
                let ips = said.iter().flat_map(|said| said.ips.iter());
                view.mac_addresses.push(MacView {
                    host: host.to_string(),
                    mac_address: mac.to_string(),
                    underlay: said.as_ref().map(|said| said.host.to_string()),
                    ip_addresses: ips.map(ToString::to_string).collect(),
                });
            }
            _ => {}
        }
    }
    if view.mod_revision == 0 && view.mac_addresses.is_empty() {
        return Err(absent(segment));
    }
    if view.mod_revision == 0 {
        return Ok(Json(view).into_response());
    }
    reply::shown(&headers, view.mod_revision, view)
}

/// Says how an overlay network forwards: `flood` broadcast and multicast to every host of it, and
/// `unknown_unicast_flood` frames to MAC addresses that no host has told of.
#[utoipa::path(
    put, path = "/v1/networks/{type}/{vni}", tag = "networks", operation_id = "put_network",
    params(
        ("type" = String, Path, description = "`gpe` or `vxlan`"),
        ("vni" = u32, Path, description = "1 to 16777215"),
        PutQuery,
        ("If-Match" = Option<String>, Header,
         description = "Only if the record has this `ETag` now (`*`: exists)"),
        ("If-None-Match" = Option<String>, Header, description = "`*`: only if there is none yet"),
    ),
    request_body(content = super::openapi::NetworkRecord, content_type = "application/json"),
    responses(
        (status = 200, description = "It was there: `updated` or `unchanged`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 201, description = "It is `created`", body = GroupPutReply,
         headers(("ETag" = String, description = "The record's `mod_revision`, in quotes"))),
        (status = 400, description = "There can be no such network, or the body is no JSON", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 422, description = "A field of the record is wrong", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be written", body = ErrorBody),
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    NetworkPath(segment): NetworkPath,
    Params(query): Params<PutQuery>,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Response, ErrorDetail> {
    let record = Record::<Network>::from_bytes(&body)?;
    let key = Key::Network(segment);
    let written = groups::put(&app, &key, &record, &headers, query.dry_run).await?;
    let warnings = record.unknown.iter().map(|field| Warning::unknown(field));
    let warnings = warnings.collect();
    let id = segment.to_string();
    Ok(groups::put_reply(&id, written, record.value, warnings))
}

/// Takes the record of an overlay network away: everything is flooded, as where there never was one.
#[utoipa::path(
    delete, path = "/v1/networks/{type}/{vni}", tag = "networks", operation_id = "delete_network",
    params(
        ("type" = String, Path, description = "`gpe` or `vxlan`"),
        ("vni" = u32, Path, description = "1 to 16777215"),
        ("If-Match" = Option<String>, Header, description = "Only if the record has this `ETag` now"),
    ),
    responses(
        (status = 200, description = "The record is gone", body = GroupDeleteReply),
        (status = 400, description = "There can be no such network", body = ErrorBody),
        (status = 404, description = "There was no record", body = ErrorBody),
        (status = 409, description = "Others kept changing the record; send it again", body = ErrorBody),
        (status = 412, description = "The record is not as the header asks for", body = ErrorBody),
        (status = 503, description = "The store does not answer; it may or may not be gone", body = ErrorBody),
    )
)]
pub(crate) async fn delete(
    State(app): State<App>,
    NetworkPath(segment): NetworkPath,
    headers: HeaderMap,
) -> Result<Json<GroupDeleteReply>, ErrorDetail> {
    let deleted = groups::delete(&app, &Key::Network(segment), &headers).await?;
    let revision = deleted.ok_or_else(|| absent(segment))?;
    Ok(Json(GroupDeleteReply {
        id: segment.to_string(),
        revision,
        warnings: Vec::new(),
    }))
}

fn absent(segment: OverlaySegment) -> ErrorDetail {
    let message = format!("nothing in the store speaks of network `{segment}`");
    ErrorDetail::new(ErrorCode::NotFound, message)
        .with_hint("a network without a record works all the same, and floods everything")
}
