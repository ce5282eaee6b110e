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
    let host = "host1".parse().unwrap();
    take_read(reconciler, &Keyspace::default(), &host, &needed, &kvs);
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

#[test]
fn networks_of_the_hosts_ports_are_followed_and_no_others() {
    let network = HostNetwork {
        physnets: [(
            "p".parse().unwrap(),
            weft_plan::UplinkDevice::Existing("e".parse().unwrap()),
        )]
        .into(),
        underlay: Some(weft_plan::Underlay {
            physnet: "p".parse().unwrap(),
            address: Some(weft_plan::UnderlayAddress {
                address: "192.0.2.1".parse().unwrap(),
                prefix_len: 24,
            }),
            gateway: None,
            mtu: weft_model::Mtu::DEFAULT,
        }),
        ..HostNetwork::default()
    };
    let mut reconciler = Reconciler::new(network, Backoff::default());
    let mut following = Following::default();
    let record = json!({"mac_address": "fa:16:3e:00:00:01", "network_type": "gpe",
        "segmentation_id": 7, "binding_type": "tap"});
    let record = PortRecord {
        create_revision: 1,
        mod_revision: 1,
        binding: decode_port(record.to_string().as_bytes()),
    };
    reconciler.set_port(&"a".parse().unwrap(), Some(record));
    assert_eq!(
        follow(&mut following, &reconciler),
        [["networks/gpe/7", "networks/gpe/7/*"]]
    );
    let store = [
        kv("networks/gpe/7/host1/fa:16:3e:00:00:01", json!("192.0.2.1")),
        kv("networks/gpe/7/host2/fa:16:3e:00:00:02", json!("192.0.2.2")),
    ];
    let record = Part::Key("/networking-vpp/global/networks/gpe/7".to_owned());
    let needed = following.read(std::slice::from_ref(&record));
    let (keys, host) = (Keyspace::default(), "host1".parse().unwrap());
    take_read(&mut reconciler, &keys, &host, &needed, &[]);
    assert_eq!(follow(&mut following, &reconciler), [[""; 0]; 0]);
    assert!(following.is_waiting(), "the other half was not read yet");
    let prefix = Part::Prefix("/networking-vpp/global/networks/gpe/7/".to_owned());
    let needed = following.read(&[prefix]);
    let said = take_read(&mut reconciler, &keys, &host, &needed, &store);
    assert!(!following.is_waiting());
    let own: Vec<String> = said[&"gpe.7".parse().unwrap()]
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        own,
        ["fa:16:3e:00:00:01"],
        "our own word is no other host's"
    );
    let tunnels = reconciler
        .compiler()
        .keys()
        .filter(|key| matches!(key, weft_plan::ObjectKey::StaticMac(..)));
    assert_eq!(tunnels.count(), 1);

    reconciler.set_port(&"a".parse().unwrap(), None);
    let none: Vec<Vec<String>> = vec![Vec::new()];
    assert_eq!(follow(&mut following, &reconciler), none);
}
