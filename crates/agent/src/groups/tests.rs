use serde_json::json;
use weft_model::decode_port;
use weft_plan::{Backoff, HostNetwork, PortRecord};

use super::*;

fn reconciler() -> Reconciler {
    Reconciler::new(HostNetwork::default(), Backoff::default())
}

/// The store says that a port has these groups, or that it is gone.
fn port(reconciler: &mut Reconciler, id: &str, groups: Option<&[&str]>) {
    let record = groups.map(|groups| {
        let record = json!({
            "mac_address": format!("fa:16:3e:00:00:{:02x}", id.len()), "physnet": "p",
            "network_type": "flat", "binding_type": "vhostuser", "security_groups": groups,
        });
        PortRecord {
            create_revision: 1,
            mod_revision: 1,
            binding: decode_port(record.to_string().as_bytes()),
        }
    });
    reconciler.set_port(&id.parse().unwrap(), record);
}

fn kv(key: &str, value: serde_json::Value) -> KeyValue {
    KeyValue {
        key: format!("/networking-vpp/global/{key}"),
        value: value.to_string().into(),
        create_revision: 1,
        mod_revision: 7,
        version: 1,
        lease: 0,
    }
}

/// The interests to set, as what stands behind the lead-in.
fn follow(following: &mut Following, reconciler: &Reconciler) -> Vec<Vec<String>> {
    let name = |part: &Part| part.to_string().replace("/networking-vpp/global/", "");
    let interests = following.follow(&Keyspace::default(), reconciler);
    let names = |parts: &Vec<Part>| parts.iter().map(name).collect();
    interests.iter().map(names).collect()
}

/// The store has read what is awaited: these are all records there are.
fn read(following: &mut Following, reconciler: &mut Reconciler, kvs: &[KeyValue]) {
    let parts: Vec<Part> = following.awaited.iter().cloned().collect();
    let kvs: Vec<KeyValue> = kvs
        .iter()
        .filter(|kv| parts.iter().any(|part| part.contains(&kv.key)))
        .cloned()
        .collect();
    let needed = following.read(&parts);
    take_read(reconciler, &Keyspace::default(), &needed, &kvs);
}

#[test]
fn what_rules_name_is_followed_once_the_rules_were_read() {
    let mut reconciler = reconciler();
    let mut following = Following::default();
    assert_eq!(follow(&mut following, &reconciler), [[""; 0]; 0]);
    let network = HostNetwork {
        physnets: [(
            "p".parse().unwrap(),
            weft_plan::UplinkDevice::Existing("e".parse().unwrap()),
        )]
        .into(),
        ..HostNetwork::default()
    };
    reconciler = Reconciler::new(network, Backoff::default());
    port(&mut reconciler, "a", Some(&["g", "h"]));
    assert_eq!(
        follow(&mut following, &reconciler),
        [["secgroups/g", "secgroups/h"]]
    );
    assert!(following.is_waiting());
    let rules = json!({"ingress_rules": [
        {"is_ipv6": 0, "remote_group_id": "r"}, {"is_ipv6": 0, "remote_address_group_id": "a"}]});
    let store = [
        kv("secgroups/g", rules),
        kv("remote_group/r/x", json!(["10.0.0.1"])),
        kv("address_groups/a", json!({"addresses": []})),
    ];
    read(&mut following, &mut reconciler, &store);
    assert_eq!(
        follow(&mut following, &reconciler),
        [[
            "address_groups/a",
            "secgroups/g",
            "secgroups/h",
            "remote_group/r/*"
        ]]
    );
    read(&mut following, &mut reconciler, &store);
    assert_eq!(follow(&mut following, &reconciler), [[""; 0]; 0]);
    assert!(
        !following.is_waiting(),
        "also what is not in the store was read"
    );
    assert_eq!(
        reconciler.security_group_revision(&"g".parse().unwrap()),
        Some(7)
    );

    // All that was needed for it goes with the port.
    port(&mut reconciler, "a", None);
    let none: Vec<Vec<String>> = vec![Vec::new()];
    assert_eq!(follow(&mut following, &reconciler), none);

    // One port goes and another comes between two looks: what was known of the group is forgotten.
    port(&mut reconciler, "a", Some(&["g"]));
    follow(&mut following, &reconciler);
    read(&mut following, &mut reconciler, &store);
    follow(&mut following, &reconciler);
    read(&mut following, &mut reconciler, &store);
    follow(&mut following, &reconciler);
    assert!(!following.is_waiting());
    port(&mut reconciler, "a", None);
    port(&mut reconciler, "bb", Some(&["g"]));
    let interests = follow(&mut following, &reconciler);
    assert_eq!(interests, [vec![], vec!["secgroups/g".to_owned()]]);
    assert!(following.is_waiting());
}
