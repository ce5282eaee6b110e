//! Files as people write them, right and wrong.

use serde_json::json;

use super::*;

fn read(text: &str) -> Result<Vec<WantedPort>, String> {
    let mut files = NetFiles::default();
    files.add("net.yaml", text);
    files.finish().map(|wanted| wanted.ports).map_err(|faults| {
        faults
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })
}

#[test]
fn the_examples_of_the_documentation_are_legal() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");
    let mut read_any = false;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            let ports = read(&std::fs::read_to_string(&path).unwrap());
            assert!(!ports.unwrap().is_empty(), "{}", path.display());
            read_any = true;
        }
    }
    assert!(read_any);
}

#[test]
fn a_port_takes_over_its_network() {
    let ports = read(
        "networks:\n- {name: blue, network_type: vlan, physnet: p, segmentation_id: 100, mtu: 9000}\n\
         ports:\n- {id: 17, host: h, network: blue, mac_address: 'FA:16:3E:00:00:01', fixed_ips: [10.0.0.1, {ip_address: 'fd00::1', subnet_id: s}]}\n",
    )
    .unwrap();
    let [port] = ports.as_slice() else {
        panic!("{ports:?}")
    };
    assert_eq!((port.host.as_str(), port.id.as_str()), ("h", "17"));
    assert_eq!(
        port.record,
        json!({
            "mac_address": "fa:16:3e:00:00:01", "mtu": 9000, "physnet": "p", "network_type": "vlan",
            "segmentation_id": 100, "binding_type": "tap", "allowed_address_pairs": [],
            "fixed_ips": [{"ip_address": "10.0.0.1", "subnet_id": null},
                          {"ip_address": "fd00::1", "subnet_id": "s"}],
            "security_groups": [], "port_security_enabled": true, "device_id": null,
        })
    );
}

#[test]
fn a_port_may_say_itself_what_its_network_is() {
    let ports = read("ports: [{id: a, host: h, network_type: flat, physnet: p}]").unwrap();
    assert_eq!(ports[0].record["network_type"], "flat");
    assert!(
        ports[0].record["mac_address"]
            .as_str()
            .unwrap()
            .starts_with("fa:16:3e:")
    );
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_line() {
    let faults = read(
        "networks:
  - name: blue
    network_type: vlan
    physnet: p
  - name: green
    network_type: flat
    physnet: p
  - name: green
    network_type: flat
    physnet: q
ports:
  - id: a
    host: h
    network: blue
  - id: b
    network: red
  - id: no/id
    host: h
    network: green
  - id: c
    host: h
    network: green
    mtu: 9000
  - id: d
    host: h
    network: green
    mac: 1
    fixed_ips: [10.0.0.1, ten]
  - id: e
    host: h
    network: green
    mac_address: fa:16:3e:00:00:01
  - id: f
    host: h2
    network: green
    mac_address: fa:16:3e:00:00:01
  - id: e
    host: h
    network: green
  - just a text
",
    )
    .unwrap_err();
    assert_eq!(
        faults,
        "\
net.yaml:2: networks[0].segmentation_id: is missing
net.yaml:8: networks[2].name: there is a network `green` already
net.yaml:15: ports[1].host: is missing
net.yaml:16: ports[1].network: there is no network `red`; there are: blue, green
net.yaml:17: ports[2].id: `no/id` is no port id: a UUID, or 1 to 36 letters, digits, `.`, `-` and `_` that begin with a letter or digit, are wanted
net.yaml:23: ports[3].mtu: contradicts `network: green`, which says it already; keep one of both
net.yaml:27: ports[4].mac: is not known; known are: id, host, network, mac_address, fixed_ips, network_type, physnet, segmentation_id, mtu, allowed_address_pairs, security_groups, port_security_enabled, device_id, binding_type
net.yaml:28: ports[4].fixed_ips[1].ip_address: invalid IP address syntax
net.yaml:37: ports[7].id: port `e` on host `h` stands already in net.yaml (line 32)
net.yaml:40: ports[8]: fields are wanted, as in `name: value`
net.yaml:36: ports[6].mac_address: port `e` has fa:16:3e:00:00:01 on the same network, p.flat"
    );
}

#[test]
fn what_is_no_yaml_is_told_with_its_line() {
    let fault = read("ports:\n  - id: a\n   host: h\n").unwrap_err();
    assert!(
        fault.starts_with("net.yaml:3: this is no YAML: "),
        "{fault}"
    );
    assert!(!fault.contains("at line"), "{fault}");
    assert_eq!(
        read("- a").unwrap_err(),
        "net.yaml:1: `networks:`, `ports:` and the like are wanted at the top"
    );
    assert_eq!(
        read("port: []\nports: {id: a}").unwrap_err(),
        "net.yaml: `port` is not known; known are: networks, address_groups, security_groups, ports\n\
         net.yaml: `ports` must be a list: its entries begin with `- `"
    );
}

#[test]
fn a_field_that_stands_twice_or_has_lost_its_text_is_told() {
    let fault = read("ports:\n- id: a\n  host: h\n  host: i\n").unwrap_err();
    assert!(
        fault.contains("duplicate entry with key \"host\""),
        "{fault}"
    );
    let fault =
        read("ports:\n- id: a\n  host: 1.10\n  network_type: flat\n  physnet: p\n").unwrap_err();
    assert_eq!(
        fault,
        "net.yaml:3: ports[0].host: a text is wanted; put it in quotes"
    );
}

#[test]
fn fields_may_be_merged_from_an_anchor() {
    let ports = read(
        "ports:\n- &first {id: a, host: h, network_type: flat, physnet: p}\n- {<<: *first, id: b}\n",
    )
    .unwrap();
    assert_eq!((ports[1].id.as_str(), ports[1].host.as_str()), ("b", "h"));
}

#[test]
fn a_faulty_network_is_not_told_again_for_each_of_its_ports() {
    let faults = read(
        "networks: [{name: n, network_type: gre, physnet: p}]\n\
         ports: [{id: a, host: h, network: n}, {id: b, host: h, network: n}]",
    )
    .unwrap_err();
    assert_eq!(faults.lines().count(), 1, "{faults}");
}

#[test]
fn networks_of_earlier_files_are_known() {
    let mut files = NetFiles::default();
    files.add(
        "1.yaml",
        "networks: [{name: n, network_type: flat, physnet: p}]",
    );
    files.add("2.yaml", "ports: [{id: a, host: h, network: n}]");
    assert_eq!(files.finish().unwrap().ports.len(), 1);
}

#[test]
fn a_port_that_migrates_is_on_two_hosts() {
    let text = "ports: [{id: a, host: h, network_type: flat, physnet: p}, \
                        {id: a, host: i, network_type: flat, physnet: p}]";
    assert_eq!(read(text).unwrap().len(), 2);
}

#[test]
fn an_overlay_network_has_a_record_if_the_file_says_how_it_floods() {
    let whole = |text: &str| {
        let mut files = NetFiles::default();
        files.add("net.yaml", text);
        files.finish()
    };
    let files = whole(
        "networks:\n- {name: red, network_type: gpe, segmentation_id: 7}\n\
         - {name: calm, network_type: vxlan, segmentation_id: 8, flood: false}\n\
         ports: [{id: a, host: h, network: red}]",
    );
    let wanted = files.unwrap();
    assert_eq!(wanted.networks.len(), 1);
    let calm = &wanted.networks[0];
    assert_eq!(calm.id, "vxlan.8");
    let record = serde_json::json!({"flood": false, "unknown_unicast_flood": true});
    assert_eq!(calm.record, record);
    assert_eq!(wanted.ports[0].record["network_type"], "gpe");
    assert_eq!(wanted.ports[0].record["physnet"], Value::Null);

    let faults = whole(
        "networks:\n- {name: blue, network_type: flat, physnet: p, flood: false}\n\
         - {name: red, network_type: gpe, segmentation_id: 7, flood: never}\n\
         - {name: pink, network_type: gpe, segmentation_id: 7, physnet: p}\n",
    );
    let faults: Vec<String> = faults
        .unwrap_err()
        .iter()
        .map(ToString::to_string)
        .collect();
    for (fault, part) in faults.iter().zip([
        "networks[0].flood: is for networks of type gpe and vxlan; this one is p.flat",
        "networks[1].flood: true or false is wanted",
        "networks[2].physnet: `p` contradicts",
    ]) {
        assert!(fault.contains(part), "{fault}");
    }
    assert_eq!(faults.len(), 3);
}
