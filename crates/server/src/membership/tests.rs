use serde_json::json;

use super::*;

fn record(address: &str, groups: &[&str]) -> Record<PortBinding> {
    Record::from_json(json!({
        "mac_address": "fa:16:3e:00:00:01", "physnet": "p", "network_type": "flat",
        "binding_type": "vhostuser", "security_groups": groups,
        "fixed_ips": [{"ip_address": address}],
        "allowed_address_pairs": [{"ip_address": "10.9.0.0/16"}],
    }))
    .unwrap()
}

fn present(mod_revision: i64, value: &[u8]) -> Present {
    Present {
        mod_revision,
        value: value.to_vec(),
    }
}

fn place() -> Place {
    ("a".parse().unwrap(), "web".parse().unwrap())
}

/// The writes as `key = value`, or `-key`.
fn shown(writes: Option<Writes>) -> Vec<String> {
    let show = |(key, value): (Key, Option<Vec<u8>>)| {
        let name = match key {
            Key::Port(host, port) => format!("{host}/{port}"),
            Key::GroupMember(group, port) => format!("{group}:{port}"),
            other => format!("{other:?}"),
        };
        match value {
            Some(_) if name.contains('/') => name,
            Some(value) => format!("{name}={}", String::from_utf8(value).unwrap()),
            None => format!("-{name}"),
        }
    };
    writes
        .unwrap_or_default()
        .values
        .into_iter()
        .map(show)
        .collect()
}

#[test]
fn a_new_port_comes_with_its_memberships() {
    let wanted = record("10.0.0.1", &["x", "y"]);
    let (result, writes) = change(&place(), Some(&wanted), &Found::default());
    assert_eq!(result, ApplyResult::Created);
    let guards: Vec<i64> = writes.iter().flat_map(|w| &w.guards).map(|g| g.1).collect();
    assert_eq!(guards, [0, 0, 0]);
    assert_eq!(
        shown(writes),
        [
            "a/web",
            r#"x:web=["10.0.0.1","10.9.0.0/16"]"#,
            r#"y:web=["10.0.0.1","10.9.0.0/16"]"#
        ]
    );
}

#[test]
fn a_group_that_is_left_loses_the_member_and_a_deleted_port_leaves_all() {
    let found = Found {
        record: Some(present(5, &record("10.0.0.1", &["x", "y"]).to_bytes())),
        memberships: ["x", "y"]
            .map(|group| (group.parse().unwrap(), present(5, b"[]")))
            .into(),
        ..Found::default()
    };
    let (result, writes) = change(&place(), Some(&record("10.0.0.2", &["y"])), &found);
    assert_eq!(result, ApplyResult::Updated);
    assert_eq!(
        shown(writes),
        ["a/web", "-x:web", r#"y:web=["10.0.0.2","10.9.0.0/16"]"#]
    );
    let (result, writes) = change(&place(), None, &found);
    assert_eq!(result, ApplyResult::Deleted);
    assert_eq!(shown(writes), ["-a/web", "-x:web", "-y:web"]);
}

#[test]
fn what_another_host_has_of_the_port_stays() {
    let there = record("10.0.0.2", &["x"]);
    let found = Found {
        record: Some(present(5, &record("10.0.0.1", &["x", "y"]).to_bytes())),
        elsewhere: BTreeMap::from([("b".parse().unwrap(), present(7, &there.to_bytes()))]),
        memberships: ["x", "y"]
            .map(|group| (group.parse().unwrap(), present(7, b"[]")))
            .into(),
    };
    let (_, writes) = change(&place(), None, &found);
    let guards: Vec<i64> = writes.iter().flat_map(|w| &w.guards).map(|g| g.1).collect();
    assert_eq!(guards, [5, 7, 7, 7], "the other record as well");
    assert_eq!(
        shown(writes),
        ["-a/web", r#"x:web=["10.0.0.2","10.9.0.0/16"]"#, "-y:web"]
    );
    let both = record("10.0.0.1", &["x"]);
    let (_, writes) = change(&place(), Some(&both), &found);
    assert_eq!(
        shown(writes),
        [
            "a/web",
            r#"x:web=["10.0.0.1","10.0.0.2","10.9.0.0/16"]"#,
            "-y:web"
        ]
    );
}

#[test]
fn of_a_record_that_is_as_wanted_only_what_is_missing_is_written() {
    let wanted = record("10.0.0.1", &["x", "y"]);
    let mut found = Found {
        record: Some(present(5, &wanted.to_bytes())),
        memberships: BTreeMap::from([(
            "x".parse().unwrap(),
            present(5, br#"["10.9.0.0/16", "10.0.0.1/32"]"#),
        )]),
        ..Found::default()
    };
    let (result, writes) = change(&place(), Some(&wanted), &found);
    assert_eq!(result, ApplyResult::Unchanged);
    assert_eq!(shown(writes), [r#"y:web=["10.0.0.1","10.9.0.0/16"]"#]);
    let x = found.memberships.values().next().unwrap().clone();
    found.memberships.insert("y".parse().unwrap(), x);
    assert_eq!(
        change(&place(), Some(&wanted), &found),
        (ApplyResult::Unchanged, None)
    );
}

#[test]
fn groups_of_a_record_that_is_of_no_use_are_left_all_the_same() {
    let broken = br#"{"security_groups": ["x", 7, "no group"], "mac_address": 1}"#;
    let found = Found {
        record: Some(present(5, broken)),
        memberships: BTreeMap::from([("x".parse().unwrap(), present(5, b"[]"))]),
        ..Found::default()
    };
    let (_, writes) = change(&place(), None, &found);
    assert_eq!(shown(writes), ["-a/web", "-x:web"]);
}
