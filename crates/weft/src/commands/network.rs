//! Networks in words.

use weft_model::Network;
use weft_server::NetworkSummary;

use crate::output::{Cell, Table};

/// Networks, one a row.
pub(super) fn table(networks: &[NetworkSummary]) -> Table {
    let mut table = Table::new(&[
        "NETWORK", "TYPE", "SEGMENT", "PHYSNET", "MTU", "PORTS", "FLOOD",
    ]);
    for network in networks {
        let segment = network.segmentation_id.map(|id| id.to_string());
        let mtus: Vec<String> = network.mtus.iter().map(ToString::to_string).collect();
        table.row([
            Cell::from(&network.id),
            Cell::from(&network.network_type),
            Cell::from(segment.unwrap_or_else(|| "-".to_owned())),
            Cell::from(network.physnet.as_deref().unwrap_or("-")),
            Cell::from(if mtus.is_empty() {
                "-".to_owned()
            } else {
                mtus.join(",")
            }),
            Cell::from(network.ports),
            Cell::from(flood(network)),
        ]);
    }
    table
}

/// What reaches every host of an overlay; what a physical network does with frames is its own matter.
fn flood(network: &NetworkSummary) -> String {
    if network.physnet.is_some() {
        return "-".to_owned();
    }
    if let Some(error) = &network.invalid {
        return format!("invalid: {}", error.message);
    }
    let record = Network::from_json(&network.record).unwrap_or_default();
    let told = match (record.flood, record.unknown_unicast_flood) {
        (true, true) => "all",
        (true, false) => "broadcast, multicast",
        (false, true) => "unknown unicast",
        (false, false) => "nothing",
    };
    told.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::output::Paint;

    #[test]
    fn networks_are_told_with_what_they_flood() {
        let networks: Vec<NetworkSummary> = serde_json::from_value(json!([
            {"id": "p.flat", "network_type": "flat", "physnet": "p", "segmentation_id": null,
             "mtus": [1500], "ports": 2, "mod_revision": 0, "record": null},
            {"id": "p.vlan.7", "network_type": "vlan", "physnet": "p", "segmentation_id": 7,
             "mtus": [1400, 1500], "ports": 2, "mod_revision": 0, "record": null},
            {"id": "gpe.8", "network_type": "gpe", "physnet": null, "segmentation_id": 8,
             "mtus": [1450], "ports": 1, "mod_revision": 0, "record": null},
            {"id": "gpe.9", "network_type": "gpe", "physnet": null, "segmentation_id": 9,
             "mtus": [], "ports": 0, "mod_revision": 5, "record": {"unknown_unicast_flood": false}},
            {"id": "vxlan.7", "network_type": "vxlan", "physnet": null, "segmentation_id": 7,
             "mtus": [], "ports": 0, "mod_revision": 6, "record": null,
             "invalid": {"code": "invalid_record", "message": "it is no JSON"}},
        ]))
        .unwrap();
        assert_eq!(
            table(&networks).render(Paint::OFF, ""),
            "NETWORK   TYPE   SEGMENT  PHYSNET  MTU        PORTS  FLOOD\n\
             p.flat    flat   -        p        1500       2      -\n\
             p.vlan.7  vlan   7        p        1400,1500  2      -\n\
             gpe.8     gpe    8        -        1450       1      all\n\
             gpe.9     gpe    9        -        -          0      broadcast, multicast\n\
             vxlan.7   vxlan  7        -        -          0      invalid: it is no JSON\n"
        );
    }
}
