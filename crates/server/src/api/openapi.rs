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
    /// The physical network; null or absent with `gpe` and `vxlan`.
    #[schema(example = "physnet1")]
    physnet: Option<String>,
    /// `flat`, `vlan`, `gpe` or `vxlan`.
    #[schema(example = "vlan")]
    network_type: String,
    /// With `vlan`: the VLAN, 1 to 4094. With `gpe` and `vxlan`: the VNI, 1 to 16777215. With `flat`:
    /// null, absent or 0.
    #[schema(minimum = 0, maximum = 16_777_215, example = 194)]
    segmentation_id: Option<u32>,
    /// `vhostuser` or `tap` (or its old word, `plugtap`).
    #[schema(example = "vhostuser")]
    binding_type: String,
    /// Bytes, 68 to 65535; 1500 if absent.
    #[schema(minimum = 68, maximum = 65535, example = 1500)]
    mtu: Option<u32>,
    /// The port's addresses.
    fixed_ips: Option<Vec<FixedIpRecord>>,
    /// Further addresses that it may use.
    allowed_address_pairs: Option<Vec<AddressPairRecord>>,
    /// Identifiers of its security groups; 60 at most.
    security_groups: Option<Vec<String>>,
    /// Whether security groups and anti-spoofing apply; `true` if absent. Hosts trust ports of
    /// type `tap` unless they are configured otherwise.
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

/// What may reach the ports of a group, and what they may send. All rules allow; what no rule of
/// a port's groups allows is denied.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SecurityGroupRecord {
    /// What may go to a port.
    ingress_rules: Option<Vec<SecurityRuleRecord>>,
    /// What may come from a port.
    egress_rules: Option<Vec<SecurityRuleRecord>>,
    /// Whether what answers allowed traffic is allowed, too; `true` if absent.
    stateful: Option<bool>,
}

/// One rule. With whom: by `remote_ip_addr` and `ip_prefix_len`, by `remote_group_id`, or by
/// `remote_address_group_id`; with anybody if none of them is given.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct SecurityRuleRecord {
    /// 1 or true: of IPv6.
    #[schema(value_type = u8, minimum = 0, maximum = 1, example = 0)]
    is_ipv6: u8,
    /// An address of the remote's prefix.
    #[schema(example = "10.0.0.0")]
    remote_ip_addr: Option<String>,
    /// The length of the remote's prefix.
    #[schema(minimum = 0, maximum = 128, example = 8)]
    ip_prefix_len: Option<u8>,
    /// A security group: the addresses of its members.
    remote_group_id: Option<String>,
    /// An address group.
    remote_address_group_id: Option<String>,
    /// The number of an IP protocol, or its name; 0: any.
    #[schema(value_type = u8, example = 6)]
    protocol: Option<u8>,
    /// TCP, UDP, UDP-Lite, SCTP, DCCP: the first destination port. ICMP: the type, -1: any.
    #[schema(minimum = -1, maximum = 65535, example = 80)]
    port_min: Option<i32>,
    /// TCP, UDP, UDP-Lite, SCTP, DCCP: the last destination port. ICMP: the code, -1: any.
    #[schema(minimum = -1, maximum = 65535, example = 80)]
    port_max: Option<i32>,
}

/// Addresses that rules can name together.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct AddressGroupRecord {
    /// Addresses and prefixes.
    #[schema(example = json!(["10.0.0.0/8", "fd00::/8"]))]
    addresses: Vec<String>,
}

/// How an overlay network forwards.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub(crate) struct NetworkRecord {
    /// Whether broadcast and multicast reach every host of the network; `true` if absent.
    flood: Option<bool>,
    /// Whether frames to MAC addresses that no host has told of do; `true` if absent.
    unknown_unicast_flood: Option<bool>,
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
        (name = "groups", description = "What ports may send and receive"),
        (name = "networks", description = "What connects ports, and how overlays forward"),
        (name = "hosts", description = "Who serves it"),
        (name = "state", description = "What the agents have written"),
        (name = "watch", description = "All of it, as it changes"),
        (name = "server", description = "This server"),
    ),
    paths(
        super::ports::list, super::ports::find,
        super::port::get, super::port::put, super::port::delete,
        super::groups::list_security, super::groups::get_security,
        super::groups::put_security, super::groups::delete_security,
        super::groups::list_address, super::groups::get_address,
        super::groups::put_address, super::groups::delete_address,
        super::networks::list,
        super::networks::get, super::networks::put, super::networks::delete,
        super::apply::apply, super::desired::post, super::desired::list,
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
