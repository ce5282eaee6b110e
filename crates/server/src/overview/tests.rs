use serde_json::{Value, json};

use weft_store::{Change, KeyValue};

use super::*;
use crate::record::Record;

/// A change as the store reports it.
pub(super) fn change(at: &str, value: &Value) -> Change {
    Change::Put(KeyValue {
        key: format!("/networking-vpp/{at}"),
        value: value.to_string().into(),
        create_revision: 1,
        mod_revision: 1,
        version: 1,
        lease: 0,
    })
}

/// A deletion as the store reports it.
pub(super) fn deletion(at: &str) -> Change {
    Change::Delete {
        key: format!("/networking-vpp/{at}"),
        mod_revision: 1,
    }
}

fn key(text: &str) -> Key {
    weft_model::Keyspace::default()
        .parse(&format!("/networking-vpp/{text}"))
        .unwrap()
}

/// The record of a port on a VLAN.
pub(super) fn value(mac: &str, vlan: u16) -> Value {
    json!({"mac_address": mac, "physnet": "p", "network_type": "vlan", "segmentation_id": vlan,
           "binding_type": "tap"})
}

pub(super) const MAC: &str = "fa:16:3e:00:00:01";

fn put(overview: &mut Overview, at: &str, value: &Value) {
    overview.apply(key(at), Some(value.to_string().as_bytes()));
}

fn warned(overview: &Overview, host: &str, port: &str, value: Value) -> Vec<WarningCode> {
    let record = Record::from_json(value).unwrap();
    let warnings = overview.warnings(&host.parse().unwrap(), &port.parse().unwrap(), &record);
    warnings.into_iter().map(|warning| warning.code).collect()
}

#[test]
fn a_host_must_live_and_serve_the_physnet() {
    let mut overview = Overview::default();
    assert_eq!(
        warned(&overview, "h", "a", value(MAC, 1)),
        [WarningCode::HostNotAlive]
    );
    put(&mut overview, "state/h/alive", &json!(1));
    assert_eq!(
        warned(&overview, "h", "a", value(MAC, 1)),
        [WarningCode::PhysnetNotServed]
    );
    put(&mut overview, "state/h/physnets/p", &json!(1));
    assert_eq!(warned(&overview, "h", "a", value(MAC, 1)), []);
    overview.apply(key("state/h/physnets/p"), None);
    overview.apply(key("state/h/alive"), None);
    assert_eq!(
        warned(&overview, "h", "a", value(MAC, 1)),
        [WarningCode::HostNotAlive]
    );
    assert!(
        overview.physnets.is_empty() && overview.alive.is_empty(),
        "nothing is left over"
    );
}

#[test]
fn a_mac_is_used_once_on_a_network() {
    let mut overview = Overview::default();
    for host in ["h", "other"] {
        put(&mut overview, &format!("state/{host}/alive"), &json!(1));
        put(
            &mut overview,
            &format!("state/{host}/physnets/p"),
            &json!(1),
        );
    }
    put(&mut overview, "nodes/h/ports/a", &value(MAC, 1));
    assert_eq!(
        warned(&overview, "h", "a", value(MAC, 1)),
        [],
        "it is the port itself"
    );
    assert_eq!(
        warned(&overview, "other", "a", value(MAC, 1)),
        [],
        "it migrates"
    );
    assert_eq!(
        warned(&overview, "other", "b", value(MAC, 2)),
        [],
        "another network"
    );
    let duplicate = [WarningCode::DuplicateMac];
    assert_eq!(warned(&overview, "h", "b", value(MAC, 1)), duplicate);
    assert_eq!(warned(&overview, "other", "b", value(MAC, 1)), duplicate);
    put(&mut overview, "nodes/h/ports/a", &value(MAC, 3));
    assert_eq!(
        warned(&overview, "h", "b", value(MAC, 1)),
        [],
        "it has moved away"
    );
    overview.apply(key("nodes/h/ports/a"), None);
    assert_eq!(warned(&overview, "h", "b", value(MAC, 3)), [], "it is gone");
    assert!(
        overview.ports.is_empty() && overview.stations.is_empty(),
        "nothing is left over"
    );
}

#[test]
fn ports_are_counted_by_status() {
    let mut overview = Overview::default();
    put(&mut overview, "nodes/h/ports/a", &value(MAC, 1));
    put(&mut overview, "nodes/h/ports/b", &json!("not a record"));
    let effective = json!({"status": "effective", "revision": 1, "since": "2026-11-21T08:30:00Z"});
    put(&mut overview, "state/h/conditions/port/a", &effective);
    // A condition that outlives its record counts for nothing.
    put(&mut overview, "state/h/conditions/port/gone", &effective);
    put(
        &mut overview,
        "state/h/conditions/port/not a port",
        &effective,
    );
    let totals = overview.totals(9, true);
    assert_eq!(
        totals.ports,
        BTreeMap::from([("effective", 1), (UNREPORTED, 1)])
    );
    overview.apply(key("nodes/h/ports/a"), None);
    assert_eq!(
        overview.totals(9, true).ports,
        BTreeMap::from([("effective", 0), (UNREPORTED, 1)])
    );
}
