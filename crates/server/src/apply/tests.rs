use serde_json::{Value, json};

use super::*;
use crate::api::ErrorCode;
use crate::membership::{Found, Present};

fn record(vlan: u16) -> Value {
    json!({"mac_address": "fa:16:3e:00:00:01", "physnet": "p", "network_type": "vlan",
           "segmentation_id": vlan, "binding_type": "tap"})
}

fn plan(request: Value) -> Plan {
    Plan::of(serde_json::from_value(request).unwrap()).unwrap()
}

fn present(mod_revision: i64, vlan: u16) -> Found {
    let value = crate::record::Record::<weft_model::PortBinding>::from_json(record(vlan))
        .unwrap()
        .to_bytes();
    let record = Some(Present {
        mod_revision,
        value,
    });
    Found {
        record,
        ..Found::default()
    }
}

fn code(plan: &Plan, at: usize) -> Option<ErrorCode> {
    plan.results[at].error.as_ref().map(|error| error.code)
}

#[test]
fn what_is_wanted_is_created_updated_or_left_alone() {
    let mut plan = plan(json!({"ports": [{"host": "h", "port": "a", "record": record(5)}]}));
    let step = plan.step(0, &Found::default()).unwrap();
    assert_eq!((step.present, step.result), (0, ApplyResult::Created));
    let step = plan.step(0, &present(7, 6)).unwrap();
    assert_eq!((step.present, step.result), (7, ApplyResult::Updated));
    assert_eq!(plan.step(0, &present(7, 5)), None);
    assert_eq!(plan.results[0].result, ApplyResult::Unchanged);
    assert_eq!(plan.results[0].mod_revision, Some(7));
}

#[test]
fn what_is_not_wanted_is_deleted_if_it_is_there() {
    let mut plan = plan(json!({"delete": [{"host": "h", "port": "a"}]}));
    let step = plan.step(0, &present(7, 6)).unwrap();
    assert_eq!(
        (step.present, step.result, &step.writes.values[0].1),
        (7, ApplyResult::Deleted, &None)
    );
    assert_eq!(plan.step(0, &Found::default()), None);
    assert_eq!(plan.results[0].result, ApplyResult::Absent);
}

#[test]
fn a_bad_item_harms_no_other() {
    let mut plan = plan(json!({
        "ports": [
            {"host": "h", "port": "a", "record": record(0)},
            {"host": "no host", "port": "b", "record": record(5)},
            {"host": "h", "port": "c", "record": record(5)},
            {"host": "h", "port": "c", "record": record(6)},
            {"host": "h", "port": "a", "record": record(6)},
        ],
        "delete": [{"host": "h", "port": "c"}, {"host": "h", "port": ""}],
    }));
    assert_eq!(code(&plan, 0), Some(ErrorCode::InvalidRecord));
    assert_eq!(code(&plan, 1), Some(ErrorCode::BadRequest));
    assert_eq!(code(&plan, 2), None);
    for duplicate in [3, 4, 5, 6] {
        assert_eq!(
            code(&plan, duplicate),
            Some(ErrorCode::BadRequest),
            "{duplicate}"
        );
    }
    assert_eq!(plan.places().count(), 1);
    assert!(plan.step(0, &Found::default()).is_none() && plan.step(2, &Found::default()).is_some());
}

#[test]
fn an_expected_revision_must_hold() {
    let item =
        |revision| json!({"host": "h", "port": "a", "record": record(5), "mod_revision": revision});
    let mut fresh = plan(json!({"ports": [item(0)]}));
    assert!(fresh.step(0, &Found::default()).is_some());
    assert!(fresh.step(0, &present(7, 6)).is_none());
    assert_eq!(code(&fresh, 0), Some(ErrorCode::PreconditionFailed));
    assert!(fresh.step(0, &Found::default()).is_none(), "it is given up");
    let mut known = plan(json!({"ports": [item(7)]}));
    assert!(known.step(0, &present(7, 6)).is_some());
    assert!(known.step(0, &Found::default()).is_none());
    assert_eq!(known.results[0].error.as_ref().unwrap().revision, Some(0));
}

#[test]
fn pruning_spares_what_is_named_and_other_hosts() {
    let mut plan = plan(json!({
        "ports": [{"host": "h", "port": "a", "record": record(5)},
                  {"host": "h", "port": "bad", "record": {}}],
        "prune_hosts": ["h"],
    }));
    let place = |host: &str, port: &str| (host.parse().unwrap(), port.parse().unwrap());
    plan.prune([
        place("h", "a"),
        place("h", "bad"),
        place("h", "x"),
        place("other", "y"),
    ]);
    let named: Vec<_> = plan
        .results
        .iter()
        .map(|r| (r.host.as_str(), r.port.as_str()))
        .collect();
    assert_eq!(named, [("h", "a"), ("h", "bad"), ("h", "x")]);
    assert_eq!(
        plan.step(2, &present(7, 6)).unwrap().result,
        ApplyResult::Deleted
    );
}

#[test]
fn a_pruned_host_must_have_a_name() {
    let request = ApplyRequest {
        prune_hosts: vec!["no host".into()],
        ..Default::default()
    };
    assert_eq!(
        Plan::of(request).unwrap_err().field.as_deref(),
        Some("prune_hosts")
    );
}
