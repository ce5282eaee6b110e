use serde_json::{Value, json};

use crate::ip_prefix::IpVersion;
use crate::record::{
    IcmpMessages, InvalidRecord, Remote, SecurityGroup, SecurityRule, Traffic,
    decode_security_group,
};

/// As networking-vpp documents it.
const SAMPLE: &str = r#"{"ingress_rules": [
   {"is_ipv6": 0, "remote_ip_addr": "0.0.0.0", "ip_prefix_len": 0, "protocol": 0, "port_min": 0, "port_max": 0},
   {"is_ipv6": 1, "remote_ip_addr": "0:0:0:0:0:0:0:0", "ip_prefix_len": 0, "protocol": 0, "port_min": 0, "port_max": 0}],
 "egress_rules": [
   {"is_ipv6": 1, "remote_ip_addr": "0:0:0:0:0:0:0:0", "ip_prefix_len": 0, "protocol": 0, "port_min": 0, "port_max": 0},
   {"is_ipv6": 0, "remote_ip_addr": "0.0.0.0", "ip_prefix_len": 0, "protocol": 0, "port_min": 0, "port_max": 0}]}"#;

fn rule(rule: Value) -> Result<SecurityRule, InvalidRecord> {
    let group = SecurityGroup::from_json(&json!({ "ingress_rules": [rule] }))?;
    Ok(group.ingress_rules[0].clone())
}

#[test]
fn the_documented_sample_is_read() {
    let group = decode_security_group(SAMPLE.as_bytes()).unwrap();
    assert!(group.stateful, "the default");
    let texts =
        |rules: &[SecurityRule]| -> Vec<String> { rules.iter().map(ToString::to_string).collect() };
    assert_eq!(
        texts(&group.ingress_rules),
        ["any IPv4 with 0.0.0.0/0", "any IPv6 with ::/0"]
    );
    assert_eq!(
        texts(&group.egress_rules),
        ["any IPv6 with ::/0", "any IPv4 with 0.0.0.0/0"]
    );
}

#[test]
fn rules_mean_what_neutron_means() {
    let cases = [
        (json!({"is_ipv6": false}), "any IPv4 with 0.0.0.0/0"),
        (
            json!({"is_ipv6": 0, "remote_ip_addr": "1.2.3.4", "ip_prefix_len": 0}),
            "any IPv4 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 1, "remote_ip_addr": "fd00::1", "ip_prefix_len": 64, "protocol": "tcp"}),
            "tcp with fd00::/64",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 6, "port_min": 22, "port_max": 22}),
            "tcp port 22 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": "sctp", "port_min": 0, "port_max": 65535}),
            "sctp with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 17, "port_min": 0, "port_max": 0}),
            "udp port 0 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 136, "port_min": -1, "port_max": null}),
            "udplite with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 1, "port_min": -1, "port_max": -1}),
            "icmp with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 1, "port_min": 0, "port_max": 0}),
            "icmp type 0 code 0 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 1, "port_min": 8, "port_max": null}),
            "icmp type 8 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 1, "protocol": "icmp", "port_min": 128, "port_max": 0}),
            "ipv6-icmp type 128 code 0 with ::/0",
        ),
        (
            json!({"is_ipv6": 1, "protocol": "ipv6-icmp"}),
            "ipv6-icmp with ::/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": "ipip"}),
            "ipip with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": "112"}),
            "vrrp with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 253}),
            "protocol 253 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 0, "protocol": "any"}),
            "any IPv4 with 0.0.0.0/0",
        ),
        (
            json!({"is_ipv6": 1, "remote_ip_addr": null, "ip_prefix_len": 0, "remote_group_id": "web"}),
            "any IPv6 with IPv6 of group web",
        ),
        (
            json!({"is_ipv6": 0, "remote_address_group_id": "offices", "protocol": 6}),
            "tcp with IPv4 of address group offices",
        ),
    ];
    for (record, text) in cases {
        let read = rule(record.clone()).unwrap();
        assert_eq!(read.to_string(), text, "{record}");
        let group = SecurityGroup {
            ingress_rules: vec![read],
            egress_rules: Vec::new(),
            stateful: false,
        };
        let again = SecurityGroup::from_json(&group.to_json()).unwrap();
        assert_eq!(again, group, "{record}");
    }
}

#[test]
fn type_0_code_0_is_not_all_of_icmp() {
    let read = rule(json!({"is_ipv6": 0, "protocol": 1, "port_min": 0, "port_max": 0})).unwrap();
    assert_eq!(read.traffic, Traffic::Icmp(IcmpMessages::TypeCode(0, 0)));
}

#[test]
fn a_remote_group_is_of_the_rules_version() {
    let read = rule(json!({"is_ipv6": 1, "remote_group_id": "web"})).unwrap();
    assert_eq!(
        read.remote,
        Remote::Group("web".parse().unwrap(), IpVersion::V6)
    );
}

#[test]
fn a_wrong_value_names_its_field_and_the_reason() {
    let cases = [
        (json!({}), "`ingress_rules[0].is_ipv6`: is missing"),
        (
            json!({"is_ipv6": 2}),
            "`ingress_rules[0].is_ipv6`: 0, 1, true or false is wanted",
        ),
        (
            json!({"is_ipv6": 0, "remote_ip_addr": "::", "ip_prefix_len": 0}),
            "`ingress_rules[0].remote_ip_addr`: :: contradicts `is_ipv6`: an IPv4 address is wanted",
        ),
        (
            json!({"is_ipv6": 0, "remote_ip_addr": "10.0.0.0"}),
            "`ingress_rules[0].ip_prefix_len`: is missing",
        ),
        (
            json!({"is_ipv6": 0, "remote_ip_addr": "10.0.0.0", "ip_prefix_len": 33}),
            "`ingress_rules[0].ip_prefix_len`: 33 is more than the 32 bits of an IPv4 address",
        ),
        (
            json!({"is_ipv6": 0, "remote_ip_addr": "10.0.0.0", "ip_prefix_len": 8, "remote_group_id": "g"}),
            "`ingress_rules[0].remote_ip_addr`: contradicts the rule's remote group: a rule has one of them",
        ),
        (
            json!({"is_ipv6": 0, "remote_address_group_id": "a", "remote_group_id": "g"}),
            "`ingress_rules[0].remote_address_group_id`: contradicts `remote_group_id`: a rule has one of them",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 256}),
            "`ingress_rules[0].protocol`: a number from 0 to 255 or a name is wanted",
        ),
        (
            json!({"is_ipv6": 0, "protocol": "quic"}),
            "`ingress_rules[0].protocol`: `quic` is no protocol: a name as `tcp`, or a number from 0 to 255, is wanted",
        ),
        (
            json!({"is_ipv6": 1, "protocol": "hopopt"}),
            "`ingress_rules[0].protocol`: `hopopt` cannot be told from any protocol, whose number is 0, too",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 6, "port_min": 80, "port_max": 22}),
            "`ingress_rules[0].port_max`: 80 to 22 is no range of ports: the second is less than the first",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 6, "port_min": 80}),
            "`ingress_rules[0].port_max`: is missing",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 6, "port_min": 80, "port_max": 65536}),
            "`ingress_rules[0].port_max`: 65536 is not in 0 to 65535",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 1, "port_min": 256}),
            "`ingress_rules[0].port_min`: 256 is not in 0 to 255",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 1, "port_min": -1, "port_max": 4}),
            "`ingress_rules[0].port_min`: is missing: a code of ICMP (`port_max`) needs its type",
        ),
        (
            json!({"is_ipv6": 0, "protocol": 47, "port_min": 1, "port_max": 2}),
            "`ingress_rules[0].port_min`: the rule's protocol has no ports",
        ),
    ];
    for (record, message) in cases {
        assert_eq!(
            rule(record.clone()).unwrap_err().to_string(),
            format!("field {message}"),
            "{record}"
        );
    }
    assert_eq!(
        SecurityGroup::from_json(&json!({"stateful": "no"}))
            .unwrap_err()
            .to_string(),
        "field `stateful`: true or false is wanted, not a text"
    );
}
