//! The description of the API: made from the handlers, checked in as `docs/openapi.json`.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

/// A port's record, in networking-vpp's layout. Fields that are not known are kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct PortRecord {
    /// The MAC address of what stands behind the port; no group address.
    #[schema(example = "fa:16:3e:03:ce:ff")]
    mac_address: String,
    /// The physical network.
    #[schema(example = "physnet1")]
    physnet: String,
    /// `flat` or `vlan`.
    #[schema(example = "vlan")]
    network_type: String,
    /// With `vlan`: the VLAN, 1 to 4094. With `flat`: null, absent or 0.
    #[schema(minimum = 0, maximum = 4094, example = 194)]
    segmentation_id: Option<u16>,
    /// `tap` (or its old word, `plugtap`).
    #[schema(example = "tap")]
    binding_type: String,
    /// Bytes, 68 to 65535; 1500 if absent.
    #[schema(minimum = 68, maximum = 65535, example = 1500)]
    mtu: Option<u32>,
    /// The port's addresses.
    fixed_ips: Option<Vec<FixedIpRecord>>,
    /// Further addresses that it may use.
    allowed_address_pairs: Option<Vec<AddressPairRecord>>,
    /// Identifiers of its security groups.
    security_groups: Option<Vec<String>>,
    /// Whether security groups and anti-spoofing apply; `true` if absent.
    port_security_enabled: Option<bool>,
    /// What it belongs to; for people.
    device_id: Option<String>,
}

/// An address of a port.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct FixedIpRecord {
    /// IPv4 or IPv6.
    #[schema(example = "10.0.0.2")]
    ip_address: String,
    /// Its subnet; for people.
    subnet_id: Option<String>,
}

/// A further address of a port.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AddressPairRecord {
    /// An address or a prefix.
    #[schema(example = "10.1.0.0/16")]
    ip_address: String,
    /// With which MAC address; the port's own if absent.
    mac_address: Option<String>,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Weft",
        description = "The desired network of a cloud's hosts, and what is in effect.\n\n\
            Revisions: every change has a `revision` of the store; a record's `mod_revision` is \
            that of its last change and, in quotes, its `ETag`. Errors of every path have the \
            body `ErrorBody`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
        contact(),
    ),
    tags(
        (name = "ports", description = "What is wanted, and how far it has come"),
        (name = "hosts", description = "Who serves it"),
        (name = "state", description = "What the agents have written"),
        (name = "watch", description = "All of it, as it changes"),
        (name = "server", description = "This server"),
    ),
    paths(
        super::ports::list, super::ports::find,
        super::port::get, super::port::put, super::port::delete,
        super::apply::apply,
        super::hosts::list, super::hosts::get,
        super::state::list,
        super::watch::watch,
        super::health::health, super::telemetry::metrics, description,
    )
)]
struct Description;

/// The API's description as OpenAPI 3.1, in JSON: the contents of `docs/openapi.json`.
pub fn openapi() -> String {
    // Of a value that is made of constants: it cannot fail.
    let mut text = Description::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

/// This description.
#[utoipa::path(
    get, path = "/openapi.json", tag = "server", operation_id = "openapi",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub(crate) async fn description() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], openapi()).into_response()
}
